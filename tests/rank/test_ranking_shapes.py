"""Order statistics of long and narrow images, many channels and large windows: values, and growth of the time."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from ranking_support import FILTERS, MODES, OPERATIONS, by_scipy, by_windows, random_image, served
from support import least_seconds

import convlab
from convlab import _borders
from convlab._plan import cache, rank_bands, rank_tiles


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (1, 7), (7, 1), (9, 8), (17, 3), (2, 101)])
@pytest.mark.parametrize("dtype", ["f4", "u1", "u2"])
def test_rows_of_several_tiles(fast_backend, rng, operation, size, dtype):
    x = random_image(rng, (3, 70_000 // np.dtype(dtype).itemsize), dtype)
    for border in ("wrap", "constant"):
        y = FILTERS[operation][0](x, size, border=border, cval=3)
        assert convlab.last_kernel() == served(operation, size, fast_backend, dtype)
        assert_array_equal(y, by_scipy(operation, x, size, border, 3))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (1, 9), (3, 2), (9, 9)])
def test_nan_in_long_rows_reaches_only_its_windows(fast_backend, rng, operation, size):
    x = random_image(rng, (2, 20_000), "f4")
    x[rng.random(x.shape) < 1e-3] = np.nan
    x[rng.random(x.shape) < 1e-2] = np.inf
    assert_array_equal(FILTERS[operation][0](x, size), by_windows(operation, x, size))
    channels = np.stack([x, x[::-1]], -1)
    y = FILTERS[operation][0](channels, size, channel_axis=-1)
    assert_array_equal(y[..., 1], by_windows(operation, x[::-1], size))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(5, 1), (41, 1), (1, 3), (3, 3), (4, 2), (5, 9)])
@pytest.mark.parametrize("dtype", ["f4", "u1", "i1", ">i2", "f8"])
def test_rows_narrower_than_a_vector(fast_backend, rng, operation, size, dtype):
    for shape, axis in (((300, 2), None), ((300, 1), None), ((260, 3, 2), -1), ((2, 260, 1), 0), ((260, 2, 3), 1)):
        x = random_image(rng, shape, dtype)
        planes = x[None] if axis is None else np.moveaxis(x, axis, 0)
        for border in ("mirror", "constant"):
            y = FILTERS[operation][0](x, size, border=border, cval=1, channel_axis=axis)
            native = planes.astype(planes.dtype.newbyteorder("="))
            expected = np.stack([by_windows(operation, plane, size, border, 1) for plane in native])
            assert_array_equal(y[None] if axis is None else np.moveaxis(y, axis, 0), expected)


@pytest.mark.parametrize("operation", ["maximum", "minimum"])
def test_a_narrow_crop_has_the_bits_of_the_whole(fast_backend, rng, operation):
    """The first of 0 and -0 in a column stays, with the image transposed or not."""
    if fast_backend == "[numpy]":
        pytest.skip("NumPy's maximum keeps either zero")
    x = rng.choice(np.array([0.0, -0.0], np.float32), (600, 40))
    for size in ((3, 3), (4, 2), (5, 1), (1, 3)):
        whole = FILTERS[operation][0](x, size, border="valid")
        crop = FILTERS[operation][0](x[:, :5].copy(), size, border="valid")
        assert crop.tobytes() == whole[:, : crop.shape[1]].tobytes()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 7), (9, 9)])
def test_many_channels(fast_backend, rng, operation, size):
    x = random_image(rng, (12, 11, 700), "f4")
    last = FILTERS[operation][0](x, size, channel_axis=2)
    first = FILTERS[operation][0](np.ascontiguousarray(np.moveaxis(x, 2, 0)), size, channel_axis=0)
    assert_array_equal(np.moveaxis(last, 2, 0), first)
    assert_array_equal(last[..., 699], by_scipy(operation, np.ascontiguousarray(x[..., 699]), size))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", ["i1", "f2", ">f4", "i4", ">f8"])
@pytest.mark.parametrize("border", ["mirror", "constant", "wrap", "keep", "valid"])
def test_bands(fast_backend, rng, operation, dtype, border, monkeypatch):
    """Bands of some KiB, cut along every axis."""
    x = random_image(rng, (60, 90), dtype)
    wide, channels = random_image(rng, (5, 4_000), dtype), random_image(rng, (30, 25, 6), dtype)
    expected = []
    for bytes_ in (rank_bands.BAND_BYTES, (4_000, 8_000, 64_000)):
        monkeypatch.setattr(rank_bands, "BAND_BYTES", bytes_)
        cache._cache.clear()
        results = [
            FILTERS[operation][0](image, size, border=border, cval=2)
            for image in (x, x[::-1, ::-1], np.asfortranarray(x), wide)
            for size in ((3, 3), (4, 11))
        ]
        results += [
            FILTERS[operation][0](channels, (3, 5), border=border, cval=2, channel_axis=axis) for axis in (0, 1, 2)
        ]
        if not expected:
            expected = results
        for y, right in zip(results, expected, strict=True):
            assert_array_equal(y, right)
    cache._cache.clear()
    if border in MODES:
        native = x.astype(x.dtype.newbyteorder("="))
        assert_array_equal(expected[0], by_windows(operation, native, (3, 3), border, 2))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["f4", "i2", "u2"])
@pytest.mark.parametrize("size", [(25, 25), (60, 9), (9, 60), (51, 51), (1, 1001), (1001, 1), (2, 333)])
def test_medians_by_ranks(fast_backend, rng, dtype, size):
    x = random_image(rng, {(1, 1001): (2, 1500), (1001, 1): (1500, 2)}.get(size, (70, 130)), dtype)
    for border in ("symmetric", "constant"):
        y = convlab.median_filter(x, size, border=border, cval=3)
        assert convlab.last_kernel() == served("median", size, fast_backend, dtype)
        assert_array_equal(y, by_scipy("median", x, size, border, 3))
    few = (x > np.median(x)).astype(dtype)
    assert_array_equal(convlab.median_filter(few, size), by_scipy("median", few, size))


def test_ranks_and_bisection_give_the_same_bits(fast_backend, rng, monkeypatch):
    x = rng.choice(np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, 1e-45], np.float32), (60, 90))
    by_ranks = convlab.median_filter(x, (9, 7)).tobytes()
    assert convlab.last_kernel() == "median2d_ranked" + fast_backend
    monkeypatch.setattr(rank_tiles, "_ranked", lambda spec: None)
    cache._cache.clear()
    assert convlab.median_filter(x, (9, 7)).tobytes() == by_ranks or fast_backend == "[numpy]"
    assert convlab.last_kernel() == "median2d" + fast_backend
    cache._cache.clear()


def test_explain_names_the_algorithm_of_a_median():
    assert "ranks" in convlab.explain("median_filter", (500, 500), 51).reason
    assert "exceeds the workspace" in convlab.explain("median_filter", (5000, 5000), 1501).reason
    assert "in bands: rows are narrower" in convlab.explain("maximum_filter", (5000, 2), 3).reason
    assert "in bands: pixels are large" in convlab.explain("median_filter", (9, 9, 2000), 3, channel_axis=2).reason


# A small case of each kind: the call, a shape, the axis that becomes eight times as long.
GROWTH = {
    "a row, bisected": ("median", (1, 7), (1, 1 << 15), 1, None),
    "a row, ranked": ("median", (1, 101), (1, 1 << 15), 1, None),
    "a row, a column's window": ("median", (7, 1), (1, 1 << 15), 1, None),
    "a row, a network": ("median", (3, 3), (1, 1 << 16), 1, None),
    "a row, a maximum": ("maximum", (1, 31), (1, 1 << 17), 1, None),
    "a column": ("median", (5, 1), (1 << 14, 1), 0, None),
    "narrow rows": ("maximum", (3, 3), (1 << 14, 2), 0, None),
    "rows of an image": ("median", (9, 9), (64, 64), 0, None),
    "columns of an image": ("minimum", (15, 15), (256, 256), 1, None),
    "channels, a network": ("median", (5, 5), (16, 16, 1000), 2, 2),
    "channels, bisected": ("median", (3, 1), (16, 16, 1000), 2, 2),
    "channels, a maximum": ("maximum", (3, 3), (16, 16, 500), 2, 2),
    "planes": ("median", (3, 3), (250, 16, 16), 0, 0),
}


def _seconds(operation, size, shape, channel_axis):
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    out = np.empty_like(x)
    return least_seconds(lambda: FILTERS[operation][0](x, size, channel_axis=channel_axis, out=out))


@pytest.mark.parametrize("name", GROWTH)
def test_time_grows_in_proportion_to_the_work(name):
    operation, size, shape, axis, channel_axis = GROWTH[name]
    longer = tuple(n * 8 if i == axis else n for i, n in enumerate(shape))
    with convlab.threads(1):
        for attempt in range(3):  # another process may disturb it
            if _seconds(operation, size, longer, channel_axis) < 30 * _seconds(operation, size, shape, channel_axis):
                break
            assert attempt < 2


def test_time_of_large_windows_grows_with_their_side(rng):
    x = rng.random((256, 256), dtype=np.float32)
    with convlab.threads(1):
        for attempt in range(3):
            if _seconds("median", (101, 101), x.shape, None) < 10 * _seconds("median", (25, 25), x.shape, None):
                break
            assert attempt < 2


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (1, 7), (9, 9)])
def test_one_value_that_is_not_finite_costs_little(rng, bad, size):
    x = rng.random((512, 512), dtype=np.float32)
    marked = x.copy()
    marked[100, 100] = bad
    with convlab.threads(1):
        for attempt in range(3):
            times = [least_seconds(lambda x=image: convlab.median_filter(x, size)) for image in (x, marked)]
            if times[1] < 3 * times[0]:
                break
            assert attempt < 2


def test_a_part_of_long_rows_is_copied_without_them():
    """For any length of the rows, a copy of a small part needs only memory of its size."""
    image = np.arange(1 << 22, dtype=np.float32).reshape(1, 2, 1 << 21, 1)
    part = np.empty((1, 3, 100, 1), np.float32)
    rows, columns = np.array([1, -1, 0]), np.arange(-1, 99)
    tracemalloc.start()
    try:
        _borders.copy_pixels(image, rows, columns, 7.0, part)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    expected = image[:, :, :99][:, [1, 0, 0]]
    assert_array_equal(part[:, [0, 2], 1:], expected[:, [0, 2]])
    assert (part[:, 1] == 7).all()
    assert (part[:, :, 0] == 7).all()
    assert peak < 1 << 16
