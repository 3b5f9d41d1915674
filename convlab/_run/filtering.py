"""Filters over images: by the plan's algorithm, with the frame of border="keep"."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import PYTHON, Backend, active, serve
from convlab._plan.plan import Plan
from convlab._spec.filtering import Filter2d
from convlab._threads import limited, limited_sums

from .arrays import check_out, finished
from .blocks import Mask, run_blocks
from .filtering_fft import correlate_fft
from .filtering_reference import by_loops
from .frame import copy_frame, inside_and_frame
from .separable import run_separable
from .wide import filter_holds_wide, sum_wide


def filter2d(plan: Plan[Filter2d], x: NDArray[Any], kernel: NDArray[Any], mask: Mask, out: Any) -> NDArray[Any]:
    """Run a plan of _plan.filtering."""
    spec = plan.spec
    if out is not None:
        inputs = {"image": x, "kernel": kernel} if mask is None else {"image": x, "kernel": kernel, "mask": mask}
        check_out(out, plan.shape, spec.dtype, **inputs)
    return _filtered(plan, x, mask, out)


def _filtered(plan: Plan[Filter2d], x: NDArray[Any], mask: Mask, out: Any) -> NDArray[Any]:
    """The result, in `out` where there is one, which was checked."""
    spec, backend = plan.spec, active()
    if plan.plain and backend is not PYTHON:  # most calls, and small ones too: nothing but the kernel
        y = np.empty(plan.shape, spec.dtype) if out is None else out
        backend.functions[plan.kernel](x, plan.taps, y, *plan.tables, limited_sums(plan.threads))
        serve(backend, plan.kernel)
        return y
    wide = plan.wide is not None and filter_holds_wide(spec, x)
    y = _floats(plan, backend, x, mask, out)
    if wide:
        sum_wide(plan.wide, spec, x, mask, _region(spec, y))
    return y


def _region(spec: Filter2d, y: NDArray[Any]) -> NDArray[Any]:
    """The part of the output that is computed."""
    if spec.border != "keep":
        return y
    inside, *_ = inside_and_frame(spec.image, spec.region, spec.anchor)
    return y[inside if spec.kernels is None else (slice(None), *inside)]


def _floats(plan: Plan[Filter2d], backend: Backend, x: NDArray[Any], mask: Mask, out: Any) -> NDArray[Any]:
    """The call in float32, with the frame of border="keep"."""
    spec = plan.spec
    if backend is PYTHON:
        serve(backend, "filter2d")
        return finished(by_loops(plan, x, mask), spec.dtype, out)
    if plan.parts:
        y = np.empty(plan.shape, spec.dtype) if out is None else out
        for part in plan.parts:
            _filtered(
                part.plan, x, mask, y[part.first] if part.plan.spec.kernels is None else y[part.first : part.last]
            )
        return y
    if plan.inner is not None:
        return run_separable(plan.inner, x, out)
    y = np.empty(plan.shape, spec.dtype) if out is None else out
    region = _region(spec, y)
    if spec.border == "keep":
        _, *frame = inside_and_frame(spec.image, spec.region, spec.anchor)
        for one in [y] if spec.kernels is None else y:
            copy_frame(x, one, frame)
    if not region.size:
        return y
    if plan.algorithm == "fft":
        correlate_fft(plan, backend, x, region, limited(plan.threads))
        return y
    if plan.blocks:
        run_blocks(plan, spec, x, mask, region, _kernel)
    else:
        _kernel(plan, x, mask, region)
    serve(backend, plan.kernel)
    return y


def _kernel(plan: Plan[Filter2d], x: NDArray[Any], mask: Mask, y: NDArray[Any]) -> None:
    """The kernel over all of x, or a block."""
    arrays = (x, plan.taps, y, _bytes(mask)) if plan.spec.masked else (x, plan.taps, y)
    active().functions[plan.kernel](*arrays, *plan.tables, limited_sums(plan.threads))


def _bytes(mask: Mask) -> NDArray[np.uint8]:
    return np.empty(0, np.uint8) if mask is None else mask.view(np.uint8)
