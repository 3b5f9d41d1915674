"""Every kernel of the table in NumPy, with the compiled kernels' signatures (arrays, tables, threads).

Sums run over the taps in the kernels' own order, so a build without fused multiply-adds gives the same bits.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab._geometry import FilterGeometry, FilterValues, PoolGeometry


def _pixels(
    a: NDArray[Any], planes: int, height: int, width: int, step: int, plane: int, row: int, *, writeable: bool = False
) -> NDArray[Any]:
    """An array's memory as (planes, height, width, step), from pitches in elements."""
    size = a.dtype.itemsize
    shape = (planes, height, width, step)
    return as_strided(a, shape, (plane * size, row * size, step * size, size), writeable=writeable)


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
    source = _pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row).astype(np.float32, copy=False)
    source = _extended(_extended(source, 1, above, below, v.cval), 2, before, after, v.cval)
    total = np.zeros((g.planes, g.out_height, g.out_width, g.step), np.float32)
    with np.errstate(all="ignore"):
        for i in range(w.shape[0]):
            for j in range(w.shape[1]):
                total += w[i, j] * source[:, i : i + g.out_height, j : j + g.out_width]
        if g.finish:
            total = np.clip(total * v.scale + v.offset, v.low, v.high)
    _pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True)[...] = total


correlate2d_3x3 = correlate2d_5x5 = correlate2d_7x7 = correlate2d


def _pool(operation: np.ufunc, x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """Rows of the windows first, then along the row, over what of each window lies in the image."""
    g = PoolGeometry(*geometry.tolist())
    source = _pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row)
    with np.errstate(all="ignore"):
        rows = _reduced(operation, source, 1, g.out_height, g.window_height, g.stride_height, g.pad_height)
        result = _reduced(operation, rows, 2, g.out_width, g.window_width, g.stride_width, g.pad_width)
        if operation is np.add:
            result /= np.float32(g.window_height * g.window_width)
    _pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True)[...] = result


def _reduced(
    operation: np.ufunc, x: NDArray[Any], axis: int, n_out: int, window: int, stride: int, pad: int
) -> NDArray[Any]:
    """One axis reduced over its windows, tap by tap; taps that fall outside the image are left out."""
    x = np.moveaxis(x, axis, 0)
    result = np.full((n_out, *x.shape[1:]), _identity(operation, x.dtype))
    # Only taps that touch the image for some output: a window may be much larger.
    for tap in range(max(0, pad - (n_out - 1) * stride), min(window, len(x) + pad)):
        # Outputs whose tap lies in the image: 0 <= i * stride - pad + tap < len(x).
        first = max(0, -(-(pad - tap) // stride))
        last = min(n_out, (len(x) - 1 + pad - tap) // stride + 1)
        if first < last:
            start = first * stride - pad + tap
            taps = x[start : start + (last - first - 1) * stride + 1 : stride]
            operation(result[first:last], taps, out=result[first:last])
    return np.moveaxis(result, 0, axis)


def _identity(operation: np.ufunc, dtype: np.dtype[Any]) -> Any:
    """What a reduction starts from and never shows: each window has a pixel."""
    if operation is np.add:
        return dtype.type(0)
    if dtype.kind == "b":
        return np.bool_(operation is np.minimum)
    if dtype.kind == "f":
        return dtype.type(np.inf if operation is np.minimum else -np.inf)
    return dtype.type(np.iinfo(dtype).max if operation is np.minimum else np.iinfo(dtype).min)


def max_pool2d(*call: Any) -> None:
    """The largest of each window."""
    _pool(np.maximum, *call)


def min_pool2d(*call: Any) -> None:
    """The smallest of each window."""
    _pool(np.minimum, *call)


def avg_pool2d(*call: Any) -> None:
    """The sum of each window over its whole size."""
    _pool(np.add, *call)


max_pool2d_2x2, min_pool2d_2x2, avg_pool2d_2x2 = max_pool2d, min_pool2d, avg_pool2d


def multiply_add(repetitions: int) -> int:
    """Multiply and add small arrays, and return how many floating-point operations that was."""
    a = np.linspace(0, 1, 1024, dtype=np.float32)
    total = np.zeros_like(a)
    for _ in range(repetitions):
        total *= a
        total += a
    return repetitions * 2 * a.size
