"""Plans of separable filters over images."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convlab import _borders, _errors
from convlab._geometry import STORED, FilterValues, SeparableGeometry
from convlab._spec import separable
from convlab._spec.arguments import FLOAT32, check_dtype, finite, taps
from convlab._spec.filtering import Filter2d, FilterOptions
from convlab._spec.imaging import at_least, gaussian_taps, sigmas, smaller_output
from convlab._spec.separable import GaussianOptions, Separable2d, check_taps
from convlab.typing import Border, Clip, Numbers

from .blocks import LONG_ROW, fold, in_blocks, source_of_blocks
from .cache import LARGEST_KEY, remembered
from .plan import WORKSPACE_LIMIT, Machine, Plan, pitches_of, rounded_up, threads_for
from .wide import wide_for

# Output rows in a tile, the piece of work that a thread takes.
TILE_ROWS = 32
# Elements of a row up to which folding, which copies, is faster than blocks that are partly in vain.
NARROW = 12
# Rows of one image from which folding pays; and planes of so many rows, which become channels, if they fill vectors.
FOLDED_ROWS = 8192
FOLDED_PLANES, FOLDED_PLANE_ROWS = 64, 128
# Rows of an image from which long rows are cut: blocks of fewer are mostly copies of the border.
FEW_ROWS = 16
# STAGED and R of src/filter/sepfilter2d.pyx.
WIDEST_BLOCK, ROWS = 64, 4


def border_tables(spec: Separable2d) -> NDArray[np.intp]:
    """The source rows above and below the image, and the source columns before and after it."""
    image = spec.image
    above, below, before, after = spec.filter.border_sizes
    tables = [
        _borders.source_indices(spec.filter.border, size, first, last)
        for size, first, last in (
            (image.height, -above, 0),
            (image.height, image.height, image.height + below),
            (image.width, -before, 0),
            (image.width, image.width, image.width + after),
        )
    ]
    return np.concatenate(tables)


def plan_separable2d(
    spec: Separable2d,
    source: np.dtype[Any],
    pitches: tuple[int, int] | None,
    machine: Machine,
    kernels: NDArray[np.float32],
) -> Plan[Separable2d]:
    """Columns into a few rows of workspace, and from there along the rows.

    `kernels` are the column and the row, or those of two pairs; behind them may stand the taps of their product.
    """
    limit = WORKSPACE_LIMIT if spec.filter.workspace_limit is None else spec.filter.workspace_limit
    row = spec.image.width * spec.image.step
    planes, rows = spec.region.planes, spec.region.height
    pays = rows >= FOLDED_ROWS or (planes >= FOLDED_PLANES and rows >= FOLDED_PLANE_ROWS)
    folded = fold(spec.filter, NARROW) if pays else None
    long = row > LONG_ROW and spec.image.height >= FEW_ROWS
    if pitches is not None and spec.dtype in STORED and not long and folded is None:
        plan = _plan_kernel(spec, source, pitches, machine, kernels, limit)
        if plan.needed <= limit:
            return plan
    copied = source_of_blocks(spec.filter, source)

    def of_block(block: Filter2d, room: int) -> Plan[Separable2d]:
        part = replace(spec, filter=block)
        return _plan_kernel(part, copied, block.image.pitches(), machine, kernels, room)

    first = in_blocks(spec.filter, copied, of_block, folded, TILE_ROWS)
    assert first is not None
    return replace(first, spec=spec, plain=False)


def _plan_kernel(
    spec: Separable2d,
    source: np.dtype[Any],
    pitches: tuple[int, int],
    machine: Machine,
    kernels: NDArray[np.float32],
    room: int,
) -> Plan[Separable2d]:
    """The kernel over an image that it can read, or over a block, with as many threads as `room` has bytes for."""
    image, region, step = spec.image, spec.region, spec.image.step
    kernel_height, kernel_width = spec.filter.kernel_shape
    above, below, before, after = spec.filter.border_sizes
    borders = border_tables(spec)
    width = image.width * step
    whole = kernels.size > (1 + spec.magnitude) * (kernel_height + kernel_width)
    tile_rows = max(TILE_ROWS, rounded_up(kernel_height, ROWS))
    slots = min(tile_rows, max(region.height, 1)) + ROWS - 1 + kernel_height
    pitch = rounded_up((image.width + kernel_width - 1) * step + 2 * WIDEST_BLOCK, 16) + 16
    # The rows of sums (and a source row, and its own), output rows too narrow for a block, pointers (two floats each),
    # source rows too narrow for one.
    narrow = slots * WIDEST_BLOCK if width < WIDEST_BLOCK else 0
    workspace = rounded_up(
        (ROWS * (1 + spec.magnitude) + 2 * whole) * pitch + ROWS * WIDEST_BLOCK + 2 * slots + narrow + 16, 16
    )
    buffers = 4 * width + 64  # a constant row
    geometry = SeparableGeometry(
        region.planes, image.height, image.width, region.height, region.width, step,
        *pitches, *spec.output.pitches(), kernel_height, kernel_width,
        above, below, before, after, -(-region.height // tile_rows), tile_rows, pitch, workspace,
        spec.magnitude, whole, spec.filter.finishes, STORED.index(source), STORED.index(spec.dtype),
    )  # fmt: skip
    values = FilterValues(spec.filter.cval, spec.filter.scale, spec.filter.offset, *spec.filter.clip)
    return Plan(
        spec=spec,
        kernel="magnitude2d_separable" if spec.magnitude else "correlate2d_separable",
        algorithm="separable",
        reason="the kernel is an outer product: its columns' sums wait in the cache for the rows'",
        tile=(tile_rows, region.width),
        threads=threads_for(spec, machine, 4 * workspace, buffers, room),
        workspace=4 * workspace,
        buffers=buffers,
        convert=False,
        source=source,
        shape=spec.output.shape,
        plain=spec.filter.border != "keep",
        tables=(np.array(geometry, np.intp), borders, np.array(values, np.float32)),
        taps=kernels,
    )


def _row_and_options(dtype: np.dtype[Any], kx: bytes, *options: Any) -> tuple[NDArray[Any], FilterOptions]:
    return np.frombuffer(kx, dtype), FilterOptions(*options)


@remembered(_row_and_options)
def _found(x: NDArray[Any], ky: NDArray[Any], given: tuple[NDArray[Any], FilterOptions]) -> Plan[Separable2d]:
    return _planned(x, ky, *given)


def _planned(x: NDArray[Any], ky: NDArray[Any], kx: NDArray[Any], options: FilterOptions) -> Plan[Separable2d]:
    check_dtype("image", x.dtype)
    check_taps("kernel_y", ky)
    check_taps("kernel_x", kx)
    spec = separable.separable2d(x.shape, (ky.size, kx.size), options)
    plan = separable_for(spec, x, np.concatenate([taps("kernel_y", ky), taps("kernel_x", kx)]))
    limit = spec.filter.workspace_limit
    if limit is not None and plan.needed > limit:
        raise _errors.workspace(limit, plan.algorithm, plan.needed)
    return with_wide(plan, x, ky[None], kx[None])


def separable_for(spec: Separable2d, x: NDArray[Any], kernels: NDArray[np.float32]) -> Plan[Separable2d]:
    """The plan for an array of checked dtype."""
    source = source_of_blocks(spec.filter, source_of(x))
    return plan_separable2d(spec, source, pitches_of(spec.image, x, source), Machine(), kernels)


def with_wide(plan: Plan[Separable2d], x: NDArray[Any], downs: NDArray[Any], alongs: NDArray[Any]) -> Plan[Separable2d]:
    """The plan, with the taps in double where the image may hold integers beyond float32's."""
    wide = wide_for(plan.spec.filter, x.dtype, downs=downs, alongs=alongs)
    return (
        plan if wide is None else replace(plan, wide=wide, plain=False, considered=(*plan.considered, wide.considered))
    )


def source_of(x: NDArray[Any]) -> np.dtype[Any]:
    """What a kernel reads of an array: its own dtype if it can, else a copy of floats."""
    native = x.dtype.newbyteorder("=")
    return native if native in STORED else FLOAT32


def sep_filter2d(x: NDArray[Any], ky: NDArray[Any], kx: NDArray[Any], *options: Any) -> Plan[Separable2d]:
    """Find the plan of a sep_filter2d, whose options are those of FilterOptions, or raise the error."""
    if kx.ndim != 1 or kx.nbytes > LARGEST_KEY or kx.dtype.kind not in "biuf":
        return _planned(x, ky, kx, FilterOptions(*options))
    return _found(x, ky, kx.dtype, kx.tobytes(), *options)


def unsharp(
    x: NDArray[Any], radius: Numbers, amount: float, clip: Clip | None, border: Border, cval: float,
    channel_axis: int | None, dtype: DTypeLike | None,
) -> tuple[Plan[Separable2d], Plan[Separable2d], float]:  # fmt: skip
    """Find the plan of an unsharp, the plan of its smoothing and the checked amount, or raise the error."""
    if isinstance(border, str) and border == "valid":
        raise smaller_output(border)
    down, along = sigmas("radius", radius)
    amount = finite("amount", amount)
    ky, kx = (gaussian_taps(deviation, 4.0, name="radius") for deviation in (down, along))
    start, rest = (None, None, border, cval, None, 1.0, 0.0), ("propagate", channel_axis)
    plan = sep_filter2d(x, ky, kx, *start, clip, *rest, dtype)
    # The sums are floats, in the result or in blocks. No kernel stores integers of 64 bits: plans for these sum blocks.
    floats = np.int64 if plan.spec.dtype.kind in "iu" else None
    return plan, sep_filter2d(x, ky, kx, *start, None, *rest, floats), amount


@remembered(FilterOptions)
def magnitude2d(x: NDArray[Any], pairs: NDArray[np.float64], options: FilterOptions) -> Plan[Separable2d]:
    """Make the plan of the magnitude of two filters: `pairs` holds kernel_y of both, then kernel_x of both."""
    check_dtype("image", x.dtype)
    size = pairs.shape[1]
    spec = separable.separable2d(x.shape, (size, size), options, "magnitude2d")
    plan = separable_for(spec, x, pairs.ravel().astype(np.float32))
    return with_wide(plan, x, pairs[:2], pairs[2:])


@remembered(GaussianOptions)
def gaussian(x: NDArray[Any], _: None, options: GaussianOptions) -> Plan[Separable2d]:
    """Make the plan of a gaussian, or raise the error for a wrong argument."""
    check_dtype("image", x.dtype)
    truncate = at_least("truncate", options.truncate, 0)
    kernels = [gaussian_taps(s, truncate) for s in sigmas("sigma", options.sigma)]
    given = FilterOptions(
        border=options.border, cval=options.cval, channel_axis=options.channel_axis, dtype=options.dtype
    )
    spec = separable.separable2d(x.shape, (kernels[0].size, kernels[1].size), given)
    plan = separable_for(spec, x, np.concatenate(kernels).astype(np.float32))
    return with_wide(plan, x, kernels[0][None], kernels[1][None])
