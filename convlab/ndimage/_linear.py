"""Weighted sums over the neighbourhoods of an n-D array, through `convlab.filter2d`."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convlab

from . import _calls
from ._calls import FLOAT32, Ready, Wanted

# SciPy's n-D correlation skips weights up to this magnitude, so NaN times 0 is not NaN there.
NO_WEIGHT = float(np.finfo(np.float64).eps)

UNROLLED = 9  # taps; up to this number a kernel is faster as a whole than as a column and a row


# With fewer columns per plane, SciPy filters the lines of a volume faster.
FEWEST_COLUMNS = 8


def is_narrow(shape: tuple[int, ...], axis: int) -> bool:
    """Return whether filtering along the axis means filtering many planes of few columns."""
    return math.prod(shape[:axis]) > 1 and 1 < math.prod(shape[axis + 1 :]) < FEWEST_COLUMNS


def ready(
    x: NDArray[Any],
    taps: NDArray[np.float64],
    axes: tuple[int, ...],
    anchors: tuple[int, ...],
    border: str,
    cval: float,
    wanted: Wanted,
    factors: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    finish: dict[str, float] | None = None,
    mean: bool | None = None,
) -> Ready | None:
    """Prepare a correlation along `axes` (ascending) of an array of any number of axes; None to fall back to SciPy.

    `factors` are the column and the row whose product is `taps`, if there are any. `finish` are options applied to each
    sum, which then fits the result's type. `mean` is True if equal taps compute a mean, False if all are ones, and None
    for other taps.
    """
    constant = cval if border == "constant" else None
    exact = _calls.exact(x, taps, constant)
    if not exact and wanted.dtype != FLOAT32:
        return None
    if wanted.dtype.kind not in "iuf" or not wanted.dtype.isnative:
        return None
    found = layout(x.shape, taps, axes, anchors)
    if found is None or (len(axes) == 1 and is_narrow(x.shape, axes[0])):
        return None
    shape, channel_axis, kernel, anchor = found

    into = wanted.array
    # The kernels store whole numbers that fit the result's type; others are wrapped afterwards.
    fits = finish is not None or (exact and _calls.holds(wanted.dtype, x, taps, constant))
    stores = wanted.dtype if fits else FLOAT32
    direct = (
        into is not None
        and into.dtype == stores
        and into.flags.c_contiguous
        and into.flags.aligned
        and not np.may_share_memory(into, x)
    )
    options: dict[str, Any] = {
        "border": border,
        "cval": cval,
        "anchor": anchor,
        "channel_axis": channel_axis,
        "dtype": stores,
        **(finish or {}),
        "out": into.reshape(shape) if direct and into is not None else None,
    }
    # With values that are not finite, a sum is NaN or infinite depending on SciPy's order and on the weights that it
    # skips; and a sum that overflows float32 may be finite in double.
    if mean is not None and kernel.size > UNROLLED:
        options["normalize"] = mean
        return Ready(convlab.box, (kernel.shape,), options, shape, wanted, finite=not exact)
    if factors is not None and min(kernel.shape) > 1 and kernel.size > UNROLLED:
        return Ready(convlab.sep_filter2d, factors, options, shape, wanted, finite=not exact)
    options["precision"] = "exact"
    if exact:  # all taps, because a column and a row whose product they are may have fractions
        options["algorithm"] = "direct"
    return Ready(convlab.filter2d, (kernel,), options, shape, wanted, finite=not exact)


def correlate(x: NDArray[Any], *args: Any, **kwargs: Any) -> NDArray[Any] | None:
    """Prepare a correlation by `ready` and run it."""
    return done(ready(x, *args, **kwargs), x)


def done(result: Ready | NDArray[Any] | None, x: NDArray[Any]) -> NDArray[Any] | None:
    return result(x) if isinstance(result, Ready) else result


def layout(
    shape: tuple[int, ...], taps: NDArray[np.float64], axes: tuple[int, ...], anchors: tuple[int, ...]
) -> tuple[tuple[int, ...], int | None, NDArray[np.float64], tuple[int, int]] | None:
    """Return the image's shape, its channel axis, the kernel and its anchor, of a filter along at most two axes."""
    wide = [i for i, size in enumerate(taps.shape) if size > 1]
    if len(wide) > 2:
        return None
    if len(wide) == 2:
        first, last = wide
        found = _calls.planes(shape, (axes[first], axes[last]))
        if found is None:
            return None
        kernel = taps.reshape(taps.shape[first], taps.shape[last])
        return *found, kernel, (anchors[first], anchors[last])
    axis, tap = (axes[wide[0]], anchors[wide[0]]) if wide else (len(shape) - 1, 0)
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    if after == 1:
        return (before, shape[axis]), None, taps.reshape(1, -1), (0, tap)
    if before == 1:
        return (shape[axis], after), None, taps.reshape(-1, 1), (tap, 0)
    return (before, shape[axis], after), 0, taps.reshape(-1, 1), (tap, 0)


Pass = tuple[NDArray[np.float64], int, str]  # taps, axis, border


def border_is_filtered(steps: list[Pass], cval: float) -> bool:
    """Return whether the first pass leaves the constant outside the image unchanged for the second pass."""
    taps, _, border = steps[0]
    return border != "constant" or cval == 0 or abs(float(taps.sum()) - 1) < 1e-14


def passes(x: NDArray[Any], steps: list[Pass], cval: float, wanted: Wanted) -> Ready | NDArray[Any] | None:
    """Run centred 1-D correlations one after the other, each in the wanted dtype, as SciPy's separable filters do.

    Two of them become one 2-D correlation if the result is the same: modulo an integer type's range the order of
    products and sums does not matter, but the second pass needs `cval` itself as its constant border.
    """
    if len(steps) > 1 and wanted.dtype == np.uint64:  # between passes SciPy reads doubles, which round uint64
        return None
    if any(is_narrow(x.shape, axis) for _, axis, _ in steps):
        return None
    if len(steps) == 2:
        through = border_is_filtered(steps, cval)
        (v, first, border), (h, last, other) = sorted(steps, key=lambda step: step[1])
        kernel = _calls.product(v, h)
        if border == other and through and _calls.facts(kernel).representable:
            anchors = v.size // 2, h.size // 2
            result = ready(x, kernel, (first, last), anchors, border, cval, wanted, (v, h))
            if result is not None:
                return result
    if len(steps) == 1:
        ((taps, axis, border),) = steps
        return ready(x, taps, (axis,), (taps.size // 2,), border, cval, wanted)
    for taps, axis, border in steps:
        y = correlate(x, taps, (axis,), (taps.size // 2,), border, cval, Wanted(wanted.dtype, None))
        if y is None:
            return None
        x = y
    return _calls.stored(x, wanted)
