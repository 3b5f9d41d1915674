"""Pools: conversions and the kernel."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors, reference
from convlab._dispatch import PYTHON, Backend, serve, serving
from convlab._plan.plan import Machine, Plan
from convlab._plan.pool_axes import Source
from convlab._plan.pool_pieces import CONVERTED_BYTES, Piece, pieces
from convlab._plan.pooling import plan_pool
from convlab._spec.arguments import FLOAT32
from convlab._spec.pooling import Pool
from convlab._spec.unpooling import Unpool
from convlab._threads import limited, limited_sums

from .arrays import check_out, converted, finished
from .wide import average_wide, holds_wide, may_be_wide


def _pool(plan: Plan[Pool], x: NDArray[Any], out: Any) -> Any:
    """Run a plan of _plan.pool: the result, or the result and its indices."""
    spec = plan.spec
    if out is not None:
        check_out(out, spec.output.shape, spec.dtype, x=x)
    wide = spec.operation == "avg" and spec.norm == 0 and may_be_wide(x.dtype) and holds_wide("x", x)
    backend = serving(plan.compiled, plan.in_lesson)
    if backend is PYTHON:
        serve(backend, f"{spec.operation}_pool2d")
        return finished(_reference_pool2d(spec, x), spec.dtype, out)
    y = np.empty(spec.output.shape, spec.dtype) if out is None else out
    results = [y, np.empty(spec.output.shape, np.int64)] if spec.indices else [y]
    if y.size:
        if plan.buffers:
            _run_pieces(plan, backend, x, results)
        else:
            threads = limited_sums(plan.threads) if spec.operation == "avg" or spec.norm else limited(plan.threads)
            backend.functions[plan.kernel](x, *results, *plan.tables, threads)
    serve(backend, plan.kernel)
    if spec.norm not in (0, 1, np.inf):
        _roots(spec, y)
    if wide:
        average_wide(spec, x, y)
    return (y, results[1]) if spec.indices else y


# One function, by what its plans return.
_WithIndices = NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]
pool: Callable[[Plan[Pool], NDArray[Any], Any], NDArray[Any]] = _pool
pool_and_indices: Callable[[Plan[Pool], NDArray[Any], Any], _WithIndices] = _pool


def _run_pieces(plan: Plan[Pool], backend: Backend, x: NDArray[Any], results: list[NDArray[Any]]) -> None:
    """Convert and reduce some outputs at a time."""
    spec = plan.spec
    for piece in pieces(spec):
        part = converted(x[piece.source], plan.source)
        if spec.norm:
            np.abs(part, out=part)
        own = plan_pool(piece.spec, plan.source, Source(*piece.spec.image.pitches()), Machine())
        y = np.empty(piece.spec.output.shape, plan.source)
        made = [y, np.empty(y.shape, np.int64)] if spec.indices else [y]
        backend.functions[own.kernel](part, *made, *own.tables, limited(own.threads))
        targets = [result[piece.output] for result in results]
        values = y.astype(spec.dtype, copy=False)
        if spec.indices:
            made[1] = _places(spec, piece, made[1])
        if piece.begins:
            for target, value in zip(targets, [values, *made[1:]], strict=True):
                target[...] = value
            continue
        with np.errstate(invalid="ignore"):
            better = values < targets[0] if spec.operation == "min" else values > targets[0]
        # Of several NaN the first is the value, and the last has the place.
        better |= (values != values) & ((targets[0] == targets[0]) | spec.indices)
        for target, value in zip(targets, [values, *made[1:]], strict=True):
            np.copyto(target, value, where=better)


def _places(spec: Pool, piece: Piece, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places in a piece's planes as places in those of the array."""
    own, sizes = piece.spec.image.sizes, spec.image.sizes
    result = np.zeros_like(places)
    scale = 1
    for first, n, size in zip(piece.first[::-1], own[::-1], sizes[::-1], strict=True):
        places, at = np.divmod(places, n)
        at += first
        at *= scale
        result += at
        scale *= size
    return result


def _roots(spec: Pool, y: NDArray[Any]) -> None:
    with np.errstate(all="ignore"):
        if spec.norm == 2:
            np.sqrt(y, out=y)
        elif spec.norm == 4:
            np.sqrt(np.sqrt(y, out=y), out=y)
        elif spec.norm == 3:
            np.cbrt(y, out=y)
        else:
            np.power(y, FLOAT32.type(1 / spec.norm), out=y)


def max_unpool(plan: Plan[Unpool], x: NDArray[Any], indices: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.unpooling."""
    spec = plan.spec
    if out is not None:
        check_out(out, spec.output.shape, spec.dtype, x=x, indices=indices)
    backend = serving(plan.compiled, plan.in_lesson)
    axes = spec.image.axes
    y = np.empty(spec.output.shape, spec.dtype) if out is None else out
    inner = spec.image.inner_channels
    # Planes one behind the other, each contiguous.
    values, places, result = x, indices, y
    if inner:
        values, places, result = (np.moveaxis(a, -1, -1 - len(axes)) for a in (x, indices, y))
    elif axes != tuple(range(x.ndim - len(axes), x.ndim)):
        values, places, result = (np.moveaxis(a, axes, tuple(range(-len(axes), 0))) for a in (values, places, result))
    size = math.prod(spec.output.sizes)
    wrong = None
    if out is not None and places.size and not 0 <= places.min() <= places.max() < size:  # it stays as it was
        wrong = int(places[(places < 0) | (places >= size)].flat[0])
    if wrong is None and result.size:
        for one in _some_planes(plan, values, places, result):
            wrong = _unpool(plan, backend, *one)
            if wrong is not None:
                break
    if wrong is not None:
        raise _errors.wrong_value("indices", wrong, f"places in a plane of {spec.output.sizes}")
    serve(backend, plan.kernel)
    return y


_Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def _some_planes(plan: Plan[Unpool], *arrays: NDArray[Any]) -> Iterator[_Arrays]:
    """Values, indices and their result: all planes where the kernel walks them as they are, else some at a time."""
    spec = plan.spec
    values, places, result = arrays
    if all(a.flags.c_contiguous and a.flags.aligned and a.dtype.isnative for a in arrays) and places.dtype == np.int64:
        yield values, places, result
        return
    lead = values.shape[: -len(spec.image.axes)]
    each = 16 * math.prod(spec.image.sizes) + spec.dtype.itemsize * math.prod(spec.output.sizes)
    counts = [max(1, min(n, CONVERTED_BYTES // (each * math.prod(lead[i + 1 :])))) for i, n in enumerate(lead)]
    for starts in itertools.product(*(range(0, n, count) for n, count in zip(lead, counts, strict=True))):
        some = tuple(slice(i, i + n) for i, n in zip(starts, counts, strict=True))
        yield values[some], places[some], result[some]


def _unpool(plan: Plan[Unpool], backend: Backend, *arrays: NDArray[Any]) -> int | None:
    """Run the kernel on some planes, contiguous for it; the first index that is no place."""
    values, places, result = arrays
    values = np.require(values, plan.spec.dtype, ["C", "ALIGNED"])
    places = np.require(places, np.int64, ["C", "ALIGNED"])
    flat = result if result.flags.c_contiguous else np.empty(result.shape, plan.spec.dtype)
    (sizes,) = plan.tables
    planes = math.prod(values.shape) // int(sizes[1])
    if planes != sizes[0]:
        sizes = sizes.copy()
        sizes[0], sizes[4] = planes, min(planes, sizes[4])
    wrong: int | None = backend.functions[plan.kernel](values, places, flat, sizes, limited(plan.threads))
    if wrong is None and flat is not result:
        result[...] = flat
    return wrong


def _reference_pool2d(spec: Pool, x: NDArray[Any]) -> NDArray[Any]:
    operation = getattr(reference, f"{spec.operation}_pool2d")
    axes, sizes = spec.image.axes, spec.output.sizes
    stack = np.moveaxis(x, axes, (-2, -1)).reshape(-1, *spec.image.sizes)
    planes = np.array([operation(plane, spec.window, spec.stride, spec.before) for plane in stack], spec.dtype)
    leading = [n for axis, n in enumerate(spec.output.shape) if axis not in axes]
    return np.ascontiguousarray(np.moveaxis(planes.reshape(*leading, *sizes), (-2, -1), axes))
