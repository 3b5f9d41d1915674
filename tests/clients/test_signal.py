"""convlab.signal compared with scipy.signal: the same numbers, modes, boundaries, dtypes and errors."""

import inspect

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab
from convlab import signal

BOUNDARIES = ["fill", "pad", "wrap", "circular", "symm", "symmetric"]
MODES = ["full", "same", "valid"]
EPS = float(np.finfo(np.float32).eps)


def both(name, *args, served=True, **kwargs):
    """Return convlab's and SciPy's results; check whether convlab computed its result without the fallback."""
    ours = getattr(signal, name)
    assert (ours.__wrapped__(*args, **kwargs) is not None) == served, "served" if served else "handed on"
    mine, theirs = ours(*args, **kwargs), getattr(scipy.signal, name)(*args, **kwargs)
    assert mine.dtype == theirs.dtype
    assert mine.shape == theirs.shape
    return mine, theirs


@pytest.mark.parametrize("name", signal.SERVED)
def test_signatures_are_scipys(name):
    ours = inspect.signature(getattr(signal, name)).parameters
    theirs = inspect.signature(getattr(scipy.signal, name)).parameters
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]
    assert f"scipy.signal.{name}" in getattr(signal, name).__doc__


def test_other_functions_are_scipys():
    for name in scipy.signal.__all__:
        assert (getattr(signal, name) is getattr(scipy.signal, name)) == (name not in signal.SERVED)
    assert set(scipy.signal.__all__) == set(signal.__all__)
    assert "lfilter" in dir(signal)
    with pytest.raises(AttributeError, match="no_such_function"):
        signal.no_such_function  # noqa: B018


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_float_arrays_within_the_bound(fast_backend, rng, name, boundary, mode):
    for shape, size in [((1, 1), (1, 1)), ((5, 7), (2, 3)), ((17, 33), (4, 4)), ((3, 4), (3, 2)), ((2, 3), (4, 5))]:
        x, w = rng.standard_normal(shape).astype(np.float32), rng.standard_normal(size).astype(np.float32)
        mine, theirs = both(name, x, w, mode, boundary, 0.5)
        assert convlab.last_kernel().endswith(fast_backend)
        bound = 4 * w.size * EPS * np.abs(w).sum() * max(np.abs(x).max(), 0.5)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=2 * bound)  # SciPy's sums are float32 too


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(
    "dtypes", [("u1", "u1"), ("u1", "i1"), ("i1", "u1"), ("i2", "i2"), ("u2", "i8"), ("?", "i1"), ("u1", "i4")]
)
def test_integer_arrays_are_scipys_to_the_bit(fast_backend, rng, dtypes, boundary, mode):
    for shape, size in [((5, 7), (2, 3)), ((4, 6), (3, 3)), ((9, 12), (4, 1))]:
        x, w = (rng.integers(-4, 99, shape)).astype(dtypes[0]), rng.integers(-9, 9, size).astype(dtypes[1])
        for name in ("convolve2d", "correlate2d"):
            large = dtypes == ("i2", "i2") and np.abs(w).sum() * 2.0**15 >= 2**24
            mine, theirs = both(name, x, w, mode, boundary, 3, served=not large)
            assert convlab.last_kernel().endswith(fast_backend)
            np.testing.assert_array_equal(mine, theirs)


def test_fills_that_the_image_cannot_hold(rng):
    x = rng.integers(0, 255, (5, 6), np.uint8)
    for fill, w in [(300, np.ones((3, 2), np.int64)), (-1, np.ones((2, 2), np.int16)), (0.5, np.ones((2, 2), "f4"))]:
        for mode in MODES:
            np.testing.assert_array_equal(*both("convolve2d", x, w, mode, "fill", fill))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
def test_short_kernels_by_sums(fast_backend, rng, name, mode):
    for shape, size in [((9,), (4,)), ((40,), (1,)), ((200,), (31,)), ((9, 12), (3, 4)), ((30, 31), (15, 15))]:
        x, w = rng.standard_normal(shape).astype(np.float32), rng.standard_normal(size).astype(np.float32)
        for axes in (None, -1 if x.ndim == 1 else (0, 1)):
            mine, theirs = both(name, x, w, mode, axes)
            assert convlab.last_kernel().endswith(fast_backend)
            exact = scipy.signal.convolve(x.astype(float), w.astype(float), mode, method="direct")
            bound = 4 * w.size * EPS * np.abs(w).sum() * np.abs(x).max()
            np.testing.assert_allclose(mine, exact, rtol=0, atol=bound)
            np.testing.assert_allclose(theirs, exact, rtol=0, atol=bound)
        if mode != "same":
            np.testing.assert_array_equal(both(name, w, x, mode)[0], mine)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_medians(fast_backend, rng, dtype):
    x = (rng.random((17, 29)) * 200 - (100 if dtype is np.float32 else 0)).astype(dtype)
    for size in (1, 3, 5, (3, 7), [5, 1], np.array([3, 3])):
        np.testing.assert_array_equal(*both("medfilt2d", x, size))
        assert convlab.last_kernel().endswith(fast_backend)
    np.testing.assert_array_equal(*both("medfilt2d", x))
    np.testing.assert_array_equal(*both("medfilt2d", x.astype(np.float64), 5, served=False))
    np.testing.assert_array_equal(*both("medfilt2d", x.astype(np.int16), 3, served=False))


def test_large_images_by_transforms(rng):
    x, w = rng.random((1024, 1030), np.float32), rng.random((33, 40), np.float32)
    mine, theirs = both("fftconvolve", x, w, "same")
    assert convlab.last_kernel().startswith("correlate2d_fft")
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=8 * 12 * EPS * np.linalg.norm(w) * np.sqrt(33 * 40))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_results_that_are_not_finite_are_scipys(rng, bad):
    x = rng.standard_normal((12, 15)).astype(np.float32)
    x[5, 7] = bad
    w = np.array([[0, 1], [2, 3]], np.float32)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(*both("convolve2d", x, w, served=False))
        np.testing.assert_array_equal(*both("correlate2d", x, w, served=False))


@pytest.mark.filterwarnings("ignore:Use of fft convolution:RuntimeWarning")
def test_unsupported_calls_fall_back_to_scipy(rng):
    x, w = np.ones((6, 7)), np.ones((2, 3))
    small = x.astype(np.float32)
    for name, args in [
        ("convolve2d", (x, w)),
        ("convolve2d", (small, w)),  # a double result
        ("convolve2d", (small, w + 1j)),
        ("convolve2d", (x.astype(np.int32), w.astype(np.int8))),
        ("convolve2d", (x.tolist(), w.tolist())),
        ("correlate2d", (np.full((6, 7), 9, np.uint16), np.full((9, 9), 9, np.uint16))),  # beyond 2^24
        ("fftconvolve", (x, w)),
        ("fftconvolve", (small, np.ones((6, 7), np.float32) * np.nan)),
        ("fftconvolve", (np.ones((2, 3, 4), np.float32), np.ones((1, 2, 2), np.float32))),
        ("oaconvolve", (x.astype(np.uint8), w.astype(np.uint8))),
        ("oaconvolve", (np.ones((40, 40), np.float32), np.ones((26, 26), np.float32))),
        ("fftconvolve", (np.ones(500, np.float32), np.ones(257, np.float32))),
    ]:
        np.testing.assert_array_equal(*both(name, *args, served=False))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("convolve2d", (np.ones(3), np.ones((2, 2)))),
        ("convolve2d", (np.ones((3, 3)), np.ones((2, 2)), "middle")),
        ("correlate2d", (np.ones((3, 3)), np.ones((2, 2)), "same", "mirror")),
        ("correlate2d", (np.ones((3, 3)), np.ones((4, 2)), "valid")),
        ("convolve2d", (np.ones((3, 3)), np.ones((2, 2)), "same", "fill", [1, 2])),
        ("fftconvolve", (np.ones((3, 3)), np.ones(2))),
        ("fftconvolve", (np.ones((3, 3)), np.ones((2, 2)), "middle")),
        ("oaconvolve", (np.ones((3, 3)), np.ones((2, 2)), "full", 5)),
        ("oaconvolve", (np.ones((3, 3)),)),
        ("medfilt2d", (np.ones((3, 3)), 4)),
        ("medfilt2d", (np.ones(3), 3)),
    ],
)
def test_errors_are_scipys(name, args):
    args = tuple(a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args)
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        getattr(scipy.signal, name)(*args)
    with pytest.raises(theirs.type) as ours:
        getattr(signal, name)(*args)
    assert str(ours.value) == str(theirs.value)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_convolution_is_scipys(data):
    sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dtypes = st.sampled_from([np.float32, np.uint8, np.int8, np.int16])
    x = rng.integers(0, 50, data.draw(sizes)).astype(data.draw(dtypes))
    w = rng.integers(-5, 5, data.draw(sizes)).astype(data.draw(dtypes) if x.dtype == np.float32 else np.int8)
    mode = data.draw(st.sampled_from(MODES))
    if mode == "valid" and not (np.array(x.shape) >= w.shape).all() and not (np.array(x.shape) <= w.shape).all():
        mode = "full"
    name = data.draw(st.sampled_from(["convolve2d", "correlate2d"]))
    boundary = data.draw(st.sampled_from(BOUNDARIES))
    mine, theirs = both(name, x, w, mode, boundary, 7)
    np.testing.assert_array_equal(mine, theirs)  # integers are exact in both


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("taps", [1, 2, 9])
def test_columns_are_convolved_as_rows(fast_backend, rng, mode, taps):
    x, w = rng.random((400, 1), np.float32), rng.random((taps, 1), np.float32)
    mine, theirs = both("fftconvolve", x, w, mode)
    assert convlab.last_kernel().endswith(fast_backend)
    np.testing.assert_allclose(mine, theirs, atol=1e-5)
    np.testing.assert_array_equal(mine, both("fftconvolve", x.T, w.T, mode)[0].T)
