"""Plans of the gradients of pools and of max unpooling."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._geometry import ScatterGeometry, SpreadGeometry
from convlab._spec import grad_pooling
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.grad_pooling import (
    AdaptiveMeanOptions,
    GatherOptions,
    GlobalMaximumOptions,
    GlobalMeanOptions,
    GlobalNormOptions,
    MeanOptions,
    NormOptions,
    Scatter,
    ScatterOptions,
)
from convlab._spec.pooling import Pool

from .cache import remembered
from .plan import Machine, Plan, threads_for
from .pooling import PART_ELEMENTS, planned
from .unpooling import PIECES


def _scatter(spec: Scatter, kernel: str) -> Plan[Scatter]:
    size, other = math.prod(spec.output.sizes), math.prod(spec.image.sizes)
    planes = math.prod(spec.output.shape) // size
    pieces = max(1, min(planes, PIECES, planes * (size + other) // PART_ELEMENTS))
    return Plan(
        spec=spec,
        kernel=kernel,
        reason="planes are shared out: within one the elements are taken in order",
        threads=min(pieces, threads_for(spec, Machine())),
        tile=(math.prod(spec.output.sizes[:-1]), spec.output.sizes[-1]),
        workspace=0,
        convert=False,
        source=FLOAT32,
        in_lesson=len(spec.image.axes) == 2,
        tables=(np.array(ScatterGeometry(planes, size, other, pieces), np.intp),),
    )


def _check_indices(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "iu":
        raise _errors.wrong_dtype("indices", dtype, "integers, as max_pool2d returns them")


@remembered(ScatterOptions)
def max_pool(grad: NDArray[Any], _: None, options: ScatterOptions) -> Plan[Scatter]:
    """Make the plan of a maximum pool's gradient, or raise the error for a wrong argument."""
    check_dtype("grad_output", grad.dtype)
    _check_indices(options.indices_dtype)
    return _scatter(grad_pooling.max_pool(grad.shape, options), "scatter_add")


@remembered(GatherOptions)
def max_unpool(grad: NDArray[Any], _: None, options: GatherOptions) -> Plan[Scatter]:
    """Make the plan of an unpool's gradient."""
    check_dtype("grad_output", grad.dtype)
    _check_indices(options.indices_dtype)
    return _scatter(grad_pooling.max_unpool(grad.shape, options), "gather")


def _three(numbers: tuple[int, ...], fill: int) -> tuple[int, ...]:
    return (fill,) * (3 - len(numbers)) + numbers


def _spread(spec: Pool) -> Plan[Pool]:
    """Each plane by itself: of an average, or of sums whose divisor is 1."""
    size = math.prod(spec.output.sizes)
    geometry = SpreadGeometry._make((
        math.prod(spec.output.shape) // size, *_three(spec.image.sizes, 1), *_three(spec.output.sizes, 1),
        *_three(spec.window, 1), *_three(spec.stride, 1), *_three(spec.before, 0), *_three(spec.after, 0),
        *_three(spec.dilation, 1), spec.bins, spec.divisor, spec.count_pad,
    ))  # fmt: skip
    return Plan(
        spec=spec,
        kernel="spread_mean",
        reason="each output is divided and added to its window, row by row",
        threads=threads_for(spec, Machine()),
        tile=spec.image.sizes[-2:] if len(spec.image.sizes) > 1 else (1, *spec.image.sizes),  # type: ignore[arg-type]
        workspace=4 * spec.image.sizes[-1],
        convert=False,
        source=FLOAT32,
        in_lesson=_in_lesson(spec),
        tables=(np.array(geometry, np.intp),),
    )


def _in_lesson(spec: Pool) -> bool:
    """Whether `reference_gradients.avg_pool2d` does just this."""
    return (
        len(spec.image.axes) == 2
        and spec.operation == "avg"
        and not spec.bins
        and spec.dilation == (1, 1)
        and spec.before == spec.after
        and spec.divisor == math.prod(spec.window)
    )


@remembered(MeanOptions)
def avg_pool(grad: NDArray[Any], _: None, options: MeanOptions) -> Plan[Pool]:
    """Make the plan of an average pool's gradient."""
    check_dtype("grad_output", grad.dtype)
    return _spread(grad_pooling.avg_pool(grad.shape, options))


@remembered(AdaptiveMeanOptions)
def adaptive_avg_pool(grad: NDArray[Any], _: None, options: AdaptiveMeanOptions) -> Plan[Pool]:
    """Make the plan of an adaptive average pool's gradient."""
    check_dtype("grad_output", grad.dtype)
    return _spread(grad_pooling.adaptive_avg_pool(grad.shape, options))


@remembered(GlobalMeanOptions)
def global_avg_pool(grad: NDArray[Any], _: None, options: GlobalMeanOptions) -> Plan[Pool]:
    """Make the plan of a global average pool's gradient."""
    check_dtype("grad_output", grad.dtype)
    return _spread(grad_pooling.global_avg_pool(grad.shape, options))


@dataclass(frozen=True, slots=True)
class LargestPlan:
    """The gradient of a maximum whose place is looked for first."""

    pool: Plan[Pool]
    scatter: Plan[Scatter]


def _largest(spec: Pool, x: NDArray[Any]) -> LargestPlan:
    own = replace(spec, dtype=x.dtype.newbyteorder("=") if spec.dtype != x.dtype else spec.dtype)
    name = f"max_pool{len(spec.image.axes)}d"
    return LargestPlan(planned(own, x), _scatter(Scatter(name, spec.image, spec.output), "scatter_add"))


@remembered(GlobalMaximumOptions)
def global_max_pool(x: NDArray[Any], _: None, options: GlobalMaximumOptions) -> LargestPlan:
    """Make the plan of a global maximum's gradient."""
    check_dtype("input", x.dtype)
    check_dtype("grad_output", options.grad_dtype)
    return _largest(grad_pooling.global_max_pool(x.shape, options), x)


@dataclass(frozen=True, slots=True)
class LpPlan:
    """The gradient of an Lp pool: of finite norms a spread, of infinity a scatter."""

    spec: Pool
    spread: Plan[Pool]
    largest: Plan[Scatter]


def _check_dtypes(x: NDArray[Any], options: NormOptions | GlobalNormOptions) -> None:
    check_dtype("input", x.dtype)
    check_dtype("grad_output", options.grad_dtype)
    check_dtype("output", options.output_dtype)


def _lp(spec: Pool) -> LpPlan:
    name = f"max_pool{len(spec.image.axes)}d"
    return LpPlan(spec, _spread(spec), _scatter(Scatter(name, spec.image, spec.output), "scatter_add"))


@remembered(NormOptions)
def lp_pool(x: NDArray[Any], _: None, options: NormOptions) -> LpPlan:
    """Make the plan of an Lp pool's gradient."""
    _check_dtypes(x, options)
    return _lp(grad_pooling.lp_pool(x.shape, options))


@remembered(GlobalNormOptions)
def global_lp_pool(x: NDArray[Any], _: None, options: GlobalNormOptions) -> LpPlan:
    """Make the plan of a global Lp pool's gradient."""
    _check_dtypes(x, options)
    return _lp(grad_pooling.global_lp_pool(x.shape, options))
