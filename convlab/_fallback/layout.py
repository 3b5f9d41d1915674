"""An array's memory, seen as a kernel sees it."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab._geometry import TransposeGeometry


def pixels(
    a: NDArray[Any], planes: int, height: int, width: int, step: int, plane: int, row: int, *, writeable: bool = False
) -> NDArray[Any]:
    """An array's memory as (planes, height, width, step), from pitches in elements."""
    size = a.dtype.itemsize
    shape = (planes, height, width, step)
    return as_strided(a, shape, (plane * size, row * size, step * size, size), writeable=writeable)


def with_border(
    x: NDArray[Any], axis: int, before: NDArray[np.intp], after: NDArray[np.intp], cval: float
) -> NDArray[Any]:
    """X with its border on one axis: the source indices before and after it, -1 for cval."""
    indices = np.concatenate([before, np.arange(x.shape[axis]), after])
    result = np.take(x, indices, axis=axis)
    result[(slice(None),) * axis + (indices < 0,)] = cval
    return result


def store(values: NDArray[np.float32], y: NDArray[Any]) -> None:
    """Floats into y; where it holds integers of 8 or 16 bits, half to even, saturated, NaN as 0."""
    if y.dtype.kind == "f":
        y[...] = values
    else:
        limits = np.iinfo(y.dtype)
        y[...] = np.clip(np.rint(np.where(np.isnan(values), np.float32(0), values)), limits.min, limits.max)


def transpose2d(x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """Y[j, i] = x[i, j]."""
    g = TransposeGeometry(*geometry.tolist())
    source = as_strided(x, (g.rows, g.columns), (g.x_row * g.itemsize, g.itemsize), writeable=False)
    as_strided(y, (g.columns, g.rows), (g.y_row * g.itemsize, g.itemsize))[...] = source.T
