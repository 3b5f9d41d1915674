"""Averages and norms: one order for each window size, an error that grows with its logarithm, any layout."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab

EPS = float(np.finfo(np.float32).eps)


def tree_sum(terms):
    """Sum the first axis in the documented order: eights from left to right, then pairs, in float32."""
    n = len(terms)
    blocks = max(1, -(-n // 8))
    full = np.full((8 * 2 ** math.ceil(math.log2(blocks)), *terms.shape[1:]), -0.0, np.float32)
    full[:n] = terms
    full = full.reshape(-1, 8, *terms.shape[1:])
    total = full[:, 0]
    for i in range(1, 8):
        total = total + full[:, i]
    while len(total) > 1:
        total = total[::2] + total[1::2]
    return total[0]


def window_sum(window):
    """Sum the rows, then the slices, then the columns."""
    *deep, height, _ = range(window.ndim)
    total = tree_sum(np.moveaxis(window, height, 0))
    for _ in deep:
        total = tree_sum(total)
    return tree_sum(total)


def bound(*window):
    """Return the number of roundings of an average: those of each axis and of the division."""
    return sum(7 + math.ceil(math.log2(max(1, -(-k // 8)))) for k in window) + 1


WINDOWS = [(1, 1), (2, 2), (3, 3), (5, 5), (8, 8), (9, 4), (4, 9), (16, 17), (20, 33), (37, 1), (1, 71), (40, 60)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("stride", [1, 2, 3, 7, 40])
def test_the_order_is_that_of_the_windows_size(fast_backend, rng, window, stride):
    x = rng.standard_normal((45, 75), dtype=np.float32)
    y = convlab.avg_pool2d(x, window, stride, divisor_override=1)
    assert convlab.last_kernel().endswith(fast_backend)
    for i, j in np.ndindex(y.shape):
        if (i + j) % 5 == 0:
            at = x[i * stride : i * stride + window[0], j * stride : j * stride + window[1]]
            assert y[i, j] == window_sum(at), (i, j)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("planes", [1, 3, 20])
def test_a_crop_has_its_windows_bits(fast_backend, rng, window, stride, planes):
    x = rng.standard_normal((planes, 45, 75), dtype=np.float32)
    y = convlab.avg_pool2d(x, window, stride)
    for i, j in [(0, 0), (1, 2), (y.shape[1] - 1, y.shape[2] - 1)]:
        i, j = min(i, y.shape[1] - 1), min(j, y.shape[2] - 1)
        crop = x[:, i * stride : i * stride + window[0], j * stride : j * stride + window[1]]
        for part in (crop, np.ascontiguousarray(crop)):
            assert_array_equal(convlab.avg_pool2d(part[None], window)[0, :, 0, 0], y[:, i, j])
            assert_array_equal(convlab.global_avg_pool(part[None])[0, :, 0, 0], y[:, i, j])
            assert_array_equal(convlab.adaptive_avg_pool2d(part[None], 1)[0, :, 0, 0], y[:, i, j])


@pytest.mark.parametrize(
    ("window", "stride", "padding"), [(3, 2, 1), (9, 1, 4), (20, 3, 19), ((33, 5), (4, 1), (16, 2))]
)
def test_layout_and_strides_change_nothing(fast_backend, rng, window, stride, padding):
    x = rng.standard_normal((2, 19, 40, 41), dtype=np.float32)
    expected = convlab.avg_pool2d(x, window, stride, padding)
    apart = np.zeros((2, 38, 80, 82), np.float32)[:, ::2, ::2, ::2]
    apart[...] = x
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
    for same in (apart, np.asfortranarray(x), unaligned, x.astype(">f4"), x.astype("f8"), x[::-1].copy()[::-1],
                 x[:, ::-1].copy()[:, ::-1], x[..., ::-1].copy()[..., ::-1], x.astype(">f8")):  # fmt: skip
        assert_array_equal(convlab.avg_pool2d(same, window, stride, padding), expected)
    inner = np.moveaxis(x, 1, -1)
    for same in (inner, np.ascontiguousarray(inner), inner.astype(">f8"), inner[:, ::-1].copy()[:, ::-1]):
        y = convlab.avg_pool2d(same, window, stride, padding, layout="NHWC")
        assert_array_equal(np.moveaxis(y, -1, 1), expected)


@pytest.mark.parametrize("sizes", [(7, 7), (14, 14), (20, 30), (100, 3), (3, 100), (200, 210), (1, 5000)])
@pytest.mark.parametrize("channels", [1, 3, 8, 40])
def test_global_averages_of_each_layout(fast_backend, rng, sizes, channels):
    x = rng.standard_normal((2, channels, *sizes), dtype=np.float32)
    y = convlab.global_avg_pool(x)
    divisor = np.float32(math.prod(sizes))
    assert y[1, 0, 0, 0] == window_sum(x[1, 0]) / divisor
    assert_array_equal(convlab.global_avg_pool(np.ascontiguousarray(np.moveaxis(x, 1, -1)), layout="NHWC"),
                       np.moveaxis(y, 1, -1))  # fmt: skip
    assert_array_equal(convlab.global_avg_pool(x[:, ::-1].copy()[:, ::-1]), y)
    assert_array_equal(convlab.avg_pool2d(x, sizes), y)


DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">i2", ">u4", ">i8", ">f2"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("window", [(2, 2), (3, 9), (20, 30)])
def test_every_dtype_is_summed_as_float32(fast_backend, rng, dtype, window):
    dtype = np.dtype(dtype)
    native = dtype.newbyteorder("=")
    if dtype.kind == "b":
        x = rng.integers(0, 2, (3, 31, 50)).astype(bool)
    elif dtype.kind == "f":
        x = (100 * rng.standard_normal((3, 31, 50))).astype(dtype)
    else:
        low, high = max(np.iinfo(native).min, -(2**24)), min(np.iinfo(native).max, 2**24)  # beyond: double
        x = rng.integers(low, high, (3, 31, 50), native, endpoint=True).astype(dtype)
    floats = x.astype(np.float32)
    for function, options in ((convlab.avg_pool2d, {}), (convlab.lp_pool2d, {"norm_type": 2})):
        arguments = {"kernel_size": window, "stride": (2, 3), **options}
        assert_array_equal(function(x, **arguments), function(floats, **arguments))
        apart, packed = x[:, ::-2, ::3], np.ascontiguousarray(floats[:, ::-2, ::3])
        arguments = {"kernel_size": (2, 3), **options}
        assert_array_equal(function(apart, **arguments), function(packed, **arguments))


def test_half_floats(fast_backend):
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(1, -1)
    y = convlab.avg_pool1d(x, 1)
    assert_array_equal(y, x.astype(np.float32))
    assert_array_equal(np.signbit(y), np.signbit(x))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_the_bound_of_the_error(fast_backend, dims, seed):
    rng = np.random.default_rng(seed)
    sizes = tuple(int(n) for n in rng.integers(1, {1: 3000, 2: 90, 3: 25}[dims], dims))
    window = tuple(int(rng.integers(1, n + 1)) for n in sizes)
    x = (rng.standard_normal((2, *sizes)) * 10.0 ** rng.integers(-3, 4) + 1.1).astype(np.float32)
    pool = getattr(convlab, f"avg_pool{dims}d")
    stride = tuple(int(rng.integers(1, k + 1)) for k in window)
    y = pool(x, window, stride)
    axes = tuple(range(1, 1 + dims))
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), window, axes)
    windows = windows[(slice(None), *(slice(None, None, s) for s in stride))]
    last = tuple(range(-dims, 0))
    error = np.abs(y - windows.mean(last))
    assert np.all(error <= bound(*window) * EPS / 2 * np.abs(windows).mean(last))


@pytest.mark.parametrize("shape", [(1, 1, 4096, 4096), (1, 1, 1, 1 << 22), (1, 1, 1 << 21, 2), (1, 3, 1 << 9, 1 << 11)])
def test_large_planes(fast_backend, shape):
    """Planes of 1.1, and long ones."""
    if fast_backend == "[numpy]":
        shape = tuple(min(n, 1 << 14) // 4 or 1 for n in shape)
    x = np.full(shape, 1.1, np.float32)
    limit = bound(*shape[2:]) * EPS / 2 * 1.1
    for y in (
        convlab.global_avg_pool(x),
        convlab.avg_pool2d(x, shape[2:]),
        convlab.adaptive_avg_pool2d(x, 1),
        convlab.global_lp_pool(x, 1) / (shape[2] * shape[3]),
        convlab.global_avg_pool(x.reshape(shape[0], *shape[2:], shape[1]), layout="NHWC").reshape(shape[0], -1, 1, 1),
    ):
        assert np.all(np.abs(y.astype(np.float64) - np.float32(1.1)) <= 2 * limit)


@pytest.mark.parametrize(
    ("shape", "window", "stride", "output"),
    [
        ((1, 1, 1, 1 << 16), (1, 8192), (1, 8192), (1, 8)),
        ((1, 1, 1, 100_003), (1, 40_000), (1, 20_000), (1, 5)),
        ((1, 1, 1, 60_000), (1, 30_001), (1, 1), (1, 2)),
        ((2, 1, 50_000, 1), (20_000, 1), (300, 1), (7, 1)),
        ((1, 2, 300, 20_000), (300, 17_000), (1, 900), (3, 2)),
    ],
)
def test_windows_longer_than_a_row_of_the_workspace(fast_backend, rng, shape, window, stride, output):
    if fast_backend == "[numpy]":  # NumPy sums tap by tap
        shape, window, stride = (tuple(n // 20 or 1 for n in numbers) for numbers in (shape, window, stride))
    x = rng.standard_normal(shape, dtype=np.float32)
    y = convlab.avg_pool2d(x, window, stride)
    for i, j in {(0, 0), (y.shape[2] - 1, y.shape[3] - 1), (y.shape[2] // 2, y.shape[3] // 3)}:
        at = x[0, 0, i * stride[0] : i * stride[0] + window[0], j * stride[1] : j * stride[1] + window[1]]
        assert y[0, 0, i, j] == window_sum(at) / np.float32(math.prod(window))
    divided = convlab.adaptive_avg_pool2d(x, output)
    places = convlab.adaptive_max_pool2d(x, output)
    for i, j in np.ndindex(output):
        rows = slice(i * shape[2] // output[0], -(-(i + 1) * shape[2] // output[0]))
        columns = slice(j * shape[3] // output[1], -(-(j + 1) * shape[3] // output[1]))
        part = x[0, 0, rows, columns]
        assert divided[0, 0, i, j] == window_sum(part) / np.float32(part.size)
        assert places[0, 0, i, j] == part.max()
    largest = convlab.max_pool2d(x, window, stride)
    assert largest[0, 0, 0, 0] == x[0, 0, : window[0], : window[1]].max()
    assert largest.shape == y.shape


@pytest.mark.parametrize("dtype", ["f4", "u1", "i2", "f8"])
@pytest.mark.parametrize("p", [1, 2, 3, 0.5, np.inf])
def test_norms_of_all_windows(fast_backend, rng, dtype, p):
    x = (rng.standard_normal((2, 30, 41)) * 50).clip(0 if dtype == "u1" else -100, 100).astype(dtype)
    power = np.abs(x.astype(np.float64))
    for window, stride, padding in [((2, 2), 2, 0), ((9, 17), 1, (4, 8)), ((30, 41), 1, 0), ((3, 3), 7, 1)]:
        y = convlab.lp_pool2d(x, p, window, stride, padding=padding)
        pads = [(0, 0), *((q, q) for q in np.broadcast_to(padding, 2))]
        view = np.lib.stride_tricks.sliding_window_view(np.pad(power, pads), window, (1, 2))[:, ::stride, ::stride]
        expected = view.max((-2, -1)) if p == np.inf else (view**p).sum((-2, -1)) ** (1 / p)
        np.testing.assert_allclose(y, expected, rtol=2e-5)
    whole = power.max((1, 2)) if p == np.inf else (power**p).sum((1, 2)) ** (1 / p)
    np.testing.assert_allclose(convlab.global_lp_pool(x[None], p)[0, :, 0, 0], whole, rtol=2e-5)


def powers(x, p):
    """Compute |x| ** p by products: the square of half the power, times |x| if the power is odd."""
    result = a = np.abs(x)
    for bit in f"{p:b}"[1:]:
        result = result * result * a if bit == "1" else result * result
    return result


@pytest.mark.parametrize("p", range(1, 9))
@pytest.mark.parametrize("planes", [3, 37])
def test_whole_powers_are_products(fast_backend, rng, p, planes):
    """Many narrow planes and few planes have the same order and the same products."""
    x = rng.standard_normal((planes, 11, 5), dtype=np.float32)
    y = convlab.lp_pool2d(x, p, (11, 3), 1)
    assert convlab.last_kernel() == ("avg_pool_narrow" if planes > 16 else "avg_pool2d") + fast_backend
    sums = [[window_sum(powers(plane[:, j : j + 3], p)) for j in range(3)] for plane in x]
    roots = {1: lambda v: v, 2: np.sqrt, 3: np.cbrt, 4: lambda v: np.sqrt(np.sqrt(v))}
    root = roots.get(p, lambda v: np.power(v, np.float32(1 / p)))
    assert_array_equal(y[:, 0], root(np.array(sums, np.float32)))
    np.testing.assert_allclose(
        y[:, 0, 0], (np.abs(x[:, :, :3].astype(np.float64)) ** p).sum((1, 2)) ** (1 / p), rtol=1e-5
    )


@pytest.mark.parametrize("pool", [convlab.avg_pool2d, convlab.max_pool2d, lambda x, *a: convlab.lp_pool2d(x, 3, *a)])
@pytest.mark.parametrize("planes", [(2, 3), (4, 9)])
def test_a_column_is_a_row(fast_backend, rng, pool, planes):
    x = rng.standard_normal((*planes, 301, 1), dtype=np.float32)
    for window, stride in [((301, 1), 1), ((20, 1), (3, 1)), ((2, 1), (2, 1))]:
        column = pool(x, window, stride)
        row = pool(x.swapaxes(2, 3).copy(), window[::-1], stride if stride == 1 else stride[::-1])
        assert_array_equal(column, row.swapaxes(2, 3))
        assert_array_equal(column, pool(np.stack([x, x], -1)[..., 0], window, stride))


def test_axes_of_one_element_change_nothing(fast_backend, rng):
    x = rng.standard_normal((20, 2, 40, 1, 6), dtype=np.float32)
    image = x[:, :, :, 0]
    assert_array_equal(
        convlab.adaptive_avg_pool3d(x, (7, 1, 2))[:, :, :, 0], convlab.adaptive_avg_pool2d(image, (7, 2))
    )
    assert_array_equal(
        convlab.adaptive_avg_pool3d(x, (7, 3, 2))[:, :, :, 1], convlab.adaptive_avg_pool2d(image, (7, 2))
    )
    assert_array_equal(convlab.avg_pool3d(x, (9, 1, 2), 2)[:, :, :, 0], convlab.avg_pool2d(image, (9, 2), 2))
    volume = x.reshape(20, 2, 40, 6, 1)
    order = window_sum(volume[3, 1, :9, :2]) / np.float32(18)
    assert convlab.avg_pool3d(volume, (9, 2, 1))[3, 1, 0, 0, 0] == order
    assert_array_equal(
        convlab.max_pool3d(volume, (4, 2, 1), return_indices=True)[1][..., 0],
        convlab.max_pool2d(volume[..., 0], (4, 2), return_indices=True)[1],
    )


@pytest.mark.parametrize("layout", ["NCDHW", "NDHWC"])
def test_slices_without_common_windows_are_planes(fast_backend, rng, layout):
    x = rng.standard_normal((2, 3, 9, 7, 8), dtype=np.float32)
    images = x.swapaxes(1, 2).reshape(18, 3, 7, 8)
    if layout == "NDHWC":
        x = np.moveaxis(x, 1, -1).copy()
    for name, options in [("max", {}), ("avg", {"count_include_pad": False}), ("lp", {"norm_type": 3})]:
        volumes = getattr(convlab, f"{name}_pool3d")(
            x, kernel_size=(1, 3, 2), stride=(1, 2, 2), padding=(0, 1, 0), layout=layout, **options
        )
        kernel = ("max" if name == "max" else "avg") + ("_pool2d" if layout == "NDHWC" else "_pool_narrow")
        assert convlab.last_kernel() == kernel + fast_backend
        if layout == "NDHWC":
            volumes = np.moveaxis(volumes, -1, 1)
        planes = getattr(convlab, f"{name}_pool2d")(images, kernel_size=(3, 2), stride=2, padding=(1, 0), **options)
        assert_array_equal(volumes.swapaxes(1, 2).reshape(planes.shape), planes)
