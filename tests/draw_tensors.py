"""Random calls of pools and convolutions, with the right answers."""

from dataclasses import replace

import numpy as np
from drawing import Case, number, said, shape, taps, tolerance, values
from oracles import border_table, maxima, sliding, windows

import convlab


def pool_axes(rng, sizes):
    """Return window, stride, padding and dilation with at least one complete window."""
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
    """Return the indices of each window; -1 is padding, and -2 is beyond it and not counted by an average."""
    span = n + 2 * p - (k - 1) * d - 1
    outputs = -(-span // s) + 1 if ceil else span // s + 1
    if ceil and (outputs - 1) * s >= n + p:
        outputs -= 1
    places = np.arange(outputs)[:, None] * s - p + np.arange(k) * d
    return np.where(places >= n + p, -2, np.where((places < 0) | (places >= n), -1, places))


def tensor(rng, axes, dtypes=("f4",), special=0.15):
    """Return planes with no, one or two axes before them."""
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
                lambda x, **more: function(x, *arguments, **options, **more), expected,
                exact=kind in ("max", "min"))  # fmt: skip


def adaptive(rng):
    axes = int(rng.choice([1, 2, 2, 3]))
    kind = str(rng.choice(["max", "avg"]))
    x = tensor(rng, axes)
    sizes = x.shape[x.ndim - axes :]
    outputs = tuple(number(rng, n + 2) for n in sizes)
    name = f"adaptive_{kind}_pool{axes}d"
    options = {"return_indices": bool(rng.random() < 0.4)} if kind == "max" else {}

    def expected():
        tables = []
        for n, o in zip(sizes, outputs, strict=True):
            starts, ends = np.arange(o) * n // o, -(-(np.arange(o) + 1) * n // o)
            places = starts[:, None] + np.arange(max(ends - starts))
            tables.append(np.where(places < ends[:, None], places, -1))
        double = x.astype(np.float64)
        if kind == "max":
            y, places = maxima(double, tables)
            return [(y, 0), (places, 0)] if options["return_indices"] else (y, 0)
        divisor = windows(np.ones(sizes), tables, 0.0).sum(-1)
        w = windows(double, tables, 0.0)
        return w.sum(-1) / divisor, tolerance(w.shape[-1] + 1, abs(w).sum(-1) / divisor)

    return Case(name, said(shape=x.shape, outputs=outputs, **options), (x,),
                lambda x, **more: getattr(convlab, name)(x, outputs, **options, **more), expected,
                exact=False)  # fmt: skip


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
                lambda x, **more: getattr(convlab, f"global_{kind}_pool")(x, **more), expected,
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
                lambda x, i, **more: getattr(convlab, name)(x, i, 2, **more), expected, exact=False)  # fmt: skip


def inner(a, axis):
    """Return the same tensor with its channels last, contiguous in memory."""
    return np.ascontiguousarray(np.moveaxis(a, axis, -1))


def channels_last(rng):
    """Return a case of one of the pools above with channels last."""
    case = (pooled, adaptive, whole, unpooled)[rng.integers(0, 4)](rng)
    x = case.arrays[0]
    axes = x.ndim - 2 if "global" in case.name else int(case.name[-2])
    axis = x.ndim - axes - 1
    if axis < 0:  # one channel
        return case
    option = {"layout": ("NLC", "NHWC", "NDHWC")[axes - 1]} if axis else {"channel_axis": -1}

    def expected():
        answers = case.expected()
        if not isinstance(answers, list):
            return tuple(np.moveaxis(part, axis, -1) if np.ndim(part) else part for part in answers)
        return [(np.moveaxis(y, axis, -1), bound) for y, bound in answers]

    return replace(
        case, said=f"{case.said}, {said(**option)}", arrays=tuple(inner(a, axis) for a in case.arrays),
        call=lambda *arrays, **more: case.call(*arrays, **option, **more), expected=expected,
    )  # fmt: skip


def ended(rng, axes):
    """Return the activation of a convolution as an option, and as a function in double."""
    activation = (None, None, "relu", "relu6", (-3.0, None), "leaky_relu")[rng.integers(0, 6)]
    layout = ("NCW", "NCHW", "NCDHW")[axes - 1] if rng.random() < 0.75 else ("NWC", "NHWC", "NDHWC")[axes - 1]
    limits = {"relu": (0.0, None), "relu6": (0.0, 6.0)}.get(activation, activation)

    def end(y):
        if activation == "leaky_relu":
            y = np.where(y < 0, 0.01 * y, y)
        elif activation is not None:
            y = np.clip(y, *limits)
        return np.moveaxis(y, 1, -1) if layout[-1] == "C" else y

    return {"activation": activation, "layout": layout}, end


def convolved(rng):
    axes = int(rng.choice([1, 2, 2, 2, 3]))
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    channels, out_channels = number(rng, 20), number(rng, 20)
    if rng.random() < 0.25:  # depthwise
        groups, channels, out_channels = number(rng, 40), 1, int(rng.choice([1, 1, 2]))
    sizes = shape(rng, axes, 40)
    x = values(rng, (number(rng, 3), groups * channels, *sizes))
    window, stride, padding, dilation = pool_axes(rng, sizes)
    if axes == 2 and rng.random() < 0.3 and min(sizes) >= 3:
        window, stride, dilation, padding = (3, 3), (1, 1), (1, 1), (1, 1)
    mode = str(rng.choice(["zeros", "zeros", "nearest", "symmetric", "mirror", "wrap"]))
    w = taps(rng, (groups * out_channels, channels, *window))
    bias = taps(rng, groups * out_channels) if rng.random() < 0.5 else None
    name = f"conv{axes}d"
    pads = [(p, p) for p in padding]
    if rng.random() < 0.3:
        wide = rng.random() < 0.5  # more than the window's extent
        pads = [tuple(rng.integers(0, (9 if wide else k // 2) + 1, 2).tolist()) for k in window]
        padding = tuple(p for pair in pads for p in pair)
    options, end = ended(rng, axes)
    options |= {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": mode,
                "precision": str(rng.choice(["fast", "fast", "exact"]))}  # fmt: skip
    layer = axes == 2 and rng.random() < 0.3

    def call(x, w, bias=None, out=None):
        if layer:
            return convlab.Conv2d(w, bias, **options)(x, out=out)
        return getattr(convlab, name)(x, w, bias, out=out, **options)

    def expected():
        tables = [
            sliding(border_table(mode, n, *p), k, s, d)
            for n, k, s, p, d in zip(sizes, window, stride, pads, dilation, strict=True)
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
        if served.startswith("conv_winograd"):  # its bound is relative to the norm: 1e-5 of the layer's largest sum
            bound = bound + 2e-5 * np.nanmax(np.where(np.isfinite(magnitude), magnitude, 0), initial=0)
        bound = np.broadcast_to(bound, magnitude.shape)
        return end(total(x, w, bias)), np.moveaxis(bound, 1, -1) if options["layout"][-1] == "C" else bound

    given = inner(x, 1) if options["layout"][-1] == "C" else x
    arrays = (given, w) if bias is None else (given, w, bias)
    return Case(name, said(shape=x.shape, weight=w.shape, bias=bias is not None, layer=layer, **options), arrays,
                call, expected, exact=False)  # fmt: skip


def transposed(rng):
    axes = int(rng.choice([1, 2, 2, 3]))
    groups = int(rng.choice([1, 1, 2]))
    channels, out_channels = number(rng, 8), number(rng, 8)
    sizes = shape(rng, axes, 20)
    x = values(rng, (number(rng, 3), groups * channels, *sizes), special=0)
    window = tuple(number(rng, 4) for _ in sizes)
    stride = tuple(int(rng.integers(1, 4)) for _ in sizes)
    dilation = tuple(int(rng.choice([1, 1, 2, 3])) for _ in sizes)
    full = tuple((n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, stride, window, dilation, strict=True))
    padding = tuple(int(rng.integers(0, min(3, (n - 1) // 2) + 1)) for n in full)
    extra = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    w = taps(rng, (groups * channels, out_channels, *window))
    bias = taps(rng, groups * out_channels) if rng.random() < 0.5 else None
    name = f"conv_transpose{axes}d"
    options, end = ended(rng, axes)
    options |= {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}

    def expected():
        def total(a, b, c):
            y = np.zeros((len(a), groups, out_channels, *(n + e for n, e in zip(full, extra, strict=True))))
            a = a.astype(float).reshape(len(a), groups, channels, *sizes)
            b = b.astype(float).reshape(groups, channels, out_channels, *window)
            for tap in np.ndindex(*window):
                at = tuple(
                    slice(i * d, i * d + (n - 1) * s + 1, s)
                    for i, n, s, d in zip(tap, sizes, stride, dilation, strict=True)
                )
                y[(..., *at)] += np.einsum("ngc...,gcm->ngm...", a, b[(..., *tap)])
            y = y[(..., *(slice(p, n - p) for p, n in zip(padding, y.shape[3:], strict=True)))]
            y = y.reshape(len(a), groups * out_channels, *y.shape[3:])
            return y if c is None else y + c.astype(float).reshape(-1, *(1,) * axes)

        magnitude = total(abs(x), abs(w), None if bias is None else abs(bias))
        bound = tolerance(w[0].size * channels + 1, magnitude)
        return end(total(x, w, bias)), np.moveaxis(bound, 1, -1) if options["layout"][-1] == "C" else bound

    given = inner(x, 1) if options["layout"][-1] == "C" else x
    arrays = (given, w) if bias is None else (given, w, bias)
    return Case(name, said(shape=x.shape, weight=w.shape, bias=bias is not None, **options), arrays,
                lambda x, w, bias=None, **more: getattr(convlab, name)(x, w, bias, **options, **more), expected,
                exact=False)  # fmt: skip
