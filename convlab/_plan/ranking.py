"""Plans of order statistics over images."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._geometry import NUMPY_BLOCK, STORED, RankGeometry
from convlab._spec import ranking
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.ranking import Rank2d, WindowOptions

from . import rank_bands, rank_tiles
from .cache import remembered
from .plan import Machine, Plan, pitches_of, rounded_up, threads_for
from .rank_bands import Bands
from .rank_tiles import VECTOR


def _reached(spec: Rank2d) -> Rank2d:
    """The same maximum or minimum of a window that is cut to where it has seen every pixel of an axis on each side."""
    if not spec.separable or spec.border in ("valid", "keep"):
        return spec
    above, below, before, after = spec.border_sizes
    limits = 2 * spec.image.height, 2 * spec.image.width
    rows, columns = min(above, limits[0]), min(before, limits[1])
    size = rows + 1 + min(below, limits[0]), columns + 1 + min(after, limits[1])
    return spec if size == spec.size else replace(spec, size=size, anchor=(rows, columns))


def _place(dtype: np.dtype[Any]) -> int:
    """A dtype's place in STORED; -1 for what NumPy reads."""
    return STORED.index(dtype) if dtype in STORED else -1


def plan_rank2d(spec: Rank2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine) -> Plan[Rank2d]:
    """A separable maximum or minimum; a median by a sorting network, by histograms, by ranks or by bisection."""
    whole, spec = spec, _reached(spec)
    image, region, step = spec.image, spec.region, spec.image.step
    above, below, before, after = spec.border_sizes
    window_height, window_width = spec.size
    pixel = source.itemsize * step
    tiles = (
        rank_tiles.median(spec, source, before)
        if spec.operation == "median"
        else rank_tiles.extremum(spec, pixel, before)
    )
    slots = tiles.rows + window_height - 1
    narrow = VECTOR if image.width * pixel < VECTOR else 0
    workspace = rounded_up(slots * (8 + narrow) + tiles.buffers + 8 * VECTOR, VECTOR)

    buffers = rounded_up((tiles.columns + window_width - 1) * pixel, VECTOR) + VECTOR  # a row of the constant
    borders = [
        _borders.source_indices(spec.border, size, first, last)
        for size, first, last in (
            (image.height, -above, 0),
            (image.height, image.height, image.height + below),
            (image.width, -before, 0),
            (image.width, image.width, image.width + after),
        )
    ]
    geometry = RankGeometry(
        region.planes, image.height, image.width, region.height, region.width, step,
        *(pitches or image.pitches()), *spec.output.pitches(),
        above, below, before, after, window_height, window_width,
        -(-region.height // tiles.rows) * -(-region.width // max(tiles.columns, 1)), tiles.rows, tiles.columns,
        tiles.group_rows, tiles.pitch, workspace,
        _place(source), _place(tiles.staged or source), tiles.along,
    )  # fmt: skip
    cval = np.array([spec.cval]).astype(spec.dtype).astype(source)
    compiled = source in STORED
    if not compiled:
        workspace = 8 * min(NUMPY_BLOCK, math.prod(image.shape) + math.prod(spec.size)) * source.itemsize
    return Plan(
        spec=whole,
        kernel=tiles.kernel,
        reason=tiles.reason,
        threads=threads_for(whole, machine, workspace, buffers) if compiled else 1,
        tile=(min(tiles.rows, region.height), tiles.columns),
        workspace=workspace,
        buffers=buffers,
        convert=pitches is None,
        plain=(pitches is not None and spec.dtype is source and spec.border != "keep" and compiled),
        source=source,
        compiled=compiled,
        in_lesson=False,
        shape=spec.output.shape,
        tables=(
            np.array(geometry, np.intp),
            np.concatenate(borders),
            cval,
        ),
    )


def _source(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What a kernel reads: the dtype itself, or one of STORED that holds all its values in their order."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind == "i" and dtype.itemsize == 1:
        return np.dtype(np.int16)
    return FLOAT32 if dtype == np.float16 else dtype


@lru_cache(maxsize=64)
def plan_band(bands: Bands, shape: tuple[int, ...], source: np.dtype[Any], machine: Machine) -> list[Plan[Rank2d]]:
    """The plans of a band whose result has this shape, one after another."""
    filters = rank_bands.band_specs(bands, shape)
    return [plan_rank2d(replace(part, dtype=source), source, part.image.pitches(), machine) for part in filters]


def _in_bands(bands: Bands, source: np.dtype[Any], machine: Machine) -> Plan[Rank2d]:
    """A plan that runs other plans; they need what the one of the largest band does, or less."""
    spec = bands.spec
    largest = max(plan_band(bands, bands.shape, source, machine), key=lambda part: part.workspace * part.threads)
    return replace(
        largest,
        spec=spec,
        reason=f"{largest.reason}; in bands: {bands.reason}",
        buffers=largest.buffers + rank_bands.band_bytes(bands, source.itemsize),
        convert=False,
        plain=False,
        shape=spec.output.shape,
        bands=bands,
    )


@remembered(WindowOptions)
def rank2d(x: NDArray[Any], _: None, options: WindowOptions) -> Plan[Rank2d]:
    """Make the plan of an order statistic, or raise the error for a wrong argument."""
    check_dtype("image", x.dtype)
    spec = ranking.rank2d(x.shape, x.dtype, options)
    cut = _reached(spec)
    source = _source(spec.dtype)
    stored = x.view(np.uint8) if spec.dtype.kind == "b" else x
    pitches = pitches_of(spec.image, stored, source)
    image = spec.image
    row_pitches = (pitches or image.pitches())[1], spec.output.pitches()[1]
    contiguous = row_pitches == (image.width * image.step,) * 2
    row = rank_bands.folded(cut, source.itemsize) if contiguous else None
    bands = rank_bands.bands_of(cut, source.itemsize, pitches is not None, row is not None)
    if bands is not None:
        return replace(_in_bands(bands, source, Machine()), spec=spec)
    if row is None:
        plan = plan_rank2d(spec, source, pitches, Machine())
    else:
        plan = plan_rank2d(row, source, None if pitches is None else (pitches[0], image.height * pitches[1]), Machine())
        plan = replace(plan, spec=spec, shape=spec.output.shape)
    converted = pitches is None, source is not spec.dtype and spec.dtype.kind != "b"
    copies = math.prod(image.shape) * converted[0] + math.prod(spec.output.shape) * converted[1]
    return replace(plan, buffers=plan.buffers + copies * source.itemsize)
