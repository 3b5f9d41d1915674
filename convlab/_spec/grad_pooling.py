"""Gradients of pools and of max unpooling."""

import math
from dataclasses import dataclass, replace
from typing import Any

from convlab import _errors

from .arguments import FLOAT32
from .grad_convolving import shape_of
from .pooling import AXES, Grid, Pool, adaptive_pool, grid, pool


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


def max_pool(
    shape: tuple[int, ...],
    indices_shape: tuple[int, ...],
    n: int,
    input_size: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: Any,
    layout: Any,
    channel_axis: Any,
) -> Scatter:
    """Check the arguments of a maximum pool's gradient; without a window any sizes fit."""
    image = _sized("input_size", input_size, shape, n, channel_axis, layout)
    output = image.resized(grid(shape, n, channel_axis, layout, "grad_output").sizes)
    check_shape("indices", indices_shape, shape, "grad_output's shape,")
    if kernel_size is not None:
        whole = pool(
            image.shape, FLOAT32, "max", n, kernel_size, stride, padding, dilation, ceil_mode, True, None, layout,
            channel_axis, name="input_size",
        )  # fmt: skip
        check_shape("grad_output", shape, whole.output.shape, "the pool's output,")
    return Scatter(f"max_pool{n}d", image, output)


def max_unpool(
    shape: tuple[int, ...], indices_shape: tuple[int, ...], n: int, layout: Any, channel_axis: Any
) -> Scatter:
    """Check the arguments of an unpool's gradient."""
    image = grid(shape, n, channel_axis, layout, "grad_output")
    output = grid(indices_shape, n, channel_axis, layout, "indices")
    if len(indices_shape) != len(shape) or output.resized(image.sizes).shape != shape:
        raise _errors.wrong_shape("indices", indices_shape, f"the batch and channels of grad_output's {shape}")
    return Scatter(f"max_unpool{n}d", image, output)


def avg_pool(
    shape: tuple[int, ...], n: int, input_size: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: Any, count_include_pad: Any, divisor_override: Any, layout: Any, channel_axis: Any,
) -> Pool:  # fmt: skip
    """Check the arguments of an average pool's gradient: those of the pool."""
    image = _sized("input_size", input_size, shape, n, channel_axis, layout)
    whole = pool(
        image.shape, FLOAT32, "avg", n, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad,
        divisor_override, layout, channel_axis, name="input_size",
    )  # fmt: skip
    check_shape("grad_output", shape, whole.output.shape, "the pool's output,")
    return whole


def lp_pool(
    shape: tuple[int, ...], x_shape: tuple[int, ...], output_shape: tuple[int, ...], n: int, norm_type: Any,
    kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, layout: Any, channel_axis: Any,
) -> Pool:  # fmt: skip
    """Check the arguments of an Lp pool's gradient."""
    whole = pool(
        x_shape, FLOAT32, "lp", n, kernel_size, stride, padding, dilation, ceil_mode, True, None, layout, channel_axis,
        norm_type, name="input",
    )  # fmt: skip
    check_shape("grad_output", shape, whole.output.shape, "the pool's output,")
    check_shape("output", output_shape, whole.output.shape, "the pool's output,")
    return whole


def adaptive_avg_pool(shape: tuple[int, ...], n: int, input_size: Any, layout: Any, channel_axis: Any) -> Pool:
    """Check the arguments of an adaptive average pool's gradient."""
    image = _sized("input_size", input_size, shape, n, channel_axis, layout)
    sizes = grid(shape, n, channel_axis, layout, "grad_output").sizes
    return adaptive_pool(image.shape, FLOAT32, "avg", n, sizes, layout, channel_axis, name="input_size")


def pooled_axes(shape: tuple[int, ...], channel_axis: Any, name: str = "grad_output") -> int:
    """How many axes a global pool reduces."""
    n = len(shape) - (2 if channel_axis is None else 1)
    if n not in AXES:
        expected = "(N, C, ...) with one to three axes to pool" if channel_axis is None else "two to four axes"
        raise _errors.wrong_shape(name, shape, expected)
    return n


def global_avg_pool(shape: tuple[int, ...], input_size: Any, layout: Any, channel_axis: Any) -> Pool:
    """Check the arguments of a global average pool's gradient."""
    n = pooled_axes(shape, channel_axis)
    sizes = _sized("input_size", input_size, shape, n, channel_axis, layout).sizes
    return avg_pool(shape, n, input_size, sizes, None, 0, 1, False, True, None, layout, channel_axis)


def global_lp_pool(
    shape: tuple[int, ...], x_shape: tuple[int, ...], output_shape: tuple[int, ...], norm_type: Any, layout: Any,
    channel_axis: Any,
) -> Pool:  # fmt: skip
    """Check the arguments of a global Lp pool's gradient."""
    n = pooled_axes(x_shape, channel_axis, "input")
    sizes = grid(x_shape, n, channel_axis, layout, "input").sizes
    return lp_pool(shape, x_shape, output_shape, n, norm_type, sizes, None, 0, 1, False, layout, channel_axis)


def global_max_pool(shape: tuple[int, ...], x_shape: tuple[int, ...], layout: Any, channel_axis: Any) -> Pool:
    """Check the arguments of a global maximum pool's gradient: the pool, with its indices."""
    n = pooled_axes(x_shape, channel_axis, "input")
    sizes = grid(x_shape, n, channel_axis, layout, "input").sizes
    whole = pool(
        x_shape, FLOAT32, "max", n, sizes, None, 0, 1, False, True, None, layout, channel_axis, None, True, "input"
    )
    check_shape("grad_output", shape, whole.output.shape, "the pool's output,")
    return whole


def largest(spec: Pool) -> Pool:
    """The maximum pool with indices of an Lp pool of the norm infinity, for absolute values."""
    return replace(spec, operation="max", norm=0.0, divisor=0, indices=True)
