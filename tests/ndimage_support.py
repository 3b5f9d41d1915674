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
    """Ours and SciPy's; and whether convlab was to compute ours."""
    ours = getattr(ndimage, name)
    computed = _linear.done(ours.__wrapped__(*args, **kwargs), np.asarray(args[0]))
    assert (computed is not None) == served, "served" if served else "handed on"
    mine, theirs = ours(*args, **kwargs), getattr(scipy.ndimage, name)(*args, **kwargs)
    np.testing.assert_array_equal(ours(*args, **kwargs), mine)  # which is known again now
    assert mine.dtype == theirs.dtype
    assert mine.shape == theirs.shape
    return mine, theirs


def assert_within(mine, theirs, x, taps, passes=1):
    """Within 4 * taps * eps * sum(|w| |x|) for each pass, whatever the pixel: with the largest |x| in its window."""
    bound = 4 * EPS * sum(passes * np.size(w) * np.abs(w).sum() for w in taps) * np.abs(x).max()
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=bound)
