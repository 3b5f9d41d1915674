"""Plans of pools."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._geometry import POOLED, PoolGeometry
from convlab._spec import pooling
from convlab._spec.arguments import EXACT_IN_FLOAT32, FLOAT32, check_dtype
from convlab._spec.pooling import Pool, Unpool

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

# Output rows in a tile, the piece of work that a thread takes.
TILE_ROWS = 24
# A cache line, in floats and in bytes.
LINE, BLOCK = 16, 64
# Planes of at most so many columns are pooled a vector of planes at a time, where there are as many of them: at stride
# 1, at larger strides, and where the caches do not hold the arrays.
NARROW_WIDTH, NARROW_STRIDED, NARROW_UNCACHED = 32, 20, 8
# Elements of a plane that a narrow pool turns at a time, which 16 lanes make 32 KiB of; more if its window has more.
TURNED = 512
MOST_TURNED = 4096


def pitches_of(spec: Pool, x: NDArray[Any], source: np.dtype[Any]) -> tuple[int, int, int] | None:
    """The array's own pitches if a kernel can read it where it lies; a norm's powers are taken in a copy."""
    if spec.norm or not (x.dtype == source and x.dtype.isnative and x.flags.aligned):
        return None
    pitches = spec.image.pitches_of(x.strides, x.dtype.itemsize)
    whole = pitches and source == FLOAT32 and _global(spec)
    return None if pitches and whole and not _in_one_piece(spec, pitches) else pitches


def _global(spec: Pool) -> bool:
    """Whether there is one window: the whole plane or volume."""
    return (
        spec.window == spec.image.sizes
        and not any(spec.before + spec.after)
        and spec.image.step == 1
        and spec.operation != "min"
        and not spec.indices
        and spec.divisor != 0
    )


def _in_one_piece(spec: Pool, pitches: tuple[int, int, int]) -> bool:
    """Whether a plane's elements lie one behind the other."""
    depth, height, width = _padded(spec.image.sizes, 1)
    return (height == 1 or pitches[2] == width) and (depth == 1 or pitches[1] == height * width)


def _padded(numbers: tuple[int, ...], fill: int) -> tuple[int, ...]:
    """Numbers of one to three axes as those of depth, height and width."""
    return (fill,) * (3 - len(numbers)) + numbers


def plan_pool(spec: Pool, source: np.dtype[Any], pitches: tuple[int, int, int] | None, machine: Machine) -> Plan[Pool]:
    """Small windows in registers, narrow planes many at a time, others rows first; see src/pool2d.pyx."""
    image, output = spec.image, spec.output
    window, stride, dilation = _padded(spec.window, 1), _padded(spec.stride, 1), _padded(spec.dilation, 1)
    before, after = _padded(spec.before, 0), _padded(spec.after, 0)
    sizes, out = _padded(image.sizes, 1), _padded(output.sizes, 1)
    bins = _bins(spec)
    kernel, reason = _kernel(spec, source, machine)
    # A row with its padding, where that is no larger than the row by much.
    extent = (out[2] - 1) * stride[2] + (window[2] - 1) * dilation[2] + 1
    if bins.size or extent > 4 * sizes[2] + 1024:
        extent = 0
    row = rounded_up(max(extent, sizes[2] + before[2] if extent else sizes[2]) * image.step + 3 * WIDEST_BLOCK, BLOCK)
    group_rows, tile_rows = 1, TILE_ROWS
    if kernel.endswith("narrow"):
        group_rows, band_rows = _bands(spec)
        turned = band_rows * sizes[2] + sizes[2] + group_rows * out[2]
        workspace = turned * WIDEST_VECTOR + rounded_up(6 * out[2], LINE)
    elif kernel.startswith(("max", "min")):
        pitch = row * source.itemsize
        group_rows = _group_rows(spec, pitch)
        tile_rows = max(TILE_ROWS, group_rows)
        band_rows = (group_rows - 1) * stride[1] + window[1] if group_rows > 1 else 0
        # Pointers and copies of narrow rows, partial maxima, rows; see src/pool_lanes.pxd.
        workspace = rounded_up(band_rows * 72 + group_rows * (pitch + 2 * BLOCK) + 2 * pitch + 8 * BLOCK, BLOCK) // 4
    else:
        band_rows, workspace = 0, 2 * row + rounded_up(out[2], LINE)
    y_pitches = output.pitches()
    stream = 4 * math.prod(output.shape) >= machine.cache_bytes and not any(pitch % LINE for pitch in y_pitches)
    geometry = (
        output.planes, *sizes, *out, image.step, *(pitches or image.pitches()), *y_pitches,
        *window, *stride, *before, *after, *dilation,
        bins.size > 0, extent, spec.divisor, spec.count_pad, -(-out[0] * out[1] // tile_rows), row, workspace, stream,
        group_rows, band_rows, POOLED.index(source) if source in POOLED else -1,
    )  # fmt: skip
    assert len(geometry) == len(PoolGeometry._fields)
    return Plan(
        spec=spec,
        kernel=kernel,
        reason=reason,
        threads=threads_for(spec, machine, 4 * workspace),
        tile=(min(tile_rows, out[0] * out[1]), out[2]),
        workspace=4 * workspace,
        convert=pitches is None,
        source=source,
        compiled=source in POOLED,  # what float32 cannot hold is reduced in its own dtype
        in_lesson=_in_the_lesson(spec),
        tables=(np.concatenate([np.array(geometry, np.intp), bins]),),
    )


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


def _kernel(spec: Pool, source: np.dtype[Any], machine: Machine) -> tuple[str, str]:
    """The kernel, and why."""
    if spec.indices:
        return "max_pool2d_indices", "places beside the maxima"
    operation = spec.operation
    if operation == "lp":
        operation = "avg" if math.isfinite(spec.norm) else "max"
    if source != FLOAT32:
        return f"{operation}_pool2d", "rows first, then along the row, for any window"
    if _global(spec):
        return f"{operation}_pool_global", "one window: the whole plane"
    if _narrow(spec, machine):
        return f"{operation}_pool_narrow", "many narrow planes: a vector holds one element of each"
    halves = (spec.window, spec.stride, spec.before, spec.after) == ((2, 2), (2, 2), (0, 0), (0, 0))
    whole = all(2 * o <= n for o, n in zip(spec.output.sizes, spec.image.sizes, strict=True))
    plain = spec.image.step == 1 and spec.dilation == (1, 1) and not (spec.bins or spec.norm)
    if halves and whole and plain and spec.divisor in (0, 4):
        return f"{operation}_pool2d_2x2", "2x2 at stride 2 fits in registers"
    return f"{operation}_pool2d", "rows first, then along the row, for any window"


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


def _bins(spec: Pool) -> NDArray[np.intp]:
    """What follows the table of sizes: starts and sizes of depth's, height's and width's windows."""
    if not spec.bins:
        return np.empty(0, np.intp)
    whole = [np.array([[0, 1]], np.intp)] * (3 - len(spec.bins))
    return np.concatenate([*whole, *spec.bins]).ravel()


def _source(spec: Pool, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What the kernel reads: the dtype itself, or one that holds all its values."""
    native = dtype.newbyteorder("=")
    if spec.operation == "lp" or native == np.float16:
        return FLOAT32
    if spec.indices:
        return FLOAT32 if native in EXACT_IN_FLOAT32 else native
    if native in POOLED:
        return POOLED[POOLED.index(native)]
    if spec.operation == "avg":
        return FLOAT32
    return np.dtype(np.uint8) if native.kind == "b" else native


def _planned(spec: Pool, x: NDArray[Any]) -> Plan[Pool]:
    source = _source(spec, x.dtype)
    return plan_pool(spec, source, pitches_of(spec, x, source), Machine())


@remembered
def pool(x: NDArray[Any], _: None, *options: Any) -> Plan[Pool]:
    """The plan for a pool's arguments, the array and the operation first; errors for wrong ones."""
    check_dtype("x", x.dtype)
    return _planned(pooling.pool(x.shape, x.dtype, *options), x)


@remembered
def adaptive_pool(x: NDArray[Any], _: None, *options: Any) -> Plan[Pool]:
    """The same for a pool whose result's size is given."""
    check_dtype("x", x.dtype)
    return _planned(pooling.adaptive_pool(x.shape, x.dtype, *options), x)


@remembered
def global_pool(x: NDArray[Any], _: None, *options: Any) -> Plan[Pool]:
    """The same for a pool over all of each plane."""
    check_dtype("x", x.dtype)
    return _planned(pooling.global_pool(x.shape, x.dtype, *options), x)


def max_unpool(x: NDArray[Any], indices: NDArray[Any], *options: Any) -> Plan[Unpool]:
    """The plan for an unpool's arguments: sizes alone."""
    check_dtype("x", x.dtype)
    if indices.dtype.kind not in "iu":
        raise _errors.wrong_dtype("indices", indices.dtype, "integers, as max_pool2d returns them")
    spec = pooling.max_unpool(x.shape, x.dtype, indices.shape, *options)
    size = math.prod(spec.image.sizes)
    planes = math.prod(spec.image.shape) // size  # innermost channels are moved outwards
    sizes = np.array([planes, size, math.prod(spec.output.sizes)], np.intp)
    compiled = spec.dtype.itemsize == 4
    return Plan(
        spec=spec,
        kernel="max_unpool",
        reason="values of four bytes" if compiled else "no kernel for this dtype",
        threads=1,  # values of several windows may meet
        tile=(math.prod(spec.output.sizes[:-1]), spec.output.sizes[-1]),
        workspace=0,
        convert=False,
        source=spec.dtype,
        compiled=compiled,
        in_lesson=False,
        tables=(sizes,),
    )
