"""Filters that leave out NaN and masked pixels: the sum of the valid products divided by the sum of their taps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import convlab

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid"]
NUMPY_MODES = {"mirror": "reflect", "symmetric": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant"}


def normalised(image, kernel, valid, border, cval):
    """Compute the definition in double."""
    image = np.where(valid, image, 0).astype(np.float64)
    valid = valid.astype(np.float64)
    (height, width), (top, left) = kernel.shape, (kernel.shape[0] // 2, kernel.shape[1] // 2)
    if border != "valid":
        around = (top, height - 1 - top), (left, width - 1 - left)
        constants = ({"constant_values": c} if border == "constant" else {} for c in (cval, 1.0))
        image = np.pad(image, around, mode=NUMPY_MODES[border], **next(constants))
        valid = np.pad(valid, around, mode=NUMPY_MODES[border], **next(constants))
    windows, weights = (np.lib.stride_tricks.sliding_window_view(a, kernel.shape) for a in (image, valid))
    sums, weights = (np.einsum("ijab,ab->ij", a, kernel) for a in (windows, weights))
    return np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights != 0)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (40, 33), (30, 300)])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 5), (2, 7), (6, 1)])
def test_the_definition(fast_backend, rng, border, shape, size):
    if border == "valid" and (shape[0] < size[0] or shape[1] < size[1]):
        return
    image = rng.standard_normal(shape, dtype=np.float32)
    image[rng.random(shape) < 0.2] = np.nan
    mask = rng.random(shape) < 0.7
    kernel = rng.random(size)
    for options, valid in (
        ({"nan": "omit"}, ~np.isnan(image)),
        ({"nan": "omit", "mask": mask}, mask & ~np.isnan(image)),
    ):
        actual = convlab.filter2d(image, kernel, border=border, cval=0.5, **options)
        assert convlab.last_kernel() == "correlate2d_masked" + fast_backend
        assert_allclose(actual, normalised(image, kernel.astype(np.float32), valid, border, 0.5), rtol=1e-5, atol=1e-6)


def test_a_mask_hides_even_infinity_and_nan_that_it_shows_propagates(backend):
    image = np.ones((9, 40), np.float32)
    image[4, 4], image[4, 20], image[4, 35] = np.inf, np.nan, np.nan
    mask = np.ones(image.shape, bool)
    mask[4, 4] = mask[4, 20] = False
    y = convlab.filter2d(image, np.ones((3, 3)), mask=mask)
    lost = np.zeros(image.shape, bool)
    lost[3:6, 34:37] = True
    assert np.isnan(y[lost]).all()
    assert_array_equal(y[~lost], 1)


def test_nothing_left_is_nan_and_scale_comes_after(backend):
    image = np.full((5, 20), np.nan, np.float32)
    image[2, 3] = 4
    y = convlab.filter2d(image, np.ones((3, 3)), nan="omit", scale=2, offset=1)
    expected = np.full(image.shape, np.nan)
    expected[1:4, 2:5] = 9
    assert_array_equal(y, expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_channels_share_a_mask_or_have_their_own(backend, rng, axis):
    planes = rng.random((3, 10, 21), dtype=np.float32)
    masks = rng.random((3, 10, 21)) < 0.6
    kernel = rng.random((3, 3))
    image, own = np.moveaxis(planes, 0, axis), np.moveaxis(masks, 0, axis)
    for mask, of in ((masks[0], lambda c: masks[0]), (own, lambda c: masks[c])):
        expected = [convlab.filter2d(planes[c], kernel, mask=of(c)) for c in range(3)]
        actual = convlab.filter2d(image, kernel, mask=mask, channel_axis=axis)
        assert_array_equal(np.moveaxis(actual, axis, 0), expected)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f8", ">f4", "f2", "?"])
def test_every_dtype(fast_backend, rng, dtype):
    image = rng.integers(0, 2, (50, 70)).astype(dtype)
    mask = rng.random(image.shape) < 0.5
    kernel = np.ones((3, 5))
    expected = convlab.filter2d(image.astype(np.float32), kernel, mask=mask)
    assert_array_equal(convlab.filter2d(image, kernel, mask=mask), expected)
    assert_array_equal(convlab.filter2d(image[:, ::-1], kernel, mask=mask[:, ::-1]), expected[:, ::-1])


def test_without_missing_pixels_it_is_the_plain_filter_divided_by_its_sum(fast_backend, rng):
    image = rng.random((30, 50), dtype=np.float32)
    kernel = convlab.filters.get("gaussian", sigma=1)
    plain = convlab.filter2d(image, kernel)
    assert_allclose(convlab.filter2d(image, kernel, mask=np.ones(image.shape, bool)), plain, rtol=1e-5)
    assert_allclose(convlab.filter2d(image, kernel, nan="omit"), plain, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"nan": "ignore"}, ValueError, "nan: got 'ignore'; expected one of: propagate, omit"),
        ({"nan": None}, ValueError, "nan: got None"),
        ({"mask": np.ones((4, 5), bool)}, ValueError, r"mask: got shape \(4, 5\)"),
        ({"mask": np.ones((5, 5))}, TypeError, "mask: got dtype float64; expected bool"),
        ({"mask": np.ones((5, 5), bool), "border": "keep"}, ValueError, "border: got 'keep'"),
        ({"mask": np.ones((5, 5), bool), "algorithm": "fft"}, ValueError, "algorithm: got 'fft'"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        convlab.filter2d(np.zeros((5, 5)), np.ones((3, 3)), **options)


def test_taps_that_sum_to_zero_have_no_weights():
    with pytest.raises(ValueError, match="kernel: got taps that sum to 0"):
        convlab.filter2d(np.zeros((5, 5)), convlab.filters.get("edges"), nan="omit")


def test_a_true_of_any_byte_counts_once(backend):
    image = np.arange(60.0, dtype=np.float32).reshape(3, 20)
    mask = np.tile(np.array([255, 0, 1, 2], np.uint8), (3, 5))
    expected = convlab.filter2d(image, np.ones((3, 3)), mask=mask != 0)
    assert_array_equal(convlab.filter2d(image, np.ones((3, 3)), mask=mask.view(bool)), expected)
