"""Pools, in NumPy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab._geometry import PoolGeometry

Windows = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


def volume(
    a: NDArray[Any], g: PoolGeometry, sizes: tuple[int, int, int], pitches: tuple[int, int, int], *, writeable: bool
) -> NDArray[Any]:
    """An array's memory as (planes, depth, height, width, step), from pitches in elements."""
    size = a.dtype.itemsize
    strides = (*(pitch * size for pitch in pitches), g.step * size, size)
    return as_strided(a, (g.planes, *sizes, g.step), strides, writeable=writeable)


def source(x: NDArray[Any], g: PoolGeometry) -> NDArray[Any]:
    sizes, pitches = (g.depth, g.height, g.width), (g.x_plane, g.x_slice, g.x_row)
    return volume(x, g, sizes, pitches, writeable=False)


def result(y: NDArray[Any], g: PoolGeometry) -> NDArray[Any]:
    sizes, pitches = (g.out_depth, g.out_height, g.out_width), (g.y_plane, g.y_slice, g.y_row)
    return volume(y, g, sizes, pitches, writeable=True)


def windows(geometry: NDArray[np.intp], g: PoolGeometry, axis: int) -> Windows:
    """For each output of an axis: where its window starts, its size, and how many count in an average."""
    out = (g.out_depth, g.out_height, g.out_width)
    if g.bins:
        at = len(g) + 2 * sum(out[:axis])
        starts, sizes = geometry[at : at + 2 * out[axis]].reshape(-1, 2).T
        return starts, sizes, sizes
    n, size = g[1 + axis], g.window_depth if axis == 0 else g.window_height if axis == 1 else g.window_width
    first = PoolGeometry._fields.index("stride_depth") + axis
    stride, before, after, dilation = g[first], g[first + 3], g[first + 6], g[first + 9]
    starts = np.arange(out[axis]) * stride - before
    counted = np.minimum(size, (n + after - starts + dilation - 1) // dilation)
    skipped = np.maximum(-(starts // dilation), 0)
    starts = starts + skipped * dilation
    sizes = np.maximum(0, np.minimum(size - skipped, (n - starts + dilation - 1) // dilation))
    return starts, sizes, counted if g.count_pad else sizes


def taps(geometry: NDArray[np.intp], g: PoolGeometry, axis: int) -> Iterator[tuple[slice, slice]]:
    """For each tap of an axis, in order: the outputs that have it, and the elements that they read."""
    starts, sizes, _ = windows(geometry, g, axis)
    dilation = (g.dilation_depth, g.dilation_height, g.dilation_width)[axis]
    stride = (g.stride_depth, g.stride_height, g.stride_width)[axis]
    if g.bins:
        for tap in range(int(sizes.max(initial=0))):
            for i in np.flatnonzero(sizes > tap):
                yield slice(i, i + 1), slice(starts[i] + tap, starts[i] + tap + 1)
        return
    before, n = (g.pad_depth, g.pad_height, g.pad_width)[axis], g[1 + axis]
    window = (g.window_depth, g.window_height, g.window_width)[axis]
    # Only taps that touch the array for some output: a window may be much larger.
    low = max(0, -(-(before - (len(starts) - 1) * stride) // dilation))
    for tap in range(low, min(window, (n - 1 + before) // dilation + 1)):
        # Outputs whose tap lies in the array: 0 <= i * stride - before + tap * dilation < n.
        at = tap * dilation - before
        first = max(0, -(at // stride))
        last = min(len(starts), (n - 1 - at) // stride + 1)
        if first < last:
            start = first * stride + at
            yield slice(first, last), slice(start, start + (last - first - 1) * stride + 1, stride)


def _pool(operation: np.ufunc, x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """Rows of the windows first, then along the row, over what of each window lies in the array."""
    g = PoolGeometry(*geometry[: len(PoolGeometry._fields)].tolist())
    a = source(x, g)
    if operation is np.add and a.dtype != np.float64:
        a = a.astype(np.float32, copy=False)
    start = identity(operation, a.dtype)
    rows = np.full((g.planes, g.out_depth, g.out_height, g.width, g.step), start)
    total = np.full((g.planes, g.out_depth, g.out_height, g.out_width, g.step), start)
    with np.errstate(all="ignore"):
        for deep_to, deep in taps(geometry, g, 0):
            for high_to, high in taps(geometry, g, 1):
                part = rows[:, deep_to, high_to]
                operation(part, a[:, deep, high], out=part)
        for wide_to, wide in taps(geometry, g, 2):
            part = total[:, :, :, wide_to]
            operation(part, rows[:, :, :, wide], out=part)
        if operation is np.add:
            total /= divisors(geometry, g)
    result(y, g)[...] = total


def divisors(geometry: NDArray[np.intp], g: PoolGeometry) -> Any:
    if g.divisor:
        return np.float32(g.divisor)
    deep, high, wide = (windows(geometry, g, axis)[2].astype(np.float32) for axis in range(3))
    return (deep[:, None, None] * high[:, None])[..., None] * wide[:, None]


def identity(operation: np.ufunc, dtype: np.dtype[Any]) -> Any:
    """What a reduction starts from and never shows: each window has a pixel."""
    if operation is np.add:
        return dtype.type(-0.0)
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
    """The sum of each window over its size."""
    _pool(np.add, *call)


max_pool2d_2x2, min_pool2d_2x2, avg_pool2d_2x2 = max_pool2d, min_pool2d, avg_pool2d
max_pool_narrow, min_pool_narrow, avg_pool_narrow = max_pool2d, min_pool2d, avg_pool2d


def max_pool2d_indices(
    x: NDArray[Any], y: NDArray[Any], indices: NDArray[np.int64], geometry: NDArray[np.intp], threads: int
) -> None:
    """The largest of each window and its place in its plane: of equals the first; if there is NaN, the last."""
    g = PoolGeometry(*geometry[: len(PoolGeometry._fields)].tolist())
    a = source(x, g)
    deep, high, wide = (windows(geometry, g, axis)[0] for axis in range(3))
    shape = g.planes, g.out_depth, g.out_height, g.out_width, g.step
    largest = np.full(shape, identity(np.maximum, a.dtype))
    places = np.empty(shape, np.int64)
    # Where nothing is larger than the identity, the first element of the window.
    places[...] = ((deep[:, None, None] * g.height + high[:, None]) * g.width + wide)[..., None]
    numbers = np.arange(g.depth * g.height * g.width).reshape(g.depth, g.height, g.width, 1)
    with np.errstate(all="ignore"):
        for deep_to, deep_at in taps(geometry, g, 0):
            for high_to, high_at in taps(geometry, g, 1):
                for wide_to, wide_at in taps(geometry, g, 2):
                    to = slice(None), deep_to, high_to, wide_to
                    value = a[:, deep_at, high_at, wide_at]
                    better = (value > largest[to]) | (value != value)
                    largest[to] = np.where(better, value, largest[to])
                    places[to] = np.where(better, numbers[deep_at, high_at, wide_at], places[to])
    result(y, g)[...] = largest
    result(indices, g)[...] = places


def max_unpool(
    x: NDArray[Any], indices: NDArray[np.int64], y: NDArray[Any], sizes: NDArray[np.intp], threads: int
) -> int | None:
    """Put each value of a plane in its place, the last of those that share one; the first index that is none."""
    planes, _, n = sizes.tolist()
    outside = (indices < 0) | (indices >= n)
    if outside.any():
        return int(indices[outside][0])
    flat = y.reshape(planes, n)
    flat[...] = 0
    np.put_along_axis(flat, indices.reshape(planes, -1), x.reshape(planes, -1), axis=1)
    return None


def _global(operation: np.ufunc, x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp]) -> None:
    """Elements in 32 parts, then parts i and i + 16, then neighbours: the order of a sum in src/pool_global.pyx."""
    g = PoolGeometry(*geometry[: len(PoolGeometry._fields)].tolist())
    a = source(x, g).reshape(g.planes, -1)
    padded = np.full((g.planes, -(-a.shape[1] // 32) * 32), identity(operation, a.dtype))
    padded[:, : a.shape[1]] = a
    with np.errstate(all="ignore"):
        parts = padded[:, :32].copy()
        for start in range(32, padded.shape[1], 32):
            operation(parts, padded[:, start : start + 32], out=parts)
        parts = operation(parts[:, :16], parts[:, 16:])
        while parts.shape[1] > 1:
            parts = operation(parts[:, ::2], parts[:, 1::2])
        total = parts.reshape(g.planes, 1, 1, 1, 1)
        result(y, g)[...] = total / np.float32(g.divisor) if operation is np.add else total


def max_pool_global(x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """The largest of each plane."""
    _global(np.maximum, x, y, geometry)


def avg_pool_global(x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """The average of each plane."""
    _global(np.add, x, y, geometry)
