"""Gradients of pools and of max unpooling: central differences, the plain loops, layouts, errors."""

import numpy as np
import pytest
from gradient_support import check_slope, numbers

import convlab
from convlab import grad, reference_gradients

SIZES = {1: (17,), 2: (11, 13), 3: (5, 7, 6)}
LAST = {1: "NLC", 2: "NHWC", 3: "NDHWC"}
WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True, "padding": 1},
    {"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 2},
    {"kernel_size": 4, "stride": 2, "padding": "same"},
]


def distinct(rng, shape):
    """Numbers of which no two are the same, far enough apart that small steps change no order."""
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)


def moved(a):
    """The same planes with channels last."""
    return np.ascontiguousarray(np.moveaxis(a, 1, -1))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("options", WINDOWS, ids=str)
def test_maxima(fast_backend, rng, axes, options):
    pool, backward = (getattr(of, f"max_pool{axes}d") for of in (convlab, grad))
    x = distinct(rng, (2, 3, *SIZES[axes]))
    y, places = pool(x, return_indices=True, **options)
    g = numbers(rng, y.shape)
    found = backward(g, places, x.shape, **options)
    assert convlab.last_kernel() == "scatter_add" + fast_backend
    planes = np.zeros((6, x[0, 0].size))
    for to, its, where in zip(planes, g.reshape(6, -1), places.reshape(6, -1), strict=True):
        np.add.at(to, where, its)
    np.testing.assert_array_equal(found, planes.reshape(x.shape))
    np.testing.assert_array_equal(backward(g, places, SIZES[axes]), found)
    last = backward(moved(g), moved(places), moved(x).shape, layout=LAST[axes], **options)
    np.testing.assert_array_equal(last, moved(found))
    np.testing.assert_array_equal(backward(g[0, 0], places[0, 0], SIZES[axes], **options), found[0, 0])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("options", WINDOWS, ids=str)
@pytest.mark.parametrize("means", [{}, {"count_include_pad": False}, {"divisor_override": 4}], ids=str)
def test_means(fast_backend, rng, axes, options, means):
    pool, backward = (getattr(of, f"avg_pool{axes}d") for of in (convlab, grad))
    x = numbers(rng, (2, 3, *SIZES[axes]))
    g = numbers(rng, pool(x, **options, **means).shape)
    found = backward(g, x.shape, **options, **means)
    assert convlab.last_kernel() == "spread_mean" + fast_backend
    for i in range(0, x.size, 37):
        step = np.zeros_like(x)
        step.flat[i] = 1
        slope = (pool(step, **options, **means).astype(np.float64) * g).sum()
        assert abs(slope - found.flat[i]) <= 1e-5
    np.testing.assert_array_equal(
        backward(moved(g), moved(x).shape, layout=LAST[axes], **options, **means), moved(found)
    )


@pytest.mark.parametrize("size", [(5, 4), (1, 1), (11, 3), (11, 13), (17, 30)])
def test_adaptive_pools(fast_backend, rng, size):
    x = distinct(rng, (2, 3, 11, 13))
    y, places = convlab.adaptive_max_pool2d(x, size, return_indices=True)
    g = numbers(rng, y.shape)
    np.testing.assert_array_equal(grad.adaptive_max_pool2d(g, places, x.shape), grad.max_pool2d(g, places, x.shape))
    found = grad.adaptive_avg_pool2d(g, x.shape)
    for i in range(0, x.size, 23):
        step = np.zeros_like(x)
        step.flat[i] = 1
        slope = (convlab.adaptive_avg_pool2d(step, size).astype(np.float64) * g).sum()
        assert abs(slope - found.flat[i]) <= 1e-5


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("norm", [1, 2, 3, 2.5, np.inf])
@pytest.mark.parametrize("options", WINDOWS[:4], ids=str)
def test_norms(fast_backend, rng, axes, norm, options):
    pool, backward = (getattr(of, f"lp_pool{axes}d") for of in (convlab, grad))
    x = (distinct(rng, (2, 2, *SIZES[axes])) - 100) / 64 + np.float32(1 / 128)
    x[x == 0] = 1
    y = pool(x, norm, **options)
    g = numbers(rng, y.shape)
    found = backward(g, x, y, norm, **options)
    p = np.float64(norm)
    for i in range(0, x.size, 29):
        sums = []
        for h in (2.0**-10, -(2.0**-10)):
            moved_x = x.copy()
            moved_x.flat[i] += np.float32(h)
            sums.append((pool(moved_x, norm, **options).astype(np.float64) * g).sum())
        slope = (sums[0] - sums[1]) * 2.0**9
        assert abs(slope - found.flat[i]) <= 0.02 * (1 + abs(slope)), (p, i)
    assert np.isfinite(backward(np.ones_like(y), np.zeros_like(x), np.zeros_like(y), norm, **options)).all()


@pytest.mark.parametrize("shape", [(2, 3, 17), (2, 3, 8, 9), (1, 2, 3, 4, 5)])
def test_whole_planes(fast_backend, rng, shape):
    x = distinct(rng, shape)
    y = convlab.global_avg_pool(x)
    g = numbers(rng, y.shape)
    size = x[0, 0].size
    expected = np.broadcast_to(g / np.float32(size), shape)
    np.testing.assert_array_equal(grad.global_avg_pool(g, shape), expected)
    found = grad.global_max_pool(g, x)
    np.testing.assert_array_equal(found, np.where(x == convlab.global_max_pool(x), g, 0))
    norms = convlab.global_lp_pool(x)
    np.testing.assert_allclose(grad.global_lp_pool(g, x, norms), g * x / norms, rtol=1e-6)
    last = LAST[len(shape) - 2]
    np.testing.assert_array_equal(grad.global_max_pool(moved(g), moved(x), layout=last), moved(found))
    np.testing.assert_array_equal(grad.global_avg_pool(moved(g), moved(x).shape, layout=last), moved(expected))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpooling(fast_backend, rng, axes):
    x = distinct(rng, (2, 3, *(2 * (n // 2) for n in SIZES[axes])))
    y, places = getattr(convlab, f"max_pool{axes}d")(x, 2, return_indices=True)
    unpool, backward = (getattr(of, f"max_unpool{axes}d") for of in (convlab, grad))
    g = numbers(rng, x.shape)
    found = backward(g, places)
    assert convlab.last_kernel() == "gather" + fast_backend
    check_slope(lambda y: unpool(y, places, 2), y, g, found, rng)
    np.testing.assert_array_equal(backward(moved(g), moved(places), layout=LAST[axes]), moved(found))


def test_the_plain_loops(backend, rng):
    x = distinct(rng, (2, 7, 8))
    y, places = convlab.max_pool2d(x, 3, 2, 1, return_indices=True, layout="NCHW")
    g = numbers(rng, y.shape)
    found = grad.max_pool2d(g, places, x.shape, 3, 2, 1)
    assert convlab.last_kernel().endswith(backend)
    expected = [reference_gradients.max_pool2d(a, b, (7, 8)) for a, b in zip(g, places, strict=True)]
    np.testing.assert_array_equal(found, expected)
    taken = grad.max_unpool2d(found, places)
    assert convlab.last_kernel().endswith(backend)
    expected = [reference_gradients.max_unpool2d(a, b) for a, b in zip(found, places, strict=True)]
    np.testing.assert_array_equal(taken, expected)
    found = grad.avg_pool2d(g, x.shape, 3, 2, 1)
    assert convlab.last_kernel().endswith(backend)
    expected = [reference_gradients.avg_pool2d(a, (7, 8), 3, 2, 1) for a in g]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_bytes(fast_backend, rng):
    x = rng.standard_normal((6, 4, 31, 45), np.float32)
    y, places = convlab.max_pool2d(x, 3, 2, return_indices=True)
    g = rng.standard_normal(y.shape, np.float32)
    calls = {
        "max": lambda g: grad.max_pool2d(g, places, x.shape),
        "avg": lambda g: grad.avg_pool2d(g, x.shape, 3, 2),
        "lp": lambda g: grad.lp_pool2d(g, x, convlab.lp_pool2d(x, 2, 3, 2), 2, 3, 2),
    }
    for call in calls.values():
        right = call(g)
        for threads in (1, 3):
            with convlab.threads(threads):
                for same in (g, np.asfortranarray(g), g.astype(np.float64), g[:, :, ::-1].copy()[:, :, ::-1]):
                    np.testing.assert_array_equal(call(same), right)


def test_outputs(fast_backend, rng):
    x = distinct(rng, (2, 3, 6, 8))
    y, places = convlab.max_pool2d(x, 2, return_indices=True)
    g = numbers(rng, y.shape)
    for call in (
        lambda **o: grad.max_pool2d(g, places, x.shape, **o),
        lambda **o: grad.avg_pool2d(g, x.shape, 2, **o),
        lambda **o: grad.max_unpool2d(x, places, **o),
        lambda **o: grad.lp_pool2d(g, x, convlab.lp_pool2d(x, 2, 2), 2, 2, **o),
        lambda **o: grad.global_max_pool(g[:, :, :1, :1], x, **o),
    ):
        right = call()
        out = np.full(right.shape, np.nan, np.float32)
        assert call(out=out) is out
        np.testing.assert_array_equal(out, right)


P = np.zeros((1, 1, 2, 2), np.int64)
G = np.ones((1, 1, 2, 2), np.float32)
BAD = [
    (ValueError, "indices: got 16; expected places", lambda: grad.max_pool2d(G, P + 16, (4, 4))),
    (ValueError, "indices: got -1; expected places", lambda: grad.max_pool2d(G, P - 1, (4, 4))),
    (ValueError, "indices: got 4; expected places", lambda: grad.max_unpool2d(G, P + 4)),
    (TypeError, "indices: got dtype float64", lambda: grad.max_pool2d(G, P + 0.5, (4, 4))),
    (ValueError, "indices: got shape", lambda: grad.max_pool2d(G, P[0], (4, 4))),
    (ValueError, "input_size: got", lambda: grad.max_pool2d(G, P, (1, 2, 4, 4))),
    (ValueError, "input_size: got", lambda: grad.max_pool2d(G, P, (4, 0))),
    (TypeError, "input_size: got int", lambda: grad.max_pool2d(G, P, 4)),
    (ValueError, "grad_output: got shape", lambda: grad.max_pool2d(G, P, (4, 4), 3)),
    (ValueError, "grad_output: got shape", lambda: grad.avg_pool2d(G, (4, 5), 3, 1)),
    (ValueError, "padding: got 3", lambda: grad.avg_pool2d(G, (4, 4), 3, 1, 3)),
    (ValueError, "input_size: got height and width", lambda: grad.avg_pool2d(G, (2, 2), 3)),
    (ValueError, "output: got shape", lambda: grad.lp_pool2d(G, np.ones((1, 1, 4, 4)), G[0], 2, 2)),
    (ValueError, "norm_type: got 0", lambda: grad.lp_pool2d(G, np.ones((1, 1, 4, 4)), G, 0, 2)),
    (ValueError, "grad_output: got shape", lambda: grad.global_max_pool(G, np.ones((1, 1, 4, 4)))),
    (ValueError, "out: got memory", lambda: grad.avg_pool2d(G, (2, 2), 1, out=G)),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD, ids=range(len(BAD)))
def test_bad_input(fast_backend, error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_a_wrong_index_leaves_the_output_as_it_was(fast_backend):
    out = np.full((1, 1, 4, 4), 7, np.float32)
    with pytest.raises(ValueError, match="indices: got 16"):
        grad.max_pool2d(G, P + 16, (4, 4), out=out)
    np.testing.assert_array_equal(out, 7)
