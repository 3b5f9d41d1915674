"""Sums over windows line by line, with the bits of box2d: lines are copied with their border and summed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._dispatch import active
from convlab._geometry import LinesGeometry
from convlab._plan.box_lines import in_place, lines_of, section_of
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.separable import Separable2d

from .arrays import saturated
from .copies import copy_into, copy_transposed

# Lines that are copied as they are, whatever their strides.
FEW_LINES = 8

_Floats = NDArray[np.float32]


def sum_lines(plan: Plan[Separable2d], x: NDArray[Any], y: NDArray[Any]) -> None:
    """Fill y, the region of the output that is computed."""
    spec = plan.spec
    axes = spec.image.row_axis, spec.image.column_axis
    planes_of_x, planes_of_y = (np.moveaxis(a, axes, (-2, -1)) for a in (x, y))
    height, width = spec.filter.kernel_shape
    down, _, along, _ = spec.filter.border_sizes
    cval = np.float32(spec.filter.cval)
    constants = np.zeros(planes_of_y.shape[-2], FLOAT32)
    if spec.filter.border == "constant":
        constants = _constants(cval, height, len(constants))
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        for plane in np.ndindex(planes_of_y.shape[:-2]):
            source, target = planes_of_x[plane], planes_of_y[plane]
            whole = False
            if height > 1:
                last, whole = width == 1, width > 1 and in_place(spec)
                sums = target if last or whole else np.empty((len(target), source.shape[1]), FLOAT32)
                _sum(spec, source.T, sums.T, height, down, np.full(source.shape[1], cval), last)
                source = sums
            if width > 1 or height == 1:
                _sum(spec, source, target, width, along, constants, True, whole)


def _constants(cval: np.float32, k: int, n: int) -> _Floats:
    """What k pixels of the constant sum to in each of n rows: the end of a block and the beginning of the next."""
    with np.errstate(all="ignore"):
        multiples = np.add.accumulate(np.concatenate([np.zeros(1, FLOAT32), np.full(k, cval)]))
        first = np.arange(n) % k
        sums: _Floats = multiples[k - first] + multiples[first]
    return sums


def _sum(
    spec: Separable2d,
    x: NDArray[Any],
    y: NDArray[Any],
    k: int,
    before: int,
    constants: _Floats,
    last: bool,
    whole: bool = False,
) -> None:
    """Sum k neighbours of each row of x; the last pass scales. `whole`: y is x, so rows are read before any store."""
    n = y.shape[1]
    section = -(-n // k) * k if whole else section_of(n, k)
    lines = lines_of(min(section, n), k)
    for j in range(0, n, section):
        size = min(section, n - j)
        for i in range(0, y.shape[0], lines):
            part = y[i : i + lines, j : j + section]
            pixels = np.zeros((len(part), -(-(size + k - 1) // k) * k), FLOAT32)
            _fill(pixels[:, : size + k - 1], x[i : i + lines], spec.filter.border, j - before, constants[i : i + lines])
            sums = _running(pixels, size, k)
            if last:
                sums *= np.float32(spec.filter.scale)
            if y.dtype != FLOAT32:
                saturated(sums, spec.dtype, part)
            elif part.strides[1] == part.itemsize:
                part[...] = sums
            else:
                copy_transposed(part, np.ascontiguousarray(sums))


def _fill(pixels: _Floats, x: NDArray[Any], border: str, start: int, constants: _Floats) -> None:
    """Copy pixels of some rows from `start` on, which may lie in the border; each row has a constant of its own."""
    n, size = pixels.shape[1], x.shape[1]
    first = min(max(-start, 0), n)
    last = max(min(size - start, n), first)
    if first < last:
        inside = x[:, start + first : start + last]
        if len(x) < FEW_LINES:
            pixels[:, first:last] = inside
        else:
            copy_into(pixels[:, first:last], inside)
    for begin, end in ((0, first), (last, n)):
        if begin < end:
            which = _borders.source_indices(border, size, start + begin, start + end)
            pixels[:, begin:end] = x.take(which, axis=1, mode="clip")
            if border == "constant":
                np.copyto(pixels[:, begin:end], constants[:, None], where=which < 0)


def _running(x: _Floats, n: int, k: int) -> _Floats:
    """Return the first n sums of k neighbours of each row, which is whole blocks of k."""
    sums = np.empty_like(x)
    geometry = LinesGeometry(len(x), x.shape[1] // k, k)
    active().functions["box_lines"](x, sums, np.array(geometry, np.intp), 1)
    return sums[:, :n]
