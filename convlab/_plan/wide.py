"""Plans of windows that hold integers beyond float32's: sums in double, tile by tile.

Every integer up to 2**24 in magnitude is a float32, and every one up to 2**53 a double.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._spec.filtering import Filter2d

from .plan import WORKSPACE_LIMIT

DTYPES = tuple(np.dtype(t) for t in (np.int32, np.uint32, np.int64, np.uint64))
# Pixels of a tile: enough that NumPy's calls cost little, and few enough for the caches.
TILE_PIXELS, TILE_COLUMNS = 1 << 16, 2048
# Bytes of a tile's arrays, unless the limit on memory is lower.
TILE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """The taps in double, and the tiles of the output that are summed with them."""

    kernels: NDArray[np.float64] | None = None  # (K, kh, kw)
    downs: NDArray[np.float64] | None = None  # (1 or 2, kh), of column and row
    alongs: NDArray[np.float64] | None = None  # (1 or 2, kw)
    tile: tuple[int, int] = (0, 0)
    workspace: int = 0

    @property
    def considered(self) -> tuple[str, str]:
        """For `convlab.explain`: when these sums are made."""
        return "double", f"it is for windows that hold an integer beyond 2**24, in {self.workspace:,} bytes"


def wide_for(
    spec: Filter2d,
    dtype: np.dtype[Any],
    *,
    kernels: NDArray[Any] | None = None,
    downs: NDArray[Any] | None = None,
    alongs: NDArray[Any] | None = None,
) -> Wide | None:
    """What an image of this dtype may need; None where float32 holds all that it holds, or rounds it as documented."""
    if dtype.newbyteorder("=") not in DTYPES:
        return None
    tile, needed = _tile(spec)
    doubles = [None if taps is None else np.array(taps, np.float64) for taps in (kernels, downs, alongs)]
    return Wide(kernels=doubles[0], downs=doubles[1], alongs=doubles[2], tile=tile, workspace=needed)


def _tile(spec: Filter2d) -> tuple[tuple[int, int], int]:
    """Rows and columns of a tile, and the bytes of its arrays."""
    limit = WORKSPACE_LIMIT if spec.workspace_limit is None else spec.workspace_limit
    columns = max(1, min(spec.region.width, TILE_COLUMNS))
    rows = max(1, min(spec.region.height, TILE_PIXELS // columns))
    kernel_width = spec.kernel_shape[1]
    while True:
        needed = _bytes(spec, rows, columns)
        if needed <= min(limit, TILE_BYTES) or rows * columns == 1:
            break
        if columns > max(kernel_width, 1) or rows == 1:
            columns = -(-columns // 2)
        else:
            rows = -(-rows // 2)
    if spec.workspace_limit is not None and needed > limit:
        raise _errors.workspace(limit, "double", needed)
    return (rows, columns), needed


def _bytes(spec: Filter2d, rows: int, columns: int) -> int:
    """Sources of twice the rows, their magnitudes and counts, sums down the columns; sums and what finishes them."""
    read = columns + spec.kernel_shape[1] - 1
    masks = 2 if spec.masked else 1
    return 8 * rows * ((6 * masks + 3) * read + (masks * (spec.kernels or 1) + 6) * columns) + 16 * read
