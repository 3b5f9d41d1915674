"""One random call of each public operation at a time, with the right answer: for fuzzing, guard pages, threads, hashes.

Most data are small integers, whose sums float32 holds exactly, so that any wrong pixel shows; the rest are floats,
which may differ by the contract's bound, and NaN and infinity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from oracles import EPS, border_table, maxima, sliding, sums, windows

import convlab

BORDERS = ("mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep")
INTEGERS = ("u1", "i2", "u2")


@dataclass
class Case:
    """`call(*arrays, out=...)`, and the answer in double with the errors allowed, or several answers."""

    name: str
    said: str  # what was drawn
    arrays: tuple[np.ndarray, ...]
    call: Callable[..., Any]
    expected: Callable[[], Any]  # (answer, errors allowed) or a list of those
    exact: bool  # whether the dtype of the arrays counts
    takes_out: bool = True


def tolerance(terms, magnitude):
    return 4 * terms * EPS * magnitude


def number(rng, most):
    """From 1 to most, small numbers more often."""
    return int(min(rng.integers(1, most + 1), rng.integers(1, most + 1)))


def shape(rng, axes, most=70):
    most = {1: 300, 2: most, 3: 14}[axes]
    return tuple(number(rng, most) for _ in range(axes))


def values(rng, sizes, dtype="f4", special=0.15):
    """Small integers, or floats; now and then with NaN or infinity."""
    if np.dtype(dtype).kind != "f":
        return rng.integers(0, 9, sizes).astype(dtype)
    x = rng.integers(-8, 9, sizes).astype(dtype)
    if rng.random() < 0.3:
        x = rng.standard_normal(sizes).astype(dtype)
    if x.size and rng.random() < special:
        x.ravel()[rng.integers(0, x.size, 1 + x.size // 50)] = rng.choice([np.nan, np.inf, -np.inf])
    return x


def taps(rng, sizes):
    return rng.integers(-4, 5, sizes).astype("f4")


def image(rng, dtypes=("f4",), special=0.15):
    """An image, its channel_axis, and how to see its planes as (C, H, W)."""
    x = values(rng, shape(rng, 2), rng.choice(dtypes), special)
    axis = rng.choice([None, None, 0, -1])
    if axis is None:
        return x, None
    return np.stack([np.roll(x, c) for c in range(number(rng, 5))], axis), int(axis)


def planes(x, axis):
    x = x.astype(np.float64)
    return x[None] if axis is None else np.moveaxis(x, axis, 0)


def back(y, axis):
    return y[0] if axis is None else np.moveaxis(y, 0, axis)


def anchored(rng, size):
    if rng.random() < 0.6:
        return None, tuple(k // 2 for k in size)
    anchor = tuple(int(rng.integers(0, k)) for k in size)
    return anchor, anchor


def border_of(rng, sizes, kernel):
    border = str(rng.choice(BORDERS))
    return "mirror" if border == "valid" and any(k > n for k, n in zip(kernel, sizes, strict=True)) else border


def tables_of(sizes, kernel, border, anchor):
    return [
        sliding(border_table(border, n, a, k - 1 - a), k)
        for n, k, a in zip(sizes, kernel, anchor, strict=True)
        if border not in ("valid", "keep") or n >= k
    ]


def over_image(x, axis, kernel, border, anchor, reduce):
    """`reduce(planes, tables)` where windows are whole; border="keep" leaves the rest as it is."""
    p = planes(x, axis)
    tables = tables_of(p.shape[1:], kernel, border, anchor)
    if border != "keep":
        return back(reduce(p, tables), axis)
    y = p.copy()
    if len(tables) == 2:
        inside = tuple(slice(a, a + len(t)) for a, t in zip(anchor, tables, strict=True))
        y[(slice(None), *inside)] = reduce(p, tables)
    return back(y, axis)


def said(**options):
    return ", ".join(f"{k}={v!r}" for k, v in options.items())


def filtered(name, rng, call, kernels, size, *, masked=False, most_terms=None, x_axis=None):
    """A case of a filter whose outer-product kernels (of one image each) are given, added up."""
    x, axis = x_axis
    anchor, at = anchored(rng, size)
    height_width = planes(x, axis).shape[1:]
    border = border_of(rng, height_width, size)
    cval = float(rng.integers(-3, 4))
    options = {"border": border, "cval": cval, "anchor": anchor, "channel_axis": axis}
    if rng.random() < 0.2 and x.dtype.kind == "u":
        options["dtype"] = x.dtype

    def one(kernel):
        y = over_image(x, axis, size, border, at, lambda p, t: sums(p, t, kernel, cval))
        magnitude = over_image(abs(x), axis, size, border, at, lambda p, t: sums(p, t, abs(kernel), abs(cval)))
        if "dtype" in options:
            limits = np.iinfo(options["dtype"])
            return np.clip(np.rint(y), limits.min, limits.max), tolerance(
                most_terms or size[0] * size[1], magnitude
            ) > 0.1
        return y, tolerance(most_terms or size[0] * size[1], magnitude)

    def expected():
        results = [one(kernel) for kernel in kernels]
        if name != "filter_bank":
            return results[0]
        return tuple(np.stack(parts) for parts in zip(*results, strict=True))

    return Case(name, said(shape=x.shape, source=x.dtype, size=size, **options), (x,),
                lambda x, out=None: call(x, out=out, **options), expected, exact=False)  # fmt: skip


def kernel_size(rng):
    square = int(rng.choice([1, 2, 3, 3, 5, 5, 7, 7, 9]))
    return (square, square) if rng.random() < 0.5 else (number(rng, 12), number(rng, 30))


def filter2d(rng):
    size = kernel_size(rng)
    kernel = taps(rng, size)
    return filtered(
        "filter2d", rng, lambda x, **o: convlab.filter2d(x, kernel, **o), [kernel.astype(float)], size,
        x_axis=image(rng, ("f4", *INTEGERS)),
    )  # fmt: skip


def filter_bank(rng):
    size = kernel_size(rng)
    kernels = taps(rng, (number(rng, 5), *size))
    return filtered(
        "filter_bank", rng, lambda x, **o: convlab.filter_bank(x, kernels, **o), list(kernels.astype(float)), size,
        x_axis=image(rng, ("f4", *INTEGERS)),
    )  # fmt: skip


def sep_filter2d(rng):
    size = kernel_size(rng)
    column, row = taps(rng, size[0]), taps(rng, size[1])
    return filtered(
        "sep_filter2d", rng, lambda x, **o: convlab.sep_filter2d(x, column, row, **o),
        [np.outer(column, row).astype(float)], size, x_axis=image(rng, ("f4", *INTEGERS), special=0),
    )  # fmt: skip


def box(rng):
    size = number(rng, 30), number(rng, 40)
    return filtered(
        "box", rng, lambda x, **o: convlab.box(x, size, normalize=False, **o), [np.ones(size)], size,
        x_axis=image(rng, ("f4", *INTEGERS)),
    )  # fmt: skip


def filter_masked(rng):
    """filter2d of what a mask and nan="omit" leave."""
    x, _ = image(rng)
    x = x if x.ndim == 2 else x[0] if x.shape[0] < 6 else x[..., 0]
    x = np.ascontiguousarray(x)
    size = kernel_size(rng)
    kernel = abs(taps(rng, size)) + 1
    mask = rng.random(x.shape) < 0.8
    nan = str(rng.choice(["propagate", "omit"]))
    border = str(rng.choice(["mirror", "symmetric", "nearest", "wrap"]))

    def expected():
        counted = mask & ~np.isnan(x) if nan == "omit" else mask
        at = tuple(k // 2 for k in size)
        tables = tables_of(x.shape, size, border, at)
        pixels = np.where(counted, x, 0).astype(float)
        total, weight = (sums(a, tables, kernel.astype(float), 0) for a in (pixels, counted.astype(float)))
        magnitude = sums(abs(pixels), tables, kernel.astype(float), 0)
        with np.errstate(all="ignore"):
            bound = tolerance(2 * kernel.size + 2, np.where(weight > 0, magnitude / weight, 0))
            return np.where(weight > 0, total / weight, np.nan), bound

    return Case("filter2d", said(shape=x.shape, size=size, nan=nan, border=border, mask=True), (x, mask),
                lambda x, mask, out=None: convlab.filter2d(x, kernel, mask=mask, nan=nan, border=border, out=out),
                expected, exact=False)  # fmt: skip


def edges(rng):
    name = str(rng.choice(["sobel", "scharr", "prewitt"]))
    smooth = {"sobel": np.array([1, 2, 1]) / 4, "scharr": np.array([3, 10, 3]) / 16, "prewitt": np.ones(3) / 3}[name]
    x, axis = image(rng, ("f4", *INTEGERS), special=0)
    along = int(rng.integers(0, 2))
    border = border_of(rng, planes(x, axis).shape[1:], (3, 3))
    kernel = np.outer([-1, 0, 1], smooth) if along == 0 else np.outer(smooth, [-1, 0, 1])

    def expected():
        y = over_image(x, axis, (3, 3), border, (1, 1), lambda p, t: sums(p, t, kernel, 0.0))
        magnitude = over_image(abs(x), axis, (3, 3), border, (1, 1), lambda p, t: sums(p, t, abs(kernel), 0.0))
        return y, tolerance(9, magnitude)

    return Case(name, said(shape=x.shape, dtype=x.dtype, border=border, axis=along, channel_axis=axis), (x,),
                lambda x, out=None: getattr(convlab, name)(x, axis=along, border=border, channel_axis=axis, out=out),
                expected, exact=False)  # fmt: skip


def ranked(rng):
    name = str(rng.choice(["maximum_filter", "minimum_filter", "median_filter"]))
    x, axis = image(rng, ("f4", *INTEGERS, "f8", "i4", "?"))
    size = (3, 3) if rng.random() < 0.3 else (5, 5) if rng.random() < 0.3 else (number(rng, 12), number(rng, 20))
    anchor, at = anchored(rng, size)
    border = border_of(rng, planes(x, axis).shape[1:], size)
    cval = int(rng.integers(0, 2))

    def reduce(p, tables):
        w = windows(p, tables, cval)
        nan = np.isnan(w)
        if name == "minimum_filter":
            return np.where(nan.any(-1), np.nan, np.where(nan, 0, w).min(-1))
        if name == "maximum_filter":
            return np.where(nan.any(-1), np.nan, np.where(nan, 0, w).max(-1, initial=-np.inf, where=~nan))
        ordered = np.sort(w, -1)[..., w.shape[-1] // 2]
        return np.where(nan.any(-1), np.nan, ordered)

    options = {"border": border, "cval": cval, "anchor": anchor, "channel_axis": axis}
    return Case(name, said(shape=x.shape, dtype=x.dtype, size=size, **options), (x,),
                lambda x, out=None: getattr(convlab, name)(x, size, out=out, **options),
                lambda: (over_image(x, axis, size, border, at, reduce), 0), exact=True)  # fmt: skip


def pool_axes(rng, sizes):
    """Window, stride, padding and dilation, of which at least one window is whole."""
    window = [number(rng, 5 if len(sizes) > 1 else 9) for _ in sizes]
    if rng.random() < 0.4:
        window = [int(rng.choice([2, 3]))] * len(sizes)
    stride = [int(rng.integers(1, 4)) for _ in sizes]
    dilation = [int(rng.choice([1, 1, 1, 2])) for _ in sizes]
    padding = []
    for i, n in enumerate(sizes):
        window[i] = min(window[i], n)
        dilation[i] = dilation[i] if (window[i] - 1) * dilation[i] + 1 <= n else 1
        padding.append(int(rng.integers(0, window[i] // 2 + 1)))
    return tuple(window), tuple(stride), tuple(padding), tuple(dilation)


def pool_table(n, k, s, p, d, ceil):
    """The places of each window; -1 is padding and -2 beyond it, where an average does not count."""
    span = n + 2 * p - (k - 1) * d - 1
    outputs = -(-span // s) + 1 if ceil else span // s + 1
    if ceil and (outputs - 1) * s >= n + p:
        outputs -= 1
    places = np.arange(outputs)[:, None] * s - p + np.arange(k) * d
    return np.where(places >= n + p, -2, np.where((places < 0) | (places >= n), -1, places))


def tensor(rng, axes, dtypes=("f4",), special=0.15):
    """Planes with none, one or two axes before them."""
    leading = tuple(number(rng, 4) for _ in range(int(rng.integers(0, 3))))
    if axes != 2:
        leading = (number(rng, 4), number(rng, 4))
    return values(rng, (*leading, *shape(rng, axes)), rng.choice(dtypes), special)


def pooled(rng):
    axes = int(rng.choice([1, 2, 2, 2, 3]))
    kind = str(rng.choice(["max", "max", "avg", "min", "lp"]))
    kind = "max" if kind == "min" and axes != 2 else kind
    x = tensor(rng, axes, ("f4",) if kind in ("avg", "lp") else ("f4", "f4", "f4", "u1", "i4", "f8"))
    sizes = x.shape[x.ndim - axes :]
    window, stride, padding, dilation = pool_axes(rng, sizes)
    ceil, indices, count = (
        bool(rng.random() < 0.3),
        bool(kind == "max" and rng.random() < 0.3),
        bool(rng.random() < 0.5),
    )
    name = f"{kind}_pool{axes}d"
    function = getattr(convlab, name)
    options = {"padding": padding, "dilation": dilation, "ceil_mode": ceil}
    if kind == "max":
        options["return_indices"] = indices
    if kind == "avg":
        options["count_include_pad"] = count
    arguments = (2, window, stride) if kind == "lp" else (window, stride)

    def expected():
        tables = [
            pool_table(n, k, s, p, d, ceil)
            for n, k, s, p, d in zip(sizes, window, stride, padding, dilation, strict=True)
        ]
        inside = [np.maximum(t, -1) for t in tables]
        double = x.astype(np.float64)
        if kind == "max":
            y, places = maxima(double, inside)
            return [(y, 0), (places, 0)] if indices else (y, 0)
        if kind == "min":
            return -maxima(-double, inside)[0], 0
        if kind == "lp":
            w = abs(windows(double, inside, 0.0))
            y = np.sqrt((w * w).sum(-1))
            return y, tolerance(w.shape[-1] + 2, y)
        counted = windows(np.ones(sizes), [t + 0 for t in inside], 1.0 if count else 0.0)
        beyond = windows(np.zeros(sizes), [np.where(t == -2, -1, np.maximum(t, 0)) for t in tables], 1.0)
        divisor = np.where(beyond > 0, 0, counted).sum(-1)
        w = windows(double, inside, 0.0)
        with np.errstate(all="ignore"):
            return w.sum(-1) / divisor, tolerance(w.shape[-1] + 1, abs(w).sum(-1) / divisor)

    return Case(name, said(shape=x.shape, dtype=x.dtype, window=window, stride=stride, **options), (x,),
                lambda x, out=None: function(x, *arguments, out=out, **options), expected,
                exact=kind in ("max", "min"))  # fmt: skip


def adaptive(rng):
    axes = int(rng.choice([1, 2, 2, 3]))
    kind = str(rng.choice(["max", "avg"]))
    x = tensor(rng, axes)
    sizes = x.shape[x.ndim - axes :]
    outputs = tuple(number(rng, n + 2) for n in sizes)
    name = f"adaptive_{kind}_pool{axes}d"

    def expected():
        tables = []
        for n, o in zip(sizes, outputs, strict=True):
            starts, ends = np.arange(o) * n // o, -(-(np.arange(o) + 1) * n // o)
            places = starts[:, None] + np.arange(max(ends - starts))
            tables.append(np.where(places < ends[:, None], places, -1))
        double = x.astype(np.float64)
        if kind == "max":
            return maxima(double, tables)[0], 0
        divisor = windows(np.ones(sizes), tables, 0.0).sum(-1)
        w = windows(double, tables, 0.0)
        return w.sum(-1) / divisor, tolerance(w.shape[-1] + 1, abs(w).sum(-1) / divisor)

    return Case(name, said(shape=x.shape, outputs=outputs), (x,),
                lambda x, out=None: getattr(convlab, name)(x, outputs, out=out), expected, exact=False)  # fmt: skip


def whole(rng):
    kind = str(rng.choice(["max", "avg", "lp"]))
    x = values(rng, (number(rng, 4), number(rng, 40), *shape(rng, int(rng.integers(1, 4)), 20)))
    axes = tuple(range(2, x.ndim))
    count = x[0, 0].size

    def expected():
        double = x.astype(np.float64)
        if kind == "max":
            return double.max(axes, keepdims=True), 0
        if kind == "lp":
            y = np.sqrt((double * double).sum(axes, keepdims=True))
            return y, tolerance(count + 2, y)
        return double.mean(axes, keepdims=True), tolerance(count + 1, abs(double).mean(axes, keepdims=True))

    return Case(f"global_{kind}_pool", said(shape=x.shape), (x,),
                lambda x, out=None: getattr(convlab, f"global_{kind}_pool")(x, out=out), expected,
                exact=False)  # fmt: skip


def unpooled(rng):
    axes = int(rng.choice([1, 2, 3]))
    x = values(rng, (number(rng, 3), number(rng, 3), *shape(rng, axes, 20)), special=0)
    sizes = x.shape[2:]
    larger = tuple(2 * n for n in sizes)
    cells = np.prod(larger)
    indices = np.stack(
        [rng.permutation(cells)[: np.prod(sizes)].reshape(sizes) for _ in range(x.shape[0] * x.shape[1])]
    ).reshape(x.shape)
    name = f"max_unpool{axes}d"

    def expected():
        y = np.zeros((x.shape[0] * x.shape[1], cells))
        np.put_along_axis(y, indices.reshape(len(y), -1), x.reshape(len(y), -1).astype(float), 1)
        return y.reshape(*x.shape[:2], *larger), 0

    return Case(name, said(shape=x.shape), (x, indices),
                lambda x, i, out=None: getattr(convlab, name)(x, i, 2, out=out), expected, exact=False)  # fmt: skip


def convolved(rng):
    axes = int(rng.choice([1, 2, 2, 2, 3]))
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    channels, out_channels = number(rng, 20), number(rng, 20)
    if rng.random() < 0.25:  # depthwise
        groups, channels, out_channels = number(rng, 9), 1, int(rng.choice([1, 1, 2]))
    sizes = shape(rng, axes, 40)
    x = values(rng, (number(rng, 3), groups * channels, *sizes))
    window, stride, padding, dilation = pool_axes(rng, sizes)
    if axes == 2 and rng.random() < 0.3 and min(sizes) >= 3:
        window, stride, dilation, padding = (3, 3), (1, 1), (1, 1), (1, 1)
    mode = str(rng.choice(["zeros", "zeros", "nearest", "symmetric", "mirror", "wrap"]))
    w = taps(rng, (groups * out_channels, channels, *window))
    bias = taps(rng, groups * out_channels) if rng.random() < 0.5 else None
    name = f"conv{axes}d"
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": mode}
    layer = axes == 2 and rng.random() < 0.3

    def call(x, out=None):
        if layer:
            return convlab.Conv2d(w, bias, **options)(x, out=out)
        return getattr(convlab, name)(x, w, bias, out=out, **options)

    def expected():
        tables = [
            sliding(border_table(mode, n, p, p), k, s, d)
            for n, k, s, p, d in zip(sizes, window, stride, padding, dilation, strict=True)
        ]

        def total(a, b, c):
            g = windows(a.astype(float), tables, 0.0).reshape(len(a), groups, channels, *map(len, tables), -1)
            flat = b.astype(float).reshape(groups, out_channels, channels, -1)
            with np.errstate(invalid="ignore"):
                y = np.einsum("ngc...k,gmck->ngm...", g, flat)
            y = y.reshape(len(a), groups * out_channels, *map(len, tables))
            return y if c is None else y + c.astype(float).reshape(-1, *(1,) * axes)

        magnitude = total(abs(x), abs(w), None if bias is None else abs(bias))
        bound = tolerance(w[0].size + 1, magnitude)
        served = convlab.last_kernel()
        if served.startswith("conv_winograd"):  # its bound is one of the norm: 1e-5 of the layer's largest sum
            bound = bound + 2e-5 * np.nanmax(np.where(np.isfinite(magnitude), magnitude, 0), initial=0)
        return total(x, w, bias), bound

    return Case(name, said(shape=x.shape, weight=w.shape, bias=bias is not None, layer=layer, **options), (x,),
                call, expected, exact=False)  # fmt: skip


def transposed(rng):
    axes = int(rng.choice([1, 2, 2, 3]))
    groups = int(rng.choice([1, 1, 2]))
    channels, out_channels = number(rng, 8), number(rng, 8)
    sizes = shape(rng, axes, 20)
    x = values(rng, (number(rng, 3), groups * channels, *sizes), special=0)
    window = tuple(number(rng, 4) for _ in sizes)
    stride = tuple(int(rng.integers(1, 4)) for _ in sizes)
    w = taps(rng, (groups * channels, out_channels, *window))
    name = f"conv_transpose{axes}d"

    def expected():
        def total(a, b):
            full = tuple((n - 1) * s + k for n, s, k in zip(sizes, stride, window, strict=True))
            y = np.zeros((len(a), groups, out_channels, *full))
            a = a.astype(float).reshape(len(a), groups, channels, *sizes)
            b = b.astype(float).reshape(groups, channels, out_channels, *window)
            for tap in np.ndindex(*window):
                at = tuple(slice(i, i + (n - 1) * s + 1, s) for i, n, s in zip(tap, sizes, stride, strict=True))
                y[(..., *at)] += np.einsum("ngc...,gcm->ngm...", a, b[(..., *tap)])
            return y.reshape(len(a), groups * out_channels, *full)

        return total(x, w), tolerance(w[0].size * channels, total(abs(x), abs(w)))

    return Case(name, said(shape=x.shape, weight=w.shape, stride=stride, groups=groups), (x,),
                lambda x, out=None: getattr(convlab, name)(x, w, stride=stride, groups=groups, out=out), expected,
                exact=False)  # fmt: skip


DRAWN = {
    "filter2d": filter2d, "filter_bank": filter_bank, "sep_filter2d": sep_filter2d, "box": box,
    "filter_masked": filter_masked, "edges": edges, "ranked": ranked, "pooled": pooled, "adaptive": adaptive,
    "whole": whole, "unpooled": unpooled, "convolved": convolved, "transposed": transposed,
}  # fmt: skip


def draw(seed):
    """The case of a seed: what it is, its data and parameters."""
    rng = np.random.default_rng(seed)
    return DRAWN[list(DRAWN)[seed % len(DRAWN)]](rng)


def compare(result, case):
    """AssertionError where a result is not the right one."""
    answers = case.expected()
    if not isinstance(answers, list):
        answers, result = [answers], (result,)
    for y, (answer, bound) in zip(result, answers, strict=True):
        assert y.shape == answer.shape, (y.shape, answer.shape)
        y = y.astype(np.float64)
        with np.errstate(invalid="ignore"):
            good = (y == answer) | (np.isnan(y) & np.isnan(answer)) | (abs(y - answer) <= bound)
        assert good.all(), (int((~good).sum()), np.argwhere(~good)[:3].tolist(), y[~good][:3], answer[~good][:3])
