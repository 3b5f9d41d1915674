"""The named filters on every backend, compared with SciPy in double."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

import convlab
from convlab import _dispatch

EPS = float(np.finfo(np.float32).eps)
MODES = {"mirror": "mirror", "symmetric": "reflect", "nearest": "nearest", "wrap": "wrap", "constant": "constant"}
SMOOTHING = {"sobel": np.array([1, 2, 1]) / 4, "scharr": np.array([3, 10, 3]) / 16, "prewitt": np.array([1, 1, 1]) / 3}
EDGES = list(SMOOTHING)
SHAPES = [(1, 1), (5, 3), (30, 75), (9, 150)]


def assert_close(actual, expected, image, taps):
    """Within 4 * K * eps of the largest pixel, for filters whose taps' absolute values sum to about 1."""
    assert actual.dtype == np.float32
    assert_allclose(actual, expected, rtol=0, atol=4 * taps * EPS * max(1.0, np.abs(image).max()))


def assert_served(kernel, operation, backend):
    assert convlab.last_kernel() == (operation if backend == "[python]" else kernel) + backend


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [0.5, 1, 2.0, (0.0, 1.5)])
def test_gaussian(fast_backend, rng, border, shape, sigma):
    image = rng.random(shape, dtype=np.float32)
    expected = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode=MODES[border], cval=0.25)
    actual = convlab.gaussian(image, sigma, border=border, cval=0.25)
    assert_served("correlate2d_separable", "sep_filter2d", fast_backend)
    assert_close(actual, expected, image, 34)


def test_gaussian_defaults(backend, rng):
    image = rng.random((7, 9), dtype=np.float32)
    expected = ndimage.gaussian_filter(image.astype(np.float64), 1, mode="nearest", truncate=4.0)
    assert_close(convlab.gaussian(image), expected, image, 18)


def test_a_constant_image_stays(fast_backend):
    image = np.full((20, 80), 200, np.uint8)
    assert_array_equal(convlab.gaussian(image, 3, dtype=np.uint8), image)
    assert_allclose(convlab.gaussian(image, 3), image, rtol=25 * EPS)


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_edges(backend, rng, border, name, shape):
    image = rng.random(shape, dtype=np.float32)
    mode, smooth, edge = MODES[border], SMOOTHING[name], np.array([-1, 0, 1])
    double = image.astype(np.float64)

    def derivative(axis):
        crossed = ndimage.correlate1d(double, edge, axis, mode=mode, cval=0.25)
        # The derivative of the constant is 0.
        return ndimage.correlate1d(crossed, smooth, 1 - axis, mode=mode, cval=0.0)

    function, options = getattr(convlab, name), {"border": border, "cval": 0.25}
    for axis in (0, 1):
        actual = function(image, axis=axis, **options)
        assert_served("correlate2d_separable", "sep_filter2d", backend)
        assert_close(actual, derivative(axis), image, 12)
    expected = np.sqrt((derivative(0) ** 2 + derivative(1) ** 2) / 2)
    actual = function(image, **options)
    assert_served("magnitude2d_separable", "magnitude2d", backend)
    assert_close(actual, expected, image, 12)


@pytest.mark.parametrize("name", EDGES)
def test_magnitude_is_that_of_the_two_derivatives(fast_backend, rng, name):
    """The single pass gives the bits of two passes without fused multiply-adds; else it differs by a rounding."""
    image = rng.integers(0, 256, (33, 90, 3)).astype(np.uint8)
    function = getattr(convlab, name)
    u, v = (function(image, axis=axis, channel_axis=-1) for axis in (0, 1))
    expected = np.sqrt(u.astype(np.float64) ** 2 + v.astype(np.float64) ** 2) * 0.5**0.5
    actual = function(image, channel_axis=-1)
    assert_allclose(actual, expected, rtol=4 * EPS)
    integers = function(image, channel_axis=-1, dtype=np.uint8)
    assert_array_equal(integers, np.rint(actual))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("border", MODES)
def test_gradient_magnitude(fast_backend, rng, shape, border):
    image = rng.random(shape, dtype=np.float32)
    expected = ndimage.gaussian_gradient_magnitude(image.astype(np.float64), 1.5, mode=MODES[border], cval=0.0)
    assert_close(convlab.gradient_magnitude(image, 1.5, border=border), expected, image, 26)


@pytest.mark.parametrize("border", MODES)
def test_laplacian(backend, rng, border):
    image = rng.integers(0, 256, (9, 40)).astype(np.uint8)
    taps = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    expected = ndimage.correlate(image.astype(np.float64), taps, mode=MODES[border])
    assert_array_equal(convlab.laplacian(image, border=border), expected)


@pytest.mark.parametrize("clip", [None, (0, 1), (None, 0.7)])
def test_unsharp(fast_backend, rng, clip):
    image = rng.random((20, 70), dtype=np.float32)
    blurred = ndimage.gaussian_filter(image.astype(np.float64), 1.5, mode="reflect")
    expected = image + 2.5 * (image - blurred)
    if clip:
        expected = np.clip(expected, *clip)
    actual = convlab.unsharp(image, 1.5, 2.5, clip=clip)
    assert_close(actual, expected, image, 4 * 26)
    out = np.empty_like(image)
    assert convlab.unsharp(image, 1.5, 2.5, clip=clip, out=out) is out
    assert_array_equal(out, actual)


def test_unsharp_of_integers(fast_backend, rng):
    image = rng.integers(0, 256, (20, 70)).astype(np.uint8)
    floats = convlab.unsharp(image.astype(np.float32), 1.0)
    assert_array_equal(convlab.unsharp(image, 1.0), floats)
    actual = convlab.unsharp(image, 1.0, dtype=np.uint8)
    assert actual.dtype == np.uint8
    assert_array_equal(actual, np.clip(np.rint(floats), 0, 255))


def test_gabor_follows_a_wave(fast_backend):
    i = np.arange(64)
    along = np.cos(2 * np.pi * 0.125 * i) * np.ones((64, 1))
    answers = {}
    for name, image, theta in [("along", along, 0.0), ("across", along, np.pi / 2), ("turned", along.T, np.pi / 2)]:
        real, imaginary = convlab.gabor(image, 0.125, theta=theta)
        assert real.dtype == imaginary.dtype == np.float32
        answers[name] = np.hypot(real, imaginary)[24:40, 24:40]
    assert answers["along"].min() > 0.45
    assert_allclose(answers["turned"], answers["along"].T, atol=1e-5)
    assert answers["across"].max() < 0.01


def test_magnitudes_are_the_same_bytes_on_every_isa(rng):
    image = rng.random((50, 131), dtype=np.float32)
    calls = [convlab.sobel, convlab.scharr, convlab.gradient_magnitude]
    fused = [isa for isa in _dispatch.built_isas() if isa != "baseline"]
    if len(fused) < 2:
        pytest.skip("this CPU has fewer than two instruction sets with fused multiply-adds")
    for call in calls:
        results = set()
        for isa in fused:
            with convlab.use_backend("compiled", isa):
                results.add(call(image).tobytes())
        assert len(results) == 1


def test_magnitudes_of_the_baseline_are_the_fallbacks(rng):
    if "baseline" not in _dispatch.built_isas():
        pytest.skip("this processor's baseline has fused multiply-adds, or no kernels were built")
    image = rng.random((50, 131), dtype=np.float32)
    for call in (convlab.sobel, convlab.scharr, convlab.gradient_magnitude):
        with convlab.use_backend("compiled", "baseline"):
            compiled = call(image)
        with convlab.use_backend("numpy"):
            assert_array_equal(call(image), compiled)


@pytest.mark.parametrize("function", [convlab.gaussian, convlab.sobel, convlab.laplacian, convlab.unsharp])
def test_nan_spreads_only_in_the_window(fast_backend, function):
    image = np.zeros((60, 90), np.float32)
    image[30, 40] = np.nan
    y = function(image)
    assert np.isnan(y[30, 40])
    assert np.isfinite(y[:, :30]).all()
    assert np.isfinite(y[:20]).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: convlab.gaussian(x, -1), ValueError, "sigma: got -1; expected a number of at least 0"),
        (lambda x: convlab.gaussian(x, (1, 2, 3)), ValueError, "sigma: got .* a pair"),
        (lambda x: convlab.gaussian(x, "1"), TypeError, "sigma: got str"),
        (lambda x: convlab.gaussian(x, np.nan), ValueError, "sigma: got nan; expected a finite number"),
        (lambda x: convlab.gaussian(x, 1e9), ValueError, "sigma: got 1000000000.0; expected truncate"),
        (lambda x: convlab.gaussian(x, 1, truncate=-1), ValueError, "truncate: got -1"),
        (lambda x: convlab.gaussian(x, border="reflect"), ValueError, "'mirror' here .* and 'symmetric'"),
        (lambda x: convlab.gaussian(x[0]), ValueError, "image: got shape"),
        (lambda x: convlab.sobel(x, axis=2), ValueError, "axis: got 2; expected None, 0"),
        (lambda x: convlab.sobel(x, axis=1.0), TypeError, "axis: got float"),
        (lambda x: convlab.sobel(x, axis=True), TypeError, "axis: got bool"),
        (lambda x: convlab.sobel(x, out=np.empty((2, 2), "f4")), ValueError, "out: got shape"),
        (lambda x: convlab.scharr(x, dtype="f8"), TypeError, "dtype: got dtype float64"),
        (lambda x: convlab.prewitt(np.ma.masked_array(x)), TypeError, "image: got a masked array"),
        (lambda x: convlab.gradient_magnitude(x, 0), ValueError, "sigma: got 0; expected a number above 0"),
        (lambda x: convlab.unsharp(x, border="valid"), ValueError, "border: got 'valid'"),
        (lambda x: convlab.unsharp(x, 1, np.inf), ValueError, "amount: got inf"),
        (lambda x: convlab.unsharp(x, clip=(2, 1)), ValueError, "clip: got .*low <= high"),
        (lambda x: convlab.unsharp(x, out=x), ValueError, "out: got memory that it shares with image"),
        (lambda x: convlab.gabor(x, 0), ValueError, "frequency: got 0; expected a number above 0"),
        (lambda x: convlab.gabor(x, 0.1, bandwidth=0), ValueError, "bandwidth: got 0"),
        (lambda x: convlab.gabor(x, 0.1, sigma_x=-1), ValueError, "sigma_x: got -1"),
        (lambda x: convlab.gabor(x, 0.1, n_stds=1e6), ValueError, "n_stds: got .* at most 1024"),
        (lambda x: convlab.gabor(x, 0.1, bandwidth=1e-300), ValueError, "n_stds: got .* at most 1024"),
        (lambda x: convlab.gabor(x, 1e30, bandwidth=1e6), ValueError, "frequency: got 1e"),
        (lambda x: convlab.unsharp(x, 1e6), ValueError, "radius: got 1000000.0; expected truncate"),
        (lambda x: convlab.unsharp(x, border=np.array(["valid", "x"])), TypeError, "border: got"),
        (lambda x: convlab.sep_filter2d(x, [1], [1], nan=np.zeros(2)), ValueError, "nan: got"),
        (lambda x: convlab.sep_filter2d(x, [1], [1], algorithm=np.zeros(2)), ValueError, "algorithm: got"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(np.zeros((8, 9), np.float32))
