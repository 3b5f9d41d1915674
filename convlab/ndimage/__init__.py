"""`scipy.ndimage`, with convlab's kernels for some dtypes: ``from convlab import ndimage as ndi``.

The functions defined here have SciPy's signatures, border names, dtypes and errors. They compute

* float32 images (and integer images of 8 and 16 bits asked for as float32) in float32, with taps rounded to float32:
  each sum is within ``4 * taps * eps * sum(|w| |x|)`` of the exact one (for several passes or terms, within the sum
  of their bounds). SciPy sums in double and rounds each pass once, so it is more precise on a large offset: on float32
  elevations of 3000 +- 10, `sobel` has an error of up to 1.5e-3 here, and of up to 0.4 on 10**6 +- 10, where SciPy's
  result is exact. Subtract the offset first (``x - x.mean()``), or pass ``x.astype(float)``, which SciPy computes;
* images of 8 and 16-bit integers, if the taps are whole numbers and ``sum(|w|) * the type's largest value`` is below
  2**24: exactly SciPy's numbers, truncated and taken modulo the output's range as in SciPy;

along one axis or two, of arrays of any number of axes; and the exact maximum, minimum and median of windows of images
of those types. All other calls fall back to SciPy: complex, float64 and other dtypes, wrong arguments, results that
are not finite (NaN or infinity depends on SciPy's order of summation and on the zero weights that it skips), and every
other function of scipy.ndimage.

SciPy 1.17 is wrong if a Laplacian or a gradient is written into its own input, and if a kernel is eight times as large
as the image with "reflect". Its medians, ranks and percentiles of lines no longer than the window crash, hang or are
wrong. These calls are correct here.

``reflect`` has SciPy's meaning: ``c b a | a b c d | d c b``, which is ``symmetric`` in convlab's functions.
"""

from typing import Any

import scipy.ndimage as _scipy

from convlab.ndimage._correlation import convolve, convolve1d, correlate, correlate1d
from convlab.ndimage._derivatives import gaussian_gradient_magnitude, gaussian_laplace, laplace, prewitt, sobel
from convlab.ndimage._rank import (
    maximum_filter,
    maximum_filter1d,
    median_filter,
    minimum_filter,
    minimum_filter1d,
    percentile_filter,
    rank_filter,
)
from convlab.ndimage._smoothing import gaussian_filter, gaussian_filter1d, uniform_filter, uniform_filter1d

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "laplace",
    "maximum_filter",
    "maximum_filter1d",
    "median_filter",
    "minimum_filter",
    "minimum_filter1d",
    "percentile_filter",
    "prewitt",
    "rank_filter",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]
SERVED = tuple(__all__)
__all__ += sorted(set(_scipy.__all__) - set(SERVED))


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(_scipy, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_scipy)})
