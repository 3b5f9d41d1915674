"""What the machine is, and what it can do at most.

No call is faster than its multiplications at the measured rate of fused multiply-adds, nor than
its compulsory traffic at the measured rate of a copy; the larger of the two is a case's limit.
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

# Does its work so many times and returns how much that was: flops, or bytes.
Work = Callable[[int], float]

# A limit is what the machine can do at its best, so the best of many short samples is taken.
_SAMPLES = 20
_SAMPLE_SECONDS = 0.01

# Copies this small stay in the cache nearest to the core. Still smaller ones would measure the
# call and not the memory, and make a limit look nearer than it is.
_SMALLEST_COPY = 64 * 1024


class Description(TypedDict):
    """What a reader of the results must know about the machine."""

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
        """Return the least time for so much work, or None where a rate is missing."""
        # Data that fit a nearer cache are moved no more slowly than larger data, so a larger
        # copy that went faster counts as well.
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
    """Measure the rates that bound these cases with so many threads."""
    sizes = sorted({case.bytes_moved for case in cases} | {_SMALLEST_COPY})
    with ThreadPoolExecutor(threads) as pool:
        return Limits(
            _multiply_add_rate(pool, threads),
            {size: _copy_rate(pool, threads, size) for size in sizes},
        )


def cpu_count() -> int:
    """Return the CPUs that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        return os.cpu_count() or 1


def describe() -> Description:
    """Return what a reader of the results must know about the machine."""
    return {
        "cpu": cpu_name(),
        "cpus": cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _multiply_add_rate(pool: ThreadPoolExecutor, threads: int) -> float | None:
    """Return the best rate of the builds of the kernel that does nothing else; None without any."""
    builds = [_dispatch.compiled(isa).functions["multiply_add"] for isa in _dispatch.built_isas()]
    return max((_best_rate(pool, [build] * threads) for build in builds), default=None)


def _copy_rate(pool: ThreadPoolExecutor, threads: int, size: int) -> float:
    """Copy between two buffers that are together as large as what the case reads and writes."""
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
    """Return the best rate at which the workers do their work together."""

    def sample(count: int) -> tuple[float, float]:
        start = time.perf_counter()
        done = sum(pool.map(lambda work: work(count), team))
        return done, time.perf_counter() - start

    count = 1
    # Long enough for the start of the threads not to count.
    while sample(count)[1] < _SAMPLE_SECONDS:
        count *= 2
    return max(done / seconds for done, seconds in (sample(count) for _ in range(_SAMPLES)))
