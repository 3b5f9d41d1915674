"""The error bound of the drop-ins' float32 sums, and the example of the documentation."""

import numpy as np
import pytest
import scipy.ndimage

import convlab
from convlab import ndimage, skimage
from convlab.ndimage._smoothing import gaussian_taps

EPS = float(np.finfo(np.float32).eps)
SMOOTH = np.array([1.0, 2.0, 1.0])
EDGE = np.array([-1.0, 0.0, 1.0])
OFFSETS = [0.0, 3000.0, 1e4, 1e6, 1e8]


def elevations(offset, shape=(96, 130)):
    rng = np.random.default_rng(7)
    return (offset + 10 * rng.uniform(-1, 1, shape)).astype(np.float32)


def gaussian(order):
    return gaussian_taps(2.0, order, 8)


def log_kernel():
    """Return a Laplacian of a Gaussian, whose taps sum to 0."""
    i = np.arange(15) - 7
    square = i[:, None] ** 2 + i**2
    kernel = (square - 8) * np.exp(-square / 8)
    return kernel - kernel.mean()


# name -> (call, the kernels of its sums)
TERMS = {
    "sobel down": (lambda m, x: m.sobel(x, 0), [np.outer(EDGE, SMOOTH)]),
    "sobel along": (lambda m, x: m.sobel(x), [np.outer(SMOOTH, EDGE)]),
    "prewitt": (lambda m, x: m.prewitt(x), [np.outer([1, 1, 1], EDGE)]),
    "laplace": (lambda m, x: m.laplace(x), [np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])]),
    "gaussian": (lambda m, x: m.gaussian_filter(x, 2), [np.outer(gaussian(0), gaussian(0))]),
    "gaussian1d": (lambda m, x: m.gaussian_filter1d(x, 2, 0), [gaussian(0)[:, None]]),
    "gaussian_laplace": (
        lambda m, x: m.gaussian_laplace(x, 2),
        [np.outer(gaussian(2), gaussian(0)), np.outer(gaussian(0), gaussian(2))],
    ),
    "gaussian_gradient_magnitude": (
        lambda m, x: m.gaussian_gradient_magnitude(x, 2),
        [np.outer(gaussian(1), gaussian(0)), np.outer(gaussian(0), gaussian(1))],
    ),
    "uniform": (lambda m, x: m.uniform_filter(x, 9), [np.full((9, 9), 1 / 81)]),
    "uniform1d": (lambda m, x: m.uniform_filter1d(x, 40), [np.full((1, 40), 1 / 40)]),
    "correlate": (lambda m, x: m.correlate(x, log_kernel()), [log_kernel()]),
    "convolve1d": (lambda m, x: m.convolve1d(x, [0.3, -0.6, 0.3], 0), [np.array([[0.3], [-0.6], [0.3]])]),
}


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("offset", OFFSETS)
def test_the_stated_bound_holds(fast_backend, name, offset):
    call, kernels = TERMS[name]
    x = elevations(offset)
    actual = call(ndimage, x)
    assert convlab.last_kernel().endswith(fast_backend)
    exact = call(scipy.ndimage, x.astype(np.float64))
    magnitudes = abs(x.astype(np.float64))
    bound = sum(4 * k.size * EPS * scipy.ndimage.correlate(magnitudes, abs(k)) for k in kernels)
    assert (abs(actual - exact) <= bound + EPS * abs(exact)).all()


def test_the_stated_example(fast_backend):
    """3000 +- 10: up to 1.5e-3; 10**6 +- 10: up to 0.4; SciPy, and convlab without the offset: exact."""
    for offset, stated in ((3000, 1.5e-3), (1e6, 0.4)):
        x = elevations(offset, (512, 512))
        for axis in (0, 1):
            exact = scipy.ndimage.sobel(x.astype(np.float64), axis)
            assert (scipy.ndimage.sobel(x, axis) == exact).all()
            assert 0 < abs(ndimage.sobel(x, axis) - exact).max() <= stated
            assert abs(ndimage.sobel(x - x.mean(), axis) - exact).max() <= stated / 50
            assert (ndimage.sobel(x.astype(float), axis) == exact).all()
    assert "up to 1.5e-3 here" in ndimage.__doc__
    assert "of up to 0.4" in ndimage.__doc__


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("name", ["sobel", "scharr", "prewitt"])
def test_scikit_images_backend_is_within_the_same_bound(fast_backend, name, offset):
    x = elevations(offset)
    smooth = {"sobel": SMOOTH / 4, "scharr": np.array([3, 10, 3]) / 16, "prewitt": np.ones(3) / 3}[name]
    for axis, kernel in enumerate((np.outer(EDGE, smooth), np.outer(smooth, EDGE))):
        assert skimage.can_has(f"skimage.filters:{name}", x, axis=axis)
        actual = skimage.get_implementation(f"skimage.filters:{name}")(x, axis=axis)
        exact = scipy.ndimage.correlate(x.astype(np.float64), kernel)
        bound = 4 * 9 * EPS * scipy.ndimage.correlate(abs(x.astype(np.float64)), abs(kernel))
        assert (abs(actual - exact) <= bound).all()
        if name == "sobel" and offset == 3000:
            assert abs(actual - exact).max() <= 5e-4
