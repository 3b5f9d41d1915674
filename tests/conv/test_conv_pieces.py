"""Inputs are converted box by box: the same bits, in the memory of the plan."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab
from convlab._plan import cache, conv_pieces, convolving
from convlab._spec.arguments import FLOAT32

CASES = {
    "gemm": ("conv2d", (2, 8, 41, 37), (5, 8, 3, 3), {"padding": 1, "precision": "exact"}),
    "gemm of one column": ("conv2d", (1, 8, 300, 1), (5, 8, 3, 1), {"padding": (1, 0), "precision": "exact"}),
    "gemm of stride 3": ("conv2d", (1, 8, 60, 64), (6, 4, 5, 4), {"padding": 2, "stride": (3, 2), "groups": 2}),
    "winograd2": ("conv2d", (2, 8, 39, 45), (8, 8, 3, 3), {"padding": 1, "algorithm": "winograd2"}),
    "winograd4": ("conv2d", (1, 8, 39, 70), (8, 8, 3, 3), {"padding": 1, "algorithm": "winograd4"}),
    "dilated": ("conv2d", (1, 8, 61, 53), (8, 8, 3, 3), {"padding": 3, "dilation": 3, "algorithm": "winograd4"}),
    "narrow": ("conv2d", (9, 8, 9, 11), (50, 8, 3, 3), {"padding": 1, "algorithm": "narrow"}),
    "direct": ("conv2d", (1, 2, 50, 90), (4, 2, 3, 5), {"padding": 2}),
    "depthwise": ("conv2d", (2, 6, 50, 40), (6, 1, 3, 3), {"padding": 1, "groups": 6}),
    "depthwise of stride 2": ("conv2d", (1, 3, 90, 80), (3, 1, 5, 5), {"padding": 2, "groups": 3, "stride": 2}),
    "depthwise of any taps": ("conv2d", (1, 3, 40, 80), (3, 1, 4, 9), {"padding": 4, "groups": 3}),
    "line": ("conv1d", (1, 1, 9000), (1, 1, 31), {"padding": 15}),
    "volume": ("conv3d", (1, 2, 9, 20, 21), (3, 2, 3, 3, 3), {"padding": 1}),
    "channels last": ("conv2d", (2, 30, 31, 8), (8, 8, 3, 3), {"padding": 1, "layout": "NHWC"}),
    "without a batch": ("conv2d", (8, 41, 37), (5, 8, 3, 3), {"padding": 1}),
    "transpose": ("conv_transpose2d", (2, 8, 30, 31), (8, 5, 3, 3), {"stride": 2, "padding": 1}),
    "transpose of a line": ("conv_transpose1d", (1, 2, 5000), (2, 3, 7), {"stride": 3}),
}


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few kilobytes."""
    monkeypatch.setattr(conv_pieces, "PIECE_BYTES", 12_000)
    monkeypatch.setattr(convolving, "COPIED", 0)
    monkeypatch.setattr(cache, "_cache", cache.Cache())


def call(name, x, w, options):
    return getattr(convlab, name)(x, w, np.arange(w.shape[name.startswith("conv_t")], dtype="f4"), **options)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["i2", "f8", ">f4"])
def test_pieces_have_the_bits_of_the_whole(fast_backend, rng, small_pieces, name, dtype):
    operation, shape, weight_shape, options = CASES[name]
    x, w = rng.integers(-99, 99, shape).astype(dtype), rng.standard_normal(weight_shape).astype("f4")
    expected = call(operation, x.astype("f4"), w, options)
    y = call(operation, x, w, options)
    assert y.dtype == FLOAT32
    if fast_backend == "[numpy]":  # NumPy's matrix product sums in another order
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-3)
    else:
        assert_array_equal(y, expected)


@pytest.mark.parametrize("mode", ["nearest", "symmetric", "mirror", "wrap"])
@pytest.mark.parametrize("padding", [1, 7, 40])
def test_pieces_of_borders(fast_backend, rng, small_pieces, mode, padding):
    """Also of borders that are wider than the image."""
    x, w = rng.integers(-99, 99, (1, 4, 37, 29)).astype("i2"), rng.integers(-4, 5, (3, 4, 3, 5)).astype("f4")
    options = {"padding": padding, "padding_mode": mode, "dilation": 2, "stride": (1, 2)}
    assert_array_equal(call("conv2d", x, w, options), call("conv2d", x.astype("f4"), w, options))
    one = {**options, "groups": 4, "stride": 1}
    assert_array_equal(
        call("conv2d", x, w[:1].reshape(4, 1, 3, 5), one),
        call("conv2d", x.astype("f4"), w[:1].reshape(4, 1, 3, 5), one),
    )


# Convolutions of a wide, a tall and a square input.
SHAPES = [(4, 1 << 20), (1 << 20, 4), (2048, 2048)]


def planned(operation, shape, weight_shape, threads=1, **options):
    return convlab.explain(operation, shape, np.ones(weight_shape, "f4"), threads=threads, **options).workspace_bytes


@pytest.mark.parametrize("dtype", ["f4", "u1", "f8"])
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("threads", [1, 1024])
def test_no_plan_exceeds_64_mib(size, dtype, threads):
    for options in ({"padding": 1}, {"padding": 1, "padding_mode": "wrap"}, {"stride": 2}, {"dilation": 5}):
        for channels, weights, groups in ((1, (1, 1, 3, 3), 1), (3, (8, 3, 3, 3), 1), (64, (64, 64, 3, 3), 1),
                                          (32, (32, 1, 3, 3), 32), (16, (32, 1, 4, 9), 16)):  # fmt: skip
            if min(size) < 4 * options.get("dilation", 1) or min(size) < weights[3]:
                continue
            shape = (1, channels, *size)
            assert planned("conv2d", shape, weights, threads, groups=groups, dtype=dtype, **options) <= 64 << 20
    assert planned("conv_transpose2d", (1, 8, *size), (8, 8, 4, 4), threads, stride=2, dtype=dtype) <= 64 << 20
    assert planned("conv1d", (1, 2, size[0] * size[1]), (2, 2, 9), threads, dtype=dtype) <= 64 << 20
    assert planned("conv3d", (1, 2, 4, *size), (2, 2, 3, 3, 3), threads, dtype=dtype) <= 64 << 20


@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", "u1"])
def test_a_limit_is_that_of_the_whole_call(size, dtype):
    for weights in ((1, 1, 3, 3), (8, 1, 3, 3), (2, 1, 1, 4)):
        for threads in (1, 64):
            assert planned("conv2d", (1, 1, *size), weights, threads, workspace_limit=10**6, dtype=dtype) <= 10**6


def test_a_limit_that_cannot_be_kept_is_an_error_before_any_work(fast_backend):
    out = np.zeros((1, 8, 98, 98), "f4")
    with pytest.raises(ValueError, match="workspace_limit: got 900 bytes; expected at least"):
        convlab.conv2d(np.ones((1, 8, 100, 100), "u1"), np.ones((8, 8, 3, 3)), workspace_limit=900, out=out)
    assert not out.any()
    with pytest.raises(ValueError, match="workspace_limit: got 900 bytes; expected at least"):
        convlab.conv_transpose2d(np.ones((1, 8, 100, 100)), np.ones((8, 8, 3, 3)), workspace_limit=900)


def nbytes(plan):
    """Return the memory of a plan's tables."""
    arrays = [*plan.tables, plan.taps]
    return sum(a.nbytes for a in arrays) + sum(map(nbytes, plan.pieces.plans.values() if plan.pieces else ()))


@pytest.mark.parametrize("dtype", ["f4", "u1"])
@pytest.mark.parametrize(
    ("shape", "weight_shape", "stride", "padding"),
    [
        ((1, 1, 160_000), (1, 1, 400), 160, 0),
        ((1, 1, 1 << 24), (1, 1, 9), 1, 4),
        ((1, 1, 1 << 22), (1, 1, 9), 1, 1 << 20),
        ((1, 3, 1 << 20, 8), (3, 3, 3, 3), 1, 1),
        ((1, 3, 8, 1 << 20), (3, 3, 3, 3), 1, 1),
    ],
)
def test_plans_have_no_tables_as_long_as_the_input(dtype, shape, weight_shape, stride, padding):
    x = np.broadcast_to(np.ones(1, dtype), shape)
    plan = convolving.conv(
        x, None, len(shape) - 2, weight_shape, np.dtype("f4"), None, None, stride, padding, 1, 1, "wrap", None,
        {3: "NCW", 4: "NCHW"}[len(shape)],
    )  # fmt: skip
    assert nbytes(plan) < 1 << 14
