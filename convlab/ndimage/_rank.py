"""Maxima, minima and medians of windows: they select pixels, so they are exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import convlab
from convlab.typing import NdimageMode, Sizes

from . import _calls, _linear
from ._calls import Found, Ready, Wanted, or_scipy


def _cval(value: Any, dtype: np.dtype[Any], border: str) -> float | None:
    """Return the constant outside, which must be a value of the image's dtype; 0 if the border is not constant."""
    number = _calls.real(value)
    if number is None:  # SciPy may refuse it for any border
        return None
    if border != "constant":
        return 0.0
    if dtype.kind == "f":
        return number
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return number if number.is_integer() and low <= number <= high else None


def select(
    operation: str,
    x: NDArray[Any],
    sizes: tuple[int, ...],
    axes: tuple[int, ...],
    anchors: tuple[int, ...],
    border: str,
    cval: float,
    wanted: Wanted,
) -> Ready | None:
    """Return the window's largest, smallest or middle along ascending axes; None where it is for SciPy."""
    # A kernel of zeros gives the positions of the windows and their axes.
    layout = _linear.layout(x.shape, np.zeros(sizes), axes, anchors)
    native = x.dtype.newbyteorder("=")
    if layout is None or not np.can_cast(native, wanted.dtype, "safe"):
        return None
    shape, channel_axis, kernel, anchor = layout
    options = {"border": border, "cval": cval, "anchor": anchor, "channel_axis": channel_axis}
    # With NaN, SciPy's result depends on the order of its comparisons.
    return Ready(getattr(convlab, operation), (kernel.shape,), options, shape, wanted, number=True)


def _extreme(
    operation: str, input: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any, axes: Any
) -> Ready | NDArray[Any] | None:
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    along = None if x is None else _calls.axes(axes, x.ndim)
    if x is None or wanted is None or not along:
        return None
    if footprint is not None:
        window = np.asarray(footprint)
        if size is not None or window.ndim != len(along) or not window.size or not window.astype(bool).all():
            return None
        size = window.shape
    values = [_calls.per_axis(v, len(along)) for v in (size, origin, mode)]
    if any(v is None for v in values):
        return None
    steps = []
    for axis, n, shift, name in zip(along, *(v for v in values if v is not None), strict=True):
        length, border = _calls.whole(n), _calls.border(name)
        if length is None or border is None:
            return None
        if length <= 1:  # SciPy skips such an axis
            continue
        tap, value = _calls.anchor(length, shift), _cval(cval, x.dtype, border)
        if tap is None or value is None:
            return None
        steps.append((axis, length, tap, border, value))
    return _extremes(operation, x, sorted(steps), wanted) if steps else None


def _extremes(
    operation: str, x: NDArray[Any], steps: list[tuple[int, int, int, str, float]], wanted: Wanted
) -> Ready | NDArray[Any] | None:
    """Filter one axis after the other, or two at once: the maximum of maxima is the maximum."""
    if len(steps) == 2 and steps[0][3] == steps[1][3]:
        (first, height, row, border, cval), (last, width, column, _, _) = steps
        result = select(operation, x, (height, width), (first, last), (row, column), border, cval, wanted)
        if result is not None:
            return result
    if len(steps) == 1:
        ((axis, length, tap, border, cval),) = steps
        return select(operation, x, (length,), (axis,), (tap,), border, cval, wanted)
    for axis, length, tap, border, cval in steps:
        one = select(operation, x, (length,), (axis,), (tap,), border, cval, Wanted(x.dtype.newbyteorder("="), None))
        y = _linear.done(one, x)
        if y is None:
            return None
        x = y
    if not np.can_cast(x.dtype, wanted.dtype, "safe"):
        return None
    return _calls.stored(x.astype(wanted.dtype, copy=False), wanted)


def _line(
    operation: str, input: Any, size: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any
) -> Ready | NDArray[Any] | None:
    number = _calls.whole(axis)
    length = _calls.whole(size)
    if number is None or length is None or length < 2 or not isinstance(mode, str):
        return None
    return _extreme(operation, input, length, None, output, mode, cval, origin, (number,))


@or_scipy
def maximum_filter(
    input: ArrayLike,
    size: Sizes | None = None,
    footprint: ArrayLike | None = None,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Compute the maximum of each window: `scipy.ndimage.maximum_filter`."""
    return _extreme("maximum_filter", input, size, footprint, output, mode, cval, origin, axes)


@or_scipy
def minimum_filter(
    input: ArrayLike,
    size: Sizes | None = None,
    footprint: ArrayLike | None = None,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Compute the minimum of each window: `scipy.ndimage.minimum_filter`."""
    return _extreme("minimum_filter", input, size, footprint, output, mode, cval, origin, axes)


@or_scipy
def maximum_filter1d(
    input: ArrayLike,
    size: SupportsIndex,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode = "reflect",
    cval: complex = 0.0,
    origin: SupportsIndex = 0,
) -> Found:
    """Compute the maximum of each window along one axis: `scipy.ndimage.maximum_filter1d`."""
    return _line("maximum_filter", input, size, axis, output, mode, cval, origin)


@or_scipy
def minimum_filter1d(
    input: ArrayLike,
    size: SupportsIndex,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode = "reflect",
    cval: complex = 0.0,
    origin: SupportsIndex = 0,
) -> Found:
    """Compute the minimum of each window along one axis: `scipy.ndimage.minimum_filter1d`."""
    return _line("minimum_filter", input, size, axis, output, mode, cval, origin)


@or_scipy
def median_filter(
    input: ArrayLike,
    size: Sizes | None = None,
    footprint: ArrayLike | None = None,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Compute the median of each window, the upper one of two: `scipy.ndimage.median_filter`."""
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    along = None if x is None else _calls.axes(axes, x.ndim)
    if x is None or wanted is None or not along or list(along) != sorted(along):
        return None
    if x.ndim == 1 and not x.dtype.isnative:  # SciPy refuses it
        return None
    if footprint is not None:
        window = np.asarray(footprint)
        if size is not None or window.ndim != len(along) or not window.size or not window.astype(bool).all():
            return None
        size = window.shape
    sizes, origins, border = _calls.per_axis(size, len(along)), _calls.per_axis(origin, len(along)), _calls.border(mode)
    if sizes is None or origins is None or border is None:
        return None
    lengths = [_calls.whole(n) for n in sizes]
    if any(n is None or not 1 <= n <= _calls.LARGEST_WINDOW for n in lengths):
        return None
    whole = tuple(n for n in lengths if n is not None)
    taps = [_calls.anchor(n, shift) for n, shift in zip(whole, origins, strict=True)]
    value = _cval(cval, x.dtype, border)
    if value is None or any(tap is None for tap in taps):
        return None
    anchors = tuple(tap for tap in taps if tap is not None)
    return select("median_filter", x, whole, along, anchors, border, value, wanted)


@or_scipy
def rank_filter(
    input: ArrayLike,
    rank: SupportsIndex,
    size: Sizes | None = None,
    footprint: ArrayLike | None = None,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Compute one rank of each window: `scipy.ndimage.rank_filter`, without its crash on short lines."""
    return None


@or_scipy
def percentile_filter(
    input: ArrayLike,
    percentile: float,
    size: Sizes | None = None,
    footprint: ArrayLike | None = None,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Compute one percentile of each window: `scipy.ndimage.percentile_filter`, without its crash on short lines."""
    return None
