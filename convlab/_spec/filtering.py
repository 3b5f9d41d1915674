"""Filters over images."""

import math
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import DTypeLike

from convlab import _borders, _errors
from convlab.typing import Anchor, Border, Clip, FilterAlgorithm, NanPolicy, Precision

from .arguments import FLOAT32, dtype_of, finite, integer, real, word
from .layout import MAX_ELEMENTS, Layout, check_not_empty, check_size, image_layout

ALGORITHMS: tuple[str, ...] = get_args(FilterAlgorithm)
PRECISIONS: tuple[str, ...] = get_args(Precision)
NANS: tuple[str, ...] = get_args(NanPolicy)


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """The options of a filter, unchecked; of a mask its shape and dtype."""

    mask_shape: tuple[int, ...] | None = None
    mask_dtype: np.dtype[Any] | None = None
    border: Border = "mirror"
    cval: float = 0.0
    anchor: Anchor | None = None
    scale: float = 1.0
    offset: float = 0.0
    clip: Clip | None = None
    nan: NanPolicy = "propagate"
    channel_axis: int | None = None
    dtype: DTypeLike | None = None
    precision: Precision = "fast"
    algorithm: FilterAlgorithm | None = None
    workspace_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Filter2d:
    """filter2d of one image: y = clip(scale * correlation + offset)."""

    image: Layout
    output: Layout
    region: Layout  # of the output, computed: all but the frame that border="keep" copies
    dtype: np.dtype[Any]
    kernel_shape: tuple[int, int]
    anchor: tuple[int, int]
    border: Border
    cval: float
    scale: float
    offset: float
    clip: tuple[float, float]
    kernels: int | None  # how many, of a bank
    omit_nan: bool
    mask: bool
    mask_per_channel: bool  # whether it is read with an image's channels, or is one for all
    precision: str
    algorithm: str | None
    workspace_limit: int | None
    block: bool = False  # of another filter's image: the border's rows are rows of this one
    cut: bool = False  # a block whose border's columns are columns of it too

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The output's, behind the number of kernels where there is a bank of them."""
        return self.output.shape if self.kernels is None else (self.kernels, *self.output.shape)

    @property
    def masked(self) -> bool:
        """Whether pixels may be left out, so that the sums are divided by the weights of those that are there."""
        return self.omit_nan or self.mask

    @property
    def border_sizes(self) -> tuple[int, int, int, int]:
        """Rows and columns that the windows reach beyond the image: above, below, before, after."""
        if self.border in ("valid", "keep"):
            return 0, 0, 0, 0
        (height, width), (row, column) = self.kernel_shape, self.anchor
        above, below = (0, 0) if self.block else (row, height - 1 - row)
        before, after = (0, 0) if self.cut else (column, width - 1 - column)
        return above, below, before, after

    @property
    def finishes(self) -> bool:
        """Whether anything is left to do to a sum."""
        return (self.scale, self.offset, self.clip) != (1.0, 0.0, (-math.inf, math.inf))

    @property
    def flops(self) -> int:
        sums = (2 if self.masked else 1) * (self.kernels or 1)
        return 2 * sums * math.prod(self.kernel_shape) * math.prod(self.region.shape)

    @property
    def bytes(self) -> int:
        return 4 * math.prod(self.image.shape) + self.dtype.itemsize * math.prod(self.result_shape)


def _output_dtype(dtype: Any) -> np.dtype[Any]:
    expected = "float32 or an integer type (round half to even, saturate)"
    if dtype is None:
        return FLOAT32
    wanted = dtype_of("dtype", dtype, expected)
    if wanted != FLOAT32 and wanted.kind not in "iu":
        raise _errors.wrong_dtype("dtype", wanted, f"{expected}: convert the result with .astype")
    if not wanted.isnative:
        raise _errors.wrong_dtype("dtype", wanted, "native byte order")
    return FLOAT32 if wanted == FLOAT32 else wanted


def _clip(clip: Any) -> tuple[float, float]:
    expected = "None or a pair (low, high), either of which may be None"
    if clip is None:
        return -math.inf, math.inf
    if not isinstance(clip, (tuple, list, np.ndarray)) or (isinstance(clip, np.ndarray) and clip.ndim != 1):
        raise _errors.wrong_type("clip", clip, expected)
    if len(clip) != 2:
        raise _errors.wrong_value("clip", clip, expected)
    low = -math.inf if clip[0] is None else real("clip", clip[0], expected)
    high = math.inf if clip[1] is None else real("clip", clip[1], expected)
    if not low <= high:
        raise _errors.wrong_value("clip", clip, "low <= high, and neither of them NaN")
    return low, high


def anchor_of(anchor: Any, kernel_shape: tuple[int, int]) -> tuple[int, int]:
    height, width = kernel_shape
    if anchor is None:
        return height // 2, width // 2
    expected = f"None or (row, column) of a tap, from (0, 0) to {(height - 1, width - 1)}"
    if not isinstance(anchor, (tuple, list, np.ndarray)) or (isinstance(anchor, np.ndarray) and anchor.ndim != 1):
        raise _errors.wrong_type("anchor", anchor, expected)
    if len(anchor) != 2:
        raise _errors.wrong_value("anchor", anchor, expected)
    row, column = (integer("anchor", a, expected) for a in anchor)
    if not (0 <= row < height and 0 <= column < width):
        raise _errors.wrong_value("anchor", anchor, expected)
    return row, column


def _mask(image: Layout, shape: tuple[int, ...] | None, dtype: np.dtype[Any] | None) -> bool:
    if shape is None:
        return False
    if dtype != np.bool_:
        raise _errors.wrong_dtype("mask", dtype, "bool: True where a pixel counts")
    if shape not in (image.shape, (image.height, image.width)):
        raise _errors.wrong_shape("mask", shape, f"the image's {image.shape} or {(image.height, image.width)}")
    return True


def filter2d(
    shape: tuple[int, ...], kernel_shape: tuple[int, ...], options: FilterOptions, name: str = "image"
) -> Filter2d:
    """Check the arguments of a filter2d, or of a filter_bank with a kernel of three axes, and work out its sizes.

    `name` is the image's in errors.
    """
    *kernels, kernel_height, kernel_width = kernel_shape
    window = kernel_height, kernel_width
    image = image_layout(name, shape, options.channel_axis)
    check_not_empty(name, image)
    border = _borders.check(options.border)
    height, width = image.height, image.width
    if border in ("valid", "keep"):
        height, width = height - window[0] + 1, width - window[1] + 1
        if min(height, width) < 1 and border == "valid":
            raise _errors.empty_output(name, (image.height, image.width), window, "choose another border")
    region = image.resized(max(height, 0), max(width, 0))
    output = region if border == "valid" else image
    algorithm = None if options.algorithm is None else word("algorithm", options.algorithm, ALGORITHMS)
    limit, mask_shape = options.workspace_limit, options.mask_shape
    spec = Filter2d(
        image=image,
        output=check_size(name, output),
        region=region,
        dtype=_output_dtype(options.dtype),
        kernel_shape=window,
        anchor=anchor_of(options.anchor, window),
        border=border,
        cval=real("cval", options.cval),
        scale=finite("scale", options.scale),
        offset=finite("offset", options.offset),
        clip=_clip(options.clip),
        kernels=kernels[0] if kernels else None,
        omit_nan=word("nan", options.nan, NANS) == "omit",
        mask=_mask(image, mask_shape, options.mask_dtype),
        mask_per_channel=image.inner_channels or (mask_shape is not None and len(mask_shape) == 3),
        precision=word("precision", options.precision, PRECISIONS),
        algorithm=algorithm,
        workspace_limit=None if limit is None else _limit(limit),
    )
    if math.prod(spec.result_shape) > MAX_ELEMENTS:
        raise _errors.too_large("kernels", spec.result_shape, f"at most {MAX_ELEMENTS} elements")
    if spec.masked and spec.border == "keep":
        raise _errors.wrong_value("border", "keep", "another border where pixels are left out, by nan or mask")
    if spec.precision == "exact" and spec.algorithm == "fft":
        raise _errors.wrong_value("algorithm", "fft", 'another with precision="exact", which forbids transforms')
    return spec


def _limit(value: Any) -> int:
    expected = "None or a number of bytes, at least 0"
    limit = integer("workspace_limit", value, expected)
    if limit < 0:
        raise _errors.wrong_value("workspace_limit", value, expected)
    return limit
