"""The description of the machine, and its measured limits.

A call cannot be faster than its multiplications at the measured rate of fused multiply-adds, and not
faster than its minimum traffic at the measured rate of a copy. The larger time is a case's limit.
"""

import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from benchmarks.cases.case import FLOAT_BYTES, Array, Case
from convlab import _dispatch
from convlab.cli.machine import cpu_name

# Does its work a number of times and returns the total flops or bytes.
Work = Callable[[int], float]

# A limit is the best that the machine reaches, so it is the best of many short samples.
_SAMPLES = 20
_SAMPLE_SECONDS = 0.01

# Copies of this size stay in the first-level cache. Smaller ones would measure the cost of a call
# instead of the memory, and make the limit too low.
_SMALLEST_COPY = 64 * 1024


class Description(TypedDict):
    """The properties of the machine that the results depend on."""

    cpu: str
    cpus: int
    system: str
    python: str


@dataclass(frozen=True)
class Limits:
    """Measured rates: flops per second (None: not measured), and bytes per second by copy size."""

    multiply_add: float | None
    copies: dict[int, float]

    def seconds(self, flops: int, bytes_moved: int) -> float | None:
        """Return the least time for an amount of work, or None if a rate is missing."""
        # Data that fit a smaller cache are not slower than larger data, so the rate of a faster,
        # larger copy counts too.
        rates = [rate for size, rate in self.copies.items() if size >= bytes_moved]
        if self.multiply_add is None or not rates:
            return None
        return max(flops / self.multiply_add, bytes_moved / max(rates))

    def merged(self, other: "Limits") -> "Limits":
        """Return the better of two measurements of the same machine."""
        rates = [rate for rate in (self.multiply_add, other.multiply_add) if rate is not None]
        copies = dict(self.copies)
        for size, rate in other.copies.items():
            copies[size] = max(rate, copies.get(size, 0.0))
        return Limits(max(rates, default=None), copies)


def measure(cases: Sequence[Case], threads: int) -> Limits:
    """Measure the rates that limit these cases with this number of threads."""
    sizes = sorted({case.bytes_moved for case in cases} | {_SMALLEST_COPY})
    with ThreadPoolExecutor(threads) as pool:
        return Limits(
            _multiply_add_rate(pool, threads),
            {size: _copy_rate(pool, threads, size) for size in sizes},
        )


def cpu_count() -> int:
    """Return the number of CPUs that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        return os.cpu_count() or 1


def describe() -> Description:
    """Return the properties of the machine that the results depend on."""
    return {
        "cpu": cpu_name(),
        "cpus": cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _multiply_add_rate(pool: ThreadPoolExecutor, threads: int) -> float | None:
    """Return the best rate of all builds of the multiply-add kernel; None if there are none."""
    builds = [_dispatch.compiled(isa).functions["multiply_add"] for isa in _dispatch.built_isas()]
    return max((_best_rate(pool, [build] * threads) for build in builds), default=None)


def _copy_rate(pool: ThreadPoolExecutor, threads: int, size: int) -> float:
    """Return the rate of a copy between two buffers whose total size is what the case reads and writes."""
    source = np.ones(size // (2 * FLOAT_BYTES), dtype=np.float32)
    target = np.ones_like(source)

    def copier(target: Array, source: Array) -> Work:
        def copy(count: int) -> float:
            for _ in range(count):
                np.copyto(target, source)
            return count * 2.0 * source.nbytes

        return copy

    parts = zip(np.array_split(target, threads), np.array_split(source, threads), strict=True)
    return max(
        _best_rate(pool, [copier(target, source)]),
        _best_rate(pool, [copier(*part) for part in parts]),
    )


def _best_rate(pool: ThreadPoolExecutor, team: list[Work]) -> float:
    """Return the best total rate of all workers at the same time."""

    def sample(count: int) -> tuple[float, float]:
        start = time.perf_counter()
        done = sum(pool.map(lambda work: work(count), team))
        return done, time.perf_counter() - start

    count = 1
    # Long enough that the start of the threads does not matter.
    while sample(count)[1] < _SAMPLE_SECONDS:
        count *= 2
    return max(done / seconds for done, seconds in (sample(count) for _ in range(_SAMPLES)))
