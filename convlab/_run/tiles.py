"""Parts of an image with the border that their windows reach."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def fill(
    window: NDArray[np.floating[Any]],
    plane: NDArray[Any],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    cval: float,
) -> None:
    """Copy the given rows and columns of a plane, -1 the constant, as floats: what lies inside in one go."""
    top, bottom = inside_of(rows)
    left, right = inside_of(columns)
    first, last = (int(columns[left]), int(columns[right - 1]) + 1) if left < right else (0, 0)
    around = np.concatenate([np.arange(top), np.arange(bottom, len(rows))])
    beside = np.concatenate([np.arange(left), np.arange(right, len(columns))])
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        if top < bottom:
            window[top:bottom, left:right] = plane[int(rows[top]) : int(rows[bottom - 1]) + 1, first:last]
        window[around, left:right] = plane[rows[around], first:last]
        wanted = columns[beside]
        if wanted.size and first <= wanted.min() and wanted.max() < last:  # columns of this very window, mostly
            window[:, beside] = np.take(window, wanted - first + left, axis=1)
        else:
            window[:, beside] = plane[rows[:, None], wanted]
    window[rows < 0] = cval
    window[:, columns < 0] = cval


def inside_of(indices: NDArray[np.intp]) -> tuple[int, int]:
    """The longest run of neighbours among the indices, which an axis's inside is."""
    breaks = np.flatnonzero((np.diff(indices) != 1) | (indices[:-1] < 0)) + 1
    starts = np.r_[0, breaks]
    ends = np.r_[breaks, len(indices)]
    longest = int(np.argmax(ends - starts))
    first, last = int(starts[longest]), int(ends[longest])
    return (first, last) if indices[first] >= 0 else (0, 0)
