"""How an operation is computed: which kernel, in what blocks, on how many threads, in how much memory, and why.

A plan is a pure function of a spec and of machine facts, so that a plan for another machine can be made here. It knows
no arrays. Plans are cached, by the content of the call's arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _spec
from convlab._spec import FLOAT32

# Output rows in a tile, the piece of work that a thread takes: enough to make the staging of its edges cheap.
TILE_ROWS = 32
# A staged edge is at least this wide: two vectors of eight, what a block of every kernel size but `any` needs.
EDGE_COLUMNS = 16
# The widest block of any kernel, in floats.
WIDEST_BLOCK = 32
# Calls of a process mostly repeat a few shapes; a plan takes some hundred bytes beside its taps.
CACHED_PLANS = 256


@dataclass(frozen=True, slots=True)
class Machine:
    """What the choice of threads needs to know of a core."""

    flops: float = 40e9
    bytes: float = 8e9
    region_seconds: float = 5e-6  # to start and end a parallel region


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked call, ready to run on any array of its shape, strides and dtype."""

    spec: Any
    kernel: str  # its name in the dispatch table
    reason: str  # for choosing it
    convert: bool  # whether the source must be copied into C-contiguous float32 first
    exact: bool  # whether float32 holds the source; if not, the fallback computes in the source's dtype
    threads: int  # how many pay at most
    workspace: int  # bytes a thread
    arguments: tuple[Any, ...]  # the kernel's, between the arrays and the number of threads


def _threads(spec: Any, machine: Machine) -> int:
    """As many as halve, third ... the time by more than a region costs."""
    seconds = spec.flops / machine.flops + spec.bytes / machine.bytes
    return max(1, min(1024, int(seconds / (2 * machine.region_seconds))))


def _tiles(planes: int, rows: int, least: int) -> int:
    return -(-rows // max(TILE_ROWS, least))


def plan_filter2d(spec: _spec.Filter2d, pitches: tuple[int, int] | None, machine: Machine) -> Plan:
    """Direct correlation; `pitches` of the source's planes and rows, or None where it must be copied."""
    image, region = spec.image, spec.region
    kernel_height, kernel_width = spec.kernel_shape
    above, below, before, after = spec.border_sizes
    sizes = {(3, 3): "correlate2d_3x3", (5, 5): "correlate2d_5x5", (7, 7): "correlate2d_7x7"}
    kernel = sizes.get(spec.kernel_shape, "correlate2d")
    step = image.step

    left, right = (-(-n // EDGE_COLUMNS) * EDGE_COLUMNS for n in (before, after))
    if (region.width - left - right) * step < WIDEST_BLOCK:
        left, right = region.width, 0
    tiles = _tiles(region.planes, region.height, kernel_height)
    slots = max(-(-region.height // max(tiles, 1)), 4) + kernel_height - 1
    strip_row = (max(left, right) + kernel_width - 1) * step + WIDEST_BLOCK
    # Two tables of pointers (two floats each), four spare rows, the strip: see filter2d.pyx.
    floats = 4 * slots + 4 * max(region.width * step, WIDEST_BLOCK) + slots * strip_row
    floats = -(-floats // 16) * 16

    def border(size: int, first: int, last: int) -> NDArray[np.intp]:
        return _borders.source_indices(spec.border, size, first, last)

    return Plan(
        spec=spec,
        kernel=kernel,
        reason="taps unrolled into registers" if kernel in sizes.values() else "a loop over the taps serves every size",
        convert=pitches is None,
        exact=True,
        threads=_threads(spec, machine),
        workspace=4 * floats,
        arguments=(
            region.planes, image.height, image.width, region.height, region.width, step,
            *(pitches or image.pitches()), *spec.output.pitches(),
            border(image.height, -above, 0), border(image.height, image.height, image.height + below),
            border(image.width, -before, 0), border(image.width, image.width, image.width + after),
            left, right, tiles, floats, spec.cval,
            spec.finishes, spec.scale, spec.offset, *spec.clip,
        ),
    )  # fmt: skip


def plan_pool2d(spec: _spec.Pool2d, source_dtype: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine) -> Plan:
    """Rows of windows, then along the row; 2x2 at stride 2 in one pass in registers."""
    image, output = spec.image, spec.output
    in_registers = (spec.window, spec.stride, spec.padding, image.step) == ((2, 2), (2, 2), (0, 0), 1)
    tiles = _tiles(output.planes, output.height, 1)
    floats = -(-(image.width * image.step + WIDEST_BLOCK) // 16) * 16
    return Plan(
        spec=spec,
        kernel=f"{spec.operation}_pool2d" + ("_2x2" if in_registers else ""),
        reason="2x2 at stride 2 fits in registers" if in_registers else "rows first, then along the row, for any window",
        convert=pitches is None,
        exact=spec.operation == "avg" or source_dtype in _spec.EXACT_IN_FLOAT32,
        threads=_threads(spec, machine),
        workspace=4 * floats,
        arguments=(
            output.planes, image.height, image.width, output.height, output.width, image.step,
            *(pitches or image.pitches()), *output.pitches(),
            *spec.window, *spec.stride, *spec.padding, tiles, floats,
        ),
    )  # fmt: skip


def _walkable(layout: _spec.Layout, strides: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, int] | None:
    return layout.pitches_of(strides, dtype.itemsize) if dtype == FLOAT32 and dtype.isnative else None


def _filter2d(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any], kernel_shape: tuple[int, ...],
    kernel_dtype: np.dtype[Any], kernel_bytes: bytes, *options: Any,
) -> tuple[Plan, NDArray[np.float32]]:  # fmt: skip
    taps = _spec.check_kernel("kernel", np.frombuffer(kernel_bytes, kernel_dtype).reshape(kernel_shape))
    spec = _spec.filter2d(shape, taps.shape, *options)
    return plan_filter2d(spec, _walkable(spec.image, strides, dtype), Machine()), taps


def _pool2d(
    operation: str, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any], *options: Any
) -> Plan:
    spec = _spec.pool2d(operation, shape, dtype, *options)
    return plan_pool2d(spec, dtype, _walkable(spec.image, strides, dtype), Machine())


def _cached(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build` with a bounded cache; arguments that cannot be a key go to it all the same, for their error."""
    lookup = lru_cache(maxsize=CACHED_PLANS, typed=True)(build)

    def call(*key: Any) -> Any:
        try:
            return lookup(*key)
        except TypeError:
            return build(*key)

    return call


filter2d = _cached(_filter2d)
pool2d = _cached(_pool2d)
