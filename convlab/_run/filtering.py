"""Filters over images: conversions, the frame of border="keep", the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import reference
from convlab._dispatch import PYTHON, active, serve
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d
from convlab._threads import get_num_threads

from .arrays import by_planes, check_out, finished


def filter2d(plan: Plan[Filter2d], x: NDArray[Any], kernel: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.filter2d."""
    spec = plan.spec
    if out is not None:
        check_out(out, spec.output.shape, spec.dtype, image=x, kernel=kernel)
    backend = active()
    if backend is PYTHON:
        serve(backend, "filter2d")
        return finished(_reference_filter2d(spec, plan.taps, x), spec.dtype, out)
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
    y = finished(y, spec.dtype, out)
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

    y = by_planes(one, x, spec.image, spec.output, np.float64)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, as in the other backends
        return y if spec.dtype.kind in "iu" else y.astype(FLOAT32)
