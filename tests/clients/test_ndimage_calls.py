"""convlab.ndimage compared with scipy.ndimage: results that are not finite, outputs, errors, cached calls."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from ndimage_support import INTEGERS, MODES, PADS, both

import convlab
from convlab import ndimage, signal
from convlab.ndimage import _calls, _linear


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", MODES)
def test_borders_wider_than_twice_the_image(mode, n):
    x = np.arange(1, n * n + 1, dtype=np.float32).reshape(n, n)
    k = 6 * n + 1
    padded = np.pad(x, 3 * n, mode=PADS.get(mode, "wrap" if "wrap" in mode else "constant"))
    taps = np.arange(k * k).reshape(k, k) % 5
    expected = [[(padded[i : i + k, j : j + k] * taps).sum() for j in range(n)] for i in range(n)]
    np.testing.assert_array_equal(ndimage.correlate(x, taps, mode=mode), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_results_that_are_not_finite_are_scipys(rng, bad):
    x = rng.standard_normal((12, 15)).astype(np.float32)
    x[5, 7] = bad
    with np.errstate(invalid="ignore"):
        for name, args in [
            ("correlate", ([[0, 1, 0], [1, -4, 1], [0, 1, 0]],)),
            ("correlate1d", ([1, 0, -1],)),
            ("gaussian_filter", (1.0,)),
            ("uniform_filter", (3,)),
            ("sobel", ()),
            ("gaussian_gradient_magnitude", (1.0,)),
            *([("maximum_filter", (3,)), ("median_filter", (3,))] if np.isnan(bad) else []),
        ]:
            np.testing.assert_array_equal(*both(name, x, *args, served=False))
        into, other = np.zeros_like(x), np.zeros_like(x)
        ndimage.correlate(x, np.eye(3), into)
        np.testing.assert_array_equal(into, scipy.ndimage.correlate(x, np.eye(3), other))


def test_last_kernel_names_scipys_function():
    x = np.ones((9, 9), np.float32)
    for _ in range(2):  # a new call and a cached one
        ndimage.gaussian_filter(x, 1.0)
        assert convlab.last_kernel().startswith("correlate2d_separable[")
        ndimage.gaussian_filter(x.astype(np.float64), 1.0)
        assert convlab.last_kernel() == "scipy.ndimage.gaussian_filter[scipy]"
        ndimage.correlate(np.full((9, 9), np.nan, np.float32), np.eye(3))
        assert convlab.last_kernel() == "scipy.ndimage.correlate[scipy]"
    signal.medfilt2d(x.astype(np.float64), 3)
    assert convlab.last_kernel() == "scipy.signal.medfilt2d[scipy]"


def test_intermediate_overflow_falls_back_to_scipy():
    x = np.full((4, 4), 3e38, np.float32)
    np.testing.assert_array_equal(*both("correlate1d", x, [1, 1, -1], served=False))


def test_output_arrays(rng):
    x = rng.standard_normal((10, 12)).astype(np.float32)
    w = rng.standard_normal((3, 3))
    expected = ndimage.correlate(x, w)
    for into in (np.empty_like(x), np.empty((10, 24), np.float32)[:, ::2], np.empty_like(x).T.reshape(10, 12)):
        assert ndimage.correlate(x, w, into) is into
        np.testing.assert_array_equal(into, expected)
    same = x.copy()
    assert ndimage.correlate(same, w, output=same) is same  # the output is the input
    np.testing.assert_array_equal(same, expected)
    whole = np.concatenate([x, x])
    ndimage.correlate(whole[:10], w, output=whole[5:15])  # they overlap
    np.testing.assert_array_equal(whole[5:15], expected)
    for name, args in [("gaussian_filter", (1.0,)), ("sobel", ()), ("uniform_filter", (4,)), ("laplace", ())]:
        same = x.copy()
        assert getattr(ndimage, name)(same, *args, output=same) is same
        # SciPy in place is wrong: its laplace reads the second axis from the result of the first.
        np.testing.assert_allclose(same, getattr(scipy.ndimage, name)(x, *args), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("x", "kwargs"),
    [
        (np.ones((5, 5)), {}),  # double
        (np.ones((5, 5), np.complex64), {}),
        (np.ones((5, 5), np.int32), {}),
        (np.ones((5, 5), np.float32), {"output": np.float64}),
        (np.ones((5, 5), np.float32), {"output": np.uint8}),  # truncated from doubles
        (np.ones((5, 5), np.uint8), {"weights": np.full((3, 3), 0.1)}),
        (np.ones((5, 5), np.uint16), {"weights": np.full((3, 3), 100)}),  # more than 2^24
        (np.ones((5, 5), np.uint8), {"mode": "constant", "cval": 0.5}),
        (np.ones((5, 5), np.float32), {"mode": "constant", "cval": np.nan}),
        (np.ones((5, 5), np.float32), {"weights": np.full((3, 3), 1e300)}),
        (np.ones((5, 5), np.float32), {"weights": np.full((3, 3), 1j)}),
        (np.ones((4, 4, 4), np.float32), {"weights": np.ones((2, 2, 2))}),
        (np.ones((0, 5), np.float32), {}),
        ([[1.0, 2.0]], {}),
    ],
)
def test_unsupported_calls_fall_back_to_scipy(x, kwargs):
    arguments = {"weights": np.ones((3, 3)), **kwargs}
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(*both("correlate", x, served=False, **arguments))


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("correlate", (np.ones(3),), {}),
        ("correlate", (np.ones((3, 3)),), {"mode": "symmetric"}),
        ("correlate", (np.ones((3, 3)),), {"origin": 2}),
        ("correlate", (np.ones((3, 3)),), {"origin": (0, 0, 0)}),
        ("correlate", (np.ones((3, 3)),), {"output": np.ones((2, 2))}),
        ("correlate", (np.ones((3, 3)),), {"output": "no dtype"}),
        ("correlate", (np.ones((3, 3)),), {"axes": (0, 5)}),
        ("correlate", (np.ones((0, 3)),), {}),
        ("correlate", (), {}),
        ("correlate1d", ([1, 2, 3],), {"axis": 7}),
        ("correlate1d", ([],), {}),
        ("gaussian_filter", (1.0,), {"order": -1}),
        ("gaussian_filter", (1.0,), {"radius": 1.5}),
        ("gaussian_filter", ([1.0, 2.0, 3.0],), {}),
        ("uniform_filter", (3,), {"origin": 2}),
        ("uniform_filter1d", (0,), {}),
        ("sobel", (), {"axis": 2}),
        ("laplace", (), {"mode": ["mirror"]}),
        ("maximum_filter", (), {}),
        ("maximum_filter", (3,), {"origin": 2}),
        ("minimum_filter1d", (0,), {}),
        ("median_filter", (3,), {"mode": "symmetric"}),
        ("median_filter", (3,), {"footprint": np.zeros((3, 3))}),
        ("maximum_filter1d", (3,), {"mode": ["mirror"]}),
        ("correlate", ([1, 2, 1],), {"axes": -1}),
    ],
)
def test_errors_are_scipys(name, args, kwargs):
    x = np.ones((5, 5), np.float32)
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        getattr(scipy.ndimage, name)(x, *args, **kwargs)
    with pytest.raises(theirs.type) as ours:
        getattr(ndimage, name)(x, *args, **kwargs)
    assert str(ours.value) == str(theirs.value)


def test_errors_of_medians_of_lines_are_scipys():
    x = np.ones(9, bool)
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        scipy.ndimage.median_filter(x, 3, cval=np.nan)
    with pytest.raises(theirs.type) as ours:
        ndimage.median_filter(x, 3, cval=np.nan)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u4"])
@pytest.mark.parametrize("n", [3, 9, 50])
def test_medians_of_byte_swapped_lines(rng, n, dtype):
    """SciPy 1.17 raises RuntimeError for the floating-point ones."""
    x = rng.integers(0, 100, n).astype(dtype)
    swapped = x.astype(x.dtype.newbyteorder())
    np.testing.assert_array_equal(ndimage.median_filter(swapped, 3), scipy.ndimage.median_filter(x, 3))


def test_cached_calls_differ_only_in_their_pixels(rng):
    """A cached call is not used for another kernel, option, type of option, layout or output."""
    x, w = rng.standard_normal((2, 30, 40), dtype=np.float32)[0], rng.standard_normal((3, 3))
    first = ndimage.correlate(x, w, mode="nearest")
    kept = len(_calls._ready)
    np.testing.assert_array_equal(ndimage.correlate(x * 2, w, mode="nearest"), first * 2)
    assert len(_calls._ready) == kept
    w *= 2  # in place
    np.testing.assert_array_equal(ndimage.correlate(x, w, mode="nearest"), first * 2)
    for image in (x.astype(np.float64), x[:, ::2], x.T, x[:, :, None].repeat(3, 2), x.astype(np.int16)):
        both("correlate", image, w.reshape(3, 3, *[1] * (image.ndim - 2)), served=image.dtype == np.float32)
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    for size in (3, (3, 3), (1, 3), 2):
        np.testing.assert_array_equal(*both("uniform_filter", image, size))
    for wrong in (3.0, (3.0, 3), True):
        for function in (ndimage.maximum_filter, scipy.ndimage.maximum_filter):
            assert (function(image, 3) == scipy.ndimage.maximum_filter(image, 3)).all()
        try:
            theirs = scipy.ndimage.maximum_filter(image, wrong)
        except Exception as error:
            with pytest.raises(type(error)):
                ndimage.maximum_filter(image, wrong)
        else:
            np.testing.assert_array_equal(ndimage.maximum_filter(image, wrong), theirs)
    image = x.copy()
    ndimage.gaussian_filter(image, 1.0)
    image[3, 4] = np.nan  # the cached call falls back to SciPy
    np.testing.assert_array_equal(ndimage.gaussian_filter(image, 1.0), scipy.ndimage.gaussian_filter(image, 1.0))
    out = np.zeros((30, 40), np.float32)
    for _ in range(2):
        assert ndimage.maximum_filter(x, 3, output=out) is out or out.any()
        np.testing.assert_array_equal(out, scipy.ndimage.maximum_filter(x, 3))
        out[:] = 0
    outs = np.zeros((2, 30, 40), np.float32)
    for out in outs:  # the second argument is the output, with the same content but another array
        assert ndimage.laplace(x, out) is out or out.any()
    np.testing.assert_array_equal(*outs)


@pytest.mark.parametrize("dtype", ["e", "g", "F", "D", "O", "Q", "d", "?", "i"])
@pytest.mark.parametrize("image", ["u1", "i2", "f4"])
@pytest.mark.parametrize(
    "call",
    [
        ("maximum_filter", 3),
        ("minimum_filter1d", 3),
        ("median_filter", 3),
        ("uniform_filter", 3),
        ("sobel",),
        ("laplace",),
    ],
)
def test_outputs_of_any_dtype_are_scipys(call, image, dtype, rng):
    name, *args = call
    x = rng.integers(0, 90, (12, 13)).astype(image)
    for new in (lambda: np.dtype(dtype), lambda: np.zeros(x.shape, dtype)):
        ours, theirs = new(), new()
        try:
            expected = getattr(scipy.ndimage, name)(x, *args, output=theirs)
        except Exception as error:
            with pytest.raises(type(error)):
                getattr(ndimage, name)(x, *args, output=ours)
        else:
            result = getattr(ndimage, name)(x, *args, output=ours)
            assert result.dtype == expected.dtype
            np.testing.assert_allclose(result, expected, rtol=0, atol=1e-3)


def test_the_cache_of_calls_is_bounded(rng):
    x = rng.random((5, 6), np.float32)
    for _ in range(_calls.CACHED + 5):
        ndimage.correlate1d(x, rng.random(3))
    assert len(_calls._ready) <= _calls.CACHED


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_correlation_is_scipys(data):
    ndim = data.draw(st.integers(1, 3))
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * ndim))
    dtype = data.draw(st.sampled_from([np.float32, bool, *INTEGERS]))
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    x = (rng.integers(-30, 30, shape)).astype(dtype)
    axis = data.draw(st.integers(-ndim, ndim - 1))
    w = rng.integers(-9, 10, data.draw(st.integers(1, 12)))
    origin = data.draw(st.integers(-(w.size // 2), (w.size - 1) // 2))
    mode = data.draw(st.sampled_from(MODES))
    output = data.draw(st.sampled_from([np.uint8, np.int16, np.uint32, np.float32]))
    name = data.draw(st.sampled_from(["correlate1d", "convolve1d"]))
    narrow = _linear.is_narrow(shape, axis % ndim)  # SciPy is faster for it
    served = not narrow and (dtype is not np.float32 or output is np.float32)
    mine, theirs = both(name, x, w, axis, output, mode, 5, origin, served=served)
    np.testing.assert_array_equal(mine, theirs)  # integers are exact in both
