"""The kernels of pools: many narrow planes in one vector, integers in place, large windows with shared rows."""

import tracemalloc

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal

import convlab

POOLS = {"max": convlab.max_pool2d, "min": convlab.min_pool2d, "avg": convlab.avg_pool2d}
INTEGERS = ["u1", "i1", "u2", "i2"]


def same_bits(a, b):
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("planes", [16, 19, 32])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (7, 7), (13, 14), (30, 5), (40, 19), (9, 32), (9, 33)])
def test_narrow_planes_are_pooled_as_single_planes(fast_backend, rng, operation, planes, sizes):
    if "numpy" in fast_backend and planes > 16:
        pytest.skip("NumPy pools each plane in the same way, slowly")
    x = rng.standard_normal((planes, *sizes), dtype=np.float32)
    special = x.copy()
    special[3, 0, 0] = np.nan
    special[planes - 1, -1, -1] = -np.inf
    wide = np.zeros((planes, sizes[0] + 1, sizes[1] + 2), np.float32)
    wide[:, 1:, 1:-1] = x
    pool = POOLS[operation]
    for window, stride, padding in [
        (1, 1, 0),
        (2, 2, 0),
        (2, 1, 1),
        (3, 2, 1),
        (3, 1, 1),
        (4, 3, 2),
        ((9, 3), 5, (8, 2)),
    ]:
        spans = zip(sizes, np.broadcast_to(window, 2), np.broadcast_to(padding, 2), strict=True)
        if any(n + 2 * p < k for n, k, p in spans):
            continue
        for options in ({}, {"ceil_mode": True}, *([{"count_include_pad": False}] if operation == "avg" else [])):
            for source in (x, special):
                alone = np.stack([pool(plane, window, stride, padding, **options) for plane in source])
                actual = pool(source, window, stride, padding, **options)
                long = operation == "avg" and window == (9, 3)  # its padding has a place in a sum's tree
                if sizes[1] <= (32 if stride == 1 else 20) and not long:
                    assert convlab.last_kernel() == f"{operation}_pool_narrow{fast_backend}"
                assert_array_equal(actual, alone)
            expected = pool(x, window, stride, padding, **options)
            same_bits(pool(wide[:, 1:, 1:-1], window, stride, padding, **options), expected)
            # Rows of the result that are not contiguous.
            between = pool(np.moveaxis(x, 0, 1), window, stride, padding, channel_axis=1, **options)
            same_bits(np.ascontiguousarray(np.moveaxis(between, 1, 0)), expected)


@pytest.mark.parametrize("output", [1, 3, 5, 7, 9])
def test_narrow_planes_are_divided_as_single_planes(fast_backend, rng, output):
    x = rng.standard_normal((2, 9, 13, 8), dtype=np.float32)
    for pool in (convlab.adaptive_max_pool2d, convlab.adaptive_avg_pool2d):
        alone = np.stack([[pool(plane, output) for plane in planes] for planes in x])
        assert_array_equal(pool(x, output), alone)


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize(
    ("window", "stride", "padding", "dilation"),
    [
        (2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 1, 1), (5, 1, 2, 2), (9, 1, 4, 1), (12, 5, 3, 1),
        ((17, 4), (2, 1), (8, 1), 1), ((3, 33), (1, 2), 1, 1), (1, 1, 0, 1),
    ],
)  # fmt: skip
def test_integers_as_floats(fast_backend, rng, operation, dtype, window, stride, padding, dilation):
    """Every integer is exact in float32, the dtype of an average."""
    limits = np.iinfo(dtype)
    pool = POOLS[operation]
    for shape in [(19, 3), (20, 40), (2, 18, 150), (17, 19, 33)]:
        x = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        spans = (np.broadcast_to(window, 2) - 1) * dilation + 1
        if np.any(np.array(shape[-2:]) + 2 * np.broadcast_to(padding, 2) < spans):
            continue
        arguments = window, stride, padding, *(() if operation == "avg" else (dilation,))
        expected = pool(x.astype(np.float32), *arguments)
        actual = pool(x, *arguments)
        assert convlab.last_kernel() == f"{operation}_pool2d{fast_backend}"
        assert actual.dtype == (np.float32 if operation == "avg" else x.dtype)
        assert_array_equal(actual.astype(np.float32), expected)
        inner = pool(np.ascontiguousarray(np.moveaxis(x, -3, -1)), *arguments, channel_axis=-1) if x.ndim == 3 else None
        if inner is not None:
            assert_array_equal(np.moveaxis(inner, -1, -3), actual)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_of_all_kinds_of_windows(fast_backend, rng, dtype):
    limits = np.iinfo(dtype)
    low, high = max(limits.min, -6000), min(limits.max, 6000)  # so that every sum is exact in float32
    x = rng.integers(low, high, (2, 3, 5, 14, 37), dtype, endpoint=True)
    floats = x.astype(np.float32)
    for name, *arguments in [
        ("max_pool3d", 3, 2, 1), ("avg_pool3d", 2, 1), ("adaptive_max_pool3d", (2, 3, 5)),
        ("adaptive_avg_pool3d", (2, 3, 5)), ("global_max_pool",), ("global_avg_pool",),
    ]:  # fmt: skip
        function = getattr(convlab, name)
        assert_array_equal(function(x, *arguments).astype(np.float32), function(floats, *arguments))
        assert convlab.last_kernel().endswith(fast_backend)
    values, indices = convlab.max_pool3d(x, 3, 2, 1, return_indices=True)
    assert values.dtype == x.dtype
    expected, places = convlab.max_pool3d(floats, 3, 2, 1, return_indices=True)
    assert_array_equal(values.astype(np.float32), expected)
    assert_array_equal(indices, places)


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_not_copied(fast_backend, operation, dtype):
    if fast_backend == "[numpy]":
        pytest.skip("NumPy makes rows of windows beside the result")
    x = np.ones((512, 1024), dtype)
    pool = POOLS[operation]
    pool(x, 4)
    tracemalloc.start()
    try:
        y = pool(x, 4)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < y.nbytes + (1 << 16)


@pytest.mark.parametrize("operation", ["max", "min"])
@pytest.mark.parametrize("window", [4, 7, 8, 15, 16, 31, 40, (33, 5), (6, 100), (64, 64)])
@pytest.mark.parametrize("stride", [1, 2, 3, (7, 2)])
def test_large_windows_share_their_rows(fast_backend, rng, operation, window, stride):
    """Rows of overlapping windows are reduced once; NaN reaches only its windows."""
    k = np.broadcast_to(window, 2)
    x = rng.standard_normal((50, 90), dtype=np.float32)
    x[17, 40], x[44, 3] = np.nan, np.inf
    padding = tuple(int(n) // 2 for n in k)
    fill = -np.inf if operation == "max" else np.inf
    padded = np.pad(x, [(p, p) for p in padding], constant_values=fill)
    rows, columns = np.broadcast_to(stride, 2)
    windows = sliding_window_view(padded, tuple(k))[::rows, ::columns]
    with np.errstate(invalid="ignore"):
        expected = (np.max if operation == "max" else np.min)(windows, axis=(-2, -1))
    actual = POOLS[operation](x, window, stride, padding)
    way = "_registers" if columns == 1 and k[1] == 5 else ""
    assert convlab.last_kernel() == f"{operation}_pool2d{way}{fast_backend}"
    assert_array_equal(actual, expected)
