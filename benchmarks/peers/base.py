"""Common parts of all peers: a filter, a pooling, or one after the other, in every configuration.

A peer gets its best fair configuration: objects are prepared before if possible, and if a library
has several ways to do the work, the fastest on this machine is timed. If a library lacks a border or
a pooling, it is composed of the library's functions, as a user would do it.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from benchmarks.cases.banks import Bank
from benchmarks.cases.case import Array, Case, Filter, Inputs, Pool
from benchmarks.cases.conv import Conv
from benchmarks.cases.dropins import DropIn
from benchmarks.cases.gradients import Gradient
from benchmarks.cases.pools import Pooling
from benchmarks.cases.ranks import Rank
from benchmarks.cases.separables import Separable
from benchmarks.cases.work import Work
from benchmarks.contender import Call, UnsupportedError

from .bank_peers import bank_ways
from .gradient_peers import gradient_ways
from .pool_peers import pool_ways
from .rank_peers import rank_ways
from .separable_peers import separable_ways

# A function from an image (in the library's type) to a new one.
Step = Callable[[Any], Any]


class Peer:
    """One library. Subclasses define its ways to filter and to pool."""

    name: ClassVar[str]

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def describe(self) -> dict[str, str]:
        """Return the versions of its libraries."""
        raise NotImplementedError

    def served_by(self) -> str:
        """Return an empty string, because the library does not name its kernel."""
        return ""

    def load(self, case: Case, image: Array) -> Any:
        """Convert the input to the library's type, outside the measured time."""
        return image

    def to_array(self, case: Case, result: Any) -> Array:
        """Convert the output to an array, outside the measured time."""
        array: Array = np.asarray(result)
        return array

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        """Return the ways to filter, by name."""
        raise NotImplementedError

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        """Return the ways to pool, by name."""
        raise NotImplementedError

    def ways(self, case: Case, work: Work) -> dict[str, Step]:
        """Return the ways to do work that is neither a filter nor a pooling."""
        if isinstance(work, Separable):
            return separable_ways(self.name, case, work)
        if isinstance(work, Rank):
            return rank_ways(self.name, case, work)
        if isinstance(work, Bank):
            return bank_ways(self.name, work)
        if isinstance(work, DropIn) and self.name == "SciPy":
            return {f"{work.module}.{work.function}": work.by("scipy")}
        raise UnsupportedError("not implemented for this library")

    def convolutions(self, conv: Conv, image: Array, kernel: Array) -> dict[str, Call]:
        """Return the ways to convolve a tensor, by name."""
        raise UnsupportedError("it has no convolution of tensors")

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return the ways to do the case's work."""
        if case.work is not None:
            work = case.work
            if isinstance(work, Pooling):
                ways = pool_ways(self.name, work, inputs)
            elif isinstance(work, Gradient):
                ways = gradient_ways(self.name, work)
            else:
                ways = self.ways(case, work)
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
    """Return the index that selects rows and columns of an image or a batch."""
    return (rows, columns) if channels_last else (..., rows, columns)


def interior(margin: int, channels_last: bool) -> tuple[Any, ...]:
    """Return the index of the pixels inside the edges."""
    return window(slice(margin, -margin), slice(margin, -margin), channels_last)


def copy_frame(source: Any, target: Any, margin: int, channels_last: bool) -> None:
    """Copy the four edges, which the border `keep` does not change."""
    whole, first, last = slice(None), slice(margin), slice(-margin, None)
    for rows, columns in ((first, whole), (last, whole), (whole, first), (whole, last)):
        edge = window(rows, columns, channels_last)
        target[edge] = source[edge]


def widths(case: Case, margin: int) -> list[tuple[int, int]]:
    """Return the padding of every axis, in the form of `numpy.pad`."""
    both = (margin, margin)
    if colour(case):
        return [both, both, (0, 0)]
    return [(0, 0)] * (len(case.shape) - 2) + [both, both]


def steps(spec: Pool, side: int) -> list[slice]:
    """Return the slice that each element of a window reads along an axis of this length."""
    last = (side - spec.size) // spec.stride * spec.stride + 1
    return [slice(first, first + last, spec.stride) for first in range(spec.size)]


def taken(spec: Pool, height: int, width: int) -> tuple[slice, slice]:
    """Return the outputs of a centred filter that are the pool's, one for each stride.

    The window of a filter's output at `i` begins at `i - size // 2`, as in SciPy and OpenCV.
    """
    first = spec.size // 2 - spec.padding
    rows, columns = (
        slice(first, first + side + 2 * spec.padding - spec.size + 1, spec.stride) for side in (height, width)
    )
    return rows, columns
