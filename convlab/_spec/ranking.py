"""Order statistics over images: the largest, the smallest and the middle of each window."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab import _borders, _errors
from convlab.typing import Anchor, Border, Sizes

from .arguments import FLOAT32, pair, real
from .filtering import anchor_of
from .layout import Layout, check_not_empty, check_size, image_layout

# A median's work grows with the window's area: more would take days, and its staged rows too much memory.
LARGEST_MEDIAN = 2047


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """The options of an order statistic, unchecked."""

    operation: str
    size: Sizes
    border: Border
    cval: float
    anchor: Anchor | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class Rank2d:
    """maximum_filter, minimum_filter or median_filter of one image."""

    operation: str  # "maximum", "minimum", "median"
    image: Layout
    output: Layout
    region: Layout  # of the output, computed: all but the frame that border="keep" copies
    dtype: np.dtype[Any]
    size: tuple[int, int]
    anchor: tuple[int, int]
    border: str
    cval: float

    @property
    def border_sizes(self) -> tuple[int, int, int, int]:
        """Rows and columns that the windows reach beyond the image: above, below, before, after."""
        if self.border in ("valid", "keep"):
            return 0, 0, 0, 0
        (height, width), (row, column) = self.size, self.anchor
        return row, height - 1 - row, column, width - 1 - column

    @property
    def separable(self) -> bool:
        """Whether it is the same of the windows' columns, and then of these along the row; and of pixels seen twice."""
        return self.operation in ("maximum", "minimum")

    @property
    def flops(self) -> int:
        """Comparisons: of a maximum about three along each axis, whatever the size; of others some for each pixel."""
        each = 6 if self.separable else math.prod(self.size)
        return each * math.prod(self.region.shape)

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * (math.prod(self.image.shape) + math.prod(self.output.shape))


def _cval(cval: Any, dtype: np.dtype[Any]) -> float:
    """The constant, which must be a value of the image's dtype: the result's dtype holds it."""
    if dtype.kind == "f":
        number = real("cval", cval)
        if math.isfinite(number) and abs(number) > float(np.finfo(dtype).max):
            raise _errors.wrong_value("cval", cval, f"a number within the range of the image's {dtype}")
        return number
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    expected = f"a whole number from {low} to {high}, which the image's {dtype} holds"
    if isinstance(cval, (bool, np.bool_, int, np.integer)):
        whole = int(cval)
    else:
        value = real("cval", cval, expected)
        if not value.is_integer():  # nor NaN, nor infinity
            raise _errors.wrong_value("cval", cval, expected)
        whole = int(value)
    if not low <= whole <= high:
        raise _errors.wrong_value("cval", cval, expected)
    return whole


def rank2d(shape: tuple[int, ...], dtype: np.dtype[Any], options: WindowOptions) -> Rank2d:
    """Check the arguments of an order statistic and work out its sizes."""
    operation, size = options.operation, options.size
    image = image_layout("image", shape, options.channel_axis)
    check_not_empty("image", image)
    border = _borders.check(options.border)
    window = pair("size", size, 1)
    if operation == "median" and max(window) > LARGEST_MEDIAN:
        raise _errors.wrong_value("size", size, f"at most {LARGEST_MEDIAN} rows and columns for a median")
    height, width = image.height, image.width
    if border in ("valid", "keep"):
        height, width = height - window[0] + 1, width - window[1] + 1
        if min(height, width) < 1 and border == "valid":
            raise _errors.empty_output("image", (image.height, image.width), window, "choose another border")
    region = image.resized(max(height, 0), max(width, 0))
    native = dtype.newbyteorder("=")
    native = FLOAT32 if native == FLOAT32 else native
    return Rank2d(
        operation="maximum" if operation == "median" and window == (1, 1) else operation,  # of one pixel
        image=image,
        output=check_size("image", region if border == "valid" else image),
        region=region,
        dtype=native,
        size=window,
        anchor=anchor_of(options.anchor, window),
        border=border,
        cval=_cval(options.cval, native),
    )
