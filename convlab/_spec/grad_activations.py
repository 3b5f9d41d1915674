"""Gradients of activations."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab import _errors

from .arguments import LARGEST_NUMBER, finite, real


@dataclass(frozen=True, slots=True)
class ActivationOptions:
    """The options of an activation's gradient, unchecked; of the output its shape and dtype."""

    output_shape: tuple[int, ...]
    output_dtype: np.dtype[Any]
    low: float | None
    high: float | None
    negative_slope: float


@dataclass(frozen=True, slots=True)
class ActivationGradient:
    """Each element is kept, or multiplied by a slope where the output is at a limit or beyond; NaN is no limit."""

    shape: tuple[int, ...]
    low: float
    high: float
    slope: float

    @property
    def flops(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return 12 * math.prod(self.shape)


def activation(shape: tuple[int, ...], options: ActivationOptions) -> ActivationGradient:
    """Check the arguments of an activation's gradient; a mask is false where the slope counts."""
    output_shape, low, high, slope = options.output_shape, options.low, options.high, options.negative_slope
    if output_shape != shape:
        raise _errors.wrong_shape("output", output_shape, f"grad_output's shape, {shape}")
    if len(shape) > 32 or math.prod(shape) > LARGEST_NUMBER**2:
        raise _errors.wrong_shape("grad_output", shape, "at most 32 axes")
    lowest = math.nan if low is None else real("low", low, "None or a number")
    highest = math.nan if high is None else real("high", high, "None or a number")
    if lowest > highest:
        raise _errors.wrong_value("low", low, f"at most high, {high!r}")
    if options.output_dtype.kind == "b":
        lowest, highest = 0.0, math.nan
    return ActivationGradient(shape, lowest, highest, finite("negative_slope", slope))
