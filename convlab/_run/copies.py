"""Copies whose cost does not depend on how an array lies in memory: in blocks that the caches hold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import active
from convlab._geometry import TransposeGeometry

# Rows and columns of a part that is transposed: of floats, 256 KiB.
ROWS, COLUMNS = 64, 1024
# Bytes of an array that the caches hold, however it lies.
SMALL = 1 << 14
FEW = 8


def copy_into(target: NDArray[Any], source: NDArray[Any]) -> None:
    """``target[...] = source``, converted. Where the last axis of the source is not its innermost one, by parts."""
    if target.size * target.itemsize <= SMALL:
        target[...] = source
        return
    strides = [abs(stride) if n > 1 else 1 << 62 for stride, n in zip(source.strides, source.shape, strict=True)]
    inner = min(range(source.ndim - 1, -1, -1), key=lambda axis: strides[axis])
    last = max(axis for axis in range(source.ndim) if source.shape[axis] > 1)
    if inner == last:
        target[...] = source
        return
    if source.shape[last] <= FEW and source.ndim > 2:  # channels, one by one
        for c in range(source.shape[last]):
            one = (slice(None),) * last + (c,)
            copy_into(target[one], source[one])
        return
    others = [axis for axis in range(source.ndim) if axis not in (inner, last)]
    order = [*others, last, inner]
    xs, ys = source.transpose(order), target.transpose(order)
    if xs.strides[-1] < 0:
        xs, ys = xs[..., ::-1], ys[..., ::-1]
    part = np.empty((ROWS, COLUMNS), target.dtype)
    for where in np.ndindex(xs.shape[:-2]):
        _copy_plane(ys[where], xs[where], part)


def _copy_plane(target: NDArray[Any], source: NDArray[Any], part: NDArray[Any]) -> None:
    """The same of two axes, of which the source's innermost is the last and the target's the first."""
    if source.dtype == target.dtype and _in_rows(source) and _in_rows(target.T):
        transpose(source, target.T)
        return
    for i in range(0, source.shape[0], ROWS):
        for j in range(0, source.shape[1], COLUMNS):
            piece = source[i : i + ROWS, j : j + COLUMNS]
            rows = part[: piece.shape[0], : piece.shape[1]]
            rows[...] = piece  # in the source's order
            copy_transposed(target[i : i + ROWS, j : j + COLUMNS], rows)


def copy_transposed(target: NDArray[Any], rows: NDArray[Any]) -> None:
    """``target[...] = rows``, whose innermost axis is the last; the target's may be the first."""
    if _in_rows(target.T):
        transpose(rows, target.T)
    elif _in_rows(rows):
        columns = np.empty(rows.shape[::-1], rows.dtype)
        transpose(rows, columns)
        target.T[...] = columns
    else:
        target[...] = rows


def _in_rows(a: NDArray[Any]) -> bool:
    """Whether the elements of a row are neighbours, and where the kernel can copy them."""
    return bool(
        a.itemsize in (1, 2, 4) and a.strides[1] == a.itemsize and a.strides[0] % a.itemsize == 0 and a.flags.aligned
    )


def transpose(x: NDArray[Any], y: NDArray[Any], threads: int = 1) -> None:
    """``y[...] = x.T``; the elements of a row of either are neighbours, and of 1, 2 or 4 bytes."""
    rows, columns = x.shape
    itemsize = x.itemsize
    geometry = TransposeGeometry(rows, columns, x.strides[0] // itemsize, y.strides[0] // itemsize, itemsize)
    active().functions["transpose2d"](x, y, np.array(geometry, np.intp), threads)
