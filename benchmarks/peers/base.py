"""What all peers share: a filter, a pooling, or one after the other, in every configuration.

A peer is given its best fair configuration: whatever can be made ahead is, and where a library has
several ways to do the work, all are tried and the fastest on this machine is timed. Where a library
lacks a border or a pooling, it is put together from what it has, as its user would.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from benchmarks.cases.banks import Bank
from benchmarks.cases.case import Array, Case, Filter, Inputs, Pool
from benchmarks.cases.conv import Conv
from benchmarks.cases.dropins import DropIn
from benchmarks.cases.pools import Pooling
from benchmarks.cases.ranks import Rank
from benchmarks.cases.separables import Separable
from benchmarks.cases.work import Work
from benchmarks.contender import Call, UnsupportedError

from .bank_peers import bank_ways
from .pool_peers import pool_ways
from .rank_peers import rank_ways
from .separable_peers import separable_ways

# From an image (in the library's own type) to a new one.
Step = Callable[[Any], Any]


class Peer:
    """One library. Subclasses say how it filters and how it pools."""

    name: ClassVar[str]

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def describe(self) -> dict[str, str]:
        """Return the versions of what it runs on."""
        raise NotImplementedError

    def served_by(self) -> str:
        """Return what did the work: the library does not tell."""
        return ""

    def load(self, case: Case, image: Array) -> Any:
        """Turn the input into the library's own type, outside the measured time."""
        return image

    def to_array(self, case: Case, result: Any) -> Array:
        """Turn the output into an array, outside the measured time."""
        array: Array = np.asarray(result)
        return array

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        """Return the ways to filter, by name."""
        raise NotImplementedError

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        """Return the ways to pool, by name."""
        raise NotImplementedError

    def ways(self, case: Case, work: Work) -> dict[str, Step]:
        """Return the ways to do what is neither a filter nor a pooling."""
        if isinstance(work, Separable):
            return separable_ways(self.name, case, work)
        if isinstance(work, Rank):
            return rank_ways(self.name, case, work)
        if isinstance(work, Bank):
            return bank_ways(self.name, work)
        if isinstance(work, DropIn) and self.name == "SciPy":
            return {f"{work.module}.{work.function}": work.by("scipy")}
        raise UnsupportedError("nobody has written it down for this library")

    def convolutions(self, conv: Conv, image: Array, kernel: Array) -> dict[str, Call]:
        """Return the ways to convolve a tensor, by name."""
        raise UnsupportedError("it has no convolution of tensors")

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return the ways to do the case's work."""
        if case.work is not None:
            work = case.work
            ways = pool_ways(self.name, work, inputs) if isinstance(work, Pooling) else self.ways(case, work)
            picture = self.load(case, inputs.image)
            return {name: lambda step=step: step(picture) for name, step in ways.items()}  # type: ignore[misc]
        if case.conv is not None and inputs.kernel is not None:
            return self.convolutions(case.conv, inputs.image, inputs.kernel)
        image = self.load(case, inputs.image)
        filters: dict[str, Step] = {}
        pools: dict[str, Step] = {}
        if case.filter is not None and inputs.kernel is not None:
            filters = self.filters(case, case.filter, inputs.kernel)
        if case.pool is not None:
            pools = self.pools(case, case.pool)
        if filters and pools:
            return {
                f"{one}, {other}": lambda first=first, second=second: second(first(image))  # type: ignore[misc]
                for one, first in filters.items()
                for other, second in pools.items()
            }
        return {
            name: lambda step=step: step(image)  # type: ignore[misc]
            for name, step in (filters or pools).items()
        }


def colour(case: Case) -> bool:
    """Return whether the channels come last."""
    return case.channel_axis == -1


def window(rows: slice, columns: slice, channels_last: bool) -> tuple[Any, ...]:
    """Return the index that cuts rows and columns out of an image or a batch."""
    return (rows, columns) if channels_last else (..., rows, columns)


def interior(margin: int, channels_last: bool) -> tuple[Any, ...]:
    """Return the index of what lies within the edges."""
    return window(slice(margin, -margin), slice(margin, -margin), channels_last)


def copy_frame(source: Any, target: Any, margin: int, channels_last: bool) -> None:
    """Copy the four edges that the border `keep` leaves as they are."""
    whole, first, last = slice(None), slice(margin), slice(-margin, None)
    for rows, columns in ((first, whole), (last, whole), (whole, first), (whole, last)):
        edge = window(rows, columns, channels_last)
        target[edge] = source[edge]


def widths(case: Case, margin: int) -> list[tuple[int, int]]:
    """Return the padding of every axis, as `numpy.pad` takes it."""
    both = (margin, margin)
    if colour(case):
        return [both, both, (0, 0)]
    return [(0, 0)] * (len(case.shape) - 2) + [both, both]


def steps(spec: Pool, side: int) -> list[slice]:
    """Return what each place in a window meets along an axis of so many pixels."""
    last = (side - spec.size) // spec.stride * spec.stride + 1
    return [slice(first, first + last, spec.stride) for first in range(spec.size)]


def taken(spec: Pool, height: int, width: int) -> tuple[slice, slice]:
    """Return which outputs of a centred filter are the pool's: one each stride.

    The window of a filter's output at `i` begins at `i - size // 2`, as in SciPy and OpenCV.
    """
    first = spec.size // 2 - spec.padding
    rows, columns = (
        slice(first, first + side + 2 * spec.padding - spec.size + 1, spec.stride) for side in (height, width)
    )
    return rows, columns
