"""filter2d with all kinds of arrays: layouts, dtypes, NaN and infinity, outputs, cached plans."""

import functools

import numpy as np
import pytest
from filter_support import BORDERS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import convlab
from convlab._geometry import FilterGeometry
from convlab._plan import cache
from convlab._plan import filtering as _plan


def _layouts(image):
    big = np.zeros((image.shape[0] * 2, image.shape[1] * 3), np.float32)
    big[::2, ::3] = image
    crop = np.zeros((image.shape[0] + 5, image.shape[1] + 9), np.float32)
    crop[3:-2, 4:-5] = image
    unaligned = np.frombuffer(b"\0" + image.tobytes(), np.float32, offset=1).reshape(image.shape)
    readonly = image.copy()
    readonly.flags.writeable = False
    return {
        "strided": big[::2, ::3],
        "crop": crop[3:-2, 4:-5],
        "fortran": np.asfortranarray(image),
        "flipped rows": image[::-1].copy()[::-1],
        "flipped columns": image[:, ::-1].copy()[:, ::-1],
        "unaligned": unaligned,
        "read-only": readonly,
        "subclass": np.asmatrix(image),
    }


@pytest.mark.parametrize("layout", ["strided", "crop", "fortran", "flipped rows", "flipped columns", "unaligned",
                                    "read-only", "subclass"])  # fmt: skip
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_memory_layouts_give_the_same_bits(fast_backend, rng, layout):
    image = rng.standard_normal((13, 45), dtype=np.float32)
    kernel = rng.standard_normal((3, 3), dtype=np.float32)
    other = _layouts(image)[layout]
    assert_array_equal(np.asarray(other), image)
    y = convlab.filter2d(other, kernel)
    assert type(y) is np.ndarray
    assert y.tobytes() == convlab.filter2d(image, kernel).tobytes()


def test_zero_strides(fast_backend, rng):
    row = rng.standard_normal((1, 40), dtype=np.float32)
    image = np.broadcast_to(row, (12, 40))
    kernel = rng.standard_normal((3, 3), dtype=np.float32)
    assert_array_equal(convlab.filter2d(image, kernel), convlab.filter2d(image.copy(), kernel))
    image = np.broadcast_to(np.float32(3), (12, 40))
    assert_array_equal(convlab.filter2d(image, kernel), convlab.filter2d(image.copy(), kernel))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [3, 5, 7, 6])
def test_every_tap_counts_even_a_zero_one(backend, value, size):
    image = np.zeros((21, 40), np.float32)
    image[10, 20] = value
    kernel = np.zeros((size, size), np.float32)
    kernel[0, 0] = 1
    y = convlab.filter2d(image, kernel)
    touched = np.zeros(image.shape, bool)
    before, after = size - 1 - size // 2, size // 2
    touched[10 - before : 10 + after + 1, 20 - before : 20 + after + 1] = True
    assert np.all(np.isfinite(y) == ~touched)
    # Zero times infinity is NaN; the result is infinite only where the tap of 1 meets the infinity.
    expected = np.full(touched.sum(), np.nan)
    expected[-1] = value
    assert_array_equal(y[touched], expected)


def test_nan_survives_clip_and_becomes_zero_in_integers(backend):
    image = np.full((5, 20), np.nan, np.float32)
    assert np.isnan(convlab.filter2d(image, [[1.0]], clip=(0, 1))).all()
    assert_array_equal(convlab.filter2d(image, [[1.0]], dtype=np.int16), np.zeros((5, 20), np.int16))


def test_subnormals_are_not_flushed(backend):
    tiny = np.float32(1e-44)
    image = np.full((5, 20), tiny, np.float32)
    assert_array_equal(convlab.filter2d(image, np.full((1, 1), 1.0)), image)
    assert np.all(convlab.filter2d(image, np.full((3, 3), 1.0)) > 0)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8"])
def test_integer_output_rounds_half_to_even_and_saturates(backend, dtype):
    limits = np.iinfo(dtype)
    values = np.array([[-1e30, -1.5, -0.5, 0.5, 1.5, 2.5, 3.4999998, 100.0, 1e30, np.inf, -np.inf]], np.float32)
    y = convlab.filter2d(values, [[1.0]], dtype=dtype)
    low, high = limits.min, limits.max
    expected = [low, max(-2, low), 0, 0, 2, 2, 3, 100, high, high, low]
    assert y.dtype == np.dtype(dtype)
    assert y.tolist() == [expected]
    exact = np.array([[float(limits.min), 0.0]])
    assert convlab.filter2d(exact, [[1.0]], dtype=dtype).tolist() == [[limits.min, 0]]


def test_out(backend, rng):
    image = rng.standard_normal((9, 30), dtype=np.float32)
    kernel = rng.standard_normal((3, 3), dtype=np.float32)
    for border in BORDERS:
        expected = convlab.filter2d(image, kernel, border=border)
        out = np.full(expected.shape, 7, np.float32)
        assert convlab.filter2d(image, kernel, border=border, out=out) is out
        assert_array_equal(out, expected)
    out = np.empty(image.shape, np.uint8)
    assert convlab.filter2d(image, kernel, dtype="u1", out=out) is out
    assert_array_equal(out, convlab.filter2d(image, kernel, dtype=np.uint8))


def test_the_input_is_never_written(backend, rng):
    image, kernel = rng.random((9, 30)), rng.random((3, 3))
    before = image.copy(), kernel.copy()
    convlab.filter2d(image, kernel, border="keep", clip=(0, 1))
    assert_array_equal(image, before[0])
    assert_array_equal(kernel, before[1])


def test_a_kernel_changed_in_place_counts(fast_backend, rng):
    image, kernel = rng.random((9, 30), np.float32), rng.random((3, 3), np.float32)
    first = convlab.filter2d(image, kernel)
    kernel *= 2
    assert_array_equal(convlab.filter2d(image, kernel), 2 * first)


def test_a_plan_references_no_memory_of_the_caller(rng):
    image, kernel = rng.random((9, 30), np.float32), rng.random((3, 3), np.float32)
    expected = convlab.filter2d(image, kernel).copy()
    original = kernel.copy()
    kernel[:] = np.nan
    assert_array_equal(convlab.filter2d(image, original), expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_shape_any_options(data):
    """Compiled, NumPy and plain Python give the same results for random options."""
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 70))
    kernel_height, kernel_width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    border = data.draw(st.sampled_from(BORDERS))
    if border == "valid":
        kernel_height, kernel_width = min(kernel_height, height), min(kernel_width, width)
    options = {
        "border": border,
        "anchor": (data.draw(st.integers(0, kernel_height - 1)), data.draw(st.integers(0, kernel_width - 1))),
        "scale": data.draw(st.sampled_from([1.0, 2.0])),
        "clip": data.draw(st.sampled_from([None, (-100, 90)])),
        "cval": data.draw(st.sampled_from([0.0, -3.0])),
    }
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(-20, 20, (height, width)).astype(np.float32)
    kernel = rng.integers(-9, 9, (kernel_height, kernel_width)).astype(np.float32)
    expected = convlab.filter2d(image, kernel, **options)
    for other in ("numpy", "python"):
        with convlab.use_backend(other):
            assert_array_equal(convlab.filter2d(image, kernel, **options), expected)


@pytest.mark.parametrize("dtype", [bool, "u1", "i2", "u2", ">u2"])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [3, 5, 7, 4, 1])
def test_integer_images_give_the_bits_of_floats(fast_backend, rng, dtype, border, size):
    """The kernel converts them row by row, so every border and layout runs other code."""
    kernel = rng.standard_normal((size, size), dtype=np.float32)
    high = 2 if dtype is bool else 30000
    options = {"border": border, "cval": -1.5}
    for shape in [(41, 70), (3 + size, 2 + size), (1 + size, 100)]:
        image = rng.integers(0, high, shape).astype(dtype)
        expected = convlab.filter2d(image.astype(np.float32), kernel, **options)
        assert_array_equal(convlab.filter2d(image, kernel, **options), expected)
        crop = np.zeros((shape[0] + 3, shape[1] + 5), dtype)
        crop[2:-1, 1:-4] = image
        assert_array_equal(convlab.filter2d(crop[2:-1, 1:-4], kernel, **options), expected)
    colour = rng.integers(0, high, (9, 30, 3)).astype(dtype)
    expected = convlab.filter2d(colour.astype(np.float32), kernel, channel_axis=-1, **options)
    assert_array_equal(convlab.filter2d(colour, kernel, channel_axis=-1, **options), expected)
    planes = np.moveaxis(colour, -1, 0)
    assert_array_equal(convlab.filter2d(planes, kernel, channel_axis=0, **options), np.moveaxis(expected, -1, 0))


def test_an_integer_picture_is_not_copied():
    """The plan reads it in place and needs less workspace than a float copy."""
    picture = np.zeros((2048, 2048), np.uint8)
    plan = _plan.filter2d(picture, np.ones((3, 3)))
    assert not plan.convert
    assert plan.workspace < picture.size / 8


def test_keep_keeps_what_float32_would_round(backend):
    image = np.full((5, 20), 2**24 + 1, np.int32)
    y = convlab.filter2d(image, np.zeros((3, 3)), border="keep", dtype=np.int32)
    assert_array_equal(y[0], image[0])
    assert not y[1:-1, 1:-1].any()


def test_a_true_of_any_byte_is_one(backend):
    """Pillow's 1-bit pictures have 255 for True."""
    image = np.array([[0, 255, 1, 2] * 5], np.uint8).view(bool)
    assert_array_equal(convlab.filter2d(image, [[1.0]]), [[0, 1, 1, 1] * 5])
    assert_array_equal(convlab.avg_pool2d(image, (1, 2)), [[0.5, 1] * 5])
    assert_array_equal(convlab.max_pool2d(image, (1, 2)), [[True, True] * 5])


@pytest.mark.parametrize("size", [3, 5, 7, 4, 2])
@pytest.mark.parametrize("border", ["mirror", "valid", "keep"])
@pytest.mark.parametrize("offset", range(0, 16, 3))
def test_non_temporal_stores(fast_backend, rng, monkeypatch, size, border, offset):
    """As for large results, with rows at any offset from a cache line."""
    monkeypatch.setattr(_plan, "Machine", functools.partial(_plan.Machine, cache_bytes=0))
    monkeypatch.setattr(cache, "_cache", cache.Cache())
    image = rng.integers(-50, 50, (30, 160)).astype(np.float32)
    kernel = rng.integers(-5, 5, (size, size))
    plan = _plan.filter2d(image, kernel, None, None, border)
    assert plan.tables[0][FilterGeometry._fields.index("stream")]
    shape = plan.spec.output.shape
    if border == "valid":  # rows of whole cache lines need a wider image
        image = rng.integers(-50, 50, (30, 160 + size - 1)).astype(np.float32)
        shape = shape[0], 160
    memory = np.full(16 + 30 * 160, np.nan, np.float32)
    out = memory[offset : offset + shape[0] * 160].reshape(shape)
    convlab.filter2d(image, kernel, border=border, out=out)
    with convlab.use_backend("numpy"):
        assert_array_equal(out, convlab.filter2d(image, kernel, border=border))
    assert np.isnan(memory[:offset]).all()
    assert np.isnan(memory[offset + out.size :]).all()


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4"])
@pytest.mark.parametrize("source", ["f4", "u1", "f8"])
def test_integers_use_no_non_temporal_stores(fast_backend, rng, monkeypatch, dtype, source):
    monkeypatch.setattr(_plan, "Machine", functools.partial(_plan.Machine, cache_bytes=0))
    monkeypatch.setattr(cache, "_cache", cache.Cache())
    image = rng.integers(0, 50, (30, 160)).astype(source)
    kernel = rng.integers(-5, 5, (3, 3))
    expected = np.clip(np.rint(convlab.filter2d(image, kernel)), np.iinfo(dtype).min, np.iinfo(dtype).max)
    assert_array_equal(convlab.filter2d(image, kernel, dtype=dtype), expected)
    bank = convlab.filter_bank(image, np.stack([kernel, kernel + 1, kernel]))
    assert_array_equal(bank, [convlab.filter2d(image, k) for k in (kernel, kernel + 1, kernel)])
