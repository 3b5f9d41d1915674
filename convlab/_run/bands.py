"""Plans in bands: some rows of the image are converted, filtered, and converted again if they must."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import STORED
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d

from .arrays import saturated

Mask = NDArray[np.bool_] | None
Run = Callable[[Plan[Any], NDArray[Any], Mask, NDArray[Any]], None]


def run_bands(plan: Plan[Any], spec: Filter2d, x: NDArray[Any], mask: Mask, y: NDArray[Any], run: Run) -> None:
    """Fill y, the region of the output that is computed; `run` does one band, of floats, into its result."""
    axis = spec.image.row_axis
    before = (slice(None),) * (axis + (spec.kernels is not None))
    for band in plan.bands:
        source = _rows(x, axis, band.source, FLOAT32, spec.cval)
        part = y[(*before, slice(band.first, band.first + band.rows))]
        result = part if spec.dtype in STORED else np.empty(part.shape, FLOAT32)
        hidden = None
        if mask is not None:
            hidden = _rows(mask, axis if mask.ndim == x.ndim else 0, band.source, mask.dtype, True)
        run(band.plan, source, hidden, result)
        if result is not part:
            saturated(result, spec.dtype, part)


def _rows(x: NDArray[Any], axis: int, rows: NDArray[np.intp], dtype: np.dtype[Any], cval: float) -> NDArray[Any]:
    """The given rows of x, -1 the constant, converted."""
    result = np.empty((*x.shape[:axis], len(rows), *x.shape[axis + 1 :]), dtype)
    before = (slice(None),) * axis
    # Neighbours are converted in one go.
    breaks = np.flatnonzero((np.diff(rows) != 1) | (rows[:-1] < 0)) + 1
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        for start, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
            first = int(rows[start])
            result[(*before, slice(start, end))] = (
                cval if first < 0 else x[(*before, slice(first, first + end - start))]
            )
    return result
