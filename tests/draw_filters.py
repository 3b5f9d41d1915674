"""Random calls of image filters, with the right answers."""

import numpy as np
from drawing import Case, number, said, shape, taps, tolerance, values
from oracles import border_table, sliding, sums, windows

import convlab

BORDERS = ("mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep")
INTEGERS = ("u1", "i2", "u2")


def image(rng, dtypes=("f4",), special=0.15):
    """Return an image, its channel_axis, and a function that views its planes as (C, H, W)."""
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
    """Apply `reduce(planes, tables)` to complete windows; border="keep" copies the other pixels."""
    p = planes(x, axis)
    tables = tables_of(p.shape[1:], kernel, border, anchor)
    if border != "keep":
        return back(reduce(p, tables), axis)
    y = p.copy()
    if len(tables) == 2:
        inside = tuple(slice(a, a + len(t)) for a, t in zip(anchor, tables, strict=True))
        y[(slice(None), *inside)] = reduce(p, tables)
    return back(y, axis)


def filtered(name, rng, call, kernels, size, x_axis):
    """Return a case of a filter that is the sum of the given outer-product kernels."""
    x, axis = x_axis
    anchor, at = anchored(rng, size)
    height_width = planes(x, axis).shape[1:]
    border = border_of(rng, height_width, size)
    cval = float(rng.integers(-3, 4))
    options = {"border": border, "cval": cval, "anchor": anchor, "channel_axis": axis}
    if rng.random() < 0.2 and x.dtype.kind == "u":
        options["dtype"] = x.dtype
    scale, offset, low, high = 1.0, 0.0, None, None
    if name != "box" and rng.random() < 0.3:
        scale, offset = float(rng.choice([0.5, 2.0, -1.0])), float(rng.integers(-2, 3))
        low, high = rng.choice([None, -20.0, 0.0]), rng.choice([None, 30.0])
        options |= {"scale": scale, "offset": offset, "clip": None if low is high is None else (low, high)}
    terms = size[0] * size[1] + 2

    def one(kernel):
        def finished(p, t):
            y = sums(p, t, kernel, cval) * scale + offset
            return y if low is high is None else np.clip(y, low, high)

        def magnitudes(p, t):
            return sums(p, t, abs(kernel), abs(cval)) * abs(scale) + abs(offset)

        y = over_image(x, axis, size, border, at, finished)
        bound = tolerance(terms, over_image(abs(x), axis, size, border, at, magnitudes))
        if "dtype" in options:
            limits = np.iinfo(options["dtype"])
            return np.clip(np.rint(y), limits.min, limits.max), bound > 0.1
        return y, bound

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
        image(rng, ("f4", *INTEGERS)),
    )  # fmt: skip


def filter_bank(rng):
    size = kernel_size(rng)
    kernels = taps(rng, (number(rng, 5), *size))
    return filtered(
        "filter_bank", rng, lambda x, **o: convlab.filter_bank(x, kernels, **o), list(kernels.astype(float)), size,
        image(rng, ("f4", *INTEGERS)),
    )  # fmt: skip


def sep_filter2d(rng):
    size = kernel_size(rng)
    column, row = taps(rng, size[0]), taps(rng, size[1])
    return filtered(
        "sep_filter2d", rng, lambda x, **o: convlab.sep_filter2d(x, column, row, **o),
        [np.outer(column, row).astype(float)], size, image(rng, ("f4", *INTEGERS), special=0),
    )  # fmt: skip


def box(rng):
    size = number(rng, 30), number(rng, 40)
    return filtered(
        "box", rng, lambda x, **o: convlab.box(x, size, normalize=False, **o), [np.ones(size)], size,
        image(rng, ("f4", *INTEGERS)),
    )  # fmt: skip


def filter_masked(rng):
    """A case of filter2d with a mask or nan="omit"."""
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
    along = rng.choice([0, 1, None])
    border = border_of(rng, planes(x, axis).shape[1:], (3, 3))
    kernels = [np.outer([-1, 0, 1], smooth), np.outer(smooth, [-1, 0, 1])]
    kernels = kernels if along is None else [kernels[along]]

    def joined(p, t):
        parts = [sums(p, t, kernel, 0.0) for kernel in kernels]
        return parts[0] if along is not None else np.sqrt((parts[0] ** 2 + parts[1] ** 2) / 2)

    def magnitudes(p, t):
        return sum(sums(p, t, abs(kernel), 0.0) for kernel in kernels)

    def expected():
        y = over_image(x, axis, (3, 3), border, (1, 1), joined)
        return y, tolerance(12, over_image(abs(x), axis, (3, 3), border, (1, 1), magnitudes))

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
