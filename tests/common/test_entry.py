"""The compiled path of a call with a cached plan: the same results, errors and settings as the Python path."""

import gc
import weakref

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support import needs_kernels

import convlab
from convlab import _dispatch
from convlab._plan import cache

pytestmark = needs_kernels

X = np.arange(2 * 3 * 12 * 14, dtype=np.float32).reshape(2, 3, 12, 14) % 17
IMAGE = X[0, 0]
TAPS = np.array([[1, 2, 1], [0, 1, 0], [2, 1, 3]], np.float32)
WEIGHTS = np.arange(4 * 3 * 3 * 3, dtype=np.float32).reshape(4, 3, 3, 3) % 5
LAYER = convlab.Conv2d(WEIGHTS, np.ones(4), stride=2)
# An array, and a function of it and `out`.
CALLS = {
    "filter2d": (IMAGE, lambda x, out: convlab.filter2d(x, TAPS, out=out)),
    "filter2d of bytes": (
        IMAGE.astype(np.uint8), lambda x, out: convlab.filter2d(x, TAPS, dtype=np.uint8, out=out),
    ),
    "filter_bank": (IMAGE, lambda x, out: convlab.filter_bank(x, WEIGHTS[0], out=out)),
    "sep_filter2d": (
        IMAGE, lambda x, out: convlab.sep_filter2d(x, TAPS[0], TAPS[1], border="wrap", out=out),
    ),
    "gaussian": (IMAGE, lambda x, out: convlab.gaussian(x, 1.5, out=out)),
    "box": (IMAGE, lambda x, out: convlab.box(x, 5, out=out)),
    "maximum_filter": (IMAGE, lambda x, out: convlab.maximum_filter(x, 3, out=out)),
    "median_filter": (IMAGE, lambda x, out: convlab.median_filter(x, 3, out=out)),
    "max_pool2d": (X, lambda x, out: convlab.max_pool2d(x, 2, out=out)),
    "avg_pool2d": (X, lambda x, out: convlab.avg_pool2d(x, 3, 1, 1, out=out)),
    "conv2d": (X, lambda x, out: convlab.conv2d(x, WEIGHTS, np.arange(4, dtype=np.float32), stride=2, out=out)),
    "conv2d without bias": (X, lambda x, out: convlab.conv2d(x, WEIGHTS, stride=2, out=out)),
    "Conv2d": (X, lambda x, out: LAYER(x, out=out)),
}  # fmt: skip
everywhere = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(autouse=True)
def _no_plans():
    cache._cache.clear()


@pytest.fixture
def python(monkeypatch):
    """Count the calls whose plans are found in Python."""
    counted = []
    original = cache.signature

    def signature(*arguments):
        counted.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(cache, "signature", signature)
    return counted


def fresh(name):
    x, call = CALLS[name]
    return call(x, None)


@everywhere
def test_a_cached_call_gives_the_same_without_python(name, python):
    x, call = CALLS[name]
    first = call(x, None)
    served = convlab.last_kernel()
    assert len(python) == 1
    with convlab.use_backend("numpy"):
        call(x, None)
    for again in (x.copy(), x[:].copy()):
        assert_array_equal(call(again, None), first)
        assert convlab.last_kernel() == served
        out = np.full_like(first, 9)
        assert call(again, out) is out
        assert_array_equal(out, first)
    assert len(python) == 2, "it was not served by the compiled path"


@everywhere
def test_other_layouts_are_other_calls(name):
    x, call = CALLS[name]
    first = call(x, None)
    for other in (np.asfortranarray(x), x[..., ::-1].copy()[..., ::-1], x.astype(x.dtype.newbyteorder())):
        assert_array_equal(call(other, None), first)


@everywhere
@pytest.mark.parametrize("wrong", ["shape", "dtype", "order", "read-only", "overlap", "list", "subclass"])
def test_a_wrong_out_is_refused_as_before(name, wrong):
    x, call = CALLS[name]
    right = call(x, None)
    x = x.copy()
    out = {
        "shape": lambda: np.empty((*right.shape[:-1], right.shape[-1] + 1), right.dtype),
        "dtype": lambda: np.empty(right.shape, np.float64),
        "order": lambda: np.asfortranarray(right),
        "read-only": lambda: right.copy(),
        "overlap": lambda: x.reshape(-1)[: right.size].view(right.dtype).reshape(right.shape),
        "list": right.tolist,
        "subclass": lambda: np.ma.masked_array(right.copy()),
    }
    if wrong == "overlap" and right.size > x.size:
        pytest.skip("the result is larger than the array")
    made = out[wrong]()
    if wrong == "read-only":
        made.flags.writeable = False
    with pytest.raises((TypeError, ValueError), match="^out: got"):
        call(x, made)


def test_out_between_the_rows_of_the_image(python):
    """Their address ranges overlap, but they share no memory."""
    both = np.zeros((12, 28), np.float32)
    x = both[:, :14]
    x[...] = IMAGE
    expected = convlab.filter2d(x, TAPS)
    one = both[11:12, 14:]
    out = np.empty_like(expected)
    convlab.filter2d(x, TAPS, out=out)
    assert_array_equal(out, expected)
    assert_array_equal(convlab.filter2d(x[-1:], TAPS, out=one), convlab.filter2d(x[-1:], TAPS))


def test_taps_changed_in_place_count():
    taps = TAPS.copy()
    convlab.filter2d(IMAGE, taps)
    taps[1, 1] = 5
    assert_array_equal(convlab.filter2d(IMAGE, taps), convlab.filter2d(IMAGE, taps.copy()))
    weights = WEIGHTS.copy()
    convlab.conv2d(X, weights, stride=2)
    weights *= 2
    assert_array_equal(convlab.conv2d(X, weights, stride=2), 2 * fresh("conv2d without bias"))


def test_weights_of_another_dtype_are_converted():
    expected = fresh("conv2d without bias")
    for _ in range(3):
        assert_array_equal(convlab.conv2d(X, WEIGHTS.astype(np.float64), stride=2), expected)
        assert_array_equal(convlab.conv2d(X, WEIGHTS[..., ::-1].copy()[..., ::-1], stride=2), expected)


@everywhere
def test_blocks_count(name):
    x, call = CALLS[name]
    first = call(x, None)
    with convlab.use_backend("numpy"):
        call(x, None)
        assert convlab.last_kernel().endswith("[numpy]")
    for isa in _dispatch.built_isas():
        with convlab.use_backend("compiled", isa), convlab.threads(1):
            call(x, None)
            assert convlab.last_kernel().endswith(f"[compiled/{isa}]")
    assert_array_equal(call(x, None), first)


def test_subnormals_count():
    tiny = np.full((8, 8), 1e-40, np.float32)
    kept = convlab.filter2d(tiny, TAPS)
    assert kept.all()
    with convlab.subnormals("flush"):
        assert not convlab.filter2d(tiny, TAPS).any()
        assert convlab.maximum_filter(tiny, 3).all()
    convlab.set_subnormals("flush")
    try:
        assert not convlab.filter2d(tiny, TAPS).any()
    finally:
        convlab.set_subnormals("keep")
    assert_array_equal(convlab.filter2d(tiny, TAPS), kept)


def test_a_replaced_kernel_is_called(monkeypatch):
    fresh("filter2d")
    monkeypatch.setitem(_dispatch.active().functions, "correlate2d_3x3", lambda x, w, y, *_: y.fill(7))
    assert (fresh("filter2d") == 7).all()


def test_equal_values_of_other_types_have_other_plans():
    """Options of other types are other calls: they raise errors or give other results."""
    convlab.max_pool2d(X, 2)
    with pytest.raises(TypeError, match="kernel_size"):
        convlab.max_pool2d(X, 2.0)
    with pytest.raises(TypeError, match="kernel_size"):
        convlab.max_pool2d(X, True)
    zero = convlab.filter2d(IMAGE, TAPS, offset=0.0, scale=0.0)
    assert_array_equal(np.signbit(convlab.filter2d(IMAGE, TAPS, offset=-0.0, scale=-0.0)), ~np.signbit(zero))


def test_a_layer_is_not_kept_alive():
    layer = convlab.Conv2d(WEIGHTS, stride=2)
    layer(X)
    layer(X)
    weights = weakref.ref(layer.weight)
    del layer
    gc.collect()
    assert weights() is None


def test_a_call_with_many_options_runs_in_python():
    """A key has a limited number of bytes."""
    for taps in (np.ones((40, 40), np.float32), np.ones((40, 40))):
        once = convlab.filter2d(IMAGE, taps)
        assert_array_equal(convlab.filter2d(IMAGE, taps), once)


def test_empty_arrays():
    for _ in range(3):
        assert convlab.max_pool2d(np.zeros((0, 3, 4, 4), np.float32), 2).shape == (0, 3, 2, 2)
        assert convlab.conv2d(np.zeros((0, 3, 5, 5), np.float32), WEIGHTS).shape == (0, 4, 3, 3)
