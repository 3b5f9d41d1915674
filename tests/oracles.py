"""The right answers in double, for any number of axes: tables of indices gather every window."""

import numpy as np

# convlab's words for a border, and NumPy's.
PAD = {
    "mirror": "reflect", "symmetric": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant",
    "zeros": "constant",
}  # fmt: skip
EPS = float(np.finfo(np.float32).eps)


def border_table(border, n, before, after):
    """Return the source index of each position of an axis with its border; -1 is the constant."""
    if border in ("valid", "keep"):
        return np.arange(n)
    places = np.arange(n)
    if PAD[border] == "constant":
        return np.pad(places, (before, after), constant_values=-1)
    if PAD[border] == "reflect" and n == 1:
        return np.zeros(before + 1 + after, int)
    return np.pad(places, (before, after), mode=PAD[border])


def sliding(table, size, stride=1, dilation=1, outputs=None):
    """Return the indices of each window: (outputs, size)."""
    if outputs is None:
        outputs = (len(table) - (size - 1) * dilation - 1) // stride + 1
    return table[np.arange(outputs)[:, None] * stride + np.arange(size) * dilation]


def gather(x, tables, fill):
    """Return (..., o1, k1, o2, k2 ...) for the last axes of x, with `fill` where a table has -1."""
    axes = len(tables)
    for i, table in enumerate(tables):
        axis = x.ndim - axes + i  # each gathered axis becomes two axes
        outside = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), fill, x.dtype)
        x = np.take(np.concatenate([x, outside], axis), np.where(table < 0, x.shape[axis], table), axis)
    return x


def windows(x, tables, fill):
    """Return (..., o1, o2 ..., k1 * k2 ...)."""
    axes = len(tables)
    g = gather(x, tables, fill)
    first = g.ndim - 2 * axes
    g = np.moveaxis(g, [first + 2 * i for i in range(axes)], range(first, first + axes))
    return g.reshape(*g.shape[: first + axes], -1)


def sums(x, tables, taps, fill):
    """Sum over taps (k1, k2 ...); every tap counts: 0 * NaN is NaN."""
    with np.errstate(invalid="ignore"):
        return (windows(x, tables, fill) * taps.ravel()).sum(-1)


def maxima(x, tables):
    """Return the maximum of each window's elements inside x, or NaN, and its index in x's last axes."""
    values = windows(x, tables, -np.inf)
    shape = x.shape[x.ndim - len(tables) :]
    inside = windows(np.ones(shape, bool), tables, False)
    places = windows(np.arange(np.prod(shape)).reshape(shape), tables, -1)
    nan = np.isnan(values) & inside
    # The first maximum; the last NaN.
    best = np.where(inside, np.where(nan, -np.inf, values), -np.inf)
    first = np.argmax(np.where(inside, best == best.max(-1, keepdims=True), False), -1)
    last = values.shape[-1] - 1 - np.argmax(nan[..., ::-1], -1)
    at = np.where(nan.any(-1), last, first)[..., None]
    y = np.take_along_axis(values, at, -1)[..., 0]
    return y, np.take_along_axis(np.broadcast_to(places, values.shape), at, -1)[..., 0]
