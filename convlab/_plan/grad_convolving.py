"""Plans of the gradients of convolutions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import ConvGeometry
from convlab._spec import grad_convolving
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.convolving import Conv
from convlab._spec.grad_convolving import (
    ArrayLayout,
    BiasOptions,
    ConvInput,
    ConvWeight,
    InputOptions,
    TransposeInputOptions,
    TransposeWeightOptions,
    WeightOptions,
)
from convlab._spec.pooling import Pool

from .cache import remembered
from .conv_choice import Request
from .convolving import (
    ConvPlan,
    TransposePlan,
    contiguous,
    conv_axes,
    pitches,
    pitches_of,
    plan_conv,
    plan_transpose,
    three,
)
from .grad_blocks import by_planes, plane_blocks, strided_planes, strided_workspace, weight_blocks
from .plan import WORKSPACE_LIMIT, Machine, Plan, threads_for
from .pooling import planned


def layout_of(a: NDArray[Any]) -> ArrayLayout:
    """What stands for an array in the key of a plan."""
    return a.shape, a.strides, a.dtype, a.flags.aligned


@dataclass(frozen=True, slots=True)
class InputPlan:
    """The gradient of a convolution's input, and the transpose that makes it."""

    spec: ConvInput
    transpose: TransposePlan
    strided: Plan[ConvInput] | None  # where each plane is made by itself


@remembered(InputOptions)
def conv_input(grad: NDArray[Any], _: None, options: InputOptions) -> InputPlan:
    """Make the plan of an input's gradient, or raise the error for a wrong argument."""
    check_dtype("grad_output", grad.dtype)
    check_dtype("weight", options.weight_dtype)
    return plan_input(grad_convolving.conv_input(grad.shape, options), grad, options.weight_shape)


def plan_input(spec: ConvInput, grad: NDArray[Any], weight_shape: tuple[int, ...]) -> InputPlan:
    """The plan of a checked one; of one image, where the border is added afterwards."""
    first = grad[:1] if spec.folded and spec.forward.batched else grad
    strided = _strided(spec, grad) if strided_planes(spec.forward) else None
    return InputPlan(spec, plan_transpose(spec.transpose, first, weight_shape, None, None), strided)


def _strided(spec: ConvInput, grad: NDArray[Any]) -> Plan[ConvInput]:
    conv = spec.forward
    steps = pitches(conv, grad)
    threads, workspace = threads_for(spec, Machine()), 4 * strided_workspace(conv)
    return Plan(
        spec=spec,
        kernel="conv_input_strided",
        reason="each plane alone: even and odd columns in vectors",
        threads=max(1, min(threads, WORKSPACE_LIMIT // workspace)),
        workspace=workspace,
        convert=steps is None,
        source=FLOAT32,
        shape=spec.shape,
        tables=(_geometry(conv, contiguous(conv, spec.shape), steps or contiguous(conv, conv.shape)),),
    )


def _geometry(conv: Conv, x_steps: tuple[int, ...], y_steps: tuple[int, ...]) -> NDArray[np.intp]:
    """The sizes and strides of a convolution alone: gradients cut their work in their own ways."""
    before = (0, *(first for first, _ in conv.pads))[-2:]
    geometry = ConvGeometry._make((
        conv.batch, conv.groups, conv.channels // conv.groups, conv.out_channels // conv.groups,
        *three(conv.kernel), *three(conv.size)[1:], *three(conv.out_size), *three(conv.stride), *three(conv.dilation),
        *before, 0, *x_steps, *y_steps, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ))  # fmt: skip
    return np.array(geometry, np.intp)


@remembered(TransposeInputOptions)
def transpose_input(grad: NDArray[Any], _: None, options: TransposeInputOptions) -> ConvPlan:
    """Make the plan of the gradient of a transpose's input."""
    check_dtype("grad_output", grad.dtype)
    check_dtype("weight", options.weight_dtype)
    spec = grad_convolving.transpose_input(grad.shape, options)
    return plan_conv(spec, pitches(spec, grad), Request(), Machine())


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPlan(Plan[ConvWeight]):
    """The gradient of weights; whether the output's gradient must be copied too."""

    convert_grad: bool


def plan_weight(spec: ConvWeight, x: ArrayLayout, grad: ArrayLayout) -> WeightPlan:
    """The plan of a checked one: `x` is what the windows lie on, `grad` what lies at their outputs."""
    conv = spec.conv
    x_steps, y_steps = pitches_of(conv, *x[1:]), pitches_of(conv, *grad[1:])
    planes = by_planes(conv)
    blocks = plane_blocks(conv) if planes else weight_blocks(conv)
    geometry = _geometry(conv, x_steps or contiguous(conv, x[0]), y_steps or contiguous(conv, grad[0]))
    return WeightPlan(
        spec=spec,
        kernel="conv_weight_planes" if planes else "conv_weight",
        reason="a product of planes for each tap" if planes else "a product of matrices over images and pixels",
        threads=threads_for(spec, Machine()),
        workspace=4 * blocks.workspace,
        convert=x_steps is None,
        convert_grad=y_steps is None,
        source=FLOAT32,
        shape=spec.shape,
        in_lesson=len(conv.size) == 2,
        tables=(geometry, conv_axes(conv), np.array(blocks, np.intp)),
    )


@remembered(WeightOptions)
def conv_weight(x: NDArray[Any], _: None, options: WeightOptions) -> WeightPlan:
    """Make the plan of the weights' gradient."""
    check_dtype("input", x.dtype)
    check_dtype("grad_output", options.grad[2])
    return plan_weight(grad_convolving.conv_weight(x.shape, options), layout_of(x), options.grad)


@remembered(TransposeWeightOptions)
def transpose_weight(grad: NDArray[Any], _: None, options: TransposeWeightOptions) -> WeightPlan:
    """Make the plan of the gradient of a transpose's weights."""
    check_dtype("input", options.input[2])
    check_dtype("grad_output", grad.dtype)
    return plan_weight(grad_convolving.transpose_weight(grad.shape, options), layout_of(grad), options.input)


@dataclass(frozen=True, slots=True)
class BiasPlan:
    """Where the channels lie, and sums over the other axes; None where there is nothing to sum."""

    axis: int
    sums: Plan[Pool] | None


@remembered(BiasOptions)
def conv_bias(grad: NDArray[Any], _: None, options: BiasOptions) -> BiasPlan:
    """Make the plan of a bias's gradient."""
    check_dtype("grad_output", grad.dtype)
    axis, sums = grad_convolving.conv_bias(grad.shape, options)
    return BiasPlan(axis, planned(sums, grad) if grad.size else None)
