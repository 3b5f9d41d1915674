"""Convolutions of tensors, over one, two or three axes."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from convlab import _borders, _errors
from convlab.typing import Activation as ActivationOption
from convlab.typing import (
    ConvAlgorithm,
    ConvLayout1d,
    ConvPadding,
    Layout2d,
    Layout3d,
    PaddingMode,
    PaddingWord,
    Precision,
    Sizes,
)

from .arguments import FLOAT32, LARGEST_NUMBER, check_dtype, integer, real, word
from .layout import MAX_ELEMENTS

if TYPE_CHECKING:
    from .transposing import TransposeOptions

PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)
PADDING_WORDS: tuple[str, ...] = get_args(PaddingWord)
PRECISIONS: tuple[str, ...] = get_args(Precision)
ACTIVATIONS = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}
LEAKY_SLOPE = 0.01
LAYOUTS: dict[int, tuple[str, ...]] = {1: get_args(ConvLayout1d), 2: get_args(Layout2d), 3: get_args(Layout3d)}
_AXES = {1: "(width,)", 2: "(rows, columns)", 3: "(depth, rows, columns)"}


@dataclass(frozen=True, slots=True)
class ConvOptions:
    """The options of a convolution, unchecked; of weights and bias their shapes and dtypes."""

    axes: int
    weight_shape: tuple[int, ...]
    weight_dtype: np.dtype[Any] = FLOAT32
    bias_shape: tuple[int, ...] | None = None
    bias_dtype: np.dtype[Any] | None = None
    stride: Sizes = 1
    padding: ConvPadding = 0
    dilation: Sizes = 1
    groups: int = 1
    padding_mode: PaddingMode = "zeros"
    activation: ActivationOption | None = None
    layout: ConvLayout1d | Layout2d | Layout3d = "NCHW"
    precision: Precision = "fast"
    algorithm: ConvAlgorithm | None = None
    workspace_limit: int | None = None
    prepared: bool = False  # whether the weights are a layer's


@dataclass(frozen=True, slots=True)
class Activation:
    """What is done to a sum: brought within two limits, or its negative part multiplied."""

    low: float = -math.inf
    high: float = math.inf
    slope: float = 1.0


@dataclass(frozen=True, slots=True)
class Conv:
    """One convolution, seen over its own axes. Padding may be negative, where it is a part of a transpose."""

    name: str
    batch: int
    groups: int
    channels: int  # of the whole input
    out_channels: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    out_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    border: str  # its name in _borders
    activation: Activation
    channels_last: bool
    batched: bool
    exact: bool  # whether no algorithm may round otherwise than the sum of products

    @property
    def shape(self) -> tuple[int, ...]:
        """The output's shape."""
        channels_first = () if self.channels_last else (self.out_channels,)
        channels_last = (self.out_channels,) if self.channels_last else ()
        return (*((self.batch,) if self.batched else ()), *channels_first, *self.out_size, *channels_last)

    @property
    def flops(self) -> int:
        taps = math.prod(self.kernel) * (self.channels // self.groups)
        return 2 * taps * self.batch * self.out_channels * math.prod(self.out_size)

    @property
    def bytes(self) -> int:
        weights = self.out_channels * (self.channels // self.groups) * math.prod(self.kernel)
        inputs = self.batch * self.channels * math.prod(self.size)
        return 4 * (weights + inputs + self.batch * self.out_channels * math.prod(self.out_size))


def numbers(name: str, value: Any, axes: int, low: int) -> tuple[int, ...]:
    """One number for each axis from a number, a 1-tuple or one number per axis."""
    expected = f"a whole number of at least {low}" + (f", or {axes} of them {_AXES[axes]}" if axes > 1 else "")
    values = tuple(value) if isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) == 1 else (value,)
    if len(values) not in (1, axes):
        raise _errors.wrong_value(name, value, expected)
    result = tuple(integer(name, v, expected) for v in values)
    if min(result) < low or max(result) > LARGEST_NUMBER:
        raise _errors.wrong_value(name, value, f"{expected}, and at most {LARGEST_NUMBER}")
    return result * axes if len(result) == 1 else result


def _pads(
    padding: Any, size: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Pixels before and after each axis."""
    axes = len(size)
    if isinstance(padding, str):
        if padding not in PADDING_WORDS:
            raise _errors.wrong_word("padding", padding, PADDING_WORDS)
        if padding == "valid":
            return ((0, 0),) * axes
        pads = []
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            small, large = total // 2, total - total // 2
            pads.append((small, large) if padding == "same" else (large, small))
        return tuple(pads)
    sequence = isinstance(padding, (tuple, list)) or getattr(padding, "ndim", 0) == 1
    if sequence and len(padding) == 2 * axes:
        flat = tuple(
            integer("padding", p, "whole numbers of at least 0, two for each axis: before and after") for p in padding
        )
        if min(flat) < 0 or max(flat) > LARGEST_NUMBER:
            raise _errors.wrong_value("padding", padding, f"numbers from 0 to {LARGEST_NUMBER}")
        return tuple(zip(flat[::2], flat[1::2], strict=True))
    return tuple((p, p) for p in numbers("padding", padding, axes, 0))


def _border(padding_mode: Any) -> str:
    if not isinstance(padding_mode, str):
        raise _errors.wrong_type("padding_mode", padding_mode, f"one of: {', '.join(PADDING_MODES)}")
    if padding_mode not in PADDING_MODES:
        hint = "'constant' is 'zeros' here" if padding_mode == "constant" else _borders.ELSEWHERE.get(padding_mode, "")
        raise _errors.wrong_word("padding_mode", padding_mode, PADDING_MODES, hint)
    return "constant" if padding_mode == "zeros" else padding_mode


def activation_of(activation: Any) -> Activation:
    expected = "None, 'relu', 'relu6', 'leaky_relu' or a pair (low, high)"
    if activation is None:
        return Activation()
    if isinstance(activation, str):
        if activation == "leaky_relu":
            return Activation(slope=LEAKY_SLOPE)
        if activation not in ACTIVATIONS:
            raise _errors.wrong_word("activation", activation, (*ACTIVATIONS, "leaky_relu", "(low, high)"))
        return Activation(*ACTIVATIONS[activation])
    if not isinstance(activation, (tuple, list)):
        raise _errors.wrong_type("activation", activation, expected)
    if len(activation) != 2:
        raise _errors.wrong_value("activation", activation, expected)
    low = -math.inf if activation[0] is None else real("activation", activation[0], expected)
    high = math.inf if activation[1] is None else real("activation", activation[1], expected)
    if not low <= high:
        raise _errors.wrong_value("activation", activation, "low <= high, and neither of them NaN")
    return Activation(low, high)


def channels_last(layout: Any, axes: int) -> bool:
    if not isinstance(layout, str):
        raise _errors.wrong_type("layout", layout, f"one of: {', '.join(LAYOUTS[axes])}")
    if layout not in LAYOUTS[axes]:
        raise _errors.wrong_word("layout", layout, LAYOUTS[axes])
    return layout == LAYOUTS[axes][1]


def check_exact(precision: Any) -> bool:
    return word("precision", precision, PRECISIONS) == "exact"


def check_weight_shape(weight_shape: tuple[int, ...], axes: int) -> None:
    if len(weight_shape) != axes + 2:
        raise _errors.wrong_shape("weight", weight_shape, f"{axes + 2} axes: two of channels, {axes} of taps")
    if 0 in weight_shape:
        raise _errors.wrong_shape("weight", weight_shape, "at least one channel and one tap")
    if math.prod(weight_shape) > LARGEST_NUMBER:
        raise _errors.wrong_shape("weight", weight_shape, f"at most {LARGEST_NUMBER} weights")


def tensor(
    name: str, shape: tuple[int, ...], weight_shape: tuple[int, ...], layout: Any, axes: int
) -> tuple[int, int, tuple[int, ...], bool, bool]:
    """Batch, channels and size of the input; whether channels come last, whether there is a batch."""
    last = channels_last(layout, axes)
    word = LAYOUTS[axes][last]
    shown = f"({', '.join(word)}) or ({', '.join(word[1:])})"
    if len(shape) not in (axes + 1, axes + 2):
        raise _errors.wrong_shape(name, shape, shown)
    check_weight_shape(weight_shape, axes)
    batched = len(shape) == axes + 2
    batch, rest = (shape[0], shape[1:]) if batched else (1, shape)
    channels, size = (rest[-1], rest[:-1]) if last else (rest[0], rest[1:])
    if 0 in rest:
        raise _errors.wrong_shape(name, shape, f"at least one channel and one element along each axis of {shown}")
    return batch, channels, size, last, batched


def check_groups(groups: Any) -> int:
    number = integer("groups", groups, "a whole number of at least 1")
    if not 1 <= number <= LARGEST_NUMBER:
        raise _errors.wrong_value("groups", groups, f"a whole number of at least 1, and at most {LARGEST_NUMBER}")
    return number


def check_bias(bias_shape: tuple[int, ...] | None, out_channels: int) -> None:
    if bias_shape is not None and bias_shape != (out_channels,):
        raise _errors.wrong_shape("bias", bias_shape, f"({out_channels},): one number for each output channel")


def check_size(shape: tuple[int, ...]) -> None:
    if math.prod(shape) > MAX_ELEMENTS:
        raise _errors.too_large("x", shape, f"at most {MAX_ELEMENTS} elements")


def check_dtypes(options: "ConvOptions | TransposeOptions") -> None:
    check_dtype("weight", options.weight_dtype)
    if options.bias_dtype is not None:
        check_dtype("bias", options.bias_dtype)


def conv(shape: tuple[int, ...], options: ConvOptions, name: str = "x") -> Conv:
    """Check the arguments of a convolution and work out its sizes; `name` is the input's in errors."""
    axes, weight_shape = options.axes, options.weight_shape
    batch, channels, size, last, batched = tensor(name, shape, weight_shape, options.layout, axes)
    parts = check_groups(options.groups)
    out_channels, kernel = weight_shape[0], weight_shape[2:]
    if out_channels % parts:
        raise _errors.wrong_shape("weight", weight_shape, f"output channels in groups={parts} equal parts")
    if weight_shape[1] * parts != channels:
        raise _errors.wrong_shape(
            "weight", weight_shape, f"channels of {name} / groups = {channels} / {parts} in its second axis"
        )
    check_bias(options.bias_shape, out_channels)
    strides, dilations = numbers("stride", options.stride, axes, 1), numbers("dilation", options.dilation, axes, 1)
    pads = _pads(options.padding, size, kernel, strides, dilations)
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    padded = tuple(n + before + after for n, (before, after) in zip(size, pads, strict=True))
    if any(n < k for n, k in zip(padded, extents, strict=True)):
        raise _errors.empty_convolution(name, padded, extents)
    result = Conv(
        name=f"conv{axes}d",
        batch=batch,
        groups=parts,
        channels=channels,
        out_channels=out_channels,
        size=size,
        kernel=kernel,
        out_size=tuple((n - k) // s + 1 for n, k, s in zip(padded, extents, strides, strict=True)),
        stride=strides,
        dilation=dilations,
        pads=pads,
        border=_border(options.padding_mode),
        activation=activation_of(options.activation),
        channels_last=last,
        batched=batched,
        exact=check_exact(options.precision),
    )
    check_size(result.shape)
    check_size(padded)
    return result
