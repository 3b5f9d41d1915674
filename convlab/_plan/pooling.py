"""Plans of pools."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._geometry import PoolGeometry
from convlab._spec import pooling
from convlab._spec.arguments import EXACT_IN_FLOAT32, FLOAT32, check_dtype
from convlab._spec.pooling import Pool, Unpool

from .cache import remembered
from .plan import WIDEST_BLOCK, Machine, Plan, rounded_up, threads_for

# Output rows in a tile, the piece of work that a thread takes.
TILE_ROWS = 24
# A cache line, in floats.
LINE = 16


def pitches_of(spec: Pool, x: NDArray[Any], source: np.dtype[Any]) -> tuple[int, int, int] | None:
    """The array's own pitches if a kernel can read it where it lies; a norm's powers are taken in a copy."""
    if spec.norm or not (x.dtype == source and x.dtype.isnative and x.flags.aligned):
        return None
    pitches = spec.image.pitches_of(x.strides, x.dtype.itemsize)
    return None if pitches and _global(spec) and not _in_one_piece(spec, pitches) else pitches


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
    """Small windows in registers, others rows first; see src/pool2d.pyx."""
    image, output = spec.image, spec.output
    window, stride, dilation = _padded(spec.window, 1), _padded(spec.stride, 1), _padded(spec.dilation, 1)
    before, after = _padded(spec.before, 0), _padded(spec.after, 0)
    sizes, out = _padded(image.sizes, 1), _padded(output.sizes, 1)
    bins = _bins(spec)
    kernel, reason = _kernel(spec)
    # A row with its padding, where that is no larger than the row by much.
    extent = (out[2] - 1) * stride[2] + (window[2] - 1) * dilation[2] + 1
    if bins.size or extent > 4 * sizes[2] + 1024:
        extent = 0
    row = rounded_up(max(extent, sizes[2] + before[2] if extent else sizes[2]) * image.step + 2 * WIDEST_BLOCK, LINE)
    workspace = 2 * row + rounded_up(out[2], LINE)
    y_pitches = output.pitches()
    stream = 4 * math.prod(output.shape) >= machine.cache_bytes and not any(pitch % LINE for pitch in y_pitches)
    geometry = (
        output.planes, *sizes, *out, image.step, *(pitches or image.pitches()), *y_pitches,
        *window, *stride, *before, *after, *dilation,
        bins.size > 0, extent, spec.divisor, spec.count_pad, -(-out[0] * out[1] // TILE_ROWS), row, workspace, stream,
    )  # fmt: skip
    assert len(geometry) == len(PoolGeometry._fields)
    return Plan(
        spec=spec,
        kernel=kernel,
        reason=reason,
        threads=threads_for(spec, machine, 4 * workspace),
        workspace=4 * workspace,
        convert=pitches is None,
        source=source,
        tables=(np.concatenate([np.array(geometry, np.intp), bins]),),
    )


def _kernel(spec: Pool) -> tuple[str, str]:
    """The kernel, and why."""
    if spec.indices:
        return "max_pool2d_indices", "places beside the maxima"
    operation = spec.operation
    if operation == "lp":
        operation = "avg" if math.isfinite(spec.norm) else "max"
    if _global(spec):
        return f"{operation}_pool_global", "one window: the whole plane"
    halves = (spec.window, spec.stride, spec.before, spec.after) == ((2, 2), (2, 2), (0, 0), (0, 0))
    whole = all(2 * o <= n for o, n in zip(spec.output.sizes, spec.image.sizes, strict=True))
    plain = spec.image.step == 1 and spec.dilation == (1, 1) and not (spec.bins or spec.norm)
    if halves and whole and plain and spec.divisor in (0, 4):
        return f"{operation}_pool2d_2x2", "2x2 at stride 2 fits in registers"
    return f"{operation}_pool2d", "rows first, then along the row, for any window"


def _bins(spec: Pool) -> NDArray[np.intp]:
    """What follows the table of sizes: starts and sizes of depth's, height's and width's windows."""
    if not spec.bins:
        return np.empty(0, np.intp)
    whole = [np.array([[0, 1]], np.intp)] * (3 - len(spec.bins))
    return np.concatenate([*whole, *spec.bins]).ravel()


def _planned(spec: Pool, x: NDArray[Any]) -> Plan[Pool]:
    exact = spec.operation in ("avg", "lp") or spec.dtype in EXACT_IN_FLOAT32
    source = FLOAT32 if exact else spec.dtype
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
        threads=threads_for(spec, Machine()),
        workspace=0,
        convert=not compiled,
        source=spec.dtype,
        tables=(sizes,),
    )
