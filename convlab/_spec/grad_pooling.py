"""Gradients of pools and of max unpooling."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convlab import _errors
from convlab.typing import PoolLayout, PoolPadding, Shape, Sizes

from .arguments import FLOAT32
from .grad_convolving import shape_of
from .pooling import AXES, AdaptiveOptions, Grid, Pool, PoolOptions, adaptive_pool, grid, pool


@dataclass(frozen=True, slots=True)
class ScatterOptions:
    """The options of a maximum pool's gradient, unchecked; of the indices their shape and dtype."""

    axes: int
    indices_shape: tuple[int, ...]
    indices_dtype: np.dtype[Any]
    input_size: Shape
    kernel_size: Sizes | None
    stride: Sizes | None
    padding: PoolPadding
    dilation: Sizes
    ceil_mode: bool
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class GatherOptions:
    """The options of an unpool's gradient, unchecked; of the indices their shape and dtype."""

    axes: int
    indices_shape: tuple[int, ...]
    indices_dtype: np.dtype[Any]
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class MeanOptions:
    """The options of an average pool's gradient, unchecked."""

    axes: int
    input_size: Shape
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: PoolPadding = 0
    dilation: Sizes = 1
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    layout: PoolLayout | None = None
    channel_axis: int | None = None


@dataclass(frozen=True, slots=True)
class AdaptiveMeanOptions:
    """The options of an adaptive average pool's gradient, unchecked."""

    axes: int
    input_size: Shape
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class GlobalMeanOptions:
    """The options of a global average pool's gradient, unchecked."""

    input_size: Shape
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class GlobalMaximumOptions:
    """The options of a global maximum's gradient, unchecked; of the output's gradient its shape and dtype."""

    grad_shape: tuple[int, ...]
    grad_dtype: np.dtype[Any]
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class NormOptions:
    """The options of an Lp pool's gradient, unchecked; of output and its gradient their shapes and dtypes."""

    axes: int
    grad_shape: tuple[int, ...]
    grad_dtype: np.dtype[Any]
    output_shape: tuple[int, ...]
    output_dtype: np.dtype[Any]
    norm_type: float
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: PoolPadding = 0
    dilation: Sizes = 1
    ceil_mode: bool = False
    layout: PoolLayout | None = None
    channel_axis: int | None = None


@dataclass(frozen=True, slots=True)
class GlobalNormOptions:
    """The options of a global Lp pool's gradient, unchecked; of output and its gradient their shapes and dtypes."""

    grad_shape: tuple[int, ...]
    grad_dtype: np.dtype[Any]
    output_shape: tuple[int, ...]
    output_dtype: np.dtype[Any]
    norm_type: float
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class Scatter:
    """A gradient that goes where indices say, or comes from there: that of a maximum pool, or of an unpool."""

    name: str
    image: Grid  # of the larger array
    output: Grid  # of the indices

    @property
    def flops(self) -> int:
        return math.prod(self.output.shape)

    @property
    def bytes(self) -> int:
        return 12 * math.prod(self.output.shape) + 4 * math.prod(self.image.shape)


def _sized(name: str, value: Any, like: tuple[int, ...], n: int, channel_axis: Any, layout: Any) -> Grid:
    """The array that a size says, given with or without N and C, beside a gradient of this shape."""
    own = grid(like, n, channel_axis, layout, "grad_output")
    size = shape_of(name, value)
    result = own.resized(size) if len(size) == n else Grid(size, own.axes, own.inner_channels)
    if len(size) not in (n, len(like)) or result.resized(own.sizes).shape != like or 0 in result.sizes:
        expected = f"{n} sizes of at least 1, or a shape that differs from grad_output's {like} in these alone"
        raise _errors.wrong_value(name, value, expected)
    return result


def check_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...], whose: str) -> None:
    if shape != wanted:
        raise _errors.wrong_shape(name, shape, f"{whose} {wanted}")


def max_pool(shape: tuple[int, ...], options: ScatterOptions) -> Scatter:
    """Check the arguments of a maximum pool's gradient; without a window any sizes fit."""
    n, layout, channel_axis = options.axes, options.layout, options.channel_axis
    image = _sized("input_size", options.input_size, shape, n, channel_axis, layout)
    output = image.resized(grid(shape, n, channel_axis, layout, "grad_output").sizes)
    check_shape("indices", options.indices_shape, shape, "grad_output's shape,")
    if options.kernel_size is not None:
        window = PoolOptions(
            "max", n, options.kernel_size, options.stride, options.padding, options.dilation, options.ceil_mode,
            layout=layout, channel_axis=channel_axis,
        )  # fmt: skip
        whole = pool(image.shape, FLOAT32, window, "input_size")
        check_shape("grad_output", shape, whole.output.shape, "the pool's output,")
    return Scatter(f"max_pool{n}d", image, output)


def max_unpool(shape: tuple[int, ...], options: GatherOptions) -> Scatter:
    """Check the arguments of an unpool's gradient."""
    n, indices_shape = options.axes, options.indices_shape
    image = grid(shape, n, options.channel_axis, options.layout, "grad_output")
    output = grid(indices_shape, n, options.channel_axis, options.layout, "indices")
    if len(indices_shape) != len(shape) or output.resized(image.sizes).shape != shape:
        raise _errors.wrong_shape("indices", indices_shape, f"the batch and channels of grad_output's {shape}")
    return Scatter(f"max_unpool{n}d", image, output)


def avg_pool(shape: tuple[int, ...], options: MeanOptions) -> Pool:
    """Check the arguments of an average pool's gradient: those of the pool."""
    n = options.axes
    image = _sized("input_size", options.input_size, shape, n, options.channel_axis, options.layout)
    window = PoolOptions(
        "avg", n, options.kernel_size, options.stride, options.padding, options.dilation, options.ceil_mode,
        options.count_include_pad, options.divisor_override, options.layout, options.channel_axis,
    )  # fmt: skip
    whole = pool(image.shape, FLOAT32, window, "input_size")
    check_shape("grad_output", shape, whole.output.shape, "the pool's output,")
    return whole


def lp_pool(x_shape: tuple[int, ...], options: NormOptions) -> Pool:
    """Check the arguments of an Lp pool's gradient."""
    window = PoolOptions(
        "lp", options.axes, options.kernel_size, options.stride, options.padding, options.dilation, options.ceil_mode,
        layout=options.layout, channel_axis=options.channel_axis, norm_type=options.norm_type,
    )  # fmt: skip
    whole = pool(x_shape, FLOAT32, window, "input")
    check_shape("grad_output", options.grad_shape, whole.output.shape, "the pool's output,")
    check_shape("output", options.output_shape, whole.output.shape, "the pool's output,")
    return whole


def adaptive_avg_pool(shape: tuple[int, ...], options: AdaptiveMeanOptions) -> Pool:
    """Check the arguments of an adaptive average pool's gradient."""
    n, layout, channel_axis = options.axes, options.layout, options.channel_axis
    image = _sized("input_size", options.input_size, shape, n, channel_axis, layout)
    sizes = grid(shape, n, channel_axis, layout, "grad_output").sizes
    return adaptive_pool(image.shape, FLOAT32, AdaptiveOptions("avg", n, sizes, layout, channel_axis), "input_size")


def pooled_axes(shape: tuple[int, ...], channel_axis: Any, name: str = "grad_output") -> int:
    """How many axes a global pool reduces."""
    n = len(shape) - (2 if channel_axis is None else 1)
    if n not in AXES:
        expected = "(N, C, ...) with one to three axes to pool" if channel_axis is None else "two to four axes"
        raise _errors.wrong_shape(name, shape, expected)
    return n


def global_avg_pool(shape: tuple[int, ...], options: GlobalMeanOptions) -> Pool:
    """Check the arguments of a global average pool's gradient."""
    layout, channel_axis = options.layout, options.channel_axis
    n = pooled_axes(shape, channel_axis)
    sizes = _sized("input_size", options.input_size, shape, n, channel_axis, layout).sizes
    return avg_pool(shape, MeanOptions(n, options.input_size, sizes, layout=layout, channel_axis=channel_axis))


def global_lp_pool(x_shape: tuple[int, ...], options: GlobalNormOptions) -> Pool:
    """Check the arguments of a global Lp pool's gradient."""
    layout, channel_axis = options.layout, options.channel_axis
    n = pooled_axes(x_shape, channel_axis, "input")
    sizes = grid(x_shape, n, channel_axis, layout, "input").sizes
    whole = NormOptions(
        n, options.grad_shape, options.grad_dtype, options.output_shape, options.output_dtype, options.norm_type, sizes,
        layout=layout, channel_axis=channel_axis,
    )  # fmt: skip
    return lp_pool(x_shape, whole)


def global_max_pool(x_shape: tuple[int, ...], options: GlobalMaximumOptions) -> Pool:
    """Check the arguments of a global maximum pool's gradient: the pool, with its indices."""
    layout, channel_axis = options.layout, options.channel_axis
    n = pooled_axes(x_shape, channel_axis, "input")
    sizes = grid(x_shape, n, channel_axis, layout, "input").sizes
    window = PoolOptions("max", n, sizes, layout=layout, channel_axis=channel_axis, return_indices=True)
    whole = pool(x_shape, FLOAT32, window, "input")
    check_shape("grad_output", options.grad_shape, whole.output.shape, "the pool's output,")
    return whole


def largest(spec: Pool) -> Pool:
    """The maximum pool with indices of an Lp pool of the norm infinity, for absolute values."""
    return replace(spec, operation="max", norm=0.0, divisor=0, indices=True)
