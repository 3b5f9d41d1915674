"""Order statistics as calls: threads, layouts, outputs, wrong arguments, memory."""

import itertools
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from ranking_support import (
    COMPILED_DTYPES,
    FILTERS,
    MODES,
    OPERATIONS,
    by_scipy,
    by_windows,
    random_image,
)

import convlab
from convlab import _dispatch
from convlab._plan.plan import Machine
from convlab._plan.ranking import plan_rank2d
from convlab._spec.ranking import WindowOptions, rank2d


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", ["f4", "u1", "i2", "u2"])
@pytest.mark.parametrize("size", [3, 5, 4, 17])
def test_every_isa_gives_the_same_bytes(rng, operation, dtype, size):
    x = random_image(rng, (50, 77), dtype)
    if dtype == "f4":
        x[rng.random(x.shape) < 0.3] = -0.0
        x[rng.random(x.shape) < 0.3] = 0.0
    results = set()
    for isa in _dispatch.built_isas():
        with convlab.use_backend("compiled", isa):
            results.add(FILTERS[operation][0](x, size).tobytes())
    assert len(results) <= 1


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 7), (17, 17)])
def test_threads_and_memory_layouts_give_the_same_bits(fast_backend, rng, operation, size):
    x = random_image(rng, (150, 610), "f4")
    big = np.zeros((160, 700), np.float32)
    big[2:152, 5:615] = x
    strided = np.zeros((150, 1220), np.float32)
    strided[:, ::2] = x
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
    function = FILTERS[operation][0]
    with convlab.threads(1):
        expected = function(x, size).tobytes()
    for other in (x, big[2:152, 5:615], strided[:, ::2], np.asfortranarray(x), unaligned, x[::-1].copy()[::-1]):
        with convlab.threads(3):
            assert function(other, size).tobytes() == expected
    # The place in the image does not matter.
    with convlab.threads(1):
        inner = function(np.ascontiguousarray(x[13:100, 7:300]), size, border="valid")
    whole = np.frombuffer(expected, np.float32).reshape(x.shape)
    top, left = size[0] // 2, size[1] // 2
    assert_array_equal(inner, whole[13 + top : 13 + top + inner.shape[0], 7 + left : 7 + left + inner.shape[1]])


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [3, 5, 7])
def test_nan_with_threads(fast_backend, rng, operation, size):
    """Neighbouring tiles, each of which marks its windows."""
    x = random_image(rng, (60, 1700), "f4")
    x[rng.random(x.shape) < 0.001] = np.nan
    expected = by_windows(operation, x, (size, size))
    for _ in range(3):
        with convlab.threads(2):
            assert_array_equal(FILTERS[operation][0](x, size), expected)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", ["f4", "u1", "i1", "f2", "f8", "?"])
def test_out(backend, rng, operation, dtype):
    x = random_image(rng, (8, 30), dtype)
    function = FILTERS[operation][0]
    for border in ("mirror", "valid", "keep"):
        expected = function(x, 3, border=border)
        out = np.ones_like(expected)
        assert function(x, 3, border=border, out=out) is out
        assert_array_equal(out, expected)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_true_of_any_byte_is_one(fast_backend, operation):
    x = np.array([[0, 2, 0, 255, 3, 1, 0, 0]], np.uint8).view(bool)
    y = FILTERS[operation][0](x, (1, 3))
    clean = FILTERS[operation][0](x.view(np.uint8) != 0, (1, 3))
    assert y.view(np.uint8).tolist() == clean.view(np.uint8).tolist()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_read_only_lists_and_numbers(backend, operation):
    function = FILTERS[operation][0]
    x = np.arange(40).reshape(4, 10)
    x.flags.writeable = False
    expected = function(x, (3, 3))
    for image, size in ((x.tolist(), 3), (x, [3, 3]), (x, (3,)), (x, np.int64(3)), (x, np.array([3, 3]))):
        assert_array_equal(function(image, size), expected)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("image", "size", "options", "error", "message"),
    [
        (np.zeros((4, 4, 3)), 3, {}, ValueError, r"image: got shape \(4, 4, 3\); expected \(height, width\), or three"),
        (np.zeros(4), 3, {}, ValueError, r"image: got shape \(4,\); expected two axes"),
        (np.zeros((0, 4)), 3, {}, ValueError, r"image: got shape \(0, 4\); expected at least one pixel"),
        (np.zeros((4, 4), complex), 3, {}, TypeError, "image: got dtype complex128; expected bool, an integer"),
        (np.ma.zeros((4, 4)), 3, {}, TypeError, "image: got a masked array"),
        (np.zeros((4, 4)), 0, {}, ValueError, "size: got 0; expected a whole number of at least 1"),
        (np.zeros((4, 4)), (3, 3, 3), {}, ValueError, r"size: got \(3, 3, 3\); expected a whole number"),
        (np.zeros((4, 4)), 3.0, {}, TypeError, "size: got float"),
        (np.zeros((4, 4)), 2**31, {}, ValueError, "size: got 2147483648; .* at most 2147483647"),
        (np.zeros((4, 4)), 5, {"border": "valid"}, ValueError, "image: got height and width .* leaves no output"),
        (np.zeros((4, 4)), 3, {"border": "reflect"}, ValueError, "border: got 'reflect'; .* 'mirror' here"),
        (np.zeros((4, 4)), 3, {"border": 3}, TypeError, "border: got int"),
        (np.zeros((4, 4)), 3, {"anchor": (3, 0)}, ValueError, r"anchor: got \(3, 0\)"),
        (np.zeros((4, 4), "u1"), 3, {"cval": 256}, ValueError, "cval: got 256; expected a whole number from 0 to 255"),
        (np.zeros((4, 4), "u1"), 3, {"cval": 0.5}, ValueError, "cval: got 0.5; expected a whole number from 0 to 255"),
        (np.zeros((4, 4), "i2"), 3, {"cval": np.nan}, ValueError, "cval: got nan; expected a whole number"),
        (np.zeros((4, 4), "i2"), 3, {"cval": -np.inf}, ValueError, "cval: got -inf; expected a whole number"),
        (np.zeros((4, 4), "?"), 3, {"cval": 2}, ValueError, "cval: got 2; expected a whole number from 0 to 1"),
        (np.zeros((4, 4), "f2"), 3, {"cval": 1e5}, ValueError, "cval: got 100000.0; expected a number within"),
        (np.zeros((4, 4)), 3, {"cval": "0"}, TypeError, "cval: got str"),
        (np.zeros((4, 4)), 3, {"out": np.zeros((4, 4), "f4")}, ValueError, "out: got dtype float32; expected float64"),
        (np.zeros((4, 4)), 3, {"out": np.zeros((4, 5))}, ValueError, "out: got shape"),
        (np.zeros((4, 4)), 3, {"channel_axis": 5}, ValueError, "image: got shape"),
    ],
)
def test_wrong_arguments(fast_backend, operation, image, size, options, error, message):
    with pytest.raises(error, match=message):
        FILTERS[operation][0](image, size, **options)


def test_a_median_has_a_largest_window():
    with pytest.raises(ValueError, match="size: got 2049; expected at most 2047 rows and columns for a median"):
        convlab.median_filter(np.zeros((4, 4)), 2049)


def test_out_that_shares_memory(fast_backend):
    x = np.zeros((8, 8), np.float32)
    for operation in OPERATIONS:
        with pytest.raises(ValueError, match="out: got memory that it shares with image"):
            FILTERS[operation][0](x, 3, out=x)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [3, 15, 63, 255, 1001])
def test_the_workspace_stays_small(operation, size):
    shapes = ((2160, 3840), None), ((100, 100_000), None), ((1080, 1920, 3), -1)
    for (shape, axis), dtype in itertools.product(shapes, (np.float32, np.uint8)):
        spec = rank2d(shape, np.dtype(dtype), WindowOptions(operation, size, "mirror", 0.0, None, axis))
        plan = plan_rank2d(spec, spec.dtype, spec.image.pitches(), Machine())
        assert plan.workspace <= 16 << 20
        assert plan.threads >= 2


def test_nothing_of_the_images_size_is_allocated():
    x = np.zeros((1500, 1500), np.uint8)
    for operation in OPERATIONS:
        FILTERS[operation][0](x, 3)
        tracemalloc.start()
        FILTERS[operation][0](x, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if _dispatch.active().name == "compiled":
            assert peak < x.nbytes + 200_000


def test_calls_from_many_threads_at_once(fast_backend, rng):
    x = random_image(rng, (90, 120), "f4")
    work = [(FILTERS[operation][0], size) for operation in OPERATIONS for size in (3, 5, 6)]
    expected = [function(x, size) for function, size in work]
    wrong = []

    def run(backend):
        with convlab.use_backend(*backend):
            for _ in range(5):
                for (function, size), right in zip(work, expected, strict=True):
                    if not np.array_equal(function(x, size), right):
                        wrong.append((function, size))

    name, _, isa = fast_backend.strip("[]").partition("/")
    threads = [threading.Thread(target=run, args=((name, isa or "auto"),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_shape_any_options(data):
    """Every build and NumPy give SciPy's results for random options."""
    operation = data.draw(st.sampled_from(OPERATIONS))
    dtype = data.draw(st.sampled_from(COMPILED_DTYPES))
    shape = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 150))
    longest = 12 if operation == "median" else 50
    size = data.draw(st.integers(1, longest)), data.draw(st.integers(1, longest))
    border = data.draw(st.sampled_from([*MODES]))
    anchor = data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = random_image(rng, shape, dtype) if data.draw(st.booleans()) else rng.integers(0, 4, shape).astype(dtype)
    expected = by_scipy(operation, x, size, border, 3, anchor)
    for backend in [*(("compiled", isa) for isa in _dispatch.built_isas()), ("numpy", "auto")]:
        with convlab.use_backend(*backend):
            y = FILTERS[operation][0](x, size, border=border, cval=3, anchor=anchor)
        assert_array_equal(y, expected)
