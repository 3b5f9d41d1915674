"""Pools, in NumPy."""

from collections.abc import Iterator
from itertools import groupby, product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab._geometry import PoolGeometry

Windows = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
Index = slice | NDArray[np.intp]
# Terms of a sum's blocks: src/pool/pool_tree.pxd.
BLOCK = 8


def geometry_of(table: NDArray[np.intp]) -> PoolGeometry:
    return PoolGeometry(*table.tolist())


def volume(
    a: NDArray[Any], g: PoolGeometry, sizes: tuple[int, int, int], pitches: tuple[int, int, int], *, writeable: bool
) -> NDArray[Any]:
    """An array's memory as (planes, depth, height, width, step), from pitches in elements."""
    size = a.dtype.itemsize
    strides = (*(pitch * size for pitch in pitches), g.step * size, size)
    return as_strided(a, (g.planes, *sizes, g.step), strides, writeable=writeable)


def source(x: NDArray[Any], g: PoolGeometry) -> NDArray[Any]:
    sizes, pitches = (g.depth, g.height, g.width), (g.x_plane, g.x_slice, g.x_row)
    if g.gathered:  # strides in bytes
        planes = g.planes // g.inner, g.inner
        strides = (g.x_outer, *pitches, g.x_column, g.x_channel)
        a = as_strided(x, (*planes, *sizes, g.step), strides, writeable=False)
        return a.reshape(g.planes, *sizes, g.step)
    return volume(x, g, sizes, pitches, writeable=False)


def result(y: NDArray[Any], g: PoolGeometry) -> NDArray[Any]:
    sizes, pitches = (g.out_depth, g.out_height, g.out_width), (g.y_plane, g.y_slice, g.y_row)
    return volume(y, g, sizes, pitches, writeable=True)


def windows(g: PoolGeometry, axis: int) -> Windows:
    """For each output of an axis: where its window starts, its size, and how many count in an average."""
    out = (g.out_depth, g.out_height, g.out_width)[axis]
    n, size = g[1 + axis], g.window_depth if axis == 0 else g.window_height if axis == 1 else g.window_width
    if g.bins:
        i = np.arange(out)
        starts = i * n // out
        sizes = -(-(i + 1) * n // out) - starts
        return starts, sizes, sizes
    first = PoolGeometry._fields.index("stride_depth") + axis
    stride, before, after, dilation = g[first], g[first + 3], g[first + 6], g[first + 9]
    starts = np.arange(out) * stride - before
    counted = np.minimum(size, (n + after - starts + dilation - 1) // dilation)
    skipped = np.maximum(-(starts // dilation), 0)
    starts = starts + skipped * dilation
    sizes = np.maximum(0, np.minimum(size - skipped, (n - starts + dilation - 1) // dilation))
    return starts, sizes, counted if g.count_pad else sizes


def taps(g: PoolGeometry, axis: int) -> Iterator[tuple[int, Index, Index]]:
    """For each tap of an axis, in order: its number, the outputs that have it, and the elements that they read."""
    starts, sizes, _ = windows(g, axis)
    dilation = (g.dilation_depth, g.dilation_height, g.dilation_width)[axis]
    stride = (g.stride_depth, g.stride_height, g.stride_width)[axis]
    if g.bins:
        for tap in range(int(sizes.max(initial=0))):
            outputs = np.flatnonzero(sizes > tap)
            yield tap, outputs, starts[outputs] + tap
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
            yield tap, slice(first, last), slice(start, start + (last - first - 1) * stride + 1, stride)


def whole_windows(g: PoolGeometry, axis: int) -> list[slice | None]:
    """The elements of an axis that each output reads; None where its window lies in the padding."""
    starts, sizes, _ = windows(g, axis)
    dilation = (g.dilation_depth, g.dilation_height, g.dilation_width)[axis]
    return [
        slice(start, start + (size - 1) * dilation + 1, dilation) if size else None
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
    ]


def _reduce(operation: np.ufunc, a: NDArray[Any], g: PoolGeometry, axis: int) -> NDArray[Any]:
    """The windows of one axis of (planes, depth, height, width, step)."""
    before: tuple[Any, ...] = (slice(None),) * (1 + axis)
    out = (g.out_depth, g.out_height, g.out_width)[axis]
    shape = (*a.shape[: 1 + axis], out, *a.shape[2 + axis :])

    def joined(some: Any) -> NDArray[Any]:
        total = np.full(shape, identity(operation, a.dtype))
        for _, to, at in some:
            if isinstance(to, slice):  # no third array as large as these two
                part = total[(*before, to)]
                operation(part, a[(*before, at)], out=part)
            else:
                total[(*before, to)] = operation(total[(*before, to)], a[(*before, at)])
        return total

    if operation is not np.add:
        starts, sizes, _ = windows(g, axis)
        dilation = (g.dilation_depth, g.dilation_height, g.dilation_width)[axis]
        most = int(sizes.max(initial=0))
        if most == 1 and sizes.all() and np.array_equal(starts, np.arange(a.shape[1 + axis])):
            return a  # each element is a window
        if out >= (most - 1) * dilation + 1:
            return joined(taps(g, axis))
        total = np.full(shape, identity(operation, a.dtype))
        for i, cut in enumerate(whole_windows(g, axis)):
            if cut is not None:
                operation.reduce(a[(*before, cut)], axis=1 + axis, out=total[(*before, i)])
        return total
    # Blocks in a perfect tree; those of nothing are left out.
    waiting: list[tuple[int, NDArray[Any]]] = []
    for block, some in groupby(taps(g, axis), lambda tap: tap[0] // BLOCK):
        total, level = joined(some), 0
        while block >> level & 1:
            if waiting and waiting[-1][0] == level:
                total = waiting.pop()[1] + total
            level += 1
        waiting.append((level, total))
    total = waiting.pop()[1] if waiting else joined(())
    while waiting:
        total = waiting.pop()[1] + total
    return total


def _powers(a: NDArray[Any], g: PoolGeometry) -> NDArray[Any]:
    """|x| ** p of floats."""
    if g.power == 0:
        return a
    a = np.abs(a)
    if g.power < 0:
        np.power(a, np.array(g.exponent, np.uint32).view(np.float32), out=a)
        return a
    result = a
    for bit in f"{g.power:b}"[1:]:
        result = result * result
        if bit == "1":
            result *= a
    return result


def _pool(operation: np.ufunc, x: NDArray[Any], y: NDArray[Any], geometry: NDArray[np.intp], threads: int) -> None:
    """Rows of the windows first, then slices, then along the row, over what of each window lies in the array."""
    g = geometry_of(geometry)
    a = source(x, g)
    with np.errstate(all="ignore"):
        if operation is np.add:  # in double where the result is
            a = _powers(a.astype(y.dtype if y.dtype == np.float64 else np.float32, copy=False), g)
        for axis in (1, 0, 2):
            a = _reduce(operation, a, g, axis)
        if operation is np.add:
            a /= divisors(g)
    result(y, g)[...] = a


def divisors(g: PoolGeometry) -> Any:
    if g.divisor:
        return np.float32(g.divisor)
    deep, high, wide = (windows(g, axis)[2].astype(np.float32) for axis in range(3))
    return (deep[:, None, None] * high[:, None])[..., None] * wide[:, None]


def identity(operation: np.ufunc, dtype: np.dtype[Any]) -> Any:
    """What a reduction starts from, and what a window of nothing but padding is."""
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
max_pool2d_registers, min_pool2d_registers, avg_pool2d_registers = max_pool2d, min_pool2d, avg_pool2d
max_pool_narrow, min_pool_narrow, avg_pool_narrow = max_pool2d, min_pool2d, avg_pool2d


def max_pool2d_indices(
    x: NDArray[Any], y: NDArray[Any], indices: NDArray[np.int64], geometry: NDArray[np.intp], threads: int
) -> None:
    """The largest of each window and its place in its plane: of equals the first; if there is NaN, the last."""
    g = geometry_of(geometry)
    a = source(x, g)
    # Behind the array there is no place.
    deep, high, wide = (np.minimum(windows(g, axis)[0], g[1 + axis] - 1) for axis in range(3))
    shape = g.planes, g.out_depth, g.out_height, g.out_width, g.step
    largest = np.full(shape, identity(np.maximum, a.dtype))
    places = np.empty(shape, np.int64)
    # Where nothing is larger than the identity, the first element of the window.
    places[...] = ((deep[:, None, None] * g.height + high[:, None]) * g.width + wide)[..., None]
    outputs, window = g.out_depth * g.out_height * g.out_width, g.window_depth * g.window_height * g.window_width
    fill = _place_windows if outputs < window else _place_taps
    with np.errstate(all="ignore"):
        fill(a, g, largest, places)
    result(y, g)[...] = largest
    result(indices, g)[...] = places


def _place_taps(a: NDArray[Any], g: PoolGeometry, largest: NDArray[Any], places: NDArray[np.int64]) -> None:
    """One tap of all windows after the other."""
    slices, rows, columns = (np.arange(g[1 + axis]) for axis in range(3))
    for _, deep_to, deep_at in taps(g, 0):
        for _, high_to, high_at in taps(g, 1):
            for _, wide_to, wide_at in taps(g, 2):
                to: Any = slice(None), *_grid(deep_to, high_to, wide_to)
                value = a[(slice(None), *_grid(deep_at, high_at, wide_at))]
                better = (value > largest[to]) | (value != value)
                largest[to] = np.where(better, value, largest[to])
                place = slices[deep_at][:, None, None] * g.height + rows[high_at][:, None]
                place = (place * g.width + columns[wide_at])[..., None]
                places[to] = np.where(better, place, places[to])


def _grid(deep: Index, high: Index, wide: Index) -> tuple[Any, ...]:
    """Indices of three axes, each by itself: the array's numbers are not paired with each other's."""
    if isinstance(deep, slice) or isinstance(high, slice) or isinstance(wide, slice):
        return deep, high, wide
    return np.ix_(deep, high, wide)


def _place_windows(a: NDArray[Any], g: PoolGeometry, largest: NDArray[Any], places: NDArray[np.int64]) -> None:
    """One window of all planes after the other: for few windows of many elements."""
    cuts = [enumerate(whole_windows(g, axis)) for axis in range(3)]
    for (z, deep), (i, high), (j, wide) in product(*cuts):
        if deep is None or high is None or wide is None:
            continue
        window = a[:, deep, high, wide]
        inside = window.shape[1:4]
        window = window.reshape(len(window), -1, g.step)
        at = window.argmax(axis=1)
        if window.dtype.kind == "f":  # NumPy's is the first NaN
            bad = window[:, ::-1] != window[:, ::-1]
            at = np.where(bad.any(axis=1), window.shape[1] - 1 - bad.argmax(axis=1), at)
        largest[:, z, i, j] = np.take_along_axis(window, at[:, None], axis=1)[:, 0]
        steps = [
            c * (cut.step or 1) + cut.start
            for c, cut in zip(np.unravel_index(at, inside), (deep, high, wide), strict=True)
        ]
        places[:, z, i, j] = (steps[0] * g.height + steps[1]) * g.width + steps[2]


def max_unpool(
    x: NDArray[Any], indices: NDArray[np.int64], y: NDArray[Any], sizes: NDArray[np.intp], threads: int
) -> int | None:
    """Put each value of a plane in its place, the last of those that share one; the first index that is none."""
    planes, _, n, *_ = sizes.tolist()
    outside = (indices < 0) | (indices >= n)
    if outside.any():
        return int(indices[outside][0])
    flat = y.reshape(planes, n)
    flat[...] = 0
    np.put_along_axis(flat, indices.reshape(planes, -1), x.reshape(planes, -1), axis=1)
    return None
