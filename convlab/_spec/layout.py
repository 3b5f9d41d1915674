"""Where rows, columns and channels lie in an array."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from convlab import _errors

from .arguments import integer

MAX_ELEMENTS = 2**40


@dataclass(frozen=True, slots=True)
class Layout:
    """Where height, width and channels lie in an array, seen as planes of rows of pixels of `step` elements."""

    shape: tuple[int, ...]
    row_axis: int
    column_axis: int
    inner_channels: bool

    @property
    def height(self) -> int:
        return self.shape[self.row_axis]

    @property
    def width(self) -> int:
        return self.shape[self.column_axis]

    @property
    def step(self) -> int:
        return self.shape[-1] if self.inner_channels else 1

    @property
    def plane_axes(self) -> tuple[int, ...]:
        used = {self.row_axis, self.column_axis} | ({len(self.shape) - 1} if self.inner_channels else set())
        return tuple(axis for axis in range(len(self.shape)) if axis not in used)

    @property
    def planes(self) -> int:
        return math.prod(self.shape[axis] for axis in self.plane_axes)

    def resized(self, height: int, width: int) -> "Layout":
        shape = list(self.shape)
        shape[self.row_axis], shape[self.column_axis] = height, width
        return Layout(tuple(shape), self.row_axis, self.column_axis, self.inner_channels)

    def without_channels(self) -> "Layout":
        """The rows and columns alone, as a mask has them for all channels and planes."""
        return Layout((self.height, self.width), 0, 1, inner_channels=False)

    def pitches(self) -> tuple[int, int]:
        """Elements from plane to plane and from row to row of a C-contiguous array."""
        plane = math.prod(self.shape[self.plane_axes[-1] + 1 :]) if self.plane_axes else 0
        return plane, math.prod(self.shape[self.row_axis + 1 :])

    def pitches_of(self, strides: tuple[int, ...], itemsize: int) -> tuple[int, int] | None:
        """The same of an array with these strides, or None where a kernel cannot walk it as it lies."""
        step = self.step
        if self.inner_channels and step > 1 and strides[-1] != itemsize:
            return None
        if self.width > 1 and strides[self.column_axis] != itemsize * step:
            return None
        axes = self.plane_axes
        # Several plane axes must lie one behind the other, to be walked as one.
        for outer, inner in pairwise(axes):
            if self.shape[outer] > 1 and strides[outer] != strides[inner] * self.shape[inner]:
                return None
        plane, row = (strides[axes[-1]] if axes else 0), strides[self.row_axis]
        return None if plane % itemsize or row % itemsize else (plane // itemsize, row // itemsize)


def image_layout(name: str, shape: tuple[int, ...], channel_axis: Any) -> Layout:
    if channel_axis is None:
        if len(shape) == 3:
            raise _errors.no_channel_axis(name, shape)
        if len(shape) != 2:
            raise _errors.wrong_shape(name, shape, "two axes (height, width), or three with channel_axis")
        return Layout(shape, 0, 1, inner_channels=False)
    axis = integer("channel_axis", channel_axis, "None or the number of an axis")
    if len(shape) != 3:
        raise _errors.wrong_shape(name, shape, "three axes, of which channel_axis is one")
    if not -3 <= axis < 3:
        raise _errors.wrong_value("channel_axis", channel_axis, "a number from -3 to 2")
    axis %= 3
    rows, columns = (other for other in range(3) if other != axis)
    return Layout(shape, rows, columns, inner_channels=axis == 2)


def check_not_empty(name: str, layout: Layout) -> None:
    """Every axis but the batch must have a pixel."""
    sizes = layout.shape[1:] if len(layout.shape) == 4 else layout.shape
    if 0 in sizes:
        raise _errors.wrong_shape(name, layout.shape, "at least one pixel and one channel")


def check_size(name: str, output: Layout) -> Layout:
    if math.prod(output.shape) > MAX_ELEMENTS:
        raise _errors.too_large(name, output.shape, f"at most {MAX_ELEMENTS} elements")
    return output
