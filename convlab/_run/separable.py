"""Separable filters over images: conversions, the frame of border="keep", the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import reference
from convlab._dispatch import PYTHON, active, serve
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.separable import Separable2d
from convlab._threads import share

from .arrays import by_planes, check_out, finished
from .bands import Mask, run_bands
from .frame import copy_frame, inside_and_frame
from .wide import filter_holds_wide, sum_wide


def sep_filter2d(
    plan: Plan[Separable2d], x: NDArray[Any], ky: NDArray[Any], kx: NDArray[Any], out: Any
) -> NDArray[Any]:
    """Run a plan of _plan.separable.sep_filter2d."""
    if out is not None:
        check_out(out, plan, plan.spec.output.shape, plan.spec.dtype, image=x, kernel_y=ky, kernel_x=kx)
    return _run_wide(plan, x, out)


def of_one_image(plan: Plan[Separable2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan whose taps are no argument."""
    if out is not None:
        check_out(out, plan, plan.spec.output.shape, plan.spec.dtype, image=x)
    return _run_wide(plan, x, out)


def _run_wide(plan: Plan[Separable2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """The call in float32, and windows that hold integers beyond that in double."""
    if plan.wide is None or not filter_holds_wide(plan.spec.filter, x):
        return run_separable(plan, x, out)
    y = run_separable(plan, x, out)
    sum_wide(plan.wide, plan.spec.filter, x, None, _region(plan.spec, y))
    return y


def _region(spec: Separable2d, y: NDArray[Any]) -> NDArray[Any]:
    """The part of the output that is computed."""
    if spec.filter.border != "keep":
        return y
    inside, *_ = inside_and_frame(spec.image, spec.filter.region, spec.filter.anchor)
    return y[inside]


def unsharp2d(
    plan: Plan[Separable2d], smooth: Plan[Separable2d], x: NDArray[Any], amount: float, out: Any
) -> NDArray[Any]:
    """What `smooth` takes away, added; `plan` has the result's dtype and limits."""
    spec = plan.spec
    dtype, clip = spec.dtype, spec.filter.clip
    if out is not None:
        check_out(out, plan, spec.output.shape, dtype, image=x)
    wide = plan.wide is not None and filter_holds_wide(plan.spec.filter, x)
    y = run_separable(smooth, x, out if dtype == FLOAT32 else None)
    with np.errstate(all="ignore"):
        source = x.astype(FLOAT32, copy=False)
        np.subtract(source, y, out=y)
        y *= FLOAT32.type(amount)
        y += source
        if spec.filter.finishes:
            np.clip(y, *clip, out=y)
    y = finished(y, dtype, out)
    _keep_frame(spec, x, y)
    if wide:
        sum_wide(plan.wide, spec.filter, x, None, _region(spec, y), sharpen=amount)
    return y


def _keep_frame(spec: Separable2d, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Copy the frame of border="keep"."""
    if spec.filter.border == "keep":
        _, *frame = inside_and_frame(spec.image, spec.filter.region, spec.filter.anchor)
        copy_frame(x, y, frame)


def run_separable(plan: Plan[Separable2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    spec = plan.spec
    backend = active()
    if backend is PYTHON:
        serve(backend, spec.operation)
        y = finished(_reference(spec, plan.taps, x), spec.dtype, out)
        _keep_frame(spec, x, y)
        return y
    y = np.empty(spec.output.shape, spec.dtype) if out is None else out
    _keep_frame(spec, x, y)
    region = _region(spec, y)
    if plan.bands and region.size:
        run_bands(plan, spec.filter, x, None, region, _kernel)
    elif region.size:
        _kernel(plan, x, None, region)
    serve(backend, plan.kernel)
    return y


def _kernel(plan: Plan[Separable2d], x: NDArray[Any], _: Mask, y: NDArray[Any]) -> None:
    """The kernel over all of x, or a band."""
    share(plan.threads, active().functions[plan.kernel], x, plan.taps, y, *plan.tables)


def _reference(spec: Separable2d, kernels: NDArray[np.float32], x: NDArray[Any]) -> NDArray[Any]:
    """filter2d with the outer product, in double."""
    f, pairs = spec.filter, 2 if spec.magnitude else 1
    height = pairs * f.kernel_shape[0]
    downs, alongs = kernels[:height].astype(np.float64).reshape(pairs, -1), kernels[height:].reshape(pairs, -1)
    finish = f.scale, f.offset, f.clip

    def one(plane: NDArray[Any]) -> Any:
        if not spec.magnitude:
            return reference.filter2d(plane, np.outer(downs[0], alongs[0]), f.border, f.cval, f.anchor, *finish)
        u, v = (
            np.array(reference.filter2d(plane, np.outer(down, along), f.border, f.cval, f.anchor))
            for down, along in zip(downs, alongs, strict=True)
        )
        return np.clip(np.sqrt(u * u + v * v) * f.scale + f.offset, *f.clip)

    y = by_planes(one, x, spec.image, spec.output, np.float64)
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0, as in the other backends
        return y if spec.dtype.kind in "iu" else y.astype(FLOAT32)
