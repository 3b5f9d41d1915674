"""Plans of filters over images: which algorithm, and why."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._geometry import STORED
from convlab._spec import filtering
from convlab._spec.arguments import FLOAT32, check_dtype, check_kernel, taps
from convlab._spec.filtering import Filter2d, FilterOptions
from convlab._spec.separable import Separable2d
from convlab._spec.taps import Facts, facts

from .cache import remembered
from .filtering_direct import plan_direct
from .filtering_fft import plan_fft, points, tiles_of
from .plan import Machine, Part, Plan, pitches_of
from .separable import separable_for
from .wide import wide_for

# Taps from which transforms are faster than sums (27 x 27 with 16 lanes; 19 x 19 with 8), if the picture is no stamp.
FFT_TAPS = 700
FFT_PIXELS = 1 << 16
# Products of each tile of a smaller picture from which they are faster too.
FFT_PRODUCTS = 50_000_000
# Taps for each point that is transformed for a pixel; fewer where the image is thin beside the kernel.
FFT_TAPS_A_POINT = 500
# Taps, and products of all pixels, from which a column and a row are faster than a kernel of rank 1 as a whole.
SEPARABLE_TAPS = 25
SEPARABLE_PRODUCTS = 300_000


def choose(spec: Filter2d, found: Facts) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """The algorithm, the reason, and why not the others."""
    taps_number = math.prod(spec.kernel_shape)
    why_not: dict[str, str] = {}
    if spec.masked:
        why_not["fft"] = why_not["separable"] = "pixels are left out, so each window has weights of its own"
    if found.factors is None:
        why_not.setdefault("separable", "the kernel is not of rank 1")
    if spec.precision == "exact":
        why_not.setdefault("fft", 'precision="exact" forbids transforms')
    if not found.finite:
        why_not.setdefault("fft", "the kernel holds NaN or infinity")
    if spec.algorithm in why_not:
        raise _errors.wrong_value("algorithm", spec.algorithm, f"another: {why_not[spec.algorithm]}")
    if spec.algorithm is not None:
        return spec.algorithm, "it was asked for", tuple(why_not.items())
    if taps_number < FFT_TAPS:
        why_not.setdefault("fft", f"{taps_number} taps are too few for transforms to pay (from {FFT_TAPS} on)")
    pixels = math.prod(spec.region.shape)
    if pixels < FFT_PIXELS and pixels * taps_number < FFT_PRODUCTS * tiles_of(spec):
        why_not.setdefault("fft", f"the picture is too small for transforms to pay (from {FFT_PIXELS} pixels on)")
    if taps_number < FFT_TAPS_A_POINT * points(spec):
        why_not.setdefault("fft", "the picture is so thin that most of each transform would be its border")
    # With precision="exact" the image's size must not decide.
    few_products = spec.precision != "exact" and taps_number * math.prod(spec.region.shape) < SEPARABLE_PRODUCTS
    if taps_number < SEPARABLE_TAPS or few_products:
        why_not.setdefault("separable", "two passes over so few taps cost more than one")
    if spec.precision == "exact" and spec.workspace_limit is not None:
        why_not.setdefault("separable", "what it needs depends on the size, which must not decide an exact sum")
    if "separable" not in why_not:
        why_not["direct"] = f"{sum(spec.kernel_shape)} products a pixel are fewer than {taps_number}"
        why_not.setdefault("fft", "so few products need no transforms")
        return "separable", "the kernel is of rank 1: rows, then columns", tuple(why_not.items())
    if "fft" not in why_not:
        why_not["direct"] = f"{taps_number} products a pixel are more than its transforms cost"
        return "fft", "a product of transforms, tile by tile", tuple(why_not.items())
    return "direct", "sums over the taps, which are read from registers", tuple(why_not.items())


def _plan(x: NDArray[Any], w: NDArray[Any], bank: bool, options: FilterOptions, machine: Machine) -> Plan[Filter2d]:
    plan = _plan_floats(x, w, bank, options, machine)
    wide = wide_for(plan.spec, x.dtype, kernels=w.reshape(-1, *plan.spec.kernel_shape))
    return plan if wide is None else replace(plan, wide=wide, considered=(*plan.considered, wide.considered))


def _plan_floats(
    x: NDArray[Any], w: NDArray[Any], bank: bool, options: FilterOptions, machine: Machine
) -> Plan[Filter2d]:
    name = "kernels" if bank else "kernel"
    check_dtype("image", x.dtype)
    check_kernel(name, w, ("kernels", "rows", "columns") if bank else ("rows", "columns"))
    spec = filtering.filter2d(x.shape, w.shape, options)
    values = taps(name, w)
    if spec.masked:
        _check_normalisable(name, values)
    return _plan_bank(spec, x, values, machine) if bank else _plan_one(spec, x, values, machine, facts(values))


def _plan_one(
    spec: Filter2d, x: NDArray[Any], values: NDArray[np.float32], machine: Machine, found: Facts
) -> Plan[Filter2d]:
    algorithm, reason, considered = choose(spec, found)
    if algorithm == "fft":
        return plan_fft(spec, machine, values, reason, considered)
    if algorithm == "separable":
        assert found.factors is not None
        inner = separable_for(Separable2d(spec), x, np.concatenate([*found.factors, values.ravel()]))
        needed, limit = inner.needed, spec.workspace_limit
        if limit is None or needed <= limit:
            return Plan(
                spec=spec,
                kernel=inner.kernel,
                algorithm=algorithm,
                reason=reason,
                considered=considered,
                threads=inner.threads,
                workspace=inner.workspace,
                convert=inner.convert,
                source=inner.source,
                shape=spec.result_shape,
                tables=(),
                taps=values[None],
                inner=inner,
            )
        if spec.algorithm is not None:
            raise _errors.workspace(limit, algorithm, needed)
    return _plan_direct(spec, x, machine, values, reason, considered)


def _plan_direct(
    spec: Filter2d, x: NDArray[Any], machine: Machine, values: NDArray[np.float32], *reasons: Any
) -> Plan[Filter2d]:
    """Direct sums with one kernel or several."""
    native = x.dtype.newbyteorder("=")
    source = native if native in STORED else FLOAT32
    pitches = pitches_of(spec.image, x, source)
    return plan_direct(spec, source, pitches, machine, values.reshape(-1, *spec.kernel_shape), *reasons)


def _plan_bank(spec: Filter2d, x: NDArray[Any], values: NDArray[np.float32], machine: Machine) -> Plan[Filter2d]:
    """Each kernel by the algorithm that filter2d takes for it; neighbours that are summed directly share a pass."""
    alone = replace(spec, kernels=None)
    found = [facts(kernel) for kernel in values]
    chosen = [choose(alone, one) for one in found]
    if all(algorithm == "direct" for algorithm, _, _ in chosen):
        return _plan_direct(spec, x, machine, values, *chosen[0][1:])
    parts: list[Part] = []
    first = 0
    while first < len(chosen):
        last = first + 1
        if chosen[first][0] == "direct":
            while last < len(chosen) and chosen[last][0] == "direct":
                last += 1
            run = values[first:last]
            plan = _plan_direct(replace(spec, kernels=len(run)), x, machine, run, *chosen[first][1:])
        else:
            plan = _plan_one(alone, x, values[first], machine, found[first])
        parts.append(Part(first, last, plan))
        first = last
    # The part that needs most speaks for all: parts run one after the other.
    largest = max((part.plan for part in parts), key=lambda plan: (plan.needed, plan.threads))
    names = [algorithm for algorithm, _, _ in chosen]
    counts = ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
    return replace(
        largest,
        spec=spec,
        reason=f"each kernel as filter2d takes it: {counts}",
        shape=spec.result_shape,
        plain=False,
        taps=values,
        parts=tuple(parts),
    )


def _check_normalisable(name: str, values: NDArray[np.float32]) -> None:
    """Taps that sum to 0 have no weights to divide by."""
    taps = values.reshape(-1, values.shape[-2] * values.shape[-1]).astype(np.float64)
    if np.any(np.abs(taps.sum(axis=1)) <= taps.shape[1] * np.finfo(np.float32).eps * np.abs(taps).sum(axis=1)):
        raise _errors.not_normalisable(name)


@remembered(FilterOptions)
def filter2d(x: NDArray[Any], w: NDArray[Any], options: FilterOptions) -> Plan[Filter2d]:
    """Make the plan of a filter2d, or raise the error for a wrong argument."""
    return _plan(x, w, False, options, Machine())


@remembered(FilterOptions)
def filter_bank(x: NDArray[Any], w: NDArray[Any], options: FilterOptions) -> Plan[Filter2d]:
    """Make the plan of a filter_bank."""
    return _plan(x, w, True, options, Machine())
