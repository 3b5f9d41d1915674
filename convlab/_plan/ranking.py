"""Plans of order statistics over images."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._geometry import STORED, RankGeometry
from convlab._spec import ranking
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.ranking import Rank2d

from .cache import remembered
from .plan import GROUP_BYTES, GROUP_ROWS, Machine, Plan, pitches_of, rounded_up, small_group, threads_for

# Output rows in a tile, the piece of work that a thread takes.
TILE_ROWS = 24
# The widest vector of any kernel, in bytes.
VECTOR = 64
BISECTED_COLUMNS = 512  # of the output in a tile of a bisected median, whose source is staged; channels count
# A median by histograms: elements of a strip's rows, each with HISTOGRAM_BYTES of counters; rows of a tile for each of
# the window's, which enter the histograms first; the area from which it is faster than bisection. Counters of a column
# have 8 bits, of a window 16.
HISTOGRAM_COLUMNS = 1024
HISTOGRAM_BYTES = 17 * 16
HISTOGRAM_ROWS = 4
HISTOGRAM_AREA = 80


def _reach(size: int, before: int, after: int) -> tuple[int, int]:
    """How far a maximum's window reaches, cut to where it has seen every pixel of the axis on that side."""
    return min(before, 2 * size), min(after, 2 * size)


def _staged(source: np.dtype[Any], area: int) -> np.dtype[Any]:
    """What a bisected median is staged as: its lanes must count the pixels of a window."""
    if source == np.uint8 and area < 1 << 8:
        return source
    return np.dtype(np.uint16) if source != FLOAT32 and area < 1 << 16 else FLOAT32


def plan_rank2d(spec: Rank2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine) -> Plan[Rank2d]:
    """A separable maximum or minimum; a median by a sorting network, by histograms or by bisection."""
    image, region, step = spec.image, spec.region, spec.image.step
    above, below, before, after = spec.border_sizes
    window_height, window_width = spec.size
    if spec.operation != "median":
        rows, columns = above + below, before + after
        (above, below), (before, after) = _reach(image.height, above, below), _reach(image.width, before, after)
        window_height -= rows - above - below
        window_width -= columns - before - after
    pixel = source.itemsize * step
    network = spec.operation == "median" and spec.size in ((3, 3), (5, 5))
    area = math.prod(spec.size)
    histogram = source == np.uint8 and HISTOGRAM_AREA <= area < 1 << 16 and window_height < 1 << 8
    pitch = rounded_up((before + image.width + after) * pixel, VECTOR) + 5 * VECTOR

    group_rows, tile_rows, tile_columns, staged = 1, TILE_ROWS, region.width, source
    narrow = VECTOR if image.width * pixel < VECTOR else 0
    # Of windows of 3 x 3: columns near the edges, turned, and a result.
    edges = 5 * rounded_up((TILE_ROWS + 2) * pixel + VECTOR, VECTOR)
    if spec.operation != "median":
        if window_height < 16:
            group_rows = small_group(window_height)
        else:
            most = max(8, min(window_height, GROUP_ROWS, GROUP_BYTES // pitch))
            group_rows = -(-region.height // -(-region.height // most)) if region.height else most
            tile_rows = group_rows * max(1, TILE_ROWS // group_rows)
        buffers = max(group_rows * (pitch + 2 * VECTOR), edges if spec.size == (3, 3) else 0)
    elif network:
        staged_rows = TILE_ROWS + 2 if (image.width - 2) * pixel < VECTOR else 0
        pairs = rounded_up(3 * pixel + 17 * VECTOR, VECTOR)
        buffers = pitch + max(edges, staged_rows * pitch) if window_height == 3 else 5 * pitch + 10 * pairs
    elif histogram:
        tile_rows = HISTOGRAM_ROWS * window_height
        tile_columns = min(region.width, max(HISTOGRAM_COLUMNS // step, window_width))
        pitch = rounded_up((tile_columns + window_width - 1) * step, VECTOR)
        buffers = (2 + HISTOGRAM_BYTES) * pitch + 2 * tile_columns + VECTOR
    else:
        staged = _staged(source, area)
        tile_columns = min(region.width, max(1, BISECTED_COLUMNS // step))
        pitch = rounded_up((tile_columns + window_width - 1) * step * staged.itemsize, VECTOR) + 5 * VECTOR
        buffers = (TILE_ROWS + window_height) * pitch + rounded_up((before + image.width + after) * pixel, VECTOR)
    slots = tile_rows + window_height - 1
    workspace = rounded_up(
        8 * slots + slots * narrow + rounded_up(before * pixel, VECTOR) + buffers + 8 * VECTOR, VECTOR
    )
    tiles = -(-region.height // tile_rows) * -(-region.width // max(tile_columns, 1))

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
        tiles, tile_rows, tile_columns, group_rows, pitch, workspace,
        *(STORED.index(dtype) if dtype in STORED else -1 for dtype in (source, staged)),
    )  # fmt: skip
    cval = np.array([spec.cval]).astype(spec.dtype).astype(source)
    if spec.operation != "median":
        kernel, reason = f"{spec.operation}2d", "separable: down the columns, then along the row"
    elif network:
        kernel, reason = f"median2d_{window_height}x{window_width}", "a sorting network in registers"
    elif histogram:
        kernel, reason = "median2d_histogram", "histograms of columns cost the same for every window"
    else:
        kernel, reason = "median2d", "bisection of the values' bits serves every size and dtype"
    compiled = source.itemsize < 4 or source is FLOAT32
    return Plan(
        spec=spec,
        kernel=kernel,
        reason=reason,
        threads=threads_for(spec, machine, workspace),
        tile=(min(tile_rows, region.height), tile_columns),
        workspace=workspace,
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


@remembered
def rank2d(x: NDArray[Any], _: None, *options: Any) -> Plan[Rank2d]:
    """The plan for an order statistic's arguments, the image and the operation first; errors for wrong ones."""
    check_dtype("image", x.dtype)
    spec = ranking.rank2d(x.shape, x.dtype, *options)
    source = _source(spec.dtype)
    stored = x.view(np.uint8) if spec.dtype.kind == "b" else x
    return plan_rank2d(spec, source, pitches_of(spec.image, stored, source), Machine())
