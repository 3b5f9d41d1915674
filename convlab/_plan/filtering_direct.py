"""Plans of direct correlation: the kernel, its tiles, its workspace, and blocks of what must be copied."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _errors
from convlab._geometry import STORED, FilterGeometry, FilterValues
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d

from .blocks import LONG_ROW, fold, in_blocks, source_of_blocks
from .plan import WIDEST_BLOCK, WIDEST_VECTOR, WORKSPACE_LIMIT, Machine, Plan, rounded_up, threads_for

# Output rows in a tile, the piece of work that a thread takes: enough to make the staging of its edges cheap, and a
# multiple of the three and four rows of a block. Fewer where the workspace is limited, but a block's at least.
TILE_ROWS = 24
FEWEST_ROWS = 4
# Sides of the square kernels whose taps are unrolled into registers.
UNROLLED = (3, 5, 7)
# Columns of a picture of integers that are converted at a time: a tile of them stays in the first cache.
CHUNK_COLUMNS = 256
# Elements of a row up to which folding, which copies, is faster than blocks that are partly in vain.
NARROW = 6


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
    folded = fold(spec, NARROW)
    in_place = pitches is not None and spec.dtype in STORED and not spec.mask
    short = source == FLOAT32 or spec.image.width * spec.image.step <= LONG_ROW
    if pitches is not None and in_place and short and folded is None:
        plan = _fitting(spec, source, pitches, machine, taps, limit, reason, considered)
        if plan.needed <= limit:
            return plan
    copied = source_of_blocks(spec, source)

    def of_block(block: Filter2d, room: int) -> Plan[Filter2d]:
        return _fitting(block, copied, block.image.pitches(), machine, taps, room, reason, considered)

    first = in_blocks(spec, copied, of_block, folded, TILE_ROWS)
    assert first is not None
    if spec.workspace_limit is not None and first.needed > limit:
        raise _errors.workspace(limit, first.algorithm, first.needed)
    return replace(first, spec=spec, shape=spec.result_shape, plain=False)


def _fitting(
    spec: Filter2d,
    source: np.dtype[Any],
    pitches: tuple[int, int],
    machine: Machine,
    taps: NDArray[np.float32],
    room: int,
    reason: str,
    considered: tuple[tuple[str, str], ...],
) -> Plan[Filter2d]:
    """With tiles of as many rows as `room` has bytes for, or of the fewest."""
    for tile_rows in (TILE_ROWS, TILE_ROWS // 2, FEWEST_ROWS):
        plan = _with_tiles(spec, source, pitches, machine, taps, tile_rows, room, reason, considered)
        if plan.needed <= room:
            break
    return plan


def _with_tiles(
    spec: Filter2d,
    source: np.dtype[Any],
    pitches: tuple[int, int],
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

    # The columns whose windows leave the image are staged, copied together with their border: a block's width at least,
    # or all that an image too narrow has; and, chunk by chunk, all of an image that must be converted in the kernel.
    chunk = 0
    if source != FLOAT32 or spec.masked:
        chunk = min(region.width, max(-(-CHUNK_COLUMNS // step), 2 * kernel_width, -(-WIDEST_BLOCK // step)))
    narrow = max(before, WIDEST_BLOCK) + max(after + WIDEST_VECTOR, WIDEST_BLOCK) + WIDEST_BLOCK
    strip_columns = chunk or min(region.width, narrow)
    if tile_rows == TILE_ROWS:
        tile_rows = max(tile_rows, rounded_up(kernel_height, 12))
    strip_row = rounded_up((strip_columns + kernel_width - 1) * step + 2 * WIDEST_BLOCK, 16)

    slots = max(min(tile_rows, region.height), FEWEST_ROWS) + kernel_height - 1
    # Two tables of pointers (two floats each), four spare rows, the strips on a cache line: see `tile` in the kernel.
    strips = (2 if spec.masked else 1) * slots * strip_row
    workspace = rounded_up(4 * slots + 4 * max(region.width * step, WIDEST_BLOCK) + strips + 16, 16)

    # Floats that the caches could not hold are stored past them.
    stream = spec.kernels is None and spec.dtype == FLOAT32 and 4 * math.prod(region.shape) >= machine.cache_bytes

    mask = image if spec.mask_per_channel else image.without_channels()
    geometry = FilterGeometry(
        region.planes, image.height, image.width, region.height, region.width, step,
        *pitches, *spec.output.pitches(), above, below, before, after, chunk,
        -(-region.height // tile_rows), tile_rows, workspace, stream, spec.finishes,
        STORED.index(source), STORED.index(spec.dtype), spec.kernels or 1, math.prod(spec.output.shape),
        *mask.pitches(), spec.mask, spec.omit_nan,
    )  # fmt: skip
    outside = [
        _borders.source_indices(spec.border, size, first, last)
        for size, first, last in (
            (image.height, -above, 0),
            (image.height, image.height, image.height + below),
            (image.width, -before, 0),
            (image.width, image.width, image.width + after),
        )
    ]
    buffers = 8 * image.width * step  # a constant row, and one of the mask
    return Plan(
        spec=spec,
        kernel=_kernel(spec),
        reason=reason,
        considered=considered,
        threads=threads_for(spec, machine, 4 * workspace, buffers, limit),
        tile=(tile_rows, chunk or region.width),
        workspace=4 * workspace,
        buffers=buffers,
        convert=False,
        source=source,
        shape=spec.result_shape,
        plain=not spec.masked and spec.border != "keep",
        tables=(
            np.array(geometry, np.intp),
            np.concatenate(outside),
            np.array(FilterValues(spec.cval, spec.scale, spec.offset, *spec.clip), np.float32),
        ),
        taps=taps,
    )


def _kernel(spec: Filter2d) -> str:
    if spec.masked:
        return "correlate2d_masked"
    height, width = spec.kernel_shape
    return f"correlate2d_{height}x{width}" if height == width and height in UNROLLED else "correlate2d"
