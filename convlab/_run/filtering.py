"""Filters over images: by the plan's algorithm, with the frame of border="keep"."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import PYTHON, Backend, active, serve
from convlab._geometry import STORED
from convlab._plan.plan import Band, Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d
from convlab._threads import get_num_threads

from .arrays import check_out, finished, saturated
from .filtering_fft import correlate_fft
from .filtering_reference import by_loops
from .frame import copy_frame, inside_and_frame
from .separable import run_separable

Mask = NDArray[np.bool_] | None


def filter2d(plan: Plan[Filter2d], x: NDArray[Any], kernel: NDArray[Any], mask: Mask, out: Any) -> NDArray[Any]:
    """Run a plan of _plan.filtering."""
    spec = plan.spec
    if out is not None:
        check_out(out, plan.shape, spec.dtype, image=x, kernel=kernel)
    backend = active()
    if plan.plain and backend is not PYTHON:  # most calls, and small ones too: nothing but the kernel
        y = np.empty(plan.shape, spec.dtype) if out is None else out
        threads = 1 if plan.threads == 1 else min(plan.threads, get_num_threads())
        backend.functions[plan.kernel](x, plan.taps, y, *plan.tables, threads)
        serve(backend, plan.kernel)
        return y
    if backend is PYTHON:
        serve(backend, "filter2d")
        return finished(by_loops(plan, x, mask), spec.dtype, out)
    if plan.inner is not None:
        return run_separable(plan.inner, x, out)
    y = np.empty(plan.shape, spec.dtype) if out is None else out
    region = y
    if spec.border == "keep":
        inside, *frame = inside_and_frame(spec.image, spec.region, spec.anchor)
        region = y[inside if spec.kernels is None else (slice(None), *inside)]
        for one in [y] if spec.kernels is None else y:
            copy_frame(x, one, frame)
    if not region.size:
        return y
    if plan.algorithm == "fft":
        correlate_fft(plan, backend, x, region)
        return y
    threads = 1 if plan.threads == 1 else min(plan.threads, get_num_threads())
    if mask is not None:
        mask = _as_read(spec, mask)
    if plan.bands:
        for band in plan.bands:
            _run_band(plan, backend, band, x, mask, region, threads)
    elif spec.masked:
        backend.functions[plan.kernel](x, plan.taps, region, _bytes(mask), *plan.tables, threads)
    else:  # border="keep"
        backend.functions[plan.kernel](x, plan.taps, region, *plan.tables, threads)
    serve(backend, plan.kernel)
    return y


def _bytes(mask: Mask) -> NDArray[np.uint8]:
    return np.empty(0, np.uint8) if mask is None else mask.view(np.uint8)


def _as_read(spec: Filter2d, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask as the kernel reads it: with a byte for each channel of a pixel, C-contiguous, each byte 0 or 1."""
    if spec.image.inner_channels and mask.ndim == 2:
        mask = np.broadcast_to(mask[..., None], spec.image.shape)
    return np.ascontiguousarray(mask)


def _run_band(
    plan: Plan[Filter2d], backend: Backend, band: Band, x: NDArray[Any], mask: Mask, y: NDArray[Any], threads: int
) -> None:
    """Some rows of the output: the source's are converted, and so is the result, if the kernel cannot."""
    spec = plan.spec
    axis = spec.image.row_axis
    source = _rows(x, axis, band.source, plan.source, spec.cval)
    part = y[(slice(None),) * (axis + (spec.kernels is not None)) + (slice(band.first, band.first + band.rows),)]
    result = part if spec.dtype in STORED else np.empty(part.shape, FLOAT32)
    tables = band.geometry, *plan.tables[1:]
    if spec.masked:
        if mask is not None:
            mask = _rows(mask, axis if mask.ndim == x.ndim else 0, band.source, mask.dtype, True)
        backend.functions[plan.kernel](source, plan.taps, result, _bytes(mask), *tables, threads)
    else:
        backend.functions[plan.kernel](source, plan.taps, result, *tables, threads)
    if result is not part:
        saturated(result, spec.dtype, part)


def _rows(x: NDArray[Any], axis: int, rows: NDArray[np.intp], dtype: np.dtype[Any], cval: float) -> NDArray[Any]:
    """The given rows of x, -1 the constant, converted."""
    result = np.empty((*x.shape[:axis], len(rows), *x.shape[axis + 1 :]), dtype)
    before = (slice(None),) * axis
    # Most are neighbours, and are converted in one go.
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and rows[end] == rows[end - 1] + 1 and rows[start] >= 0:
            end += 1
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
            result[*before, start:end] = (
                cval if rows[start] < 0 else x[*before, int(rows[start]) : int(rows[start]) + end - start]
            )
        start = end
    return result
