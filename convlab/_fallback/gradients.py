"""Gradients, in NumPy."""

from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab._geometry import ConvGeometry, ScatterGeometry, SpreadGeometry

from .convolving import source, target


def conv_weight(
    x: NDArray[np.float32], grad: NDArray[np.float32], y: NDArray[np.float32], geometry: NDArray[np.intp],
    sources: NDArray[np.intp], blocks: NDArray[np.intp], threads: int,
) -> None:  # fmt: skip
    """Image by image and tap by tap a product of matrices, in double."""
    g = ConvGeometry(*geometry.tolist())
    size = (g.out_depth, g.out_height, g.out_width)
    steps = (g.stride_depth, g.stride_height, g.stride_width)
    dilations = (g.dilation_depth, g.dilation_height, g.dilation_width)
    kernel = (g.kernel_depth, g.kernel_height, g.kernel_width)
    total = np.zeros((g.groups, g.out_channels, g.channels, *kernel))
    grads = target(grad, g)
    with np.errstate(all="ignore"):
        for i in range(g.batch):
            one = g._replace(batch=1)
            padded = source(x[i:] if g.x_batch else x, one, sources)[0].astype(np.float64)
            its = grads[i].astype(np.float64).reshape(g.groups, g.out_channels, -1)
            for tap in np.ndindex(kernel):
                window = tuple(
                    slice(t * d, t * d + (n - 1) * s + 1, s)
                    for t, d, n, s in zip(tap, dilations, size, steps, strict=True)
                )
                pixels = padded[(..., *window)].reshape(g.groups, g.channels, -1)
                total[(..., *tap)] += its @ pixels.swapaxes(1, 2)
        y[...] = total.reshape(y.shape)


conv_weight_planes = conv_weight


def conv_input_strided(
    grad: NDArray[np.float32], w: NDArray[np.float32], x: NDArray[np.float32], geometry: NDArray[np.intp], threads: int
) -> None:
    """Add the products of each tap to every second row and column of the input with its padding."""
    g = ConvGeometry(*geometry.tolist())
    grads = target(grad, g).reshape(g.batch, g.groups, g.out_height, g.out_width)
    taps = w.reshape(g.groups, g.kernel_height, g.kernel_width)
    rows, columns = 2 * g.out_height - 2 + g.kernel_height, 2 * g.out_width - 2 + g.kernel_width
    rows, columns = max(rows, g.above + g.height), max(columns, g.before + g.width)
    padded = np.zeros((g.batch, g.groups, rows, columns), np.float32)
    with np.errstate(all="ignore"):
        for i, j in np.ndindex(taps.shape[1:]):
            window = (..., slice(i, i + 2 * g.out_height - 1, 2), slice(j, j + 2 * g.out_width - 1, 2))
            padded[window] += taps[:, i, j, None, None] * grads
    steps = (g.x_batch, g.x_channel, g.x_row, g.x_column)
    shape = (g.batch, g.groups, g.height, g.width)
    inside = padded[:, :, g.above : g.above + g.height, g.before : g.before + g.width]
    as_strided(x, shape, [4 * step for step in steps])[...] = inside


def scatter_add(
    grad: NDArray[np.float32], indices: NDArray[np.int64], y: NDArray[np.float32], sizes: NDArray[np.intp], threads: int
) -> int | None:
    """Add each element to its place in its plane, in order; the first index that is no place."""
    g = ScatterGeometry(*sizes.tolist())
    places, values = indices.reshape(g.planes, g.size), grad.reshape(g.planes, g.size)
    wrong = places[(places < 0) | (places >= g.other)]
    if wrong.size:
        return int(wrong[0])
    with np.errstate(all="ignore"):
        for to, where, value in zip(y.reshape(g.planes, g.other), places, values, strict=True):
            to[...] = 0
            np.add.at(to, where, value)
    return None


def gather(
    grad: NDArray[np.float32], indices: NDArray[np.int64], y: NDArray[np.float32], sizes: NDArray[np.intp], threads: int
) -> int | None:
    """Take each element from its place in its plane; the first index that is no place."""
    g = ScatterGeometry(*sizes.tolist())
    places = indices.reshape(g.planes, g.size)
    wrong = places[(places < 0) | (places >= g.other)]
    if wrong.size:
        return int(wrong[0])
    y.reshape(g.planes, g.size)[...] = np.take_along_axis(grad.reshape(g.planes, g.other), places, axis=1)
    return None


class _Axis:
    """Where the windows of one axis begin and end, and what they divide by."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        n, out, window, stride, before, after, dilation, bins, count = sizes
        i = np.arange(out)
        self.taps = []  # for each tap the outputs that have it, and the places it stands on
        if bins:
            first, last = i * n // out, -(-(i + 1) * n // out)
            self.counts = last - first
            window = int(self.counts.max())
        else:
            first, last = i * stride - before, np.full(out, n)
            places = first[:, None] + np.arange(window) * dilation
            inside = places < n + after if count else (places >= 0) & (places < n)
            self.counts = inside.sum(axis=1)
        for tap in range(window):
            at = first + tap * dilation
            good = (at >= 0) & (at < last)
            self.taps.append((i[good], at[good]))


def spread_mean(grad: NDArray[np.float32], y: NDArray[np.float32], geometry: NDArray[np.intp], threads: int) -> None:
    """Divide each element by what its mean was divided by, and add it to all of its window."""
    g = SpreadGeometry(*geometry.tolist())
    fields = zip(
        (g.depth, g.height, g.width),
        (g.out_depth, g.out_height, g.out_width),
        (g.window_depth, g.window_height, g.window_width),
        (g.stride_depth, g.stride_height, g.stride_width),
        (g.pad_depth, g.pad_height, g.pad_width),
        (g.after_depth, g.after_height, g.after_width),
        (g.dilation_depth, g.dilation_height, g.dilation_width),
        strict=True,
    )
    axes = [_Axis((*each, g.bins, g.count_pad)) for each in fields]
    values = grad.reshape(g.planes, g.out_depth, g.out_height, g.out_width)
    to = y.reshape(g.planes, g.depth, g.height, g.width)
    with np.errstate(all="ignore"):
        if g.divisor:
            values = values / np.float32(g.divisor)
        else:
            depth, height, width = (axis.counts.astype(np.float32) for axis in axes)
            values = values / (depth[:, None, None] * height[:, None] * width)
        to[...] = 0
        for (out_d, at_d), (out_h, at_h), (out_w, at_w) in product(*(axis.taps for axis in axes)):
            places: Any = (slice(None), at_d[:, None, None], at_h[:, None], at_w)
            # Of more outputs than elements several bins lie on one.
            np.add.at(to, places, values[:, out_d[:, None, None], out_h[:, None], out_w])


def activation_gradient(
    grad: NDArray[np.float32], output: NDArray[np.float32], y: NDArray[np.float32], limits: NDArray[np.float32],
    threads: int,
) -> None:  # fmt: skip
    """Where the output is at a limit or beyond, multiply by the slope."""
    low, high, slope = limits
    with np.errstate(all="ignore"):
        y[...] = np.where((output <= low) | (output >= high), grad * slope if slope else np.float32(0), grad)
