"""Gradients of convolutions and their transposes: central differences, the plain loops, errors, bytes."""

import numpy as np
import pytest
from gradient_support import check_slope, numbers

import convlab
from convlab import grad, reference_gradients

SIZES = {1: (13,), 2: (9, 8), 3: (5, 6, 4)}
OPTIONS = [
    {},
    {"stride": 2, "padding": 1},
    {"padding": "same", "dilation": 2},
    {"padding": "same_lower"},
    {"stride": 3},
    {"padding": 3, "stride": 2, "dilation": 2},
    {"padding": 1, "padding_mode": "nearest"},
    {"padding": 2, "padding_mode": "symmetric", "stride": 2},
    {"padding": 2, "padding_mode": "mirror"},
    {"padding": 3, "padding_mode": "wrap", "dilation": 2},
]


def layer(axes, groups=1, depthwise=False):
    channels, outputs = (4, 8) if depthwise else (4 * groups, 6 * groups)
    return channels, (outputs, 1 if depthwise else 4, *(3, 2, 3)[:axes]), 4 if depthwise else groups


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["plain", "grouped", "depthwise"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_convolutions(fast_backend, rng, axes, kind, options):
    channels, weight_shape, groups = layer(axes, 2 if kind == "grouped" else 1, kind == "depthwise")
    conv = getattr(convlab, f"conv{axes}d")
    x, w = numbers(rng, (3, channels, *SIZES[axes])), numbers(rng, weight_shape)
    y = conv(x, w, groups=groups, **options)
    g = numbers(rng, y.shape)
    grad_x = getattr(grad, f"conv{axes}d_input")(x.shape, w, g, groups=groups, **options)
    assert convlab.last_kernel().endswith(fast_backend)
    assert grad_x.shape == x.shape
    assert grad_x.dtype == np.float32
    check_slope(lambda x: conv(x, w, groups=groups, precision="exact", **options), x, g, grad_x, rng)
    grad_w = getattr(grad, f"conv{axes}d_weight")(x, w.shape, g, groups=groups, **options)
    planes = kind == "depthwise" and axes == 2
    assert convlab.last_kernel() == ("conv_weight_planes" if planes else "conv_weight") + fast_backend
    assert grad_w.shape == w.shape
    check_slope(lambda w: conv(x, w, groups=groups, precision="exact", **options), w, g, grad_w, rng)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["plain", "grouped"])
@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "output_padding": 1}, {"stride": 3}],
    ids=str,
)
def test_transposes(fast_backend, rng, axes, kind, options):
    groups = 2 if kind == "grouped" else 1
    transpose = getattr(convlab, f"conv_transpose{axes}d")
    x = numbers(rng, (2, 4, *SIZES[axes]))
    w = numbers(rng, (4, 3, *(3, 2, 3)[:axes]))
    y = transpose(x, w, groups=groups, **options)
    g = numbers(rng, y.shape)
    own = {name: value for name, value in options.items() if name != "output_padding"}
    grad_x = getattr(grad, f"conv_transpose{axes}d_input")(x.shape, w, g, groups=groups, **own)
    check_slope(lambda x: transpose(x, w, groups=groups, **options), x, g, grad_x, rng)
    grad_w = getattr(grad, f"conv_transpose{axes}d_weight")(x, w.shape, g, groups=groups, **own)
    assert convlab.last_kernel() == "conv_weight" + fast_backend
    check_slope(lambda w: transpose(x, w, groups=groups, **options), w, g, grad_w, rng)


@pytest.mark.parametrize("options", [{}, {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}, {"groups": 2}])
def test_the_plain_loops(backend, rng, options):
    groups = options.get("groups", 1)
    x, w = numbers(rng, (4, 9, 8)), numbers(rng, (6, 4 // groups, 3, 2))
    g = numbers(rng, convlab.conv2d(x, w, **options).shape)
    found = grad.conv2d_input(x.shape, w, g, **options)
    np.testing.assert_array_equal(found, reference_gradients.conv2d_input(x.shape, w, g, **options))
    assert convlab.last_kernel().endswith(backend)
    found = grad.conv2d_weight(x, w.shape, g, **options)
    np.testing.assert_array_equal(found, reference_gradients.conv2d_weight(x, w.shape, g, **options))
    assert convlab.last_kernel().endswith(backend)


@pytest.mark.parametrize("shape", [(3, 5), (2, 7, 300), (3, 4, 9, 33), (2, 3, 4, 5, 6), (0, 4, 3, 3), (4, 0)])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_biases(fast_backend, rng, shape, axis):
    g = numbers(rng, shape)
    others = tuple(other for other in range(g.ndim) if other != axis % g.ndim)
    if shape[axis] == 0 or 0 in [shape[other] for other in others[-3:][1:]]:
        with pytest.raises(ValueError, match="grad_output: got shape"):
            grad.conv_bias(g, channel_axis=axis)
        return
    np.testing.assert_array_equal(grad.conv_bias(g, channel_axis=axis), g.sum(axis=others))
    out = np.full(shape[axis], np.nan, np.float32)
    assert grad.conv_bias(g.astype(np.float64), channel_axis=axis, out=out) is out
    np.testing.assert_array_equal(out, g.sum(axis=others))


# Beyond what one tile and block hold: channels, outputs, taps, rows and columns.
LARGE = [
    ((2, 300, 3, 4), (5, 300, 1, 1), {}),
    ((1, 3, 5, 4), (300, 3, 2, 2), {}),
    ((1, 1, 40, 50), (2, 1, 23, 31), {"padding": (3, 4)}),
    ((1, 2, 700), (2, 2, 400), {"dilation": 1}),
    ((2, 2, 3, 1100), (3, 2, 1, 2), {"padding": (0, 1)}),
    ((9, 3, 5, 7), (4, 3, 3, 3), {"padding": 1}),
    ((1, 1, 3, 4000), (1, 1, 2, 2), {"dilation": (1, 700), "stride": (1, 3)}),
    ((2, 2, 4, 5, 6), (2, 2, 9, 9, 5), {"padding": (4, 4, 2)}),
]


@pytest.mark.parametrize(("shape", "weight_shape", "options"), LARGE, ids=str)
def test_what_is_cut(fast_backend, rng, shape, weight_shape, options):
    conv = getattr(convlab, f"conv{len(shape) - 2}d")
    x, w = numbers(rng, shape, 2), numbers(rng, weight_shape, 2)
    g = numbers(rng, conv(x, w, **options).shape, 2)
    found = getattr(grad, f"conv{len(shape) - 2}d_weight")(x, weight_shape, g, **options)
    check_slope(lambda w: conv(x, w, precision="exact", **options), w, g, found, rng, 2)


@pytest.mark.parametrize("options", [{}, {"padding": 1, "stride": 2}, {"groups": 4, "padding": 2}])
def test_layouts_and_threads_change_no_bytes(fast_backend, rng, options):
    x = rng.standard_normal((5, 4, 19, 23), np.float32)
    w = rng.standard_normal((16, 4 // options.get("groups", 1), 3, 5), np.float32)
    g = rng.standard_normal(convlab.conv2d(x, w, **options).shape, np.float32)
    right = grad.conv2d_weight(x, w.shape, g, **options), grad.conv2d_input(x.shape, w, g, **options)
    for change in (np.asfortranarray, lambda a: a[::-1].copy()[::-1], lambda a: a.astype(">f4"), np.float64):
        np.testing.assert_array_equal(grad.conv2d_weight(change(x), w.shape, change(g), **options), right[0])
        np.testing.assert_array_equal(grad.conv2d_input(x.shape, w, change(g), **options), right[1])
    x_last, g_last = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for a in (x, g))
    last = grad.conv2d_weight(x_last, w.shape, g_last, layout="NHWC", **options)
    np.testing.assert_array_equal(last, right[0])
    for threads in (1, 2, 5):
        with convlab.threads(threads):
            np.testing.assert_array_equal(grad.conv2d_weight(x, w.shape, g, **options), right[0])
            np.testing.assert_array_equal(grad.conv2d_input(x.shape, w, g, **options), right[1])


def test_the_stated_bound_of_a_long_sum(fast_backend, rng):
    x = rng.standard_normal((8, 1, 300, 301), np.float32) + np.float32(3)
    g = rng.standard_normal((8, 5, 300, 301), np.float32) + np.float32(2)
    found = grad.conv2d_weight(x, (5, 1, 1, 1), g)[:, 0, 0, 0]
    exact = np.einsum("nmij,ncij->m", g.astype(np.float64), x.astype(np.float64))
    most = np.einsum("nmij,ncij->m", abs(g).astype(np.float64), abs(x).astype(np.float64))
    assert (abs(found - exact) <= 513 * 2.0**-24 * most).all()


def test_nan_and_infinity_stay_where_windows_see_them(fast_backend):
    x, g = np.zeros((1, 1, 5, 5), np.float32), np.zeros((1, 2, 5, 5), np.float32)
    x[0, 0, 0, 0], g[0, 1, 4, 4] = np.inf, np.nan
    found = grad.conv2d_weight(x, (2, 1, 3, 3), g, padding=1)
    # Of the first output each tap that lies on the infinite pixel gives 0 * inf, and no other.
    expected = np.zeros((3, 3), bool)
    expected[:2, :2] = True
    np.testing.assert_array_equal(np.isnan(found[0, 0]), expected)
    assert np.isnan(found[1, 0]).all()


def test_an_empty_batch(fast_backend):
    assert grad.conv2d_input((0, 2, 5, 5), np.ones((3, 2, 3, 3)), np.ones((0, 3, 3, 3))).shape == (0, 2, 5, 5)
    np.testing.assert_array_equal(grad.conv2d_weight(np.ones((0, 2, 5, 5)), (3, 2, 3, 3), np.ones((0, 3, 3, 3))), 0)


BAD = [
    (ValueError, "grad_output: got shape", lambda: grad.conv2d_input((1, 2, 5, 5), W, np.ones((1, 3, 4, 3)))),
    (ValueError, "input_size: got shape", lambda: grad.conv2d_input((1, 2), W, G[0, 0])),
    (TypeError, "input_size: got int", lambda: grad.conv2d_input(5, W, G)),
    (TypeError, "input_size: got float", lambda: grad.conv2d_input([1, 2, 5.0, 5], W, G)),
    (ValueError, "input_size: got a padded size", lambda: grad.conv2d_input((1, 2, 2, 5), W, G)),
    (ValueError, "weight: got shape .* groups", lambda: grad.conv2d_input((1, 3, 5, 5), W, G)),
    (ValueError, "weight_size|weight: got shape", lambda: grad.conv2d_weight(X, (3, 2, 3), G)),
    (TypeError, "weight_size: got int", lambda: grad.conv2d_weight(X, 3, G)),
    (TypeError, "weight: got str", lambda: grad.conv2d_input((1, 2, 5, 5), "sobel", G)),
    (TypeError, "input: got dtype complex", lambda: grad.conv2d_weight(X + 1j, (3, 2, 3, 3), G)),
    (TypeError, "grad_output: got dtype object", lambda: grad.conv2d_weight(X, (3, 2, 3, 3), G.astype(object))),
    (ValueError, "out: got shape", lambda: grad.conv2d_weight(X, (3, 2, 3, 3), G, out=np.ones(3, np.float32))),
    (ValueError, "out: got memory .* input", lambda: grad.conv2d_weight(X, (1, 2, 5, 5), G[:, :1, :1, :1], out=X)),
    (ValueError, "out: got dtype", lambda: grad.conv2d_input((1, 2, 5, 5), W, G, out=np.ones((1, 2, 5, 5)))),
    (ValueError, "grad_output: got .* sizes from", lambda: grad.conv_transpose2d_input((1, 3, 2, 2), W, G)),
    (ValueError, "channel_axis: got 4", lambda: grad.conv_bias(G, channel_axis=4)),
    (ValueError, "grad_output: got shape", lambda: grad.conv_bias(G[0, 0, 0])),
]  # fmt: skip
X, W, G = np.ones((1, 2, 5, 5), np.float32), np.ones((3, 2, 3, 3), np.float32), np.ones((1, 3, 3, 3), np.float32)


@pytest.mark.parametrize(("error", "message", "call"), BAD, ids=[message for _, message, _ in BAD])
def test_bad_input(error, message, call):
    with pytest.raises(error, match=message):
        call()
