"""Separable filters over images, in NumPy.

Sums run over the taps in the compiled kernels' order, so a build without fused multiply-adds gives the same bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import BoxGeometry, FilterValues, LinesGeometry, SeparableGeometry

from .layout import pixels, store, with_border


def correlate2d_separable(
    x: NDArray[Any], w: NDArray[np.float32], y: NDArray[Any],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """Y = clip(scale * correlation + offset), down the columns and then along the rows; or of two, their magnitude.

    Of a whole kernel's product sums that are not finite are made of its own taps.
    """
    g, v = SeparableGeometry(*geometry.tolist()), FilterValues(*values)
    above, below, before, after = np.split(borders, np.cumsum([g.above, g.below, g.before]))
    source = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row).astype(np.float32, copy=False)
    source = with_border(with_border(source, 1, above, below, v.cval), 2, before, after, v.cval)
    pairs = 2 if g.magnitude else 1
    downs, alongs, whole = np.split(w, np.cumsum([pairs * g.kernel_height, pairs * g.kernel_width]))
    downs, alongs = downs.reshape(pairs, -1), alongs.reshape(pairs, -1)
    with np.errstate(all="ignore"):
        sums = [
            _correlated(_correlated(source, 1, down, g.out_height), 2, along, g.out_width)
            for down, along in zip(downs, alongs, strict=True)
        ]
        total = np.sqrt(sums[0] * sums[0] + sums[1] * sums[1]) if g.magnitude else sums[0]
        lost = ~np.isfinite(total)
        if g.whole and lost.any():
            total[lost] = _directly(source, whole.reshape(-1, g.kernel_width), g.out_height, g.out_width)[lost]
        if g.finish:
            total = np.clip(total * v.scale + v.offset, v.low, v.high)
    store(total, pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True))


magnitude2d_separable = correlate2d_separable


def _correlated(x: NDArray[np.float32], axis: int, w: NDArray[np.float32], n_out: int) -> NDArray[np.float32]:
    """One axis, tap by tap."""
    x = np.moveaxis(x, axis, 0)
    total = np.zeros((n_out, *x.shape[1:]), np.float32)
    for i, tap in enumerate(w):
        total += tap * x[i : i + n_out]
    return np.moveaxis(total, 0, axis)


def _directly(x: NDArray[np.float32], w: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Sums over all taps, row by row."""
    total = np.zeros((len(x), height, width, x.shape[-1]), np.float32)
    for (i, j), tap in np.ndenumerate(w):
        total += tap * x[:, i : i + height, j : j + width]
    return total


def box2d(
    x: NDArray[Any], w: NDArray[np.float32], y: NDArray[Any],
    geometry: NDArray[np.intp], borders: NDArray[np.intp], values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """Y = scale * sum over a window, by the suffixes and prefixes of blocks; w is all ones, and is not read."""
    g, v = BoxGeometry(*geometry.tolist()), FilterValues(*values)
    above, below, before, after = np.split(borders, np.cumsum([g.above, g.below, g.before]))
    source = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row).astype(np.float32, copy=False)
    source = with_border(with_border(source, 1, above, below, v.cval), 2, before, after, v.cval)
    with np.errstate(all="ignore"):
        total = _windows(_windows(source, 1, g.kernel_height), 2, g.kernel_width) * v.scale
    store(total, pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True))


def box_lines(x: NDArray[np.float32], y: NDArray[np.float32], geometry: NDArray[np.intp], threads: int) -> None:
    """Y = sums of k neighbours of each line, which is whole blocks of k."""
    g = LinesGeometry(*geometry.tolist())
    lines = x.reshape(g.lines, g.blocks * g.k)
    n = lines.shape[1] - g.k + 1
    with np.errstate(all="ignore"):
        y.reshape(lines.shape)[:, :n] = _windows(lines, 1, g.k)


def _windows(x: NDArray[np.float32], axis: int, size: int) -> NDArray[np.float32]:
    """The sums of `size` neighbours of one axis: the end of a block and the beginning of the next."""
    x = np.moveaxis(x, axis, 0)
    n_out = len(x) - size + 1
    blocks = -(-len(x) // size)
    padded = np.zeros((blocks * size, *x.shape[1:]), np.float32)
    padded[: len(x)] = x
    padded = padded.reshape(blocks, size, *x.shape[1:])
    # Padding behind the last pixel is in no window's suffix.
    suffixes = np.add.accumulate(padded[:, ::-1], axis=1)[:, ::-1].reshape(-1, *x.shape[1:])[:n_out]
    prefixes = np.add.accumulate(padded, axis=1).reshape(-1, *x.shape[1:])
    total = suffixes.copy()
    inside = np.arange(n_out) % size != 0
    total[inside] += prefixes[size - 1 : size - 1 + n_out][inside]
    return np.moveaxis(total, 0, axis)
