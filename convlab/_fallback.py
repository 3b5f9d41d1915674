"""Every kernel of the table in NumPy, with the compiled kernels' signatures (the order of arguments is _run's).

Sums run over the taps in the kernels' own order, so a build without fused multiply-adds gives the same bits.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray


def _pixels(
    a: NDArray[Any], planes: int, height: int, width: int, step: int, plane: int, row: int, *, writeable: bool = False
) -> NDArray[Any]:
    """An array's memory as (planes, height, width, step), from pitches in elements."""
    size = a.dtype.itemsize
    shape = (planes, height, width, step)
    return as_strided(a, shape, (plane * size, row * size, step * size, size), writeable=writeable)


def _extended(x: NDArray[Any], axis: int, before: NDArray[np.intp], after: NDArray[np.intp], cval: float) -> NDArray[Any]:
    """x with its border on one axis: the source indices before and after it, -1 for cval."""
    indices = np.concatenate([before, np.arange(x.shape[axis]), after])
    extended = np.take(x, indices, axis=axis)
    extended[(slice(None),) * axis + (indices < 0,)] = cval
    return extended


def correlate2d(
    x: NDArray[np.float32], w: NDArray[np.float32], y: NDArray[np.float32],
    planes: int, height: int, width: int, out_height: int, out_width: int, step: int,
    x_plane: int, x_row: int, y_plane: int, y_row: int,
    above: NDArray[np.intp], below: NDArray[np.intp], before: NDArray[np.intp], after: NDArray[np.intp],
    left: int, right: int, tiles: int, floats: int, cval: float,
    finish: bool, scale: float, offset: float, low: float, high: float, threads: int,
) -> None:  # fmt: skip
    """y = clip(scale * correlation + offset); blocking and threads are the compiled kernels' affair."""
    source = _pixels(x, planes, height, width, step, x_plane, x_row)
    source = _extended(_extended(source, 1, above, below, cval), 2, before, after, cval)
    total = np.zeros((planes, out_height, out_width, step), np.float32)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for i in range(w.shape[0]):
            for j in range(w.shape[1]):
                total += w[i, j] * source[:, i : i + out_height, j : j + out_width]
        if finish:
            total = np.clip(total * np.float32(scale) + np.float32(offset), np.float32(low), np.float32(high))
    _pixels(y, planes, out_height, out_width, step, y_plane, y_row, writeable=True)[...] = total


correlate2d_3x3 = correlate2d_5x5 = correlate2d_7x7 = correlate2d


def _pool(
    operation: np.ufunc,
    x: NDArray[Any], y: NDArray[Any],
    planes: int, height: int, width: int, out_height: int, out_width: int, step: int,
    x_plane: int, x_row: int, y_plane: int, y_row: int,
    window_height: int, window_width: int, stride_height: int, stride_width: int, pad_height: int, pad_width: int,
    tiles: int, floats: int, threads: int,
) -> None:  # fmt: skip
    """Rows of the windows first, then along the row, over what of each window lies in the image."""
    source = _pixels(x, planes, height, width, step, x_plane, x_row)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        rows = _reduced(operation, source, 1, out_height, window_height, stride_height, pad_height)
        result = _reduced(operation, rows, 2, out_width, window_width, stride_width, pad_width)
        if operation is np.add:
            result /= np.float32(window_height * window_width)
    _pixels(y, planes, out_height, out_width, step, y_plane, y_row, writeable=True)[...] = result


def _reduced(
    operation: np.ufunc, x: NDArray[Any], axis: int, n_out: int, window: int, stride: int, pad: int
) -> NDArray[Any]:
    """One axis reduced over its windows, tap by tap; taps that fall outside the image are left out."""
    x = np.moveaxis(x, axis, 0)
    result = np.full((n_out, *x.shape[1:]), _identity(operation, x.dtype))
    for tap in range(window):
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
