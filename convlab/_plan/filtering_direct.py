"""Plans of direct correlation: the kernel, its tiles, its workspace, and bands of what must be converted."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _errors
from convlab._geometry import STORED, FilterGeometry, FilterValues
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d

from .plan import WIDEST_BLOCK, WORKSPACE_LIMIT, Band, Machine, Plan, rounded_up, threads_for

# Output rows in a tile, the piece of work that a thread takes: enough to make the staging of its edges cheap, and a
# multiple of the three and four rows of a block. Fewer where the workspace is limited, but a block's at least.
TILE_ROWS = 24
FEWEST_ROWS = 4
# Sides of the square kernels whose taps are unrolled into registers.
UNROLLED = (3, 5, 7)
# Columns of a picture of integers that are converted at a time: a tile of them stays in the first cache.
CHUNK_COLUMNS = 256
# Bytes of a band that is converted before the kernel runs over it.
BAND_BYTES = 4 << 20


def plan_direct(
    spec: Filter2d,
    source: np.dtype[Any],
    pitches: tuple[int, int] | None,
    machine: Machine,
    taps: NDArray[np.float32],
    reason: str = "sums over the taps",
    considered: tuple[tuple[str, str], ...] = (),
) -> Plan[Filter2d]:
    """Direct correlation; `pitches` of the source's planes and rows, or None where it must be converted."""
    limit = WORKSPACE_LIMIT if spec.workspace_limit is None else spec.workspace_limit
    plan = None
    for tile_rows in (TILE_ROWS, TILE_ROWS // 2, FEWEST_ROWS):
        plan = _with_tiles(spec, source, pitches, machine, taps, tile_rows, limit, reason, considered)
        if plan.buffers + plan.workspace <= limit:
            break
    assert plan is not None
    if spec.workspace_limit is not None and plan.buffers + plan.workspace > limit:
        raise _errors.workspace(limit, plan.algorithm, plan.buffers + plan.workspace)
    return plan


def _with_tiles(
    spec: Filter2d,
    source: np.dtype[Any],
    pitches: tuple[int, int] | None,
    machine: Machine,
    taps: NDArray[np.float32],
    tile_rows: int,
    limit: int,
    reason: str,
    considered: tuple[tuple[str, str], ...],
) -> Plan[Filter2d]:
    image, region, step = spec.image, spec.region, spec.image.step
    kernel_height, kernel_width = spec.kernel_shape
    above, below, before, after = spec.border_sizes
    target = spec.dtype if spec.dtype in STORED else FLOAT32
    # What the kernel cannot read or write as it lies goes through buffers of floats, a band of rows at a time.
    banded = pitches is None or target != spec.dtype
    if banded:
        source = FLOAT32

    # The columns whose windows leave the image are staged, copied together with their border: a block's width at least,
    # or all that an image too narrow has; and, chunk by chunk, all of an image that must be converted in the kernel.
    chunk = 0
    if source != FLOAT32 or spec.masked:
        chunk = min(region.width, max(-(-CHUNK_COLUMNS // step), 2 * kernel_width, -(-WIDEST_BLOCK // step)))
    narrow = max(before, WIDEST_BLOCK) + max(after, WIDEST_BLOCK) + WIDEST_BLOCK
    strip_columns = chunk or min(region.width, narrow)
    if tile_rows == TILE_ROWS:
        tile_rows = max(tile_rows, rounded_up(kernel_height, 12))
    strip_row = rounded_up((strip_columns + kernel_width - 1) * step + 2 * WIDEST_BLOCK, 16)

    rows, buffers = region.height, 8 * image.width * step  # these are a constant row, and one of the mask
    if banded:
        row_bytes = (5 if spec.mask else 4) * region.planes * step * image.width
        all_bytes = row_bytes + 4 * (spec.kernels or 1) * region.planes * step * region.width * (target != spec.dtype)
        rows = min(max(BAND_BYTES // max(all_bytes, 1) // tile_rows, 1) * tile_rows, region.height)
        buffers += all_bytes * rows + row_bytes * (kernel_height - 1)
    slots = max(min(tile_rows, rows), FEWEST_ROWS) + kernel_height - 1
    # Two tables of pointers (two floats each), four spare rows, the strips on a cache line: see `tile` in the kernel.
    strips = (2 if spec.masked else 1) * slots * strip_row
    workspace = rounded_up(4 * slots + 4 * max(region.width * step, WIDEST_BLOCK) + strips + 16, 16)

    # Floats that the caches could not hold are stored past them.
    stream = spec.kernels is None and target == FLOAT32 and 4 * math.prod(region.shape) >= machine.cache_bytes

    def geometry(n: int) -> NDArray[np.intp]:
        """The sizes for n output rows: all, or a band's."""
        source_rows = image.resized(n + kernel_height - 1, image.width) if banded else image
        output = region.resized(n, region.width) if target != spec.dtype else spec.output
        mask = source_rows if spec.mask_per_channel else source_rows.without_channels()
        sizes = FilterGeometry(
            region.planes, source_rows.height, image.width, n, region.width, step,
            *(source_rows.pitches() if banded or pitches is None else pitches), *output.pitches(),
            *((0, 0) if banded else (above, below)), before, after, chunk, -(-n // tile_rows), tile_rows,
            workspace, stream, spec.finishes,
            STORED.index(source), STORED.index(target), spec.kernels or 1, math.prod(output.shape),
            *mask.pitches(), spec.mask, spec.omit_nan,
        )  # fmt: skip
        return np.array(sizes, np.intp)

    outside = [
        _borders.source_indices(spec.border, size, first, last)
        for size, first, last in (
            (image.height, -above, 0),
            (image.height, image.height, image.height + below),
            (image.width, -before, 0),
            (image.width, image.width, image.width + after),
        )
    ]
    bands: tuple[Band, ...] = ()
    if banded and rows:
        wanted = np.concatenate([outside[0], np.arange(image.height), outside[1]])
        whole, last = geometry(rows), geometry(region.height % rows or rows)
        bands = tuple(
            Band(first, n := min(rows, region.height - first), wanted[first : first + n + kernel_height - 1],
                 whole if n == rows else last)
            for first in range(0, region.height, rows)
        )  # fmt: skip
        outside[0] = outside[1] = wanted[:0]
    return Plan(
        spec=spec,
        kernel=_kernel(spec),
        reason=reason,
        considered=considered,
        threads=threads_for(spec, machine, 4 * workspace, buffers, limit),
        tile=(tile_rows, chunk or region.width),
        workspace=4 * workspace,
        buffers=buffers,
        convert=banded,
        source=source,
        shape=spec.result_shape,
        plain=not banded and not spec.masked and spec.border != "keep" and bool(rows),
        tables=(
            geometry(rows),
            np.concatenate(outside),
            np.array(FilterValues(spec.cval, spec.scale, spec.offset, *spec.clip), np.float32),
        ),
        taps=taps,
        bands=bands,
    )


def _kernel(spec: Filter2d) -> str:
    if spec.masked:
        return "correlate2d_masked"
    height, width = spec.kernel_shape
    return f"correlate2d_{height}x{width}" if height == width and height in UNROLLED else "correlate2d"
