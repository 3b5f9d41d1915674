"""Filters over images."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab import _borders, _errors

from .arguments import FLOAT32, finite, integer, real
from .layout import Layout, check_not_empty, check_size, image_layout


@dataclass(frozen=True, slots=True)
class Filter2d:
    """filter2d of one image: y = clip(scale * correlation + offset)."""

    image: Layout
    output: Layout
    region: Layout  # of the output, computed: all but the frame that border="keep" copies
    dtype: np.dtype[Any]
    kernel_shape: tuple[int, int]
    anchor: tuple[int, int]
    border: str
    cval: float
    scale: float
    offset: float
    clip: tuple[float, float]

    @property
    def border_sizes(self) -> tuple[int, int, int, int]:
        """Rows and columns that the windows reach beyond the image: above, below, before, after."""
        if self.border in ("valid", "keep"):
            return 0, 0, 0, 0
        (height, width), (row, column) = self.kernel_shape, self.anchor
        return row, height - 1 - row, column, width - 1 - column

    @property
    def finishes(self) -> bool:
        """Whether anything is left to do to a sum."""
        return (self.scale, self.offset, self.clip) != (1.0, 0.0, (-math.inf, math.inf))

    @property
    def flops(self) -> int:
        return 2 * math.prod(self.kernel_shape) * math.prod(self.region.shape)

    @property
    def bytes(self) -> int:
        return 4 * (math.prod(self.image.shape) + math.prod(self.output.shape))


def _output_dtype(dtype: Any) -> np.dtype[Any]:
    expected = "float32 or an integer type (round half to even, saturate)"
    if dtype is None:
        return FLOAT32
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        raise _errors.wrong_type("dtype", dtype, expected) from None
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


def _anchor(anchor: Any, kernel_shape: tuple[int, int]) -> tuple[int, int]:
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


def filter2d(
    shape: tuple[int, ...],
    kernel_shape: tuple[int, int],
    border: Any,
    cval: Any,
    anchor: Any,
    scale: Any,
    offset: Any,
    clip: Any,
    channel_axis: Any,
    dtype: Any,
) -> Filter2d:
    """Check the arguments of a filter2d and work out its sizes."""
    image = image_layout("image", shape, channel_axis)
    check_not_empty("image", image)
    border = _borders.check(border)
    height, width = image.height, image.width
    if border in ("valid", "keep"):
        height, width = height - kernel_shape[0] + 1, width - kernel_shape[1] + 1
        if min(height, width) < 1 and border == "valid":
            raise _errors.empty_output("image", (image.height, image.width), kernel_shape, "or choose another border")
    region = image.resized(max(height, 0), max(width, 0))
    output = region if border == "valid" else image
    return Filter2d(
        image=image,
        output=check_size("image", output),
        region=region,
        dtype=_output_dtype(dtype),
        kernel_shape=kernel_shape,
        anchor=_anchor(anchor, kernel_shape),
        border=border,
        cval=real("cval", cval),
        scale=finite("scale", scale),
        offset=finite("offset", offset),
        clip=_clip(clip),
    )
