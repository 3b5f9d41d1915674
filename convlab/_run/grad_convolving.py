"""Gradients of convolutions: conversions, the output, the kernel, and what borders add."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, reference_gradients
from convlab._dispatch import PYTHON, active, serve, serving
from convlab._plan.convolving import ConvPlan
from convlab._plan.grad_convolving import BiasPlan, InputPlan, WeightPlan
from convlab._spec.arguments import FLOAT32, float32
from convlab._spec.convolving import Conv
from convlab._threads import limited_sums

from .arrays import check_out, converted
from .convolving import convolve, transpose_into
from .convolving_reference import padded
from .pooling import pool


def _result(shape: tuple[int, ...], out: Any, **inputs: NDArray[Any]) -> NDArray[np.float32]:
    if out is None:
        return np.empty(shape, FLOAT32)
    check_out(out, shape, FLOAT32, **inputs)
    result: NDArray[np.float32] = out
    return result


def conv_input(plan: InputPlan, grad: NDArray[Any], weight: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_convolving.conv_input."""
    y = _result(plan.spec.shape, out, grad_output=grad, weight=weight)
    input_into(y, plan, grad, float32("weight", weight))
    return y


def input_into(y: NDArray[np.float32], plan: InputPlan, grad: NDArray[Any], w: NDArray[np.float32]) -> None:
    """Write the gradient into `y`; image by image, where the border repeats pixels."""
    spec = plan.spec
    backend = active()
    if plan.strided is not None and backend is not PYTHON:
        if y.size:
            source = converted(grad, FLOAT32) if plan.strided.convert else grad
            threads = limited_sums(plan.strided.threads)
            backend.functions[plan.strided.kernel](source, w, y, *plan.strided.tables, threads)
        serve(backend, plan.strided.kernel)
        return
    if not spec.folded:
        transpose_into(y, plan.transpose, grad, w, plan.transpose.zeros)
        return
    whole = np.empty(spec.transpose.shape, FLOAT32)
    forward = spec.forward
    for i in range(forward.batch):
        one = slice(i, i + 1) if forward.batched else slice(None)
        transpose_into(whole, plan.transpose, grad[one], w, plan.transpose.zeros)
        first = whole.ndim - len(forward.size) - forward.channels_last
        y[one] = fold(whole, forward, first)


def fold(whole: NDArray[np.float32], forward: Conv, first: int) -> NDArray[np.float32]:
    """Add what lies on the border to the pixels that stand there, axis by axis from the first on."""
    with np.errstate(all="ignore"):
        for axis, (n, (before, after)) in enumerate(zip(forward.size, forward.pads, strict=True), start=first):
            places = _borders.source_indices(forward.border, n, -before, n + after)
            lead = (slice(None),) * axis
            inside = whole[(*lead, slice(before, before + n))]
            for position in (*range(before), *range(before + n, before + n + after)):
                inside[(*lead, places[position])] += whole[(*lead, position)]
            whole = inside
    return whole


def transpose_input(plan: ConvPlan, grad: NDArray[Any], weight: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_convolving.transpose_input."""
    y = _result(plan.shape, out, grad_output=grad, weight=weight)
    w = float32("weight", weight)
    backend = active()
    convolve(backend, plan, converted(grad, FLOAT32) if plan.convert else grad, w, plan.bias, y)
    serve(backend, plan.spec.name if backend is PYTHON else plan.kernel)
    return y


def conv_weight(plan: WeightPlan, x: NDArray[Any], grad: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_convolving.conv_weight; `x` is what the windows lie on."""
    y = _result(plan.shape, out, grad_output=grad, input=x)
    weight_into(y, plan, x, grad)
    return y


def transpose_weight(plan: WeightPlan, x: NDArray[Any], grad: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_convolving.transpose_weight: the windows lie on the output's gradient."""
    y = _result(plan.shape, out, grad_output=grad, input=x)
    weight_into(y, plan, grad, x)
    return y


def weight_into(y: NDArray[np.float32], plan: WeightPlan, x: NDArray[Any], grad: NDArray[Any]) -> None:
    """Write the gradient into `y`."""
    backend = serving(plan.compiled, plan.in_lesson)
    if backend is PYTHON:
        y[...] = _by_loops(plan.spec.conv, x, grad)
        serve(backend, plan.spec.name)
        return
    x = converted(x, FLOAT32) if plan.convert else x
    grad = converted(grad, FLOAT32) if plan.convert_grad else grad
    backend.functions[plan.kernel](x, grad, y, *plan.tables, limited_sums(plan.threads))
    serve(backend, plan.kernel)


def _by_loops(conv: Conv, x: NDArray[Any], grad: NDArray[Any]) -> NDArray[Any]:
    """Image by image, each with its border."""
    total = np.zeros((conv.out_channels, conv.channels // conv.groups, *conv.kernel))
    images = padded(conv, x)[:, :, 0]
    grads = np.asarray(grad, np.float64).reshape((conv.batch, *(grad.shape[1:] if conv.batched else grad.shape)))
    for image, its in zip(images, np.moveaxis(grads, -1, 1) if conv.channels_last else grads, strict=True):
        # The last window may end before the image does.
        total += reference_gradients.conv2d_weight(
            image, total.shape, its, stride=conv.stride, dilation=conv.dilation, groups=conv.groups
        )
    with np.errstate(all="ignore"):
        return total.astype(FLOAT32)


def conv_bias(plan: BiasPlan, grad: NDArray[Any], out: Any) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_convolving.conv_bias: a batch of volumes is summed in double, image by image."""
    y = _result((grad.shape[plan.axis],), out, grad_output=grad)
    total = np.zeros(y.size)
    if plan.sums is not None:
        for row in np.moveaxis(pool(plan.sums, grad, None), plan.axis, -1).reshape(-1, y.size):
            total += row
    with np.errstate(all="ignore"):
        y[...] = total
    return y
