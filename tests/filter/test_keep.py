"""border="keep": the frame has the source's pixels, exactly if the result's dtype can hold them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab

SOURCES = [
    "i4",
    ">i4",
    "u4",
    ">u4",
    "i8",
    ">i8",
    "u8",
    ">u8",
    "i2",
    ">u2",
    "u1",
    "i1",
    "?",
    "f2",
    "f4",
    ">f4",
    "f8",
    ">f8",
]
TARGETS = [None, "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
CALLS = {
    "filter2d": (lambda x, **o: convlab.filter2d(x, np.ones((5, 3)), **o), (2, 1), (2, 1)),
    "filter2d of rank 1": (
        lambda x, **o: convlab.filter2d(x, np.ones((5, 5)), algorithm="separable", **o), (2, 2), (2, 2),
    ),
    "filter2d by transforms": (
        lambda x, **o: convlab.filter2d(x, np.ones((5, 3)), algorithm="fft", **o), (2, 1), (2, 1),
    ),
    "filter2d finished": (
        lambda x, **o: convlab.filter2d(x, np.ones((3, 3)), scale=2, offset=9, clip=(0, 3), **o), (1, 1), (1, 1),
    ),
    "filter_bank": (lambda x, **o: convlab.filter_bank(x, np.ones((1, 3, 3)), **o)[0], (1, 1), (1, 1)),
    "sep_filter2d": (lambda x, **o: convlab.sep_filter2d(x, [1, 2, 3, 4], [1, 2], anchor=(0, 1), **o), (0, 1), (3, 0)),
    "box": (lambda x, **o: convlab.box(x, 3, **o), (1, 1), (1, 1)),
    "box of blocks": (lambda x, **o: convlab.box(x, (11, 3), **o), (5, 1), (5, 1)),
    "gaussian": (lambda x, **o: convlab.gaussian(x, 0.5, **o), (2, 2), (2, 2)),
    "sobel": (lambda x, **o: convlab.sobel(x, **o), (1, 1), (1, 1)),
    "scharr": (lambda x, **o: convlab.scharr(x, axis=0, **o), (1, 1), (1, 1)),
    "gradient_magnitude": (lambda x, **o: convlab.gradient_magnitude(x, 0.5, **o), (2, 2), (2, 2)),
    "laplacian": (lambda x, **o: convlab.laplacian(x, **o), (1, 1), (1, 1)),
    "unsharp": (lambda x, **o: convlab.unsharp(x, 0.5, clip=(3, 7), **o), (2, 2), (2, 2)),
}  # fmt: skip


def pixels(rng, shape, dtype):
    """Numbers that float32 rounds, up to the largest that sums in double support."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        return (rng.integers(-(2**30), 2**30, shape) / 8 / (1 if dtype.itemsize > 2 else 2**14)).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(max(limits.min, -(2**53)), min(limits.max, 2**53), shape, endpoint=True).astype(dtype)


def in_dtype(x, dtype):
    """Return the nearest value of the dtype, computed with Python's numbers."""
    if dtype is None:
        return x.astype(np.float32)
    limits = np.iinfo(dtype)
    values = [min(max(round(value), limits.min), limits.max) for value in x.ravel().tolist()]
    return np.array(values, dtype).reshape(x.shape)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("source", SOURCES)
def test_the_frame_is_the_source(fast_backend, rng, name, source):
    call, (above, before), (below, after) = CALLS[name]
    x = pixels(rng, (17, 19), source)
    outside = np.ones(x.shape, bool)
    outside[above : 17 - below, before : 19 - after] = False
    for target in TARGETS:
        y = call(x, border="keep", dtype=target)
        assert_array_equal(y[outside], in_dtype(x[outside], target), str(target))


@pytest.mark.parametrize("name", [name for name in CALLS if "transforms" not in name])
def test_the_frame_of_the_lessons_loops(name):
    call, (above, before), (below, after) = CALLS[name]
    x = pixels(np.random.default_rng(1), (13, 9), ">i4")
    outside = np.ones(x.shape, bool)
    outside[above : 13 - below, before : 9 - after] = False
    with convlab.use_backend("python"):
        for target in (None, "i4", "u1", "i8"):
            assert_array_equal(call(x, border="keep", dtype=target)[outside], in_dtype(x[outside], target))


def test_the_example(backend):
    for dtype, target in ((">i4", "i4"), ("i4", "i8"), (">u8", "u8"), ("f8", "i4")):
        x = np.full((4, 4), 16777217, dtype)
        assert convlab.filter2d(x, np.ones((3, 3)), border="keep", dtype=target)[0, 0] == 16777217


@pytest.mark.parametrize("function", [convlab.maximum_filter, convlab.minimum_filter, convlab.median_filter])
@pytest.mark.parametrize("dtype", SOURCES)
def test_order_statistics_keep_every_pixel(fast_backend, rng, function, dtype):
    x = pixels(rng, (12, 13), dtype)
    y = function(x, (5, 3), border="keep")
    outside = np.ones(x.shape, bool)
    outside[2:-2, 1:-1] = False
    assert_array_equal(y[outside], x[outside])


def test_pixels_that_are_not_finite(fast_backend):
    x = np.array([[np.nan, np.inf, -np.inf, 2.5, 1e300, 3.5]] * 2)
    for call in (lambda **o: convlab.filter2d(x, np.ones((5, 5)), **o), lambda **o: convlab.unsharp(x, 1.0, **o)):
        assert_array_equal(call(border="keep"), [[np.nan, np.inf, -np.inf, 2.5, np.inf, 3.5]] * 2)
        assert_array_equal(call(border="keep", dtype="u1"), [[0, 255, 0, 2, 255, 4]] * 2)
