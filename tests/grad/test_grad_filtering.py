"""Gradients of a filter and of activations."""

import numpy as np
import pytest
from gradient_support import check_slope, numbers

import convlab
from convlab import grad, reference_gradients

BORDERS = ("mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep")


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (1, 4), (7, 9)], ids=str)
@pytest.mark.parametrize(("image", "axis"), [((12, 11), None), ((3, 9, 13), 0), ((9, 13, 4), -1), ((9, 2, 10), 1)])
def test_slopes(fast_backend, rng, border, shape, image, axis):
    x, kernel = numbers(rng, image), numbers(rng, shape)
    options = {"border": border, "channel_axis": axis, "anchor": (0, shape[1] - 1)}
    g = numbers(rng, convlab.filter2d(x, kernel, **options).shape)

    def filtered(x, kernel):
        return convlab.filter2d(x, kernel, precision="exact", **options)

    found = grad.filter2d_image(image, kernel, g, **options)
    assert found.shape == image
    check_slope(lambda x: filtered(x, kernel), x, g, found, rng)
    found = grad.filter2d_kernel(x, shape, g, **options)
    assert convlab.last_kernel() == "conv_weight_planes" + fast_backend
    check_slope(lambda kernel: filtered(x, kernel), kernel, g, found, rng)


@pytest.mark.parametrize("border", BORDERS)
def test_the_plain_loops(backend, rng, border):
    x, kernel = numbers(rng, (6, 7)), numbers(rng, (3, 4))
    g = numbers(rng, convlab.filter2d(x, kernel, border=border).shape)
    found = grad.filter2d_image((6, 7), kernel, g, border=border)
    np.testing.assert_array_equal(found, reference_gradients.filter2d_image((6, 7), kernel, g, border))
    assert convlab.last_kernel().endswith(backend)
    found = grad.filter2d_kernel(x, (3, 4), g, border=border, cval=2)
    np.testing.assert_array_equal(found, reference_gradients.filter2d_kernel(x, (3, 4), g, border, 2))
    assert convlab.last_kernel().endswith(backend)


@pytest.mark.parametrize("border", ["mirror", "symmetric", "nearest", "wrap", "constant", "keep"])
def test_a_kernel_larger_than_the_image(backend, rng, border):
    x, kernel = numbers(rng, (2, 3)), numbers(rng, (7, 8))
    g = numbers(rng, (2, 3))
    found = grad.filter2d_image((2, 3), kernel, g, border=border)
    np.testing.assert_array_equal(found, reference_gradients.filter2d_image((2, 3), kernel, g, border))
    found = grad.filter2d_kernel(x, (7, 8), g, border=border, cval=1)
    np.testing.assert_array_equal(found, reference_gradients.filter2d_kernel(x, (7, 8), g, border, 1))


def test_a_constant_border_counts(fast_backend, rng):
    x, g = numbers(rng, (3, 9, 8)), numbers(rng, (3, 9, 8))
    found = grad.filter2d_kernel(x, (3, 3), g, border="constant", cval=5, channel_axis=0)
    kernel = numbers(rng, (3, 3))
    check_slope(
        lambda kernel: convlab.filter2d(x, kernel, border="constant", cval=5, channel_axis=0), kernel, g, found, rng
    )


def test_outputs_of_filters(fast_backend, rng):
    x, g = numbers(rng, (9, 8, 3)), numbers(rng, (9, 8, 3))
    kernel = numbers(rng, (3, 3))
    for call, shape in (
        (lambda **o: grad.filter2d_image(x.shape, kernel, g, channel_axis=-1, border="wrap", **o), x.shape),
        (lambda **o: grad.filter2d_kernel(x, (3, 3), g, channel_axis=-1, **o), (3, 3)),
    ):
        out = np.full(shape, np.nan, np.float32)
        assert call(out=out) is out
        np.testing.assert_array_equal(out, call())


ACTIVATIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda g, y: grad.relu(g, y)),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda g, y: grad.relu6(g, y)),
    "leaky_relu": (lambda x: np.where(x > 0, x, x / 4), lambda g, y: grad.leaky_relu(g, y, 0.25)),
    "clip": (lambda x: np.clip(x, -1, 2), lambda g, y: grad.clip(g, y, -1, 2)),
    "clip from below": (lambda x: np.maximum(x, -1), lambda g, y: grad.clip(g, y, -1)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (3,), (5, 7), (2, 3, 200, 301)], ids=str)
def test_activations(fast_backend, rng, name, shape):
    forward, backward = ACTIVATIONS[name]
    x = (numbers(rng, shape, 9) + np.float32(0.5)).astype(np.float32)  # at no corner
    g = numbers(rng, shape)
    slope = (forward(x + np.float32(0.25)) - forward(x - np.float32(0.25))) * 2
    expected = (g * slope).astype(np.float32)
    y = forward(x).astype(np.float32)
    np.testing.assert_array_equal(backward(g, y), expected)
    assert convlab.last_kernel() == "activation_gradient" + fast_backend
    np.testing.assert_array_equal(backward(g.T.copy().T, y.astype(np.float64)), expected)
    np.testing.assert_array_equal(backward(g[..., ::-1] if shape else g, y[..., ::-1] if shape else y),
                                  expected[..., ::-1] if shape else expected)  # fmt: skip


def test_activations_of_masks_and_nan(fast_backend):
    g = np.array([1, 2, 3], np.float32)
    np.testing.assert_array_equal(grad.relu(g, np.array([True, False, True])), [1, 0, 3])
    np.testing.assert_array_equal(grad.leaky_relu(g, np.array([True, False, True]), 0.5), [1, 1, 3])
    np.testing.assert_array_equal(grad.clip(g, np.array([True, False, True]), 1, 2), [1, 0, 3])
    np.testing.assert_array_equal(grad.relu(g, [np.nan, np.inf, -np.inf]), [1, 2, 0])
    np.testing.assert_array_equal(grad.relu([np.nan, np.inf], [0, 0]), [0, 0])


I = np.ones((5, 6), np.float32)  # noqa: E741
BAD = [
    (ValueError, "image_shape: got shape", lambda: grad.filter2d_image((5, 6, 3), np.ones((3, 3)), I)),
    (ValueError, "grad_output: got shape", lambda: grad.filter2d_image((5, 6), np.ones((3, 3)), I[1:])),
    (ValueError, "border: got 'reflect'", lambda: grad.filter2d_image((5, 6), np.ones((3, 3)), I, border="reflect")),
    (ValueError, "kernel_shape: got shape", lambda: grad.filter2d_kernel(I, (3,), I)),
    (TypeError, "kernel_shape: got int", lambda: grad.filter2d_kernel(I, 3, I)),
    (ValueError, "anchor: got", lambda: grad.filter2d_kernel(I, (3, 3), I, anchor=(3, 0))),
    (ValueError, "output: got shape", lambda: grad.relu(I, I[1:])),
    (ValueError, "low: got 3", lambda: grad.clip(I, I, 3, 2)),
    (TypeError, "high: got str", lambda: grad.clip(I, I, 3, "2")),
    (ValueError, "negative_slope: got inf", lambda: grad.leaky_relu(I, I, np.inf)),
    (TypeError, "output: got dtype complex", lambda: grad.relu(I, I * 1j)),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD, ids=[message for _, message, _ in BAD])
def test_bad_input(error, message, call):
    with pytest.raises(error, match=message):
        call()
