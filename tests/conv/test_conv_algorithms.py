"""The algorithms of conv2d compared with each other and with double: depthwise and Winograd."""

import numpy as np
import pytest
from conv_support import assert_convolved, depthwise_kernels, expected_conv
from numpy.testing import assert_array_equal

import convlab
from convlab import _dispatch
from convlab._plan import convolving
from convlab._plan.plan import Machine
from convlab._spec import convolving as specs

# Channels, output channels and side of every 3 x 3 layer at stride 1 of VGG-16, ResNet-18 and ResNet-50.
LAYERS = [
    (3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 512, 28),
    (512, 512, 28), (512, 512, 14), (64, 64, 56), (128, 128, 28), (256, 256, 14), (512, 512, 7),
]  # fmt: skip


def tensors(rng, shape, weight_shape):
    return (
        rng.standard_normal(shape, dtype=np.float32),
        rng.standard_normal(weight_shape, dtype=np.float32),
        rng.standard_normal(weight_shape[0], dtype=np.float32),
    )


def relative_error(y, expected):
    return np.linalg.norm(y - expected) / np.linalg.norm(expected)


FUSED = [isa for isa in ("avx512", "avx2") if isa in _dispatch.built_isas()]


@pytest.mark.skipif(len(FUSED) < 2, reason="fewer than two instruction sets with fused multiply-adds are here")
@pytest.mark.parametrize("algorithm", ["gemm", "narrow", "winograd2", "winograd4", "depthwise", "transpose"])
def test_every_isa_with_fused_multiply_adds_gives_the_same_bytes(rng, algorithm):
    groups = 5 if algorithm == "depthwise" else 1
    size = (9, 11) if algorithm == "narrow" else (27, 39)
    x, w, bias = tensors(rng, (2, 5, *size), (5, 5 // groups, 3, 3))
    results = []
    for isa in FUSED:
        with convlab.use_backend("compiled", isa):
            if algorithm == "transpose":
                y = convlab.conv_transpose2d(x, w, bias, stride=2)
            else:
                y = convlab.conv2d(x, w, bias, padding=1, groups=groups, algorithm=algorithm, activation="leaky_relu")
            assert convlab.last_kernel().endswith(f"[compiled/{isa}]")
            results.append(y.tobytes())
    assert results[0] == results[1]


@pytest.mark.skipif(len(FUSED) < 2, reason="fewer than two instruction sets with fused multiply-adds are here")
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_sum_has_one_order(rng, kernel, stride):
    """For any size of the plane, place in it, in the batch and in a pair, and any instruction set."""
    x, w, bias = tensors(rng, (1, 5, 64, 64), (5, 1, kernel, kernel))
    whole = convlab.conv2d(x, w, bias, stride=stride, groups=5)
    for size in (kernel, 13, 14, 15, 16, 17, 20, 22, 33, 47):
        parts = np.concatenate([x[..., :size, :size], x[..., 2 : size + 2, 16 : size + 16]])
        n = (size - kernel) // stride + 1
        at = 2 // stride, 16 // stride
        expected = [whole[0, :, :n, :n], whole[0, :, at[0] : at[0] + n, at[1] : at[1] + n]]
        for isa in FUSED:
            with convlab.use_backend("compiled", isa):
                assert_array_equal(convlab.conv2d(parts, w, bias, stride=stride, groups=5), expected)
                last = np.moveaxis(parts, 1, -1).copy()
                last = convlab.conv2d(last, w, bias, stride=stride, groups=5, layout="NHWC")
                assert_array_equal(np.moveaxis(last, -1, 1), expected)
                assert convlab.last_kernel() == f"conv_depthwise_last[compiled/{isa}]"


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 7), (2, 2), (1, 4), (9, 9)])
@pytest.mark.parametrize("stride", [1, 2, (2, 1), 3])
@pytest.mark.parametrize("size", [(7, 7), (8, 8), (9, 4), (14, 14), (15, 15), (13, 17), (10, 35), (1, 3), (20, 70)])
def test_depthwise(fast_backend, rng, kernel, stride, size):
    x, w, bias = tensors(rng, (2, 3, *size), (3, 1, *kernel))
    pads = tuple((k // 2, k // 2) for k in kernel)
    options = {"stride": stride, "padding": (kernel[0] // 2, kernel[1] // 2), "groups": 3}
    y = convlab.conv2d(x, w, bias, **options)
    assert convlab.last_kernel() in depthwise_kernels(fast_backend)
    assert_convolved(y, x, w, bias, stride, pads, 1, 3)
    last = convlab.conv2d(np.moveaxis(x, 1, -1), w, bias, layout="NHWC", **options)
    assert_array_equal(np.moveaxis(last, -1, 1), y)
    assert_array_equal(convlab.conv2d(x[1:, :, ::-1].copy()[:, :, ::-1], w, bias, **options), y[1:])
    with convlab.threads(3):
        assert_array_equal(convlab.conv2d(x, w, bias, **options), y)
    relu = convlab.conv2d(x, w, bias, activation="relu6", **options)
    assert_array_equal(relu, np.clip(y, 0, 6))


@pytest.mark.parametrize("mode", ["nearest", "symmetric", "mirror", "wrap"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_depthwise_borders_and_dilations(fast_backend, rng, mode, dilation):
    x, w, bias = tensors(rng, (1, 5, 9, 20), (10, 1, 3, 3))
    y = convlab.conv2d(x, w, bias, padding=2, dilation=dilation, groups=5, padding_mode=mode)
    assert convlab.last_kernel() in depthwise_kernels(fast_backend)
    assert_convolved(y, x, w, bias, 1, 2, dilation, 5, mode)


@pytest.mark.parametrize("channels", [4, 15, 16, 17, 32, 37])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel": 3, "padding": 1},
        {"kernel": 3, "padding": 1, "stride": 2},
        {"kernel": 5, "padding": 6, "dilation": 3, "padding_mode": "mirror"},
        {"kernel": (1, 7), "padding": (0, 9), "stride": (1, 2)},
        {"kernel": 2, "stride": 3, "padding": 1, "padding_mode": "wrap"},
        {"kernel": (3, 1), "padding": (2, 8), "padding_mode": "wrap"},  # a block ends where the row repeats
        {"kernel": (1, 2), "padding": (0, 24), "stride": (1, 3), "padding_mode": "wrap"},
    ],
)
def test_depthwise_channels_innermost(fast_backend, rng, channels, options):
    """The same bits as with outermost channels, for rows shorter and longer than a block of pixels."""
    kernel = options["kernel"] if isinstance(options["kernel"], tuple) else 2 * (options["kernel"],)
    rest = {name: value for name, value in options.items() if name != "kernel"} | {"groups": channels}
    for size in ((1, 1), (8, 7), (13, 12), (9, 50), (1, 300)):
        x, w, bias = tensors(rng, (2, channels, *size), (channels, 1, *kernel))
        x[0, 1] = np.inf
        expected = convlab.conv2d(x, w, bias, activation="relu", **rest)
        last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        for threads in (1, 3):
            with convlab.threads(threads):
                actual = convlab.conv2d(last, w, bias, layout="NHWC", activation="relu", **rest)
            assert convlab.last_kernel() == "conv_depthwise_last" + fast_backend
            assert_array_equal(np.moveaxis(actual, -1, 1).view(np.int32), expected.view(np.int32))
        wide = np.zeros((*last.shape[:3], channels + 5), np.float32)
        wide[..., 2:-3] = last
        assert_array_equal(convlab.conv2d(wide[..., 2:-3], w, bias, layout="NHWC", activation="relu", **rest), actual)


def test_depthwise_not_a_number(fast_backend, rng):
    x, w, bias = tensors(rng, (1, 3, 7, 7), (3, 1, 3, 3))
    x[0, 1, 3, 3] = np.nan
    y = convlab.conv2d(x, w, bias, padding=1, groups=3)
    expected = np.zeros(y.shape, bool)
    expected[0, 1, 2:5, 2:5] = True
    assert_array_equal(np.isnan(y), expected)


@pytest.mark.parametrize("activation", [None, "relu6", "leaky_relu"])
@pytest.mark.parametrize(
    ("shape", "out_channels", "kernel", "stride", "padding", "groups"),
    [
        ((1, 20, 7, 7), 50, 3, 1, 1, 1),
        ((2, 6, 7, 7), 100, 1, 1, 0, 2),
        ((1, 40, 14, 14), 48, 3, 2, 1, 1),
        ((1, 3, 5, 5), 7, 3, 1, 1, 1),
        ((2, 70, 9, 9), 96, 5, 1, 2, 2),
        ((1, 33, 7, 7), 130, 1, 2, 0, 1),
    ],
)
def test_narrow(fast_backend, rng, activation, shape, out_channels, kernel, stride, padding, groups):
    """The same sums in the same order as the plain product."""
    x, w, bias = tensors(rng, shape, (out_channels, shape[1] // groups, kernel, kernel))
    options = {"stride": stride, "padding": padding, "groups": groups, "activation": activation}
    expected = convlab.Conv2d(w, bias, algorithm="gemm", **options)(x)
    layer = convlab.Conv2d(w, bias, algorithm="narrow", **options)
    assert_array_equal(layer(x), expected)
    assert convlab.last_kernel() == "conv_narrow" + fast_backend
    assert_array_equal(convlab.conv2d(x, w, bias, algorithm="narrow", **options), expected)
    with convlab.threads(2):
        assert_array_equal(layer(x), expected)
    if fast_backend != "[numpy]":
        last = convlab.Conv2d(w, bias, algorithm="narrow", layout="NHWC", **options)(np.moveaxis(x, 1, -1))
        assert_array_equal(np.moveaxis(last, -1, 1), expected)


@pytest.mark.parametrize("activation", [None, "relu6", "leaky_relu"])
@pytest.mark.parametrize(
    ("shape", "out_channels", "kernel", "stride", "padding", "dilation", "groups"),
    [
        ((2, 1, 9, 32), 23, 3, 1, 1, 1, 1),
        ((1, 3, 7, 31), 8, 3, 1, (0, 2), 1, 1),
        ((3, 2, 8, 15), 6, (5, 2), 1, (2, 1), 1, 1),
        ((1, 4, 20, 50), 14, 3, (2, 1), 1, 1, 2),
        ((1, 2, 19, 70), 1, (1, 11), 1, (0, 30), 1, 1),
        ((1, 2, 19, 49), 7, 3, 1, (3, 5), (2, 3), 1),
        ((2, 1, 1, 16), 5, (1, 3), 1, (0, 1), 1, 1),
        ((1, 1, 3, 5), 4, 5, 1, 4, 1, 1),
    ],
)
def test_direct(fast_backend, rng, activation, shape, out_channels, kernel, stride, padding, dilation, groups):
    """The same sums in the same order as the plain product."""
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    x, w, bias = tensors(rng, shape, (out_channels, shape[1] // groups, *kernel))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "activation": activation}
    expected = convlab.conv2d(x, w, bias, algorithm="gemm", **options)
    y = convlab.conv2d(x, w, bias, **options)
    assert convlab.last_kernel() == "conv_direct" + fast_backend
    assert_array_equal(y, expected)
    with convlab.threads(3):
        assert_array_equal(convlab.conv2d(x, w, bias, **options), y)
    wide = np.full((*shape[:-1], shape[-1] + 5), np.nan, np.float32)
    wide[..., 2 : shape[-1] + 2] = x
    assert_array_equal(convlab.conv2d(wide[:, :, ::-1, 2 : shape[-1] + 2][:, :, ::-1], w, bias, **options), y)
    last = convlab.conv2d(np.moveaxis(x, 1, -1), w, bias, layout="NHWC", **options)
    assert_array_equal(np.moveaxis(last, -1, 1), y)


@pytest.mark.parametrize("shift", [0, 1, 7])
def test_direct_with_non_temporal_stores(fast_backend, rng, shift):
    """Results of 16 MB and more, with rows at any offset from a cache line."""
    x, w, bias = tensors(rng, (1, 1, 257, 1024), (17, 1, 3, 3))
    expected = convlab.conv2d(x, w, bias, padding=1, algorithm="gemm")
    flat = np.full(expected.size + 16, np.nan, np.float32)
    out = flat[shift : shift + expected.size].reshape(expected.shape)
    convlab.conv2d(x, w, bias, padding=1, out=out)
    assert convlab.last_kernel() == "conv_direct" + fast_backend
    assert_array_equal(out, expected)
    assert np.isnan(flat[:shift]).all()
    assert np.isnan(flat[shift + expected.size :]).all()


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize(
    ("shape", "out_channels", "groups", "padding"),
    [
        ((1, 3, 7, 7), 5, 1, 1),
        ((3, 16, 9, 33), 17, 1, 0),
        ((5, 4, 13, 6), 8, 2, 1),
        ((2, 64, 30, 70), 64, 1, 1),
        ((1, 600, 14, 14), 20, 1, 1),
        ((1, 8, 37, 200), 8, 1, 3),
        ((1, 4, 1, 1), 4, 1, 1),
    ],
)
def test_winograd(fast_backend, rng, tile, shape, out_channels, groups, padding):
    x, w, bias = tensors(rng, shape, (out_channels, shape[1] // groups, 3, 3))
    options = {"padding": padding, "groups": groups, "algorithm": f"winograd{tile}"}
    y = convlab.conv2d(x, w, bias, **options)
    assert convlab.last_kernel() == f"conv_winograd{tile}{fast_backend}"
    assert relative_error(y, expected_conv(x, w, bias, 1, padding, 1, groups)) < 1e-5
    layer = convlab.Conv2d(w, bias, **options)
    assert_array_equal(layer(x), y)
    assert_array_equal(layer(x[-1:]), y[-1:])
    with convlab.threads(2):
        assert_array_equal(layer(x), y)
    if fast_backend != "[numpy]":
        assert_array_equal(convlab.Conv2d(w, bias, workspace_limit=1 << 21, **options)(x), y)
        last = convlab.conv2d(np.moveaxis(x, 1, -1), w, bias, layout="NHWC", **options)
        assert_array_equal(np.moveaxis(last, -1, 1), y)
    leaky = convlab.conv2d(x, w, bias, activation="leaky_relu", **options)
    assert_array_equal(leaky, np.where(y < 0, y * np.float32(0.01), y))
    nearest = convlab.conv2d(x, w, bias, padding_mode="nearest", **options)
    assert relative_error(nearest, expected_conv(x, w, bias, 1, padding, 1, groups, "nearest")) < 1e-5


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("dilation", [2, (3, 1), (1, 4), (12, 5)])
@pytest.mark.parametrize(("shape", "groups", "padding"), [((2, 6, 17, 40), 1, 3), ((1, 8, 33, 12), 2, (12, 9))])
def test_winograd_of_dilated_taps(fast_backend, rng, tile, dilation, shape, groups, padding):
    """The taps read subsampled images of the input, each with separate tiles; some may have no output."""
    x, w, bias = tensors(rng, shape, (10, shape[1] // groups, 3, 3))
    padding = (12, 9) if 12 in np.atleast_1d(dilation) else padding
    options = {"padding": padding, "dilation": dilation, "groups": groups, "algorithm": f"winograd{tile}"}
    pads = tuple((p, p) for p in np.broadcast_to(padding, 2).tolist())
    y = convlab.conv2d(x, w, bias, **options)
    assert convlab.last_kernel() == f"conv_winograd{tile}{fast_backend}"
    assert relative_error(y, expected_conv(x, w, bias, 1, pads, dilation, groups)) < 1e-5
    layer = convlab.Conv2d(w, bias, **options)
    assert_array_equal(layer(x[-1:]), y[-1:])
    with convlab.threads(2):
        assert_array_equal(layer(x), y)
    wrapped = convlab.conv2d(x, w, bias, padding_mode="wrap", **options)
    assert relative_error(wrapped, expected_conv(x, w, bias, 1, pads, dilation, groups, "wrap")) < 1e-5
    if fast_backend != "[numpy]":
        last = convlab.conv2d(np.moveaxis(x, 1, -1), w, bias, layout="NHWC", **options)
        assert_array_equal(np.moveaxis(last, -1, 1), y)
    x[0, 1, 5, 7] = np.nan
    plain = convlab.conv2d(x, w, bias, **options | {"algorithm": "gemm"})
    assert_array_equal(np.isnan(layer(x)), np.isnan(plain))


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_winograd_where_not_finite(fast_backend, rng, tile, value):
    """The tiles are computed again by direct sums: the same infinities and NaN in the same places."""
    x, w, bias = tensors(rng, (1, 8, 21, 40), (9, 8, 3, 3))
    x[0, 3, 10, 11] = value
    w = np.clip(w, -0.9, 0.9)
    expected = convlab.conv2d(x, w, bias, padding=1, algorithm="gemm")
    y = convlab.conv2d(x, w, bias, padding=1, algorithm=f"winograd{tile}")
    assert_array_equal(np.isnan(y), np.isnan(expected))
    assert_array_equal(y[~np.isfinite(y)], expected[~np.isfinite(y)])
    w[2, 3, 1, 1] = np.inf
    expected = convlab.conv2d(x, w, bias, padding=1, algorithm="gemm")
    y = convlab.conv2d(x, w, bias, padding=1, algorithm=f"winograd{tile}")
    assert_array_equal(np.isfinite(y), np.isfinite(expected))


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_the_error_of_known_layers(layer):
    """At most 1e-5 in the norm, for any algorithm of the plan; the largest planes are cropped to 56 x 56."""
    channels, out_channels, side = layer
    rng = np.random.default_rng(channels + side)
    x, w, bias = tensors(rng, (1, channels, min(side, 56), min(side, 56)), (out_channels, channels, 3, 3))
    w *= np.float32((channels * 9) ** -0.5)
    # Every eighth output channel is enough for the norm.
    expected = expected_conv(x, w[::8], bias[::8], 1, 1)
    for algorithm in (None, "winograd2", "winograd4"):
        y = convlab.Conv2d(w, bias, padding=1, algorithm=algorithm)(x)
        assert relative_error(y[:, ::8], expected) <= 1e-5


def test_the_algorithm_of_the_plan():
    def chosen(shape, weight_shape, prepared=True, **options):
        spec = specs.conv(shape, specs.ConvOptions(2, weight_shape, **{"padding": 1} | options))
        return convolving.plan_conv(spec, None, convolving.Request(prepared=prepared), Machine()).kernel

    assert chosen((1, 64, 56, 56), (64, 64, 3, 3)) == "conv_winograd4"
    assert chosen((8, 64, 56, 56), (64, 64, 3, 3)) == "conv_winograd4"
    assert chosen((1, 64, 56, 56), (64, 64, 3, 3), precision="exact") == "conv_gemm"
    assert chosen((1, 64, 56, 56), (64, 64, 3, 3), stride=2) == "conv_gemm"
    assert chosen((1, 3, 56, 56), (64, 3, 3, 3)) == "conv_gemm"
    assert chosen((1, 3, 224, 224), (64, 3, 3, 3)) == "conv_direct"
    assert chosen((1, 3, 224, 224), (64, 3, 3, 3), padding_mode="nearest") == "conv_gemm"
    assert chosen((1, 512, 7, 7), (512, 512, 3, 3), prepared=False) == "conv_gemm"
    assert chosen((1, 512, 7, 7), (2048, 512, 1, 1), padding=0) == "conv_narrow"
    assert chosen((1, 512, 7, 7), (2048, 512, 1, 1), padding=0, prepared=False) == "conv_gemm"
    assert chosen((1, 64, 56, 56), (64, 1, 3, 3), groups=64) == "conv_depthwise"
    assert chosen((1, 64, 56, 56), (64, 1, 3, 3), groups=64, precision="exact") == "conv_depthwise"
    assert chosen((1, 64, 56, 56), (64, 1, 9, 9), groups=64) == "conv_depthwise_packed"
    assert chosen((1, 64, 300, 2), (64, 1, 3, 3), groups=64) == "conv_depthwise_packed"


@pytest.mark.parametrize("stride", [1, 2, (2, 4), 3])
@pytest.mark.parametrize("out_channels", [3, 8, 17])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5), (5, 1)])
@pytest.mark.parametrize("size", [(7, 7), (14, 14), (5, 700), (3, 40)])
def test_few_output_channels(fast_backend, rng, stride, out_channels, kernel, size):
    """The packed slices are the panel, and the sums are those of a copied panel."""
    x, w, bias = tensors(rng, (2, 35, *size), (out_channels, 35, *kernel))
    options = {"stride": stride, "padding": (2, 2), "dilation": (1, 2), "activation": "leaky_relu"}
    y = convlab.conv2d(x, w, bias, algorithm="gemm", **options)
    assert convlab.last_kernel() == "conv_gemm" + fast_backend
    if fast_backend == "[numpy]":
        expected = expected_conv(x, w, bias, stride, 2, (1, 2))
        assert relative_error(y, np.where(expected < 0, expected * 0.01, expected)) < 1e-6
        return
    many = convlab.conv2d(x, np.repeat(w, 20, axis=0), np.repeat(bias, 20), algorithm="gemm", **options)
    assert_array_equal(y, many[:, ::20])
    last = convlab.conv2d(np.moveaxis(x, 1, -1), w, bias, layout="NHWC", algorithm="gemm", **options)
    assert_array_equal(np.moveaxis(last, -1, 1), y)
    assert_array_equal(convlab.conv2d(x, w, bias, algorithm="gemm", workspace_limit=30_000, **options), y)
    with convlab.threads(3):
        assert_array_equal(convlab.conv2d(x, w, bias, algorithm="gemm", **options), y)


@pytest.mark.parametrize("algorithm", ["depthwise", "narrow", "winograd2", "winograd4"])
def test_an_unsupported_algorithm(algorithm):
    with pytest.raises(ValueError, match=f"algorithm: got '{algorithm}', which cannot serve this call"):
        convlab.conv2d(np.zeros((1, 4, 19, 19)), np.zeros((4, 4, 5, 5)), algorithm=algorithm)
    groups, taps = (4, (4, 1, 3, 3)) if algorithm == "depthwise" else (1, (4, 4, 3, 3))
    with pytest.raises(ValueError, match="workspace_limit: got 10 bytes; expected at least"):
        convlab.conv2d(np.zeros((1, 4, 9, 9)), np.zeros(taps), groups=groups, algorithm=algorithm, workspace_limit=10)
