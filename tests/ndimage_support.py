"""Calls of convlab.ndimage and of scipy.ndimage."""

import numpy as np
import scipy.ndimage

from convlab import ndimage
from convlab.ndimage import _linear

MODES = ["reflect", "grid-mirror", "mirror", "nearest", "wrap", "grid-wrap", "constant", "grid-constant"]


PADS = {"reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge"}


EPS = float(np.finfo(np.float32).eps)


INTEGERS = [np.uint8, np.int8, np.uint16, np.int16]


def both(name, *args, served=True, **kwargs):
    """Return convlab's and SciPy's results; check whether convlab computed its result without the fallback."""
    ours = getattr(ndimage, name)
    computed = _linear.done(ours.__wrapped__(*args, **kwargs), np.asarray(args[0]))
    assert (computed is not None) == served, "served" if served else "handed on"
    mine, theirs = ours(*args, **kwargs), getattr(scipy.ndimage, name)(*args, **kwargs)
    np.testing.assert_array_equal(ours(*args, **kwargs), mine)  # now a cached call
    assert mine.dtype == theirs.dtype
    assert mine.shape == theirs.shape
    return mine, theirs


def assert_within(mine, theirs, x, taps, passes=1):
    """Assert an error within 4 * taps * eps * sum(|w| |x|) for each pass, with the largest |x| of each window."""
    bound = 4 * EPS * sum(passes * np.size(w) * np.abs(w).sum() for w in taps) * np.abs(x).max()
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=bound)
