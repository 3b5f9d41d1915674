"""Gaussians and means."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, SupportsIndex

import numpy as np
import scipy.ndimage
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab.typing import NdimageMode, Numbers, Sizes

from . import _calls, _linear
from ._calls import FLOAT32, LARGEST, Found, Ready, Wanted, or_scipy
from ._linear import Pass

NO_SIGMA = 1e-15  # SciPy does not filter an axis of at most this sigma
LONG_WINDOW = 64  # pixels; above it, an integer division is cheaper than the longer sums
LARGEST_RADIUS = 1000  # the time to get SciPy's taps from an impulse grows with its square

_gaussian_filter1d = scipy.ndimage.gaussian_filter1d


@lru_cache(256)
def gaussian_taps(sigma: float, order: int, radius: int) -> NDArray[np.float64]:
    """Return SciPy's taps: its reversed impulse response."""
    impulse = np.zeros(2 * radius + 1)
    impulse[radius] = 1.0
    return np.asarray(_gaussian_filter1d(impulse, sigma, order=order, mode="constant", radius=radius)[::-1])


def gaussian_pass(sigma: Any, order: Any, mode: Any, radius: Any, truncate: Any, axis: int) -> Pass | None:
    """Return the pass of a Gaussian along one axis, or None to fall back to SciPy."""
    sd, orders, border = _calls.real(sigma), _calls.whole(order), _calls.border(mode)
    if sd is None or sd <= NO_SIGMA or orders is None or not 0 <= orders <= 8 or border is None:
        return None
    if radius is None:
        far = _calls.real(truncate)
        if far is None or not 0 <= far * sd <= LARGEST_RADIUS:
            return None
        radius = int(far * sd + 0.5)
    reach = _calls.whole(radius)
    if reach is None or not 0 <= reach <= LARGEST_RADIUS:
        return None
    taps = gaussian_taps(sd, orders, reach)
    return (taps, axis, border) if _calls.facts(taps).representable else None


def gaussian(
    x: NDArray[Any],
    sigma: Any,
    order: Any,
    wanted: Wanted,
    mode: Any,
    cval: Any,
    truncate: Any = 4.0,
    radius: Any = None,
    axes: Any = None,
) -> Ready | NDArray[Any] | None:
    """Prepare `gaussian_filter` of a supported image, or return None."""
    along, value = _calls.axes(axes, x.ndim), _calls.real(cval)
    if not along or value is None or wanted.dtype != FLOAT32:
        return None
    per_axis = [_calls.per_axis(v, len(along)) for v in (sigma, order, mode, radius)]
    if any(values is None for values in per_axis):
        return None
    steps: list[Pass] = []
    for axis, one, times, name, reach in zip(along, *(v for v in per_axis if v is not None), strict=True):
        sd = _calls.real(one)
        if sd is not None and sd <= NO_SIGMA:
            continue
        step = gaussian_pass(one, times, name, reach, truncate, axis)
        if step is None:
            return None
        steps.append(step)
    if not steps:
        return None
    return _linear.passes(x, steps, value, wanted)


@or_scipy
def gaussian_filter1d(
    input: ArrayLike,
    sigma: float,
    axis: SupportsIndex = -1,
    order: SupportsIndex = 0,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: SupportsIndex | None = None,
) -> Found:
    """Filter the lines along one axis with a Gaussian or a derivative of it: `scipy.ndimage.gaussian_filter1d`."""
    x = _calls.image(input)
    wanted, along = (None, None) if x is None else (_calls.output(output, x), _calls.axis(axis, x.ndim))
    value = _calls.real(cval)
    if x is None or wanted is None or along is None or value is None or wanted.dtype != FLOAT32:
        return None
    step = gaussian_pass(sigma, order, mode, radius, truncate, *along)
    return None if step is None else _linear.passes(x, [step], value, wanted)


@or_scipy
def gaussian_filter(
    input: ArrayLike,
    sigma: Numbers,
    order: Sizes = 0,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: Sizes | None = None,
    axes: Sizes | None = None,
) -> Found:
    """Filter an array with a Gaussian or derivatives of it: `scipy.ndimage.gaussian_filter`."""
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    if x is None or wanted is None:
        return None
    return gaussian(x, sigma, order, wanted, mode, cval, truncate, radius, axes)


def _mean(
    x: NDArray[Any], size: int, axis: int, border: str, cval: float, anchor: int, wanted: Wanted
) -> Ready | NDArray[Any] | None:
    """Compute the mean of each window along one axis; divide whole numbers as SciPy does, rounding towards zero."""
    if x.dtype.kind == "f":
        taps = np.full(size, 1.0 / size)
        return _linear.ready(x, taps, (axis,), (anchor,), border, cval, wanted, mean=True)
    ones = np.ones(size)
    if not _calls.exact(x, ones, cval if border == "constant" else None):
        return None
    if wanted.dtype.kind not in "iuf" or not wanted.dtype.isnative:
        return None
    unsigned = x.dtype.kind == "u" and wanted.dtype == x.dtype and 0 <= cval <= LARGEST[x.dtype]
    if unsigned and size <= LONG_WINDOW and size * LARGEST[x.dtype] < 2**21:
        # floor(sum / size) is the whole number nearest to sum / size - (size - 1) / (2 size), by a margin of at least
        # 1 / (2 size), which is more than the kernel's rounding error of numbers of this size.
        less = {"scale": 1.0 / size, "offset": -0.5 * (size - 1) / size}
        return _linear.ready(x, ones, (axis,), (anchor,), border, cval, wanted, finish=less)
    sums = _linear.correlate(x, ones, (axis,), (anchor,), border, cval, Wanted(FLOAT32, None), mean=False)
    if sums is None:
        return None
    if wanted.dtype.kind == "f":
        return _calls.stored((sums / np.float64(size)).astype(wanted.dtype, copy=False), wanted)
    whole = sums.astype(np.int32)
    quotients = np.abs(whole) // size
    return _calls.stored(np.where(whole < 0, -quotients, quotients).astype(wanted.dtype), wanted)


@or_scipy
def uniform_filter1d(
    input: ArrayLike,
    size: SupportsIndex,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode = "reflect",
    cval: complex = 0.0,
    origin: SupportsIndex = 0,
) -> Found:
    """Compute the mean of each window along one axis: `scipy.ndimage.uniform_filter1d`."""
    x = _calls.image(input)
    wanted, along = (None, None) if x is None else (_calls.output(output, x), _calls.axis(axis, x.ndim))
    n, border, value = _calls.whole(size), _calls.border(mode), _calls.real(cval)
    if x is None or wanted is None or along is None or n is None or n < 1 or border is None or value is None:
        return None
    tap = _calls.anchor(n, origin)
    return None if tap is None else _mean(x, n, *along, border, value, tap, wanted)


@or_scipy
def uniform_filter(
    input: ArrayLike,
    size: Sizes = 3,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Compute the mean of each window along all axes or some: `scipy.ndimage.uniform_filter`."""
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    along, value = None if x is None else _calls.axes(axes, x.ndim), _calls.real(cval)
    if x is None or wanted is None or not along or value is None:
        return None
    values = [_calls.per_axis(v, len(along)) for v in (size, origin, mode)]
    if any(v is None for v in values):
        return None
    steps = []
    for axis, n, shift, name in zip(along, *(v for v in values if v is not None), strict=True):
        length, border = _calls.whole(n), _calls.border(name)
        if length is None or border is None:
            return None
        if length > 1:  # SciPy skips the others
            tap = _calls.anchor(length, shift)
            if tap is None:
                return None
            steps.append((length, axis, border, value, tap))
    if not steps:
        return None
    if x.dtype.kind == "f" and len(steps) == 2 and steps[0][2] == steps[1][2]:
        (height, first, border, _, row), (width, last, _, _, column) = sorted(steps, key=lambda step: step[1])
        taps = _calls.product(np.full(height, 1 / height), np.full(width, 1 / width))
        result = _linear.ready(x, taps, (first, last), (row, column), border, value, wanted, mean=True)
        if result is not None:
            return result
    for step in steps:
        y = _linear.done(_mean(x, *step, Wanted(wanted.dtype, None)), x)
        if y is None:
            return None
        x = y
    return _calls.stored(x, wanted)
