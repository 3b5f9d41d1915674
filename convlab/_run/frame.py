"""The frame of border="keep"."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._spec.layout import Layout

from .arrays import finished


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
    """The source's pixels, exactly where the dtypes are the same, else by way of float32."""
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        for part in frame:
            if x.dtype == y.dtype or y.dtype.kind == "f":
                y[part] = x[part]
            else:
                finished(np.asarray(x[part], np.float32), y.dtype, y[part])
