"""Gradients of convolutions and of their transposes."""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from convlab import _errors
from convlab.typing import ConvLayout1d, ConvPadding, Layout2d, Layout3d, PaddingMode, Precision, Shape, Sizes

from . import convolving
from .arguments import FLOAT32, integer
from .convolving import Conv, ConvOptions
from .pooling import Grid, Pool
from .transposing import Transpose, TransposeOptions, conv_transpose, transposed

# What a plan reads of a second array, and what stands for it in the plan's key: shape, strides, dtype, alignment.
ArrayLayout: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], np.dtype[Any], bool]


@dataclass(frozen=True, slots=True)
class InputOptions:
    """The options of a convolution's input's gradient, unchecked."""

    axes: int
    input_size: Shape
    weight_shape: tuple[int, ...]
    weight_dtype: np.dtype[Any]
    stride: Sizes
    padding: ConvPadding
    dilation: Sizes
    groups: int
    padding_mode: PaddingMode
    layout: ConvLayout1d | Layout2d | Layout3d
    precision: Precision


@dataclass(frozen=True, slots=True)
class WeightOptions:
    """The options of a convolution's weights' gradient, unchecked."""

    axes: int
    grad: ArrayLayout
    weight_size: Shape
    stride: Sizes
    padding: ConvPadding
    dilation: Sizes
    groups: int
    padding_mode: PaddingMode
    layout: ConvLayout1d | Layout2d | Layout3d


@dataclass(frozen=True, slots=True)
class TransposeInputOptions:
    """The options of a transpose's input's gradient, unchecked."""

    axes: int
    input_size: Shape
    weight_shape: tuple[int, ...]
    weight_dtype: np.dtype[Any]
    stride: Sizes
    padding: Sizes
    groups: int
    dilation: Sizes
    layout: ConvLayout1d | Layout2d | Layout3d
    precision: Precision


@dataclass(frozen=True, slots=True)
class TransposeWeightOptions:
    """The options of a transpose's weights' gradient, unchecked."""

    axes: int
    input: ArrayLayout
    weight_size: Shape
    stride: Sizes
    padding: Sizes
    groups: int
    dilation: Sizes
    layout: ConvLayout1d | Layout2d | Layout3d


@dataclass(frozen=True, slots=True)
class BiasOptions:
    """The options of a bias's gradient, unchecked."""

    channel_axis: int


@dataclass(frozen=True, slots=True)
class ConvInput:
    """The gradient of a convolution's input: the transposed convolution of the output's.

    Where the border repeats pixels, the transpose makes the gradient of one image with its border, and the border's
    part is added to the pixels that stand there.
    """

    forward: Conv
    transpose: Transpose
    shape: tuple[int, ...]

    @property
    def flops(self) -> int:
        return self.forward.flops

    @property
    def bytes(self) -> int:
        return self.forward.bytes

    @property
    def folded(self) -> bool:
        return self.forward.border != "constant"


@dataclass(frozen=True, slots=True)
class ConvWeight:
    """The gradient of a convolution's weights."""

    name: str
    conv: Conv  # whose output is what multiplies its input
    shape: tuple[int, ...]

    @property
    def flops(self) -> int:
        return self.conv.flops

    @property
    def bytes(self) -> int:
        return self.conv.bytes


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """The shape that an argument says."""
    expected = "a shape: a sequence of whole numbers"
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (tuple, list)):
        raise _errors.wrong_type(name, value, expected)
    shape = tuple(integer(name, n, expected) for n in value)
    if any(not 0 <= n < 2**63 for n in shape):
        raise _errors.wrong_value(name, value, f"{expected} of at least 0")
    return shape


def _check_grad(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise _errors.wrong_shape("grad_output", shape, f"the output's shape, {wanted}")


def conv_input(grad_shape: tuple[int, ...], options: InputOptions) -> ConvInput:
    """Check the arguments of an input's gradient, and work out the transpose that makes it."""
    shape = shape_of("input_size", options.input_size)
    forward = convolving.conv(
        shape,
        ConvOptions(
            options.axes, options.weight_shape, stride=options.stride, padding=options.padding,
            dilation=options.dilation, groups=options.groups, padding_mode=options.padding_mode, layout=options.layout,
            precision=options.precision,
        ),
        "input_size",
    )  # fmt: skip
    _check_grad(grad_shape, forward.shape)
    return ConvInput(forward, transpose_of(forward), shape)


def transpose_of(forward: Conv) -> Transpose:
    """The transpose of a convolution, onto its input; onto one image with its border, where the border repeats."""
    folded = forward.border != "constant"
    padded = tuple(n + before + after for n, (before, after) in zip(forward.size, forward.pads, strict=True))
    whole = replace(
        forward,
        name=f"{forward.name}_input",
        batch=1 if folded else forward.batch,
        channels=forward.out_channels,
        out_channels=forward.channels,
        size=forward.out_size,
        out_size=padded if folded else forward.size,
        pads=((0, 0),) * len(forward.size) if folded else forward.pads,
        border="constant",
        exact=True,
    )
    result = transposed(whole)
    if forward.exact or any(min(pads) < 0 for part in result.parts for pads in part.conv.pads):
        return result
    return replace(result, parts=tuple(replace(part, conv=replace(part.conv, exact=False)) for part in result.parts))


def conv_weight(shape: tuple[int, ...], options: WeightOptions) -> ConvWeight:
    """Check the arguments of the weights' gradient."""
    weight_shape = shape_of("weight_size", options.weight_size)
    conv = convolving.conv(
        shape,
        ConvOptions(
            options.axes, weight_shape, stride=options.stride, padding=options.padding, dilation=options.dilation,
            groups=options.groups, padding_mode=options.padding_mode, layout=options.layout, precision="exact",
        ),
        "input",
    )  # fmt: skip
    _check_grad(options.grad[0], conv.shape)
    return ConvWeight(f"{conv.name}_weight", conv, weight_shape)


def _backwards(
    name: str,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    grad_shape: tuple[int, ...],
    options: TransposeInputOptions | TransposeWeightOptions,
) -> Conv:
    """The convolution of the output's gradient that a transposed convolution's input's gradient is."""
    axes = options.axes
    last = convolving.channels_last(options.layout, axes)
    size = grad_shape[-1 - axes : -1] if last else grad_shape[-axes:]
    if len(grad_shape) != len(shape) or 0 in size:
        raise _errors.wrong_shape("grad_output", grad_shape, f"the output's shape, of {len(shape)} axes")
    convolving.check_weight_shape(weight_shape, axes)
    dilations = convolving.numbers("dilation", options.dilation, axes, 1)
    forward = conv_transpose(
        shape,
        TransposeOptions(
            axes, weight_shape, FLOAT32, None, None, options.stride, options.padding, output_padding=0,
            groups=options.groups, dilation=dilations, output_size=size, activation=None, layout=options.layout,
            algorithm=None, workspace_limit=None,
        ),
        name, "grad_output",
    )  # fmt: skip
    _check_grad(grad_shape, forward.shape)
    strides = convolving.numbers("stride", options.stride, axes, 1)
    pads = convolving.numbers("padding", options.padding, axes, 0)
    batched = len(shape) == axes + 2
    inner = shape[1:] if batched else shape
    own = inner[:-1] if last else inner[1:]
    reach = (
        (n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(own, strides, weight_shape[2:], dilations, strict=True)
    )
    return Conv(
        name=f"conv_transpose{axes}d", batch=shape[0] if batched else 1, groups=forward.groups,
        channels=weight_shape[1] * forward.groups, out_channels=weight_shape[0], size=size,
        kernel=weight_shape[2:], out_size=own, stride=strides, dilation=dilations,
        pads=tuple((p, r - p - n) for p, r, n in zip(pads, reach, size, strict=True)),
        border="constant", activation=convolving.Activation(), channels_last=last, batched=batched, exact=True,
    )  # fmt: skip


def transpose_input(grad_shape: tuple[int, ...], options: TransposeInputOptions) -> Conv:
    """Check the arguments of a transpose's input's gradient: an ordinary convolution."""
    shape = shape_of("input_size", options.input_size)
    conv = _backwards("input_size", shape, options.weight_shape, grad_shape, options)
    exact = convolving.check_exact(options.precision)
    negative = any(min(pads) < 0 for pads in conv.pads)
    return replace(conv, name=f"{conv.name}_input", exact=exact or negative)


def transpose_weight(grad_shape: tuple[int, ...], options: TransposeWeightOptions) -> ConvWeight:
    """Check the arguments of a transpose's weights' gradient: that of the convolution the other way."""
    weight_shape = shape_of("weight_size", options.weight_size)
    conv = _backwards("input", options.input[0], weight_shape, grad_shape, options)
    return ConvWeight(f"{conv.name}_weight", conv, weight_shape)


def conv_bias(shape: tuple[int, ...], options: BiasOptions) -> tuple[int, Pool]:
    """Check the arguments of a bias's gradient: the axis of the channels, and sums over the others.

    The last three of them are summed together; a batch of volumes, the fourth, is left.
    """
    if not 2 <= len(shape) <= 5:
        raise _errors.wrong_shape("grad_output", shape, "two to five axes, one of them of channels")
    channel_axis = options.channel_axis
    axis = integer("channel_axis", channel_axis, "the number of an axis")
    if not -len(shape) <= axis < len(shape):
        raise _errors.wrong_value("channel_axis", channel_axis, f"a number from {-len(shape)} to {len(shape) - 1}")
    axis %= len(shape)
    summed = tuple(other for other in range(len(shape)) if other != axis)[-3:]
    if 0 in (shape[axis], *(shape[other] for other in summed[1:])):
        raise _errors.wrong_shape("grad_output", shape, "at least one channel and one element along each axis")
    image = Grid(shape, summed, axis == len(shape) - 1)
    none, ones = (0,) * len(summed), (1,) * len(summed)
    sizes = image.sizes
    sums = Pool("avg", image, image.resized(ones), FLOAT32, sizes, sizes, none, none, ones, divisor=1, count_pad=True)
    return axis, sums
