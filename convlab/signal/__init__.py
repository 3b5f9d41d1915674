"""`scipy.signal`, with convlab's kernels for some dtypes: ``from convlab import signal``.

The functions defined here have SciPy's signatures, modes, boundaries, dtypes and errors. They compute float32 arrays
(each sum within ``4 * taps * eps * sum(|w| |x|)`` of the exact one) and arrays of 8 and 16-bit integers whose sums
are exact in float32, which wrap as SciPy's do. `fftconvolve` and `oaconvolve` run in convlab if direct sums, or FFTs
of tiles, are faster than SciPy's FFTs: up to 625 taps (256 along a line), and large images; then `convlab.filter2d`
chooses the algorithm, and its error bounds apply. Medians support uint8 and float32 images; `medfilt` and
`order_filter` call SciPy, without its crash on short lines. All other calls fall back to SciPy: complex, float64 and
other dtypes, wrong arguments, results that are not finite, and every other function of scipy.signal.
"""

from typing import Any

import scipy.signal as _scipy

from convlab.signal._convolution import convolve2d, correlate2d, fftconvolve, oaconvolve
from convlab.signal._median import medfilt, medfilt2d, order_filter

__all__ = [
    "convolve2d",
    "correlate2d",
    "fftconvolve",
    "medfilt",
    "medfilt2d",
    "oaconvolve",
    "order_filter",
]
SERVED = tuple(__all__)
__all__ += sorted(set(_scipy.__all__) - set(SERVED))


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(_scipy, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_scipy)})
