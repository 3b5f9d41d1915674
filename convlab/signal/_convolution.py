"""2-D convolutions and correlations of two arrays, through `convlab.filter2d`."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray

import convlab
from convlab.ndimage import _calls
from convlab.ndimage._calls import FLOAT32, Found, or_original
from convlab.translation.borders import ours
from convlab.typing import Border, FilterAlgorithm, Precision, SignalBoundary, SignalMode, Sizes

or_scipy = or_original(scipy.signal)

MODES: tuple[str, ...] = get_args(SignalMode)
PAD_MODES: dict[str, Any] = {"constant": "constant", "wrap": "wrap", "symmetric": "symmetric"}
# Up to MOST_TAPS[axes] taps direct sums are faster than SciPy's FFT. For images from LARGE_IMAGE pixels on and up to
# MOST_OF_LARGE taps, FFTs of tiles are faster than one of the whole.
MOST_TAPS = {1: 256, 2: 625}
LARGE_IMAGE, MOST_OF_LARGE = 1 << 20, 40000


def _operand(value: Any) -> NDArray[Any] | None:
    if not isinstance(value, (np.ndarray, list, tuple)):
        return None
    try:
        a = np.asarray(value)
    except ValueError:
        return None
    return a if a.dtype.kind in "biuf" and a.size else None


def _contains(large: NDArray[Any], small: NDArray[Any]) -> bool:
    return all(n >= k for n, k in zip(large.shape, small.shape, strict=True))


def _windows(
    x: NDArray[Any],
    kernel: NDArray[np.float64],
    mode: str,
    border: Border,
    cval: float,
    flip: bool,
    precision: Precision,
    algorithm: FilterAlgorithm | None = None,
) -> NDArray[Any]:
    """Correlate x with a kernel, flipped or not, in one of SciPy's modes."""
    kh, kw = kernel.shape
    # "same" is the middle of the full result; flipping an even kernel moves its middle tap to the other side.
    anchor = (kh // 2, kw // 2) if flip else ((kh - 1) // 2, (kw - 1) // 2)
    if mode == "full":
        values = {"constant_values": cval} if border == "constant" else {}
        x = x if not values or _fits(cval, x.dtype) else x.astype(FLOAT32)
        x = np.pad(x, [(kh - 1, kh - 1), (kw - 1, kw - 1)], mode=PAD_MODES[border], **values)
    if mode != "same":
        border = "valid"
    return convlab.filter2d(
        x,
        np.flip(kernel) if flip else kernel,
        border=border,
        cval=cval,
        anchor=anchor,
        precision=precision,
        algorithm=algorithm,
    )


def _2d(in1: Any, in2: Any, mode: Any, boundary: Any, fillvalue: Any, flip: bool) -> NDArray[Any] | None:
    x, w = _operand(in1), _operand(in2)
    border, value = ours("scipy.signal", boundary), _calls.real(fillvalue)
    if x is None or w is None or border is None or value is None or mode not in MODES or not x.ndim == w.ndim == 2:
        return None
    swapped = mode == "valid" and not _contains(x, w)
    if swapped:
        x, w = w, x
        if not _contains(x, w):
            return None
    if _calls.image(x) is None:
        return None
    dtype = np.result_type(x, w)
    taps = _calls.weights(w, 2)
    if taps is None or (x.dtype.kind == "b" and w.dtype.kind == "b"):
        return None
    exact = dtype.kind in "iu"
    if exact:
        # In SciPy the fill value and each product have the result's type.
        if not _calls.exact(x, taps, value if border == "constant" else None) or not _fits(value, dtype):
            return None
    elif dtype != FLOAT32:
        return None
    # Direct sums for whole numbers: a column and a row whose product the taps are may have fractions.
    sums = _windows(x, taps, mode, border, value, flip, "exact", "direct" if exact else None)
    if not exact and not np.isfinite(sums).all():
        return None
    result = _calls.wrapped(sums, dtype) if exact else sums
    return np.flip(result) if swapped and not flip else result


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "b":
        return value in (0, 1)
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return value.is_integer() and limits.min <= value <= limits.max


@or_scipy
def convolve2d(
    in1: ArrayLike, in2: ArrayLike, mode: SignalMode = "full", boundary: SignalBoundary = "fill", fillvalue: complex = 0
) -> Found:
    """Convolve two 2-D arrays: `scipy.signal.convolve2d`."""
    return _2d(in1, in2, mode, boundary, fillvalue, flip=True)


@or_scipy
def correlate2d(
    in1: ArrayLike, in2: ArrayLike, mode: SignalMode = "full", boundary: SignalBoundary = "fill", fillvalue: complex = 0
) -> Found:
    """Correlate two 2-D arrays: `scipy.signal.correlate2d`."""
    return _2d(in1, in2, mode, boundary, fillvalue, flip=False)


def _fast(in1: Any, in2: Any, mode: Any, axes: Any) -> NDArray[Any] | None:
    """Convolve by direct sums or FFTs of tiles if they are faster than SciPy's FFT of the whole, else return None."""
    x, w = _operand(in1), _operand(in2)
    if x is None or w is None or not x.dtype == w.dtype == FLOAT32 or mode not in MODES or x.ndim != w.ndim:
        return None
    if x.ndim not in (1, 2) or (axes is not None and _calls.axes(axes, x.ndim) != tuple(range(x.ndim))):
        return None
    if mode != "same" and not _contains(x, w):
        x, w = w, x
    column = x.ndim == 2 and x.shape[1] == w.shape[1] == 1
    if column:  # a row is faster
        x, w = x.T, w.T
    large = x.ndim == 2 and x.size >= LARGE_IMAGE and w.size <= MOST_OF_LARGE
    if not _contains(x, w) or not (large or w.size <= MOST_TAPS[x.ndim]):
        return None
    shape = (1,) * (2 - x.ndim) + w.shape
    taps = _calls.weights(w.reshape(shape), 2)
    if taps is None:
        return None
    sums = _windows(x.reshape((1,) * (2 - x.ndim) + x.shape), taps, mode, "constant", 0.0, True, "fast")
    if not np.isfinite(sums).all():
        return None
    return sums.T if column else sums.reshape(sums.shape[2 - x.ndim :])


@or_scipy
def fftconvolve(in1: ArrayLike, in2: ArrayLike, mode: SignalMode = "full", axes: Sizes | None = None) -> Found:
    """Convolve two arrays of any size: `scipy.signal.fftconvolve`."""
    return _fast(in1, in2, mode, axes)


@or_scipy
def oaconvolve(in1: ArrayLike, in2: ArrayLike, mode: SignalMode = "full", axes: Sizes | None = None) -> Found:
    """Convolve two arrays of very different sizes: `scipy.signal.oaconvolve`."""
    return _fast(in1, in2, mode, axes)
