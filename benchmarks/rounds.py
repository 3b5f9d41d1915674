"""The controller: contenders in their processes, timed in turn, round after round.

In every round each contender is timed once, and never two at the same time, so that whatever else
the machine does hits them all alike. A ratio is taken within a round.
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

# Whatever is slower than the fastest yardstick by this factor stops taking part after a few rounds
# or a long time: it cannot be the yardstick, and its own figure needs no more.
_HOPELESS = 10.0
_HOPELESS_ROUNDS = 3
_HOPELESS_SECONDS = 1.0

# OpenMP's idle threads wait for work in a busy loop before they sleep, which would slow down the
# next contender.
_SETTLE_SECONDS = 0.03


class ContenderError(RuntimeError):
    """A contender's process failed; the message holds its traceback."""


class MissingError(Exception):
    """The contender cannot take part; the message says why."""


class Process:
    """A contender's process, seen from the controller."""

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
        """Have the process do something and return its answer."""
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
        # After an error it may be in the middle of a long call, and nobody waits for the result.
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
    """One contender's part in a case: `samples` holds the seconds of one call, round by round."""

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
    """All contenders' parts in a case, in the order given; who had none, and why."""

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
        Who does it; the first is the one that the others are compared with.
    ours : collection of str
        The contenders that are held to our own contract on rounding. (Two results that both pass
        differ by the sum of what is allowed to each, so all have been compared with ours.)
    yardsticks : collection of str
        The contenders of which the fastest counts.
    rounds : int
        How often each is timed.

    Raises
    ------
    DisagreementError
        If a result is not the float64 answer up to rounding. Nothing is timed then.
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
        # Nobody always follows the same neighbour.
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
    """Return whether a contender may still turn out to be the fastest, or has had little time."""
    leader = _fastest(outcome, yardsticks)
    timing = outcome.timings[name]
    if leader is None or timing.median < _HOPELESS * outcome.timings[leader].median:
        return True
    return len(timing.samples) < _HOPELESS_ROUNDS and sum(timing.samples) < _HOPELESS_SECONDS
