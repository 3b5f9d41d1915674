"""maximum_filter, minimum_filter and median_filter on every backend, compared with SciPy and NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from ranking_support import COMPILED_DTYPES, FILTERS, MODES, OPERATIONS, by_scipy, by_windows, random_image, served

import convlab


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", COMPILED_DTYPES)
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 5), (2, 2), (4, 3), (1, 7), (6, 1), (7, 7), (9, 17)])
def test_sizes(backend, rng, operation, dtype, size):
    for width in (1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 130):
        x = random_image(rng, (11, width), dtype)
        y = FILTERS[operation][0](x, size)
        assert convlab.last_kernel() == served(operation, size, backend, dtype)
        assert y.dtype == x.dtype
        assert y.flags.c_contiguous
        assert_array_equal(y, by_scipy(operation, x, size))


@pytest.mark.parametrize("operation", ["maximum", "minimum"])
@pytest.mark.parametrize("dtype", COMPILED_DTYPES)
@pytest.mark.parametrize("size", [15, 16, 17, 21, 22, 63, 64, 80, 81, 85, 200])
def test_large_windows(fast_backend, rng, operation, dtype, size):
    x = random_image(rng, (150, 70), dtype)
    for window in ((size, size), (size, 3), (1, size)):
        assert_array_equal(FILTERS[operation][0](x, window), by_scipy(operation, x, window))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", COMPILED_DTYPES)
@pytest.mark.parametrize("size", [(15, 15), (16, 15), (17, 17), (31, 33), (1, 300), (257, 257)])
def test_large_medians(fast_backend, rng, dtype, size):
    """Areas around the largest counts of lanes of 8 and 16 bits."""
    x = random_image(rng, (6, 40), dtype)
    y = convlab.median_filter(x, size)
    assert convlab.last_kernel() == served("median", size, fast_backend, dtype)
    assert_array_equal(y, by_scipy("median", x, size))
    assert_array_equal(convlab.median_filter(x, size), by_scipy("median", x, size))
    few = (x > np.median(x)).astype(dtype)
    assert_array_equal(convlab.median_filter(few, size), by_scipy("median", few, size))


@pytest.mark.parametrize("size", [(9, 9), (8, 10), (1, 80), (80, 1), (31, 7), (255, 257)])
@pytest.mark.parametrize("kind", ["noise", "waves", "two values", "one value"])
def test_medians_by_histograms(fast_backend, rng, size, kind):
    """The fine level is summed again or updated; counters of columns and windows reach their limits."""
    height, width = (45, 200) if max(size) < 100 else (5, 15)
    x = random_image(rng, (height, width), "u1")
    if kind == "waves":
        x = (120 + 110 * np.sin(np.arange(width) / 9 + np.arange(height)[:, None] / 30) + x / 20).astype("u1")
    elif kind != "noise":
        x = np.where(x < (128 if kind == "two values" else 256), 255, 0).astype("u1")
    for border in MODES:
        y = convlab.median_filter(x, size, border=border, cval=3)
        assert convlab.last_kernel() == served("median", size, fast_backend, "u1")
        assert_array_equal(y, by_windows("median", x, size, border, 3))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_histograms_in_strips_and_tiles(fast_backend, rng, channels):
    """Images of several tiles in both directions, and memory layouts that a kernel reads in place."""
    size = (9, 11)
    x = rng.integers(0, 256, (90, 2100 // channels, channels)).astype("u1")
    expected = np.stack([by_scipy("median", x[..., c], size) for c in range(channels)], -1)
    for threads in (1, 3):
        with convlab.threads(threads):
            assert_array_equal(convlab.median_filter(x, size, channel_axis=-1), expected)
            wide = np.pad(x, ((1, 2), (3, 4), (0, 0)))[1:-2, 3:-4]
            assert_array_equal(convlab.median_filter(wide, size, channel_axis=-1), expected)
    assert convlab.last_kernel() == served("median", size, fast_backend, "u1")
    inside = expected[4:-4, 5:-5]
    assert_array_equal(convlab.median_filter(x, size, border="valid", channel_axis=-1), inside)
    kept = convlab.median_filter(x, size, border="keep", channel_axis=-1)
    assert_array_equal(kept[4:-4, 5:-5], inside)
    assert_array_equal(kept[:4], x[:4])


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 2), (7, 3)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (12, 40)])
def test_borders(backend, rng, operation, border, size, shape):
    for dtype in ("f4", "u1"):
        x = random_image(rng, shape, dtype)
        y = FILTERS[operation][0](x, size, border=border, cval=7)
        assert_array_equal(y, by_scipy(operation, x, size, border, 7))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("border", MODES)
def test_windows_larger_than_the_image(fast_backend, rng, operation, border):
    x = random_image(rng, (5, 6), "f4")
    for size in ((23, 31), (64, 9), (3, 50)):
        y = FILTERS[operation][0](x, size, border=border, cval=0.25)
        assert_array_equal(y, by_windows(operation, x, size, border, 0.25))


@pytest.mark.parametrize("operation", ["maximum", "minimum"])
@pytest.mark.parametrize("border", MODES)
def test_huge_windows(fast_backend, rng, operation, border):
    """They contain every pixel, and need no more memory."""
    x = random_image(rng, (5, 40), "f4")
    y = FILTERS[operation][0](x, 2**31 - 1, border=border, cval=99 if operation == "maximum" else -99)
    expected = getattr(x, operation[:3])() if border != "constant" else 99 if operation == "maximum" else -99
    assert_array_equal(y, np.full_like(x, expected))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 6), (17, 2)])
def test_anchors(fast_backend, rng, operation, size):
    x = random_image(rng, (20, 50), "f4")
    for anchor in ((0, 0), (size[0] - 1, size[1] - 1), (1, 0)):
        y = FILTERS[operation][0](x, size, anchor=anchor)
        assert_array_equal(y, by_scipy(operation, x, size, anchor=anchor))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 3), (17, 17)])
@pytest.mark.parametrize("dtype", ["f4", "u1", "i4"])
def test_valid_and_keep(fast_backend, rng, operation, size, dtype):
    x = random_image(rng, (21, 40), dtype)
    function = FILTERS[operation][0]
    inside = by_scipy(operation, x, size)[size[0] // 2 :, size[1] // 2 :][: 22 - size[0], : 41 - size[1]]
    valid = function(x, size, border="valid")
    assert_array_equal(valid, inside)
    kept = function(x, size, border="keep")
    expected = x.copy()
    expected[size[0] // 2 :, size[1] // 2 :][: 22 - size[0], : 41 - size[1]] = inside
    assert_array_equal(kept, expected)
    assert_array_equal(function(x, (50, 3), border="keep"), x)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i2", ">i8", ">f4", ">f8"]
)
def test_the_dtype_is_kept_exactly(backend, rng, operation, dtype):
    x = random_image(rng, (9, 22), dtype)
    y = FILTERS[operation][0](x, (3, 4), border="constant", cval=1)
    native = x.astype(x.dtype.newbyteorder("="))
    assert y.dtype == native.dtype
    # SciPy computes in double, which rounds large integers.
    if native.dtype.kind == "f":
        assert_array_equal(y, by_windows(operation, native, (3, 4), "constant", 1))
    else:
        assert_array_equal(y, by_windows(operation, native.astype(object), (3, 4), "constant", 1).astype(y.dtype))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 19])
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 7), (17, 16)])
def test_channels(fast_backend, rng, operation, channels, size):
    for dtype in ("f4", "u1"):
        x = random_image(rng, (9, 26, channels), dtype)
        function = FILTERS[operation][0]
        expected = [function(np.ascontiguousarray(x[..., c]), size) for c in range(channels)]
        assert_array_equal(function(x, size, channel_axis=-1), np.stack(expected, -1))
        assert_array_equal(function(np.moveaxis(x, -1, 0), size, channel_axis=0), np.stack(expected, 0))
        assert_array_equal(function(np.moveaxis(x, -1, 1), size, channel_axis=1), np.stack(expected, 1))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (7, 5), (17, 17)])
def test_nan_propagates_and_reaches_no_other_window(backend, rng, operation, size):
    x = random_image(rng, (40, 60), "f4")
    function = FILTERS[operation][0]
    clean = function(x, size)
    x[20, 31], x[0, 0], x[39, 5] = np.nan, -np.nan, np.nan
    y = function(x, size)
    marks = by_windows("maximum", np.isnan(x), size)
    assert_array_equal(np.isnan(y), marks)
    assert_array_equal(y[~marks], clean[~marks])
    x[:] = np.nan
    assert np.isnan(function(x, size)).all()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (7, 5)])
def test_a_constant_nan(fast_backend, rng, operation, size):
    x = random_image(rng, (12, 40), "f4")
    y = FILTERS[operation][0](x, size, border="constant", cval=np.nan)
    assert_array_equal(y, by_windows(operation, x, size, "constant", np.nan))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (7, 5)])
def test_infinities_and_subnormals_are_numbers(backend, rng, operation, size):
    values = np.array([np.inf, -np.inf, 1e-45, -1e-45, 3.4e38, -3.4e38, 0, -0.0], np.float32)
    x = rng.choice(values, (20, 40))
    assert_array_equal(FILTERS[operation][0](x, size), by_windows(operation, x, size))
    for value in values:
        full = np.full((8, 40), value, np.float32)
        assert_array_equal(FILTERS[operation][0](full, size), full)


@pytest.mark.parametrize("operation", ["maximum", "minimum"])
def test_the_first_of_equal_values_stays(fast_backend, operation):
    """For any decomposition of the window; NumPy may choose either zero."""
    if fast_backend == "[numpy]":
        pytest.skip("NumPy's maximum keeps either zero")
    x = np.full((40, 50), -0.0, np.float32)
    x[1::2, ::2] = 0.0
    y = FILTERS[operation][0](x, (17, 17), border="valid")
    assert_array_equal(np.signbit(y), np.signbit(x[:24, :34]))
