"""Filters over images, in NumPy.

Sums run over the taps in the compiled kernels' order, so a build without fused multiply-adds gives the same bits.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab._geometry import FilterGeometry, FilterValues

from .layout import pixels, store, with_border


def correlate2d(
    x: NDArray[Any], w: NDArray[np.float32], y: NDArray[Any],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """Y = clip(scale * correlation + offset); blocking and threads are the compiled kernels' affair."""
    _correlate(x, w, y, None, geometry, borders, values)


correlate2d_3x3 = correlate2d_5x5 = correlate2d_7x7 = correlate2d


def correlate2d_masked(
    x: NDArray[Any], w: NDArray[np.float32], y: NDArray[Any], mask: NDArray[np.uint8],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """The same over the pixels that are there, divided by the sum of their taps."""
    _correlate(x, w, y, mask, geometry, borders, values)


def _correlate(
    x: NDArray[Any], w: NDArray[np.float32], y: NDArray[Any], mask: NDArray[np.uint8] | None,
    geometry: NDArray[np.intp], borders: NDArray[np.intp], values: NDArray[np.float32],
) -> None:  # fmt: skip
    g, v = FilterGeometry(*geometry.tolist()), FilterValues(*values)
    above, below, before, after = np.split(borders, np.cumsum([g.above, g.below, g.before]))

    def extended(a: NDArray[Any], cval: float) -> NDArray[Any]:
        return with_border(with_border(a, 1, above, below, cval), 2, before, after, cval)

    source = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row).astype(np.float32, copy=False)
    source = extended(source, v.cval)
    weights = None
    if mask is not None:
        weights = np.ones_like(source)
        if g.has_mask:
            weights = (pixels(mask, g.planes, g.height, g.width, g.step, g.m_plane, g.m_row) != 0).astype(np.float32)
            weights = extended(weights, 1.0)
        if g.omit:
            weights = np.where(np.isnan(source), np.float32(0), weights)
        source = np.where(weights != 0, source, np.float32(0))
    itemsize = y.dtype.itemsize
    shape = (g.kernels, g.planes, g.out_height, g.out_width, g.step)
    strides = (g.y_kernel, g.y_plane, g.y_row, g.step, 1)
    result = as_strided(y, shape, tuple(n * itemsize for n in strides))
    for n in range(g.kernels):
        with np.errstate(all="ignore"):
            total = _sums(source, w[n], g)
            if weights is not None:
                divisor = _sums(weights, w[n], g)
                total[divisor == 0] = 0
                total /= divisor
            if g.finish:
                total = np.clip(total * v.scale + v.offset, v.low, v.high)
        store(total, result[n])


def _sums(source: NDArray[np.float32], w: NDArray[np.float32], g: FilterGeometry) -> NDArray[np.float32]:
    total = np.zeros((g.planes, g.out_height, g.out_width, g.step), np.float32)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            total += w[i, j] * source[:, i : i + g.out_height, j : j + g.out_width]
    return total
