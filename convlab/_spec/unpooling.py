"""Unpools over images and tensors of one to three pooled axes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab import _errors
from convlab.typing import OutputSize, PoolLayout, Sizes

from .arguments import integer
from .pooling import Grid, check_size, grid, numbers, strides_of


@dataclass(frozen=True, slots=True)
class UnpoolOptions:
    """The options of an unpool, unchecked; of the indices their shape and dtype."""

    axes: int
    indices_shape: tuple[int, ...]
    indices_dtype: np.dtype[Any]
    kernel_size: Sizes
    stride: Sizes | None
    padding: Sizes
    output_size: OutputSize
    layout: PoolLayout | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class Unpool:
    """Values put back to where a maximum pool found them."""

    image: Grid
    output: Grid
    dtype: np.dtype[Any]
    flops: int = 0

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * (math.prod(self.image.shape) + math.prod(self.output.shape))


def max_unpool(shape: tuple[int, ...], dtype: np.dtype[Any], options: UnpoolOptions) -> Unpool:
    """Check the arguments of an unpool and work out its size."""
    n, output_size = options.axes, options.output_size
    image = grid(shape, n, options.channel_axis, options.layout)
    if options.indices_shape != shape:
        raise _errors.wrong_shape("indices", options.indices_shape, f"x's shape, {shape}")
    window = numbers("kernel_size", options.kernel_size, n, 1)
    strides = strides_of(options.stride, window)
    padded = numbers("padding", options.padding, n, 0)
    usual = tuple(
        (size - 1) * s - 2 * p + k for size, s, p, k in zip(image.sizes, strides, padded, window, strict=True)
    )
    if output_size is None:
        sizes = usual
        if min(sizes) < 1:
            raise _errors.wrong_value("padding", options.padding, f"less; the result would have {usual}")
    else:
        expected = f"{n} sizes, each less than a stride of {strides} from {usual}; N and C may stand before them"
        if not (
            isinstance(output_size, (tuple, list)) or (isinstance(output_size, np.ndarray) and output_size.ndim)
        ) or len(output_size) not in (n, n + 1, n + 2):
            raise _errors.wrong_value("output_size", output_size, expected)
        sizes = tuple(integer("output_size", size, expected) for size in tuple(output_size)[-n:])
        if any(size < 1 or abs(size - u) >= s for size, u, s in zip(sizes, usual, strides, strict=True)):
            raise _errors.wrong_value("output_size", output_size, expected)
    return Unpool(image, check_size(image.resized(sizes)), dtype.newbyteorder("="))
