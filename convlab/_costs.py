"""What each kernel costs: the constants of `explain`'s expected time, measured on one machine.

A call's seconds are the sum of its terms, each times its cost. Another machine is taken to be as much faster or slower
in all of them as its multiplications and additions are.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import STORED
from convlab._plan import conv_fft
from convlab._plan.conv_choice import WINOGRAD
from convlab._plan.plan import Plan
from convlab._registry import BY_NAME
from convlab._spec.arguments import FLOAT32
from convlab._spec.convolving import Conv
from convlab._spec.filtering import Filter2d
from convlab._spec.pooling import Pool
from convlab._spec.ranking import Rank2d
from convlab._spec.separable import Separable2d

# Of pools whose windows do not overlap, in a row's name.
APART = " of windows apart"


class Cost(NamedTuple):
    """Seconds of one call, byte, flop, byte for each doubling of the window, converted call, converted byte."""

    call: float
    byte: float
    flop: float
    doubling: float
    converted_call: float
    converted_byte: float


def work(plan: Plan[Any]) -> float:
    """Return the flops that the algorithm takes, which may be fewer than the operation's."""
    spec = plan.spec
    if plan.algorithm in WINOGRAD:  # (tile + 2)^2 products instead of 9 tile^2
        tile = WINOGRAD[plan.algorithm]
        return float(spec.flops * (tile + 2) ** 2 / (9 * tile**2))
    if plan.kernel == "conv_fft":
        return float(spec.batch * conv_fft.transforms(spec) * conv_fft.tiles(spec).flops)
    if plan.algorithm == "separable" and plan.inner is not None:
        return float(plan.inner.spec.flops)
    if plan.algorithm != "fft":
        return float(spec.flops)
    rows, columns = plan.tables[0].tolist()
    tiles = math.ceil(spec.region.height / plan.tile[0]) * math.ceil(spec.region.width / plan.tile[1])
    transforms = (spec.kernels or 1) * (1 + 2 * tiles * spec.region.planes * spec.region.step)
    return float(transforms * 2.5 * rows * columns * math.log2(rows * columns))


def row_of(plan: Plan[Any], backend: str) -> str:
    """Return the name of the row of COSTS that a plan's kernel has on a backend."""
    spec, kernel = plan.spec, (plan if plan.inner is None else plan.inner).kernel
    if kernel in BY_NAME:  # transforms are no kernel
        kernel = BY_NAME[kernel].costs or kernel
    if isinstance(spec, Pool) and spec.norm:
        kernel += " of powers"
    elif isinstance(spec, Pool) and (spec.bins or min(np.subtract(spec.stride, spec.window)) >= 0):
        kernel += APART
    return f"{kernel}, {'compiled' if plan.algorithm == 'fft' else backend}"  # transforms are SciPy's everywhere


def window_of(spec: Any) -> int:
    """Return the elements of a window."""
    match spec:
        case Rank2d():
            return math.prod(spec.size)
        case Pool():
            return math.prod(spec.window)
        case Conv():
            return math.prod(spec.kernel)
        case Filter2d():
            return math.prod(spec.kernel_shape)
        case Separable2d():
            return math.prod(spec.filter.kernel_shape)
    return 1  # an unpool's


def terms(plan: Plan[Any], x: NDArray[Any]) -> Cost:
    """Return how many of each a call has."""
    spec, flops = plan.spec, work(plan)
    narrow_sums = isinstance(spec, Pool) and spec.operation == "avg" and x.dtype.itemsize < FLOAT32.itemsize
    converted = float(plan.convert or plan.blocks is not None or x.dtype not in STORED or narrow_sums)
    doublings = math.log2(window_of(spec))
    return Cost(1.0, spec.bytes, flops, spec.bytes * doublings, converted, converted * x.nbytes)


def expected(plan: Plan[Any], x: NDArray[Any], backend: str, flops: float, threads: int) -> float | None:
    """Return the seconds of a call on a machine of so many flops a second and thread; None if they are unknown."""
    if backend == "python":
        return work(plan) / flops
    row = row_of(plan, backend)
    plain = row.replace(APART, "")
    names = (row, plain, plain.replace(",", f"{APART},"))
    costs = next((COSTS[name] for name in names if name in COSTS), None)
    if costs is None:
        return None
    per_call, per_byte, *rest = (n * cost for n, cost in zip(terms(plan, x), costs, strict=True))
    slower = FLOPS / flops if backend == "compiled" else 1.0
    return slower * (per_call + (per_byte + sum(rest)) / threads)


# Written by `python -m benchmarks.costs --write`.
MACHINE = "AMD EPYC, GCC 12.2.0, 2026-11-29"
FLOPS = 1.07e11  # multiplications and additions a second of one thread there
COSTS: dict[str, Cost] = {
    "avg_pool2d of powers, compiled": Cost(8.29e-06, 1.65e-10, 0.0, 1.19e-15, 1.52e-05, 9.6e-11),
    "avg_pool2d of powers, numpy": Cost(0.000248, 1.64e-11, 1.45e-10, 2.96e-10, 0.0, 0.0),
    "avg_pool2d of windows apart, compiled": Cost(5.22e-06, 2.91e-11, 0.0, 0.0, 0.0, 1.29e-10),
    "avg_pool2d of windows apart, numpy": Cost(0.000271, 0.0, 0.0, 8.14e-10, 8.85e-06, 0.0),
    "avg_pool2d, compiled": Cost(5.22e-06, 0.0, 1.16e-11, 1.3e-11, 1.59e-06, 3.88e-10),
    "avg_pool2d, numpy": Cost(0.000257, 1.05e-09, 5.27e-11, 0.0, 0.0, 0.0),
    "avg_pool2d_2x2 of windows apart, compiled": Cost(4.68e-06, 4.06e-12, 4.52e-11, 4.49e-12, 0.0, 0.0),
    "avg_pool2d_2x2 of windows apart, numpy": Cost(0.000179, 3.31e-09, 0.0, 0.0, 0.0, 0.0),
    "avg_pool2d_registers, compiled": Cost(4.73e-06, 2.83e-11, 4.26e-12, 2.71e-12, 0.0, 0.0),
    "avg_pool2d_registers, numpy": Cost(0.000193, 2.14e-09, 0.0, 1.53e-11, 0.0, 0.0),
    "avg_pool_narrow of windows apart, compiled": Cost(0.0, 7.12e-11, 0.0, 3.67e-12, 0.0, 0.0),
    "avg_pool_narrow, compiled": Cost(4.52e-06, 1.97e-11, 3.23e-11, 1.37e-11, 0.0, 0.0),
    "box2d, compiled": Cost(4.76e-06, 5.57e-15, 2.32e-10, 5.62e-16, 0.000203, 1.44e-10),
    "box2d, numpy": Cost(0.000222, 4.27e-09, 2.77e-09, 0.0, 0.000496, 0.0),
    "conv_depthwise, compiled": Cost(2e-05, 0.0, 0.0, 2.4e-11, 0.0, 0.0),
    "conv_depthwise, numpy": Cost(0.0, 2.38e-09, 0.0, 5.31e-10, 0.0, 0.0),
    "conv_depthwise_last, compiled": Cost(2e-05, 0.0, 4.33e-11, 1.08e-13, 0.0, 0.0),
    "conv_depthwise_last, numpy": Cost(0.0, 0.0, 2.65e-09, 0.0, 0.0, 0.0),
    "conv_depthwise_packed, compiled": Cost(0.0, 0.0, 8.78e-12, 8.18e-11, 0.0, 0.0),
    "conv_depthwise_packed, numpy": Cost(0.000254, 1.97e-11, 2.51e-09, 0.0, 0.0, 0.0),
    "conv_direct, compiled": Cost(5.35e-06, 2.07e-10, 8.57e-12, 0.0, 0.0, 0.0),
    "conv_direct, numpy": Cost(0.000206, 0.0, 0.0, 9.22e-10, 0.0, 0.0),
    "conv_fft, compiled": Cost(2e-05, 0.0, 4.91e-10, 0.0, 0.0, 0.0),
    "conv_gemm, compiled": Cost(8.18e-06, 0.0, 1.44e-11, 1.96e-11, 0.0, 0.0),
    "conv_gemm, numpy": Cost(0.000214, 0.0, 1.16e-11, 1.8e-10, 0.0, 0.0),
    "conv_narrow, compiled": Cost(2.93e-06, 2.26e-10, 1.03e-11, 0.0, 0.0, 0.0),
    "conv_narrow, numpy": Cost(0.001, 5.1e-11, 2.33e-12, 0.0, 0.0, 0.0),
    "conv_winograd2, compiled": Cost(1.11e-05, 0.0, 3.19e-11, 0.0, 0.0, 0.0),
    "conv_winograd2, numpy": Cost(4.16e-05, 9.26e-14, 9.78e-11, 2.92e-14, 0.0, 0.0),
    "conv_winograd4, compiled": Cost(2e-05, 0.0, 2.43e-11, 7.78e-11, 0.0, 0.0),
    "conv_winograd4, numpy": Cost(0.000345, 0.0, 0.0, 0.0, 0.0, 0.0),
    "correlate2d, compiled": Cost(4.69e-06, 0.0, 1.55e-11, 1.7e-11, 0.000172, 3.6e-10),
    "correlate2d, numpy": Cost(0.000431, 0.0, 4.75e-10, 0.0, 0.000761, 0.0),
    "correlate2d_3x3, compiled": Cost(4.16e-06, 0.0, 3.62e-11, 0.0, 0.000164, 1.84e-10),
    "correlate2d_3x3, numpy": Cost(0.000182, 1.07e-09, 0.0, 1.92e-10, 0.000263, 0.0),
    "correlate2d_5x5, compiled": Cost(4.25e-06, 1.33e-10, 2.47e-16, 4.78e-12, 0.000179, 2.4e-10),
    "correlate2d_5x5, numpy": Cost(0.000193, 0.0, 3.56e-10, 3.54e-10, 0.000297, 0.0),
    "correlate2d_7x7, compiled": Cost(4.29e-06, 2.09e-11, 1.7e-11, 6.31e-12, 0.000162, 3.04e-10),
    "correlate2d_7x7, numpy": Cost(0.00027, 1.97e-09, 1.95e-10, 1.33e-10, 0.000396, 0.0),
    "correlate2d_fft, compiled": Cost(2e-05, 0.0, 2.16e-10, 0.0, 0.0, 0.0),
    "correlate2d_masked, compiled": Cost(1.99e-05, 3.62e-10, 1.77e-12, 2.52e-12, 0.000372, 1.61e-12),
    "correlate2d_masked, numpy": Cost(0.000859, 0.0, 0.0, 0.0, 4.48e-05, 0.0),
    "correlate2d_separable, compiled": Cost(7.5e-06, 0.0, 1.33e-11, 1.33e-11, 0.000242, 1.5e-10),
    "correlate2d_separable, numpy": Cost(0.000214, 0.0, 3.67e-10, 4.99e-10, 0.000468, 0.0),
    "magnitude2d_separable, compiled": Cost(7.57e-06, 1.61e-14, 3.77e-13, 4.45e-11, 0.000254, 1.67e-10),
    "magnitude2d_separable, numpy": Cost(0.000259, 2.18e-09, 6.8e-10, 0.0, 0.000571, 0.0),
    "max_pool2d of windows apart, compiled": Cost(3.77e-06, 5.56e-11, 7.26e-11, 0.0, 0.0, 0.0),
    "max_pool2d of windows apart, numpy": Cost(0.000289, 0.0, 4.13e-09, 5.44e-11, 0.000325, 0.0),
    "max_pool2d, compiled": Cost(4.24e-06, 2.81e-12, 2.6e-15, 1.96e-11, 0.0, 0.0),
    "max_pool2d, numpy": Cost(0.000312, 0.0, 1.3e-09, 8.44e-11, 0.000369, 0.0),
    "max_pool2d_2x2 of windows apart, compiled": Cost(4.09e-06, 2.43e-11, 6.6e-12, 2.52e-14, 0.0, 0.0),
    "max_pool2d_2x2 of windows apart, numpy": Cost(0.000229, 3.59e-09, 1.63e-11, 1.63e-12, 0.0, 0.0),
    "max_pool2d_indices of windows apart, compiled": Cost(5.67e-06, 0.0, 6.98e-10, 0.0, 0.0, 0.0),
    "max_pool2d_indices of windows apart, numpy": Cost(0.00032, 0.0, 1.89e-08, 0.0, 0.000541, 0.0),
    "max_pool2d_registers, compiled": Cost(4.19e-06, 2.16e-11, 2.97e-11, 2.15e-12, 0.0, 0.0),
    "max_pool2d_registers, numpy": Cost(0.000248, 2.51e-09, 0.0, 1.23e-11, 0.0, 0.0),
    "max_pool_narrow of windows apart, compiled": Cost(0.0, 7.32e-11, 0.0, 0.0, 0.0, 0.0),
    "max_pool_narrow, compiled": Cost(0.0, 0.0, 2.68e-11, 2.06e-11, 0.0, 0.0),
    "maximum2d, compiled": Cost(3.8e-06, 0.0, 2.91e-13, 1.52e-11, 0.0, 0.0),
    "maximum2d, numpy": Cost(0.000192, 0.0, 4.02e-09, 0.0, 7.05e-05, 0.0),
    "median2d, compiled": Cost(0.0, 0.0, 0.0, 1.4e-09, 0.0, 0.0),
    "median2d, numpy": Cost(0.000469, 1.91e-08, 5.7e-09, 0.0, 0.0, 0.0),
    "median2d_3x3, compiled": Cost(3.45e-06, 8.33e-11, 0.0, 0.0, 0.0, 0.0),
    "median2d_3x3, numpy": Cost(5.96e-05, 0.0, 2.14e-08, 0.0, 9.44e-05, 0.0),
    "median2d_5x5, compiled": Cost(4e-06, 3.41e-10, 0.0, 1.53e-11, 0.0, 0.0),
    "median2d_5x5, numpy": Cost(6.96e-05, 0.0, 1.5e-08, 0.0, 0.000139, 0.0),
    "median2d_histogram, compiled": Cost(1.36e-05, 7.06e-09, 1.71e-12, 8.27e-13, 0.0, 0.0),
    "median2d_histogram, numpy": Cost(0.0, 9.37e-08, 1e-08, 9.51e-09, 0.0, 0.0),
    "median2d_ranked, compiled": Cost(0.0, 2.62e-09, 8.6e-11, 7.48e-10, 0.0, 0.0),
    "median2d_ranked, numpy": Cost(3.82e-05, 6.5e-10, 7.58e-09, 0.0, 0.0, 0.0),
}
