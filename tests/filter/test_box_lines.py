"""box with windows that are too wide for strips: line by line, in time that does not depend on the window."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab
from convlab._borders import source_indices
from convlab._plan import box_lines

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]


def expected(image, size, border, cval, anchor):
    """Compute exact sums of integers from running sums."""
    sums = image.astype(np.int64)
    for axis, (n, k, a) in enumerate(zip(image.shape, size, anchor, strict=True)):
        inside = border in ("valid", "keep")
        first, last = (0, n) if inside else (-a, n + k - 1 - a)
        places = source_indices("nearest" if inside else border, n, first, last)
        # A column of the constant sums to the constant times the window's rows.
        fill = cval * (1 if axis == 0 else size[0])
        line = np.where(np.expand_dims(places < 0, 1 - axis), fill, np.take(sums, np.maximum(places, 0), axis))
        total = np.concatenate([np.zeros_like(np.take(line, [0], axis)), np.cumsum(line, axis)], axis)
        sums = np.take(total, np.arange(k, total.shape[axis]), axis) - np.take(
            total, np.arange(total.shape[axis] - k), axis
        )
    if border != "keep":
        return sums
    result = image.astype(np.int64)
    result[anchor[0] : anchor[0] + sums.shape[0], anchor[1] : anchor[1] + sums.shape[1]] = sums
    return result


CASES = {
    "one row": ((1, 9001), (1, 301)),
    "one row, longer than a section": ((1, 9001), (1, 4000)),
    "one column": ((9001, 1), (301, 1)),
    "a narrow image": ((3000, 5), (301, 1)),
    "both passes": ((100, 90), (70, 80)),
}


@pytest.fixture
def small(monkeypatch):
    """Make sections and strips so small that small images have several."""
    monkeypatch.setattr(box_lines, "CHUNK", 1 << 10)
    monkeypatch.setattr(box_lines, "WASTED", 0)
    monkeypatch.setattr(box_lines, "LEAST_PIXELS", 0)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["u1", "f4", "f8", ">i2"])
def test_sums_of_whole_numbers_are_exact(fast_backend, rng, small, border, case, dtype):
    shape, size = CASES[case]
    image = rng.integers(0, 9, shape).astype(dtype)
    for anchor in [(size[0] // 2, size[1] // 2), (size[0] - 1, 0)]:
        y = convlab.box(image, size, border=border, cval=3, normalize=False, anchor=anchor)
        assert convlab.last_kernel() == "box_lines" + fast_backend
        assert_array_equal(y, expected(image, size, border, 3, anchor))


def test_the_border_may_be_wider_than_the_image(fast_backend, rng, small):
    image = rng.integers(0, 5, (1, 8200)).astype(np.uint8)
    for border in ("mirror", "wrap", "constant"):
        y = convlab.box(image, (1, 20_001), border=border, normalize=False)
        assert convlab.last_kernel() == "box_lines" + fast_backend
        assert_array_equal(y, expected(image, (1, 20_001), border, 0, (0, 10_000)))


@pytest.mark.parametrize("dtype", ["f4", "u1"])
def test_the_bits_are_those_of_strips(fast_backend, rng, request, dtype):
    """If one strip is as wide as the image, blocks begin at the same pixels, so results are rounded equally."""
    image = (rng.random((100, 90)) * 200).astype(dtype)
    options = {"border": "constant", "cval": 0.3, "dtype": dtype}
    strips = convlab.box(image, (70, 80), **options)
    assert convlab.last_kernel() == "box2d" + fast_backend
    request.getfixturevalue("small")
    out = np.empty_like(image)
    # The default anchor, which makes another plan.
    assert convlab.box(image, (70, 80), anchor=(35, 40), **options, out=out) is out
    assert convlab.last_kernel() == "box_lines" + fast_backend
    assert_array_equal(out, strips)


def test_channels_and_planes(fast_backend, rng, small):
    image = rng.integers(0, 9, (2, 9001, 3)).astype(np.uint8)
    inner = convlab.box(image[:1], (1, 301), channel_axis=2, normalize=False)
    assert convlab.last_kernel() == "box_lines" + fast_backend
    for c in range(3):
        assert_array_equal(inner[..., c], convlab.box(image[:1, :, c], (1, 301), normalize=False))
    outer = convlab.box(image[:, None, :, 0], (1, 301), channel_axis=0, normalize=False)
    assert_array_equal(outer[1], convlab.box(image[1:, :, 0], (1, 301), normalize=False))


def test_nan_stays_in_its_windows(fast_backend, rng, small):
    image = rng.random((1, 9001), dtype=np.float32)
    image[0, 4000] = np.nan
    y = convlab.box(image, (1, 301))
    assert convlab.last_kernel() == "box_lines" + fast_backend
    assert_array_equal(np.flatnonzero(np.isnan(y[0])), np.arange(3850, 4151))


def test_which_images_are_summed_line_by_line(rng):
    image = np.ones((1, 20_000), np.float32)
    for size, kernel in [((1, 501), "box_lines"), ((1, 31), "box2d"), ((3, 31), "box2d")]:
        convlab.box(image, size)
        assert convlab.last_kernel().startswith(kernel), size
    convlab.box(np.ones((300, 400), np.float32), 101)
    assert convlab.last_kernel().startswith("box2d")
