"""The expected results of filter2d's tests."""

import numpy as np

import convlab
from convlab import reference

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]


EPS = float(np.finfo(np.float32).eps)


def assert_within_bound(actual, image, kernel, **options):
    """The promised bound: c * K * eps * sum(|w| |x|), c = 4, K taps, relative to sums in double."""
    image, kernel = np.asarray(image, np.float64), np.asarray(kernel, np.float64)
    expected = np.array(reference.filter2d(image, kernel, **options))
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    size_options = {k: v for k, v in options.items() if k in ("border", "anchor")}
    if "cval" in options:
        size_options["cval"] = abs(options["cval"])
    weight = np.array(reference.filter2d(np.abs(image), np.abs(kernel), **size_options))
    scale = abs(options.get("scale", 1.0))
    bound = 4 * kernel.size * EPS * scale * weight + 4 * EPS * (np.abs(expected) + abs(options.get("offset", 0.0)))
    assert np.all(np.abs(actual - expected) <= bound + 1e-30)


def assert_served(name, backend):
    served = convlab.last_kernel()
    assert served is not None
    assert served.endswith(backend)
    if not backend.startswith("[python"):
        assert served == name + backend
