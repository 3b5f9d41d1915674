"""Pools over images and tensors of one to three pooled axes."""

import math
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from convlab import _errors
from convlab.typing import OutputSize, PoolLayout, PoolPadding, Sizes

from .arguments import FLOAT32, LARGEST_NUMBER, integer, real, word
from .layout import MAX_ELEMENTS

# What the façades call the axes that they pool, by how many there are.
AXES = {1: "L", 2: "HW", 3: "DHW"}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the pooled axes and the channels lie in an array, seen as planes of slices of rows of pixels."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]  # the pooled ones, in order
    inner_channels: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(self.shape[axis] for axis in self.axes)

    @property
    def step(self) -> int:
        return self.shape[-1] if self.inner_channels else 1

    @property
    def plane_axes(self) -> tuple[int, ...]:
        used = {*self.axes, len(self.shape) - 1} if self.inner_channels else set(self.axes)
        return tuple(axis for axis in range(len(self.shape)) if axis not in used)

    @property
    def planes(self) -> int:
        return math.prod(self.shape[axis] for axis in self.plane_axes)

    def resized(self, sizes: tuple[int, ...]) -> "Grid":
        shape = list(self.shape)
        for axis, size in zip(self.axes, sizes, strict=True):
            shape[axis] = size
        return Grid(tuple(shape), self.axes, self.inner_channels)

    def pitches_of(self, strides: tuple[int, ...], itemsize: int) -> tuple[int, int, int] | None:
        """Elements from plane to plane, slice to slice, row to row, or None where a kernel cannot walk the array."""
        step = self.step
        if step > 1 and strides[-1] != itemsize:
            return None
        if self.shape[self.axes[-1]] > 1 and strides[self.axes[-1]] != itemsize * step:
            return None
        axes = self.plane_axes
        # Several plane axes must lie one behind the other, to be walked as one.
        for outer, inner in pairwise(axes):
            if self.shape[outer] > 1 and strides[outer] != strides[inner] * self.shape[inner]:
                return None
        pitches = [strides[axes[-1]] if axes else 0, *[0] * (3 - len(self.axes)), *(strides[a] for a in self.axes[:-1])]
        if any(pitch % itemsize for pitch in pitches):
            return None
        plane, slice_, row = (pitch // itemsize for pitch in pitches)
        return plane, slice_, row

    def pitches(self) -> tuple[int, int, int]:
        """The same of a C-contiguous array."""
        strides = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        pitches = self.pitches_of(tuple(strides), 1)
        assert pitches is not None
        return pitches


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """The options of a pool, unchecked."""

    operation: str
    axes: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: PoolPadding = 0
    dilation: Sizes = 1
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    layout: PoolLayout | None = None
    channel_axis: int | None = None
    norm_type: float | None = None
    return_indices: bool = False


@dataclass(frozen=True, slots=True)
class AdaptiveOptions:
    """The options of a pool whose result's size is given, unchecked."""

    operation: str
    axes: int
    output_size: OutputSize
    layout: PoolLayout | None
    channel_axis: int | None
    return_indices: bool = False


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The options of a pool over all of each plane, unchecked."""

    operation: str
    layout: PoolLayout | None
    channel_axis: int | None
    norm_type: float | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool over one to three axes."""

    operation: str  # "max", "min", "avg" or "lp"
    image: Grid
    output: Grid
    dtype: np.dtype[Any]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]  # padding
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    divisor: int  # of every average; 0: each window's own
    count_pad: bool
    norm: float = 0.0  # of an Lp pool
    indices: bool = False
    bins: bool = False  # whether the windows divide each axis into as many parts as there are outputs

    @property
    def flops(self) -> int:
        """Additions; of a maximum comparisons, about three along each axis for any large window."""
        each = math.prod(self.window)
        if self.operation in ("max", "min"):
            each = min(each, 3 * len(self.window))
        return each * math.prod(self.output.shape)

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * (math.prod(self.image.shape) + math.prod(self.output.shape))


def numbers(name: str, value: Any, n: int, low: int) -> tuple[int, ...]:
    """One number per axis from a number, a 1-tuple (every axis) or as many as there are axes."""
    expected = f"a whole number of at least {low}" + ("" if n == 1 else f", or {n} of them, one per axis")
    sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
    values = tuple(value) if sequence else (value,)
    if len(values) not in (1, n):
        raise _errors.wrong_value(name, value, expected)
    result = [integer(name, v, expected) for v in values]
    if min(result) < low or max(result) > LARGEST_NUMBER:
        raise _errors.wrong_value(name, value, f"{expected}, and at most {LARGEST_NUMBER}")
    return tuple(result * n if len(result) == 1 else result)


CHANNELS_LAST = (
    "x: got three axes of which the last looks like channels; the last two are pooled: pass channel_axis=-1 to pool "
    'the rows and columns of (height, width, channels), or layout="NCHW" to pool the last two axes without this warning'
)


def grid(shape: tuple[int, ...], n: int, channel_axis: Any, layout: Any, name: str = "x") -> Grid:
    """Where the n pooled axes lie; `name` is the array's in errors. Of `x` three axes may look like another order."""
    names = AXES[n]
    if layout is not None and channel_axis is not None:
        raise _errors.wrong_value("layout", layout, "None where channel_axis is given")
    if channel_axis is not None:
        axis = integer("channel_axis", channel_axis, "None or the number of an axis")
        if len(shape) != n + 1:
            raise _errors.wrong_shape(name, shape, f"{n + 1} axes, of which channel_axis is one")
        if not -n - 1 <= axis <= n:
            raise _errors.wrong_value("channel_axis", channel_axis, f"a number from {-n - 1} to {n}")
        axis %= n + 1
        found = Grid(shape, tuple(other for other in range(n + 1) if other != axis), axis == n)
    elif layout is not None and word("layout", layout, ("NC" + names, "N" + names + "C"))[-1] == "C":
        if len(shape) not in (n + 1, n + 2):
            raise _errors.wrong_shape(name, shape, f"({', '.join(names)}, C) or (N, {', '.join(names)}, C)")
        found = Grid(shape, tuple(range(len(shape) - n - 1, len(shape) - 1)), True)
    elif n <= len(shape) <= n + 2:
        if (layout, name, len(shape), n) == (None, "x", 3, 2) and 1 <= shape[2] <= 4 and shape[2] < min(shape[:2]):
            warnings.warn(CHANNELS_LAST, UserWarning, stacklevel=_errors.caller_level())
        found = Grid(shape, tuple(range(len(shape) - n, len(shape))), False)
    else:
        sizes = ", ".join(names)
        raise _errors.wrong_shape(name, shape, f"({sizes}), (C, {sizes}) or (N, C, {sizes})")
    # Every axis but the batch must have an element.
    if 0 in (shape[1:] if len(shape) == n + 2 else shape):
        raise _errors.wrong_shape(name, shape, "at least one pixel and one channel")
    return found


def check_size(output: Grid) -> Grid:
    if math.prod(output.shape) > MAX_ELEMENTS:
        raise _errors.too_large("x", output.shape, f"at most {MAX_ELEMENTS} elements")
    return output


def pads(
    padding: Any, sizes: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding before and after each axis."""
    n = len(sizes)
    spans = tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))
    if isinstance(padding, str):
        if padding == "valid":
            return (0,) * n, (0,) * n
        if padding not in ("same", "same_lower"):
            raise _errors.wrong_word("padding", padding, ("same", "same_lower", "valid"), "or give numbers")
        total = [
            max((-(-size // s) - 1) * s + span - size, 0) for size, s, span in zip(sizes, stride, spans, strict=True)
        ]
        small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        return (small, large) if padding == "same" else (large, small)
    pairs = isinstance(padding, (tuple, list)) and any(isinstance(p, (tuple, list, np.ndarray)) for p in padding)
    if pairs:
        expected = f'a number, {n} of them, {n} pairs (before, after), "same" or "same_lower"'
        if len(padding) not in (1, n):
            raise _errors.wrong_value("padding", padding, expected)
        each = [numbers("padding", p, 2, 0) for p in padding] * (n if len(padding) == 1 else 1)
        before, after = tuple(p[0] for p in each), tuple(p[1] for p in each)
    else:
        before = after = numbers("padding", padding, n, 0)
    if any(p >= span for p, span in zip(before + after, spans * 2, strict=True)):
        name = "window" if max(dilation) == 1 else "dilated window"
        raise _errors.wrong_value("padding", padding, f"less than the {name} {spans}, or a window would hold no pixel")
    return before, after


def out_size(size: int, window: int, stride: int, before: int, after: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows there are; one that starts in the padding behind the array is none."""
    room = size + before + after - ((window - 1) * dilation + 1)
    n = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (n - 1) * stride >= size + before:
        n -= 1
    return n


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise _errors.wrong_type(name, value, "True or False")
    return bool(value)


def strides_of(stride: Sizes | None, window: tuple[int, ...]) -> tuple[int, ...]:
    default = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    return window if default else numbers("stride", stride, len(window), 1)


def pool(shape: tuple[int, ...], dtype: np.dtype[Any], options: PoolOptions, name: str = "x") -> Pool:
    """Check the arguments of a pool and work out its sizes; `name` is the array's in errors."""
    operation, n, padding = options.operation, options.axes, options.padding
    image = grid(shape, n, options.channel_axis, options.layout, name)
    sizes = image.sizes
    window = numbers("kernel_size", options.kernel_size, n, 1)
    strides = strides_of(options.stride, window)
    dilations = numbers("dilation", options.dilation, n, 1)
    ceil_mode = flag("ceil_mode", options.ceil_mode)
    count_pad = flag("count_include_pad", options.count_include_pad)
    before, after = pads(padding, sizes, window, strides, dilations)
    axes = list(zip(sizes, window, strides, before, after, dilations, strict=True))
    out = tuple(out_size(n, k, s, b, a, d, ceil_mode) for n, k, s, b, a, d in axes)
    if min(out) < 1:
        todo = "choose a smaller kernel_size or padding" if max(dilations) == 1 else "choose a smaller one or dilation"
        raise _errors.empty_output(name, sizes, window, todo)
    divisor, norm = 0, 0.0
    if operation == "lp":
        norm = real("norm_type", options.norm_type, "a number above 0")
        if not norm > 0:
            raise _errors.wrong_value("norm_type", options.norm_type, "a number above 0")
        divisor = 1
    elif options.divisor_override is not None:
        expected = "None or a whole number that is not 0"
        divisor = integer("divisor_override", options.divisor_override, expected)
        if divisor == 0 or abs(divisor) > LARGEST_NUMBER:
            raise _errors.wrong_value("divisor_override", options.divisor_override, expected)
    elif (count_pad or not any(before + after)) and all(
        (o - 1) * s + (k - 1) * d < size + b + a for (size, k, s, b, a, d), o in zip(axes, out, strict=True)
    ):
        divisor = math.prod(window)
    return Pool(
        operation=operation,
        image=image,
        output=check_size(image.resized(out)),
        dtype=_result_dtype(operation, dtype),
        window=window,
        stride=strides,
        before=before,
        after=after,
        dilation=dilations,
        divisor=divisor,
        count_pad=count_pad,
        norm=norm,
        indices=flag("return_indices", options.return_indices),
    )


def _result_dtype(operation: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    native = dtype.newbyteorder("=")
    return FLOAT32 if operation in ("avg", "lp") or native == FLOAT32 else native


def adaptive_pool(shape: tuple[int, ...], dtype: np.dtype[Any], options: AdaptiveOptions, name: str = "x") -> Pool:
    """Windows that divide each axis into `output_size` parts, from floor(i * n / o) to ceil((i + 1) * n / o)."""
    operation, n, output_size = options.operation, options.axes, options.output_size
    image = grid(shape, n, options.channel_axis, options.layout, name)
    sizes = image.sizes
    wanted = list(output_size) if isinstance(output_size, (tuple, list)) else [output_size]
    if len(wanted) not in (1, n):
        raise _errors.wrong_value("output_size", output_size, f"a number or {n} of them, one per axis")
    wanted = wanted * n if len(wanted) == 1 else wanted
    filled = [size if w is None else w for w, size in zip(wanted, sizes, strict=True)]
    out = numbers("output_size", output_size if isinstance(output_size, np.ndarray) else filled, n, 1)
    check_size(image.resized(out))
    axes = list(zip(sizes, out, strict=True))
    uniform = all(size % o == 0 for size, o in axes)
    window = tuple(-(-size // o) + (size % o > 1) for size, o in axes)
    return Pool(
        operation=operation,
        image=image,
        output=image.resized(out),
        dtype=_result_dtype(operation, dtype),
        window=window,
        stride=window,
        before=(0,) * n,
        after=(0,) * n,
        dilation=(1,) * n,
        divisor=math.prod(window) if uniform else 0,
        count_pad=False,
        indices=flag("return_indices", options.return_indices),
        bins=not uniform,
    )


def global_pool(shape: tuple[int, ...], dtype: np.dtype[Any], options: GlobalOptions) -> Pool:
    """One window: the whole array but for its batch and channels."""
    layout, channel_axis = options.layout, options.channel_axis
    n = len(shape) - (2 if channel_axis is None else 1)
    if n not in AXES:
        expected = "(N, C, ...) with one to three axes to pool" if channel_axis is None else "two to four axes"
        raise _errors.wrong_shape("x", shape, expected)
    sizes = grid(shape, n, channel_axis, layout).sizes
    whole = PoolOptions(
        options.operation, n, sizes, count_include_pad=False, layout=layout, channel_axis=channel_axis,
        norm_type=options.norm_type,
    )  # fmt: skip
    return pool(shape, dtype, whole)
