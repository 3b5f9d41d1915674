"""The lesson as data: three filters over the picture, each result pooled, with the times."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import convlab
from convlab import filters, reference

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Comparison", "Part", "Step", "compare", "lesson"]

_FILTERS = ("edges", "vertical_lines", "horizontal_lines")

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """One operation, and the same operation in plain Python loops."""

    title: str
    result: Array
    kernel: str  # the kernel that ran
    seconds: float
    loops: Callable[[], list[list[float]]]


@dataclass(frozen=True)
class Part:
    """One filter of the lesson: its taps, the filtered picture and the pooled one."""

    name: str
    taps: Array
    filtered: Step
    pooled: Step


@dataclass(frozen=True)
class Comparison:
    """One run of a step's plain Python loops."""

    seconds: float
    difference: float  # the largest difference between the two results


def lesson(picture: npt.NDArray[np.uint8]) -> list[Part]:
    """Filter the picture by each of the lesson's filters, and pool each result."""
    return [_part(name, picture) for name in _FILTERS]


def compare(step: Step) -> Comparison:
    """Run a step in plain Python, and compare the results."""
    start = time.perf_counter()
    rows = step.loops()
    seconds = time.perf_counter() - start
    return Comparison(seconds, float(np.max(np.abs(step.result - np.array(rows)))))


def _part(name: str, picture: npt.NDArray[np.uint8]) -> Part:
    taps = filters.get(name)
    filtered = _step(
        name,
        lambda: convlab.filter2d(picture, taps, border="keep", clip=(0, 255)),
        lambda: reference.filter2d(picture, taps, border="keep", clip=(0, 255)),
    )
    pooled = _step(
        "  2x2 maximum",
        lambda: convlab.max_pool2d(filtered.result, 2),
        lambda: reference.max_pool2d(filtered.result, 2),
    )
    return Part(name, taps, filtered, pooled)


def _step(title: str, run: Callable[[], Any], loops: Callable[[], list[list[float]]]) -> Step:
    result = run()
    return Step(title, result, str(convlab.last_kernel()), _typical(run), loops)


def _typical(run: Callable[[], object]) -> float:
    """Return the median time of a call, over 100 calls or the calls of a fifth of a second, whichever is fewer."""
    times: list[float] = []
    while not times or (len(times) < 100 and sum(times) < 0.2):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
