"""Windows that hold integers beyond 2**24: summed in double, over what float32 made of them.

A window without such an integer keeps its float32 sum, so each result depends on its own window alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _errors
from convlab._dispatch import NUMPY, serve
from convlab._plan.plan import Machine
from convlab._plan.pool_axes import Source
from convlab._plan.pool_pieces import Piece, pieces
from convlab._plan.pooling import plan_pool
from convlab._plan.wide import Wide
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d
from convlab._spec.pooling import Pool

from .arrays import converted, saturated
from .blocks import Mask
from .tiles import fill

EXACT = 2**24  # the integers up to it are float32's
LARGEST = 2**53  # and up to it doubles


def holds_wide(name: str, x: NDArray[Any]) -> bool:
    """Whether any integer is beyond float32's; an error if one is beyond double's."""
    if not x.size:
        return False
    low, high = int(x.min()), int(x.max())
    largest = high if high >= -low else low
    if abs(largest) > LARGEST:
        raise _errors.too_wide(name, largest)
    return abs(largest) > EXACT


def may_be_wide(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype has integers beyond float32's."""
    return dtype.kind in "iu" and dtype.itemsize >= 4


def filter_holds_wide(spec: Filter2d, x: NDArray[Any]) -> bool:
    """Whether a filter has windows to be summed in double, of an image that may: its constant counts too."""
    constant = spec.border == "constant" and EXACT < abs(spec.cval) < np.inf
    return holds_wide("image", x) or constant


def sum_wide(
    wide: Wide, spec: Filter2d, x: NDArray[Any], mask: Mask, y: NDArray[Any], sharpen: float | None = None
) -> None:
    """Fill what such windows have in y, the region of the output that is computed.

    With `sharpen` the sums are a smooth image, and what it takes away is added to the pixels so many times.
    """
    image, (tile_height, tile_width) = spec.image, wide.tile
    axes = image.row_axis, image.column_axis
    results = np.moveaxis(y if spec.kernels else y[None], [1 + axis for axis in axes], (-2, -1))
    planes = np.moveaxis(x, axes, (-2, -1))
    hidden = mask if mask is None or mask.ndim == 2 else np.moveaxis(mask, axes, (-2, -1))
    for plane in np.ndindex(planes.shape[:-2]):
        counted = hidden if hidden is None or hidden.ndim == 2 else hidden[plane]
        for i in range(0, spec.region.height, tile_height):
            for j in range(0, spec.region.width, tile_width):
                part = results[(slice(None), *plane, slice(i, i + tile_height), slice(j, j + tile_width))]
                tile = _Tile(wide, spec, planes[plane], counted, (i, j), part.shape[1:])
                found = tile.found()
                if found.any():
                    for total, result in zip(tile.sums(), part, strict=True):
                        _store(tile.finished(total, sharpen), found, result)
    serve(NUMPY, "correlate2d_double")


class _Tile:
    """A part of a plane's output, and the windows that it wants."""

    def __init__(
        self, wide: Wide, spec: Filter2d, plane: NDArray[Any], mask: Mask, at: tuple[int, int], shape: tuple[int, ...]
    ) -> None:
        self.wide, self.spec, self.plane, self.mask, self.at = wide, spec, plane, mask, at
        self.height, self.width = shape
        self.kernel_height, self.kernel_width = spec.kernel_shape
        above, _, before, _ = spec.border_sizes
        (i, j), image = at, spec.image
        last_row, last_column = i - above + self.height + self.kernel_height - 1, self.width + self.kernel_width - 1
        self.rows = _borders.source_indices(spec.border, image.height, i - above, last_row)
        self.columns = _borders.source_indices(spec.border, image.width, j - before, j - before + last_column)

    def sources(self) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64] | None]]:
        """A row of the kernel; what it and some rows behind it are multiplied with; which of these pixels count."""
        for first in range(0, self.kernel_height, self.height):
            n = min(self.height, self.kernel_height - first) + self.height - 1
            rows = self.rows[first : first + n]
            source, weights = np.empty((n, len(self.columns))), None
            fill(source, self.plane, rows, self.columns, self.spec.cval)
            if self.mask is not None:
                weights = np.empty(source.shape)
                fill(weights, self.mask, rows, self.columns, 1.0)
                source *= weights
            yield first, source, weights

    def found(self) -> NDArray[np.bool_]:
        """The windows that hold an integer beyond float32's."""
        found = np.zeros((self.height, self.width), bool)
        for _, source, _ in self.sources():
            wide = np.abs(source) > EXACT
            if wide.any():
                found |= _any(_any(wide, 1, self.width), 0, self.height)
        return found

    def sums(self) -> NDArray[np.float64]:
        """The sums of each kernel, or of the kernel that column and row make."""
        if self.wide.kernels is not None:
            return self._whole(self.wide.kernels)
        downs, alongs = self.wide.downs, self.wide.alongs
        assert downs is not None
        assert alongs is not None
        squares = [self._separable(down, along) for down, along in zip(downs, alongs, strict=True)]
        return squares[0][None] if len(squares) == 1 else np.sqrt(squares[0] ** 2 + squares[1] ** 2)[None]

    def _whole(self, kernels: NDArray[np.float64]) -> NDArray[np.float64]:
        totals = np.zeros((len(kernels), self.height, self.width))
        divisors = np.zeros_like(totals) if self.mask is not None else None
        product = np.empty(totals.shape[1:])
        for first, source, weights in self.sources():
            for a in range(len(source) - self.height + 1):
                for b in range(self.kernel_width):
                    at = slice(a, a + self.height), slice(b, b + self.width)
                    for n, tap in enumerate(kernels[:, first + a, b]):
                        totals[n] += np.multiply(source[at], tap, out=product)
                        if divisors is not None and weights is not None:
                            divisors[n] += np.multiply(weights[at], tap, out=product)
        if divisors is not None:
            with np.errstate(all="ignore"):
                totals = np.divide(totals, divisors, out=np.full(totals.shape, np.nan), where=divisors != 0)
        return totals

    def _separable(self, down: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = np.zeros((self.height, len(self.columns)))
        for first, source, _ in self.sources():
            for a in range(len(source) - self.height + 1):
                columns += down[first + a] * source[a : a + self.height]
        total = np.zeros((self.height, self.width))
        for b, tap in enumerate(along):
            total += tap * columns[:, b : b + self.width]
        return total

    def finished(self, total: NDArray[np.float64], sharpen: float | None) -> NDArray[np.float64]:
        """What the operation does to a sum."""
        spec = self.spec
        if sharpen is not None:
            top, left = spec.anchor if spec.border == "keep" else (0, 0)
            i, j = self.at[0] + top, self.at[1] + left
            pixels = self.plane[i : i + self.height, j : j + self.width].astype(np.float64)
            total = pixels + sharpen * (pixels - total)
        with np.errstate(all="ignore"):
            return np.clip(total * spec.scale + spec.offset, *spec.clip)


def average_wide(spec: Pool, x: NDArray[Any], y: NDArray[Any]) -> None:
    """The same for averages of pools, some outputs at a time where all windows have one divisor."""
    everything = Piece((slice(None),) * x.ndim, (slice(None),) * y.ndim, (), spec)
    found, totals = np.empty(0, np.uint8), np.empty(0)
    for piece in pieces(spec) if spec.divisor else [everything]:
        its_found, its_totals = _averages(piece.spec, x[piece.source])
        if piece.begins:
            found, totals = its_found, its_totals
        else:  # a further part of the same window, whose totals grow
            found |= its_found
            totals += its_totals
        np.copyto(y[piece.output], totals, casting="same_kind", where=found != 0)
    serve(NUMPY, "avg_pool_double")


def _averages(spec: Pool, x: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Whether each window holds an integer beyond float32's, and its average in double."""
    wide = ((x > EXACT) | (x < -EXACT) if x.dtype.kind == "i" else x > EXACT).view(np.uint8)
    found, means = np.empty(spec.output.shape, np.uint8), np.empty(spec.output.shape)
    layout = Source(*spec.image.pitches())
    largest = plan_pool(replace(spec, operation="max"), found.dtype, layout, Machine())
    average = plan_pool(spec, means.dtype, layout, Machine())
    NUMPY.functions["max_pool2d"](np.ascontiguousarray(wide), found, *largest.tables, 1)
    NUMPY.functions["avg_pool2d"](converted(x, means.dtype), means, *average.tables, 1)
    return found, means


def _any(flags: NDArray[np.bool_], axis: int, n: int) -> NDArray[np.bool_]:
    """Whether any flag is set in each of the n windows along an axis that together cover it."""
    counts = np.zeros([size + (i == axis) for i, size in enumerate(flags.shape)], np.int32)
    counts = np.moveaxis(counts, axis, 0)
    np.cumsum(np.moveaxis(flags, axis, 0), axis=0, out=counts[1:])
    return np.moveaxis(counts[-n:] > counts[:n], 0, axis)


def _store(values: NDArray[np.float64], where: NDArray[np.bool_], y: NDArray[Any]) -> None:
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite
        if y.dtype == FLOAT32:
            np.copyto(y, values, casting="same_kind", where=where)
            return
    rounded = np.empty(values.shape, y.dtype)
    saturated(values, y.dtype, rounded)
    np.copyto(y, rounded, where=where)
