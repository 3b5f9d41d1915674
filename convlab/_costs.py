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
    kernel = kernel.replace("min", "max")  # minima cost as maxima
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
FLOPS = 1.04e11  # multiplications and additions a second of one thread there
COSTS: dict[str, Cost] = {
    "avg_pool2d of powers, compiled": Cost(1.54e-05, 1.14e-11, 0.0, 3.4e-11, 0.0, 2.35e-10),
    "avg_pool2d of powers, numpy": Cost(0.000226, 1.26e-09, 3.69e-10, 0.0, 0.0, 1.3e-09),
    "avg_pool2d of windows apart, compiled": Cost(8.59e-06, 2.28e-11, 0.0, 0.0, 0.0, 1.93e-10),
    "avg_pool2d of windows apart, numpy": Cost(0.000343, 0.0, 0.0, 8.79e-10, 0.0, 0.0),
    "avg_pool2d, compiled": Cost(1e-05, 0.0, 1.27e-11, 1.37e-11, 4.93e-07, 6.01e-10),
    "avg_pool2d, numpy": Cost(0.000291, 0.0, 1.29e-10, 0.0, 0.0, 6.44e-10),
    "avg_pool2d_2x2 of windows apart, compiled": Cost(7.07e-06, 5.87e-12, 6.78e-11, 6.87e-12, 0.0, 0.0),
    "avg_pool2d_2x2 of windows apart, numpy": Cost(0.000354, 0.0, 0.0, 0.0, 0.0, 0.0),
    "avg_pool2d_registers, compiled": Cost(8.03e-06, 3.75e-11, 1.39e-11, 0.0, 0.0, 0.0),
    "avg_pool2d_registers, numpy": Cost(0.000398, 0.0, 0.0, 0.0, 0.0, 0.0),
    "avg_pool_narrow of windows apart, compiled": Cost(4.79e-07, 6.87e-11, 0.0, 5.76e-12, 0.0, 0.0),
    "avg_pool_narrow, compiled": Cost(0.0, 0.0, 6.83e-11, 2.92e-11, 0.0, 0.0),
    "box2d, compiled": Cost(8.56e-06, 1.33e-13, 2.25e-10, 9.69e-13, 0.000204, 1.35e-10),
    "box2d, numpy": Cost(0.000418, 4.09e-09, 1.3e-11, 9.95e-13, 0.000286, 1.05e-09),
    "conv_depthwise, compiled": Cost(2e-05, 5.88e-11, 1.35e-11, 0.0, 0.0, 0.0),
    "conv_depthwise, numpy": Cost(0.0, 7.39e-09, 0.0, 2.42e-12, 0.0, 0.0),
    "conv_depthwise_last, compiled": Cost(2e-05, 1.91e-13, 4.74e-11, 2.71e-13, 0.0, 0.0),
    "conv_depthwise_last, numpy": Cost(0.0, 1.88e-09, 2.53e-09, 0.0, 0.0, 0.0),
    "conv_depthwise_packed, compiled": Cost(0.0, 2.17e-10, 6.13e-12, 6.5e-11, 0.0, 0.0),
    "conv_depthwise_packed, numpy": Cost(0.000283, 3.19e-11, 2.67e-09, 8.09e-12, 0.0, 0.0),
    "conv_direct, compiled": Cost(9.99e-06, 7.65e-11, 1.69e-11, 4.66e-11, 0.0, 0.0),
    "conv_direct, numpy": Cost(0.000531, 0.0, 0.0, 0.0, 0.0, 0.0),
    "conv_fft, compiled": Cost(2e-05, 0.0, 6.98e-10, 0.0, 0.0, 0.0),
    "conv_fft, numpy": Cost(0.000914, 5.65e-10, 4.78e-11, 5.14e-11, 0.0, 0.0),
    "conv_gemm, compiled": Cost(1.99e-05, 0.0, 2.15e-11, 0.0, 0.0, 0.0),
    "conv_gemm, numpy": Cost(0.000285, 0.0, 1.39e-11, 3.15e-10, 0.0, 0.0),
    "conv_narrow, compiled": Cost(5.02e-06, 2.84e-10, 1.3e-11, 0.0, 0.0, 0.0),
    "conv_narrow, numpy": Cost(0.0, 0.0, 1.65e-11, 0.0, 0.0, 0.0),
    "conv_winograd2, compiled": Cost(2e-05, 0.0, 2.98e-11, 4.81e-11, 0.0, 0.0),
    "conv_winograd2, numpy": Cost(0.00034, 0.0, 1.06e-10, 0.0, 0.0, 0.0),
    "conv_winograd4, compiled": Cost(2e-05, 8.63e-14, 1.3e-11, 2.17e-10, 0.0, 0.0),
    "conv_winograd4, numpy": Cost(0.000334, 0.0, 0.0, 0.0, 0.0, 0.0),
    "correlate2d, compiled": Cost(8.75e-06, 2.86e-11, 2.44e-11, 0.0, 0.000174, 4.47e-10),
    "correlate2d, numpy": Cost(0.000758, 0.0, 3.27e-10, 0.0, 0.000456, 0.0),
    "correlate2d_3x3, compiled": Cost(7.34e-06, 0.0, 4.61e-11, 0.0, 0.000163, 8.18e-11),
    "correlate2d_3x3, numpy": Cost(0.000152, 0.0, 5.14e-10, 0.0, 0.000354, 0.0),
    "correlate2d_5x5, compiled": Cost(7.61e-06, 0.0, 2.68e-11, 0.0, 0.000164, 9.51e-11),
    "correlate2d_5x5, numpy": Cost(0.000314, 0.0, 1.01e-10, 0.0, 0.000347, 8.66e-10),
    "correlate2d_7x7, compiled": Cost(7.88e-06, 6.53e-14, 2.31e-11, 1.16e-14, 0.000178, 1e-10),
    "correlate2d_7x7, numpy": Cost(0.00033, 2.37e-09, 0.0, 0.0, 0.000526, 6.58e-10),
    "correlate2d_fft, compiled": Cost(2e-05, 0.0, 1.98e-10, 0.0, 0.00303, 0.0),
    "correlate2d_masked, compiled": Cost(1.96e-05, 4.59e-10, 9.6e-12, 0.0, 0.000206, 4.15e-11),
    "correlate2d_masked, numpy": Cost(0.000371, 5.6e-09, 0.0, 1.63e-12, 4.96e-07, 1.04e-11),
    "correlate2d_separable, compiled": Cost(1.31e-05, 0.0, 1.55e-11, 1.24e-11, 0.00016, 1.27e-10),
    "correlate2d_separable, numpy": Cost(0.000271, 0.0, 5.59e-10, 2.16e-10, 0.000354, 0.0),
    "magnitude2d_separable, compiled": Cost(1.44e-05, 5.68e-11, 2.63e-11, 3.31e-16, 0.00015, 1.72e-10),
    "magnitude2d_separable, numpy": Cost(0.00045, 0.0, 5.83e-10, 0.0, 0.000309, 0.0),
    "max_pool2d of windows apart, compiled": Cost(7.07e-06, 8.14e-11, 0.0, 4.7e-15, 0.0, 0.0),
    "max_pool2d of windows apart, numpy": Cost(0.000359, 3.65e-10, 2.45e-09, 0.0, 0.000391, 3.19e-10),
    "max_pool2d, compiled": Cost(7.65e-06, 6.09e-13, 0.0, 1.89e-11, 0.0, 0.0),
    "max_pool2d, numpy": Cost(0.000408, 0.0, 1.18e-10, 4.49e-10, 0.000261, 0.0),
    "max_pool2d_2x2 of windows apart, compiled": Cost(6.5e-06, 9.97e-13, 8.43e-11, 8.62e-12, 0.0, 0.0),
    "max_pool2d_2x2 of windows apart, numpy": Cost(0.000509, 0.0, 0.0, 0.0, 0.0, 0.0),
    "max_pool2d_indices of windows apart, compiled": Cost(1.05e-05, 0.0, 5.89e-10, 0.0, 0.0, 0.0),
    "max_pool2d_indices of windows apart, numpy": Cost(0.000357, 2.84e-13, 1.51e-08, 1.61e-10, 0.000321, 1.45e-09),
    "max_pool2d_registers, compiled": Cost(7.5e-06, 5.92e-12, 3.62e-11, 8.27e-12, 0.0, 0.0),
    "max_pool2d_registers, numpy": Cost(0.000564, 0.0, 0.0, 0.0, 0.0, 0.0),
    "max_pool_narrow of windows apart, compiled": Cost(2e-05, 6.62e-11, 0.0, 0.0, 0.0, 0.0),
    "max_pool_narrow, compiled": Cost(0.0, 4.68e-11, 1.28e-10, 8.86e-12, 0.0, 0.0),
    "maximum2d, compiled": Cost(7.16e-06, 0.0, 0.0, 1.6e-11, 0.0, 0.0),
    "maximum2d, numpy": Cost(0.000697, 0.0, 0.0, 1.27e-10, 0.000307, 4.52e-10),
    "median2d, compiled": Cost(3.91e-06, 6.96e-13, 7.34e-16, 1.9e-09, 0.0, 0.0),
    "median2d, numpy": Cost(0.000677, 2.61e-08, 6.45e-09, 0.0, 0.000224, 0.0),
    "median2d_3x3, compiled": Cost(6.28e-06, 8.3e-16, 0.0, 2.62e-11, 0.0, 0.0),
    "median2d_3x3, numpy": Cost(0.000379, 0.0, 1.4e-08, 0.0, 0.000231, 1.02e-08),
    "median2d_5x5, compiled": Cost(7.27e-06, 1.87e-10, 0.0, 6.14e-11, 0.0, 0.0),
    "median2d_5x5, numpy": Cost(0.000436, 0.0, 1.36e-08, 0.0, 0.000225, 2.72e-09),
    "median2d_histogram, compiled": Cost(1.68e-05, 8.05e-09, 3.94e-12, 4.61e-12, 0.0, 0.0),
    "median2d_histogram, numpy": Cost(0.000216, 0.0, 1.05e-08, 2e-08, 0.0, 0.0),
    "median2d_ranked, compiled": Cost(5.97e-06, 4.8e-09, 1.08e-10, 6.15e-10, 0.0, 0.0),
    "median2d_ranked, numpy": Cost(0.000885, 0.0, 5.73e-09, 0.0, 0.0, 0.0),
}
