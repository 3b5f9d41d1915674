"""Medians and ranks with zeros outside the image."""

from __future__ import annotations

import warnings
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

import convlab
from convlab import ndimage
from convlab.ndimage import _calls
from convlab.ndimage._calls import Found
from convlab.typing import Sizes

from ._convolution import or_scipy

DTYPES = (np.dtype(np.uint8), np.dtype(np.float32))


@or_scipy
def medfilt2d(input: ArrayLike, kernel_size: Sizes = 3) -> Found:
    """Compute the median of each window: `scipy.signal.medfilt2d`."""
    x = _calls.image(input)
    sizes = _calls.per_axis(kernel_size, 2)
    if x is None or x.ndim != 2 or x.dtype not in DTYPES or sizes is None:
        return None
    lengths = [_calls.whole(n) for n in sizes]
    if any(n is None or n % 2 == 0 or not 1 <= n <= _calls.LARGEST_WINDOW for n in lengths):
        return None
    window = tuple(n for n in lengths if n is not None)
    result: NDArray[Any] = convlab.median_filter(x, window, border="constant")
    # With NaN, SciPy's result depends on the order of its comparisons.
    return None if result.dtype.kind == "f" and np.isnan(result).any() else result


def _short_line(value: Any, kernel: Any) -> bool:
    """Return whether a line may be too short for SciPy's rank filter: see ndimage/_lines.py."""
    x, sizes = np.asarray(value), np.asarray(kernel)
    return x.ndim == 1 and x.dtype.kind in "iuf" and x.dtype.itemsize > 2 * (x.dtype.kind == "f") and sizes.size == 1


@or_scipy
def medfilt(volume: ArrayLike, kernel_size: Sizes | None = None) -> Found:
    """Compute the median of each window over any number of axes: `scipy.signal.medfilt`."""
    size = 3 if kernel_size is None else kernel_size
    if not _short_line(volume, size):
        return None
    length = _calls.whole(np.asarray(size).item())
    if length is None or length < 1 or length % 2 == 0:
        return None
    if length > np.size(volume):
        warnings.warn("kernel_size exceeds volume extent: the volume will be zero-padded.", stacklevel=3)
    return ndimage.rank_filter(np.asarray(volume), length // 2, size=length, mode="constant")


@or_scipy
def order_filter(a: ArrayLike, domain: ArrayLike, rank: SupportsIndex) -> Found:
    """Compute the pixel of one rank of each window: `scipy.signal.order_filter`."""
    window = np.asarray(domain)
    if np.ndim(a) != 1 or window.ndim != 1 or window.size % 2 == 0 or not _short_line(a, 1):
        return None
    return ndimage.rank_filter(np.asarray(a), rank, footprint=window, mode="constant")
