"""Separable filters over images: conversions, the frame of border="keep", the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import reference
from convlab._dispatch import PYTHON, active, serve
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.separable import Separable2d
from convlab._threads import limited_sums

from .arrays import by_planes, check_out, finished, saturated
from .blocks import Mask, run_blocks
from .box_lines import sum_lines
from .frame import copy_frame, inside_and_frame
from .wide import filter_holds_wide, sum_wide

# Elements that are sharpened at a time.
SHARPENED = 1 << 15


def sep_filter2d(
    plan: Plan[Separable2d], x: NDArray[Any], ky: NDArray[Any], kx: NDArray[Any], out: Any
) -> NDArray[Any]:
    """Run a plan of _plan.separable.sep_filter2d."""
    if out is not None:
        check_out(out, plan.spec.output.shape, plan.spec.dtype, image=x, kernel_y=ky, kernel_x=kx)
    return _run_wide(plan, x, out)


def of_one_image(plan: Plan[Separable2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan whose taps are no argument."""
    if out is not None:
        check_out(out, plan.spec.output.shape, plan.spec.dtype, image=x)
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
    if out is not None:
        check_out(out, spec.output.shape, spec.dtype, image=x)
    wide = plan.wide is not None and filter_holds_wide(plan.spec.filter, x)

    def sharpened(smoothed: NDArray[Any], pixels: NDArray[Any], y: NDArray[Any]) -> None:
        """Some elements at a time, which the caches hold."""
        if smoothed.size > SHARPENED:
            axis = smoothed.shape.index(max(smoothed.shape))
            middle = smoothed.shape[axis] // 2
            for half in (slice(middle), slice(middle, None)):
                part = (slice(None),) * axis + (half,)
                lead = part[smoothed.ndim - pixels.ndim :]  # a block's result has an axis of kernels before the pixels'
                sharpened(smoothed[part], pixels[lead], y[part])
            return
        with np.errstate(all="ignore"):
            source = pixels.astype(FLOAT32, copy=False)
            values = source - smoothed
            values *= FLOAT32.type(amount)
            values += source
            if spec.filter.finishes:
                np.clip(values, *spec.filter.clip, out=values)
        if spec.dtype == FLOAT32:
            y[...] = values
        else:
            saturated(values, spec.dtype, y)

    if spec.dtype == FLOAT32 or active() is PYTHON:
        smoothed = run_separable(smooth, x, out if spec.dtype == FLOAT32 else None)
        y = smoothed if spec.dtype == FLOAT32 else np.empty(smoothed.shape, spec.dtype) if out is None else out
        sharpened(smoothed, x, y)
    else:
        y = np.empty(spec.output.shape, spec.dtype) if out is None else out
        region = _region(spec, y)
        if region.size:
            run_blocks(smooth, smooth.spec.filter, x, None, region, _kernel, sharpened)
        serve(active(), smooth.kernel)
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
    if plan.kernel == "box_lines":
        sum_lines(plan, x, region)
    elif plan.blocks and region.size:
        run_blocks(plan, spec.filter, x, None, region, _kernel)
    elif region.size:
        _kernel(plan, x, None, region)
    serve(backend, plan.kernel)
    return y


def _kernel(plan: Plan[Separable2d], x: NDArray[Any], _: Mask, y: NDArray[Any]) -> None:
    """The kernel over all of x, or a block."""
    active().functions[plan.kernel](x, plan.taps, y, *plan.tables, limited_sums(plan.threads))


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
