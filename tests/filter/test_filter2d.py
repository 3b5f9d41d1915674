"""filter2d on every backend and instruction set, compared with the plain loops in double."""

import itertools

import numpy as np
import pytest
from filter_support import BORDERS, assert_served, assert_within_bound
from numpy.testing import assert_array_equal
from scipy import ndimage

import convlab
from convlab import reference


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [3, 5, 7, 4])
@pytest.mark.parametrize("width", [7, 8, 9, 15, 16, 17, 31, 33, 70])
def test_sizes_around_vector_widths(backend, rng, border, size, width):
    image = rng.standard_normal((11, width), dtype=np.float32)
    kernel = rng.standard_normal((size, size), dtype=np.float32)
    actual = convlab.filter2d(image, kernel, border=border, cval=0.75)
    assert_served(f"correlate2d_{size}x{size}" if size in (3, 5, 7) else "correlate2d", backend)
    assert_within_bound(actual, image, kernel, border=border, cval=0.75)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (40, 2), (67, 20)])
@pytest.mark.parametrize("kernel_shape", [(1, 1), (1, 6), (6, 1), (2, 3), (3, 9), (9, 3)])
def test_small_images_and_oblong_kernels(backend, rng, border, shape, kernel_shape):
    image = rng.standard_normal(shape, dtype=np.float32)
    kernel = rng.standard_normal(kernel_shape, dtype=np.float32)
    if border == "valid" and (shape[0] < kernel_shape[0] or shape[1] < kernel_shape[1]):
        with pytest.raises(ValueError, match="image: got height and width"):
            convlab.filter2d(image, kernel, border=border)
        return
    actual = convlab.filter2d(image, kernel, border=border, cval=-2.0)
    assert_within_bound(actual, image, kernel, border=border, cval=-2.0)


@pytest.mark.parametrize("border", [b for b in BORDERS if b != "valid"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 2), (5, 4)])
def test_kernel_larger_than_the_image_repeats_the_border(backend, rng, border, shape):
    image = rng.standard_normal(shape, dtype=np.float32)
    kernel = rng.standard_normal((13, 22), dtype=np.float32)
    assert_within_bound(convlab.filter2d(image, kernel, border=border), image, kernel, border=border)


@pytest.mark.parametrize("border", ["mirror", "symmetric", "nearest", "wrap", "constant"])
def test_borders_are_numpys(fast_backend, rng, border):
    mode = {"mirror": "reflect", "symmetric": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant"}
    image = rng.integers(-50, 50, (6, 40)).astype(np.float32)
    kernel = rng.integers(-5, 5, (9, 21)).astype(np.float32)
    padded = np.pad(image, ((4, 4), (10, 10)), mode=mode[border])
    expected = convlab.filter2d(padded, kernel, border="valid")
    assert_array_equal(convlab.filter2d(image, kernel, border=border), expected)


@pytest.mark.parametrize("size", [3, 5, 7, 2, 9])
@pytest.mark.parametrize(("ours", "theirs"), [("mirror", "mirror"), ("symmetric", "reflect"), ("wrap", "wrap")])
def test_scipy_agrees_on_a_picture(fast_backend, rng, size, ours, theirs):
    image = convlab.data.ascent()[:130, :201]
    kernel = rng.integers(-9, 9, (size, size))
    expected = ndimage.correlate(image.astype(np.float64), kernel, mode=theirs)
    assert np.abs(expected).max() < 2**24  # so float32's sums are exact
    assert_array_equal(convlab.filter2d(image, kernel, border=ours), expected)


@pytest.mark.parametrize("anchor", [(0, 0), (2, 3), (1, 0), (0, 3)])
@pytest.mark.parametrize("border", BORDERS)
def test_anchor(backend, rng, border, anchor):
    image = rng.standard_normal((9, 38), dtype=np.float32)
    kernel = rng.standard_normal((3, 4), dtype=np.float32)
    actual = convlab.filter2d(image, kernel, border=border, anchor=anchor)
    assert_within_bound(actual, image, kernel, border=border, anchor=anchor)


def test_even_kernels_are_centred_like_scipys(fast_backend):
    image = np.eye(9, 50, dtype=np.float32)
    kernel = np.arange(8.0).reshape(2, 4)
    assert_array_equal(
        convlab.filter2d(image, kernel, border="nearest"), ndimage.correlate(image, kernel, mode="nearest")
    )


@pytest.mark.parametrize("clip", [None, (0, 255), (None, 1.5), (-0.5, None), (2, 2)])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.25, 0.0), (-3.0, 10.0)])
def test_scale_and_offset_come_before_clip(backend, rng, scale, offset, clip):
    image = rng.standard_normal((8, 37), dtype=np.float32)
    kernel = rng.standard_normal((3, 3), dtype=np.float32)
    actual = convlab.filter2d(image, kernel, scale=scale, offset=offset, clip=clip)
    assert_within_bound(actual, image, kernel, scale=scale, offset=offset, clip=clip)
    if clip:
        assert actual.min() >= (-np.inf if clip[0] is None else clip[0])
        assert actual.max() <= (np.inf if clip[1] is None else clip[1])


def test_keep_leaves_the_frame_untouched(backend, rng):
    image = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    y = convlab.filter2d(image, np.ones((3, 5)), border="keep", scale=-7, offset=3, clip=(-1, 1))
    frame = np.ones(image.shape, bool)
    frame[1:-1, 2:-2] = False
    assert_array_equal(y[frame], image[frame])
    assert set(np.unique(y[~frame])) <= {-1.0, 1.0, 3.0}


def test_keep_with_a_kernel_larger_than_the_image_is_the_image(backend, rng):
    image = rng.standard_normal((4, 9), dtype=np.float32)
    assert_array_equal(convlab.filter2d(image, np.ones((5, 3)), border="keep"), image)


@pytest.mark.parametrize("name", ["edges", "vertical_lines", "horizontal_lines"])
def test_the_lesson(backend, name):
    """The lesson's arithmetic: frame kept, clipped to 0..255, exact in float32."""
    picture = convlab.data.ascent()[100:180, 200:300]
    taps = convlab.filters.get(name)
    actual = convlab.filter2d(picture, taps, border="keep", clip=(0, 255))
    expected = picture.astype(np.float64)
    for i, j in itertools.product(range(1, 79), range(1, 99)):
        total = (picture[i - 1 : i + 2, j - 1 : j + 2].astype(np.float64) * taps).sum()
        expected[i, j] = min(max(total, 0), 255)
    assert_array_equal(actual, expected)
    pooled = convlab.max_pool2d(actual, 2)
    assert_array_equal(pooled, expected.reshape(40, 2, 50, 2).max((1, 3)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 17])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [3, 5, 7, 4, 1])
def test_channels_are_filtered_separately(fast_backend, rng, channels, border, size):
    image = rng.standard_normal((10, 23, channels), dtype=np.float32)
    kernel = rng.standard_normal((size, size), dtype=np.float32)
    options = {"border": border, "cval": 2.5, "clip": (-2, 2)}
    expected = [convlab.filter2d(image[..., c], kernel, **options) for c in range(channels)]
    assert_array_equal(convlab.filter2d(image, kernel, channel_axis=-1, **options), np.stack(expected, -1))
    first = np.ascontiguousarray(np.moveaxis(image, -1, 0))
    assert_array_equal(convlab.filter2d(first, kernel, channel_axis=0, **options), np.stack(expected, 0))
    middle = np.ascontiguousarray(np.moveaxis(image, -1, 1))
    assert_array_equal(convlab.filter2d(middle, kernel, channel_axis=1, **options), np.stack(expected, 1))


def test_channels_in_plain_python(rng):
    image = rng.standard_normal((6, 7, 3), dtype=np.float32)
    kernel = rng.standard_normal((3, 3), dtype=np.float32)
    with convlab.use_backend("python"):
        y = convlab.filter2d(image, kernel, channel_axis=2, border="keep")
    assert y.flags.c_contiguous
    for c in range(3):
        assert_within_bound(y[..., c], image[..., c], kernel, border="keep")


@pytest.mark.parametrize(
    "dtype", [bool, "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i2", ">f4", ">f8", "<f4"]
)
def test_image_dtypes(backend, rng, dtype):
    image = rng.integers(0, 100, (9, 20)).astype(dtype)
    kernel = rng.integers(-3, 4, (3, 3))
    expected = np.array(reference.filter2d(image.astype(np.float64), kernel))
    actual = convlab.filter2d(image, kernel)
    assert actual.dtype == np.float32
    assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", [bool, "u1", "i8", "f2", ">f8", "f4"])
def test_kernel_dtypes(fast_backend, rng, dtype):
    image = rng.integers(0, 100, (9, 20)).astype(np.float32)
    kernel = rng.integers(0, 2, (3, 3))
    assert_array_equal(convlab.filter2d(image, kernel.astype(dtype)), convlab.filter2d(image, kernel.tolist()))
