"""Convolutions: conversions, the output, the kernel."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import NUMPY, PYTHON, Backend, active, serve
from convlab._plan.conv_blocks import NARROW_WIDTH
from convlab._plan.convolving import ConvPlan, TransposePlan
from convlab._spec.arguments import FLOAT32, check_dtype, float32
from convlab._threads import limited, limited_sums

from .arrays import check_out, converted
from .conv_fft import convolve_fft
from .conv_pieces import box_of, buffer_of, filled
from .convolving_reference import reference_conv


def _winograd(tile: int, backend: Backend, w: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    u = np.empty(((tile + 2) ** 2, *w.shape[:2]), FLOAT32)
    backend.functions["winograd_weights"](w, u, tile, limited(w.shape[0]))
    return u


def _narrow(backend: Backend, w: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    grouped = w.reshape(groups, w.shape[0] // groups, -1)
    u = np.empty((groups, -(-grouped.shape[1] // NARROW_WIDTH), grouped.shape[2], NARROW_WIDTH), FLOAT32)
    backend.functions["narrow_weights"](grouped, u, 1)
    return u


# What makes weights ready for the kernels that do not want them as they are.
MAKE_READY: dict[str, Callable[[Backend, NDArray[np.float32], int], NDArray[np.float32]]] = {
    "conv_winograd2": partial(_winograd, 2),
    "conv_winograd4": partial(_winograd, 4),
    "conv_narrow": _narrow,
}


class Weights:
    """A layer's weights, and what kernels want made of them, which is made when it is first wanted."""

    def __init__(self, raw: NDArray[np.float32]) -> None:
        self.raw = raw
        self._made: dict[tuple[Backend, str], NDArray[np.float32]] = {}

    def ready(self, backend: Backend, kernel: str, groups: int) -> NDArray[np.float32]:
        """The weights as a kernel of MAKE_READY wants them."""
        made = self._made.get((backend, kernel))
        if made is None:  # threads that come at the same time each make them, and one of them keeps its own
            made = self._made.setdefault((backend, kernel), MAKE_READY[kernel](backend, self.raw, groups))
        return made


def frozen(name: str, a: NDArray[Any]) -> NDArray[np.float32]:
    """A read-only float32 copy."""
    check_dtype(name, a.dtype)
    copy = np.array(float32(name, a), order="C", copy=True)
    copy.flags.writeable = False
    return copy


def conv(
    plan: ConvPlan,
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    prepared: Weights | None,
    out: Any,
) -> NDArray[np.float32]:
    """Run a plan of _plan.conv."""
    y = np.empty(plan.shape, FLOAT32) if out is None else _output(plan.shape, x, weight, bias, out)
    w = float32("weight", weight)
    b = plan.bias if bias is None else float32("bias", bias)
    if plan.convert:
        x = converted(x, FLOAT32)
    backend = active()
    convolve(backend, plan, x, w, b, y, prepared)
    serve(backend, plan.spec.name if backend is PYTHON else plan.kernel)
    return y


def _output(
    shape: tuple[int, ...], x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any] | None, out: Any
) -> NDArray[np.float32]:
    if out is None:
        return np.empty(shape, FLOAT32)
    inputs = {"x": x, "weight": weight} if bias is None else {"x": x, "weight": weight, "bias": bias}
    check_out(out, shape, FLOAT32, **inputs)
    result: NDArray[np.float32] = out
    return result


def convolve(
    backend: Backend,
    plan: ConvPlan,
    x: NDArray[Any],
    w: NDArray[np.float32],
    b: NDArray[np.float32],
    y: NDArray[np.float32],
    prepared: Weights | None = None,
) -> None:
    if backend is PYTHON:
        y[...] = reference_conv(plan.spec, x if x.dtype == FLOAT32 else converted(x, FLOAT32), w, b)
        return
    if not y.size:
        return
    if plan.order is not None:
        w = np.ascontiguousarray(w.transpose(0, 1, *(2 + axis for axis in plan.order)))
    if plan.algorithm == "fft":
        convolve_fft(plan, backend, x, w, b, y)
        return
    ready: tuple[NDArray[np.float32], ...] = ()
    if plan.kernel in MAKE_READY:
        groups = plan.spec.groups
        if prepared is None:
            ready = (MAKE_READY[plan.kernel](backend, w, groups),)
        else:
            ready = (prepared.ready(backend, plan.kernel, groups),)
    if plan.pieces is None:
        backend.functions[plan.kernel](x, w, y, b, *plan.tables, *ready, limited_sums(plan.threads))
        return
    buffer = buffer_of(next(iter(plan.pieces.plans.values())).spec)  # the largest piece's
    for start, piece in plan.pieces.each():
        part = y[box_of(plan.spec, start, piece.spec)]
        packed = filled(plan.spec, start, piece.spec, x, buffer)
        backend.functions[piece.kernel](packed, w, part, b, *piece.tables, *ready, limited_sums(piece.threads))


def conv_transpose(
    plan: TransposePlan, x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any] | None, out: Any
) -> NDArray[np.float32]:
    """Run a plan of _plan.conv_transpose: part by part, each into its own outputs."""
    y = _output(plan.spec.shape, x, weight, bias, out)
    transpose_into(y, plan, x, float32("weight", weight), plan.zeros if bias is None else float32("bias", bias))
    return y


def transpose_into(
    y: NDArray[np.float32], plan: TransposePlan, x: NDArray[Any], w: NDArray[np.float32], b: NDArray[np.float32]
) -> None:
    """Run each part of a transpose."""
    spec = plan.spec
    if plan.convert:
        x = converted(x, FLOAT32)
    backend = active()
    served = spec.name
    u = np.empty(plan.weights, FLOAT32)
    sort = (NUMPY if backend is PYTHON else backend).functions["transpose_weights"]
    sort(w.reshape(*w.shape[:2], -1), u, *plan.sorting, spec.groups)
    if spec.gaps:
        a = spec.activation
        value = np.where(b < 0, b * FLOAT32.type(a.slope), b) if a.slope != 1 else np.clip(b, a.low, a.high)
        y[...] = value if spec.channels_last else value.reshape(-1, *(1,) * (w.ndim - 2))
    start = 0
    for part, its_plan, shape in zip(spec.parts, plan.parts, plan.shapes, strict=True):
        last = (slice(None),) if spec.channels_last else ()
        outputs: Any = (..., *part.outputs, *last)
        view = y[outputs]
        size = math.prod(shape)
        convolve(backend, its_plan, x, u[start : start + size].reshape(shape), b, view)
        start += size
        served = its_plan.kernel
    serve(backend, spec.name if backend is PYTHON else served)
