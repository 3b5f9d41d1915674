"""Figures derived from the measurements of a run.

The table in the terminal, the pages, the chart and the README use these figures, so they cannot
differ.
"""

import statistics
from dataclasses import dataclass

from benchmarks.peers import YARDSTICKS
from benchmarks.runs import CaseRecord, Results, limits_of
from convlab.bench.table import ratio

OURS = "convlab"
PYTHON = "Python"

# Targets refer to these peers. The ratio that is shown also counts ONNX Runtime, whose sessions are
# prepared before.
_DEMANDING = ("OpenCV", "NumPy", "SciPy", "PyTorch")


@dataclass(frozen=True)
class Ratio:
    """Another library's time divided by convlab's: median and quartiles of the rounds."""

    to: str
    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.to} {ratio(self.median)}"


@dataclass(frozen=True)
class Row:
    """One case; times are in seconds."""

    name: str
    group: str
    times: dict[str, float]
    variants: dict[str, str]
    missing: dict[str, str]
    spread: float
    peer: Ratio | None
    python: Ratio | None
    required: float | None
    judged: Ratio | None
    of_limit: float | None
    error: float

    @property
    def lost(self) -> bool:
        """Whether a peer was faster."""
        return self.peer is not None and self.peer.median < 1

    @property
    def missed(self) -> bool:
        """Whether the ratio is below the project's target or was not measured."""
        if self.required is None:
            return False
        return self.judged is None or self.judged.median < self.required

    @property
    def demand(self) -> str:
        """The project's target ratio, if any, and the measured ratio."""
        if self.required is None:
            return ""
        measured = "not measured" if self.judged is None else str(self.judged)
        return f"{self.required:,g}x ({measured})"

    @property
    def verdict(self) -> str:
        """The verdict on the ratio."""
        words = ["LOST"] if self.lost else []
        if self.demand:
            words.append(f"{'MISSED' if self.missed else 'met'} {self.demand}")
        return ", ".join(words)


def summarise(results: Results) -> list[Row]:
    """Compute the figures of every case."""
    return [_row(case, results) for case in results["cases"]]


def _row(case: CaseRecord, results: Results) -> Row:
    contenders = case["contenders"]
    times = {name: statistics.median(record["seconds"]) for name, record in contenders.items()}
    ours = contenders[OURS]["seconds"]

    def compared(names: tuple[str, ...]) -> Ratio | None:
        fastest = min((name for name in names if name in times), key=times.__getitem__, default=None)
        if fastest is None:
            return None
        # Ratios within a round; a slow contender has fewer rounds than convlab.
        pairs = zip(contenders[fastest]["seconds"], ours, strict=False)
        rounds = [theirs / mine for theirs, mine in pairs]
        return Ratio(fastest, statistics.median(rounds), *_quartiles(rounds))

    limit = limits_of(results).seconds(case["flops"], case["bytes_moved"])
    low, high = _quartiles(ours)
    return Row(
        name=case["name"],
        group=case["group"],
        times=times,
        variants={name: record["variant"] for name, record in contenders.items()},
        missing=case["missing"],
        spread=(high - low) / times[OURS],
        peer=compared(YARDSTICKS),
        python=compared((PYTHON,)),
        # Targets are for one thread.
        required=case["required"] if results["threads"] == 1 else None,
        judged=compared((PYTHON,) if case["yardstick"] == "python" else _DEMANDING),
        of_limit=None if limit is None else limit / times[OURS],
        error=contenders[OURS]["error"],
    )


def _quartiles(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, method="inclusive")
    return low, high
