"""The frame of border="keep"."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._spec.layout import Layout

from .arrays import saturated

PIXELS = 1 << 16  # that are rounded at a time


def inside_and_frame(image: Layout, region: Layout, anchor: tuple[int, int]) -> list[tuple[slice, ...]]:
    """The part of a kept image whose windows lie inside, and the parts of its frame: above, below, before, after."""

    def part(rows: slice, columns: slice) -> tuple[slice, ...]:
        slices = [slice(None)] * len(image.shape)
        slices[image.row_axis], slices[image.column_axis] = rows, columns
        return tuple(slices)

    top, left = anchor
    inside = slice(top, top + region.height) if region.width else slice(0, 0)
    return [
        part(inside, slice(left, left + region.width)),
        part(slice(None, inside.start), slice(None)),
        part(slice(inside.stop, None), slice(None)),
        part(inside, slice(None, left)),
        part(inside, slice(left + region.width, None)),
    ]


def copy_frame(x: NDArray[Any], y: NDArray[Any], frame: list[tuple[slice, ...]]) -> None:
    """Copy the source's pixels, exactly where the result's dtype holds them; else the nearest that it has."""
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        for part in frame:
            copy_pixels(x[part], y[part])


def copy_pixels(x: NDArray[Any], y: NDArray[Any]) -> None:
    """Copy pixels into another dtype and byte order: integers are saturated, fractions rounded half to even."""
    if y.dtype.kind == "f" or np.can_cast(x.dtype, y.dtype, "safe"):
        y[...] = x
    elif x.dtype.kind == "f":
        rows = max(1, PIXELS // max(1, x[:1].size))
        for first in range(0, len(x), rows):
            values = x[first : first + rows]
            saturated(values.astype(values.dtype.newbyteorder("="), copy=False), y.dtype, y[first : first + rows])
    else:
        ours, theirs = np.iinfo(y.dtype), np.iinfo(x.dtype)
        low, high = max(ours.min, theirs.min), min(ours.max, theirs.max)
        np.clip(x, low, high, out=y, casting="unsafe")
