"""Gradients of a filter."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import reference_gradients
from convlab._dispatch import PYTHON, active, serve
from convlab._plan.grad_filtering import FilterImagePlan, FilterKernelPlan, planes_of, region_of, tensor_of
from convlab._spec.arguments import FLOAT32, taps
from convlab._spec.filtering import Filter2d

from .arrays import by_planes, check_out
from .frame import inside_and_frame
from .grad_convolving import input_into, weight_into


def _result(shape: tuple[int, ...], out: Any, **inputs: NDArray[Any]) -> NDArray[np.float32]:
    if out is None:
        return np.empty(shape, FLOAT32)
    check_out(out, shape, FLOAT32, **inputs)
    result: NDArray[np.float32] = out
    return result


def filter2d_image(plan: FilterImagePlan, grad: NDArray[Any], kernel: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_filtering.filter2d_image."""
    spec = plan.spec
    image = spec.image
    y = _result(image.shape, out, grad_output=grad, kernel=kernel)
    w = taps("kernel", kernel)
    if active() is PYTHON:
        loops = partial(_image_loops, spec, w)
        with np.errstate(all="ignore"):
            y[...] = by_planes(loops, grad, spec.output, image, np.float64)
        serve(PYTHON, "filter2d_image")
        return y
    if plan.inner is None:  # no window lies inside
        y[...] = grad
        serve(active(), "filter2d_image")
        return y
    channels = plan.inner.spec.forward.channels
    weights = np.ascontiguousarray(np.broadcast_to(w, (channels, 1, *w.shape)))
    target = tensor_of(image, y)
    whole = target if target.flags.c_contiguous else np.empty(target.shape, FLOAT32)
    input_into(whole, plan.inner, tensor_of(image, region_of(spec, grad)), weights)
    if whole is not target:
        target[...] = whole
    if spec.border == "keep":
        _, *frame = inside_and_frame(image, spec.region, spec.anchor)
        with np.errstate(all="ignore"):
            for part in frame:
                y[part] += grad[part]
    return y


def _image_loops(spec: Filter2d, w: NDArray[np.float32], plane: NDArray[Any]) -> Any:
    size = spec.image.height, spec.image.width
    return reference_gradients.filter2d_image(size, w, plane, spec.border, spec.anchor)


def filter2d_kernel(plan: FilterKernelPlan, grad: NDArray[Any], x: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_filtering.filter2d_kernel."""
    spec = plan.spec
    y = _result(spec.kernel_shape, out, grad_output=grad, image=x)
    pixels, grads = planes_of(spec.image, x), planes_of(spec.image, region_of(spec, grad))
    if active() is PYTHON:
        total = np.zeros(spec.kernel_shape)
        for one, its in zip(pixels[:, 0], planes_of(spec.image, grad)[:, 0], strict=True):
            total += reference_gradients.filter2d_kernel(
                one, spec.kernel_shape, its, spec.border, spec.cval, spec.anchor
            )
        with np.errstate(all="ignore"):
            y[...] = total
        serve(PYTHON, "filter2d_kernel")
        return y
    if plan.inner is None:  # no window lies inside
        y[...] = 0
        serve(active(), "filter2d_kernel")
        return y
    result = y.reshape(1, 1, *y.shape)
    if not plan.framed:
        weight_into(result, plan.inner, pixels, grads)
        return y
    above, _, before, _ = spec.border_sizes
    sums = np.zeros(y.shape)
    padded = np.full((1, 1, *plan.inner.spec.conv.size), spec.cval, FLOAT32)
    inside = padded[:, :, above : above + spec.image.height, before : before + spec.image.width]
    with np.errstate(all="ignore"):
        for one, its in zip(pixels, grads, strict=True):
            inside[...] = one
            weight_into(result, plan.inner, padded, its[None])
            sums += y
        y[...] = sums
    return y
