"""Integers beyond 2**24 are not exact in float32: every filter sums windows that contain one in double."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

import convlab
from convlab import reference
from convlab._plan import pool_pieces

BORDERS = ["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]
DTYPES = ["i4", "u4", "i8", "u8", ">i4", ">u8"]
EXACT = 2**24
SMOOTHING = {"sobel": np.array([1, 2, 1]) / 4, "scharr": np.array([3, 10, 3]) / 16, "prewitt": np.ones(3) / 3}


def wide_image(rng, shape, dtype, largest=None):
    """Numbers of all magnitudes and both signs, with small steps between neighbours."""
    limits = np.iinfo(dtype)
    largest = largest or min(limits.max, 2**53)
    x = rng.integers(-largest if limits.min < 0 else 0, largest, shape, endpoint=True)
    return x.astype(dtype)


def exact_sums(x, kernel, **options):
    """Sum in Python's integers."""
    size = np.shape(kernel)
    cval = options.pop("cval", 0)
    border = options.get("border", "mirror")
    pads = [(k // 2, k - 1 - k // 2) for k in size]
    mode = {"mirror": "reflect", "symmetric": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant"}
    values = {"constant_values": cval} if border == "constant" else {}
    x = x.astype(object)
    padded = x if border in ("valid", "keep") else np.pad(x, pads, mode=mode[border], **values)
    height, width = (n - k + 1 for n, k in zip(padded.shape, size, strict=True))
    sums = sum(
        int(tap) * padded[i : i + height, j : j + width] for (i, j), tap in np.ndenumerate(np.asarray(kernel, int))
    )
    if border == "keep":
        sums, inside = x.copy(), sums
        sums[size[0] // 2 :][:height, size[1] // 2 :][:, :width] = inside
    return sums


def test_the_examples(backend):
    steps = (10**8 + np.arange(6, dtype=np.int32))[None].repeat(5, 0)
    assert_array_equal(convlab.sobel(steps, axis=1)[:, 1:-1], np.full((5, 4), 2.0))
    assert_array_equal(convlab.sobel(steps)[:, 1:-1], np.full((5, 4), np.float32(2**0.5)))
    flat = np.full((5, 5), 100000005, np.int32)
    for dtype in (np.int32, np.int64, np.uint32):
        assert_array_equal(convlab.filter2d(flat, [[0, 1, 0]], dtype=dtype), flat)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("border", BORDERS)
def test_integer_sums_are_exact(backend, rng, dtype, border):
    """Also for negative numbers, more than 32 bits, another byte order, and the frame of "keep"."""
    x = wide_image(rng, (9, 13), dtype, 2**48 if np.dtype(dtype).itemsize == 8 else 2**31 - 1)
    kernel = rng.integers(-3, 4, (3, 4))
    column, row = rng.integers(-3, 4, 3), rng.integers(-3, 4, 4)
    for taps, call in (
        (kernel, lambda **o: convlab.filter2d(x, kernel, **o)),
        (kernel, lambda **o: convlab.filter_bank(x, [kernel, -kernel], **o)[0]),
        (np.outer(column, row), lambda **o: convlab.sep_filter2d(x, column, row, **o)),
        (np.ones((3, 4)), lambda **o: convlab.box(x, (3, 4), normalize=False, **o)),
    ):
        expected = exact_sums(x, taps, border=border, cval=5)
        assert_array_equal(call(border=border, cval=5, dtype=np.int64), expected.astype(np.int64))
        assert_array_equal(call(border=border, cval=5), expected.astype(np.float64).astype(np.float32))
        limits = np.iinfo(np.int32)
        clipped = np.minimum(np.maximum(expected, limits.min), limits.max).astype(np.int64)
        assert_array_equal(call(border=border, cval=5, dtype=np.int32), clipped)


@pytest.mark.parametrize(
    "name",
    ["sobel", "scharr", "prewitt", "gaussian", "laplacian", "unsharp", "gradient_magnitude", "gabor", "box"],
)
@pytest.mark.parametrize("offset", [10**8, 2**40])
def test_every_filter_sees_small_steps_on_a_large_offset(fast_backend, rng, name, offset):
    small = rng.integers(0, 50, (40, 50))
    x = small + offset
    doubles = x.astype(np.float64)
    if name in SMOOTHING:
        u, v = (
            ndimage.correlate1d(ndimage.correlate1d(doubles, [-1, 0, 1], axis), SMOOTHING[name], 1 - axis)
            for axis in (0, 1)
        )
        actual, expected = getattr(convlab, name)(x), np.hypot(u, v) * 0.5**0.5
    elif name == "gaussian":
        actual = convlab.gaussian(x, 2, border="symmetric") - np.float64(offset)
        expected = ndimage.gaussian_filter(doubles, 2) - offset
    elif name == "laplacian":
        actual, expected = convlab.laplacian(x), -ndimage.laplace(doubles)
    elif name == "unsharp":
        actual, expected = convlab.unsharp(x, 2, dtype=np.int64), ndimage.gaussian_filter(doubles, 2)
        expected = np.rint(2 * doubles - expected)
    elif name == "gradient_magnitude":
        actual, expected = convlab.gradient_magnitude(x, 1.5), ndimage.gaussian_gradient_magnitude(doubles, 1.5)
    elif name == "gabor":
        assert_array_equal(convlab.gabor(x, 0.2)[0], convlab.filter2d(x, gabor_taps(), border="symmetric"))
        return
    else:
        actual, expected = convlab.box(x, 5, border="symmetric", dtype=np.int64), ndimage.uniform_filter(doubles, 5)
        expected = np.rint(expected)
    assert "double" in convlab.last_kernel()
    # The errors are the rounding of the result to float32 and that of double sums.
    scale = 1.0 if actual.dtype.kind == "i" else np.abs(expected).max() * 2**-23
    if name == "gaussian":
        scale = offset * 2**-24 + 1
    assert np.abs(actual - expected).max() <= scale + offset * 2**-45


def gabor_taps():
    from convlab._spec import imaging

    sigma = imaging.gabor_sigma(1.0, 0.2)
    return imaging.gabor_taps(0.2, 0.0, sigma, sigma, 3.0, 0.0)[0]


def test_each_window_decides_for_itself(fast_backend, rng):
    """Windows without a wide integer keep their float32 bits, so a crop has the bits of the whole."""
    x = rng.integers(0, EXACT, (60, 80))
    x[20, 30] = 10**9
    taps = rng.standard_normal((5, 7))
    floats = np.where(x > EXACT, 0, x)
    for call in (
        lambda a: convlab.filter2d(a, taps, border="valid"),
        lambda a: convlab.filter2d(a, np.outer(taps[:, 0], taps[0]), border="valid", precision="exact"),
        lambda a: convlab.sep_filter2d(a, taps[:, 0], taps[0], border="valid"),
        lambda a: convlab.box(a, (5, 7), border="valid"),
    ):
        y, small = call(x), call(floats)
        touched = np.zeros(y.shape, bool)
        touched[16:21, 24:31] = True
        assert_array_equal(y[~touched], small[~touched])
        assert (y[touched] != small[touched]).all()
        assert_array_equal(call(x[10:40, 20:60]), y[10:36, 20:54])
        assert_array_equal(call(np.asfortranarray(x)), y)


def test_all_backends_give_the_same_bits(rng):
    """Sums in double with integer and fractional taps; every window has a wide integer."""
    x = 2**30 + rng.integers(0, 1000, (12, 17))
    taps = rng.standard_normal((3, 4))
    results = []
    for word in ("auto", "numpy", "python"):
        with convlab.use_backend(word):
            results.append([convlab.filter2d(x, taps), convlab.sobel(x), convlab.gaussian(x, 1.0), convlab.box(x, 4)])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("channel_axis", [0, 1, -1])
def test_channels_and_strides(fast_backend, rng, channel_axis):
    planes = 10**8 + rng.integers(-9, 9, (3, 14, 19))
    taps = rng.integers(-2, 3, (4, 3))
    expected = np.stack([convlab.filter2d(p, taps, dtype="i8") for p in planes], channel_axis)
    x = np.moveaxis(planes, 0, channel_axis)
    for image in (x, np.ascontiguousarray(x), np.asfortranarray(x), np.ascontiguousarray(x)[:, ::-1][:, ::-1]):
        assert_array_equal(convlab.filter2d(image, taps, channel_axis=channel_axis, dtype="i8"), expected)


@pytest.mark.parametrize("per_channel", [False, True])
def test_pixels_left_out(fast_backend, rng, per_channel):
    x = 10**8 + rng.integers(0, 9, (20, 21, 2)).astype(np.int32)
    mask = rng.random(x.shape if per_channel else x.shape[:2]) < 0.6
    kernel = rng.integers(1, 5, (3, 3))
    y = convlab.filter2d(x, kernel, mask=mask, channel_axis=-1, border="nearest", scale=1000, offset=-1e11, dtype="i8")
    full = np.broadcast_to(mask if per_channel else mask[..., None], x.shape).astype(float)
    for c in range(2):
        total, weight = (ndimage.correlate(a[..., c], kernel.astype(float), mode="nearest") for a in (x * full, full))
        there = weight > 0
        assert_array_equal(y[..., c][there], np.rint(total[there] / weight[there] * 1000 - 1e11))
        assert (y[..., c][~there] == 0).all()  # NaN


def test_finish_is_in_double(backend):
    x = np.full((4, 5), 2**30 + 1, np.int64)
    y = convlab.filter2d(x, [[1]], scale=3, offset=-(2.0**31), clip=(None, 2.0**30 + 3), dtype=np.int64)
    assert_array_equal(y, np.full((4, 5), min(3 * (2**30 + 1) - 2**31, 2**30 + 3)))


def test_a_constant_beyond_float32(backend):
    x = np.zeros((4, 5), np.int32)
    y = convlab.filter2d(x, [[1, 0, 0]], border="constant", cval=float(EXACT + 1), dtype=np.int32)
    assert_array_equal(y[:, 0], np.full(4, EXACT + 1))


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)])
def test_integers_beyond_double_are_an_error(backend, value):
    x = np.zeros((6, 7), np.int64)
    x[5, 6] = value
    out = np.full((6, 7), 7, np.float32)
    calls = {
        "filter2d": lambda: convlab.filter2d(x, np.ones((3, 3)), out=out),
        "keep": lambda: convlab.filter2d(x, np.ones((3, 3)), border="keep", out=out),
        "filter_bank": lambda: convlab.filter_bank(x, np.ones((2, 3, 3))),
        "sep_filter2d": lambda: convlab.sep_filter2d(x, [1], [1], out=out),
        "box": lambda: convlab.box(x, 12, out=out),
        "gaussian": lambda: convlab.gaussian(x, out=out),
        "sobel": lambda: convlab.sobel(x, out=out),
        "unsharp": lambda: convlab.unsharp(x, out=out),
        "laplacian": lambda: convlab.laplacian(x, out=out),
        "gabor": lambda: convlab.gabor(x, 0.2),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=rf"image: got {value}; expected integers of at most 2\*\*53.*subtract"):
            call()
        assert (out == 7).all(), name
    with pytest.raises(ValueError, match=rf"x: got {value}; expected integers of at most 2\*\*53"):
        convlab.avg_pool2d(x, 2)
    x[5, 6] = 2**53
    assert convlab.filter2d(x, [[1]], dtype=np.int64)[5, 6] == 2**53


def test_up_to_2_to_the_24_nothing_changes(fast_backend, rng):
    x = rng.integers(-EXACT, EXACT, (30, 40), endpoint=True)
    x[3, 4], x[5, 6] = EXACT, -EXACT
    taps = rng.standard_normal((3, 3))
    assert_array_equal(convlab.filter2d(x, taps), convlab.filter2d(x.astype(np.float32), taps))
    assert "double" not in convlab.last_kernel()


def test_float64_rounds_to_float32(fast_backend):
    """float64 images are rounded to float32, as documented."""
    assert convlab.filter2d(np.full((3, 3), EXACT + 1.0), [[1]])[0, 0] == EXACT


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 5000), (1, 9)), ((5000, 1), (9, 1)), ((3, 900), (2, 300)), ((300, 4), (200, 3)), ((70, 3000), (5, 5))],
)
def test_tiles(fast_backend, rng, shape, size):
    """Long and thin images, large kernels, and little memory."""
    x = 10**8 + rng.integers(0, 100, shape)
    kernel = rng.integers(-2, 3, size)
    expected = exact_sums(x, kernel, border="nearest").astype(np.int64)
    assert_array_equal(convlab.filter2d(x, kernel, border="nearest", dtype="i8"), expected)
    for limit in (2_000_000, 1_000_000):
        y = convlab.filter2d(x, kernel, border="nearest", dtype="i8", algorithm="direct", workspace_limit=limit)
        assert_array_equal(y, expected)


def test_explain_says_so():
    wide = dict(convlab.explain("filter2d", (40, 50), np.ones((3, 3)), dtype="i4").considered)
    assert "beyond 2**24" in wide["double"]
    assert "double" not in dict(convlab.explain("filter2d", (40, 50), np.ones((3, 3)), dtype="i2").considered)


@pytest.mark.parametrize("arguments", [(2,), (3, 2, 1), ((2, 4), (1, 3))])
def test_average_pools(backend, rng, arguments):
    x = (10**8 + rng.integers(-3, 3, (2, 3, 12, 13))).astype(np.int32)
    expected = np.array([reference.avg_pool2d(plane, *arguments) for plane in x.reshape(6, 12, 13)])
    assert_array_equal(convlab.avg_pool2d(x, *arguments).reshape(expected.shape), expected.astype(np.float32))


def test_averages_of_all_kinds(fast_backend, rng):
    x = -(10**8) - rng.integers(0, 9, (2, 3, 12, 13))
    assert_array_equal(convlab.global_avg_pool(x)[..., 0, 0], x.mean((2, 3)).astype(np.float32))
    bins = convlab.adaptive_avg_pool2d(x, (3, 13))
    assert_array_equal(bins, x.reshape(2, 3, 3, 4, 13).mean(3).astype(np.float32))
    x[0] = 1
    x[0, 0, 0, 0] = 3 * 10**8
    y = convlab.avg_pool2d(x, 3)
    assert y[0, 0, 0, 0] == np.float32((3 * 10**8 + 8) / 9)
    assert (y[0, 1] == 1).all()


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [
        ("avg_pool2d", (3, 40, 60), (3, 2, 1)),
        ("avg_pool2d", (50, 30), (7, 5)),
        ("global_avg_pool", (2, 3, 40, 50), ()),
        ("avg_pool1d", (1, 1, 9000), (4000, 4000)),
    ],
)
def test_averages_are_made_in_pieces(fast_backend, rng, monkeypatch, name, shape, arguments):
    """Pieces of outputs, and pieces of a window that is as large as the array."""
    x = rng.integers(-(2**30), 2**30, shape).astype(np.int32)
    x[..., ::3] = 5
    expected = getattr(convlab, name)(x, *arguments)
    monkeypatch.setattr(pool_pieces, "CONVERTED_BYTES", 1 << 13)
    assert_allclose(getattr(convlab, name)(x, *arguments), expected, rtol=1e-6, atol=1e-6 * 2**30)
