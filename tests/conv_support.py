"""Common parts of the convolutions' tests: the right answer in double, and the error bound of float32."""

import numpy as np

EPS = float(np.finfo(np.float32).eps)
# convlab's words for the padding's values, and NumPy's.
NUMPY_PAD = {"zeros": "constant", "nearest": "edge", "symmetric": "symmetric", "mirror": "reflect", "wrap": "wrap"}


def depthwise_kernels(backend):
    """Possible values of `last_kernel` after a depthwise convolution."""
    return {f"conv_depthwise{way}{backend}" for way in ("", "_packed", "_last")}


def tuples(value, axes):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes


def expected_conv(x, w, bias=None, stride=1, pads=0, dilation=1, groups=1, padding_mode="zeros"):
    """For any number of axes, channels first, with a batch; `pads` is a number, or (before, after) for each axis."""
    axes = x.ndim - 2
    stride, dilation = tuples(stride, axes), tuples(dilation, axes)
    pads = ((pads, pads),) * axes if isinstance(pads, int) else pads
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), *pads), mode=NUMPY_PAD[padding_mode])
    out = tuple(
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(padded.shape[2:], w.shape[2:], stride, dilation, strict=True)
    )
    y = np.zeros((x.shape[0], groups, w.shape[0] // groups, *out))
    source = padded.reshape(x.shape[0], groups, -1, *padded.shape[2:])
    weights = w.astype(np.float64).reshape(groups, -1, *w.shape[1:])
    for tap in np.ndindex(*w.shape[2:]):
        window = tuple(
            slice(i * d, i * d + (n - 1) * s + 1, s) for i, d, n, s in zip(tap, dilation, out, stride, strict=True)
        )
        y += np.einsum("gmc,ngc...->ngm...", weights[(..., *tap)], source[(..., *window)])
    y = y.reshape(x.shape[0], w.shape[0], *out)
    return y if bias is None else y + np.asarray(bias, np.float64).reshape(-1, *(1,) * axes)


def assert_convolved(actual, x, w, bias=None, *arguments, **options):
    """Within 4 * K * eps * sum(|w| |x|), K the terms of a sum."""
    assert actual.dtype == np.float32
    assert actual.flags.c_contiguous
    expected = expected_conv(x, w, bias, *arguments, **options)
    assert actual.shape == expected.shape
    magnitude = expected_conv(np.abs(x), np.abs(w), None if bias is None else np.abs(bias), *arguments, **options)
    terms = w[0].size + (bias is not None)
    assert np.all(np.abs(actual - expected) <= 4 * terms * EPS * magnitude)
