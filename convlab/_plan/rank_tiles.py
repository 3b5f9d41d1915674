"""Tiles of the order statistics: how many rows and columns of the output a thread takes, in how much memory."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab._geometry import STORED
from convlab._spec.arguments import FLOAT32
from convlab._spec.ranking import Rank2d

from .plan import GROUP_BYTES, GROUP_ROWS, rounded_up, small_group

# Output rows in a tile, the piece of work that a thread takes.
TILE_ROWS = 24
# The widest vector of any kernel, in bytes.
VECTOR = 64
# A row of the image is cut into tiles of about STRIP bytes where it is longer than LONGEST. Under tall windows tiles
# are narrower, so that many rows of maxima fit into the caches. Tiles at the image's sides are copied: at most PACKED.
STRIP, LONGEST, NARROWEST, PACKED = 32 << 10, 64 << 10, 4 << 10, 8 << 20
BISECTED_COLUMNS = 512  # of the output in a tile of a bisected median, whose source is packed; channels count
# A median by histograms: elements of a strip's rows, each with HISTOGRAM_BYTES of counters; rows of a tile for each of
# the window's, which enter the histograms first; the area from which it is faster than bisection. Counters of a column
# have 8 bits, of a window 16.
HISTOGRAM_COLUMNS = 1024
HISTOGRAM_BYTES = 17 * 16
HISTOGRAM_ROWS = 4
HISTOGRAM_AREA = 80
# The area from which ranks are faster than bisection, by the bytes of a pixel, which is bisected bit by bit; and what a
# pixel of the window's shorter side adds to it.
BISECTED_BELOW = {1: (96, 8), 2: (64, 8), 4: (12, 0)}
# A median by ranks: pixels of a tile with its halo that are aimed at, and the most; bytes for each of them and for the
# counters of the sort; the least output lines of a tile.
RANKED_AIM, RANKED_MOST = (1 << 12, 1 << 16), 900 << 10
RANKED_BYTES, RANKED_COUNTERS = 16, 1 << 13
RANKED_LINES = 8


@dataclass(frozen=True, slots=True)
class Tiles:
    """The layout of one kernel's tiles and of its workspace; `along` says how a window of ranks slides."""

    kernel: str
    reason: str
    rows: int
    columns: int
    pitch: int
    buffers: int  # bytes beside the pointers to rows
    group_rows: int = 1
    staged: np.dtype[Any] | None = None
    along: bool = False


def _columns(width: int, pixel: int, window: tuple[int, int], rows: int) -> int:
    """Columns of a tile whose source rows are read in place: all of them, unless rows are long."""
    height, across = window
    strip = STRIP if height < 16 else max(NARROWEST, GROUP_BYTES // min(height, GROUP_ROWS))
    columns = max(strip // pixel, across)
    packed = (rows + height - 1) * (columns + across - 1) * pixel
    if width * pixel <= LONGEST or columns >= width or packed > PACKED:
        return width
    return -(-width // (width // columns))


def _packed(spec: Rank2d, columns: int, rows: int, pixel: int, window: tuple[int, int]) -> int:
    """Bytes of the copies of a tile's source rows: narrow ones, and those at the image's sides."""
    if columns < spec.region.width:
        return (rows + window[0] - 1) * rounded_up((columns + window[1] - 1) * pixel, VECTOR)
    return (rows + window[0] - 1) * VECTOR if spec.image.width * pixel < VECTOR else 0


def extremum(spec: Rank2d, pixel: int, before: int) -> Tiles:
    """Maxima and minima: groups of rows that share what their windows have in common."""
    height, window = spec.region.height, spec.size
    rows, group = TILE_ROWS, small_group(window[0]) if window[0] < 16 else GROUP_ROWS
    columns = _columns(spec.region.width, pixel, window, max(rows, group))
    pitch = rounded_up((columns + window[1] - 1) * pixel, VECTOR) + 5 * VECTOR
    if window[0] >= 16:
        most = max(8, min(window[0], GROUP_ROWS, GROUP_BYTES // pitch))
        group = -(-height // -(-height // most)) if height else most
        rows = group * max(1, TILE_ROWS // group)
    # Of windows of 3 x 3: columns near the edges, transposed, and a result.
    edges = 5 * rounded_up((TILE_ROWS + 2) * pixel + VECTOR, VECTOR) if spec.size == (3, 3) else 0
    buffers = max(group * (pitch + 2 * VECTOR), edges) + rounded_up(before * pixel, VECTOR)
    buffers += _packed(spec, columns, rows, pixel, window)
    return Tiles(
        f"{spec.operation}2d", "separable: down the columns, then along the row", rows, columns, pitch, buffers, group
    )


def _network(spec: Rank2d, pixel: int, before: int) -> Tiles:
    window = spec.size
    columns = _columns(spec.region.width, pixel, window, TILE_ROWS)
    pitch = rounded_up((columns + window[1] - 1) * pixel, VECTOR) + 5 * VECTOR
    buffers = 2 * pitch  # rows with NaN
    if window[0] == 3:
        packed = (TILE_ROWS + 2) * pitch
        buffers = max(buffers, packed, 5 * rounded_up((TILE_ROWS + 2) * pixel + VECTOR, VECTOR))
    else:
        pairs = rounded_up(3 * pixel + 17 * VECTOR, VECTOR)
        buffers = max(buffers, 5 * pitch + 10 * pairs + rounded_up(before * pixel, VECTOR))
    buffers += _packed(spec, columns, TILE_ROWS, pixel, window)
    name = f"median2d_{window[0]}x{window[1]}"
    return Tiles(name, "a sorting network in registers", TILE_ROWS, columns, pitch, buffers)


def _histogram(spec: Rank2d, step: int) -> Tiles:
    height, width = spec.size
    rows = HISTOGRAM_ROWS * height
    columns = min(spec.region.width, max(HISTOGRAM_COLUMNS // step, width))
    pitch = rounded_up((columns + width - 1) * step, VECTOR)
    buffers = (2 + HISTOGRAM_BYTES) * pitch + 2 * columns + VECTOR
    reason = "histograms of columns cost the same for every window"
    return Tiles("median2d_histogram", reason, rows, columns, pitch, buffers)


def _ranked(spec: Rank2d) -> tuple[int, int] | None:
    """Rows and columns of the output in a tile whose pixels are sorted; None where it would hold too many."""
    along = spec.size[0] < spec.size[1]
    (line, lines), (most_across, most_along) = spec.size, (max(n, 1) for n in (spec.region.height, spec.region.width))
    if not along:
        line, lines, most_across, most_along = lines, line, most_along, most_across
    least, most = RANKED_AIM
    aim = min(max(64 * line * lines, least), most)
    for across in (1 if line == 1 else max(32, 3 * line // 2), line // 2, line // 4, line // 8):
        across = max(min(across, most_across), 1)
        pixels = across + line - 1
        slides = min(max(aim // pixels - lines + 1, 2 * lines), most_along, RANKED_MOST // pixels - lines + 1)
        if slides >= min(max(RANKED_LINES, lines // 16), most_along):
            across = -(-most_across // -(-most_across // across))
            slides = -(-most_along // -(-most_along // slides))
            return (across, slides) if along else (slides, across)
    return None


def _ranked_tiles(spec: Rank2d, tile: tuple[int, int], itemsize: int) -> Tiles:
    sides = [n + k - 1 for n, k in zip(tile, spec.size, strict=True)]
    pixels = math.prod(sides)
    rows = 4 * rounded_up(sides[1] * spec.image.step * 4, VECTOR)
    buffers = RANKED_COUNTERS + rounded_up(pixels // 8, VECTOR) + RANKED_BYTES * pixels + rows + VECTOR
    reason = "ranks of sorted tiles cost in proportion to the window's shorter side"
    return Tiles("median2d_ranked", reason, *tile, 0, buffers, along=spec.size[0] < spec.size[1])


def _bisected(spec: Rank2d, source: np.dtype[Any], reason: str) -> Tiles:
    area, step = math.prod(spec.size), spec.image.step
    # Its lanes must count the pixels of a window.
    if source == np.uint8 and area < 1 << 8:
        staged = source
    else:
        staged = np.dtype(np.uint16) if source != FLOAT32 and area < 1 << 16 else FLOAT32
    columns = min(spec.region.width, max(1, BISECTED_COLUMNS // step))
    elements = (columns + spec.size[1] - 1) * step
    pitch = rounded_up(elements * staged.itemsize, VECTOR) + 5 * VECTOR
    buffers = (TILE_ROWS + spec.size[0]) * pitch + 2 * rounded_up(elements * 4, VECTOR) + 2 * VECTOR
    return Tiles("median2d", reason, TILE_ROWS, columns, pitch, buffers, staged=staged)


def median(spec: Rank2d, source: np.dtype[Any], before: int) -> Tiles:
    """A sorting network, histograms, ranks, or bisection where none of them serves."""
    area, step = math.prod(spec.size), spec.image.step
    if spec.size in ((3, 3), (5, 5)):
        return _network(spec, source.itemsize * step, before)
    if source == np.uint8 and HISTOGRAM_AREA <= area < 1 << 16 and spec.size[0] < 1 << 8:
        return _histogram(spec, step)
    if source not in STORED:
        return _bisected(spec, source, "NumPy selects from each window: there is no compiled kernel for this dtype")
    few, more = BISECTED_BELOW[source.itemsize]
    if area < few + more * min(spec.size):
        return _bisected(spec, source, "bisection of the values' bits is the fastest for small windows")
    tile = _ranked(spec)
    if tile is None:
        return _bisected(spec, source, "bisection of the values' bits: a sorted tile exceeds the workspace")
    return _ranked_tiles(spec, tile, source.itemsize)
