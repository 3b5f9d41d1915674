"""sep_filter2d on every backend and instruction set, compared with filter2d's plain loops in double."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

import convlab
from convlab import _dispatch, reference
from convlab._plan import separable as _plan

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]
EPS = float(np.finfo(np.float32).eps)
KERNEL = "correlate2d_separable"


def assert_within_bound(actual, image, ky, kx, **options):
    """The promised bound: c * K * eps * sum(|w| |x|), c = 4, K taps, relative to sums in double."""
    image, taps = np.asarray(image, np.float64), np.outer(np.asarray(ky, np.float64), kx)
    expected = np.array(reference.filter2d(image, taps, **options))
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    plain = {k: abs(v) if k == "cval" else v for k, v in options.items() if k in ("border", "anchor", "cval")}
    weight = np.array(reference.filter2d(np.abs(image), np.abs(taps), **plain))
    scale, offset = abs(options.get("scale", 1.0)), abs(options.get("offset", 0.0))
    bound = 4 * (len(ky) + len(kx)) * EPS * scale * weight + 4 * EPS * (np.abs(expected) + offset)
    assert np.all(np.abs(actual - expected) <= bound + 1e-30)


def assert_served(backend):
    served = convlab.last_kernel()
    assert served == ("sep_filter2d" if backend == "[python]" else KERNEL) + backend


def random_taps(rng, *sizes):
    return [rng.standard_normal(size, dtype=np.float32) for size in sizes]


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [3, 5, 7, 4])
@pytest.mark.parametrize("width", [7, 8, 16, 31, 33, 63, 64, 65, 130])
def test_sizes_around_vector_widths(backend, rng, border, size, width):
    image = rng.standard_normal((11, width), dtype=np.float32)
    ky, kx = random_taps(rng, size, size)
    actual = convlab.sep_filter2d(image, ky, kx, border=border, cval=0.75)
    assert_served(backend)
    assert_within_bound(actual, image, ky, kx, border=border, cval=0.75)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("sizes", [(1, 1), (1, 4), (2, 1), (3, 9), (12, 2), (13, 22)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (40, 2), (67, 20), (5, 90)])
def test_kernels_of_any_size(fast_backend, rng, border, sizes, shape):
    image = rng.standard_normal(shape, dtype=np.float32)
    ky, kx = random_taps(rng, *sizes)
    if border == "valid" and (shape[0] < sizes[0] or shape[1] < sizes[1]):
        with pytest.raises(ValueError, match="image: got height and width"):
            convlab.sep_filter2d(image, ky, kx, border=border)
        return
    actual = convlab.sep_filter2d(image, ky, kx, border=border, cval=-2.0)
    assert_served(fast_backend)
    assert_within_bound(actual, image, ky, kx, border=border, cval=-2.0)


@pytest.mark.parametrize("size", [3, 5, 7, 2, 9])
@pytest.mark.parametrize(
    ("ours", "theirs"), [("mirror", "mirror"), ("symmetric", "reflect"), ("wrap", "wrap"), ("nearest", "nearest")]
)
def test_scipy_agrees_on_a_picture(fast_backend, rng, size, ours, theirs):
    image = convlab.data.ascent()[:130, :201]
    ky, kx = rng.integers(-9, 9, size), rng.integers(-9, 9, size)
    expected = ndimage.correlate1d(
        ndimage.correlate1d(image.astype(np.float64), ky, 0, mode=theirs), kx, 1, mode=theirs
    )
    assert np.abs(expected).max() < 2**24  # so float32's sums are exact
    assert_array_equal(convlab.sep_filter2d(image, ky, kx, border=ours), expected)


@pytest.mark.parametrize("border", BORDERS)
def test_filter2d_agrees_on_whole_numbers(fast_backend, rng, border):
    image = rng.integers(-50, 50, (30, 75)).astype(np.float32)
    ky, kx = rng.integers(-5, 5, 6), rng.integers(-5, 5, 3)
    for anchor in (None, (0, 2), (5, 0)):
        options = {"border": border, "anchor": anchor, "scale": 0.5, "offset": 3, "clip": (-300, 400), "cval": 2.0}
        expected = convlab.filter2d(image, np.outer(ky, kx), **options)
        assert_array_equal(convlab.sep_filter2d(image, ky, kx, **options), expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 17])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [3, 5, 4, 1])
def test_channels_are_filtered_separately(fast_backend, rng, channels, border, size):
    image = rng.standard_normal((10, 23, channels), dtype=np.float32)
    ky, kx = random_taps(rng, size, size)
    options = {"border": border, "cval": 2.5, "clip": (-2, 2)}
    expected = [convlab.sep_filter2d(image[..., c], ky, kx, **options) for c in range(channels)]
    for axis in (-1, 0, 1):
        moved = np.ascontiguousarray(np.moveaxis(image, -1, axis))
        assert_array_equal(convlab.sep_filter2d(moved, ky, kx, channel_axis=axis, **options), np.stack(expected, axis))


@pytest.mark.parametrize("source", ["u1", "i2", "u2", "f4", bool, "i4", ">i2", "f8"])
@pytest.mark.parametrize("target", ["u1", "i2", "u2", "i1", "i4", None])
@pytest.mark.parametrize("border", ["mirror", "constant", "keep", "valid"])
def test_storage_gives_the_bits_of_floats(fast_backend, rng, source, target, border):
    """For any input and output dtype it is the float32 result, rounded half to even and saturated."""
    ky, kx = random_taps(rng, 5, 3)
    for shape, cval in [((21, 150), 7), ((6, 30), -1.5), ((9, 23), 0)]:
        image = rng.integers(0, 2 if source is bool else 120, shape).astype(source)
        options = {"border": border, "cval": cval, "scale": 3.7}
        floats = convlab.sep_filter2d(image.astype(np.float32), ky, kx, **options)
        expected = floats
        if target is not None:
            limits = np.iinfo(target)
            expected = np.clip(np.rint(floats.astype(np.float64)), limits.min, limits.max).astype(target)
        actual = convlab.sep_filter2d(image, ky, kx, dtype=target, **options)
        assert actual.dtype == expected.dtype
        assert_array_equal(actual, expected)


def test_an_integer_picture_is_not_copied():
    """The plan reads the input and writes the output in place."""
    picture = np.zeros((2048, 2048), np.uint8)
    taps = np.ones(3, np.float32)
    options = None, None, "constant", 0.0, None, 1.0, 0.0, None, "propagate", None
    plan = _plan.sep_filter2d(picture, taps, taps, *options, np.uint8)
    assert not plan.convert
    assert plan.source == np.uint8
    assert plan.workspace < picture.size / 8


def test_keep_keeps_what_float32_would_round(backend):
    image = np.full((5, 20), 2**24 + 1, np.int32)
    y = convlab.sep_filter2d(image, np.zeros(3), np.zeros(3), border="keep", dtype=np.int32)
    assert_array_equal(y[0], image[0])
    assert not y[1:-1, 1:-1].any()


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2"])
def test_integer_output_rounds_half_to_even_and_saturates(backend, dtype):
    limits = np.iinfo(dtype)
    values = np.array([[-1e30, -1.5, -0.5, 0.5, 1.5, 2.5, 3.4999998, 100.0, 1e30, np.inf, -np.inf, np.nan] * 7], "f4")
    expected = [limits.min, max(-2, limits.min), 0, 0, 2, 2, 3, 100, limits.max, limits.max, limits.min, 0] * 7
    assert convlab.sep_filter2d(values, [1.0], [1.0], dtype=dtype).tolist() == [expected]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [3, 5, 7, 6])
def test_every_tap_counts_even_a_zero_one(backend, value, size):
    image = np.zeros((21, 90), np.float32)
    image[10, 40] = value
    taps = np.zeros(size, np.float32)
    taps[0] = 1
    y = convlab.sep_filter2d(image, taps, taps)
    before, after = size - 1 - size // 2, size // 2
    touched = np.zeros(image.shape, bool)
    touched[10 - before : 10 + after + 1, 40 - before : 40 + after + 1] = True
    assert np.all(np.isfinite(y) == ~touched)


def _layouts(image):
    big = np.zeros((image.shape[0] * 2, image.shape[1] * 3), image.dtype)
    big[::2, ::3] = image
    crop = np.zeros((image.shape[0] + 5, image.shape[1] + 9), image.dtype)
    crop[3:-2, 4:-5] = image
    return {
        "strided": big[::2, ::3],
        "crop": crop[3:-2, 4:-5],
        "fortran": np.asfortranarray(image),
        "flipped rows": image[::-1].copy()[::-1],
        "unaligned": np.frombuffer(b"\0" + image.tobytes(), image.dtype, offset=1).reshape(image.shape),
        "swapped": image.astype(image.dtype.newbyteorder()),
    }


@pytest.mark.parametrize("layout", ["strided", "crop", "fortran", "flipped rows", "unaligned", "swapped"])
@pytest.mark.parametrize("dtype", ["f4", "u1", "i2"])
def test_memory_layouts_give_the_same_bits(fast_backend, rng, layout, dtype):
    image = rng.integers(0, 100, (13, 85)).astype(dtype)
    ky, kx = random_taps(rng, 3, 9)
    other = _layouts(image)[layout]
    assert_array_equal(other, image)
    assert convlab.sep_filter2d(other, ky, kx).tobytes() == convlab.sep_filter2d(image, ky, kx).tobytes()


def test_the_place_and_the_threads_change_nothing(fast_backend, rng):
    image = rng.standard_normal((200, 300), dtype=np.float32)
    for sizes in [(3, 3), (4, 9), (1, 5), (41, 2)]:
        ky, kx = random_taps(rng, *sizes)
        whole = convlab.sep_filter2d(image, ky, kx, border="valid")
        part = convlab.sep_filter2d(image[57:, 33:], ky, kx, border="valid")
        assert_array_equal(part, whole[57:, 33:])
        alone = convlab.sep_filter2d(image[: sizes[0], : sizes[1]], ky, kx, border="valid")
        assert_array_equal(alone, whole[:1, :1])
        before = convlab.get_num_threads()
        for n in (1, 2, 3):
            convlab.set_num_threads(n)
            try:
                assert_array_equal(convlab.sep_filter2d(image, ky, kx, border="valid"), whole)
            finally:
                convlab.set_num_threads(before)


def test_every_isa_with_fused_multiply_adds_gives_the_same_bytes(rng):
    fused = [isa for isa in _dispatch.built_isas() if isa != "baseline"]
    if len(fused) < 2:
        pytest.skip("this CPU has fewer than two instruction sets with fused multiply-adds")
    image = rng.standard_normal((97, 131), dtype=np.float32)
    for sizes in itertools.product((1, 3, 5, 8), repeat=2):
        ky, kx = random_taps(rng, *sizes)
        results = []
        for isa in fused:
            with convlab.use_backend("compiled", isa):
                results.append(convlab.sep_filter2d(image, ky, kx, border="constant", cval=0.1, scale=0.3).tobytes())
        assert len(set(results)) == 1


def test_the_baseline_gives_the_fallbacks_bytes(rng):
    if "baseline" not in _dispatch.built_isas():
        pytest.skip("this processor's baseline has fused multiply-adds, or no kernels were built")
    image = rng.standard_normal((97, 131), dtype=np.float32)
    for sizes in itertools.product((1, 3, 5, 8), repeat=2):
        ky, kx = random_taps(rng, *sizes)
        options = {"border": "constant", "cval": 0.1, "scale": 0.3, "offset": 0.7}
        with convlab.use_backend("compiled", "baseline"):
            compiled = convlab.sep_filter2d(image, ky, kx, **options)
        with convlab.use_backend("numpy"):
            assert_array_equal(convlab.sep_filter2d(image, ky, kx, **options), compiled)


def test_out(backend, rng):
    image = rng.standard_normal((9, 30), dtype=np.float32)
    ky, kx = random_taps(rng, 3, 3)
    for border in BORDERS:
        for dtype in (np.float32, np.uint8, np.int32):
            expected = convlab.sep_filter2d(image, ky, kx, border=border, dtype=dtype)
            out = np.full(expected.shape, 7, dtype)
            assert convlab.sep_filter2d(image, ky, kx, border=border, dtype=dtype, out=out) is out
            assert_array_equal(out, expected)


def test_kernels_changed_in_place_count(fast_backend, rng):
    image, (ky, kx) = rng.random((9, 30), np.float32), random_taps(rng, 3, 3)
    first = convlab.sep_filter2d(image, ky, kx)
    for taps in (ky, kx):
        taps *= 2
        first = first * 2
        assert_array_equal(convlab.sep_filter2d(image, ky, kx), first)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_shape_any_options(data):
    """Compiled, NumPy and plain Python give the same results for random options."""
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 150))
    sizes = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    border = data.draw(st.sampled_from(BORDERS))
    if border == "valid":
        sizes = min(sizes[0], height), min(sizes[1], width)
    options = {
        "border": border,
        "anchor": (data.draw(st.integers(0, sizes[0] - 1)), data.draw(st.integers(0, sizes[1] - 1))),
        "scale": data.draw(st.sampled_from([1.0, 2.0])),
        "clip": data.draw(st.sampled_from([None, (-100, 90)])),
        "cval": data.draw(st.sampled_from([0.0, -3.0])),
        "dtype": data.draw(st.sampled_from([None, "u1", "i2", "u2", "i4"])),
    }
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(0, 40, (height, width)).astype(data.draw(st.sampled_from(["f4", "u1", "i2", "u2"])))
    ky, kx = (rng.integers(-9, 9, size) for size in sizes)
    expected = convlab.sep_filter2d(image, ky, kx, **options)
    for other in ("numpy", "python"):
        with convlab.use_backend(other):
            assert_array_equal(convlab.sep_filter2d(image, ky, kx, **options), expected)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros(5), [1], [1]), {}, ValueError, r"image: got shape \(5,\)"),
        ((np.zeros((5, 5), complex), [1], [1]), {}, TypeError, "image: got dtype complex128"),
        ((np.zeros((5, 5)), [[1]], [1]), {}, ValueError, r"kernel_y: got shape \(1, 1\); expected one axis of taps"),
        ((np.zeros((5, 5)), [1], [[1]]), {}, ValueError, r"kernel_x: got shape \(1, 1\); expected one axis of taps"),
        ((np.zeros((5, 5)), [1], []), {}, ValueError, r"kernel_x: got shape \(0,\); expected at least one tap"),
        ((np.zeros((5, 5)), 1.0, [1]), {}, ValueError, r"kernel_y: got shape \(\)"),
        ((np.zeros((5, 5)), [1], ["a"]), {}, TypeError, "kernel_x: got dtype <U1"),
        ((np.zeros((5, 5)), [1], np.ma.masked_array([1])), {}, TypeError, "kernel_x: got a masked array"),
        ((np.zeros((5, 5)), [1e300], [1]), {}, ValueError, "kernel_y: .*float32's range"),
        ((np.zeros((5, 5)), [1, 2], [1]), {"anchor": (2, 0)}, ValueError, "anchor: got"),
        ((np.zeros((5, 5)), [1], [1]), {"border": "reflect"}, ValueError, "'mirror' here .* and 'symmetric'"),
        ((np.zeros((5, 5)), [1], [1]), {"dtype": "f8"}, TypeError, "dtype: got dtype float64"),
        ((np.zeros((5, 5)), [1], [1]), {"out": np.zeros((5, 4), "f4")}, ValueError, "out: got shape"),
        ((np.zeros((5, 5, 3)), [1], [1]), {}, ValueError, "channel_axis=-1 for"),
    ],
)
def test_bad_arguments(backend, arguments, options, error, message):
    with pytest.raises(error, match=message):
        convlab.sep_filter2d(*arguments, **options)


@pytest.mark.parametrize("border", BORDERS)
def test_folded_images_have_the_same_bits(fast_backend, rng, monkeypatch, border):
    """Narrow images of many rows in segments, and a border with rows from several blocks."""
    image = rng.random((8200, 7), dtype=np.float32)
    ky, kx = random_taps(rng, 301, 3)
    folded = convlab.sep_filter2d(image, ky, kx, border=border, anchor=(100, 1))
    assert (
        convlab.explain("sep_filter2d", image.shape, ky, kx, border=border, anchor=(100, 1)).workspace_bytes > 1 << 16
    )
    monkeypatch.setattr(_plan, "FOLDED_ROWS", 1 << 20)
    assert_array_equal(convlab.sep_filter2d(image, ky, kx, border=border, anchor=(100, 1), offset=-0.0), folded)


def test_long_rows_of_few_are_not_cut(fast_backend, rng, monkeypatch):
    image = rng.random((2, 3000), dtype=np.float32)
    ky, kx = random_taps(rng, 9, 5)
    whole = convlab.sep_filter2d(image, ky, kx)
    monkeypatch.setattr(_plan, "LONG_ROW", 1000)
    assert_array_equal(convlab.sep_filter2d(image, ky, kx, cval=1.0), whole)
    monkeypatch.setattr(_plan, "FEW_ROWS", 1)
    assert_array_equal(convlab.sep_filter2d(image, ky, kx, cval=2.0), whole)
