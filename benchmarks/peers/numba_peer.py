"""A user's loops, compiled by Numba; shown, but not a yardstick."""

from typing import Any

import numba
import numpy as np
from numba import prange

from benchmarks.cases.case import Array, Case, Filter, Pool
from benchmarks.contender import UnsupportedError

from .base import Peer, Step, colour
from .numpy_peer import PAD_MODES

_KINDS = {"max": 0, "min": 1, "avg": 2}


def _correlate(image: Any, kernel: Any, rows: Any, columns: Any) -> Any:
    """Filter an image; two tables give the source pixel of each padded position, -1 for none."""
    size = kernel.shape[0]
    height, width = len(rows), len(columns)
    padded = np.zeros((height, width), np.float32)
    for i in prange(height):
        if rows[i] >= 0:
            for j in range(width):
                if columns[j] >= 0:
                    padded[i, j] = image[rows[i], columns[j]]
    result = np.zeros((height - size + 1, width - size + 1), np.float32)
    for i in prange(result.shape[0]):
        # The innermost loop runs along the row, because the compiler vectorizes it.
        for a in range(size):
            for b in range(size):
                weight = kernel[a, b]
                for j in range(result.shape[1]):
                    result[i, j] += weight * padded[i + a, j + b]
    return result


def _keep(image: Any, inner: Any, low: float, high: float) -> Any:
    result = image.copy()
    margin = (image.shape[0] - inner.shape[0]) // 2
    for i in prange(inner.shape[0]):
        for j in range(inner.shape[1]):
            result[margin + i, margin + j] = min(max(inner[i, j], low), high)
    return result


def _pool(planes: Any, kind: int, size: int, stride: int, padding: int) -> Any:
    count, height, width = planes.shape
    down = (height + 2 * padding - size) // stride + 1
    along = (width + 2 * padding - size) // stride + 1
    result = np.empty((count, down, along), np.float32)
    for line in prange(count * down):
        plane, i = line // down, line % down
        top = i * stride - padding
        for j in range(along):
            left = j * stride - padding
            rows = range(max(top, 0), min(top + size, height))
            columns = range(max(left, 0), min(left + size, width))
            value = np.float32(0) if kind == 2 else planes[plane, rows.start, columns.start]
            for a in rows:
                for b in columns:
                    pixel = planes[plane, a, b]
                    if kind == 0:
                        value = max(value, pixel)
                    elif kind == 1:
                        value = min(value, pixel)
                    else:
                        value += pixel
            result[plane, i, j] = value / np.float32(size * size) if kind == 2 else value
    return result


class Numba(Peer):
    """The loops above."""

    name = "Numba"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        compiled = numba.njit(parallel=threads > 1)
        self._correlate, self._keep = compiled(_correlate), compiled(_keep)
        self._pool = compiled(_pool)

    def describe(self) -> dict[str, str]:
        return {"Numba": numba.__version__}

    def load(self, case: Case, image: Array) -> Any:
        if colour(case) or case.work is not None:
            raise UnsupportedError("the loops are for grey images and kernels of two axes")
        return image if case.filter is not None else image.reshape(-1, *case.spatial)

    def to_array(self, case: Case, result: Any) -> Array:
        array: Array = result
        return array.reshape(*case.shape[:-2], *array.shape[-2:])

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        rows, columns = (_sources(side, spec) for side in case.spatial)

        def bordered(image: Array) -> Any:
            return self._correlate(image, kernel, rows, columns)

        if spec.border != "keep":
            return {"loops": bordered}
        low, high = (float(limit) for limit in spec.clip or (-np.inf, np.inf))
        return {"loops": lambda image: self._keep(image, bordered(image), low, high)}

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        kind = _KINDS[spec.kind]
        # After a filter, the image is one plane.
        return {
            "loops": lambda planes: self._pool(
                planes.reshape(-1, *planes.shape[-2:]), kind, spec.size, spec.stride, spec.padding
            )
        }


def _sources(side: int, spec: Filter) -> Any:
    """Return the source pixel of each position along a padded axis."""
    places = np.arange(side)
    if spec.border in ("valid", "keep"):
        return places
    options = {"constant_values": -1} if spec.border == "constant" else {}
    mode = PAD_MODES[spec.border]
    return np.pad(places, spec.size // 2, mode, **options)
