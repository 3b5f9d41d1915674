"""Correlation by transforms: overlapping tiles, each times the kernel's transform.

    tile of y = inverse(transform(window of x) * transform(flipped w))

A window is a tile with the k - 1 rows and columns more that its sums want, border included, so what wraps round falls
outside the tile. Threads share out the tiles. Those that SciPy has for one transform wait for each other on a busy
machine, and fail where another thread forks. Tiles that hold NaN or infinity, which would spread over all of a tile,
are computed directly.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._dispatch import Backend, serve
from convlab._plan.filtering_direct import plan_direct
from convlab._plan.plan import Machine, Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d
from convlab._spec.layout import Layout
from convlab._threads import spread

from .arrays import saturated

RESERVED = 136 << 20  # bytes that a thread reserves of addresses: a stack, and what GNU's malloc allots from


def correlate_fft(plan: Plan[Filter2d], backend: Backend, x: NDArray[Any], y: NDArray[Any], threads: int) -> None:
    """Fill y, the region of the output that is computed."""
    from scipy import fft

    spec = plan.spec
    size = plan.tables[0].tolist()
    # Row by row the kernel's few alone. Flipped, it gives a correlation, whose tile begins kh - 1 rows further on.
    kernel = fft.rfft(plan.taps[::-1, ::-1], size[1], axis=1)
    kernel = fft.fft(kernel, size[0], axis=0, overwrite_x=True)
    above, _, before, _ = spec.border_sizes
    image = spec.image
    axes = image.row_axis, image.column_axis
    planes_of_y = np.moveaxis(y, axes, (-2, -1))
    planes_of_x = np.moveaxis(x, axes, (-2, -1))
    (tile_height, tile_width), (kernel_height, kernel_width) = plan.tile, spec.kernel_shape
    tiles = [
        (plane, i, j)
        for plane in np.ndindex(planes_of_y.shape[:-2])
        for i in range(0, spec.region.height, tile_height)
        for j in range(0, spec.region.width, tile_width)
    ]
    if threads > 1 and not _room(threads * (plan.workspace + RESERVED)):
        threads = 1
    windows = [np.zeros(size, FLOAT32) for _ in range(threads)]

    def compute(tile: tuple[tuple[int, ...], int, int]) -> None:
        plane, i, j = tile
        window = windows.pop()
        part = planes_of_y[plane][i : i + tile_height, j : j + tile_width]
        shape = part.shape[0] + kernel_height - 1, part.shape[1] + kernel_width - 1
        filled = window[: shape[0], : shape[1]]
        window[shape[0] :] = window[:, shape[1] :] = 0
        rows = _borders.source_indices(spec.border, image.height, i - above, i - above + shape[0])
        columns = _borders.source_indices(spec.border, image.width, j - before, j - before + shape[1])
        _fill(filled, planes_of_x[plane], rows, columns, spec.cval)
        with np.errstate(all="ignore"):
            product = fft.rfft2(window)
            product *= kernel
            product = fft.ifft(product, axis=0, overwrite_x=True)
            sums = fft.irfft(product[kernel_height - 1 : shape[0]], size[1], axis=1)
            sums = sums[:, kernel_width - 1 : shape[1]]
            finite = np.isfinite(sums.sum())  # NaN or infinity anywhere are everywhere now
        if finite:
            _finish(spec, sums, part)
        else:
            _directly(spec, plan.taps, backend, filled, part)
        windows.append(window)

    spread(compute, tiles, threads)
    serve(backend, plan.kernel)


def _room(size: int) -> bool:
    """Whether there are that many bytes: a thread that starts without memory ends the process, by the C library."""
    try:
        np.empty(size, np.uint8)
    except MemoryError:
        return False
    return True


def _fill(
    window: NDArray[np.float32], plane: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], cval: float
) -> None:
    """The given rows and columns of a plane, -1 the constant, as floats: what lies inside in one go."""
    top, bottom = _inside(rows)
    left, right = _inside(columns)
    first, last = (int(columns[left]), int(columns[right - 1]) + 1) if left < right else (0, 0)
    around = np.concatenate([np.arange(top), np.arange(bottom, len(rows))])
    beside = np.concatenate([np.arange(left), np.arange(right, len(columns))])
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        if top < bottom:
            window[top:bottom, left:right] = plane[int(rows[top]) : int(rows[bottom - 1]) + 1, first:last]
        window[around, left:right] = plane[rows[around], first:last]
        wanted = columns[beside]
        if wanted.size and first <= wanted.min() and wanted.max() < last:  # columns of this very window, mostly
            window[:, beside] = np.take(window, wanted - first + left, axis=1)
        else:
            window[:, beside] = plane[rows[:, None], wanted]
    window[rows < 0] = cval
    window[:, columns < 0] = cval


def _inside(indices: NDArray[np.intp]) -> tuple[int, int]:
    """The longest run of neighbours among the indices, which an axis's inside is."""
    breaks = np.flatnonzero((np.diff(indices) != 1) | (indices[:-1] < 0)) + 1
    starts = np.r_[0, breaks]
    ends = np.r_[breaks, len(indices)]
    longest = int(np.argmax(ends - starts))
    first, last = int(starts[longest]), int(ends[longest])
    return (first, last) if indices[first] >= 0 else (0, 0)


def _finish(spec: Filter2d, sums: NDArray[np.float32], y: NDArray[Any]) -> None:
    with np.errstate(all="ignore"):
        if spec.finishes:
            sums *= np.float32(spec.scale)
            sums += np.float32(spec.offset)
            np.clip(sums, *(np.float32(limit) for limit in spec.clip), out=sums)
    if y.dtype == FLOAT32:
        y[...] = sums
    else:
        saturated(sums, y.dtype, y)


def _directly(
    spec: Filter2d,
    taps: NDArray[np.float32],
    backend: Backend,
    window: NDArray[np.float32],
    y: NDArray[Any],
) -> None:
    """A tile by sums over the taps."""
    image, region = (Layout(shape, 0, 1, inner_channels=False) for shape in (window.shape, y.shape))
    part = replace(spec, image=image, region=region, output=region, border="valid", dtype=FLOAT32, workspace_limit=None)
    plan = plan_direct(part, FLOAT32, (0, window.strides[0] // 4), Machine(), taps[None])
    sums = np.empty(y.shape, FLOAT32)
    backend.functions[plan.kernel](window, plan.taps, sums, *plan.tables, 1)
    _finish(replace(spec, scale=1.0, offset=0.0, clip=(-np.inf, np.inf)), sums, y)
