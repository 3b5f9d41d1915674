"""What a kernel's values allow a plan to do."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one kernel's taps."""

    finite: bool
    zeros: int
    box: bool  # all taps are equal
    factors: tuple[Vector, Vector] | None  # (down, along) whose outer product it is, within float32's rounding

    def __str__(self) -> str:
        found = [
            "rank 1" if self.factors is not None else "",
            "a box" if self.box else "",
            f"{self.zeros} of the taps are 0" if self.zeros else "",
            "" if self.finite else "not finite",
        ]
        return ", ".join(filter(None, found)) or "nothing that helps"


def facts(taps: NDArray[np.float32]) -> Facts:
    """Look at a kernel, shape (kh, kw)."""
    return Facts(
        finite=bool(np.isfinite(taps).all()),
        zeros=int(np.count_nonzero(taps == 0)),
        box=taps.size > 1 and bool((taps == taps.flat[0]).all()),
        factors=factors(taps),
    )


def factors(taps: NDArray[np.float32]) -> tuple[Vector, Vector] | None:
    """Two vectors whose outer product is the kernel, each tap within four units of float32's rounding; or None."""
    if min(taps.shape) < 2 or not np.isfinite(taps).all():
        return None
    w = taps.astype(np.float64)
    row, column = np.unravel_index(np.argmax(np.abs(w)), w.shape)
    pivot = w[row, column]
    if pivot == 0:
        return None
    if np.all(w == np.rint(w)) and np.abs(w).max() < 2**24:
        # Whole taps have whole factors, whose sums over whole pixels stay exact.
        scale = float(np.gcd.reduce(w[:, column].astype(np.int64)))
    else:
        # Of like size, so that neither sum overflows where the whole would not.
        scale = 2.0 ** round(math.log2(abs(pivot)) / 2)
    down, along = w[:, column] / scale, w[row] * (scale / pivot)
    if np.any(np.abs(np.outer(down, along) - w) > 4 * np.finfo(np.float32).eps * np.abs(w)):
        return None
    return down.astype(np.float32), along.astype(np.float32)
