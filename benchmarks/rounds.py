"""The controller: times contenders in their processes in turn, round after round.

In every round each contender is timed once, and never two at the same time, so that other work of
the machine affects all of them equally. A ratio is computed within a round.
"""

import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from benchmarks.cases.case import Case
from benchmarks.oracle import expected
from convlab.bench.process import environment_of

ROUNDS = 15
QUICK_ROUNDS = 5

# A contender that is slower than the fastest yardstick by this factor stops after a few rounds or a
# long time: it cannot be the yardstick, and its median needs no more samples.
_HOPELESS = 10.0
_HOPELESS_ROUNDS = 3
_HOPELESS_SECONDS = 1.0

# OpenMP's idle threads spin before they sleep, which would slow down the next contender.
_SETTLE_SECONDS = 0.03


class ContenderError(RuntimeError):
    """A contender's process failed; the message contains its traceback."""


class MissingError(Exception):
    """The contender cannot take part; the message gives the reason."""


class Process:
    """The controller's side of a contender's process."""

    def __init__(self, name: str, command: Sequence[str], threads: int) -> None:
        self.name = name
        self.threads = threads
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_of(threads),
        )
        try:
            self.versions: dict[str, str] = self._answer()
        except MissingError:
            self.close()
            raise

    def ask(self, question: str, *arguments: object) -> Any:
        """Send a request to the process and return its answer."""
        assert self._process.stdin is not None
        pickle.dump((question, *arguments), self._process.stdin)
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an error it may be in the middle of a long call, whose result is not needed.
        if error is not None:
            self._process.kill()
        self.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        try:
            kind, value = pickle.load(self._process.stdout)
        except EOFError:
            status = self._process.wait()
            raise ContenderError(f"{self.name}: its process ended with status {status}") from None
        if kind == "unsupported":
            raise MissingError(value)
        if kind == "failed":
            raise ContenderError(f"{self.name}:\n{value}")
        return value


@dataclass
class Timing:
    """One contender's times of a case: `samples` are the seconds of one call in each round."""

    variant: str
    served_by: str
    error: float
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median seconds of one call."""
        return statistics.median(self.samples)


@dataclass
class Outcome:
    """All contenders' times of a case, in the given order, and the reasons of those without times."""

    case: Case
    timings: dict[str, Timing]
    missing: dict[str, str]


def compete(
    case: Case,
    contenders: Sequence[Process],
    *,
    ours: Collection[str],
    yardsticks: Collection[str],
    rounds: int,
) -> Outcome:
    """Check that the contenders agree on a case, then time them.

    Parameters
    ----------
    case : Case
        The work.
    contenders : sequence of Process
        The participants; the others are compared with the first one.
    ours : collection of str
        The contenders that must keep convlab's error bound. (Two results that both pass differ at
        most by the sum of their bounds, so all are compared with convlab's.)
    yardsticks : collection of str
        The contenders of which the fastest counts.
    rounds : int
        The number of times that each is timed.

    Raises
    ------
    DisagreementError
        If a result differs from the float64 answer by more than rounding. Nothing is timed then.
    ContenderError
        If a process fails.
    """
    answer = expected(case, case.inputs())
    outcome = Outcome(case, {}, {})
    active: list[Process] = []
    errors: dict[str, dict[str, float]] = {}
    for contender in contenders:
        try:
            results = contender.ask("prepare", case)
        except MissingError as missing:
            outcome.missing[contender.name] = str(missing)
            continue
        active.append(contender)
        errors[contender.name] = {
            variant: answer.check(
                f"{case.name}: {contender.name} ({variant})",
                result,
                ours=contender.name in ours,
            )
            for variant, result in results.items()
        }
    for contender in active:
        variant, served_by = contender.ask("choose")
        error = errors[contender.name][variant]
        outcome.timings[contender.name] = Timing(variant, served_by, error)
    for number in range(rounds):
        # So that no contender always runs after the same one.
        first = number % len(active)
        for contender in active[first:] + active[:first]:
            if contender.threads > 1:
                time.sleep(_SETTLE_SECONDS)
            outcome.timings[contender.name].samples.append(contender.ask("sample"))
        active = [
            contender
            for contender in active
            if contender is contenders[0] or in_the_running(outcome, contender.name, yardsticks)
        ]
    return outcome


def _fastest(outcome: Outcome, among: Collection[str]) -> str | None:
    names = [name for name in outcome.timings if name in among]
    return min(names, key=lambda name: outcome.timings[name].median, default=None)


def in_the_running(outcome: Outcome, name: str, yardsticks: Collection[str]) -> bool:
    """Return whether a contender can still be the fastest, or has few samples."""
    leader = _fastest(outcome, yardsticks)
    timing = outcome.timings[name]
    if leader is None or timing.median < _HOPELESS * outcome.timings[leader].median:
        return True
    return len(timing.samples) < _HOPELESS_ROUNDS and sum(timing.samples) < _HOPELESS_SECONDS
