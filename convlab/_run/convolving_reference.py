"""Convolutions by the lesson's own loops: the backend python."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, reference
from convlab._spec.arguments import FLOAT32
from convlab._spec.convolving import Conv


def padded(spec: Conv, x: NDArray[Any]) -> NDArray[np.float64]:
    """The input with its border, as (N, C, depth, rows, columns) in double."""
    x = np.asarray(x, np.float64).reshape((spec.batch, *(x.shape[1:] if spec.batched else x.shape)))
    if spec.channels_last:
        x = np.moveaxis(x, -1, 1)
    for axis, (n, (before, after)) in enumerate(zip(spec.size, spec.pads, strict=True), start=2):
        i = _borders.source_indices(spec.border, n, -before, n + after)
        x = np.take(x, i, axis=axis)
        x[(slice(None),) * axis + (i < 0,)] = 0
    return x.reshape(*x.shape[:2], *((1,) * (3 - len(spec.size))), *x.shape[2:])


def reference_conv(spec: Conv, x: NDArray[Any], w: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[Any]:
    """Planes of depth one by one, each the sum of `reference.conv2d` over the taps of depth."""
    lead = (1,) * (3 - len(spec.size))
    source = padded(spec, x)
    weights = w.reshape(*w.shape[:2], *lead, *w.shape[2:])
    stride, dilation = (*lead, *spec.stride), (*lead, *spec.dilation)
    out_depth, height, width = (*lead, *spec.out_size)
    y = np.zeros((spec.batch, spec.out_channels, out_depth, height, width))
    for n in range(spec.batch):
        for d in range(out_depth):
            for a in range(weights.shape[2]):
                plane = source[n, :, d * stride[0] + a * dilation[0]]
                plane = plane[:, : (height - 1) * stride[1] + (weights.shape[3] - 1) * dilation[1] + 1]
                plane = plane[:, :, : (width - 1) * stride[2] + (weights.shape[4] - 1) * dilation[2] + 1]
                y[n, :, d] += reference.conv2d(plane, weights[:, :, a], None, stride[1:], 0, dilation[1:], spec.groups)
    y += bias.reshape(-1, 1, 1, 1)
    if spec.activation.slope != 1:
        y = np.where(y < 0, y * np.float64(FLOAT32.type(spec.activation.slope)), y)
    else:
        y = np.clip(y, spec.activation.low, spec.activation.high)
    y = y.reshape(spec.batch, spec.out_channels, *spec.out_size)
    if spec.channels_last:
        y = np.moveaxis(y, 1, -1)
    with np.errstate(all="ignore"):
        return y.reshape(spec.shape).astype(FLOAT32)
