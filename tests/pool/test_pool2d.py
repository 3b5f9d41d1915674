"""max_pool2d, min_pool2d and avg_pool2d on every backend and instruction set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal

import convlab

POOLS = {"max": convlab.max_pool2d, "min": convlab.min_pool2d, "avg": convlab.avg_pool2d}


def expected_pool(operation, x, window, stride=None, padding=(0, 0)):
    """Return the windows of the padded array, in double; the last two axes are pooled."""
    stride = stride or window
    fill = {"max": -np.inf, "min": np.inf, "avg": 0}[operation]
    pads = [(0, 0)] * (x.ndim - 2) + [(p, p) for p in padding]
    padded = np.pad(x.astype(np.float64), pads, constant_values=fill)
    windows = sliding_window_view(padded, window, axis=(-2, -1))[..., :: stride[0], :: stride[1], :, :]
    return {"max": np.max, "min": np.min, "avg": np.mean}[operation](windows, axis=(-2, -1))


def assert_pooled(operation, actual, x, *arguments):
    expected = expected_pool(operation, x, *arguments)
    assert actual.shape == expected.shape
    assert actual.flags.c_contiguous
    if operation == "avg":
        assert actual.dtype == np.float32
        window = arguments[0]
        bound = 4 * np.prod(window) * np.finfo(np.float32).eps * expected_pool("avg", np.abs(x), *arguments)
        assert np.all(np.abs(actual - expected) <= bound)
    else:
        assert actual.dtype == x.dtype.newbyteorder("=")
        assert_array_equal(actual, expected)


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("width", [7, 8, 9, 15, 16, 17, 31, 33, 64, 70])
@pytest.mark.parametrize(
    ("window", "stride", "padding"),
    [
        ((2, 2), (2, 2), (0, 0)),
        ((3, 3), (2, 2), (1, 1)),
        ((3, 3), (1, 1), (1, 1)),
        ((2, 3), (1, 2), (0, 2)),
        ((5, 2), (3, 3), (4, 1)),
        ((1, 1), (1, 1), (0, 0)),
        ((1, 1), (2, 2), (0, 0)),
        ((7, 7), (2, 1), (6, 6)),
        ((2, 2), (5, 4), (1, 0)),
    ],
)
def test_windows(backend, rng, operation, width, window, stride, padding):
    x = rng.standard_normal((9, width), dtype=np.float32)
    actual = POOLS[operation](x, window, stride, padding)
    served = convlab.last_kernel()
    way = ""
    if not backend.startswith("[python"):
        halves = (window, stride, padding) == ((2, 2), (2, 2), (0, 0))
        registers = (window[1], stride[1]) in {(2, 1), (3, 1), (5, 1), (2, 2), (3, 2)} and (stride[1], padding[1]) != (
            2,
            2,
        )
        way = "_2x2" if halves else "_registers" if registers else ""
    assert served == f"{operation}_pool2d{way}{backend}"
    assert_pooled(operation, actual, x, window, stride, padding)


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (5, 1), (1, 30)])
def test_small_planes(backend, rng, operation, shape):
    x = rng.standard_normal(shape, dtype=np.float32)
    window = min(shape[0], 2), min(shape[1], 3)
    assert_pooled(operation, POOLS[operation](x, window, 1), x, window, (1, 1))


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("shape", [(3, 8, 20), (2, 3, 8, 20), (2, 1, 5, 37)])
def test_planes_and_batches(backend, rng, operation, shape):
    x = rng.standard_normal(shape, dtype=np.float32)
    assert_pooled(operation, POOLS[operation](x, 2), x, (2, 2))
    assert_pooled(operation, POOLS[operation](x, 3, 2, 1), x, (3, 3), (2, 2), (1, 1))


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("channels", [1, 3, 4, 19])
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (4, 3, 2)])
def test_channels(fast_backend, rng, operation, channels, window, stride, padding):
    x = rng.standard_normal((9, 26, channels), dtype=np.float32)
    pool = POOLS[operation]
    expected = [pool(np.ascontiguousarray(x[..., c]), window, stride, padding) for c in range(channels)]
    assert_array_equal(pool(x, window, stride, padding, channel_axis=-1), np.stack(expected, -1))
    assert_array_equal(pool(np.moveaxis(x, -1, 0), window, stride, padding, channel_axis=0), np.stack(expected, 0))
    assert_array_equal(pool(np.moveaxis(x, -1, 1), window, stride, padding, channel_axis=1), np.stack(expected, 1))


@pytest.mark.parametrize("operation", ["max", "min"])
@pytest.mark.parametrize(
    "dtype", [bool, "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i2", ">i8", ">f4", ">f8"]
)
def test_the_dtype_is_kept_exactly(backend, rng, operation, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        x = rng.integers(0, 2, (8, 21)).astype(dtype)
    elif dtype.kind == "f":
        x = rng.standard_normal((8, 21)).astype(dtype)
    else:
        info = np.iinfo(dtype)
        x = rng.integers(info.min, info.max, (8, 21), dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)
    y = POOLS[operation](x, (2, 3), 1)
    windows = sliding_window_view(x.astype(dtype.newbyteorder("=")), (2, 3))
    assert y.dtype == dtype.newbyteorder("=")
    assert_array_equal(y, (np.max if operation == "max" else np.min)(windows, axis=(-2, -1)))


def test_an_average_of_integers_is_float32(backend):
    y = convlab.avg_pool2d(np.array([[1, 2], [3, 4]], np.uint8), 2)
    assert y.dtype == np.float32
    assert y.tolist() == [[2.5]]


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 1, 1), (3, 2, 1), (2, 3, 0)])
def test_nan_propagates_and_reaches_no_other_window(backend, rng, operation, window, stride, padding):
    x = rng.standard_normal((12, 40), dtype=np.float32)
    clean = POOLS[operation](x, window, stride, padding)
    x[5, 18] = np.nan
    y = POOLS[operation](x, window, stride, padding)
    marks = expected_pool("max", np.isnan(x), (window,) * 2, (stride,) * 2, (padding,) * 2) > 0
    assert_array_equal(np.isnan(y), marks)
    assert_array_equal(y[~marks], clean[~marks])


@pytest.mark.parametrize("operation", ["max", "min"])
def test_padding_never_wins(backend, operation):
    sign = -1 if operation == "max" else 1
    x = np.full((4, 20), sign * 3e38, np.float32)
    assert_array_equal(POOLS[operation](x, 3, 2, 1), np.full((2, 10), sign * 3e38, np.float32))
    infinite = np.full((4, 20), sign * np.inf, np.float32)
    assert_array_equal(POOLS[operation](infinite, 3, 2, 1), np.full((2, 10), sign * np.inf, np.float32))


def test_padding_counts_in_an_average(backend):
    y = convlab.avg_pool2d(np.ones((4, 4), np.float32), 2, 2, 1)
    assert y.tolist() == [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]


@pytest.mark.parametrize("operation", POOLS)
def test_partial_windows_are_dropped(backend, operation):
    x = np.zeros((5, 7), np.float32)
    x[4], x[:, 6] = 99, 99
    y = POOLS[operation](x, 2)
    assert y.shape == (2, 3)
    assert not y.any()


@pytest.mark.parametrize("operation", POOLS)
def test_an_empty_batch_is_an_empty_result(backend, operation):
    y = POOLS[operation](np.zeros((0, 3, 8, 8), np.float32), 2)
    assert y.shape == (0, 3, 4, 4)
    assert y.dtype == np.float32


@pytest.mark.parametrize("operation", POOLS)
def test_arguments_as_in_pytorch(fast_backend, rng, operation):
    x = rng.standard_normal((9, 20), dtype=np.float32)
    pool = POOLS[operation]
    expected = pool(x, (3, 3), (3, 3), (1, 1))
    for kernel_size, stride, padding in [(3, None, 1), ((3,), (3,), (1,)), ([3, 3], (), [1, 1]), (np.int64(3), 3, 1)]:
        assert_array_equal(pool(x, kernel_size, stride, padding), expected)


@pytest.mark.parametrize("operation", POOLS)
def test_memory_layouts_give_the_same_bits(fast_backend, rng, operation):
    x = rng.standard_normal((2, 3, 10, 33), dtype=np.float32)
    big = np.zeros((2, 3, 20, 70), np.float32)
    big[:, :, 2:12, 5:38] = x
    strided = np.zeros((2, 3, 10, 66), np.float32)
    strided[..., ::2] = x
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
    others = [
        big[:, :, 2:12, 5:38], strided[..., ::2], np.asfortranarray(x), unaligned, x[::-1].copy()[::-1],
        x[:, :, ::-1].copy()[:, :, ::-1], x.transpose(1, 0, 2, 3).copy().transpose(1, 0, 2, 3),
    ]  # fmt: skip
    expected = POOLS[operation](x, 3, 2, 1)
    for other in others:
        assert_array_equal(other, x)
        assert POOLS[operation](other, 3, 2, 1).tobytes() == expected.tobytes()


@pytest.mark.parametrize("operation", POOLS)
@pytest.mark.parametrize("dtype", ["f4", "u1", "f8"])
def test_out(backend, rng, operation, dtype):
    x = rng.integers(0, 200, (3, 8, 30)).astype(dtype)
    expected = POOLS[operation](x, 2)
    out = np.full(expected.shape, 7, expected.dtype)
    assert POOLS[operation](x, 2, out=out) is out
    assert_array_equal(out, expected)


def test_the_first_of_equal_values_stays(backend):
    x = np.array([[0.0, -0.0], [-0.0, 0.0]], np.float32)
    assert convlab.max_pool2d(x, 2) == 0
    assert convlab.min_pool2d(x, 2) == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_shape_any_options(data):
    """Compiled, NumPy and plain Python give the same results for random options."""
    height, width = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 60))
    window = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    padding = tuple(data.draw(st.integers(0, k - 1)) for k in window)
    stride = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    if any(n + 2 * p < k for n, p, k in zip((height, width), padding, window, strict=True)):
        return
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-20, 20, (height, width)).astype(np.float32)
    for operation, pool in POOLS.items():
        expected = pool(x, window, stride, padding)
        assert_pooled(operation, expected, x, window, stride, padding)
        for other in ("numpy", "python"):
            with convlab.use_backend(other):
                assert_array_equal(pool(x, window, stride, padding), expected)


@pytest.mark.parametrize("operation", POOLS)
def test_a_window_much_larger_than_the_image(fast_backend, rng, operation):
    x = rng.standard_normal((6, 20), dtype=np.float32)
    size = 2**30
    y = POOLS[operation](x, size, size, size // 2)
    expected = expected_pool("avg", x, (6, 20)) * 120 / 2.0**60 if operation == "avg" else getattr(x, operation)()
    np.testing.assert_allclose(y, np.reshape(expected, (1, 1)), rtol=1e-5)
