"""box on every backend and instruction set, compared with sums in double of SciPy and the plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

import convlab
from convlab import _dispatch, reference
from convlab._plan import box as _plan

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]
EPS = float(np.finfo(np.float32).eps)
SIZES = [1, 3, 9, 10, 15, (11, 2), (2, 12), 40]


def pair(size):
    return size if isinstance(size, tuple) else (size, size)


def kernel_of(size):
    return "box2d" if max(pair(size)) > _plan.DIRECT else "correlate2d_separable"


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (20, 70)])
def test_sums_of_whole_numbers_are_exact(backend, rng, border, size, shape):
    image = rng.integers(-50, 50, shape).astype(np.float32)
    rows, columns = pair(size)
    if border == "valid" and (shape[0] < rows or shape[1] < columns):
        with pytest.raises(ValueError, match="image: got height and width"):
            convlab.box(image, size, border=border)
        return
    actual = convlab.box(image, size, border=border, normalize=False, cval=-2)
    assert convlab.last_kernel() == ("box" if backend == "[python]" else kernel_of(size)) + backend
    assert actual.dtype == np.float32
    assert_array_equal(actual, reference.filter2d(image, np.ones((rows, columns)), border=border, cval=-2))


@pytest.mark.parametrize("anchor", [(0, 0), (10, 0), (0, 16), (10, 16)])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("width", [20, 700])
def test_anchor_and_strips(fast_backend, rng, monkeypatch, anchor, border, width):
    """Any anchor, with one strip and with several."""
    monkeypatch.setattr(_plan, "CACHED", 0)
    image = rng.integers(0, 50, (25, width)).astype(np.float32)
    actual = convlab.box(image, (11, 17), border=border, anchor=anchor, normalize=False, cval=3)
    kernel = np.ones((11, 17), np.float32)
    assert_array_equal(actual, convlab.filter2d(image, kernel, border=border, anchor=anchor, cval=3))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("ours", "theirs"), [("mirror", "mirror"), ("symmetric", "reflect"), ("nearest", "nearest"), ("wrap", "wrap")]
)
def test_scipys_means(fast_backend, rng, size, ours, theirs):
    image = rng.random((60, 210), dtype=np.float32)
    expected = ndimage.uniform_filter(image.astype(np.float64), size, mode=theirs)
    assert_allclose(convlab.box(image, size, border=ours), expected, rtol=4 * sum(pair(size)) * EPS)


@pytest.mark.parametrize("size", [3, 12, (15, 4)])
@pytest.mark.parametrize("border", ["nearest", "constant", "valid", "keep"])
@pytest.mark.parametrize("channels", [1, 2, 3, 17])
def test_channels_are_summed_separately(fast_backend, rng, size, border, channels):
    image = rng.standard_normal((30, 41, channels), dtype=np.float32)
    options = {"border": border, "cval": 0.3}
    expected = [convlab.box(image[..., c], size, **options) for c in range(channels)]
    for axis in (-1, 0, 1):
        moved = np.ascontiguousarray(np.moveaxis(image, -1, axis))
        assert_array_equal(convlab.box(moved, size, channel_axis=axis, **options), np.stack(expected, axis))


@pytest.mark.parametrize("source", ["u1", "i2", "u2", "f4", bool, "i4", ">i2"])
@pytest.mark.parametrize("target", ["u1", "i2", "u2", "i4", None])
@pytest.mark.parametrize("size", [5, (13, 14)])
def test_storage(fast_backend, rng, source, target, size):
    for border in ("mirror", "constant", "keep", "valid"):
        image = rng.integers(0, 2 if source is bool else 120, (40, 150)).astype(source)
        options = {"border": border, "cval": 1.5}
        floats = convlab.box(image.astype(np.float32), size, **options)
        expected = floats if target is None else np.rint(floats).astype(target)
        actual = convlab.box(image, size, dtype=target, **options)
        assert actual.dtype == expected.dtype
        assert_array_equal(actual, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [5, 12])
def test_no_value_leaves_its_window(fast_backend, value, size):
    """A running sum would carry a NaN, or the rounding error of a large number, to the end of the image."""
    image = np.ones((50, 90), np.float32)
    image[20, 30] = value
    before, after = size - 1 - size // 2, size // 2
    touched = np.zeros(image.shape, bool)
    touched[20 - before : 20 + after + 1, 30 - before : 30 + after + 1] = True
    y = convlab.box(image, size, normalize=False)
    assert np.all(np.isfinite(y) == ~touched)
    assert np.all(y[~touched] == size * size)
    image[20, 30] = 1e30
    assert np.all(convlab.box(image, size, normalize=False)[~touched] == size * size)


def test_error_bound(fast_backend, rng):
    image = (rng.standard_normal((90, 130)) * 10.0 ** rng.integers(-3, 4, (90, 130))).astype(np.float32)
    for size in (10, 31, 64):
        expected = ndimage.uniform_filter(image.astype(np.float64), size, mode="nearest")
        weight = ndimage.uniform_filter(np.abs(image.astype(np.float64)), size, mode="nearest")
        actual = convlab.box(image, size, border="nearest")
        assert np.all(np.abs(actual - expected) <= 4 * 2 * size * EPS * weight)


@pytest.mark.parametrize("size", [10, (12, 31), 63])
def test_every_backend_gives_the_same_bytes(rng, size):
    """No product is fused, so the baseline and NumPy give them too."""
    image = rng.standard_normal((97, 131), dtype=np.float32)
    colour = rng.standard_normal((70, 55, 3), dtype=np.float32)
    for border in ("mirror", "constant"):
        results = set()
        for word, isa in [("numpy", "auto"), *(("compiled", isa) for isa in _dispatch.built_isas())]:
            with convlab.use_backend(word, isa):
                one = convlab.box(image, size, border=border, cval=0.1)
                other = convlab.box(colour, size, border=border, cval=0.1, channel_axis=-1)
            results.add((one.tobytes(), other.tobytes()))
        assert len(results) == 1


def test_threads_strips_and_strides_change_nothing(fast_backend, rng, monkeypatch):
    image = rng.standard_normal((300, 500), dtype=np.float32)
    whole = convlab.box(image, (10, 21))
    padded = np.zeros((300, 1001), np.float32)
    padded[:, 3:503] = image
    assert_array_equal(convlab.box(padded[:, 3:503], (10, 21)), whole)
    assert_array_equal(convlab.box(np.asfortranarray(image), (10, 21)), whole)
    before = convlab.get_num_threads()
    for n in (1, 2, 3):
        convlab.set_num_threads(n)
        try:
            assert_array_equal(convlab.box(image, (10, 21)), whole)
        finally:
            convlab.set_num_threads(before)
    monkeypatch.setattr(_plan, "CACHED", 0)
    monkeypatch.setattr(_plan, "PART_ROWS", 20)
    # Another border that does not change the sums makes another plan.
    out = np.empty_like(whole)
    assert convlab.box(image, (10, 21), border="mirror", cval=1.0, out=out) is out
    assert_array_equal(out, whole)


def test_windows_too_large_for_the_workspace_are_summed_directly(rng):
    image = rng.integers(0, 9, (3, 50)).astype(np.float32)
    y = convlab.box(image, 5000, border="wrap", normalize=False)
    assert convlab.last_kernel().startswith("correlate2d_separable")
    rows = np.take(image, np.arange(-2500, 2500) % 3, axis=0).sum(0, dtype=np.float64)
    assert_allclose(y[0, 0], np.take(rows, np.arange(-2500, 2500) % 50).sum(), rtol=1e-4)
    convlab.box(image, 1000)
    assert convlab.last_kernel().startswith("box2d")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_shape_any_options(data):
    """Compiled, NumPy and plain Python give the same results for random options."""
    height, width = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 150))
    size = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    border = data.draw(st.sampled_from(BORDERS))
    if border == "valid":
        size = min(size[0], height), min(size[1], width)
    options = {
        "border": border,
        "anchor": (data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))),
        "cval": data.draw(st.sampled_from([0.0, -3.0])),
        "dtype": data.draw(st.sampled_from([None, "u1", "i2", "u2", "i4"])),
        "normalize": False,
    }
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(0, 40, (height, width)).astype(data.draw(st.sampled_from(["f4", "u1", "i2", "u2"])))
    expected = convlab.box(image, size, **options)
    for other in ("numpy", "python"):
        with convlab.use_backend(other):
            assert_array_equal(convlab.box(image, size, **options), expected)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros((5, 5)), 0), {}, ValueError, "size: got 0; expected a whole number of at least 1"),
        ((np.zeros((5, 5)), (1, 2, 3)), {}, ValueError, r"size: got \(1, 2, 3\)"),
        ((np.zeros((5, 5)), 2.0), {}, TypeError, "size: got float"),
        ((np.zeros((5, 5)), True), {}, TypeError, "size: got bool"),
        ((np.zeros((5, 5)), 1 << 20), {}, ValueError, "size: got 1048576; expected at most 65536"),
        ((np.zeros(5), 3), {}, ValueError, r"image: got shape \(5,\)"),
        ((np.zeros((5, 5)), 3), {"normalize": 1}, TypeError, "normalize: got int"),
        ((np.zeros((5, 5)), 3), {"anchor": (3, 0)}, ValueError, "anchor: got"),
        ((np.zeros((5, 5)), 6), {"border": "valid"}, ValueError, "image: got height and width"),
        ((np.zeros((5, 5)), 3), {"border": "reflect"}, ValueError, "'mirror' here .* and 'symmetric'"),
        ((np.zeros((5, 5)), 11), {"out": np.zeros((5, 4), "f4")}, ValueError, "out: got shape"),
        ((np.zeros((5, 5)), 11), {"dtype": "f8"}, TypeError, "dtype: got dtype float64"),
    ],
)
def test_bad_arguments(backend, arguments, options, error, message):
    with pytest.raises(error, match=message):
        convlab.box(*arguments, **options)
