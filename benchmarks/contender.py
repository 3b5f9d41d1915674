"""A contender's process: it holds one library and times it when it is told to.

Every contender has a process of its own, so that the libraries' thread pools, allocators and
OpenMP runtimes do not meet; the controller (`rounds.py`) speaks to one of them at a time over a
pipe. Ours is served by the very loop that serves the others.
"""

import gc
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from benchmarks.cases.case import Array, Case, Inputs
from convlab.bench.worker import LONG_SECONDS, calibrated, seconds_of

Call = Callable[[], Any]


class UnsupportedError(Exception):
    """The contender cannot do this case, or is not asked to; the message says why."""


class Contender(Protocol):
    """What a process serves: one library in the configurations that are fair to it."""

    def describe(self) -> dict[str, str]:
        """Return the versions of what it runs on."""

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return calls that do the case's work into fresh arrays, by the name of the variant.

        Whatever can be prepared ahead (sessions, tensors over the inputs) is. Raises
        `UnsupportedError` where the library cannot do the work.
        """

    def to_array(self, case: Case, result: Any) -> Array:
        """Turn what a call returned into an array, outside the measured time."""

    def served_by(self) -> str:
        """Return what did the work of the last call, if the library can tell."""


class Service:
    """Answers the controller's questions; each method is one of them."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._calls: dict[str, Call] = {}
        self._repetitions = 1
        self._long = False

    def describe(self) -> dict[str, str]:
        """Return the contender's versions."""
        return self._contender.describe()

    def prepare(self, case: Case) -> dict[str, Array]:
        """Make the inputs and every variant's call, and return what each variant computes."""
        self._calls.clear()
        # Now, because there is none while others are timed.
        gc.collect()
        self._calls = self._contender.calls(case, case.inputs())
        return {name: self._contender.to_array(case, call()) for name, call in self._calls.items()}

    def choose(self) -> tuple[str, str]:
        """Keep the fastest variant; return its name and what served it."""
        measured = {name: calibrated(call) for name, call in self._calls.items()}
        best = min(measured, key=lambda name: measured[name][1])
        self._calls = {best: self._calls[best]}
        self._repetitions, seconds = measured[best]
        self._long = seconds > LONG_SECONDS
        return best, self._contender.served_by()

    def sample(self) -> float:
        """Return the seconds of one call, over as many calls as make a sample."""
        (call,) = self._calls.values()
        # Another process has just run and used the caches: one call sets everybody's up again.
        if not self._long:
            call()
        return seconds_of(call, self._repetitions)


def serve(make: Callable[[], Contender]) -> None:
    """Answer questions on standard input until it closes.

    An answer is ("done", value), ("unsupported", reason) or ("failed", traceback); the first one
    is the outcome of `make`, where a library that is not installed is unsupported.
    """
    channel = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not end up between the answers.
    os.dup2(2, 1)
    # A collection in the middle of a sample would be charged to whoever is being timed.
    gc.disable()
    service: Service | None = None
    question: tuple[Any, ...] = ("describe",)
    while True:
        try:
            if service is None:
                service = Service(_made(make))
            answer = ("done", getattr(service, question[0])(*question[1:]))
        except UnsupportedError as error:
            answer = ("unsupported", str(error))
        except Exception:
            answer = ("failed", traceback.format_exc())
        pickle.dump(answer, channel, protocol=pickle.HIGHEST_PROTOCOL)
        channel.flush()
        try:
            question = pickle.load(sys.stdin.buffer)
        except EOFError:
            return


def _made(make: Callable[[], Contender]) -> Contender:
    try:
        return make()
    except ImportError as error:
        raise UnsupportedError(str(error)) from error
