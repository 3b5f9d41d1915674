"""filter_bank: what filter2d gives with each kernel, to the bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab


@pytest.mark.parametrize("border", ["mirror", "constant", "valid", "keep", "wrap"])
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 2), (9, 9)])
@pytest.mark.parametrize("shape", [(12, 10), (37, 130)])
def test_each_kernel_alone(backend, rng, border, size, shape):
    image = rng.standard_normal(shape, dtype=np.float32)
    kernels = rng.standard_normal((4, *size))
    options = {"border": border, "cval": 2.0, "scale": 0.5, "offset": 1.0, "clip": (-3, 3), "algorithm": "direct"}
    actual = convlab.filter_bank(image, kernels, **options)
    assert actual.dtype == np.float32
    assert_array_equal(actual, [convlab.filter2d(image, kernel, **options) for kernel in kernels])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("target", [None, "u1", "i4"])
def test_channels_and_dtypes(fast_backend, rng, axis, dtype, target):
    image = np.moveaxis(rng.integers(0, 100, (20, 33, 3)).astype(dtype), -1, axis)
    kernels = rng.integers(-2, 5, (5, 3, 3))
    options = {"channel_axis": axis, "dtype": target, "algorithm": "direct"}
    expected = [convlab.filter2d(image, kernel, **options) for kernel in kernels]
    assert_array_equal(convlab.filter_bank(image, kernels, **options), expected)
    out = np.empty(np.shape(expected), target or np.float32)
    assert convlab.filter_bank(image, kernels, out=out, **options) is out
    assert_array_equal(out, expected)


def test_masks(fast_backend, rng):
    image, kernels = rng.random((20, 40), dtype=np.float32), rng.random((3, 3, 3))
    mask = rng.random(image.shape) < 0.5
    expected = [convlab.filter2d(image, kernel, mask=mask) for kernel in kernels]
    assert_array_equal(convlab.filter_bank(image, kernels, mask=mask), expected)


def test_an_empty_image_part_of_keep_is_the_picture(backend):
    image = np.arange(6.0).reshape(2, 3)
    assert_array_equal(convlab.filter_bank(image, np.ones((2, 5, 5)), border="keep"), [image, image])


@pytest.mark.parametrize(
    ("kernels", "error", "message"),
    [
        (np.ones((3, 3)), ValueError, r"kernels: got shape \(3, 3\); expected three axes"),
        (np.ones((0, 3, 3)), ValueError, "kernels: got shape"),
        (np.ones((2, 0, 3)), ValueError, "kernels: got shape"),
        (np.ones((2, 3, 3), complex), TypeError, "kernels: got dtype complex128"),
        ([[[1e300]]], ValueError, "kernels: got 1e[+]300"),
    ],
)
def test_errors(kernels, error, message):
    with pytest.raises(error, match=message):
        convlab.filter_bank(np.zeros((5, 5)), kernels)


def test_other_algorithms_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="algorithm: got 'fft'.*a bank reads the picture once"):
        convlab.filter_bank(np.zeros((5, 5)), np.ones((2, 3, 3)), algorithm="fft")
    with pytest.raises(ValueError, match="out: got shape"):
        convlab.filter_bank(np.zeros((5, 5)), np.ones((2, 3, 3)), out=np.empty((5, 5), np.float32))
