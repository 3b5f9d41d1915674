"""Plans in blocks: the image is copied and filtered part by part.

That is done where a kernel cannot read the image or write the result in place; where rows are so long that the kernel's
workspace would leave the caches, or the memory limit; and where the image is narrower than a vector. A block is a
filter of its own, whose image already holds the rows of the border that its windows reach, and the columns too where
rows are cut.

A narrow image is folded: its rows are cut into segments, or its planes are taken, and each segment or plane becomes a
channel of an image with innermost channels. Channels are filtered alone, so nothing changes but that vectors are full.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

import numpy as np

from convlab._geometry import STORED
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d
from convlab._spec.layout import Layout

from .plan import WORKSPACE_LIMIT, Plan, rounded_up

# Bytes of a block and of its result: enough that a call for each costs nothing, and few enough for the caches.
BLOCK_BYTES = 2 << 20
# Elements of a row above which a block is narrower than the image, and the fewest that it has then. Copies of blocks
# take up to seven times the time of shorter rows; longer rows leave the caches: see docs/measurements.md.
LONG_ROW, BLOCK_COLUMNS = 1 << 18, 1 << 14
# The elements of a row that folding aims at; fewest segments.
FOLDED_ROW, FEWEST_SEGMENTS = 256, 8
# Pixels from which an image is worth being folded.
FOLDED_PIXELS = 1 << 12
ALIGNED = 64  # bytes of a cache line, on which each copy begins
PlanT = TypeVar("PlanT", bound=Plan[Any])
Sizes = tuple[int, int, int, int]  # planes, rows, columns, channels


@dataclass(frozen=True, slots=True)
class Blocks:
    """How an image is cut; every size is of the output."""

    size: Sizes  # of a block; the last ones of an axis may be smaller
    cut: bool  # whether the columns' border is copied too: else blocks are as wide as the image
    segments: int  # of rows that become channels; 0 where the image is not folded
    by_planes: bool  # whether planes are the segments
    multiple: int  # of rows of which a segment has some
    source: np.dtype[Any]  # what a block's image is copied into
    result: np.dtype[Any] | None  # of a block's result; None where the kernel writes into the output itself
    bytes: int  # of the copies of a block
    plans: tuple[tuple[Sizes, Plan[Any]], ...]  # by the block's size

    def rows_of_segment(self, rows: int) -> int:
        """Output rows of each segment of a block of so many rows."""
        return rows if self.by_planes else rounded_up(-(-rows // self.segments), self.multiple)


def source_of_blocks(spec: Filter2d, stored: np.dtype[Any]) -> np.dtype[Any]:
    """What blocks are copied into: the image's dtype if a kernel reads it and it holds the border, or floats."""
    if stored not in STORED:
        return FLOAT32
    if stored != FLOAT32 and spec.border == "constant":
        limits = np.iinfo(stored)
        if not (limits.min <= spec.cval <= limits.max and spec.cval == int(spec.cval)):
            return FLOAT32
    return stored


def fold(spec: Filter2d, narrow: int, multiple: int = 1) -> tuple[int, bool] | None:
    """The segments of a folded image, and whether they are planes; None where it is not folded.

    That is an image of at most `narrow` elements a row, tall enough or of enough planes.
    """
    region = spec.region
    row = spec.image.width * region.step
    if spec.masked or spec.block or row > narrow or math.prod(region.shape) < FOLDED_PIXELS:
        return None
    if region.planes >= FOLDED_ROW // 4:
        return min(region.planes, max(FOLDED_ROW // row, 64)), True
    # A segment reads the rows of the next one that its windows reach: they must be few beside its own.
    fewest_rows = max(2 * spec.kernel_shape[0], multiple)
    segments = min(rounded_up(FOLDED_ROW // row, 16), region.height // fewest_rows)
    return (segments, False) if segments >= FEWEST_SEGMENTS else None


def in_blocks(
    spec: Filter2d,
    source: np.dtype[Any],
    make: Callable[[Filter2d, int], PlanT | None],
    folded: tuple[int, bool] | None,
    multiple: int = 1,
    fold_multiple: int = 1,
    columns_multiple: int = 1,
) -> PlanT | None:
    """The plan of the first block, which says what all cost, with all blocks; None where `make` returns None.

    It may need more than the limit, where that leaves no room for the smallest block. `make(spec, room)` plans one
    block and leaves `room` bytes to its kernel; `folded` is what `fold` said. A block has a `multiple` of rows, a
    segment of a folded one a `fold_multiple`, and a block of a part of the columns a multiple of `columns_multiple`:
    for kernels whose sums depend on where an image begins.
    """
    limit = WORKSPACE_LIMIT if spec.workspace_limit is None else spec.workspace_limit
    segments, by_planes = folded or (0, False)
    while True:
        blocks, buffers, plan = _largest(
            spec, source, make, segments, by_planes, multiple, fold_multiple, columns_multiple
        )
        fits = plan is not None and buffers + plan.needed <= limit
        if fits or not segments:
            break
        segments, by_planes = 0, False  # an image that is not folded needs less
    if plan is None:
        return None
    region, size = spec.region, blocks.size
    plans: dict[Sizes, Any] = {size: plan}
    whole = region.planes, region.height, region.width, region.step
    last = tuple(n % part or part for n, part in zip(whole, size, strict=True))
    for which in product((False, True), repeat=4):
        p, r, c, k = (last[i] if end else size[i] for i, end in enumerate(which))
        if (p, r, c, k) not in plans:
            plans[p, r, c, k] = make(_of_block(spec, blocks, (p, r, c, k)), limit - buffers)
    return replace(
        plan,
        buffers=plan.buffers + buffers,
        convert=True,
        blocks=replace(blocks, plans=tuple(plans.items())),
    )


def _largest(
    spec: Filter2d,
    source: np.dtype[Any],
    make: Callable[[Filter2d, int], PlanT | None],
    segments: int,
    by_planes: bool,
    multiple: int,
    fold_multiple: int,
    columns_multiple: int,
) -> tuple[Blocks, int, PlanT | None]:
    """The largest blocks that fit into the limit, the bytes of their copies, and the plan of one; or the smallest."""
    limit = WORKSPACE_LIMIT if spec.workspace_limit is None else spec.workspace_limit
    region = spec.region
    size = max(region.planes, 1), max(region.height, 1), max(region.width, 1), region.step
    if segments:
        size = (segments if by_planes else 1), *size[1:]
    budget = min(BLOCK_BYTES, limit // 2)
    blocks = Blocks(size, False, 0 if by_planes else segments, by_planes, fold_multiple, source, None, 0, ())
    while True:
        blocks = _fitting(spec, blocks, budget, multiple, columns_multiple)
        buffers = _bytes(spec, blocks)
        blocks = replace(blocks, bytes=buffers)
        plan = make(_of_block(spec, blocks, blocks.size), limit - buffers)
        if plan is None or buffers + plan.needed <= limit or budget <= 1:
            return blocks, buffers, plan
        budget //= 2


def _fitting(spec: Filter2d, blocks: Blocks, budget: int, multiple: int, columns_multiple: int) -> Blocks:
    """Blocks of at most `budget` bytes, where there are such."""
    (planes, rows, columns, channels), cut = blocks.size, blocks.cut
    kernel_height, kernel_width = spec.kernel_shape
    folded = blocks.by_planes or blocks.segments > 0
    may_cut = not folded and columns_multiple < columns

    def fewer(n: int, multiple: int) -> int:
        return max(n // 2 // multiple * multiple, multiple)

    if may_cut and not cut and columns * channels > LONG_ROW:
        fitting = BLOCK_BYTES // FLOAT32.itemsize // (min(rows, multiple) + kernel_height - 1)
        wanted = min(max(max(BLOCK_COLUMNS, fitting) // channels, 4 * kernel_width), columns)
        cut, columns = True, rounded_up(wanted, columns_multiple)
    while True:
        in_place = spec.dtype in STORED and not folded and channels == spec.region.step
        result = None if in_place else spec.dtype if spec.dtype in STORED else FLOAT32
        blocks = replace(blocks, size=(planes, rows, columns, channels), cut=cut, result=result)
        if _bytes(spec, blocks) <= budget:
            return blocks
        if planes > 1 and not folded:
            planes = fewer(planes, 1)
        elif rows > max(multiple, 2 * kernel_height):
            rows = fewer(rows, multiple)
        elif may_cut and columns > max(256 // channels, 4 * kernel_width, columns_multiple):
            cut, columns = True, fewer(columns, columns_multiple)
        elif channels > 16 and not folded:
            channels = fewer(channels, 1)
        elif rows > multiple:
            rows = fewer(rows, multiple)
        elif may_cut and columns > columns_multiple:
            cut, columns = True, fewer(columns, columns_multiple)
        elif channels > 1 and not folded:
            channels = fewer(channels, 1)
        else:
            return blocks


def _bytes(spec: Filter2d, blocks: Blocks) -> int:
    """What the copies of a block take: of its image and mask, of its result, and of both where it is folded."""
    planes, rows, columns, channels = blocks.size
    kernel_height, kernel_width = spec.kernel_shape
    if blocks.segments:
        segment = blocks.rows_of_segment(rows)
        read = blocks.segments * segment + kernel_height - 1
        folded = blocks.segments * (segment + kernel_height - 1)
        rows = blocks.segments * segment
    else:
        read = folded = rows + kernel_height - 1
    row = planes * channels * (columns + kernel_width - 1 if blocks.cut else spec.image.width)
    sizes = [read * row * blocks.source.itemsize, read * row if spec.mask else 0]
    result = (spec.kernels or 1) * planes * rows * columns * channels
    if blocks.by_planes or blocks.segments:
        sizes += [folded * row * blocks.source.itemsize]
    if blocks.result is not None:
        itemsize = blocks.result.itemsize
        sizes += [result * itemsize]
        if blocks.by_planes or blocks.segments:
            sizes += [result // (spec.kernels or 1) * itemsize] * (spec.kernels or 1)
    return sum(rounded_up(size, ALIGNED) for size in sizes)


def _of_block(spec: Filter2d, blocks: Blocks, size: Sizes) -> Filter2d:
    """The filter of one block: planes, rows, columns, channels, or folded ones."""
    planes, rows, columns, channels = size
    kernel_height, kernel_width = spec.kernel_shape
    wide = columns + kernel_width - 1 if blocks.cut else spec.image.width
    if blocks.by_planes:
        planes, channels = 1, planes * channels
    elif blocks.segments:
        rows, channels = blocks.rows_of_segment(rows), channels * blocks.segments
    region = Layout((planes, rows, columns, channels), 1, 2, inner_channels=True)
    return replace(
        spec,
        image=region.resized(rows + kernel_height - 1, wide),
        region=region,
        output=spec.output if blocks.result is None else region,
        dtype=spec.dtype if spec.dtype in STORED else FLOAT32,
        mask_per_channel=True,
        block=True,
        cut=blocks.cut,
        workspace_limit=None,
    )
