"""maximum_filter, minimum_filter and median_filter on every backend and instruction set, against SciPy and NumPy."""

import itertools
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal
from scipy import ndimage

import convlab
from convlab import _borders, _dispatch
from convlab._plan.plan import Machine
from convlab._plan.ranking import plan_rank2d
from convlab._spec.ranking import rank2d

FILTERS = {
    "maximum": (convlab.maximum_filter, ndimage.maximum_filter),
    "minimum": (convlab.minimum_filter, ndimage.minimum_filter),
    "median": (convlab.median_filter, ndimage.median_filter),
}
OPERATIONS = [*FILTERS]
MODES = {
    "mirror": "mirror",
    "symmetric": "reflect",
    "nearest": "nearest",
    "wrap": "wrap",
    "constant": "constant",
}
COMPILED_DTYPES = ["f4", "u1", "i2", "u2"]


def random_image(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    info = np.iinfo(dtype)
    native = dtype.newbyteorder("=")
    return rng.integers(info.min, info.max, shape, dtype=native, endpoint=True).astype(dtype)


def by_scipy(operation, x, size, border="mirror", cval=0, anchor=None):
    """SciPy's answer for two axes; it shifts the window by `origin`."""
    origin = (0, 0) if anchor is None else tuple(a - k // 2 for a, k in zip(anchor, size, strict=True))
    return FILTERS[operation][1](x, size=size, mode=MODES[border], cval=cval, origin=origin)


def by_windows(operation, x, size, border="mirror", cval=0.0):
    """NumPy's answer window by window, NaN and all."""
    height, width = size
    rows = _borders.source_indices(border, x.shape[0], -(height // 2), x.shape[0] + height - 1 - height // 2)
    columns = _borders.source_indices(border, x.shape[1], -(width // 2), x.shape[1] + width - 1 - width // 2)
    padded = x[np.ix_(rows, columns)]
    padded[rows < 0] = cval
    padded[:, columns < 0] = cval
    windows = sliding_window_view(padded, size)
    if operation != "median":
        return {"maximum": np.max, "minimum": np.min}[operation](windows, axis=(-2, -1))
    windows = np.sort(windows.reshape(*windows.shape[:2], -1), axis=-1)
    medians = windows[..., windows.shape[-1] // 2]
    return np.where(windows[..., -1] == windows[..., -1], medians, np.nan)  # NaN is sorted last


def kernel_name(operation, size, dtype):
    if operation == "median" and size in ((3, 3), (5, 5)):
        return f"median2d_{size[0]}x{size[1]}"
    area = size[0] * size[1]
    if operation == "median" and dtype in ("u1", "?") and 80 <= area < 65536 and size[0] < 256:
        return "median2d_histogram"
    return f"{operation}2d"


def served(operation, size, backend, dtype="f4"):
    return kernel_name(operation, size, dtype) + ("[numpy]" if backend == "[python]" else backend)


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


@pytest.mark.parametrize("dtype", COMPILED_DTYPES)
@pytest.mark.parametrize("size", [(15, 15), (16, 15), (17, 17), (31, 33), (1, 300), (257, 257)])
def test_large_medians(fast_backend, rng, dtype, size):
    """Around the areas that lanes of 8 and of 16 bits can count."""
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
    """The fine level is summed anew or catches up; counters of columns and windows reach what they can hold."""
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
    """Images of several tiles either way, and memory layouts that a kernel reads where they lie."""
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
def test_windows_without_end(fast_backend, rng, operation, border):
    """They see every pixel, and cost no memory for it."""
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
    # SciPy computes in double, which large integers do not survive.
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
def test_the_first_of_equals_stays(fast_backend, operation):
    """Whatever the window was taken apart into; NumPy's own may choose either zero."""
    if fast_backend == "[numpy]":
        pytest.skip("NumPy's maximum keeps either zero")
    x = np.full((40, 50), -0.0, np.float32)
    x[1::2, ::2] = 0.0
    y = FILTERS[operation][0](x, (17, 17), border="valid")
    assert_array_equal(np.signbit(y), np.signbit(x[:24, :34]))


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
    # The place in the image changes nothing.
    with convlab.threads(1):
        inner = function(np.ascontiguousarray(x[13:100, 7:300]), size, border="valid")
    whole = np.frombuffer(expected, np.float32).reshape(x.shape)
    top, left = size[0] // 2, size[1] // 2
    assert_array_equal(inner, whole[13 + top : 13 + top + inner.shape[0], 7 + left : 7 + left + inner.shape[1]])


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [3, 5, 7])
def test_nan_with_threads(fast_backend, rng, operation, size):
    """Tiles side by side, each of which marks its own windows."""
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
        spec = rank2d(shape, np.dtype(dtype), operation, size, "mirror", 0.0, None, axis)
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
    """Every build and NumPy agree with SciPy on whatever is asked."""
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
