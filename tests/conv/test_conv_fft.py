"""Long kernels of few channels by FFT: as precise as direct sums, for any data."""

import numpy as np
import pytest
from conv_support import assert_convolved, expected_conv
from numpy.testing import assert_array_equal

import convlab


def signals(rng):
    """Tiles of every kind."""
    noise = rng.standard_normal(24_000)
    pulse = np.zeros(24_000)
    pulse[13_000] = 1
    one = noise.copy()
    one[20_000] = 1e4
    offset = noise + 3000
    return {
        "noise": noise, "pulse": pulse, "one of 1e4": one, "one of 1e30": np.where(noise == noise[77], 1e30, noise),
        "offset": offset, "zeros": np.zeros(24_000), "half": np.where(np.arange(24_000) < 12_000, noise, 0),
        "steps of size": noise * 10.0 ** (np.arange(24_000) // 4_000), "wave": np.sin(np.arange(24_000) / 50),
    }  # fmt: skip


@pytest.mark.parametrize("kernel", ["noise", "decay", "ones"])
def test_the_error_is_that_of_the_direct_sum(fast_backend, rng, kernel):
    n = 513
    w = {"noise": rng.standard_normal(n), "decay": 0.99 ** np.arange(n), "ones": np.ones(n)}[kernel]
    w = w.astype("f4")[None, None]
    for name, signal in signals(rng).items():
        x = signal.astype("f4")[None, None]
        y = convlab.conv1d(x, w, algorithm="fft")
        assert convlab.last_kernel() == "conv_fft" + fast_backend
        exact, true = convlab.conv1d(x, w, precision="exact"), expected_conv(x, w)
        magnitude = expected_conv(abs(x), abs(w)).max()
        largest = max(abs(exact - true).max(), 2.0**-24 * magnitude)
        assert abs(y - true).max() <= 8 * largest, name


def test_small_values_beside_large_ones_stay_precise(fast_backend, rng):
    """Windows without the large number are as precise as if it did not exist."""
    x = rng.standard_normal((1, 1, 40_000)).astype("f4")
    w = rng.standard_normal((1, 1, 2049)).astype("f4")
    for size in (1e4, 1e8, 1e20):
        x[0, 0, 9000] = size
        y, true = convlab.conv1d(x, w), expected_conv(x, w)
        assert convlab.last_kernel() == "conv_fft" + fast_backend
        far = np.r_[0:6900, 9001 : y.shape[2]]
        assert abs(y - true)[0, 0, far].max() <= 1e-3


def test_not_finite(fast_backend, rng):
    x = rng.standard_normal((1, 1, 40_000)).astype("f4")
    w = rng.standard_normal((1, 1, 2049)).astype("f4")
    expected = convlab.conv1d(x, w)
    x[0, 0, 20_000] = np.nan
    y = convlab.conv1d(x, w)
    seen = np.zeros(y.shape[2], bool)
    seen[20_000 - 2048 : 20_001] = True
    assert_array_equal(np.isnan(y[0, 0]), seen)
    np.testing.assert_allclose(y[0, 0, ~seen], expected[0, 0, ~seen], atol=2e-3)
    x[0, 0, 20_000] = 1
    w[0, 0, 0] = np.inf
    assert_array_equal(convlab.conv1d(x, w), convlab.conv1d(x, w, precision="exact"))


@pytest.mark.parametrize(
    ("shape", "weight_shape", "options"),
    [
        ((2, 2, 3000), (4, 2, 300), {"padding": 150, "padding_mode": "mirror"}),
        ((2, 4, 3000), (8, 1, 301), {"groups": 4, "stride": 3}),
        ((3, 3000), (2, 3, 100), {"dilation": 4}),
        ((1, 2, 90, 80), (3, 2, 21, 30), {"padding": 10}),
        ((1, 1, 1, 3000), (1, 1, 1, 301), {"padding_mode": "wrap", "padding": (0, 500)}),
        ((1, 2, 12, 30, 31), (1, 2, 5, 9, 9), {"padding": 3}),
    ],
)
def test_every_option(fast_backend, rng, shape, weight_shape, options):
    x, w = rng.standard_normal(shape).astype("f4"), rng.standard_normal(weight_shape).astype("f4")
    bias = rng.standard_normal(weight_shape[0]).astype("f4")
    function = getattr(convlab, f"conv{len(weight_shape) - 2}d")
    y = function(x, w, bias, algorithm="fft", **options)
    assert convlab.last_kernel() == "conv_fft" + fast_backend
    batch = x if x.ndim == w.ndim else x[None]
    pads = options.get("padding", 0)
    pads = pads if isinstance(pads, int) else tuple((p, p) for p in pads)
    rest = [options.get(k, d) for k, d in (("dilation", 1), ("groups", 1), ("padding_mode", "zeros"))]
    assert_convolved(y if x.ndim == w.ndim else y[None], batch, w, bias, options.get("stride", 1), pads, *rest)
    for activation, change in (
        ("relu6", lambda a: np.clip(a, 0, 6)),
        ("leaky_relu", lambda a: np.where(a < 0, a / 100, a)),
    ):
        ended = function(x, w, bias, algorithm="fft", activation=activation, **options)
        np.testing.assert_allclose(ended, change(y), atol=1e-5)
    last = {3: "NWC", 4: "NHWC", 5: "NDHWC"}[w.ndim]
    turned = function(np.moveaxis(x, x.ndim - w.ndim + 1, -1), w, bias, algorithm="fft", layout=last, **options)
    assert_array_equal(np.moveaxis(turned, -1, x.ndim - w.ndim + 1), y)
    again = function(x.astype("f8"), w, bias, algorithm="fft", **options)
    assert_array_equal(again, y)


def test_when_it_is_chosen(fast_backend):
    long = np.zeros((1, 1, 100_000), "f4")
    for taps, options, served in (
        (2049, {}, "conv_fft"),
        (2049, {"precision": "exact"}, "conv_depthwise_packed"),
        (9, {}, "conv_depthwise_packed"),
    ):
        convlab.conv1d(long, np.ones((1, 1, taps), "f4"), **options)
        assert convlab.last_kernel() == served + fast_backend
    convlab.conv2d(np.zeros((1, 1, 400, 400), "f4"), np.ones((1, 1, 63, 63), "f4"))
    assert convlab.last_kernel() == "conv_fft" + fast_backend
    with pytest.raises(ValueError, match="algorithm: got 'fft', which cannot serve this call"):
        convlab.conv1d(long, np.ones((1, 1, 2049)), precision="exact", algorithm="fft")
