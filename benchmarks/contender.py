"""A contender's process: it runs one library and times it on request.

Every contender has a separate process, so that the libraries' thread pools, allocators and OpenMP
runtimes do not interfere. The controller (`rounds.py`) sends requests to one of them at a time over
a pipe. convlab's process runs the same loop as the others.
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
    """The contender cannot do this case, or the case is not meant for it; the message gives the reason."""


class Contender(Protocol):
    """One library, in the configurations that are fair to it."""

    def describe(self) -> dict[str, str]:
        """Return the versions of its libraries."""

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return calls that do the case's work into new arrays, by the name of the variant.

        Sessions and tensors are prepared before, if possible. Raises `UnsupportedError` if the
        library cannot do the work.
        """

    def to_array(self, case: Case, result: Any) -> Array:
        """Convert the result of a call to an array, outside the measured time."""

    def served_by(self) -> str:
        """Return the kernel of the last call, if the library names it."""


class Service:
    """Answer the controller's requests; each method answers one kind."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._calls: dict[str, Call] = {}
        self._repetitions = 1
        self._long = False

    def describe(self) -> dict[str, str]:
        """Return the contender's versions."""
        return self._contender.describe()

    def prepare(self, case: Case) -> dict[str, Array]:
        """Make the inputs and every variant's call, and return each variant's result."""
        self._calls.clear()
        # Collect garbage now, because collection is off while others are timed.
        gc.collect()
        self._calls = self._contender.calls(case, case.inputs())
        return {name: self._contender.to_array(case, call()) for name, call in self._calls.items()}

    def choose(self) -> tuple[str, str]:
        """Keep the fastest variant; return its name and its kernel."""
        measured = {name: calibrated(call) for name, call in self._calls.items()}
        best = min(measured, key=lambda name: measured[name][1])
        self._calls = {best: self._calls[best]}
        self._repetitions, seconds = measured[best]
        self._long = seconds > LONG_SECONDS
        return best, self._contender.served_by()

    def sample(self) -> float:
        """Return the mean seconds of a call over the calls of one sample."""
        (call,) = self._calls.values()
        # Another process has just used the CPU caches: one call fills them again.
        if not self._long:
            call()
        return seconds_of(call, self._repetitions)


def serve(make: Callable[[], Contender]) -> None:
    """Answer requests on standard input until it closes.

    An answer is ("done", value), ("unsupported", reason) or ("failed", traceback). The first answer
    is the outcome of `make`; a library that is not installed is unsupported.
    """
    channel = os.fdopen(os.dup(1), "wb")
    # The output of a library must not mix with the answers.
    os.dup2(2, 1)
    # A garbage collection in the middle of a sample would change its time.
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
