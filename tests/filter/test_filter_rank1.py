"""Kernels of rank 1 run as a column and a row: the result must keep what a direct sum represents."""

import functools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab
from convlab import reference

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]
EPS = float(np.finfo(np.float32).eps)
KERNELS = {
    "steep": np.outer([4] * 5, [1e-3, 1e-3, 4, 1e-3, 1e-3]),
    "whole": np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]),
    "difference": np.outer([1, 2, 0, -2, -1], [1.5, 4, 6, -4, 0.1]),
    "mean": np.full((5, 7), 1 / 35),
    "bell": np.outer(*[np.exp(-0.5 * np.arange(-7, 8) ** 2) / 2.507] * 2),
    "tiny": np.outer([1e-18, 3e-18, 2e-18, 3e-18, 1e-18], [1e-17, 2e-17, 3e-17, -1e-17, 2e-17]),
    "huge": np.outer([1e15, 3e15, 2e15, 3e15, 1e15], [1e12, 2e12, 3e12, -1e12, 2e12]),
}


def bound(image, kernel, **options):
    """Return the promised bound, plus half a subnormal step for every sum that may be subnormal."""
    options = {name: abs(value) if name == "cval" else value for name, value in options.items()}
    weight = np.array(
        reference.filter2d(np.abs(image.astype(np.float64)), np.abs(kernel.astype(np.float64)), **options)
    )
    return 4 * kernel.size * (EPS * weight + 2.0**-150)


def assert_as_good_as_direct(image, kernel, backend, **options):
    kernel = kernel.astype(np.float32)
    y = convlab.filter2d(image, kernel, algorithm="separable", **options)
    assert convlab.last_kernel() == "correlate2d_separable" + backend
    direct = convlab.filter2d(image, kernel, algorithm="direct", **options)
    finite = np.isfinite(direct)
    # A sum of finite pixels that overflows may be finite in another order; a sum with NaN or infinity may not.
    same = ~np.isfinite(y)
    hidden = (~np.isfinite(image)).astype(np.float32)
    same |= convlab.filter2d(hidden, np.ones(kernel.shape), border=options.get("border", "mirror")) > 0
    assert_array_equal(y[same], direct[same])
    with np.errstate(invalid="ignore"):
        expected = np.array(reference.filter2d(image.astype(np.float64), kernel.astype(np.float64), **options))
        assert np.all(np.abs(y - expected)[finite] <= bound(image, kernel, **options)[finite])


def test_the_direct_sum_is_finite_and_so_is_the_separable_one(backend):
    image = np.zeros((9, 9), np.float32)
    image[4, 4] = 3e38
    y = convlab.filter2d(np.tile(image, (40, 40)), KERNELS["steep"])
    if "python" not in backend:
        assert convlab.last_kernel() == "correlate2d_separable" + backend
    assert y[4, 2] == np.float32(3e38) * np.float32(4e-3)
    assert y[4, 4] == np.inf
    assert np.count_nonzero(np.isinf(y)) == 40 * 40 * 5


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("border", ["mirror", "constant", "valid", "keep"])
def test_extreme_pixels(fast_backend, rng, kernel, border):
    values = [0, 3e38, -3e38, 1e38, -3.4e38, 1.0, 1e30, 1e-30, 1e-38, 1e-41, -3e-45, np.inf, -np.inf, np.nan]
    for shape, most in (((16, 30), 11), ((16, 30), 14), ((15, 83), 14)):
        image = rng.choice(values[:most], shape).astype(np.float32)
        image[rng.random(shape) < 0.7] = 0
        assert_as_good_as_direct(image, KERNELS[kernel], fast_backend, border=border, cval=-2e38)


@pytest.mark.parametrize("kernel", ["steep", "difference", "mean", "bell", "huge", "whole"])
@pytest.mark.parametrize("exponent", [-149, -140, -126, -100])
def test_subnormal_pixels_are_not_lost(fast_backend, rng, kernel, exponent):
    image = (rng.integers(-5, 6, (9, 70)) * 2.0**exponent).astype(np.float32)
    assert_as_good_as_direct(image, KERNELS[kernel], fast_backend)


@pytest.mark.parametrize("tap", [3e38, 1.1e-38, 1e-45])
def test_taps_at_the_ends_of_the_range(fast_backend, rng, tap):
    kernel = np.full((5, 7), tap, np.float32) * np.array([[1], [-1], [0.5], [1], [1]], np.float32)
    image = (rng.random((200, 200)) / 64).astype(np.float32)
    expected = convlab.filter2d(image, kernel, algorithm="direct")
    weights = convlab.filter2d(image, np.ones((5, 7)))
    assert np.isfinite(expected).all()
    y = convlab.filter2d(image, kernel)
    assert np.all(
        np.abs(y.astype(np.float64) - expected) <= 8 * 35 * (EPS * tap * weights.astype(np.float64) + 2.0**-150)
    )


@pytest.mark.parametrize("target", ["u1", "i2", None])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_not_finite_is_replaced_before_the_sum_is_finished(fast_backend, rng, target, channels):
    image = np.zeros((12, 40, channels), np.float32)
    image[rng.random(image.shape) < 0.1] = 3e38
    options = {"scale": 1e-36, "offset": 3.0, "clip": (4, 200), "dtype": target, "channel_axis": -1}
    y, direct = (
        convlab.filter2d(image, KERNELS["steep"], algorithm=name, **options) for name in ("separable", "direct")
    )
    assert (direct > 10).any()
    assert (np.abs(y.astype(np.float64) - direct) <= (1e-4 if target is None else 1)).all()


def test_what_is_not_finite_changes_no_other_bit(fast_backend, rng):
    image = rng.standard_normal((50, 130), dtype=np.float32)
    kernel = KERNELS["bell"]
    clean = convlab.filter2d(image, kernel, algorithm="separable")
    for value in (np.nan, 3e38):
        image[20, 60] = value
        y = convlab.filter2d(image, kernel, algorithm="separable")
        touched = np.zeros(image.shape, bool)
        touched[13:28, 53:68] = True
        assert_array_equal(y[~touched], clean[~touched])
        part = convlab.filter2d(image[10:40, 30:100], kernel, algorithm="separable", border="valid")
        assert_array_equal(part, y[17:33, 37:93])


@functools.cache
def wide_kernels(border, shape, rank1):
    """Return a picture, two kernels, and the right sums, which take half a second in plain Python."""
    rng = np.random.default_rng(7)
    image = rng.standard_normal(shape, dtype=np.float32)
    kernel = rng.standard_normal((3, 151), dtype=np.float32)
    if rank1:
        kernel = np.outer(kernel[:, 0], kernel[0]).astype(np.float32)
    both = kernel, np.ascontiguousarray(kernel.T)
    return image, [(taps, np.array(reference.filter2d(image, taps, border=border, cval=0.5))) for taps in both]


@pytest.mark.parametrize("border", [b for b in BORDERS if b != "valid"])
@pytest.mark.parametrize("shape", [(20, 10), (10, 35), (3, 1)])
@pytest.mark.parametrize("rank1", [True, False])
def test_a_kernel_much_wider_than_the_picture(fast_backend, border, shape, rank1):
    image, kernels = wide_kernels(border, shape, rank1)
    for taps, expected in kernels:
        y = convlab.filter2d(image, taps, border=border, cval=0.5)
        assert np.all(np.abs(y - expected) <= bound(image, taps, border=border, cval=0.5))
        for algorithm in ("direct", "fft", *(["separable"] if rank1 else [])):
            other = convlab.filter2d(image, taps, border=border, cval=0.5, algorithm=algorithm)
            tolerance = 1e-4 * np.linalg.norm(taps) if algorithm == "fft" else 0
            assert np.all(np.abs(other - expected) <= bound(image, taps, border=border, cval=0.5) + tolerance)


@pytest.mark.parametrize("algorithm", [None, "direct", "separable", "fft"])
@pytest.mark.parametrize("dtype", ["f4", "u1", "f8"])
def test_nothing_to_compute(fast_backend, rng, algorithm, dtype):
    """border="keep" with a kernel larger than the picture keeps all pixels."""
    image = rng.integers(0, 200, (4, 60)).astype(dtype)
    for kernel_shape in ((5, 7), (1, 61), (5, 61)):
        if algorithm == "separable" and 1 in kernel_shape:
            continue
        for target in (None, "u1", "i4"):
            y = convlab.filter2d(image, np.ones(kernel_shape), border="keep", algorithm=algorithm, dtype=target)
            assert_array_equal(y, image)
