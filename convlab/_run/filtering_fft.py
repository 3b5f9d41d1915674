"""Correlation by transforms: overlapping tiles, each times the kernel's transform.

    tile of y = inverse(transform(window of x) * transform(flipped w))

A window is a tile with the k - 1 rows and columns more that its sums want, border included, so what wraps round falls
outside the tile. Threads share out the tiles. Those that SciPy has for one transform wait for each other on a busy
machine, and fail where another thread forks.

A transform errs everywhere by a share of the whole tile's norm, a direct sum by a share of its own window's. So the
pixels of each tile decide: where the norms of its blocks differ much, it is transformed in double, or summed directly
where that is faster, and where there is NaN or infinity, which would spread over all of it.
"""

import math
import threading
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._dispatch import Backend, serve
from convlab._importing import scipy_fft
from convlab._plan.filtering_direct import plan_direct
from convlab._plan.plan import Machine, Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d
from convlab._spec.layout import Layout
from convlab._threads import spread

from .arrays import saturated
from .tiles import fill

RESERVED = 136 << 20  # bytes that a thread reserves of addresses: a stack, and what GNU's malloc allots from
# The largest norm of a block over the lower quartile of those that are not 0, up to which float32 transforms are about
# as exact as direct sums (pictures: at most 6.4); and double ones, whose rounding is 2**29 times finer.
FLOAT_RANGE = 16.0
DOUBLE_RANGE = 2.0**29 * FLOAT_RANGE
# Taps from which a tile is transformed in double sooner than it is summed directly.
DOUBLE_TAPS = 1000
# A sum of fewer numbers but 0 rounds less than 8 times as little as a transform: taps, and columns of a block.
FEWEST_TERMS, FEWEST_COLUMNS = 64, 8
# Sums of squares that float32 holds without loss.
SMALLEST, LARGEST = 1e-30, 1e37
# What a transform in float32 must stay below: the pixels of a window, times its largest block's norm, times the taps.
OVERFLOW = 1e37


class _Kernel:
    """The transform of the taps for windows of one size, made when it is first wanted."""

    def __init__(self, taps: NDArray[np.float32], size: tuple[int, int], dtype: Any) -> None:
        self.taps, self.size, self.dtype = taps, size, dtype
        self.transform: NDArray[Any] | None = None
        self.lock = threading.Lock()

    def correlate(self, window: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
        """The sums of a window, of which `shape` is filled and the rest 0."""
        fft = scipy_fft()

        with self.lock:
            if self.transform is None:
                # Row by row the kernel's few alone. Flipped, it gives a correlation, whose tile begins kh - 1 rows
                # further on.
                rows = fft.rfft(self.taps[::-1, ::-1].astype(self.dtype), self.size[1], axis=1)
                self.transform = fft.fft(rows, self.size[0], axis=0, overwrite_x=True)
        height, width = self.taps.shape
        with np.errstate(all="ignore"):
            product = fft.rfft2(window)
            product *= self.transform
            product = fft.ifft(product, axis=0, overwrite_x=True)
            sums: NDArray[Any] = fft.irfft(product[height - 1 : shape[0]], self.size[1], axis=1)
        return sums[:, width - 1 : shape[1]]


def correlate_fft(plan: Plan[Filter2d], backend: Backend, x: NDArray[Any], y: NDArray[Any], threads: int) -> None:
    """Fill y, the region of the output that is computed."""
    spec = plan.spec
    rows, columns = plan.tables[0].tolist()
    fine_rows, fine_columns, *fine_tile = plan.tables[1].tolist()
    single = _Kernel(plan.taps, (rows, columns), FLOAT32)
    double = _Kernel(plan.taps, (fine_rows, fine_columns), np.float64)
    few_taps = np.count_nonzero(plan.taps) < FEWEST_TERMS
    gain = rows * columns * float(np.abs(plan.taps).sum(dtype=np.float64))
    above, _, before, _ = spec.border_sizes
    image = spec.image
    axes = image.row_axis, image.column_axis
    planes_of_y = np.moveaxis(y, axes, (-2, -1))
    planes_of_x = np.moveaxis(x, axes, (-2, -1))
    (tile_height, tile_width), (kernel_height, kernel_width) = plan.tile, spec.kernel_shape
    planes = planes_of_y.shape[:-2]
    # A number for each tile, not a list of their places: rows of 2^31 pixels have millions of tiles.
    tiles = (*planes, -(-spec.region.height // tile_height), -(-spec.region.width // tile_width))
    if threads > 1 and not _room(threads * (plan.workspace + RESERVED)):
        threads = 1
    windows = [np.zeros((rows, columns), FLOAT32) for _ in range(threads)]

    def compute(number: int) -> None:
        *plane_of_tile, down, along = map(int, np.unravel_index(number, tiles))
        plane, i, j = tuple(plane_of_tile), down * tile_height, along * tile_width
        window = windows.pop()
        part = planes_of_y[plane][i : i + tile_height, j : j + tile_width]
        shape = part.shape[0] + kernel_height - 1, part.shape[1] + kernel_width - 1
        filled = window[: shape[0], : shape[1]]
        window[shape[0] :] = window[:, shape[1] :] = 0
        places = [
            _borders.source_indices(spec.border, n, first, first + size)
            for n, first, size in ((image.height, i - above, shape[0]), (image.width, j - before, shape[1]))
        ]
        fill(filled, planes_of_x[plane], places[0], places[1], spec.cval)
        norms = block_norms(filled, spec.kernel_shape)
        # A number that overflows would be everywhere.
        if norms.ratio <= FLOAT_RANGE and not norms.simple and not few_taps and norms.largest * gain < OVERFLOW:
            _finish(spec, single.correlate(window, shape), part)
        elif norms.ratio <= DOUBLE_RANGE and plan.taps.size >= DOUBLE_TAPS:
            _in_double(spec, double, filled, part, fine_tile)
        else:
            _directly(spec, plan.taps, backend, filled, part)
        windows.append(window)

    spread(compute, range(math.prod(tiles)), threads)
    serve(backend, plan.kernel)


class Norms(NamedTuple):
    """What the blocks of a window, of the kernel's size, say of a transform's error beside a direct sum's."""

    largest: float  # norm of a block
    ratio: float  # of the largest norm to the lower quartile of those that are not 0
    simple: bool  # whether a direct sum hardly rounds: few numbers but 0 in a block, or all blocks alike


def block_norms(window: NDArray[Any], block: tuple[int, int]) -> Norms:
    """Look at a window's blocks; the last ones lie over their neighbours.

    Norms are infinite if there is NaN or infinity. Blocks whose squares float32 loses beside the largest count as 0.
    """
    columns, squares = _squares(window, block)
    largest = squares.max()
    if largest == 0 and not window.any():
        return Norms(0.0, 1.0, False)
    if not SMALLEST <= largest <= LARGEST:
        columns, squares = _squares(window.astype(np.float64), block)
    found = np.sqrt(np.sort(squares[squares != 0], axis=None), dtype=np.float64)  # NaN comes last
    if not np.isfinite(found[-1]):
        return Norms(np.inf, np.inf, False)
    simple = np.count_nonzero(columns) < min(FEWEST_COLUMNS, block[1]) * len(found) or found[0] == found[-1]
    return Norms(float(found[-1]), float(found[-1] / found[len(found) // 4]), bool(simple))


def _squares(window: NDArray[Any], block: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The sums of squares of blocks: of each one's columns, in whole rows, and of all of each."""
    (height, width), (rows, columns) = window.shape, block
    down, along = height // rows * rows, width // columns * columns
    with np.errstate(all="ignore"):
        parts = window[:down].reshape(-1, rows, width)
        sums = np.einsum("ijk,ijk->ik", parts, parts)
        if down < height:
            last = window[-rows:]
            sums = np.concatenate([sums, np.einsum("jk,jk->k", last, last)[None]])
        squares = sums[:, :along].reshape(len(sums), -1, columns).sum(2)
        if along < width:
            squares = np.concatenate([squares, sums[:, -columns:].sum(1)[:, None]], 1)
        return sums, squares


def _in_double(spec: Filter2d, kernel: _Kernel, filled: NDArray[np.float32], y: NDArray[Any], tile: list[int]) -> None:
    """A tile by transforms in double, of parts so small that they need no more memory."""
    (height, width), (kernel_height, kernel_width) = tile, spec.kernel_shape
    for i in range(0, y.shape[0], height):
        for j in range(0, y.shape[1], width):
            part = filled[i : i + height + kernel_height - 1, j : j + width + kernel_width - 1]
            window = np.zeros(kernel.size)
            window[: part.shape[0], : part.shape[1]] = part
            sums = kernel.correlate(window, part.shape)
            with np.errstate(all="ignore"):
                _finish(spec, sums.astype(FLOAT32), y[i : i + height, j : j + width])


def _room(size: int) -> bool:
    """Whether there are that many bytes: a thread that starts without memory ends the process, by the C library."""
    try:
        np.empty(size, np.uint8)
    except MemoryError:
        return False
    return True


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
