"""Order statistics over images, in NumPy: block by block, so that no call needs much memory."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from convlab._borders import copy_pixels
from convlab._geometry import NUMPY_BLOCK, RankGeometry

from .layout import pixels

LONGEST = 1 << 17  # rows and columns of a block, whose numbers are tables


class _Image:
    """The source with its border, of which a part is made at a time."""

    def __init__(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        geometry: NDArray[np.intp],
        borders: NDArray[np.intp],
        cval: NDArray[Any],
    ) -> None:
        g = self.g = RankGeometry(*geometry.tolist())
        self.x, self.cval = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row), cval[0]
        self.y = pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True)
        above, below, before, after = np.split(borders, np.cumsum([g.above, g.below, g.before]))
        self.rows, self.columns = (above, g.height, below), (before, g.width, after)

    def part(self, planes: slice, rows: slice, columns: slice) -> NDArray[Any]:
        """Rows and columns counted from the border's first."""
        numbers = [_numbers(*axis, part) for axis, part in ((self.rows, rows), (self.columns, columns))]
        x = self.x[planes]
        result = np.empty((x.shape[0], *map(len, numbers), x.shape[3]), x.dtype)
        copy_pixels(x, numbers[0], numbers[1], self.cval, result)
        return result

    def blocks(self, sizes: tuple[int, int, int]) -> Iterator[tuple[slice, slice, slice]]:
        """The result in parts: planes, rows, columns."""
        for starts in product(*(range(0, n, size) for n, size in zip(self.y.shape, sizes, strict=False))):
            planes, rows, columns = (
                slice(a, min(a + size, n)) for a, size, n in zip(starts, sizes, self.y.shape, strict=False)
            )
            yield planes, rows, columns


def _numbers(before: NDArray[np.intp], size: int, after: NDArray[np.intp], part: slice) -> NDArray[np.intp]:
    """Which pixels of an axis stand in a part of it with its border."""
    first, last = (min(max(i - len(before), 0), size) for i in (part.start, part.stop))
    end = len(before) + size
    return np.concatenate(
        [
            before[part.start : part.stop],
            np.arange(first, last),
            after[max(part.start - end, 0) : max(part.stop - end, 0)],
        ]
    )


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


def _extremum(operation: np.ufunc, x: Any, y: Any, geometry: Any, borders: Any, cval: Any, threads: int) -> None:
    image = _Image(x, y, geometry, borders, cval)
    g = image.g
    down, along = g.window_height - 1, g.window_width - 1
    # Columns of a block are reduced some at a time, which bounds all that stands under tall windows.
    columns = min(g.out_width, max(min(2 * NUMPY_BLOCK // g.step, LONGEST) - along, along, 1))
    row = (columns + along) * g.step
    rows = min(g.out_height, max(2 * NUMPY_BLOCK // row, 1), LONGEST)
    planes = max(NUMPY_BLOCK // (rows * row), 1) if (rows, columns) == (g.out_height, g.out_width) else 1
    some = max(NUMPY_BLOCK // ((rows + down) * g.step * planes), 1)
    with np.errstate(all="ignore"):
        for plane, part, across in image.blocks((planes, rows, columns)):
            n_rows, n_columns = part.stop - part.start, across.stop - across.start + along
            reduced = np.empty((plane.stop - plane.start, n_rows, n_columns, g.step), x.dtype)
            for first in range(0, n_columns, some):
                last = min(first + some, n_columns)
                source = image.part(
                    plane, slice(part.start, part.stop + down), slice(across.start + first, across.start + last)
                )
                reduced[:, :, first:last] = _along(operation, source, 1, down + 1)
            for first in range(0, n_rows, max(NUMPY_BLOCK // (row * planes), 1)):
                last = min(first + max(NUMPY_BLOCK // (row * planes), 1), n_rows)
                image.y[plane, part.start + first : part.start + last, across] = _along(
                    operation, reduced[:, first:last], 2, along + 1
                )


def maximum2d(*call: Any) -> None:
    """The largest of each window."""
    _extremum(np.maximum, *call)


def minimum2d(*call: Any) -> None:
    """The smallest of each window."""
    _extremum(np.minimum, *call)


def median2d(x: Any, y: Any, geometry: Any, borders: Any, cval: Any, threads: int) -> None:
    """The element of rank n // 2 of each window of n; NaN where the window holds one."""
    image = _Image(x, y, geometry, borders, cval)
    g = image.g
    down, along, area = g.window_height - 1, g.window_width - 1, g.window_height * g.window_width
    most = max(NUMPY_BLOCK // (area * g.step), 1)  # windows at a time
    columns = min(g.out_width, max(NUMPY_BLOCK // ((down + 1) * g.step) - along, 1), LONGEST)
    rows = min(g.out_height, max(NUMPY_BLOCK // ((columns + along) * g.step) - down, 1), LONGEST)
    some = max(most // columns, 1), min(most, columns)
    for plane, part, across in image.blocks((1, rows, columns)):
        source = image.part(plane, slice(part.start, part.stop + down), slice(across.start, across.stop + along))
        windows = sliding_window_view(source[0], (down + 1, along + 1), (0, 1))
        result = image.y[plane.start, part, across]
        for r, c in product(*(range(0, n, step) for n, step in zip(result.shape, some, strict=False))):
            chunk = windows[r : r + some[0], c : c + some[1]]
            chunk = chunk.reshape(*chunk.shape[:3], area)
            medians = np.partition(chunk, area // 2, axis=-1)[..., area // 2]
            if chunk.dtype.kind == "f":
                medians[np.isnan(chunk).any(-1)] = np.nan
            result[r : r + some[0], c : c + some[1]] = medians


median2d_3x3 = median2d_5x5 = median2d_histogram = median2d_ranked = median2d
