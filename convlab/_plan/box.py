"""Plans of sums over windows."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import STORED, BoxGeometry, FilterValues
from convlab._spec import separable
from convlab._spec.arguments import check_dtype
from convlab._spec.filtering import Filter2d, FilterOptions
from convlab._spec.imaging import truth, window
from convlab._spec.separable import BoxOptions, Separable2d

from .blocks import fold, in_blocks, source_of_blocks
from .box_lines import pays, plan_lines
from .cache import remembered
from .plan import WORKSPACE_LIMIT, Machine, Plan, pitches_of, rounded_up, threads_for
from .separable import border_tables, separable_for, source_of, with_wide

# Windows of up to so many pixels down and along are summed directly: that takes them less than blocks would.
DIRECT = 9
# Floats of suffixes that stay in a core's cache; floats of a workspace at most.
CACHED, MOST = 1 << 17, 7 << 20
# The widest vector; output rows of a part.
LANES, PART_ROWS = 16, 128
# Elements of a row up to which folding, which copies, is faster.
NARROW = 6


def plan_box2d(
    spec: Separable2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine
) -> Plan[Separable2d] | None:
    """By blocks; None where the workspace would be too large for it."""
    limit = WORKSPACE_LIMIT if spec.filter.workspace_limit is None else spec.filter.workspace_limit
    kernel_height = spec.filter.kernel_shape[0]
    columns, folded = _strip_columns(spec), fold(spec.filter, NARROW, kernel_height)
    if pays(spec, columns, spec.image.width * spec.image.step <= NARROW):
        lines = plan_lines(spec, source)
        if lines.needed <= limit:
            return lines
    if pitches is not None and spec.dtype in STORED and folded is None:
        plan = _plan_kernel(spec, source, pitches, machine, columns, limit)
        if plan is None or plan.needed <= limit:
            return plan
    copied = source_of_blocks(spec.filter, source)

    def of_block(block: Filter2d, room: int) -> Plan[Separable2d] | None:
        return _plan_kernel(replace(spec, filter=block), copied, block.image.pitches(), machine, columns, room)

    # Blocks and their strips begin where parts and strips of the image do, so that windows are cut in the same places.
    first = in_blocks(spec.filter, copied, of_block, folded, _part_rows(kernel_height), kernel_height, columns)
    return None if first is None else replace(first, spec=spec)


def _part_rows(kernel_height: int) -> int:
    return rounded_up(max(PART_ROWS, 2 * kernel_height), kernel_height)


def _strip_columns(spec: Separable2d) -> int:
    """A strip as wide as lets its suffixes stay in the cache, but not much narrower than its windows; all alike."""
    region, (kernel_height, kernel_width) = spec.region, spec.filter.kernel_shape
    columns = max(CACHED // (kernel_height * region.step) - kernel_width, 2 * kernel_width, 4 * LANES)
    fitting = (MOST // _rows(kernel_height) - 8 * LANES) // region.step - 2 * kernel_width
    columns = max(min(columns, fitting), 4 * LANES)
    columns = -(-region.width // max(1, -(-region.width // columns))) or 1
    return columns if _holds_border(spec, columns, border_tables(spec)) else region.width


def _rows(kernel_height: int) -> int:
    """Rows of the workspace, each as wide as a strip and its windows."""
    return 2 * LANES + 2 + kernel_height


def _plan_kernel(
    spec: Separable2d, source: np.dtype[Any], pitches: tuple[int, int], machine: Machine, columns: int, room: int
) -> Plan[Separable2d] | None:
    """The kernel over an image that it can read, or over a block; None where its workspace would be too large."""
    part_rows = _part_rows(spec.filter.kernel_shape[0])
    columns = min(columns, spec.region.width) or 1
    image, region, step = spec.image, spec.region, spec.image.step
    kernel_height, kernel_width = spec.filter.kernel_shape
    pitch = rounded_up((columns + kernel_width - 1) * step + 2 * LANES, 2 * LANES) + LANES
    workspace = rounded_up(_rows(kernel_height) * pitch + 2 * kernel_width * LANES, LANES)
    if workspace > MOST:
        return None
    buffers = 4 * (16 + pitch + kernel_height + 1)  # a constant row, and multiples of the constant
    geometry = BoxGeometry(
        region.planes, image.height, image.width, region.height, region.width, step,
        *pitches, *spec.output.pitches(), kernel_height, kernel_width,
        *spec.filter.border_sizes, -(-region.width // columns), columns, -(-region.height // part_rows), part_rows,
        pitch, workspace, STORED.index(source), STORED.index(spec.dtype),
    )  # fmt: skip
    values = FilterValues(spec.filter.cval, spec.filter.scale, spec.filter.offset, *spec.filter.clip)
    return Plan(
        spec=spec,
        kernel="box2d",
        reason="a window is the end of one block and the beginning of the next: three additions an axis",
        threads=threads_for(spec, machine, 4 * workspace, buffers, room),
        tile=(min(part_rows, region.height), columns),
        workspace=4 * workspace,
        buffers=buffers,
        convert=False,
        source=source,
        shape=spec.output.shape,
        plain=spec.filter.border != "keep",
        tables=(np.array(geometry, np.intp), border_tables(spec), np.array(values, np.float32)),
        taps=np.ones(kernel_height + kernel_width, np.float32),
    )


def _holds_border(spec: Separable2d, columns: int, borders: NDArray[np.intp]) -> bool:
    """Whether the columns beside the image are copies of columns that the first and the last strip read anyway."""
    if columns >= spec.region.width:
        return True
    above, below, before, after = spec.filter.border_sizes
    kernel_width, width = spec.filter.kernel_shape[1], spec.image.width
    first = borders[above + below : above + below + before]
    last = borders[above + below + before :]
    left = (spec.region.width - 1) // columns * columns - before
    inside = first.max(initial=-1) < columns + kernel_width - 1 - before
    # The strip before the last one reads beyond the image only what the last one does, and more of the image.
    return bool(inside and left >= 0 and (after == 0 or last[last >= 0].min(initial=width) >= left))


@remembered(BoxOptions)
def box(x: NDArray[Any], _: None, options: BoxOptions) -> Plan[Separable2d]:
    """Make the plan of a box, or raise the error for a wrong argument."""
    check_dtype("image", x.dtype)
    rows, columns = window("size", options.size)
    given = FilterOptions(
        border=options.border,
        cval=options.cval,
        anchor=options.anchor,
        scale=1.0 / (rows * columns) if truth("normalize", options.normalize) else 1.0,
        channel_axis=options.channel_axis,
        dtype=options.dtype,
        precision=options.precision,
    )
    spec = separable.separable2d(x.shape, (rows, columns), given, "box")
    source = source_of(x)
    plan = None
    if max(rows, columns) > DIRECT and spec.filter.precision == "fast":
        plan = plan_box2d(spec, source, pitches_of(spec.image, x, source), Machine())
    plan = plan or separable_for(spec, x, np.ones(rows + columns, np.float32))
    return with_wide(plan, x, np.ones((1, rows)), np.ones((1, columns)))
