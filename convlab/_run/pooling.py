"""Pools: conversions and the kernel."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors, reference
from convlab._dispatch import PYTHON, serve, serving
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.pooling import Pool, Unpool
from convlab._threads import share

from .arrays import check_out, converted, finished
from .wide import average_wide, holds_wide, may_be_wide


def pool(plan: Plan[Pool], x: NDArray[Any], out: Any) -> Any:
    """Run a plan of _plan.pool: the result, or the result and its indices."""
    spec = plan.spec
    if out is not None:
        check_out(out, plan, spec.output.shape, spec.dtype, x=x)
    wide = plan.convert and spec.operation == "avg" and may_be_wide(x.dtype) and holds_wide("x", x)
    backend = serving(plan.compiled, plan.in_lesson)
    if backend is PYTHON:
        serve(backend, f"{spec.operation}_pool2d")
        return finished(_reference_pool2d(spec, x), spec.dtype, out)
    original = x
    made = plan.source if spec.operation in ("max", "min") else FLOAT32
    if spec.norm:
        x = _powers(spec, converted(x, FLOAT32))
    elif plan.convert:
        x = converted(x, plan.source)
    y = out if out is not None and spec.dtype == made else np.empty(spec.output.shape, made)
    results = [y, np.empty(spec.output.shape, np.int64)] if spec.indices else [y]
    if y.size:
        share(plan.threads, backend.functions[plan.kernel], x, *results, *plan.tables)
    serve(backend, plan.kernel)
    if spec.norm:
        _roots(spec, y)
    if wide:
        average_wide(original, y, plan.tables)
    y = y if spec.dtype == made else finished(y, spec.dtype, out)
    return (y, results[1]) if spec.indices else y


def _powers(spec: Pool, x: NDArray[Any]) -> NDArray[Any]:
    """|x| ** p, in place."""
    np.abs(x, out=x)
    with np.errstate(all="ignore"):
        if spec.norm == 2:
            x *= x
        elif spec.norm != 1 and spec.norm != np.inf:
            np.power(x, FLOAT32.type(spec.norm), out=x)
    return x


def _roots(spec: Pool, y: NDArray[Any]) -> None:
    with np.errstate(all="ignore"):
        if spec.norm == 2:
            np.sqrt(y, out=y)
        elif spec.norm != 1 and spec.norm != np.inf:
            np.power(y, FLOAT32.type(1 / spec.norm), out=y)


def max_unpool(plan: Plan[Unpool], x: NDArray[Any], indices: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.max_unpool."""
    spec = plan.spec
    if out is not None:
        check_out(out, plan, spec.output.shape, spec.dtype, x=x, indices=indices)
    backend = serving(plan.compiled, plan.in_lesson)
    axes = spec.image.axes
    y = np.empty(spec.output.shape, spec.dtype) if out is None else out
    inner = spec.image.inner_channels
    # Planes one behind the other, each contiguous.
    values, places, result = (np.moveaxis(a, -1, -1 - len(axes)) if inner else a for a in (x, indices, y))
    if not inner and axes != tuple(range(x.ndim - len(axes), x.ndim)):
        values, places, result = (np.moveaxis(a, axes, tuple(range(-len(axes), 0))) for a in (values, places, result))
    values = np.require(values, spec.dtype, ["C", "ALIGNED"])
    places = np.require(places, np.int64, ["C", "ALIGNED"])
    wrong = None
    if out is not None:  # an error leaves it as it was
        outside = places[places.view(np.uint64) >= math.prod(spec.output.sizes)]
        wrong = int(outside[0]) if outside.size else None
    flat = result if result.flags.c_contiguous else np.empty(result.shape, spec.dtype)
    if flat.size and wrong is None:
        wrong = backend.functions[plan.kernel](values, places, flat, *plan.tables, 1)
    if wrong is not None:
        raise _errors.wrong_value("indices", wrong, f"places in a plane of {spec.output.sizes}")
    serve(backend, plan.kernel)
    if flat is not result:
        result[...] = flat
    return y


def _reference_pool2d(spec: Pool, x: NDArray[Any]) -> NDArray[Any]:
    operation = getattr(reference, f"{spec.operation}_pool2d")
    axes, sizes = spec.image.axes, spec.output.sizes
    stack = np.moveaxis(x, axes, (-2, -1)).reshape(-1, *spec.image.sizes)
    planes = np.array([operation(plane, spec.window, spec.stride, spec.before) for plane in stack], spec.dtype)
    leading = [n for axis, n in enumerate(spec.output.shape) if axis not in axes]
    return np.ascontiguousarray(np.moveaxis(planes.reshape(*leading, *sizes), (-2, -1), axes))
