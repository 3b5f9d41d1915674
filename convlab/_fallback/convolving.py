"""Convolutions, in NumPy."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab import _borders
from convlab._geometry import ACTIVATIONS, CONV_BORDERS, ConvAxis, ConvGeometry, ConvValues


def activated(y: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left to do to the sums."""
    v = ConvValues(*values)
    if v.activation == ACTIVATIONS.index("clamp"):
        return np.clip(y, v.low, v.high)
    return np.where(y < 0, y * v.slope, y) if v.activation == ACTIVATIONS.index("leaky") else y


def table(axis: ConvAxis) -> NDArray[np.intp]:
    """The pixel that stands at each position of an axis; -1 is a zero."""
    return _borders.source_indices(CONV_BORDERS[axis.border], axis.size, -axis.before, axis.positions - axis.before)


def source(x: NDArray[np.float32], g: ConvGeometry, sources: NDArray[np.intp]) -> NDArray[np.float32]:
    """The input as (N, groups, C, depth, rows, columns), with its border."""
    axes = [ConvAxis(*axis) for axis in sources.tolist()]
    shape = (g.batch, g.groups, g.channels, *(axis.size for axis in axes))
    steps = (g.x_batch, g.channels * g.x_channel, g.x_channel, g.x_depth, g.x_row, g.x_column)
    view: NDArray[np.float32] = as_strided(x, shape, [4 * step for step in steps], writeable=False)
    for n, axis in enumerate(axes, start=3):
        places = table(axis)
        view = np.take(view, places, axis=n)
        view[(slice(None),) * n + (places < 0,)] = 0
    return view


def target(y: NDArray[np.float32], g: ConvGeometry) -> NDArray[np.float32]:
    """The output as (N, groups, M, depth, rows, columns)."""
    shape = (g.batch, g.groups, g.out_channels, g.out_depth, g.out_height, g.out_width)
    steps = (g.y_batch, g.out_channels * g.y_channel, g.y_channel, g.y_depth, g.y_row, g.y_column)
    return as_strided(y, shape, [4 * step for step in steps])


def conv_gemm(
    x: NDArray[np.float32], w: NDArray[np.float32], y: NDArray[np.float32], bias: NDArray[np.float32],
    geometry: NDArray[np.intp], sources: NDArray[np.intp], values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """One product of matrices for each tap, summed; blocking and threads are the compiled kernels' affair."""
    g = ConvGeometry(*geometry.tolist())
    padded = source(x, g, sources)
    weights = w.reshape(g.groups, g.out_channels, g.channels, g.kernel_depth, g.kernel_height, g.kernel_width)
    size = (g.out_depth, g.out_height, g.out_width)
    total = np.empty((g.batch, g.groups, g.out_channels, size[0] * size[1] * size[2]), np.float32)
    total[...] = bias.reshape(g.groups, g.out_channels, 1)
    steps = (g.stride_depth, g.stride_height, g.stride_width)
    dilations = (g.dilation_depth, g.dilation_height, g.dilation_width)
    with np.errstate(all="ignore"):
        for tap in np.ndindex(weights.shape[3:]):
            window: list[Any] = [
                slice(i * d, i * d + (n - 1) * s + 1, s) for i, d, n, s in zip(tap, dilations, size, steps, strict=True)
            ]
            pixels = padded[(..., *window)].reshape(g.batch, g.groups, g.channels, -1)
            total += weights[(..., *tap)] @ pixels
        target(y, g)[...] = activated(total, values).reshape(*total.shape[:3], *size)


conv_depthwise = conv_depthwise_packed = conv_depthwise_last = conv_direct = conv_gemm


def conv_winograd(
    x: NDArray[np.float32], w: NDArray[np.float32], y: NDArray[np.float32], bias: NDArray[np.float32],
    geometry: NDArray[np.intp], sources: NDArray[np.intp], values: NDArray[np.float32], u: NDArray[np.float32],
    threads: int,
) -> None:  # fmt: skip
    """The plain sum of the weights as they are; `u`, which holds them made ready, is not read."""
    conv_gemm(x, w, y, bias, geometry, sources, values, threads)


conv_winograd2 = conv_winograd4 = conv_narrow = conv_winograd

# What takes three weights to the elements of a tile: see src/conv/winograd.pxd.
_TRANSFORMS = {
    2: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ],
}  # fmt: skip


def winograd_weights(w: NDArray[np.float32], u: NDArray[np.float32], tile: int, threads: int) -> None:
    """The transformed weights of w (M, C, 3, 3): u is ((tile + 2)^2, M, C)."""
    g = np.array(_TRANSFORMS[tile], np.float32)
    with np.errstate(all="ignore"):
        u[...] = np.einsum("ia,mcab,jb->ijmc", g, w, g, optimize=True).reshape(u.shape)


def transpose_weights(
    w: NDArray[np.float32], u: NDArray[np.float32], parts: NDArray[np.intp], order: NDArray[np.intp], groups: int
) -> None:
    """The weights of a transpose (C, M / groups, taps), sorted into those of its parts, one after the other in u."""
    grouped = w.reshape(groups, w.shape[0] // groups, w.shape[1], -1).swapaxes(1, 2)
    pairs = grouped[..., 0].size
    for (start, taps), its in zip(parts, np.split(order, np.cumsum(parts[:, 1])), strict=False):
        u[start : start + pairs * taps] = grouped[..., its].ravel()


def narrow_weights(w: NDArray[np.float32], u: NDArray[np.float32], threads: int) -> None:
    """The weights w (groups, M, terms) as u (groups, panels, terms, width), with zeros beyond M."""
    groups, panels, terms, width = u.shape
    padded = np.zeros((groups, panels * width, terms), np.float32)
    padded[:, : w.shape[1]] = w
    u[...] = padded.reshape(groups, panels, width, terms).swapaxes(2, 3)
