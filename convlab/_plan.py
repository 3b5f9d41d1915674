"""How an operation is computed: which kernel, in what blocks, on how many threads, in how much memory, and why.

A plan is a pure function of a spec and of machine facts, so that a plan for another machine can be made here. It knows
no arrays, but for the tables that it hands to a kernel. Plans are cached by the content of a call's arguments.
"""

import math
import threading
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _spec
from convlab._geometry import SOURCES, FilterGeometry, FilterValues, PoolGeometry
from convlab._spec import FLOAT32, Filter2d, Pool2d

# Output rows in a tile, the piece of work that a thread takes: enough to make the staging of its edges cheap, and a
# multiple of the three and four rows of a block.
TILE_ROWS = 24
# A staged edge is at least this wide: two vectors of eight, what a block of every kernel size but `any` needs.
EDGE_COLUMNS = 16
# The widest block of any kernel, in floats.
WIDEST_BLOCK = 32
# Calls of a process mostly repeat a few shapes; a plan takes about a kilobyte beside its taps.
CACHED_PLANS = 256
# A kernel of more bytes is no key: copying and comparing it would cost memory, and its plan is made beside much work.
LARGEST_KEY = 1 << 16


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan needs to know of a core."""

    flops: float = 40e9
    bytes: float = 8e9
    region_seconds: float = 5e-6  # to start and end a parallel region
    cache_bytes: int = 8 << 20  # a result of this size is not found in the caches again, and is stored past them


SpecT = TypeVar("SpecT", Filter2d, Pool2d)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Generic[SpecT]):
    """A checked call, ready to run on any array of its layout."""

    spec: SpecT
    kernel: str  # its name in the dispatch table
    reason: str  # for choosing it
    threads: int  # how many pay at most
    workspace: int  # bytes a thread
    convert: bool  # whether the source must be copied into a C-contiguous array of `source` first
    source: np.dtype[Any]  # what the kernel reads
    tables: tuple[NDArray[Any], ...]  # the kernel's arguments after the arrays: sizes, borders, values
    taps: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))


def _threads(spec: Filter2d | Pool2d, machine: Machine) -> int:
    """As many as save more than a region costs, twice over."""
    seconds = spec.flops / machine.flops + spec.bytes / machine.bytes
    return max(1, min(1024, int(seconds / (2 * machine.region_seconds))))


def _rounded_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def plan_filter2d(
    spec: Filter2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine, taps: NDArray[np.float32]
) -> Plan[Filter2d]:
    """Direct correlation; `pitches` of the source's planes and rows, or None where it must be copied."""
    image, region, step = spec.image, spec.region, spec.image.step
    kernel_height, kernel_width = spec.kernel_shape
    above, below, before, after = spec.border_sizes
    unrolled = spec.kernel_shape in ((3, 3), (5, 5), (7, 7))

    # The columns whose windows leave the image are staged, copied together with their border; and all of an image that
    # must be converted.
    left, right = _rounded_up(before, EDGE_COLUMNS), _rounded_up(after, EDGE_COLUMNS)
    if (region.width - left - right) * step < WIDEST_BLOCK or source != FLOAT32:
        left, right = region.width, 0
    tile_rows = max(TILE_ROWS, _rounded_up(kernel_height, 12))
    tiles = -(-region.height // tile_rows)
    slots = max(min(tile_rows, region.height), 4) + kernel_height - 1
    strip_row = (max(left, right) + kernel_width - 1) * step + WIDEST_BLOCK
    # Two tables of pointers (two floats each), four spare rows, the strip: see `tile` in src/filter2d.pyx.
    workspace = _rounded_up(4 * slots + 4 * max(region.width * step, WIDEST_BLOCK) + slots * strip_row, 16)

    stream = 4 * math.prod(region.shape) >= machine.cache_bytes
    borders = [
        _borders.source_indices(spec.border, size, first, last)
        for size, first, last in (
            (image.height, -above, 0),
            (image.height, image.height, image.height + below),
            (image.width, -before, 0),
            (image.width, image.width, image.width + after),
        )
    ]
    geometry = FilterGeometry(
        region.planes, image.height, image.width, region.height, region.width, step,
        *(pitches or image.pitches()), *spec.output.pitches(),
        above, below, before, after, left, right, tiles, tile_rows, workspace,
        stream, spec.finishes, SOURCES.index(source),
    )  # fmt: skip
    values = FilterValues(spec.cval, spec.scale, spec.offset, *spec.clip)
    return Plan(
        spec=spec,
        kernel="correlate2d" + (f"_{kernel_height}x{kernel_width}" if unrolled else ""),
        reason="taps unrolled into registers" if unrolled else "a loop over the taps serves every size",
        threads=_threads(spec, machine),
        workspace=4 * workspace,
        convert=pitches is None,
        source=source,
        tables=(np.array(geometry, np.intp), np.concatenate(borders), np.array(values, np.float32)),
        taps=taps,
    )


def plan_pool2d(spec: Pool2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine) -> Plan[Pool2d]:
    """Rows of windows, then along the row; 2x2 at stride 2 in one pass in registers."""
    image, output = spec.image, spec.output
    in_registers = (spec.window, spec.stride, spec.padding, image.step) == ((2, 2), (2, 2), (0, 0), 1)
    # A row of the windows' rows, and one of its windows at stride 1: see `along` in src/pool2d.pyx.
    workspace = 2 * _rounded_up(image.width * image.step + WIDEST_BLOCK, 16)
    geometry = PoolGeometry(
        output.planes, image.height, image.width, output.height, output.width, image.step,
        *(pitches or image.pitches()), *output.pitches(),
        *spec.window, *spec.stride, *spec.padding, -(-output.height // TILE_ROWS), workspace,
    )  # fmt: skip
    return Plan(
        spec=spec,
        kernel=f"{spec.operation}_pool2d" + ("_2x2" if in_registers else ""),
        reason="2x2 at stride 2 fits in registers"
        if in_registers
        else "rows first, then along the row, for any window",
        threads=_threads(spec, machine),
        workspace=4 * workspace,
        convert=pitches is None,
        source=source,
        tables=(np.array(geometry, np.intp),),
    )


def _pitches(image: _spec.Layout, x: NDArray[Any], source: np.dtype[Any]) -> tuple[int, int] | None:
    """The array's own pitches if a kernel can read it where it lies."""
    if not (x.dtype == source and x.dtype.isnative and x.flags.aligned):
        return None
    return image.pitches_of(x.strides, x.dtype.itemsize)


_plans: dict[Hashable, Any] = {}
_plans_lock = threading.Lock()


def _remember(key: Hashable, plan: Any) -> None:
    """Keep a plan for the next call; the oldest goes when there are too many."""
    with _plans_lock:
        if len(_plans) >= CACHED_PLANS:
            del _plans[next(iter(_plans))]
        _plans[key] = plan


def filter2d(x: NDArray[Any], w: NDArray[Any], *options: Any) -> Plan[Filter2d]:
    """The plan for filter2d's arguments, image and kernel first; errors for wrong ones."""
    try:
        key = signature(options, LARGEST_KEY, x, w)
    except TypeError:  # there is no key for this call
        return _new_filter2d(x, w, *options)
    plan: Plan[Filter2d] | None = _plans.get(key)
    if plan is None:
        plan = _new_filter2d(x, w, *options)
        _remember(key, plan)
    return plan


def _new_filter2d(x: NDArray[Any], w: NDArray[Any], *options: Any) -> Plan[Filter2d]:
    _spec.check_dtype("image", x.dtype)
    _spec.check_kernel("kernel", w)
    spec = _spec.filter2d(x.shape, (w.shape[0], w.shape[1]), *options)
    native = x.dtype.newbyteorder("=")
    source = native if native in SOURCES else FLOAT32
    pitches = _pitches(spec.image, x, source)
    return plan_filter2d(spec, source, pitches, Machine(), _spec.taps("kernel", w))


def pool2d(x: NDArray[Any], *options: Any) -> Plan[Pool2d]:
    """The plan for a pool's arguments, the array and the operation first; errors for wrong ones."""
    try:
        key = signature(options, LARGEST_KEY, x)
    except TypeError:
        return _new_pool2d(x, *options)
    plan: Plan[Pool2d] | None = _plans.get(key)
    if plan is None:
        plan = _new_pool2d(x, *options)
        _remember(key, plan)
    return plan


def _new_pool2d(x: NDArray[Any], *options: Any) -> Plan[Pool2d]:
    _spec.check_dtype("x", x.dtype)
    spec = _spec.pool2d(x.shape, x.dtype, *options)
    exact = spec.operation == "avg" or spec.dtype in _spec.EXACT_IN_FLOAT32
    source = FLOAT32 if exact else spec.dtype
    return plan_pool2d(spec, source, _pitches(spec.image, x, source), Machine())


def _identified(option: Any) -> Iterator[Any]:
    """An option so that what compares equal is the same: 2, 2.0 and True, or 0.0 and -0.0, are not."""
    if option is None or type(option) is str:
        yield option
    elif type(option) in (int, bool) or isinstance(option, (type, np.dtype)):
        yield type(option)
        yield option
    elif type(option) is float:
        yield from (["-", option] if option == 0 and math.copysign(1, option) < 0 else [option])
    elif type(option) is tuple:
        yield len(option)
        for part in option:
            yield from _identified(part)
    elif isinstance(option, np.generic):
        yield option.dtype
        yield option.tobytes()
    else:
        raise TypeError("no key")  # something that may change: its plan is made anew


def _signature(options: tuple[Any, ...], most: int, x: NDArray[Any], w: NDArray[Any] | None = None) -> Hashable:
    """What src/signature.pyx does, where it was not built."""
    parts: list[Hashable] = [x.shape, x.strides, x.dtype, x.flags.aligned]
    if w is not None:
        if w.nbytes > most:
            raise TypeError("no key")
        parts += [w.shape, w.dtype, w.tobytes()]
    for option in options:
        parts += _identified(option)
    return tuple(parts)


try:
    from convlab._kernels.signature import signature
except ImportError:
    signature = _signature
