"""Plans of correlation by transforms: the size of a tile, and how many are computed at once."""

import math

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._importing import scipy_fft
from convlab._spec.filtering import Filter2d

from .plan import WORKSPACE_LIMIT, Machine, Plan, threads_for

# The largest side of a transform, where the kernel does not want more: below 512 the overlap costs, above 768 the
# caches do (measured with 31 x 31 and 63 x 63 taps on pictures of 256 to 2048 pixels a side).
TILE_SIDE = 640
# The window, its transform, the kernel's, and the inverse's two: floats for each pixel of a tile.
ARRAYS = 5
# The same of a part of a tile that is transformed in double, beside the tile's own window; one of the two is rounded.
DOUBLE_ARRAYS = 9


def plan_fft(
    spec: Filter2d,
    machine: Machine,
    taps: NDArray[np.float32],
    reason: str,
    considered: tuple[tuple[str, str], ...],
) -> Plan[Filter2d]:
    """Overlapping tiles of the picture, as few as the limit on memory allows."""
    limit = WORKSPACE_LIMIT if spec.workspace_limit is None else spec.workspace_limit
    (kernel_height, kernel_width), region, side = spec.kernel_shape, spec.region, TILE_SIDE
    while True:
        height, rows = _sides(region.height, kernel_height, side)
        width, columns = _sides(region.width, kernel_width, side)
        buffers = 4 * ARRAYS * rows * (columns + 2)
        if buffers <= limit or side < 16:
            break
        side //= 2
    if spec.workspace_limit is not None and buffers > limit:
        raise _errors.workspace(limit, "fft", buffers)
    tiles = spec.image.planes * spec.image.step * -(-region.height // height) * -(-region.width // width)
    at_once = max(1, min(threads_for(spec, machine), tiles, limit // buffers))
    return Plan(
        spec=spec,
        kernel="correlate2d_fft",
        algorithm="fft",
        reason=reason,
        considered=considered,
        threads=at_once,
        tile=(height, width),
        workspace=buffers,
        convert=False,
        source=np.dtype(np.float32),
        shape=spec.result_shape,
        tables=(np.array((rows, columns), np.intp), _in_double(spec, (height, width), rows * columns)),
        taps=taps,
    )


def tiles_of(spec: Filter2d) -> int:
    """Return how many tiles cover the picture, if memory does not limit them."""
    tiles = spec.image.planes * spec.image.step
    for n, kernel in zip((spec.region.height, spec.region.width), spec.kernel_shape, strict=True):
        tiles *= -(-n // max(TILE_SIDE - kernel + 1, kernel))
    return max(tiles, 1)


def _in_double(spec: Filter2d, tile: tuple[int, int], pixels: int) -> NDArray[np.intp]:
    """Sides of a transform in double and of its part of a tile, which need no more memory than the tile in float32."""
    pieces = 1
    while True:
        part = [-(-n // pieces) for n in tile]
        sides = [_side(n, kernel) for n, kernel in zip(part, spec.kernel_shape, strict=True)]
        if DOUBLE_ARRAYS * sides[0] * (sides[1] + 2) <= (ARRAYS - 1) * pixels or max(part) == 1:
            return np.array((*sides, *part), np.intp)
        pieces += 1


def _side(tile: int, kernel: int) -> int:
    """One axis of the transform that a tile of the output takes."""
    return int(scipy_fft().next_fast_len(tile + kernel - 1, real=True))


def _sides(n: int, kernel: int, most: int) -> tuple[int, int]:
    """One axis of a tile of the output, and of the transform that it takes."""
    tile = _tile(n, kernel, most)
    return tile, _side(tile, kernel)


def _tile(n: int, kernel: int, most: int) -> int:
    n = max(n, 1)  # border="keep" may leave nothing to compute
    tiles = -(-n // max(most - kernel + 1, kernel))
    return -(-n // tiles)


def points(spec: Filter2d) -> float:
    """Points of a tile's window for each pixel of the tile: many where the image is thinner than the kernel."""
    sides = zip((spec.region.height, spec.region.width), spec.kernel_shape, strict=True)
    tiles = [(_tile(n, kernel, TILE_SIDE), kernel) for n, kernel in sides]
    return math.prod((tile + kernel - 1) / tile for tile, kernel in tiles)
