"""Filters over images whose kernel is an outer product."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convlab import _errors
from convlab.typing import Anchor, Border, Numbers, Precision, Sizes

from . import filtering
from .arguments import LARGEST_NUMBER, check_dtype
from .filtering import Filter2d, FilterOptions
from .layout import Layout


@dataclass(frozen=True, slots=True)
class BoxOptions:
    """The options of a box, unchecked."""

    size: Sizes
    normalize: bool
    border: Border
    cval: float
    anchor: Anchor | None
    channel_axis: int | None
    dtype: DTypeLike | None
    precision: Precision


@dataclass(frozen=True, slots=True)
class GaussianOptions:
    """The options of a gaussian, unchecked."""

    sigma: Numbers
    truncate: float
    border: Border
    cval: float
    channel_axis: int | None
    dtype: DTypeLike | None


@dataclass(frozen=True, slots=True)
class Separable2d:
    """What filter2d with the outer product of the two kernels is, computed by columns and then by rows."""

    filter: Filter2d
    operation: str = "sep_filter2d"  # or magnitude2d, of two such filters; or box, with taps of 1

    @property
    def image(self) -> Layout:
        return self.filter.image

    @property
    def output(self) -> Layout:
        return self.filter.output

    @property
    def region(self) -> Layout:
        return self.filter.region

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.filter.dtype

    @property
    def magnitude(self) -> bool:
        return self.operation == "magnitude2d"

    @property
    def flops(self) -> int:
        pixels = math.prod(self.region.shape)
        if self.operation == "box":
            return 6 * pixels
        return (4 if self.magnitude else 2) * sum(self.filter.kernel_shape) * pixels

    @property
    def bytes(self) -> int:
        return 4 * math.prod(self.image.shape) + self.dtype.itemsize * math.prod(self.output.shape)


def check_taps(name: str, kernel: NDArray[Any]) -> None:
    """Refuse what is no row of taps."""
    check_dtype(name, kernel.dtype)
    if kernel.ndim != 1:
        raise _errors.wrong_shape(name, kernel.shape, "one axis of taps")
    if kernel.size == 0:
        raise _errors.wrong_shape(name, kernel.shape, "at least one tap")
    if kernel.size > LARGEST_NUMBER:
        raise _errors.wrong_shape(name, kernel.shape, f"at most {LARGEST_NUMBER} taps")


def separable2d(
    shape: tuple[int, ...], kernel_shape: tuple[int, int], options: FilterOptions, operation: str = "sep_filter2d"
) -> Separable2d:
    """Check the arguments of a sep_filter2d: those of a filter2d of the same kernel."""
    return Separable2d(filtering.filter2d(shape, kernel_shape, options), operation)
