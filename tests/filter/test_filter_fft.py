"""Correlation by FFT: within its bound, tile by tile, and direct sums for tiles with NaN or infinity."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import signal

import convlab
from convlab._plan import filtering

EPS = float(np.finfo(np.float32).eps)
BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]


def assert_within_bound(actual, image, kernel, **options):
    """The stated bound, with the whole picture as the tile."""
    expected = convlab.filter2d(image, kernel, algorithm="direct", **options)
    size = max(image.shape) + max(kernel.shape)
    norm = float(np.linalg.norm(np.asarray(image, np.float64)) * np.linalg.norm(kernel))
    bound = 4 * math.log2(size**2) * EPS * norm + 8 * kernel.size * EPS * np.abs(expected).max()
    assert actual.dtype == expected.dtype
    assert np.abs(actual.astype(np.float64) - expected).max() <= bound


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(64, 80), (33, 200)])
@pytest.mark.parametrize("size", [(3, 3), (31, 20), (1, 40), (8, 1)])
def test_borders_and_sizes(fast_backend, rng, border, shape, size):
    image = rng.standard_normal(shape, dtype=np.float32)
    kernel = rng.standard_normal(size, dtype=np.float32)
    actual = convlab.filter2d(image, kernel, border=border, cval=0.5, algorithm="fft")
    assert convlab.last_kernel() == "correlate2d_fft" + fast_backend
    assert_within_bound(actual, image, kernel, border=border, cval=0.5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 40)])
def test_a_kernel_larger_than_the_image_repeats_the_border(fast_backend, rng, shape):
    image, kernel = rng.standard_normal(shape, dtype=np.float32), rng.standard_normal((13, 22), dtype=np.float32)
    for border in ("mirror", "symmetric", "nearest", "wrap", "constant"):
        actual = convlab.filter2d(image, kernel, border=border, algorithm="fft")
        expected = convlab.filter2d(image, kernel, border=border, algorithm="direct")
        assert np.abs(actual - expected).max() < 1e-4 * np.abs(kernel).sum() * np.abs(image).max()


def test_many_tiles(fast_backend, rng):
    """A memory limit makes tiles small; the result shows no seams."""
    image = rng.standard_normal((150, 211), dtype=np.float32)
    kernel = rng.standard_normal((9, 7), dtype=np.float32)
    actual = convlab.filter2d(image, kernel, algorithm="fft", workspace_limit=100_000, scale=2, offset=-1, clip=(-9, 9))
    expected = convlab.filter2d(image, kernel, algorithm="direct", scale=2, offset=-1, clip=(-9, 9))
    assert np.abs(actual - expected).max() < 1e-4


def test_tiles_on_several_threads(fast_backend, rng):
    image = rng.standard_normal((3, 700, 811), dtype=np.float32)
    kernel = rng.standard_normal((31, 31), dtype=np.float32)
    image[1, 350, 400] = np.nan  # its tile is computed directly, in the same thread
    plan = convlab.explain("filter2d", image.shape, kernel, channel_axis=0, threads=3)
    assert plan.algorithm == "fft"
    assert plan.threads == 3
    one = convlab.explain("filter2d", image.shape, kernel, channel_axis=0, threads=1)
    assert plan.workspace_bytes == 3 * one.workspace_bytes > 4 * 5 * np.prod(one.tile)
    with convlab.threads(3):
        actual = convlab.filter2d(image, kernel, channel_axis=0)
    with convlab.threads(1):
        expected = convlab.filter2d(image, kernel, channel_axis=0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-3)


def test_chosen_only_for_large_kernels(fast_backend, rng):
    image = rng.standard_normal((300, 310), dtype=np.float32)
    large, small = rng.standard_normal((35, 33), dtype=np.float32), rng.standard_normal((9, 9), dtype=np.float32)
    assert large.size > filtering.FFT_TAPS > small.size
    actual = convlab.filter2d(image, large)
    assert convlab.last_kernel() == "correlate2d_fft" + fast_backend
    assert_within_bound(actual, image, large)
    convlab.filter2d(image, small)
    assert convlab.last_kernel() == "correlate2d" + fast_backend
    exact = convlab.filter2d(image, large, precision="exact")
    assert convlab.last_kernel() == "correlate2d" + fast_backend
    assert_array_equal(exact, convlab.filter2d(image, large, algorithm="direct"))
    theirs = signal.correlate(image.astype(np.float64), large.astype(np.float64), "valid")
    assert np.abs(actual[17:-17, 16:-16] - theirs).max() < 1e-3


def test_one_nan_does_not_poison_the_image(fast_backend, rng):
    image = rng.standard_normal((300, 300), dtype=np.float32)
    kernel = rng.standard_normal((31, 31), dtype=np.float32)
    for value in (np.nan, np.inf, -np.inf):
        image[140, 150] = value
        actual = convlab.filter2d(image, kernel, algorithm="fft")
        expected = convlab.filter2d(image, kernel, algorithm="direct")
        assert_array_equal(np.isnan(actual), np.isnan(expected))
        lost = ~np.isfinite(expected)
        assert lost.sum() == kernel.size
        assert_array_equal(actual[lost], expected[lost])
        assert np.abs(actual[~lost] - expected[~lost]).max() < 1e-3


@pytest.mark.parametrize("dtype", ["u1", "i2", "f8", ">f4", "?"])
@pytest.mark.parametrize("target", [None, "u1", "i8"])
@pytest.mark.parametrize("axis", [None, 0, 2])
def test_dtypes_and_channels(fast_backend, rng, dtype, target, axis):
    shape = (40, 50) if axis is None else (3, 40, 50) if axis == 0 else (40, 50, 3)
    image = rng.integers(0, 2, shape).astype(dtype)
    kernel = rng.integers(-3, 9, (11, 13))
    options = {"channel_axis": axis, "dtype": target}
    actual = convlab.filter2d(image, kernel, algorithm="fft", **options)
    expected = convlab.filter2d(image, kernel, algorithm="direct", **options)
    assert actual.dtype == expected.dtype
    assert np.abs(actual.astype(np.float64) - expected).max() <= (1e-3 if target is None else 0)


def test_refusals():
    image, kernel = np.zeros((9, 9)), np.ones((3, 3))
    with pytest.raises(ValueError, match="algorithm: got 'fft'.*exact"):
        convlab.filter2d(image, kernel, algorithm="fft", precision="exact")
    with pytest.raises(ValueError, match="algorithm: got 'fft'.*NaN or infinity"):
        convlab.filter2d(image, [[np.nan]], algorithm="fft")
    with pytest.raises(ValueError, match="algorithm: got 'winograd'; expected one of: direct, separable, fft"):
        convlab.filter2d(image, kernel, algorithm="winograd")
    with pytest.raises(ValueError, match="precision: got 'high'"):
        convlab.filter2d(image, kernel, precision="high")


def test_nothing_to_compute_is_the_picture(fast_backend):
    image = np.arange(12.0).reshape(3, 4)
    assert_array_equal(convlab.filter2d(image, np.eye(9), border="keep", algorithm="fft"), image)


@pytest.mark.parametrize("dtype", ["f4", "u2"])
def test_small_pictures_with_many_taps(fast_backend, rng, dtype):
    """FFT from 50,000,000 products of a tile on, except if a long narrow picture needs many tiles."""
    for shape, size, kernel in [
        ((9000, 1), (9001, 1), "_fft"),
        ((100, 100), (75, 75), "_fft"),
        ((8, 5000), (7, 201), ""),
    ]:
        image = (100 * rng.random(shape)).astype(dtype)
        taps = rng.standard_normal(size).astype(np.float32)
        y = convlab.filter2d(image, taps, border="constant")
        assert convlab.last_kernel() == f"correlate2d{kernel}" + fast_backend
        direct = convlab.filter2d(image, taps, border="constant", algorithm="direct")
        bound = 8 * 20 * EPS * np.linalg.norm(taps) * np.linalg.norm(image.astype(np.float64))
        assert np.abs(y - direct).max() <= bound
