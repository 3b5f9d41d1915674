"""Filters over images, in NumPy.

Sums run over the taps in the compiled kernels' order, so a build without fused multiply-adds gives the same bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import FilterGeometry, FilterValues

from .layout import pixels


def _extended(
    x: NDArray[Any], axis: int, before: NDArray[np.intp], after: NDArray[np.intp], cval: float
) -> NDArray[Any]:
    """X with its border on one axis: the source indices before and after it, -1 for cval."""
    indices = np.concatenate([before, np.arange(x.shape[axis]), after])
    extended = np.take(x, indices, axis=axis)
    extended[(slice(None),) * axis + (indices < 0,)] = cval
    return extended


def correlate2d(
    x: NDArray[np.float32], w: NDArray[np.float32], y: NDArray[np.float32],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """Y = clip(scale * correlation + offset); blocking and threads are the compiled kernels' affair."""
    g, v = FilterGeometry(*geometry.tolist()), FilterValues(*values)
    above, below, before, after = np.split(borders, np.cumsum([g.above, g.below, g.before]))
    source = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row).astype(np.float32, copy=False)
    source = _extended(_extended(source, 1, above, below, v.cval), 2, before, after, v.cval)
    total = np.zeros((g.planes, g.out_height, g.out_width, g.step), np.float32)
    with np.errstate(all="ignore"):
        for i in range(w.shape[0]):
            for j in range(w.shape[1]):
                total += w[i, j] * source[:, i : i + g.out_height, j : j + g.out_width]
        if g.finish:
            total = np.clip(total * v.scale + v.offset, v.low, v.high)
    pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True)[...] = total


correlate2d_3x3 = correlate2d_5x5 = correlate2d_7x7 = correlate2d
