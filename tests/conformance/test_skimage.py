"""The named filters give scikit-image's results."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import convlab

filters = pytest.importorskip("skimage.filters")
BORDERS = {"nearest": "nearest", "symmetric": "reflect", "mirror": "mirror", "wrap": "wrap", "constant": "constant"}


@pytest.fixture
def image():
    return np.random.default_rng(7).random((60, 77))


@pytest.fixture
def colour():
    return np.random.default_rng(8).random((40, 50, 3))


def close(actual, expected):
    assert actual.dtype == np.float32
    assert_allclose(actual, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("sigma", [1, 0.3, 2.5, (2, 0), (0.7, 3)])
def test_gaussian(image, border, sigma):
    close(
        convlab.gaussian(image, sigma, border=border, cval=0.5),
        filters.gaussian(image, sigma, mode=BORDERS[border], cval=0.5),
    )


def test_defaults(image, colour):
    close(convlab.gaussian(image), filters.gaussian(image))
    close(convlab.gaussian(colour, channel_axis=-1), filters.gaussian(colour, channel_axis=-1))
    close(convlab.laplacian(image), filters.laplace(image))
    close(convlab.unsharp(image), filters.unsharp_mask(image, preserve_range=True))
    close(convlab.unsharp(image, clip=(0, 1)), filters.unsharp_mask(image))
    close(
        convlab.unsharp(colour, 2, 1.5, channel_axis=-1),
        filters.unsharp_mask(colour, 2, 1.5, preserve_range=True, channel_axis=2),  # with -1 it takes rows as channels
    )


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["sobel", "scharr", "prewitt"])
def test_edges(image, border, axis, name):
    ours, theirs = getattr(convlab, name), getattr(filters, name)
    close(ours(image, axis=axis), theirs(image, axis=axis))
    close(ours(image, axis=axis, border=border), theirs(image, axis=axis, mode=BORDERS[border]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"theta": 0.7},
        {"theta": 2.1, "sigma_x": 2, "sigma_y": 4, "offset": 0.3, "n_stds": 2},
        {"bandwidth": 2, "theta": np.pi / 2},
    ],
)
@pytest.mark.parametrize("frequency", [0.1, 0.25])
def test_gabor(image, frequency, options):
    for ours, theirs in zip(
        convlab.gabor(image, frequency, **options), filters.gabor(image, frequency, **options), strict=True
    ):
        close(ours, theirs)
