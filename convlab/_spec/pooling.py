"""Pools over images and tensors."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab import _errors

from .arguments import FLOAT32, pair
from .layout import Layout, check_not_empty, check_size, image_layout


@dataclass(frozen=True, slots=True)
class Pool2d:
    """A pool over height and width. Dilation, ceil_mode and indices have their place here when they come."""

    operation: str  # "max", "min" or "avg"
    image: Layout
    output: Layout
    dtype: np.dtype[Any]
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @property
    def flops(self) -> int:
        return math.prod(self.window) * math.prod(self.output.shape)

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * (math.prod(self.image.shape) + math.prod(self.output.shape))


def pool2d(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    operation: str,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    channel_axis: Any,
) -> Pool2d:
    """Check the arguments of a pool and work out its sizes."""
    if channel_axis is not None:
        image = image_layout("x", shape, channel_axis)
    elif 2 <= len(shape) <= 4:
        image = Layout(shape, len(shape) - 2, len(shape) - 1, inner_channels=False)
    else:
        raise _errors.wrong_shape("x", shape, "(H, W), (C, H, W) or (N, C, H, W)")
    check_not_empty("x", image)
    window = pair("kernel_size", kernel_size, 1)
    default = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    strides = window if default else pair("stride", stride, 1)
    pads = pair("padding", padding, 0)
    if pads[0] >= window[0] or pads[1] >= window[1]:
        raise _errors.wrong_value("padding", padding, f"less than the window {window}, or a window would hold no pixel")
    height, width = (
        (n + 2 * p - k) // s + 1 for n, k, s, p in zip((image.height, image.width), window, strides, pads, strict=True)
    )
    if min(height, width) < 1:
        raise _errors.empty_output("x", (image.height, image.width), window, "choose a smaller kernel_size or padding")
    return Pool2d(
        operation=operation,
        image=image,
        output=check_size("x", image.resized(height, width)),
        dtype=FLOAT32 if operation == "avg" or dtype.newbyteorder("=") == FLOAT32 else dtype.newbyteorder("="),
        window=window,
        stride=strides,
        padding=pads,
    )
