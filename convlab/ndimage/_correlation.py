"""`correlate`, `convolve` and their 1-D forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab.typing import NdimageMode, Sizes

from . import _calls, _linear
from ._calls import Found, Ready, or_scipy


def _along(
    x: NDArray[Any], taps: Any, axes: tuple[int, ...], output: Any, mode: Any, cval: Any, origin: Any, flip: bool
) -> Ready | None:
    """Correlate or convolve along axes in ascending order, one for each axis of the taps."""
    wanted = _calls.output(output, x)
    border, value = _calls.border(mode), _calls.real(cval)
    origins = _calls.per_axis(origin, len(axes))
    if taps is None or wanted is None or border is None or value is None or origins is None:
        return None
    anchors = []
    for size, shift in zip(taps.shape, origins, strict=True):
        tap = _calls.anchor(size, shift)
        if tap is None:
            return None
        anchors.append(size - 1 - tap if flip else tap)
    return _linear.ready(x, np.flip(taps) if flip else taps, axes, tuple(anchors), border, value, wanted)


def _nd(
    input: Any, weights: Any, output: Any, mode: Any, cval: Any, origin: Any, axes: Any, flip: bool
) -> Ready | None:
    x = _calls.image(input)
    if x is None:
        return None
    along = _calls.axes(axes, x.ndim) if axes is None or np.iterable(axes) else None
    # SciPy matches the weights' axes to the image's in ascending order, but not the origins.
    if not along or list(along) != sorted(along):
        return None
    taps = _calls.weights(weights, len(along), skip=_linear.NO_WEIGHT)
    return _along(x, taps, along, output, mode, cval, origin, flip)


def _1d(
    input: Any, weights: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any, flip: bool
) -> Ready | None:
    x = _calls.image(input)
    along = None if x is None else _calls.axis(axis, x.ndim)
    if x is None or along is None:
        return None
    return _along(x, _calls.weights(weights, 1), along, output, mode, cval, origin, flip)


@or_scipy
def correlate(
    input: ArrayLike,
    weights: ArrayLike,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Correlate an array with weights: `scipy.ndimage.correlate`."""
    return _nd(input, weights, output, mode, cval, origin, axes, flip=False)


@or_scipy
def convolve(
    input: ArrayLike,
    weights: ArrayLike,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    origin: Sizes = 0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Convolve an array with weights, which are flipped: `scipy.ndimage.convolve`."""
    return _nd(input, weights, output, mode, cval, origin, axes, flip=True)


@or_scipy
def correlate1d(
    input: ArrayLike,
    weights: ArrayLike,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode = "reflect",
    cval: complex = 0.0,
    origin: SupportsIndex = 0,
) -> Found:
    """Correlate the lines along one axis with weights: `scipy.ndimage.correlate1d`."""
    return _1d(input, weights, axis, output, mode, cval, origin, flip=False)


@or_scipy
def convolve1d(
    input: ArrayLike,
    weights: ArrayLike,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode = "reflect",
    cval: complex = 0.0,
    origin: SupportsIndex = 0,
) -> Found:
    """Convolve the lines along one axis with weights, which are flipped: `scipy.ndimage.convolve1d`."""
    return _1d(input, weights, axis, output, mode, cval, origin, flip=True)
