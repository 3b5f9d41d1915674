"""Filters over images: by the plan's algorithm, with the frame of border="keep"."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import PYTHON, Backend, active, serve
from convlab._plan.plan import Plan
from convlab._spec.filtering import Filter2d
from convlab._threads import share

from .arrays import check_out, finished
from .bands import Mask, run_bands
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
        check_out(out, plan, plan.shape, spec.dtype, **inputs)
    backend = active()
    if plan.plain and backend is not PYTHON:  # most calls, and small ones too: nothing but the kernel
        y = np.empty(plan.shape, spec.dtype) if out is None else out
        share(plan.threads, backend.functions[plan.kernel], x, plan.taps, y, *plan.tables)
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
        share(plan.threads, correlate_fft, plan, backend, x, region)
        return y
    if mask is not None:
        mask = _as_read(spec, mask)
    if plan.bands:
        run_bands(plan, spec, x, mask, region, _kernel)
    else:
        _kernel(plan, x, mask, region)
    serve(backend, plan.kernel)
    return y


def _kernel(plan: Plan[Filter2d], x: NDArray[Any], mask: Mask, y: NDArray[Any]) -> None:
    """The kernel over all of x, or a band."""
    arrays = (x, plan.taps, y, _bytes(mask)) if plan.spec.masked else (x, plan.taps, y)
    share(plan.threads, active().functions[plan.kernel], *arrays, *plan.tables)


def _bytes(mask: Mask) -> NDArray[np.uint8]:
    return np.empty(0, np.uint8) if mask is None else mask.view(np.uint8)


def _as_read(spec: Filter2d, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask as the kernel reads it: with a byte for each channel of a pixel, C-contiguous."""
    if spec.image.inner_channels and mask.ndim == 2:
        mask = np.broadcast_to(mask[..., None], spec.image.shape)
    return np.ascontiguousarray(mask)
