"""Gradients as PyTorch's autograd has them in double, on random geometry."""

import numpy as np
import pytest

import convlab
from convlab import grad

torch = pytest.importorskip("torch")
F = torch.nn.functional

CASES = 60
SIZES = {1: 40, 2: 14, 3: 7}


def tensor(a):
    return torch.from_numpy(np.asarray(a, np.float64)).requires_grad_()


def close(found, right, terms):
    right = right.detach().numpy()
    assert found.shape == right.shape
    scale = np.abs(right).max(initial=0) + np.sqrt(terms)
    np.testing.assert_allclose(found, right, rtol=0, atol=scale * 2e-6)


def sizes(rng, axes, low, high):
    return tuple(int(n) for n in rng.integers(low, high, axes))


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolutions(fast_backend, axes, seed):
    rng = np.random.default_rng(1000 * axes + seed)
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, outputs = (groups * int(n) for n in rng.integers(1, 7, 2))
    kernel, stride, dilation = sizes(rng, axes, 1, 4), sizes(rng, axes, 1, 4), sizes(rng, axes, 1, 3)
    padding = sizes(rng, axes, 0, 4)
    extent = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    size = tuple(max(1, e - 2 * p) + int(rng.integers(0, SIZES[axes])) for e, p in zip(extent, padding, strict=True))
    batch = int(rng.integers(1, 5))
    x = rng.standard_normal((batch, channels, *size), np.float32)
    w = rng.standard_normal((outputs, channels // groups, *kernel), np.float32)
    tx, tw = tensor(x), tensor(w)
    ty = getattr(F, f"conv{axes}d")(tx, tw, None, stride, padding, dilation, groups)
    g = rng.standard_normal(tuple(ty.shape), np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    found = getattr(grad, f"conv{axes}d_input")(x.shape, w, g, stride, padding, dilation, groups)
    close(found, tx.grad, w[0].size)
    close(getattr(grad, f"conv{axes}d_weight")(x, w.shape, g, stride, padding, dilation, groups), tw.grad, g[:, 0].size)
    close(grad.conv_bias(g), torch.from_numpy(g.astype(np.float64)).sum((0, *range(2, 2 + axes))), g[:, 0].size)

    output_padding = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    padding = tuple(min(p, (e - 1) // 2) for p, e in zip(padding, extent, strict=True))
    w = rng.standard_normal((channels, outputs // groups, *kernel), np.float32)
    tx, tw = tensor(x), tensor(w)
    ty = getattr(F, f"conv_transpose{axes}d")(tx, tw, None, stride, padding, output_padding, groups, dilation)
    g = rng.standard_normal(tuple(ty.shape), np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    found = getattr(grad, f"conv_transpose{axes}d_input")(x.shape, w, g, stride, padding, groups, dilation)
    close(found, tx.grad, w[0].size)
    found = getattr(grad, f"conv_transpose{axes}d_weight")(x, w.shape, g, stride, padding, groups, dilation)
    close(found, tw.grad, x[:, 0].size)


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pools(fast_backend, axes, seed):
    rng = np.random.default_rng(1000 * axes + seed)
    kernel, stride = sizes(rng, axes, 1, 5), sizes(rng, axes, 1, 4)
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    size = tuple(k + int(rng.integers(0, SIZES[axes])) for k in kernel)
    dilation = sizes(rng, axes, 1, 3) if all(n > 2 * k for n, k in zip(size, kernel, strict=True)) else 1
    ceil_mode = bool(rng.integers(2))
    x = rng.standard_normal((2, 3, *size), np.float32)

    tx = tensor(x)
    pool = getattr(F, f"max_pool{axes}d")
    ty, places = pool(tx, kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    g = rng.standard_normal(tuple(ty.shape), np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    backward = getattr(grad, f"max_pool{axes}d")
    close(backward(g, places.numpy(), x.shape, kernel, stride, padding, dilation, ceil_mode), tx.grad, 1)

    tx = tensor(x)
    means = {"count_include_pad": bool(rng.integers(2))}
    if axes > 1 and rng.integers(2):
        means["divisor_override"] = 5
    ty = getattr(F, f"avg_pool{axes}d")(tx, kernel, stride, padding, ceil_mode=ceil_mode, **means)
    g = rng.standard_normal(tuple(ty.shape), np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    backward = getattr(grad, f"avg_pool{axes}d")
    close(backward(g, x.shape, kernel, stride, padding, ceil_mode, **means), tx.grad, 1)

    tx = tensor(x)
    size = sizes(rng, axes, 1, 9)
    ty = getattr(F, f"adaptive_avg_pool{axes}d")(tx, size)
    g = rng.standard_normal(tuple(ty.shape), np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    close(getattr(grad, f"adaptive_avg_pool{axes}d")(g, x.shape), tx.grad, 1)

    tx = tensor(x)
    ty, places = getattr(F, f"adaptive_max_pool{axes}d")(tx, size, return_indices=True)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    close(getattr(grad, f"adaptive_max_pool{axes}d")(g, places.numpy(), x.shape), tx.grad, 1)

    tx = tensor(x)
    ty = getattr(F, f"lp_pool{axes}d")(tx, 2, *((kernel, stride) if axes > 1 else (kernel[0], stride[0])))
    y = getattr(convlab, f"lp_pool{axes}d")(x, 2, kernel, stride)
    g = rng.standard_normal(tuple(ty.shape), np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    close(getattr(grad, f"lp_pool{axes}d")(g, x, y, 2, kernel, stride), tx.grad, 1)


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "hardtanh"])
def test_activations(fast_backend, name):
    x = np.random.default_rng(1).standard_normal((3, 400), np.float32) * 6
    tx = tensor(x)
    ty = getattr(F, name)(tx)
    g = np.random.default_rng(2).standard_normal(x.shape, np.float32)
    ty.backward(torch.from_numpy(g.astype(np.float64)))
    y = ty.detach().numpy().astype(np.float32)
    found = grad.clip(g, y, -1, 1) if name == "hardtanh" else getattr(grad, name)(g, y)
    close(found, tx.grad, 1)
