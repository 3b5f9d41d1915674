"""What an operation is: argument checks, dtype rules, output shape, flops and bytes. All size arithmetic is here.

A spec knows nothing of how it will be computed. Its builders take an array's shape and dtype, never an array.
"""

import math
import operator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _errors

FLOAT32 = np.dtype(np.float32)
FLOAT32_MAX = float(np.finfo(np.float32).max)
IMAGE_DTYPES = tuple(
    np.dtype(t)
    for t in (
        np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64,
        np.float16, np.float32, np.float64,
    )
)  # fmt: skip
IMAGE_DTYPE_NAMES = "bool, an integer type, float16, float32 or float64"
# Integers that float32 holds exactly, with float16: what may pass through a float32 kernel and come back the same.
EXACT_IN_FLOAT32 = tuple(
    np.dtype(t) for t in (np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.float16, np.float32)
)
MAX_ELEMENTS = 2**40
LARGEST_NUMBER = 2**31 - 1  # of a window, stride or padding


@dataclass(frozen=True, slots=True)
class Layout:
    """Where height, width and channels lie in an array, seen as planes of rows of pixels of `step` elements."""

    shape: tuple[int, ...]
    row_axis: int
    column_axis: int
    inner_channels: bool

    @property
    def height(self) -> int:
        return self.shape[self.row_axis]

    @property
    def width(self) -> int:
        return self.shape[self.column_axis]

    @property
    def step(self) -> int:
        return self.shape[-1] if self.inner_channels else 1

    @property
    def plane_axes(self) -> tuple[int, ...]:
        used = {self.row_axis, self.column_axis} | ({len(self.shape) - 1} if self.inner_channels else set())
        return tuple(axis for axis in range(len(self.shape)) if axis not in used)

    @property
    def planes(self) -> int:
        return math.prod(self.shape[axis] for axis in self.plane_axes)

    def resized(self, height: int, width: int) -> "Layout":
        shape = list(self.shape)
        shape[self.row_axis], shape[self.column_axis] = height, width
        return Layout(tuple(shape), self.row_axis, self.column_axis, self.inner_channels)

    def pitches(self) -> tuple[int, int]:
        """Elements from plane to plane and from row to row of a C-contiguous array."""
        plane = math.prod(self.shape[self.plane_axes[-1] + 1 :]) if self.plane_axes else 0
        return plane, math.prod(self.shape[self.row_axis + 1 :])

    def pitches_of(self, strides: tuple[int, ...], itemsize: int) -> tuple[int, int] | None:
        """The same of an array with these strides, or None where a kernel cannot walk it as it lies."""
        step = self.step
        if self.inner_channels and step > 1 and strides[-1] != itemsize:
            return None
        if self.width > 1 and strides[self.column_axis] != itemsize * step:
            return None
        axes = self.plane_axes
        # Several plane axes must lie one behind the other, to be walked as one.
        for outer, inner in pairwise(axes):
            if self.shape[outer] > 1 and strides[outer] != strides[inner] * self.shape[inner]:
                return None
        plane, row = (strides[axes[-1]] if axes else 0), strides[self.row_axis]
        return None if plane % itemsize or row % itemsize else (plane // itemsize, row // itemsize)


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


@dataclass(frozen=True, slots=True)
class Pool2d:
    """A pool over height and width. Dilation, ceil_mode and indices have their place here when they come."""

    operation: str  # "max", "min" or "avg"
    image: Layout
    output: Layout
    dtype: np.dtype[Any]
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @property
    def flops(self) -> int:
        return math.prod(self.window) * math.prod(self.output.shape)

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * (math.prod(self.image.shape) + math.prod(self.output.shape))


def array(name: str, value: Any) -> NDArray[Any]:
    """The argument as a plain array, or an error."""
    if isinstance(value, np.ma.MaskedArray):
        raise _errors.masked(name)
    if not isinstance(value, np.ndarray):
        try:
            value = np.asarray(value)
        except (TypeError, ValueError, RuntimeError, BufferError) as error:
            raise _errors.not_an_array(name, error) from error
    return np.asarray(value)


def check_dtype(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse what is no kind of number that convlab computes with."""
    if dtype.kind not in "biuf" or dtype.newbyteorder("=") not in IMAGE_DTYPES:
        raise _errors.wrong_dtype(name, dtype, IMAGE_DTYPE_NAMES)


def integer(name: str, value: Any, expected: str) -> int:
    """A whole number; bool and float are none."""
    if isinstance(value, (bool, np.bool_)):
        raise _errors.wrong_type(name, value, expected)
    try:
        return operator.index(value)
    except TypeError:
        raise _errors.wrong_type(name, value, expected) from None


def real(name: str, value: Any, expected: str = "a real number") -> float:
    """A real number that float32 holds; NaN and infinity are, if they came as such."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise _errors.wrong_type(name, value, expected)
    try:
        number = float(value)
    except OverflowError:
        raise _errors.wrong_value(name, value, f"{expected} within float32's range") from None
    if math.isfinite(number) and abs(number) > FLOAT32_MAX:
        raise _errors.wrong_value(name, value, f"{expected} within float32's range")
    return number


def finite(name: str, value: Any) -> float:
    number = real(name, value, "a finite number")
    if not math.isfinite(number):
        raise _errors.wrong_value(name, value, "a finite number")
    return number


def pair(name: str, value: Any, low: int) -> tuple[int, int]:
    """(rows, columns) from a number, a 1-tuple (both axes) or one number per axis."""
    expected = f"a whole number of at least {low}, or a pair (rows, columns) of them"
    sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
    values = tuple(value) if sequence else (value,)
    if len(values) not in (1, 2):
        raise _errors.wrong_value(name, value, expected)
    numbers = [integer(name, v, expected) for v in values]
    if min(numbers) < low or max(numbers) > LARGEST_NUMBER:
        raise _errors.wrong_value(name, value, f"{expected}, and at most {LARGEST_NUMBER}")
    return numbers[0], numbers[-1]


def _image_layout(name: str, shape: tuple[int, ...], channel_axis: Any) -> Layout:
    if channel_axis is None:
        if len(shape) == 3:
            raise _errors.no_channel_axis(name, shape)
        if len(shape) != 2:
            raise _errors.wrong_shape(name, shape, "two axes (height, width), or three with channel_axis")
        return Layout(shape, 0, 1, inner_channels=False)
    axis = integer("channel_axis", channel_axis, "None or the number of an axis")
    if len(shape) != 3:
        raise _errors.wrong_shape(name, shape, "three axes, of which channel_axis is one")
    if not -3 <= axis < 3:
        raise _errors.wrong_value("channel_axis", channel_axis, "a number from -3 to 2")
    axis %= 3
    rows, columns = (other for other in range(3) if other != axis)
    return Layout(shape, rows, columns, inner_channels=axis == 2)


def _check_not_empty(name: str, layout: Layout) -> None:
    """Every axis but the batch must have a pixel."""
    sizes = layout.shape[1:] if len(layout.shape) == 4 else layout.shape
    if 0 in sizes:
        raise _errors.wrong_shape(name, layout.shape, "at least one pixel and one channel")


def _check_size(name: str, output: Layout) -> Layout:
    if math.prod(output.shape) > MAX_ELEMENTS:
        raise _errors.too_large(name, output.shape, f"at most {MAX_ELEMENTS} elements")
    return output


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


def check_kernel(name: str, kernel: NDArray[Any]) -> None:
    """Refuse what is no kernel, before anything is allocated for it."""
    check_dtype(name, kernel.dtype)
    if kernel.ndim != 2:
        raise _errors.wrong_shape(name, kernel.shape, "two axes (rows, columns) of taps")
    if kernel.size == 0:
        raise _errors.wrong_shape(name, kernel.shape, "at least one tap")
    if kernel.size > LARGEST_NUMBER:
        raise _errors.wrong_shape(name, kernel.shape, f"at most {LARGEST_NUMBER} taps")


def taps(name: str, kernel: NDArray[Any]) -> NDArray[np.float32]:
    """A kernel's taps in a float32 array of their own."""
    with np.errstate(over="ignore"):
        result = np.array(kernel, dtype=np.float32, order="C")
    lost = np.isinf(result) & np.isfinite(kernel)
    if lost.any():
        raise _errors.wrong_value(name, float(kernel[lost][0]), "taps within float32's range")
    return result


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
    image = _image_layout("image", shape, channel_axis)
    _check_not_empty("image", image)
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
        output=_check_size("image", output),
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


def pool2d(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    operation: str,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    channel_axis: Any,
) -> Pool2d:
    """Check the arguments of a pool and work out its sizes."""
    if channel_axis is not None:
        image = _image_layout("x", shape, channel_axis)
    elif 2 <= len(shape) <= 4:
        image = Layout(shape, len(shape) - 2, len(shape) - 1, inner_channels=False)
    else:
        raise _errors.wrong_shape("x", shape, "(H, W), (C, H, W) or (N, C, H, W)")
    _check_not_empty("x", image)
    window = pair("kernel_size", kernel_size, 1)
    default = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    strides = window if default else pair("stride", stride, 1)
    pads = pair("padding", padding, 0)
    if pads[0] >= window[0] or pads[1] >= window[1]:
        raise _errors.wrong_value("padding", padding, f"less than the window {window}, or a window would hold no pixel")
    height, width = (
        (n + 2 * p - k) // s + 1 for n, k, s, p in zip((image.height, image.width), window, strides, pads, strict=True)
    )
    if min(height, width) < 1:
        raise _errors.empty_output("x", (image.height, image.width), window, "choose a smaller kernel_size or padding")
    return Pool2d(
        operation=operation,
        image=image,
        output=_check_size("x", image.resized(height, width)),
        dtype=FLOAT32 if operation == "avg" or dtype.newbyteorder("=") == FLOAT32 else dtype.newbyteorder("="),
        window=window,
        stride=strides,
        padding=pads,
    )
