"""Transposed convolutions of tensors: the convolutions that they fall into."""

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from convlab import _errors
from convlab.typing import Activation as ActivationOption
from convlab.typing import ConvAlgorithm, ConvLayout1d, Layout2d, Layout3d, Sizes

from .convolving import Activation, Conv, activation_of, check_bias, check_groups, check_size, numbers, tensor


@dataclass(frozen=True, slots=True)
class TransposeOptions:
    """The options of a transposed convolution, unchecked; of weights and bias their shapes and dtypes."""

    axes: int
    weight_shape: tuple[int, ...]
    weight_dtype: np.dtype[Any]
    bias_shape: tuple[int, ...] | None
    bias_dtype: np.dtype[Any] | None
    stride: Sizes
    padding: Sizes
    output_padding: Sizes
    groups: int
    dilation: Sizes
    output_size: Sizes | None
    activation: ActivationOption | None
    layout: ConvLayout1d | Layout2d | Layout3d
    algorithm: ConvAlgorithm | None
    workspace_limit: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Every stride-th output of a transpose along each axis: an ordinary convolution with some of the taps, flipped."""

    conv: Conv
    outputs: tuple[slice, ...]  # along the axes
    taps: tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Transpose:
    """A transposed convolution: the parts that its outputs fall in, but for those on which no tap falls."""

    name: str
    shape: tuple[int, ...]
    groups: int
    activation: Activation
    channels_last: bool
    parts: tuple[Part, ...]
    gaps: bool  # whether there are outputs on which no tap falls
    bytes: int  # of input, weights and output

    @property
    def flops(self) -> int:
        return sum(part.conv.flops for part in self.parts)


def _phases(n: int, out: int, k: int, s: int, d: int, p: int) -> list[tuple[slice, slice, int, int, tuple[int, int]]]:
    """Of one axis of a transpose, for each place in the stride with taps: outputs, taps, number, dilation, padding.

    Output o is the sum over taps a and inputs i with i * s + a * d = o + p. Taps a, a + period ... share their outputs.
    """
    common = math.gcd(s, d)
    period, dilation = s // common, d // common
    phases = []
    for first in range(min(period, k)):
        place = (first * d - p) % s
        if place >= out:
            continue
        outputs = slice(place, out, s)
        count = -(-(k - first) // period)
        length = -(-(out - place) // s)
        # The first output's input under its last tap, and how far beyond the input the last output's first tap is.
        start = (place + p - first * d) // s - (count - 1) * dilation
        end = start + length - 1 + (count - 1) * dilation + 1
        phases.append((outputs, slice(first, k, period), count, dilation, (-start, end - n)))
    return sorted(phases, key=lambda phase: phase[0].start)


def conv_transpose(
    shape: tuple[int, ...], options: TransposeOptions, name: str = "x", size_name: str = "output_size"
) -> Transpose:
    """Check the arguments of a transposed convolution and work out its parts; names are those in errors."""
    axes, weight_shape = options.axes, options.weight_shape
    batch, channels, size, last, batched = tensor(name, shape, weight_shape, options.layout, axes)
    parts = check_groups(options.groups)
    kernel = weight_shape[2:]
    out_channels = weight_shape[1] * parts
    if weight_shape[0] != channels:
        raise _errors.wrong_shape("weight", weight_shape, f"channels of {name} = {channels} in its first axis")
    if channels % parts:
        raise _errors.wrong_shape("weight", weight_shape, f"input channels in groups={parts} equal parts")
    check_bias(options.bias_shape, out_channels)
    strides, dilations = numbers("stride", options.stride, axes, 1), numbers("dilation", options.dilation, axes, 1)
    pads = numbers("padding", options.padding, axes, 0)
    extra = numbers("output_padding", options.output_padding, axes, 0)
    least = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, s, p, d, k in zip(size, strides, pads, dilations, kernel, strict=True)
    )
    if options.output_size is not None:
        wanted = numbers("output_size", options.output_size, axes, 1)
        extra = tuple(w - n for w, n in zip(wanted, least, strict=True))
        if any(not 0 <= e < max(s, d) for e, s, d in zip(extra, strides, dilations, strict=True)):
            most = tuple(n + max(s, d) - 1 for n, s, d in zip(least, strides, dilations, strict=True))
            raise _errors.wrong_value(size_name, options.output_size, f"sizes from {least} to {most}")
    if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilations, strict=True)):
        raise _errors.wrong_value("output_padding", options.output_padding, "less than stride or dilation")
    out_size = tuple(n + e for n, e in zip(least, extra, strict=True))
    if min(out_size) < 1:
        raise _errors.wrong_value("padding", options.padding, f"less: an output of size {out_size} would be left")
    head, channel = ((batch,) if batched else ()), (out_channels,)
    result = (*head, *out_size, *channel) if last else (*head, *channel, *out_size)
    check_size(result)
    part = Conv(
        name=f"conv_transpose{axes}d", batch=batch, groups=parts, channels=channels, out_channels=out_channels,
        size=size, kernel=kernel, out_size=out_size, stride=strides, dilation=dilations,
        pads=tuple((p, p) for p in pads), border="constant", activation=activation_of(options.activation),
        channels_last=last, batched=batched, exact=True,
    )  # fmt: skip
    return transposed(part)


def transposed(whole: Conv) -> Transpose:
    """Work out the parts of a transposed convolution: each is like the whole but for its sizes, stride and padding."""
    made = []
    axes = len(whole.size)
    before = [first for first, _ in whole.pads]
    every = [
        _phases(*axis)
        for axis in zip(whole.size, whole.out_size, whole.kernel, whole.stride, whole.dilation, before, strict=True)
    ]
    for phase in product(*every):
        outputs, taps, counts, apart, around = zip(*phase, strict=True)
        out_size = tuple(len(range(*o.indices(n))) for o, n in zip(outputs, whole.out_size, strict=True))
        conv = replace(whole, kernel=counts, out_size=out_size, stride=(1,) * axes, dilation=apart, pads=around)
        made.append(Part(conv, outputs, taps))
    gaps = any(len(phases) < min(s, n) for phases, s, n in zip(every, whole.stride, whole.out_size, strict=True))
    return Transpose(
        whole.name, whole.shape, whole.groups, whole.activation, whole.channels_last, tuple(made), gaps, whole.bytes
    )
