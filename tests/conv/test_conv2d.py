"""conv2d and Conv2d on every backend and instruction set."""

import pickle
import threading

import numpy as np
import pytest
from conv_support import assert_convolved, expected_conv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import convlab
from convlab import _dispatch
from convlab._plan import convolving

MODES = ["zeros", "nearest", "symmetric", "mirror", "wrap"]


def tensors(rng, shape, weight_shape, bias=True):
    x = rng.standard_normal(shape, dtype=np.float32)
    w = rng.standard_normal(weight_shape, dtype=np.float32)
    return x, w, rng.standard_normal(weight_shape[0], dtype=np.float32) if bias else None


def assert_served(backend, *kernels):
    """Assert that a kernel of the plain product, or one of the named kernels, ran."""
    kernels = ("conv2d",) if backend.startswith("[python") else kernels or ("conv_gemm", "conv_direct")
    assert convlab.last_kernel() in [kernel + backend for kernel in kernels]


@pytest.mark.parametrize("width", [1, 7, 8, 9, 15, 16, 17, 31, 33, 48, 49])
@pytest.mark.parametrize("out_channels", [1, 3, 9])
def test_widths_and_output_channels(backend, rng, width, out_channels):
    x, w, bias = tensors(rng, (2, 3, 4, width), (out_channels, 3, 3, 3))
    y = convlab.conv2d(x, w, bias, padding=1, algorithm="gemm")
    assert_served(backend)
    assert_convolved(y, x, w, bias, 1, 1)


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (1, 5), (7, 2)])
@pytest.mark.parametrize("stride", [1, 2, 3, (2, 1), (1, 4)])
@pytest.mark.parametrize("dilation", [1, 2, (5, 3)])
def test_strides_and_dilations(backend, rng, kernel, stride, dilation):
    x, w, bias = tensors(rng, (1, 2, 23, 21), (5, 2, *kernel), bias=False)
    if backend.startswith("[python"):
        x = x[..., :14, :14]
    pads = ((9, 9), (6, 6))
    y = convlab.conv2d(x, w, bias, stride=stride, padding=(9, 6), dilation=dilation)
    assert_convolved(y, x, w, bias, stride, pads, dilation)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_groups(backend, rng, groups, multiplier):
    x, w, bias = tensors(rng, (2, 6, 5, 6), (6 * multiplier, 6 // groups, 3, 3))
    assert_convolved(convlab.conv2d(x, w, bias, padding=1, groups=groups), x, w, bias, 1, 1, 1, groups)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 20)])
def test_padding_modes(backend, rng, mode, size):
    """Also padding wider than the image, for which a border repeats."""
    x, w, bias = tensors(rng, (1, 2, *size), (3, 2, 3, 3))
    y = convlab.conv2d(x, w, bias, padding=(1, 2, 3, 4), padding_mode=mode)
    assert_convolved(y, x, w, bias, 1, ((1, 2), (3, 4)), padding_mode=mode)


@pytest.mark.parametrize("size", [(5, 8), (6, 7)])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 6)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same(fast_backend, rng, size, kernel, stride, dilation):
    """ceil(size / stride) outputs; the odd element of the padding is at the end, for same_lower at the start."""
    x, w, bias = tensors(rng, (1, 2, *size), (3, 2, *kernel))
    totals = [
        max((-(-n // stride) - 1) * stride + (k - 1) * dilation + 1 - n, 0) for n, k in zip(size, kernel, strict=True)
    ]
    for word, pads in (
        ("same", tuple((t // 2, t - t // 2) for t in totals)),
        ("same_lower", tuple((t - t // 2, t // 2) for t in totals)),
    ):
        y = convlab.conv2d(x, w, bias, stride=stride, padding=word, dilation=dilation)
        assert y.shape[2:] == tuple(-(-n // stride) for n in size)
        assert_convolved(y, x, w, bias, stride, pads, dilation)
    valid = convlab.conv2d(x, w, bias, padding="valid", stride=stride)
    assert_array_equal(valid, convlab.conv2d(x, w, bias, stride=stride))


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", lambda y: np.maximum(y, 0)),
        ("relu6", lambda y: np.clip(y, 0, 6)),
        ("leaky_relu", lambda y: np.where(y < 0, np.float32(0.01) * y, y)),
        ((-1, None), lambda y: np.maximum(y, -1)),
        ((None, 0.5), lambda y: np.minimum(y, 0.5)),
        ((-0.5, 2), lambda y: np.clip(y, -0.5, 2)),
    ],
)
def test_activations(backend, rng, activation, function):
    x, w, bias = tensors(rng, (1, 3, 6, 21), (5, 3, 3, 3))
    plain = convlab.conv2d(x, w, bias)
    y = convlab.conv2d(x, w, bias, activation=activation)
    if activation == "leaky_relu" and backend.startswith("[python"):  # the plain loops round once
        assert np.abs(y - function(plain)).max() <= 2 * 2**-24 * 0.01 * np.abs(plain).max()
    else:
        assert_array_equal(y, function(plain))
    x[0, 1, 3, 3] = np.nan
    assert np.isnan(convlab.conv2d(x, w, bias, activation=activation)).sum() == 9 * 5


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
def test_channels_last(backend, rng, stride, kernel):
    x, w, bias = tensors(rng, (2, 5, 9, 20), (17, 5, kernel, kernel))
    first = convlab.conv2d(x, w, bias, stride=stride, padding=1, algorithm="gemm")
    last = convlab.conv2d(
        np.moveaxis(x, 1, -1).copy(), w, bias, stride=stride, padding=1, layout="NHWC", algorithm="gemm"
    )
    assert last.flags.c_contiguous
    assert_array_equal(np.moveaxis(last, -1, 1), first)


def test_without_a_batch(backend, rng):
    x, w, bias = tensors(rng, (3, 6, 7), (4, 3, 3, 3))
    y = convlab.conv2d(x, w, bias)
    assert y.shape == (4, 4, 5)
    assert_array_equal(y, convlab.conv2d(x[None], w, bias)[0])
    last = convlab.conv2d(np.moveaxis(x, 0, -1), w, bias, layout="NHWC")
    assert last.shape == (4, 5, 4)
    assert_array_equal(np.moveaxis(last, -1, 0), y)


def test_an_empty_batch(backend):
    y = convlab.conv2d(np.zeros((0, 3, 6, 7)), np.zeros((4, 3, 3, 3)))
    assert y.shape == (0, 4, 4, 5)


@pytest.mark.parametrize("dtype", [bool, "u1", "i2", "i8", "f2", "f8", ">f4"])
def test_dtypes(backend, rng, dtype):
    x = rng.integers(0, 2, (1, 2, 5, 6)).astype(dtype)
    w = rng.integers(0, 2, (3, 2, 2, 2)).astype(dtype)
    bias = rng.integers(0, 2, 3).astype(dtype)
    assert_array_equal(convlab.conv2d(x, w, bias), expected_conv(x.astype(float), w.astype(float), bias.astype(float)))


def test_strides_of_arrays(backend, rng):
    x, w, bias = tensors(rng, (2, 6, 9, 22), (4, 3, 3, 3))
    for view in (x[:, ::2], x[:, 2::-1], x[:, :3, ::-1, ::-1], x[:, :3].transpose(0, 1, 3, 2), x[::-1, 3:, 1:, 1:]):
        assert_array_equal(convlab.conv2d(view, w, bias), convlab.conv2d(view.copy(), w, bias))
    x.flags.writeable = False
    assert_array_equal(convlab.conv2d(x[:, :3], w[::-1], bias[::-1])[:, ::-1], convlab.conv2d(x[:, :3], w, bias))
    broadcast = np.broadcast_to(x[:, :1], (2, 3, 9, 22))
    assert_array_equal(convlab.conv2d(broadcast, w, bias), convlab.conv2d(broadcast.copy(), w, bias))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_stay_in_their_windows(backend, rng, value):
    x, w, _ = tensors(rng, (1, 16, 12, 20), (16, 16, 3, 3))
    if backend.startswith("[python"):
        x, w = x[:, :2], w[:2, :2]
    x[0, 1, 5, 7] = value
    y = convlab.conv2d(x, w, padding=1)
    inside = np.zeros(y.shape, bool)
    inside[:, :, 4:7, 6:9] = True
    if np.isnan(value):
        assert np.isnan(y[inside]).all()
    else:
        assert np.isinf(y[inside]).all()
        assert_array_equal(np.sign(y[0, :, 6, 8]), np.sign(w[:, 1, 0, 0] * value))
    assert np.isfinite(y[~inside]).all()


def test_an_infinite_weight_times_zero(backend):
    w = np.ones((1, 1, 1, 2), np.float32)
    w[0, 0, 0, 1] = np.inf
    y = convlab.conv2d(np.array([[[[0, 0, 1]]]]), w)
    assert_array_equal(y, [[[[np.nan, np.inf]]]])


def test_out(backend, rng):
    x, w, bias = tensors(rng, (2, 3, 6, 7), (4, 3, 3, 3))
    out = np.full((2, 4, 4, 5), np.nan, np.float32)
    assert convlab.conv2d(x, w, bias, out=out) is out
    assert_array_equal(out, convlab.conv2d(x, w, bias))


def test_weights_changed_in_place_count(backend, rng):
    x, w, bias = tensors(rng, (1, 3, 6, 7), (4, 3, 3, 3))
    before = convlab.conv2d(x, w, bias)
    w *= 2
    bias *= 2
    assert_array_equal(convlab.conv2d(x, w, bias), 2 * before)


@pytest.mark.parametrize("groups", [1, 32])
def test_crops_give_the_bits_of_the_whole_where_exact(fast_backend, rng, groups):
    if fast_backend == "[numpy]":
        pytest.skip("NumPy's own product of matrices sums in an order of its own")
    x, w, bias = tensors(rng, (1, 64, 60, 50), (64, 64 // groups, 3, 3))
    options = {"precision": "exact", "groups": groups}
    for whole in (convlab.conv2d(x, w, bias, **options), convlab.Conv2d(w, bias, **options)(x)):
        for rows, columns in ((7, 7), (9, 50), (33, 20)):
            part = convlab.Conv2d(w, bias, **options)(x[:, :, 5 : 5 + rows, :columns])
            assert_array_equal(part, whole[:, :, 5 : 3 + rows, : columns - 2])


def test_blocks_change_nothing(fast_backend, rng):
    """Long sums in several panels, rows in several blocks, a very small workspace."""
    x, w, bias = tensors(rng, (1, 70, 30, 40), (20, 70, 3, 3))
    whole = convlab.conv2d(x, w, bias, padding=1, algorithm="gemm")
    assert_convolved(whole, x, w, bias, 1, 1)
    if fast_backend == "[numpy]":
        return
    for limit in (10_000, 40_000, 200_000):
        part = convlab.conv2d(x, w, bias, padding=1, algorithm="gemm", workspace_limit=limit)
        assert_array_equal(part, whole)
    rows = [convlab.conv2d(x[:, :, i : i + 3], w, bias, padding=(0, 1), algorithm="gemm") for i in range(28)]
    assert_array_equal(np.concatenate(rows, 2), whole[:, :, 1:-1])


def test_the_workspace_keeps_its_limit():
    x = np.zeros((1, 64, 2048, 2048), np.float32)
    options = (2, (64, 64, 3, 3), x.dtype, None, None, 1, 1, 1, 1, "zeros", None, "NCHW", "fast", None)
    for asked, limit in ((None, 64 << 20), (1 << 20, 1 << 20), (100_000, 100_000)):
        plan = convolving.conv(x, None, *options, asked)
        assert plan.buffers + plan.workspace <= limit
    with pytest.raises(ValueError, match="workspace_limit: got 100 bytes; expected at least"):
        convolving.conv(x, None, *options, 100)


def test_threads_and_the_batch_change_nothing(fast_backend, rng):
    x, w, bias = tensors(rng, (3, 40, 28, 28), (50, 40, 3, 3))
    expected = convlab.conv2d(x, w, bias, padding=1)
    for n in (1, 2, 3, 7):
        with convlab.threads(n):
            assert_array_equal(convlab.conv2d(x, w, bias, padding=1), expected)
            assert_array_equal(convlab.conv2d(x[1:2], w, bias, padding=1), expected[1:2])


BAD = [
    ({"x": np.zeros((3, 4))}, ValueError, r"x: got shape \(3, 4\); expected \(N, C, H, W\) or \(C, H, W\)"),
    ({"x": np.zeros((1, 0, 4, 4))}, ValueError, r"x: got shape \(1, 0, 4, 4\); expected at least one channel"),
    ({"x": np.zeros((1, 3, 0, 4))}, ValueError, "x: got shape"),
    ({"x": np.zeros((1, 3, 2, 4))}, ValueError, r"x: got a padded size of \(2, 4\) for a window of \(3, 3\)"),
    ({"x": np.zeros((1, 3, 4, 4), complex)}, TypeError, "x: got dtype complex128"),
    ({"x": np.ma.zeros((1, 3, 4, 4))}, TypeError, "x: got a masked array"),
    ({"weight": np.zeros((3, 3))}, ValueError, "weight: got shape"),
    ({"weight": np.zeros((0, 3, 3, 3))}, ValueError, "weight: got shape .* at least one channel and one tap"),
    (
        {"weight": np.zeros((4, 2, 3, 3))},
        ValueError,
        r"weight: got shape \(4, 2, 3, 3\); expected channels of x / groups = 3 / 1",
    ),
    (
        {"weight": np.full((4, 3, 3, 3), 1e300)},
        ValueError,
        "weight: got 1e[+]300; expected numbers within float32's range",
    ),
    ({"weight": np.zeros((4, 3, 3, 3), "U1")}, TypeError, "weight: got dtype"),
    ({"bias": np.zeros(3)}, ValueError, r"bias: got shape \(3,\); expected \(4,\)"),
    ({"bias": "a"}, TypeError, "bias: got dtype"),
    ({"stride": 0}, ValueError, "stride: got 0; expected a whole number of at least 1"),
    ({"stride": (1, 2, 3)}, ValueError, "stride: got"),
    ({"stride": 1.5}, TypeError, "stride: got float"),
    ({"padding": -1}, ValueError, "padding: got -1"),
    ({"padding": (1, 2, 3)}, ValueError, "padding: got"),
    ({"padding": (0, 0, 0, -1)}, ValueError, "padding: got"),
    ({"padding": "full"}, ValueError, "padding: got 'full'; expected one of: valid, same, same_lower"),
    ({"dilation": True}, TypeError, "dilation: got bool"),
    ({"groups": 2}, ValueError, "weight: got shape"),
    ({"groups": 0}, ValueError, "groups: got 0"),
    ({"padding_mode": "reflect"}, ValueError, "'reflect' is 'mirror' here"),
    ({"padding_mode": "replicate"}, ValueError, "'replicate' is 'nearest' here"),
    ({"padding_mode": "circular"}, ValueError, "'circular' is 'wrap' here"),
    ({"padding_mode": "constant"}, ValueError, "'constant' is 'zeros' here"),
    ({"padding_mode": 3}, TypeError, "padding_mode: got int"),
    ({"activation": "gelu"}, ValueError, "activation: got 'gelu'; expected one of: relu, relu6, leaky_relu"),
    ({"activation": (2, 1)}, ValueError, "activation: got"),
    ({"activation": 3}, TypeError, "activation: got int"),
    ({"layout": "CHW"}, ValueError, "layout: got 'CHW'; expected one of: NCHW, NHWC"),
    ({"precision": "double"}, ValueError, "precision: got 'double'; expected one of: fast, exact"),
    (
        {"algorithm": "magic"},
        ValueError,
        "algorithm: got 'magic'; expected one of: gemm, depthwise, narrow, winograd2, winograd4",
    ),
    ({"workspace_limit": 1.0}, TypeError, "workspace_limit: got float"),
    ({"workspace_limit": -1}, ValueError, "workspace_limit: got -1"),
    ({"out": np.zeros((1, 4, 2, 2))}, ValueError, "out: got dtype float64"),
    ({"out": np.zeros((1, 4, 2, 3), np.float32)}, ValueError, "out: got shape"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_errors(change, error, message):
    call = {"x": np.zeros((1, 3, 4, 4)), "weight": np.zeros((4, 3, 3, 3)), **change}
    for _ in range(2):
        with pytest.raises(error, match=message):
            convlab.conv2d(**call)


def test_out_must_not_overlap(rng):
    memory = rng.random(200, np.float32)
    x, w = memory[:48].reshape(1, 3, 4, 4), memory[80:188].reshape(4, 3, 3, 3)
    for start, name in ((40, "x"), (70, "weight")):
        with pytest.raises(ValueError, match=f"out: got memory that it shares with {name}"):
            convlab.conv2d(x, w, out=memory[start : start + 16].reshape(1, 4, 2, 2))


def test_a_layer_is_the_function(backend, rng):
    x, w, bias = tensors(rng, (2, 4, 9, 10), (6, 2, 3, 3))
    options = {"stride": 2, "padding": (1, 2), "groups": 2, "padding_mode": "mirror", "activation": "relu"}
    layer = convlab.Conv2d(w, bias, **options)
    expected = convlab.conv2d(x, w, bias, **options)
    w[:] = 0
    bias[:] = 0
    assert_array_equal(layer(x), expected)
    out = np.empty_like(expected)
    assert layer(x, out=out) is out
    assert_array_equal(pickle.loads(pickle.dumps(layer))(x), expected)
    assert_array_equal(layer(x[:1, :, :5]), convlab.conv2d(x[:1, :, :5], layer.weight, layer.bias, **options))


def test_a_layer_never_changes(rng):
    _, w, bias = tensors(rng, (1, 3, 4, 4), (4, 3, 3, 3))
    layer = convlab.Conv2d(w, bias, padding="same")
    assert repr(layer) == "Conv2d(weight of shape (4, 3, 3, 3), bias, padding='same')"
    for name in ("weight", "bias", "stride", "anything"):
        with pytest.raises(AttributeError):
            setattr(layer, name, 1)
    with pytest.raises(AttributeError):
        del layer.weight
    for array in (layer.weight, layer.bias):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(("change", "error", "message"), [case for case in BAD if not {"x", "out"} & set(case[0])])
def test_a_layers_errors_come_when_it_is_made(change, error, message):
    call = {"weight": np.zeros((4, 3, 3, 3)), **change}
    if change == {"groups": 2} or ("weight" in change and change["weight"].shape == (4, 2, 3, 3)):
        convlab.Conv2d(**call)  # the layer is valid; the input does not fit
        return
    with pytest.raises(error, match=message):
        convlab.Conv2d(**call)


def test_a_layer_in_many_threads(rng):
    x, w, bias = tensors(rng, (1, 16, 30, 30), (16, 16, 3, 3))
    layer = convlab.Conv2d(w, bias, padding=1)
    expected = convlab.Conv2d(w, bias, padding=1)(x)
    results = []
    workers = [threading.Thread(target=lambda: results.append(layer(x))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 8
    for result in results:
        assert_array_equal(result, expected)


def test_many_shapes_do_not_grow_the_process(rng):
    from convlab._plan import cache

    w = rng.standard_normal((4, 2, 3, 3), dtype=np.float32)
    layer = convlab.Conv2d(w)
    for n in range(3, 303):
        layer(np.zeros((1, 2, 3, n), np.float32))
    assert cache._cache.bytes <= cache.CACHE_BYTES


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_shape(data):
    groups = data.draw(st.integers(1, 3))
    channels, out_channels = groups * data.draw(st.integers(1, 5)), groups * data.draw(st.integers(1, 10))
    kernel = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    pads = data.draw(st.tuples(*[st.integers(0, 4)] * 4))
    size = [
        data.draw(st.integers(max(1, (k - 1) * d + 1 - pads[2 * i] - pads[2 * i + 1]), 40))
        for i, (k, d) in enumerate(zip(kernel, dilation, strict=True))
    ]
    mode = data.draw(st.sampled_from(MODES))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x, w, bias = tensors(
        rng, (data.draw(st.integers(1, 3)), channels, *size), (out_channels, channels // groups, *kernel)
    )
    options = {"stride": stride, "padding": pads, "dilation": dilation, "groups": groups, "padding_mode": mode}
    backends = [("compiled", isa) for isa in _dispatch.built_isas()] + [("numpy", "auto")]
    for backend in backends:
        with convlab.use_backend(*backend):
            y = convlab.conv2d(x, w, bias, **options)
        assert_convolved(y, x, w, bias, stride, (pads[:2], pads[2:]), dilation, groups, mode)
