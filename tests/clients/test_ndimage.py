"""convlab.ndimage compared with scipy.ndimage: the same numbers, dtypes, borders and errors."""

import inspect

import numpy as np
import pytest
import scipy.ndimage
from ndimage_support import EPS, INTEGERS, MODES, PADS, assert_within, both
from support import run_python

import convlab
from convlab import ndimage


@pytest.mark.parametrize("name", ndimage.SERVED)
def test_signatures_are_scipys(name):
    ours = inspect.signature(getattr(ndimage, name)).parameters
    theirs = inspect.signature(getattr(scipy.ndimage, name)).parameters
    assert list(ours) == list(theirs)
    for parameter, other in zip(ours.values(), theirs.values(), strict=True):
        assert (parameter.kind, parameter.default) == (other.kind, other.default)
    assert f"scipy.ndimage.{name}" in getattr(ndimage, name).__doc__


def test_other_functions_are_scipys():
    for name in scipy.ndimage.__all__:
        assert (getattr(ndimage, name) is getattr(scipy.ndimage, name)) == (name not in ndimage.SERVED)
    assert set(scipy.ndimage.__all__) == set(ndimage.__all__)
    assert "label" in dir(ndimage)
    with pytest.raises(AttributeError, match="no_such_function"):
        ndimage.no_such_function  # noqa: B018


def test_importing_convlab_does_not_import_scipy():
    code = (
        "import sys, convlab; assert 'scipy' not in sys.modules; convlab.ndimage.sobel; assert 'scipy' in sys.modules"
    )
    assert run_python(code).returncode == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 3), (4, 2), (5, 5), (7, 1), (13, 9)])
def test_float_images_within_the_bound(fast_backend, rng, mode, size):
    for shape in [(1, 1), (2, 5), (17, 33)]:
        x = rng.standard_normal(shape).astype(np.float32)
        w = rng.standard_normal(size)
        for name in ("correlate", "convolve"):
            mine, theirs = both(name, x, w, mode=mode, cval=0.3)
            assert convlab.last_kernel().endswith(fast_backend)
            assert_within(mine, theirs, np.append(x, 0.3), [w])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_images_are_scipys_to_the_bit(fast_backend, rng, dtype, mode):
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, (11, 19), dtype, endpoint=True)
    w = rng.integers(-7, 8, (3, 4))
    for output in (None, np.uint8, np.int16, "int32", np.uint64, np.float32, float):
        for name in ("correlate", "convolve"):
            mine, theirs = both(name, x, w, output=output, mode=mode, cval=9)
            assert convlab.last_kernel().endswith(fast_backend)
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", [bool, *INTEGERS])
@pytest.mark.parametrize("name", ["sobel", "prewitt", "laplace", "uniform_filter"])
def test_integer_derivatives_and_means_are_scipys_to_the_bit(rng, name, dtype):
    for shape in [(9,), (8, 13), (3, 4, 9)]:
        x = (rng.standard_normal(shape) * 1e4).astype(dtype)
        for mode in MODES:
            for output in (np.int16, np.uint8, np.float32):
                mine, theirs = both(name, x, output=output, mode=mode, cval=3)
                if (name, output) == ("uniform_filter", np.float32):  # quotients, rounded after each axis
                    np.testing.assert_allclose(mine, theirs, rtol=0, atol=4 * EPS * 3 * x.ndim * 4e4)
                else:
                    np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("size", [2, 3, 7, 16, 31, 33, 129, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_means_are_truncated_to_the_right_integer(fast_backend, rng, dtype, size):
    x = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (40, 300), dtype, endpoint=True)
    x[::4] = np.where(rng.random(300) < 0.02, np.iinfo(dtype).max - 1, np.iinfo(dtype).max)  # close to whole numbers
    x[1::4] = np.where(rng.random(300) < 0.02, 1, 0)
    for output in (None, np.float64):
        np.testing.assert_array_equal(*both("uniform_filter1d", x, size, output=output))
        assert convlab.last_kernel().endswith(fast_backend)
        np.testing.assert_array_equal(*both("uniform_filter1d", x, size, 0, output=output, mode="constant", cval=200))


@pytest.mark.parametrize("mode", MODES)
def test_separable_filters_within_the_bound(rng, mode):
    for shape in [(40,), (21, 34), (5, 6, 9), (2, 3, 4, 9)]:
        x = rng.standard_normal(shape).astype(np.float32)
        n = x.ndim
        gauss = scipy.ndimage.gaussian_filter1d(np.eye(1, 33, 16)[0], 1.5)
        for name, args, taps in [
            ("gaussian_filter", (1.5,), [gauss] * n),
            ("gaussian_filter1d", (1.5,), [gauss]),
            ("uniform_filter", (4,), [np.full(4, 0.25)] * n),
            ("uniform_filter1d", (5,), [np.full(5, 0.2)]),
            ("sobel", (0,), [np.full(3, 4.0**n)] * n),
            ("prewitt", (-1,), [np.full(3, 4.0**n)] * n),
            ("laplace", (), [np.full(3, 4.0)] * n),
            ("gaussian_laplace", (1.5,), [gauss] * n * n),
            ("gaussian_gradient_magnitude", (1.5,), [gauss] * n * n),
        ]:
            mine, theirs = both(name, x, *args, mode=mode, cval=0.7)
            assert_within(mine, theirs, np.append(x, 0.7), taps)


def test_a_mode_and_an_origin_for_each_axis(rng):
    x = rng.standard_normal((9, 14)).astype(np.float32)
    for name, args, kwargs in [
        ("sobel", (0,), {"mode": ["wrap", "nearest"]}),
        ("gaussian_filter", ([1.0, 0.0],), {"mode": ["wrap", "mirror"], "order": [1, 0]}),
        ("gaussian_filter", (1.0,), {"radius": (2, 3), "axes": (1, 0)}),
        ("uniform_filter", ([3, 4],), {"origin": [-1, 1], "mode": ["constant", "mirror"]}),
        ("laplace", (), {"mode": ["constant", "mirror"], "cval": 2.0}),
        ("correlate", (np.ones((3, 4)),), {"origin": (1, -2)}),
        ("convolve", (np.ones((2, 5)),), {"origin": [-1, 2]}),
        ("correlate1d", ([1, 2],), {"axis": 0, "origin": -1}),
    ]:
        mine, theirs = both(name, x, *args, **kwargs)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4)


def test_axes_of_stacks(rng):
    x = rng.integers(0, 255, (4, 9, 11), np.uint8)
    w = rng.integers(-3, 4, (3, 3))
    for axes in [(0, 1), (0, 2), (1, 2), (-2, -1)]:
        np.testing.assert_array_equal(*both("correlate", x, w, axes=axes))
    for layout in (x.transpose(2, 0, 1), x[:, ::-2, 1:-1], x.astype(">i2")):
        np.testing.assert_array_equal(*both("convolve", layout, w, axes=(0, 1)))
    # SciPy reads weights for two axes in the other order in a different way.
    np.testing.assert_array_equal(*both("correlate", x, w, axes=(1, 0), served=False))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, bool, *INTEGERS])
def test_selections_are_scipys(fast_backend, rng, dtype, mode):
    for shape in [(9,), (8, 21), (3, 4, 5)]:
        x = (rng.standard_normal(shape) * 100).astype(dtype)
        for name, args in [
            ("maximum_filter", (3,)),
            ("maximum_filter", (4,)),
            ("minimum_filter", (2,)),
            ("maximum_filter1d", (5, 0)),
            ("minimum_filter1d", (6,)),
        ]:
            np.testing.assert_array_equal(*both(name, x, *args, mode=mode, cval=1))
            assert convlab.last_kernel().endswith(fast_backend)
        if x.ndim == 2:  # SciPy's medians of lines no longer than the window read beyond them
            for size in (1, 3, 4, 5):
                for origin in (0, -(size // 2), (size - 1) // 2):
                    np.testing.assert_array_equal(*both("median_filter", x, size, mode=mode, cval=1, origin=origin))
                    assert convlab.last_kernel().endswith(fast_backend)


@pytest.mark.parametrize("mode", MODES)
def test_medians_of_lines(mode):
    for n in (1, 2, 5, 12):
        x = (np.arange(n) * 7 % 5).astype(np.int16)
        pad = np.pad(x, 20, mode=PADS.get(mode, "wrap" if "wrap" in mode else "constant"))
        for size, origin in [(3, 1), (4, -2), (9, 4), (13, 0)]:
            first = 20 - size // 2 - origin
            expected = [sorted(pad[i + first : i + first + size])[size // 2] for i in range(n)]
            np.testing.assert_array_equal(ndimage.median_filter(x, size, mode=mode, origin=origin), expected)


SHORT = """
import warnings
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from convlab import _borders, ndimage, signal

def right(x, k, border, origin, cval, rank):
    numbers = _borders.source_indices(border, x.size, -(k // 2 + origin), x.size + k - 1 - (k // 2 + origin))
    line = x[numbers].astype(float)
    line[numbers < 0] = cval
    return np.sort(sliding_window_view(line, k), -1)[:, rank]

rng = np.random.default_rng(0)
warnings.simplefilter("ignore")  # about windows longer than the line
n = {n}
for k in (1, 2, 3, 4, 5, 8, 9, 15, 21):
    for mode, border in {modes}.items():
        for origin in (0, -(k // 2), (k - 1) // 2):
            for dtype in ("i8", "f8", "u1", "f4", "i2", ">f8"):
                x, rank = rng.integers(0, 200, n).astype(dtype), int(rng.integers(0, k))
                options = dict(mode=mode, origin=origin, cval=7)
                middle, expected = (right(x, k, border, origin, 7, r) for r in (k // 2, rank))
                np.testing.assert_array_equal(ndimage.median_filter(x, k, **options), middle)
                np.testing.assert_array_equal(ndimage.rank_filter(x, rank, k, **options), expected)
                y = ndimage.percentile_filter(x, 50, footprint=np.ones(k), **options)
                np.testing.assert_array_equal(y, right(x, k, border, origin, 7, int(k * 0.5)))
                assert y.dtype == x.dtype.newbyteorder('=')
                out = np.zeros(n, np.float32)
                assert ndimage.rank_filter(x, rank, k, output=out, **options) is out
                np.testing.assert_array_equal(out, expected)
    ndimage.median_filter(np.full(n, np.nan, np.float32), k)
    if k % 2:
        x = rng.integers(0, 200, n).astype(float)
        np.testing.assert_array_equal(signal.medfilt(x, k), right(x, k, "constant", 0, 0, k // 2))
        np.testing.assert_array_equal(signal.order_filter(x, np.ones(k), k // 3), right(x, k, "constant", 0, 0, k // 3))
"""


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 15, 16, 31])
def test_ranks_of_lines_do_not_crash(n):
    """SciPy 1.17 crashes, hangs or reads beyond the line, so this runs in a separate process."""
    modes = {"reflect": "symmetric", "mirror": "mirror", "nearest": "nearest", "wrap": "wrap", "constant": "constant"}
    run_python(SHORT.format(n=n, modes=modes))


def test_windows_of_many_kinds(rng):
    x = rng.integers(0, 255, (7, 11, 13), np.uint8)
    for name in ("maximum_filter", "minimum_filter", "median_filter"):
        for axes in [(0, 1), (0, 2), (1, 2), (-1,)]:
            np.testing.assert_array_equal(*both(name, x, 3, axes=axes, mode="mirror"))
        for kwargs in ({"footprint": np.ones((3, 5))}, {"size": (4, 3), "origin": (1, -1)}, {"size": (1, 5)}):
            np.testing.assert_array_equal(*both(name, x[0], **kwargs))
        np.testing.assert_array_equal(*both(name, x[0], 3, output=np.float64))
        np.testing.assert_array_equal(*both(name, x[0], 3, output=np.int8, served=False))
        np.testing.assert_array_equal(*both(name, x[0], 3, mode="constant", cval=-1, served=False))
        np.testing.assert_array_equal(*both(name, x[0], footprint=np.eye(3), served=False))
        np.testing.assert_array_equal(*both(name, x[0].astype(np.int64), 3, served=False))
        same = x[0].copy()
        assert getattr(ndimage, name)(same, 3, output=same) is same
        np.testing.assert_array_equal(same, getattr(scipy.ndimage, name)(x[0], 3))
    np.testing.assert_array_equal(*both("maximum_filter", x[0], (3, 4), mode=["wrap", "nearest"], origin=[1, 0]))
