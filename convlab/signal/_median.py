"""Medians, outside whose image there is 0."""

from typing import Any

import numpy as np

import convlab
from convlab.ndimage import _calls

from ._convolution import or_scipy

DTYPES = (np.dtype(np.uint8), np.dtype(np.float32))


@or_scipy
def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    """Median of each window: `scipy.signal.medfilt2d`."""
    x = _calls.image(input)
    sizes = _calls.per_axis(kernel_size, 2)
    if x is None or x.ndim != 2 or x.dtype not in DTYPES or sizes is None:
        return None
    lengths = [_calls.whole(n) for n in sizes]
    if any(n is None or n % 2 == 0 or not 1 <= n <= _calls.LARGEST_WINDOW for n in lengths):
        return None
    window = tuple(n for n in lengths if n is not None)
    result = convlab.median_filter(x, window, border="constant")
    # SciPy's comparisons with NaN depend on its order.
    return None if result.dtype.kind == "f" and np.isnan(result).any() else result
