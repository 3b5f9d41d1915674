"""conv1d, conv3d and the transposes on every backend and instruction set."""

import numpy as np
import pytest
from conv_support import EPS, assert_convolved, tuples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import convlab
from convlab import _dispatch

CONV = {1: convlab.conv1d, 2: convlab.conv2d, 3: convlab.conv3d}
TRANSPOSE = {1: convlab.conv_transpose1d, 2: convlab.conv_transpose2d, 3: convlab.conv_transpose3d}
LAST = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def expected_transpose(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Return each element times the kernel, added to the output where it belongs."""
    axes = x.ndim - 2
    stride, padding, extra, dilation = (tuples(v, axes) for v in (stride, padding, output_padding, dilation))
    kernel = w.shape[2:]
    frame = [
        (n - 1) * s + (k - 1) * d + 1 + e
        for n, s, k, d, e in zip(x.shape[2:], stride, kernel, dilation, extra, strict=True)
    ]
    y = np.zeros((x.shape[0], groups, w.shape[1], *frame))
    source = x.astype(np.float64).reshape(x.shape[0], groups, -1, *x.shape[2:])
    weights = w.astype(np.float64).reshape(groups, -1, *w.shape[1:])
    for tap in np.ndindex(*kernel):
        window = tuple(
            slice(i * d, i * d + (n - 1) * s + 1, s)
            for i, d, n, s in zip(tap, dilation, x.shape[2:], stride, strict=True)
        )
        y[(..., *window)] += np.einsum("gcm,ngc...->ngm...", weights[(..., *tap)], source)
    y = y[(..., *(slice(p, n - p) for p, n in zip(padding, frame, strict=True)))]
    y = y.reshape(x.shape[0], -1, *y.shape[3:])
    return y if bias is None else y + np.asarray(bias, np.float64).reshape(-1, *(1,) * axes)


def assert_transposed(actual, x, w, bias=None, **options):
    expected = expected_transpose(x, w, bias, **options)
    assert actual.dtype == np.float32
    assert actual.flags.c_contiguous
    assert actual.shape == expected.shape
    magnitude = expected_transpose(np.abs(x), np.abs(w), None if bias is None else np.abs(bias), **options)
    assert np.all(np.abs(actual - expected) <= 4 * (w[:, 0].size + 1) * EPS * magnitude)


def tensors(rng, axes, channels, out_channels, kernel=3, groups=1, size=(4, 7, 19), transposed=False):
    x = rng.standard_normal((2, channels, *size[3 - axes :]), dtype=np.float32)
    taps = (kernel,) * axes
    first, second = (channels, out_channels // groups) if transposed else (out_channels, channels // groups)
    return (
        x,
        rng.standard_normal((first, second, *taps), dtype=np.float32),
        rng.standard_normal(out_channels, np.float32),
    )


@pytest.mark.parametrize("axes", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("padding", "dilation"), [(0, 1), (2, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_one_and_three_axes(backend, rng, axes, stride, padding, dilation, groups):
    x, w, bias = tensors(rng, axes, 4, 6, 2, groups)
    y = CONV[axes](x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    kernel = "conv_direct" if (axes, stride) == (1, 1) else "conv_gemm"
    assert convlab.last_kernel() == (f"conv{axes}d" if backend.startswith("[python") else kernel) + backend
    assert_convolved(y, x, w, bias, stride, padding, dilation, groups)
    last = CONV[axes](
        np.moveaxis(x, 1, -1), w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups,
        layout=LAST[axes],
    )  # fmt: skip
    assert_array_equal(np.moveaxis(last, -1, 1), y)
    assert_array_equal(
        CONV[axes](x[0], w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups), y[0]
    )


@pytest.mark.parametrize("groups", [3, 6])
@pytest.mark.parametrize("stride", [1, 3])
def test_signals_channel_by_channel(backend, rng, groups, stride):
    x, w, bias = tensors(rng, 1, groups, 6, 5, groups, (1, 1, 70))
    y = convlab.conv1d(x, w, bias, stride=stride, padding=2, groups=groups)
    assert_convolved(y, x, w, bias, stride, 2, 1, groups)


@pytest.mark.parametrize("mode", ["nearest", "symmetric", "mirror", "wrap"])
@pytest.mark.parametrize("axes", [1, 3])
def test_padding_of_each_side(fast_backend, rng, mode, axes):
    x, w, bias = tensors(rng, axes, 2, 3, 3, size=(3, 4, 5))
    pads = (1, 2, 3, 4, 0, 5)[: 2 * axes]
    y = CONV[axes](x, w, bias, padding=pads, padding_mode=mode)
    assert_convolved(y, x, w, bias, 1, tuple(zip(pads[::2], pads[1::2], strict=True)), padding_mode=mode)
    same = CONV[axes](x, w, bias, padding="same", stride=2)
    assert same.shape[2:] == tuple(-(-n // 2) for n in x.shape[2:])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(("padding", "output_padding", "groups"), [(0, 0, 1), (1, 1, 2)])
@pytest.mark.parametrize("kernel", [1, 2, 4])
def test_transposes(backend, rng, axes, stride, dilation, padding, output_padding, groups, kernel):
    if output_padding >= max(stride, dilation):
        output_padding = 0
    x, w, bias = tensors(rng, axes, 4, 6, kernel, groups, (3, 4, 18), transposed=True)
    if backend.startswith("[python"):
        x = x[:1]
    options = {
        "stride": stride, "dilation": dilation, "padding": padding, "output_padding": output_padding, "groups": groups,
    }  # fmt: skip
    y = TRANSPOSE[axes](x, w, bias, **options)
    assert_transposed(y, x, w, bias, **options)
    if backend != "[numpy]":
        last = TRANSPOSE[axes](np.moveaxis(x, 1, -1), w, bias, layout=LAST[axes], **options)
        assert_array_equal(np.moveaxis(last, -1, 1), y)
    assert_array_equal(TRANSPOSE[axes](x[0], w, bias, **options), y[0])


def test_a_stride_far_beyond_the_taps(backend):
    """Outputs without taps cost no work, however many there are."""
    x, w, bias = np.ones((1, 2, 2, 2), np.float32), np.ones((2, 3, 2, 1), np.float32), np.arange(3.0)
    y = convlab.conv_transpose2d(x, w, bias, stride=(1000, 300), activation=(0.5, 9))
    expected = np.full((1, 3, 1002, 301), np.maximum(bias, 0.5)[:, None, None])
    expected[:, :, [[0], [1], [1000], [1001]], [0, 300]] = (bias + 2)[:, None, None]
    assert_array_equal(y, expected)


def test_a_size_that_is_too_large_is_an_error_at_once():
    with pytest.raises(ValueError, match="x: the result would have shape"):
        convlab.conv_transpose2d(np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3)), stride=2**31 - 1)
    x, w = np.ones((1, 2, 5, 5), np.float32), np.ones((3, 2, 3, 3), np.float32)
    assert_array_equal(convlab.conv2d(x, w, stride=2**31 - 1), np.full((1, 3, 1, 1), 18))


def test_the_kernel_of_a_transpose(backend, rng):
    x, w, bias = tensors(rng, 2, 3, 4, 4, transposed=True)
    out = np.empty((2, 4, 14, 38), np.float32)
    assert convlab.conv_transpose2d(x, w, bias, stride=2, padding=1, out=out) is out
    kernel = "conv_transpose2d" if backend.startswith("[python") else "conv_gemm"
    assert convlab.last_kernel() == kernel + backend
    assert_transposed(out, x, w, bias, stride=2, padding=1)


def test_output_size_of_a_transpose(fast_backend, rng):
    x, w, bias = tensors(rng, 2, 3, 4, 3, transposed=True)
    for size in ((13, 37), (14, 38), (13, 38)):
        y = convlab.conv_transpose2d(x, w, bias, stride=2, padding=1, output_size=size)
        assert y.shape == (2, 4, *size)
        extra = (size[0] - 13, size[1] - 37)
        assert_array_equal(y, convlab.conv_transpose2d(x, w, bias, stride=2, padding=1, output_padding=extra))


def test_a_transposes_activation(fast_backend, rng):
    """Also on outputs without taps."""
    x, w, bias = tensors(rng, 2, 3, 4, 1, transposed=True)
    plain = convlab.conv_transpose2d(x, w, bias, stride=2)
    assert_array_equal(convlab.conv_transpose2d(x, w, bias, stride=2, activation="relu"), np.maximum(plain, 0))
    leaky = convlab.conv_transpose2d(x, w, bias, stride=2, activation="leaky_relu")
    assert_array_equal(leaky, np.where(plain < 0, plain * np.float32(0.01), plain))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"weight": np.zeros((2, 4, 3, 3))}, ValueError, r"weight: got shape .* channels of x = 3 in its first axis"),
        ({"groups": 2}, ValueError, "weight: got shape .* input channels in groups=2"),
        ({"bias": np.zeros(3)}, ValueError, r"bias: got shape \(3,\); expected \(4,\)"),
        ({"output_padding": 1}, ValueError, "output_padding: got 1; expected less than stride or dilation"),
        ({"output_size": (9, 4)}, ValueError, r"output_size: got \(9, 4\); expected sizes from \(6, 6\) to \(6, 6\)"),
        ({"padding": 3}, ValueError, "padding: got 3; expected less"),
        ({"padding": "same"}, TypeError, "padding: got str"),
        ({"stride": (2, 0)}, ValueError, "stride: got"),
        ({"algorithm": "winograd4"}, ValueError, "algorithm: got 'winograd4', which cannot serve"),
        ({"layout": "NCW"}, ValueError, "layout: got 'NCW'"),
    ],
)
def test_errors_of_transposes(change, error, message):
    call = {"x": np.zeros((1, 3, 4, 4)), "weight": np.zeros((3, 4, 3, 3)), **change}
    with pytest.raises(error, match=message):
        convlab.conv_transpose2d(**call)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_shape(data):
    axes = data.draw(st.integers(1, 3))

    def each(low, high):
        return data.draw(st.tuples(*[st.integers(low, high)] * axes))

    groups = data.draw(st.integers(1, 2))
    channels, out_channels = groups * data.draw(st.integers(1, 4)), groups * data.draw(st.integers(1, 9))
    kernel, stride, dilation, size = each(1, 5), each(1, 4), each(1, 3), each(1, 9)
    padding = tuple(
        data.draw(st.integers(0, min(3, ((n - 1) * s + (k - 1) * d) // 2)))
        for n, s, k, d in zip(size, stride, kernel, dilation, strict=True)
    )
    extra = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = rng.standard_normal((data.draw(st.integers(1, 2)), channels, *size), dtype=np.float32)
    w = rng.standard_normal((channels, out_channels // groups, *kernel), dtype=np.float32)
    options = {"stride": stride, "padding": padding, "output_padding": extra, "groups": groups, "dilation": dilation}
    for backend in [("compiled", isa) for isa in _dispatch.built_isas()] + [("numpy", "auto")]:
        with convlab.use_backend(*backend):
            assert_transposed(TRANSPOSE[axes](x, w, **options), x, w, **options)


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("axes", [2, 3])
def test_a_column_has_the_bytes_of_the_row(backend, axes, groups):
    """The longest axis fills the vectors, wherever it is; the axes beside it have padding, and taps that meet it."""
    rng = np.random.default_rng(axes)
    row = rng.standard_normal((2, 8, *(1,) * (axes - 1), 37)).astype(np.float32)
    weight = rng.standard_normal((12, 8 // groups, *(3,) * axes)).astype(np.float32)
    bias = rng.standard_normal(12).astype(np.float32)
    for stride, dilation in ((1, 1), (2, 1), (1, 2)):
        options = {"padding": dilation, "groups": groups, "precision": "exact"}
        expected = CONV[axes](row, weight, bias, stride=(1,) * (axes - 1) + (stride,), dilation=dilation, **options)
        for place in range(axes - 1):
            order = (*range(2 + place), axes + 1, *range(2 + place, axes + 1))
            strides = [1] * axes
            strides[place] = stride
            column, kernel = np.ascontiguousarray(row.transpose(order)), np.ascontiguousarray(weight.transpose(order))
            actual = CONV[axes](column, kernel, bias, stride=strides, dilation=dilation, **options)
            assert_array_equal(actual, expected.transpose(order))
            last = np.ascontiguousarray(np.moveaxis(column, 1, -1))
            of_last = CONV[axes](last, kernel, bias, layout=LAST[axes], stride=strides, dilation=dilation, **options)
            assert_array_equal(np.moveaxis(of_last, -1, 1), actual)
