"""What a kernel's values allow a plan to do."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
# The sum of a column's taps, as a power of two, where those of the kernel are of size 1: pixels below 2**96 do not
# overflow in it.
COLUMN_SUM = 32


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
    """Two vectors whose outer product is the kernel, each tap within four units of float32's rounding; or None.

    The sums down the columns must not lose what the whole sums would hold. So they are scaled up, by a power of two,
    until what they lose as subnormal numbers counts less than once. (The kernel takes care of those that overflow.)
    """
    if min(taps.shape) < 2 or not np.isfinite(taps).all():
        return None
    w = taps.astype(np.float64)
    row, column = np.unravel_index(np.argmax(np.abs(w)), w.shape)
    pivot = w[row, column]
    if pivot == 0:
        return None
    whole = bool(np.all(w == np.rint(w))) and np.abs(w).max() < 2**24
    if whole:  # Whole taps have whole factors, whose sums over whole pixels, and over subnormal ones, are exact.
        scale = float(np.gcd.reduce(w[:, column].astype(np.int64)))
    else:
        gain = math.ceil(math.log2(np.abs(w).sum()))
        scale = 2.0 ** (round(math.log2(np.abs(w[:, column]).sum())) - max(COLUMN_SUM + min(gain, 0) // 2, gain))
    with np.errstate(all="ignore"):
        down = (w[:, column] / scale).astype(np.float32)
        along = (w[row] * (scale / pivot)).astype(np.float32)
        error = np.abs(np.outer(down.astype(np.float64), along) - w)
    if not np.all(error <= 4 * np.finfo(np.float32).eps * np.abs(w)):  # nor NaN, of factors that float32 cannot hold
        return None
    return down, along
