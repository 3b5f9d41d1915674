"""How a plan is executed: the arrays that a kernel needs, the kernel, and what is left to do after it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors, reference
from convlab._dispatch import NUMPY, PYTHON, active, serve
from convlab._plan import Plan
from convlab._spec import FLOAT32, Filter2d, Layout, Pool2d
from convlab._threads import get_num_threads


def _check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any], **inputs: NDArray[Any]) -> None:
    """`out` is used as it is or refused: never copied behind the caller's back."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise _errors.wrong_type("out", out, "a NumPy array")
    if out.shape != shape:
        raise _errors.out_mismatch("shape", out.shape, shape)
    if out.dtype != dtype or not out.dtype.isnative:
        raise _errors.out_mismatch(
            "dtype", out.dtype, dtype, "a filter's and an average's is float32 unless dtype says"
        )
    if not out.flags.writeable:
        raise _errors.out_readonly()
    if not (out.flags.c_contiguous and out.flags.aligned):
        raise _errors.out_mismatch("strides", out.strides, "a C-contiguous and aligned array")
    for name, array in inputs.items():
        if np.shares_memory(out, array):
            raise _errors.out_overlaps(name)


def _saturated(values: NDArray[Any], dtype: np.dtype[Any], into: NDArray[Any]) -> None:
    """Round half to even, saturate, and NaN becomes 0."""
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    # The largest integers of 32 and 64 bits are no float32: what reaches them is set after the cast.
    high = rounded >= values.dtype.type(limits.max)
    low = rounded <= values.dtype.type(limits.min)
    np.copyto(into, np.where(high | low | np.isnan(rounded), 0, rounded), casting="unsafe")
    into[high] = limits.max
    into[low] = limits.min


def _finished(y: NDArray[Any], dtype: np.dtype[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """A result in its dtype, in `out` where there is one."""
    if y is out or (out is None and y.dtype == dtype):
        return y
    result = np.empty(y.shape, dtype) if out is None else out
    if dtype.kind in "iu" and y.dtype.kind == "f":
        _saturated(y, dtype, result)
    else:
        result[...] = y
    return result


def _by_planes(
    operation: Callable[[Any], Any], x: NDArray[Any], image: Layout, output: Layout, dtype: Any
) -> NDArray[Any]:
    """A function of one plane, applied to each plane of an array."""
    axes = image.row_axis, image.column_axis
    stack = np.moveaxis(x, axes, (-2, -1)).reshape(-1, image.height, image.width)
    planes = np.array([operation(plane) for plane in stack], dtype)
    leading = [n for axis, n in enumerate(output.shape) if axis not in axes]
    return np.ascontiguousarray(np.moveaxis(planes.reshape(*leading, output.height, output.width), (-2, -1), axes))


def filter2d(plan: Plan[Filter2d], x: NDArray[Any], kernel: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.filter2d."""
    spec = plan.spec
    if out is not None:
        _check_out(out, spec.output.shape, spec.dtype, image=x, kernel=kernel)
    backend = active()
    if backend is PYTHON:
        serve(backend, "filter2d")
        return _finished(_reference_filter2d(spec, plan.taps, x), spec.dtype, out)
    original = x
    if plan.convert:
        x = np.array(x, plan.source, order="C")
    y = out if out is not None and spec.dtype is FLOAT32 else np.empty(spec.output.shape, FLOAT32)
    region = y
    if spec.border == "keep":
        inside, *frame = _kept(spec)
        region = y[inside]
        for part in frame:
            y[part] = x[part]
    if region.size:
        threads = 1 if plan.threads == 1 else min(plan.threads, get_num_threads())
        backend.functions[plan.kernel](x, plan.taps, region, *plan.tables, threads)
    serve(backend, plan.kernel)
    if spec.dtype is FLOAT32:
        return y
    y = _finished(y, spec.dtype, out)
    if spec.border == "keep" and original.dtype == spec.dtype:
        for part in frame:  # exactly, where float32 would round it
            y[part] = original[part]
    return y


def _kept(spec: Filter2d) -> list[tuple[slice, ...]]:
    """The part of a kept image whose windows lie inside, and the parts of its frame: above, below, before, after."""

    def part(rows: slice, columns: slice) -> tuple[slice, ...]:
        slices = [slice(None)] * len(spec.image.shape)
        slices[spec.image.row_axis], slices[spec.image.column_axis] = rows, columns
        return tuple(slices)

    (top, left), region = spec.anchor, spec.region
    inside = slice(top, top + region.height) if region.width else slice(0, 0)
    return [
        part(inside, slice(left, left + region.width)),
        part(slice(None, inside.start), slice(None)),
        part(slice(inside.stop, None), slice(None)),
        part(inside, slice(None, left)),
        part(inside, slice(left + region.width, None)),
    ]


def _reference_filter2d(spec: Filter2d, taps: NDArray[np.float32], x: NDArray[Any]) -> NDArray[Any]:
    def one(plane: NDArray[Any]) -> Any:
        return reference.filter2d(plane, taps, spec.border, spec.cval, spec.anchor, spec.scale, spec.offset, spec.clip)

    y = _by_planes(one, x, spec.image, spec.output, np.float64)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, as in the other backends
        return y if spec.dtype.kind in "iu" else y.astype(FLOAT32)


def pool2d(plan: Plan[Pool2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.pool2d."""
    spec = plan.spec
    if out is not None:
        _check_out(out, spec.output.shape, spec.dtype, x=x)
    backend = active()
    if backend is PYTHON:
        serve(backend, f"{spec.operation}_pool2d")
        return _finished(_reference_pool2d(spec, x), spec.dtype, out)
    if plan.source is not FLOAT32:
        backend = NUMPY  # what float32 cannot hold is reduced in its own dtype
    if plan.convert:
        x = np.array(x, plan.source, order="C")
    y = out if out is not None and spec.dtype is plan.source else np.empty(spec.output.shape, plan.source)
    if y.size:
        threads = 1 if plan.threads == 1 else min(plan.threads, get_num_threads())
        backend.functions[plan.kernel](x, y, *plan.tables, threads)
    serve(backend, plan.kernel)
    return y if spec.dtype is plan.source else _finished(y, spec.dtype, out)


def _reference_pool2d(spec: Pool2d, x: NDArray[Any]) -> NDArray[Any]:
    operation = getattr(reference, f"{spec.operation}_pool2d")

    def one(plane: NDArray[Any]) -> Any:
        return operation(plane, spec.window, spec.stride, spec.padding)

    return _by_planes(one, x, spec.image, spec.output, spec.dtype)
