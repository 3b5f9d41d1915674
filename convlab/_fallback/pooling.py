"""Pools, in NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import PoolGeometry

from .layout import pixels


def _pool(operation: np.ufunc, x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """Rows of the windows first, then along the row, over what of each window lies in the image."""
    g = PoolGeometry(*geometry.tolist())
    source = pixels(x, g.planes, g.height, g.width, g.step, g.x_plane, g.x_row)
    with np.errstate(all="ignore"):
        rows = _reduced(operation, source, 1, g.out_height, g.window_height, g.stride_height, g.pad_height)
        result = _reduced(operation, rows, 2, g.out_width, g.window_width, g.stride_width, g.pad_width)
        if operation is np.add:
            result /= np.float32(g.window_height * g.window_width)
    pixels(y, g.planes, g.out_height, g.out_width, g.step, g.y_plane, g.y_row, writeable=True)[...] = result


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
