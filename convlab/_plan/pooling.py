"""Plans of pools."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import GATHERED, POOLED, PoolGeometry
from convlab._spec import pooling
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.pooling import AdaptiveOptions, GlobalOptions, Pool, PoolOptions

from .cache import remembered
from .plan import (
    GROUP_BYTES,
    GROUP_ROWS,
    WIDEST_BLOCK,
    WIDEST_VECTOR,
    Machine,
    Plan,
    rounded_up,
    small_group,
    threads_for,
)
from .pool_axes import Source, flattened, merged, squeezed
from .pool_pieces import CONVERTED_BYTES

# Output rows in a tile, the piece of work that a thread takes, if they read no more than so many elements; and elements
# that a part of a row reads, to be a task of its own.
TILE_ROWS, TILE_ELEMENTS, PART_ELEMENTS = 24, 1 << 20, 1 << 17
# A cache line, in floats and in bytes.
LINE, BLOCK = 16, 64
# The loops of a pool -> its kernel, behind the word for the operation.
KERNELS = {
    "rows": "pool2d",
    "registers": "pool2d_registers",
    "2x2": "pool2d_2x2",
    "narrow": "pool_narrow",
    "indices": "pool2d_indices",
}
# Terms of a sum's blocks: src/pool/pool_tree.pxd.
SUMMED = 8
# Windows of which more than so many have a column in common are made together (the kernels' own limit for sums), and
# those of maxima where it is more than so many.
SHARED, SHARED_MAXIMA = 4, 4
# Elements of a row that are reduced at a time; and where windows are longer and overlap, those of a thread's workspace.
ROW_ELEMENTS, LONG_ELEMENTS = 1 << 14, 1 << 21
# Planes of at most so many columns are pooled a vector of planes at a time, where there are as many of them: at stride
# 1, at larger strides, and where the caches do not hold the arrays.
NARROW_WIDTH, NARROW_STRIDED, NARROW_UNCACHED = 32, 20, 8
# Elements of a plane that a narrow pool turns at a time, which 16 lanes make 32 KiB of; more if its window has more.
TURNED = 512
MOST_TURNED = 4096
# Powers that are products: src/pool/pool_power.pxd.
WHOLE_POWERS = range(1, 9)


def source_of(spec: Pool, x: NDArray[Any], source: np.dtype[Any]) -> Source | None:
    """The array's own strides if a kernel can read it in place."""
    sums = spec.operation == "avg" or 0 < spec.norm < math.inf
    if spec.norm != math.inf and x.dtype == source and x.dtype.isnative and x.flags.aligned:
        pitches = spec.image.pitches_of(x.strides, x.dtype.itemsize)
        if pitches is not None and (source in POOLED or not sums):
            return Source(*pitches)
    return _gathered(spec, x) if sums else None


def _gathered(spec: Pool, x: NDArray[Any]) -> Source:
    """Any strides at all, in bytes: there are at most two axes of planes."""
    image, strides = spec.image, x.strides
    axes = image.plane_axes
    plane = strides[axes[-1]] if axes else 0
    outer, inner = (strides[axes[0]], image.shape[axes[1]]) if len(axes) == 2 else (0, image.planes)
    slice_, row, column = (0,) * (3 - len(image.axes)) + tuple(strides[axis] for axis in image.axes)
    channel = strides[-1] if image.inner_channels else 0
    return Source(plane, slice_, row, outer, max(inner, 1), column, channel, True, not x.dtype.isnative)


def _padded(numbers: tuple[int, ...], fill: int) -> tuple[int, ...]:
    """Numbers of one to three axes as those of depth, height and width."""
    return (fill,) * (3 - len(numbers)) + numbers


class _Row(NamedTuple):
    """How the outputs of a row are made: src/pool/pool.pxd says what the numbers are."""

    columns: int
    taps: int
    extent: int  # pixels of a row in the workspace
    each: bool  # whether a maximum's windows are reduced one by one


def _row(spec: Pool, rows: int) -> _Row:
    """Some outputs of a row at a time, and some columns of windows that are longer than a row in the workspace."""
    out, size, step = spec.output.sizes[-1], spec.image.sizes[-1], spec.image.step
    k, stride, d = spec.window[-1], spec.stride[-1], spec.dilation[-1]
    span, sums = (k - 1) * d + 1, spec.operation in ("avg", "lp") and spec.norm != math.inf
    if spec.bins:
        stride = -(-size // out)
    overlap = not spec.bins and k > (SHARED if sums else SHARED_MAXIMA) * stride
    each = not sums and (spec.bins or (not overlap and k > 2 * SUMMED) or span > 4 * size + 1024)
    room = ROW_ELEMENTS // step
    if overlap and not each:
        room = max(room, min(4 * span, LONG_ELEMENTS // (rows * step)))
    if not spec.bins and stride * step >= BLOCK and stride > 4 * span:  # of the columns between nothing is read
        columns, each = 1, True
    elif span <= room:
        columns = min(out, (room - span) // stride + 1)
    else:
        columns = 1 if spec.bins or not sums else max(1, min(out, room // (2 * stride)))
        each = True
    taps = k
    if span > room:
        taps = SUMMED
        while ((2 * taps - 1) * d + 1) * step <= ROW_ELEMENTS // 2 or (2 * taps - 1) * d + 1 <= room // 2:
            taps *= 2
    reach = (taps - 1) * d + 1 + (columns - 1) * stride
    return _Row(columns, taps, reach, not sums and each)


def _levels(n: int) -> int:
    """Sums that wait for others at most, where n blocks have a term in the array."""
    return 0 if n <= 1 else n.bit_length() + 2


def plan_pool(spec: Pool, source: np.dtype[Any], layout: Source | None, machine: Machine) -> Plan[Pool]:
    """Small windows in registers, narrow planes many at a time, others rows first; see src/pool/pool2d.pyx."""
    asked, in_lesson = spec, _in_the_lesson(spec)
    if layout is not None:
        spec, layout = squeezed(spec, layout)
        images = flattened(spec, layout)
        if _loops(images[0], source, images[1], machine)[0] == "narrow":
            spec, layout = images
    if layout is not None and _loops(spec, source, layout, machine)[0] != "narrow":
        spec, layout = merged(spec, layout)
    image, output = spec.image, spec.output
    window, stride, dilation = _padded(spec.window, 1), _padded(spec.stride, 1), _padded(spec.dilation, 1)
    before, after = _padded(spec.before, 0), _padded(spec.after, 0)
    sizes, out = _padded(image.sizes, 1), _padded(output.sizes, 1)
    x = layout or Source(*image.pitches())
    loops, reason = _loops(spec, source, x, machine)
    power, exponent = _power(spec.norm)
    operation = _reduction(spec)
    sums = operation == "avg"
    # Rows of the workspace, whose length is decided by their number.
    deep = _levels(-(-min(window[0], sizes[0]) // SUMMED) + 1) + 3 if window[0] > 1 else 0
    row_levels = _levels(-(-min(window[1], sizes[1]) // SUMMED) + 1) if window[1] > SUMMED else 0
    rows = 3 + row_levels + deep + (SUMMED if x.gathered or power else 0) if sums else 8
    row = _row(spec, rows)
    floats = rounded_up(row.extent * image.step + 3 * WIDEST_BLOCK, BLOCK)
    result_levels = _levels(-(-min(window[2], sizes[2]) // row.taps) + 1) if row.taps < window[2] else 0
    group_rows, band_rows = 1, 0
    touched = math.prod(window[:2]) * min(sizes[2], out[2] * (stride[2] if not spec.bins else sizes[2])) * image.step
    tile_rows = max(1, min(TILE_ROWS, TILE_ELEMENTS // touched))
    if loops == "narrow":
        group_rows, band_rows = _bands(spec)
        turned = band_rows * sizes[2] + sizes[2] + group_rows * out[2]
        workspace = turned * WIDEST_VECTOR + rounded_up(8 * out[2], LINE)
    elif sums:
        results = result_levels * (row.columns * image.step + 3 * LINE)
        workspace = rows * floats + results + row.columns * (9 if spec.bins else 1) + 6 * LINE
    elif row.each:
        pixels = 2 * image.step * source.itemsize
        workspace = rounded_up(32 * row.columns + floats * source.itemsize + pixels + 8 * BLOCK, BLOCK) // 4
    else:
        pitch = floats * source.itemsize
        group_rows = _group_rows(spec, pitch)
        tile_rows = max(TILE_ROWS, group_rows)
        band_rows = (group_rows - 1) * stride[1] + window[1] if group_rows > 1 else 0
        # Pointers and copies of narrow rows, partial maxima, rows; see src/pool/pool_lanes.pxd.
        workspace = rounded_up(band_rows * 72 + group_rows * (pitch + 2 * BLOCK) + 2 * pitch + 8 * BLOCK, BLOCK) // 4
    workspace = 0 if loops in ("indices", "2x2") else rounded_up(workspace, LINE)
    tiles = -(-out[0] * out[1] // tile_rows)
    parts = 1
    if loops != "narrow":
        work = touched * out[0] * out[1] * image.planes
        parts = max(1, min(out[2] // row.columns, -(-work // PART_ELEMENTS) // (tiles * image.planes or 1)))
    y_pitches = output.pitches()
    stream = 4 * math.prod(output.shape) >= machine.cache_bytes and not any(pitch % LINE for pitch in y_pitches)
    geometry = (
        output.planes, *sizes, *out, image.step, x.plane, x.slice, x.row, *y_pitches,
        x.outer, x.inner, x.column, x.channel, *window, *stride, *before, *after, *dilation,
        spec.bins, 0 if row.each else row.extent, spec.divisor, spec.count_pad, tiles, parts, row.columns, row.taps,
        floats, row_levels, result_levels, workspace, stream, group_rows, band_rows,
        GATHERED.index(source) if source in GATHERED else -1, x.gathered, x.swapped, power, exponent,
    )  # fmt: skip
    assert len(geometry) == len(PoolGeometry._fields)
    convert = layout is None
    buffers = CONVERTED_BYTES if convert or source not in (GATHERED if sums else POOLED) else 0
    return Plan(
        spec=asked,
        kernel=f"{operation}_{KERNELS[loops]}",
        reason=reason,
        threads=threads_for(asked, machine, 4 * workspace, buffers),
        tile=(min(tile_rows, out[0] * out[1]), -(-out[2] // parts)),
        workspace=4 * workspace,
        buffers=buffers,
        convert=convert,
        source=source,
        compiled=sums or source in POOLED,  # what float32 cannot hold is reduced in its own dtype
        in_lesson=in_lesson,
        shape=asked.output.shape,
        plain=not (asked.indices or asked.norm or buffers or (sums and source.kind in "iu" and source.itemsize >= 4)),
        tables=(np.array(geometry, np.intp),),
    )


def _power(norm: float) -> tuple[int, int]:
    """The power of each absolute value that a norm sums, as the kernel's words have it, and its float's bits."""
    if not norm or norm == math.inf:
        return 0, 0
    return int(norm) if norm in WHOLE_POWERS else -1, int(np.float32(norm).view(np.uint32))


def _in_the_lesson(spec: Pool) -> bool:
    """Whether the plain loops know it: two axes, the same padding on both sides, partial windows dropped."""
    whole = not any(
        (o - 1) * s + k > n + 2 * p
        for o, s, k, n, p in zip(
            spec.output.sizes, spec.stride, spec.window, spec.image.sizes, spec.before, strict=True
        )
    )
    plain = not (spec.indices or spec.bins or spec.norm)
    usual = spec.operation != "avg" or spec.divisor == spec.window[0] * spec.window[-1]
    return plain and len(spec.window) == 2 and spec.before == spec.after and max(spec.dilation) == 1 and whole and usual


def _reduction(spec: Pool) -> str:
    """Return what reduces a window: a norm is a sum of powers, or the largest absolute value."""
    if spec.operation != "lp":
        return spec.operation
    return "avg" if math.isfinite(spec.norm) else "max"


def _loops(spec: Pool, source: np.dtype[Any], x: Source, machine: Machine) -> tuple[str, str]:
    """Return which loops serve, a key of KERNELS, and why."""
    if spec.indices:
        return "indices", "places beside the maxima"
    any_window = "rows", "rows first, then along the row, for any window"
    if source != FLOAT32 or x.gathered:
        return any_window
    if spec.norm == math.inf:
        return ("registers", "small windows fit in registers") if _in_registers(spec) else any_window
    if _narrow(spec, machine):
        return "narrow", "many narrow planes: a vector holds one element of each"
    halves = (spec.window, spec.stride, spec.before, spec.after) == ((2, 2), (2, 2), (0, 0), (0, 0))
    whole = all(2 * o <= n for o, n in zip(spec.output.sizes, spec.image.sizes, strict=True))
    plain = spec.image.step == 1 and spec.dilation == (1, 1) and not (spec.bins or spec.norm)
    if halves and whole and plain and spec.divisor in (0, 4):
        return "2x2", "2x2 at stride 2 fits in registers"
    return ("registers", "small windows fit in registers") if not spec.norm and _in_registers(spec) else any_window


def _in_registers(spec: Pool) -> bool:
    """Return whether the clones of pool_strips.pxd serve; sums of a block of rows and slices alone have one order."""
    if spec.image.step > 1 or spec.dilation[-1] > 1 or spec.bins:
        return False
    if spec.operation == "avg" and max(spec.window[:-1], default=1) > SUMMED:
        return False
    if spec.stride[-1] == 1:
        return spec.window[-1] in (2, 3, 5)
    return spec.stride[-1] == 2 and (spec.window[-1] == 2 or (spec.window[-1] == 3 and spec.before[-1] < 2))


def _narrow(spec: Pool, machine: Machine) -> bool:
    """Whether its planes fill a vector and a row of theirs does not fill a few."""
    *height, width = spec.image.sizes
    widest = NARROW_WIDTH if spec.stride[-1] == 1 else NARROW_STRIDED
    return (
        len(height) < 2
        and width <= (widest if spec.bytes < machine.cache_bytes else NARROW_UNCACHED)
        and spec.output.planes >= WIDEST_VECTOR
        and spec.image.step == 1
        and max(spec.dilation) == 1
        and min(spec.window[0], *height, MOST_TURNED) * width <= MOST_TURNED
        # A window's first terms are never padding there, which have a place in a sum of more than a block.
        and not (
            spec.operation in ("avg", "lp")
            and any(k > SUMMED and p for k, p in zip(spec.window, spec.before, strict=True))
        )
    )


def _bands(spec: Pool) -> tuple[int, int]:
    """Output rows of a band of a narrow pool, and the rows that it reads at most."""
    (height, out), width = _padded(spec.image.sizes, 1)[1:2] + _padded(spec.output.sizes, 1)[1:2], spec.image.sizes[-1]
    window, stride = _padded(spec.window, 1)[1], _padded(spec.stride, 1)[1]
    most = max(TURNED // width, min(window, height))
    if most >= height:
        return out, height
    if spec.bins:
        return 1, window
    rows = 1 + (most - window) // stride
    return rows, (rows - 1) * stride + window


def _group_rows(spec: Pool, pitch: int) -> int:
    """Output rows of a maximum that share work: those whose windows have a row in common."""
    (depth, window), stride = _padded(spec.window, 1)[:2], _padded(spec.stride, 1)[:2]
    height, out = _padded(spec.image.sizes, 1)[1], _padded(spec.output.sizes, 1)[1]
    if spec.bins or spec.indices or depth > 1 or stride[0] > 1 or _padded(spec.dilation, 1)[1] > 1:
        return 1
    if stride[1] >= window or window > 2 * height:
        return 1
    if stride[1] == 1 and window < 16:
        return small_group(window)
    most = min(1 + (window - 1) // stride[1], GROUP_ROWS, max(8, GROUP_BYTES // pitch))
    return -(-out // -(-out // most))


def _source(spec: Pool, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What the kernel reads: the dtype itself, or one that holds all its values."""
    native = dtype.newbyteorder("=")
    if spec.norm == math.inf:
        return FLOAT32
    if spec.operation in ("avg", "lp"):
        return GATHERED[GATHERED.index(native)]
    if native == np.float16:
        return FLOAT32
    if native in POOLED:
        return POOLED[POOLED.index(native)]
    return np.dtype(np.uint8) if native.kind == "b" else native


def planned(spec: Pool, x: NDArray[Any]) -> Plan[Pool]:
    """Make the plan of a checked pool."""
    source = _source(spec, x.dtype)
    return plan_pool(spec, source, source_of(spec, x, source), Machine())


@remembered(PoolOptions)
def pool(x: NDArray[Any], _: None, options: PoolOptions) -> Plan[Pool]:
    """Make the plan of a pool, or raise the error for a wrong argument."""
    check_dtype("x", x.dtype)
    return planned(pooling.pool(x.shape, x.dtype, options), x)


@remembered(AdaptiveOptions)
def adaptive_pool(x: NDArray[Any], _: None, options: AdaptiveOptions) -> Plan[Pool]:
    """Make the plan of a pool whose result's size is given."""
    check_dtype("x", x.dtype)
    return planned(pooling.adaptive_pool(x.shape, x.dtype, options), x)


@remembered(GlobalOptions)
def global_pool(x: NDArray[Any], _: None, options: GlobalOptions) -> Plan[Pool]:
    """Make the plan of a pool over all of each plane."""
    check_dtype("x", x.dtype)
    return planned(pooling.global_pool(x.shape, x.dtype, options), x)
