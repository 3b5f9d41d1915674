"""Every option of the pools, over lines, planes and volumes, on every backend and instruction set."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab

LAYOUTS = {1: "NLC", 2: "NHWC", 3: "NDHWC"}


def windows_of(n, window, stride, before, after, dilation, ceil_mode):
    """Return (elements in the array, elements in the array and its padding) of each window of an axis."""
    windows, start = [], -before
    span = (window - 1) * dilation + 1
    while start + span <= n + after or (ceil_mode and start < n and start + span - stride < n + after):
        taps = [start + t * dilation for t in range(window)]
        windows.append(([t for t in taps if 0 <= t < n], [t for t in taps if t < n + after]))
        start += stride
    return windows


def expected_pool(operation, x, axes, window, stride, before, after, dilation, ceil_mode, count_pad=True, norm=2):
    """Loop over the windows in double; return the values and the indices of maxima."""
    sizes = x.shape[-axes:]
    each = [windows_of(*axis, ceil_mode) for axis in zip(sizes, window, stride, before, after, dilation, strict=True)]
    shape = tuple(map(len, each))
    flat = x.astype(np.float64).reshape(-1, *sizes)
    values, places = np.empty((len(flat), *shape)), np.empty((len(flat), *shape), np.int64)
    numbers = np.arange(np.prod(sizes)).reshape(sizes)
    for at in np.ndindex(shape):
        inside, counted = zip(*(axis[i] for axis, i in zip(each, at, strict=True)), strict=True)
        taps = flat[(slice(None), *np.ix_(*inside))].reshape(len(flat), -1)
        size = np.prod([len(c if count_pad else i) for c, i in zip(counted, inside, strict=True)])
        here = (slice(None), *at)
        values[here] = {
            "max": lambda taps=taps: taps.max(1),
            "min": lambda taps=taps: taps.min(1),
            "avg": lambda taps=taps, size=size: taps.sum(1) / size,
            "lp": lambda taps=taps: (np.abs(taps) ** norm).sum(1) ** (1 / norm),
        }[operation]()
        first = np.where(np.isnan(taps).any(1), taps.shape[1] - 1 - np.isnan(taps)[:, ::-1].argmax(1), taps.argmax(1))
        places[here] = numbers[np.ix_(*inside)].ravel()[first]
    return values.reshape(*x.shape[:-axes], *shape), places.reshape(*x.shape[:-axes], *shape)


OPTIONS = [
    # window, stride, before, after, dilation, ceil_mode
    (2, 2, 0, 0, 1, True),
    (3, 2, 1, 1, 1, False),
    (3, 2, 1, 1, 1, True),
    (3, 1, 2, 0, 1, False),
    (3, 2, 0, 2, 1, False),
    (2, 3, 1, 0, 3, True),
    (3, 1, 4, 3, 2, False),
    (5, 1, 2, 2, 1, False),
    (7, 1, 3, 3, 1, False),
    (4, 2, 1, 2, 1, True),
    (1, 2, 0, 0, 1, False),
]
SHAPES = {1: (2, 3, 37), 2: (2, 2, 9, 35), 3: (2, 2, 6, 7, 21)}


# Minima are pooled only over planes.
POOLS = [("min", 2), *((operation, axes) for operation in ("max", "avg", "lp") for axes in (1, 2, 3))]


@pytest.mark.parametrize(("operation", "axes"), POOLS)
@pytest.mark.parametrize("options", OPTIONS)
def test_options(fast_backend, rng, axes, options, operation):
    window, stride, before, after, dilation, ceil_mode = options
    if operation == "avg" and axes == 3 and dilation == 3:
        ceil_mode = False
    x = rng.integers(-9, 9, SHAPES[axes]).astype(np.float32)
    pool = getattr(convlab, f"{operation}_pool{axes}d")
    keywords = {"stride": stride, "padding": [(before, after)] * axes, "dilation": dilation, "ceil_mode": ceil_mode}
    arguments = (2, window) if operation == "lp" else (window,)
    expected, _ = expected_pool(operation, x, axes, *([v] * axes for v in options[:5]), ceil_mode)
    actual = pool(x, *arguments, **keywords)
    assert convlab.last_kernel().endswith(fast_backend)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=3e-6 if operation in ("avg", "lp") else 0)
    inner = pool(np.ascontiguousarray(np.moveaxis(x, 1, -1)), *arguments, layout=LAYOUTS[axes], **keywords)
    assert_array_equal(np.moveaxis(inner, -1, 1), actual)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_averages_without_padding(fast_backend, rng, axes, options):
    window, stride, before, after, dilation, ceil_mode = options
    x = rng.integers(-9, 9, SHAPES[axes]).astype(np.float32)
    keywords = {"stride": stride, "padding": [(before, after)] * axes, "dilation": dilation, "ceil_mode": ceil_mode}
    pool = getattr(convlab, f"avg_pool{axes}d")
    expected, _ = expected_pool("avg", x, axes, *([v] * axes for v in options[:5]), ceil_mode, count_pad=False)
    np.testing.assert_allclose(pool(x, window, count_include_pad=False, **keywords), expected, rtol=3e-6, atol=1e-6)
    sums = pool(x, window, divisor_override=1, **keywords)
    assert_array_equal(pool(x, window, divisor_override=-4, **keywords), sums / -4)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("special", [False, True])
def test_indices(fast_backend, rng, axes, options, special):
    """The first of equal maxima, the last NaN, and the first element of a window of minus infinities."""
    window, stride, before, after, dilation, ceil_mode = options
    x = rng.integers(-3, 3, SHAPES[axes]).astype(np.float32)
    if special:
        x[rng.random(x.shape) < 0.1] = np.nan
        x[0] = -np.inf
    keywords = {"stride": stride, "padding": [(before, after)] * axes, "dilation": dilation, "ceil_mode": ceil_mode}
    pool = getattr(convlab, f"max_pool{axes}d")
    expected, places = expected_pool("max", x, axes, *([v] * axes for v in options[:5]), ceil_mode)
    values, indices = pool(x, window, return_indices=True, **keywords)
    assert convlab.last_kernel() == f"max_pool2d_indices{fast_backend}"
    assert indices.dtype == np.int64
    assert_array_equal(values, expected)
    assert_array_equal(indices, places)
    assert_array_equal(pool(x, window, **keywords), expected)
    inner = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    values, indices = pool(inner, window, return_indices=True, layout=LAYOUTS[axes], **keywords)
    assert_array_equal(np.moveaxis(values, -1, 1), expected)
    assert_array_equal(np.moveaxis(indices, -1, 1), places)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i4", "f8", "f2"])
def test_dtypes_with_indices(fast_backend, rng, dtype):
    x = rng.integers(0, 100, (3, 8, 20)).astype(dtype)
    expected, places = expected_pool("max", x, 2, (3, 3), (2, 2), (1, 1), (1, 1), (1, 1), False)
    values, indices = convlab.max_pool2d(x, 3, 2, 1, return_indices=True)
    assert values.dtype == x.dtype
    assert_array_equal(values, expected)
    assert_array_equal(indices, places)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("output", [1, 2, 3, 5, 9])
def test_adaptive(fast_backend, rng, axes, output):
    x = rng.integers(-9, 9, SHAPES[axes]).astype(np.float32)
    maximum, average = (getattr(convlab, f"adaptive_{kind}_pool{axes}d") for kind in ("max", "avg"))
    total = np.ones_like(x, np.float64), x.astype(np.float64)
    largest = x
    for axis in range(-axes, 0):
        n = x.shape[axis]
        bins = [np.arange(i * n // output, -(-(i + 1) * n // output)) for i in range(output)]
        total = [np.stack([t.take(b, axis).sum(axis) for b in bins], axis) for t in total]
        largest = np.stack([largest.take(b, axis).max(axis) for b in bins], axis)
    np.testing.assert_allclose(average(x, output), total[1] / total[0], rtol=3e-6, atol=1e-6)
    assert convlab.last_kernel().endswith(fast_backend)
    assert_array_equal(maximum(x, output), largest)
    values, indices = maximum(x, (output,) * axes, return_indices=True)
    assert_array_equal(values, largest)
    flat = x.reshape(*x.shape[:2], -1)
    assert_array_equal(np.take_along_axis(flat, indices.reshape(*x.shape[:2], -1), -1).reshape(values.shape), values)
    inner = average(np.moveaxis(x, 1, -1), output, layout=LAYOUTS[axes])
    np.testing.assert_allclose(np.moveaxis(inner, -1, 1), average(x, output), rtol=3e-6, atol=1e-6)
    assert maximum(x, (None,) * axes).shape == x.shape


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_global(fast_backend, rng, axes):
    x = rng.standard_normal(SHAPES[axes], dtype=np.float32)
    last = tuple(range(-axes, 0))
    assert_array_equal(convlab.global_max_pool(x), x.max(last, keepdims=True))
    assert convlab.last_kernel().endswith(fast_backend)
    mean = x.astype(np.float64).mean(last, keepdims=True)
    np.testing.assert_allclose(convlab.global_avg_pool(x), mean, rtol=1e-4, atol=1e-6)
    for p in (1, 2, 3.5):
        norm = (np.abs(x.astype(np.float64)) ** p).sum(last, keepdims=True) ** (1 / p)
        np.testing.assert_allclose(convlab.global_lp_pool(x, p), norm, rtol=1e-5)
    inner = convlab.global_max_pool(np.moveaxis(x, 1, -1), layout=LAYOUTS[axes])
    assert_array_equal(np.moveaxis(inner, -1, 1), x.max(last, keepdims=True))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["f4", "i4", "u1", "f8"])
def test_unpool(fast_backend, rng, axes, dtype):
    x = rng.permutation(np.prod(SHAPES[axes])).reshape(SHAPES[axes]).astype(dtype)
    values, indices = getattr(convlab, f"max_pool{axes}d")(x, 2, return_indices=True)
    unpool = getattr(convlab, f"max_unpool{axes}d")
    y = unpool(values, indices, 2, output_size=x.shape)
    assert y.dtype == x.dtype
    expected = np.zeros((*x.shape[:2], np.prod(x.shape[2:])), x.dtype)
    np.put_along_axis(expected, indices.reshape(*x.shape[:2], -1), values.reshape(*x.shape[:2], -1), -1)
    assert_array_equal(y, expected.reshape(x.shape))
    assert_array_equal(unpool(values, indices, 2, output_size=x.shape[2:]), y)
    assert unpool(values, indices[...], 2, output_size=x.shape, out=y) is y
    swapped = [np.moveaxis(a, 1, -1) for a in (values, indices)]
    inner = unpool(*swapped, 2, output_size=x.shape[2:], layout=LAYOUTS[axes])
    assert_array_equal(np.moveaxis(inner, -1, 1), y)


def test_lp_pools_take_absolute_values_and_norms_of_partial_windows(fast_backend):
    x = np.array([[-1.0, -2.0, 3.0]], np.float32)
    np.testing.assert_allclose(convlab.lp_pool1d(x, 3, 2, ceil_mode=True), [[9 ** (1 / 3), 3]], rtol=1e-6)
    assert_array_equal(convlab.lp_pool1d(x, np.inf, 2, ceil_mode=True), [[2, 3]])


@pytest.mark.parametrize("padding", ["same", "same_lower"])
@pytest.mark.parametrize(("window", "stride", "dilation"), [(2, 1, 1), (3, 2, 1), (3, 2, 2), (2, 3, 1), (1, 4, 1)])
def test_same(fast_backend, rng, padding, window, stride, dilation):
    x = rng.standard_normal((11, 30), dtype=np.float32)
    y = convlab.max_pool2d(x, window, stride, padding, dilation)
    assert y.shape == (-(-11 // stride), -(-30 // stride))
    pads = []
    for n in x.shape:
        total = max((-(-n // stride) - 1) * stride + (window - 1) * dilation + 1 - n, 0)
        pads.append((total // 2, total - total // 2) if padding == "same" else (total - total // 2, total // 2))
    assert_array_equal(y, convlab.max_pool2d(x, window, stride, pads, dilation))


@pytest.mark.parametrize("window", [1, 2, 3, 5, 8, 16, 33])
@pytest.mark.parametrize("channels", [1, 3, 5, 16, 20])
def test_channels_last_option(fast_backend, rng, window, channels):
    x = rng.standard_normal((40, 41, channels), dtype=np.float32)
    for stride in (1, 2, 3):
        for pool in (convlab.max_pool2d, convlab.avg_pool2d):
            alone = [pool(np.ascontiguousarray(x[..., c]), window, stride, window // 2) for c in range(channels)]
            assert_array_equal(pool(x, window, stride, window // 2, channel_axis=-1), np.stack(alone, -1))


def test_a_result_too_large_for_the_caches(fast_backend, rng):
    x = rng.standard_normal((1500, 1616), dtype=np.float32)
    y = convlab.max_pool2d(x, 3, 1, 1)
    assert y.nbytes >= 8 << 20
    part = convlab.max_pool2d(np.ascontiguousarray(x[:20]), 3, 1, 1)
    assert_array_equal(y[:19], part[:19])
    average = convlab.avg_pool2d(x, 3, 1, 1)
    assert_array_equal(average[:19], convlab.avg_pool2d(np.ascontiguousarray(x[:20]), 3, 1, 1)[:19])


@pytest.mark.parametrize("dtype", ["f4", "u1", "i1", "i2", "u2", "i4", "f8", "f2", "?"])
@pytest.mark.parametrize(
    ("shape", "window", "stride", "padding", "dilation"),
    [
        ((8, 20), (2, 1), 1, (6, 0), (12, 1)),
        ((3, 5), (2, 2), 1, (4, 5), (7, 9)),
        ((2, 40), (2, 2), 1, (3, 1), (5, 2)),
        ((3, 70), (2, 3), (1, 2), (8, 0), (9, 1)),
    ],
)
def test_windows_with_only_padding(fast_backend, rng, dtype, shape, window, stride, padding, dilation):
    """The maximum is minus infinity, as in PyTorch, or the smallest integer; a sum is 0, a mean of nothing NaN."""
    dtype = np.dtype(dtype)
    x = rng.integers(0, 2 if dtype.kind == "b" else 100, (2, *shape)).astype(dtype)
    tables = []
    for n, k, s, p, d in zip(shape, window, np.broadcast_to(stride, 2), padding, dilation, strict=True):
        starts = np.arange((n + 2 * p - (k - 1) * d - 1) // s + 1) * s - p
        tables.append([[t for t in range(a, a + k * d, d) if 0 <= t < n] for a in starts])
    counts = np.array([[len(r) * len(c) for c in tables[1]] for r in tables[0]])
    assert (counts == 0).any()
    low = -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min
    high = np.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max
    arguments = window, stride, padding
    largest = convlab.max_pool2d(x, *arguments, dilation)
    values, places = convlab.max_pool2d(x, *arguments, dilation, return_indices=True)
    assert_array_equal(values, largest)
    assert places.min() >= 0
    assert places.max() < shape[0] * shape[1]
    smallest = convlab.min_pool2d(x, *arguments, dilation)
    inner = np.ascontiguousarray(np.moveaxis(x, 0, -1))
    assert_array_equal(np.moveaxis(convlab.max_pool2d(inner, *arguments, dilation, channel_axis=2), -1, 0), largest)
    sums = convlab.avg_pool2d(x, *arguments, dilation=dilation, divisor_override=1)
    means = convlab.avg_pool2d(x, *arguments, count_include_pad=False, dilation=dilation)
    for i, j in np.ndindex(counts.shape):
        taps = x[(slice(None), *np.ix_(tables[0][i], tables[1][j]))].reshape(2, -1)
        full = counts[i, j] > 0
        assert_array_equal(largest[:, i, j], taps.max(1) if full else np.full(2, low, dtype))
        assert_array_equal(smallest[:, i, j], taps.min(1) if full else np.full(2, high, dtype))
        assert_array_equal(sums[:, i, j], taps.astype("f4").sum(1) if full else 0)
        np.testing.assert_allclose(means[:, i, j], taps.astype("f8").mean(1) if full else np.nan, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "options", "error", "message"),
    [
        ("max_pool2d", (2, 2, "full"), {}, ValueError, "padding: got 'full'; expected one of: same"),
        ("max_pool2d", (2, 2, [(0, 1, 2), 1]), {}, ValueError, "padding: got"),
        ("max_pool2d", (2, 2, [(0, 2)] * 2), {}, ValueError, "padding: got .* less than the window"),
        ("max_pool2d", (2, 1, 0, 0), {}, ValueError, "dilation: got 0"),
        ("max_pool2d", (2, 1, 0, 60), {}, ValueError, "x: got height and width"),
        ("max_pool2d", (2, 2, 0, 1, 1), {}, TypeError, "ceil_mode: got int"),
        ("max_pool2d", (2,), {"return_indices": "yes"}, TypeError, "return_indices: got str"),
        ("max_pool2d", (2,), {"layout": "HWC"}, ValueError, "layout: got 'HWC'; expected one of: NCHW, NHWC"),
        ("max_pool2d", (2,), {"layout": "NCHW", "channel_axis": 0}, ValueError, "layout: got"),
        ("max_pool1d", ((2, 2),), {}, ValueError, "kernel_size: got"),
        ("max_pool3d", ((2, 2),), {}, ValueError, "kernel_size: got"),
        ("avg_pool2d", (2,), {"divisor_override": 0}, ValueError, "divisor_override: got 0"),
        ("avg_pool2d", (2,), {"divisor_override": 1.5}, TypeError, "divisor_override: got float"),
        ("lp_pool2d", (0, 2), {}, ValueError, "norm_type: got 0"),
        ("lp_pool2d", (float("nan"), 2), {}, ValueError, "norm_type: got nan"),
        ("adaptive_avg_pool2d", (0,), {}, ValueError, "output_size: got"),
        ("adaptive_max_pool2d", ((2, 2, 2),), {}, ValueError, "output_size: got|output_size"),
        ("adaptive_max_pool2d", (2**31 - 1,), {}, ValueError, "x: the result would have shape"),
        ("global_avg_pool", (), {"layout": "NHWX"}, ValueError, "layout: got 'NHWX'"),
        ("max_unpool2d", (np.zeros((2, 2, 9), int), 2), {}, ValueError, "indices: got shape"),
        ("max_unpool2d", (np.zeros((2, 3, 8, 20)), 2), {}, TypeError, "indices: got dtype float64"),
        ("max_unpool2d", (np.full((2, 3, 8, 20), 640), 2), {}, ValueError, "indices: got 640"),
        ("max_unpool2d", (np.full((2, 3, 8, 20), -1), 2), {}, ValueError, "indices: got -1"),
        ("max_unpool2d", (np.zeros((2, 3, 8, 20), int), 2, 2, 0, (16, 42)), {}, ValueError, "output_size: got"),
    ],
)
def test_errors(fast_backend, name, arguments, options, error, message):
    x = np.zeros((2, 3, 8, 20), np.float32)
    if name == "max_pool3d":
        x = x[None]
    if name == "max_pool1d":
        x = x[0]
    with pytest.raises(error, match=message):
        getattr(convlab, name)(x, *arguments, **options)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "min_pool2d"])
def test_a_picture_without_its_channel_axis_warns(name):
    """(height, width, 3) is pooled as planes of three columns, so one column remains."""
    picture, pool = np.ones((12, 10, 3), np.float32), getattr(convlab, name)
    with pytest.warns(UserWarning, match="channel_axis=-1") as warned:
        assert pool(picture, 2).shape == (12, 5, 1)
    assert warned[0].filename == __file__
    assert pool(picture, 2, channel_axis=-1).shape == (6, 5, 3)
    assert pool(picture, 2, layout="NCHW").shape == (12, 5, 1)
    assert pool(picture, 2, layout="NHWC").shape == (6, 5, 3)
    assert pool(np.ones((3, 10, 4), np.float32), 2).shape == (3, 5, 2)
