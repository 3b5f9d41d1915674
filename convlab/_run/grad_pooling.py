"""Gradients of pools: planes one behind the other for the kernels, some at a time where they must be copied."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlab import _errors, reference_gradients
from convlab._dispatch import PYTHON, Backend, serve, serving
from convlab._plan.grad_pooling import LargestPlan, LpPlan
from convlab._plan.plan import Plan
from convlab._plan.pool_pieces import CONVERTED_BYTES
from convlab._plan.pooling import planned
from convlab._spec.arguments import FLOAT32
from convlab._spec.grad_pooling import Scatter, largest
from convlab._spec.pooling import Grid, Pool
from convlab._threads import limited, limited_sums

from .arrays import check_out
from .pooling import pool

INT64 = np.dtype(np.int64)


class _Input(NamedTuple):
    """An array, where its planes lie, and what the kernel reads."""

    array: NDArray[Any]
    grid: Grid
    dtype: np.dtype[Any]


def _result(grid: Grid, out: Any, **inputs: NDArray[Any]) -> NDArray[np.float32]:
    if out is None:
        return np.empty(grid.shape, FLOAT32)
    check_out(out, grid.shape, FLOAT32, **inputs)
    result: NDArray[np.float32] = out
    return result


def _planes(a: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """The array with its pooled axes last."""
    n = len(grid.axes)
    last = grid.axes == tuple(range(a.ndim - n, a.ndim))
    return a if last else np.moveaxis(a, grid.axes, tuple(range(-n, 0)))


def _by_planes(work: Callable[..., Any], result: NDArray[Any], grid: Grid, *inputs: _Input) -> Any:
    """Call work(result, *inputs) with C-contiguous planes; end with what it first returns that is not None."""
    y = _planes(result, grid)
    if not y.size or not all(i.array.size for i in inputs):
        y[...] = 0
        return None
    views = [_planes(i.array, i.grid) for i in inputs]
    plain = all(
        v.flags.c_contiguous and v.flags.aligned and v.dtype == i.dtype and v.dtype.isnative
        for v, i in zip(views, inputs, strict=True)
    )
    if plain and y.flags.c_contiguous:
        return work(y, *views)
    lead = y.shape[: -len(grid.axes)]
    each = 8 * sum(math.prod(g.sizes) for g in (grid, *(i.grid for i in inputs)))
    counts = [max(1, min(n, CONVERTED_BYTES // (each * math.prod(lead[i + 1 :])))) for i, n in enumerate(lead)]
    for starts in itertools.product(*(range(0, n, count) for n, count in zip(lead, counts, strict=True))):
        some = tuple(slice(i, i + n) for i, n in zip(starts, counts, strict=True))
        with np.errstate(all="ignore"):
            own = [np.require(v[some], i.dtype, ["C", "ALIGNED"]) for v, i in zip(views, inputs, strict=True)]
        part = y[some]
        flat = part if part.flags.c_contiguous else np.empty(part.shape, FLOAT32)
        found = work(flat, *own)
        if found is not None:
            return found
        if flat is not part:
            part[...] = flat
    return None


def _scattered(plan: Plan[Scatter], backend: Backend, y: Any, grad: Any, places: Any) -> int | None:
    """Run the kernel on some planes; the first index that is no place."""
    (sizes,) = plan.tables
    planes = places.size // int(sizes[1])
    if planes != sizes[0]:
        sizes = sizes.copy()
        sizes[0], sizes[3] = planes, min(planes, sizes[3])
    wrong: int | None = backend.functions[plan.kernel](grad, places, y, sizes, limited_sums(plan.threads))
    return wrong


def _check_places(spec: Scatter, out: Any, places: NDArray[Any], wrong: int | None = None) -> None:
    """An error for the first index that is no place; before anything is written to an `out`."""
    size = math.prod(spec.image.sizes)
    if out is not None and places.size and not 0 <= places.min() <= places.max() < size:
        wrong = int(places[(places < 0) | (places >= size)].flat[0])
    if wrong is not None:
        raise _errors.wrong_value("indices", wrong, f"places in a plane of {spec.image.sizes}")


def max_pool(plan: Plan[Scatter], grad: NDArray[Any], indices: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_pooling.max_pool."""
    spec = plan.spec
    y = _result(spec.image, out, grad_output=grad, indices=indices)
    _check_places(spec, out, indices)
    inputs = _Input(grad, spec.output, FLOAT32), _Input(indices, spec.output, INT64)
    backend = serving(plan.compiled, plan.in_lesson)
    if backend is PYTHON:
        _check_places(spec, y, indices)
        _by_planes(_max_loops, y, spec.image, *inputs)
        serve(backend, f"{spec.name}_gradient")
        return y
    _check_places(spec, None, indices, _by_planes(partial(_scattered, plan, backend), y, spec.image, *inputs))
    serve(backend, plan.kernel)
    return y


def _max_loops(y: NDArray[Any], grad: NDArray[Any], places: NDArray[Any]) -> None:
    for to, its, where in zip(*(a.reshape(-1, *a.shape[-2:]) for a in (y, grad, places)), strict=True):
        to[...] = reference_gradients.max_pool2d(its, where, to.shape)


def max_unpool(plan: Plan[Scatter], grad: NDArray[Any], indices: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_pooling.max_unpool."""
    spec = plan.spec
    y = _result(spec.output, out, grad_output=grad, indices=indices)
    _check_places(spec, out, indices)
    inputs = _Input(grad, spec.image, FLOAT32), _Input(indices, spec.output, INT64)
    backend = serving(plan.compiled, plan.in_lesson)
    if backend is PYTHON:
        _check_places(spec, y, indices)
        _by_planes(_unpool_loops, y, spec.output, *inputs)
        serve(backend, f"{spec.name}_gradient")
        return y
    _check_places(spec, None, indices, _by_planes(partial(_scattered, plan, backend), y, spec.output, *inputs))
    serve(backend, plan.kernel)
    return y


def _unpool_loops(y: NDArray[Any], grad: NDArray[Any], places: NDArray[Any]) -> None:
    for to, its, where in zip(*(a.reshape(-1, *a.shape[-2:]) for a in (y, grad, places)), strict=True):
        to[...] = reference_gradients.max_unpool2d(its, where)


def spread(plan: Plan[Pool], grad: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of an average pool's gradient."""
    spec = plan.spec
    y = _result(spec.image, out, grad_output=grad)
    backend = serving(plan.compiled, plan.in_lesson)
    loops = backend is PYTHON
    work = partial(_mean_loops, spec) if loops else partial(_spread, plan, backend)
    _by_planes(work, y, spec.image, _Input(grad, spec.output, FLOAT32))
    serve(backend, f"avg_pool{len(spec.image.axes)}d_gradient" if loops else plan.kernel)
    return y


def _spread(plan: Plan[Pool], backend: Backend, y: NDArray[Any], grad: NDArray[Any]) -> None:
    (sizes,) = plan.tables
    planes = grad.size // math.prod(plan.spec.output.sizes)
    if planes != sizes[0]:
        sizes = sizes.copy()
        sizes[0] = planes
    backend.functions[plan.kernel](grad, y, sizes, limited_sums(plan.threads))


def _mean_loops(spec: Pool, y: NDArray[Any], grad: NDArray[Any]) -> None:
    for to, its in zip(y.reshape(-1, *y.shape[-2:]), grad.reshape(-1, *grad.shape[-2:]), strict=True):
        to[...] = reference_gradients.avg_pool2d(its, to.shape, spec.window, spec.stride, spec.before)


def global_max_pool(plan: LargestPlan, grad: NDArray[Any], x: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_pooling.global_max_pool."""
    y = _result(plan.scatter.spec.image, out, grad_output=grad, input=x)
    _, places = pool(plan.pool, x, None)
    return max_pool(plan.scatter, grad, places, y)


def lp_pool(plan: LpPlan, grad: NDArray[Any], x: NDArray[Any], output: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of an Lp pool's gradient."""
    spec = plan.spec
    y = _result(spec.image, out, grad_output=grad, input=x, output=output)
    inputs = [_Input(a, g, FLOAT32) for a, g in ((grad, spec.output), (x, spec.image), (output, spec.output))]
    infinite = spec.norm == math.inf
    served = plan.largest if infinite else plan.spread
    backend = serving(served.compiled, in_lesson=False)
    with np.errstate(all="ignore"):
        _by_planes(partial(_to_largest if infinite else _to_all, plan, backend), y, spec.image, *inputs)
    serve(backend, served.kernel)
    return y


def _to_all(
    plan: LpPlan, backend: Backend, y: NDArray[Any], grad: NDArray[Any], x: NDArray[Any], output: NDArray[Any]
) -> None:
    """Grad times (|x| / output) ** (p - 1), with the sign of x; nothing where the output is 0."""
    p = plan.spec.norm
    shares = np.divide(grad, _power(output, p - 1), out=np.zeros_like(grad), where=output != 0)
    _spread(plan.spread, backend, y, shares)
    y *= np.copysign(_power(np.abs(x), p - 1), x) if p != 1 else np.sign(x)


def _power(a: NDArray[Any], p: float) -> NDArray[Any]:
    """Whole powers by products, which round alike on every machine."""
    if p == 0:
        return np.ones_like(a)
    if p not in range(1, 8):
        powers: NDArray[Any] = np.power(a, FLOAT32.type(p))
        return powers
    result: NDArray[Any] = a
    for _ in range(int(p) - 1):
        result = result * a
    return result


def _to_largest(
    plan: LpPlan, backend: Backend, y: NDArray[Any], grad: NDArray[Any], x: NDArray[Any], _: NDArray[Any]
) -> None:
    """To the first of the largest absolute values, with its sign."""
    spec = largest(plan.spec)
    n = len(spec.image.axes)
    axes = tuple(range(1, n + 1))
    own = replace(
        spec,
        image=Grid((x.size // math.prod(x.shape[-n:]), *x.shape[-n:]), axes, inner_channels=False),
        output=Grid((grad.size // math.prod(grad.shape[-n:]), *grad.shape[-n:]), axes, inner_channels=False),
    )
    magnitudes = np.abs(x).reshape(own.image.shape)
    found = planned(own, magnitudes)
    values, places = np.empty(own.output.shape, FLOAT32), np.empty(own.output.shape, np.int64)
    backend.functions[found.kernel](magnitudes, values, places, *found.tables, limited(found.threads))
    _scattered(plan.largest, backend, y, grad, places)
    y *= np.sign(x)
