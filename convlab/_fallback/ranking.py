"""Order statistics over images, in NumPy."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from convlab._geometry import RankGeometry

from .layout import pixels, with_border

# Elements of the windows that a median holds at a time.
CHUNK = 1 << 22


def _source(x: NDArray[Any], g: RankGeometry, borders: NDArray[np.intp], cval: NDArray[Any]) -> NDArray[Any]:
    """The image with its border, as (planes, rows, columns, step)."""
    above, below, before, after = np.split(borders, np.cumsum([g.above, g.below, g.before]))
    source = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row)
    return with_border(with_border(source, 1, above, below, cval[0]), 2, before, after, cval[0])


def _result(y: NDArray[Any], g: RankGeometry) -> NDArray[Any]:
    return pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True)


def _along(operation: np.ufunc, x: NDArray[Any], axis: int, k: int) -> NDArray[Any]:
    """Reduce the k elements from each on: of 2, 4, 8 ... of them, and at the last two that overlap."""
    x = np.moveaxis(x, axis, 0)
    p = 1
    while 2 * p <= k:
        x = operation(x[:-p], x[p:])
        p *= 2
    if p < k:
        x = operation(x[: len(x) - (k - p)], x[k - p :])
    return np.moveaxis(x, 0, axis)


def _extremum(
    operation: np.ufunc, x: NDArray[Any], y: NDArray[Any],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], cval: NDArray[Any], threads: int,
) -> None:  # fmt: skip
    g = RankGeometry(*geometry.tolist())
    source = _source(x, g, borders, cval)
    with np.errstate(all="ignore"):
        rows = _along(operation, source, 1, g.window_height)
        _result(y, g)[...] = _along(operation, rows, 2, g.window_width)


def maximum2d(*call: Any) -> None:
    """The largest of each window."""
    _extremum(np.maximum, *call)


def minimum2d(*call: Any) -> None:
    """The smallest of each window."""
    _extremum(np.minimum, *call)


def median2d(
    x: NDArray[Any], y: NDArray[Any],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], cval: NDArray[Any], threads: int,
) -> None:  # fmt: skip
    """The element of rank n // 2 of each window of n; NaN where the window holds one."""
    g = RankGeometry(*geometry.tolist())
    area = g.window_height * g.window_width
    windows = sliding_window_view(_source(x, g, borders, cval), (g.window_height, g.window_width), (1, 2))
    result = _result(y, g)
    columns = max(1, CHUNK // (area * g.step))
    for plane, row in np.ndindex(g.planes, g.out_height):
        for first in range(0, g.out_width, columns):
            chunk = windows[plane, row, first : first + columns].reshape(-1, g.step, area)
            medians = np.partition(chunk, area // 2, axis=-1)[..., area // 2]
            if chunk.dtype.kind == "f":
                medians[np.isnan(chunk).any(-1)] = np.nan
            result[plane, row, first : first + columns] = medians


median2d_3x3 = median2d_5x5 = median2d_histogram = median2d
