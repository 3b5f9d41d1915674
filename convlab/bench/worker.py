"""A backend's process, `python -m convlab.bench.worker`, and how a call is timed.

Backend, ISA and threads come from the environment, as for every other user of the package.
"""

import gc
import math
import pickle
import signal
import statistics
import sys
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import convlab

# A sample is at least this long, so that the clock's resolution and its own cost do not count.
SAMPLE_SECONDS = 0.001

# Against calls of this length cold caches are nothing, and repeating them is patience.
LONG_SECONDS = 0.25

_TRIALS = 5


def main() -> None:
    """Answer questions on standard input until it closes: a case, or None for a sample of the last case."""
    # A collection in the middle of a sample would be charged to whoever is being timed.
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's
    call: Callable[[], Any] = gc.collect
    repetitions, seconds = 1, 0.0
    while True:
        try:
            case = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: Any
        if case is None:
            # Another process has just run and used the caches: one call sets everybody's up again.
            if seconds <= LONG_SECONDS:
                call()
            answer = seconds_of(call, repetitions)
        else:
            gc.collect()
            call = case.call(case.image())
            result = call()
            repetitions, seconds = calibrated(call)
            answer = result, convlab.last_kernel(), seconds
        pickle.dump(answer, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.flush()


def calibrated(call: Callable[[], Any]) -> tuple[int, float]:
    """Return how many calls make a sample, and the median seconds of one call."""
    repetitions = 1
    while (seconds := seconds_of(call, repetitions)) * repetitions < SAMPLE_SECONDS:
        repetitions *= 2
    if seconds > LONG_SECONDS:
        return 1, seconds
    repetitions = math.ceil(SAMPLE_SECONDS / seconds)
    return repetitions, statistics.median(seconds_of(call, repetitions) for _ in range(_TRIALS))


def seconds_of(call: Callable[[], Any], repetitions: int) -> float:
    """Return the seconds of one call, over so many."""
    start = time.perf_counter_ns()
    for _ in repeat(None, repetitions):
        call()
    return (time.perf_counter_ns() - start) / repetitions * 1e-9


if __name__ == "__main__":
    main()
