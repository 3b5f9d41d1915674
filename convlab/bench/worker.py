"""A backend's process, `python -m convlab.bench.worker`, and the timing of a call.

Backend, ISA and threads come from the environment variables of the package.
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

# A sample takes at least this long, so that the clock's resolution and cost do not matter.
SAMPLE_SECONDS = 0.001

# Calls that take longer are timed once: cold caches do not matter for them.
LONG_SECONDS = 0.25

_TRIALS = 5


def main() -> None:
    """Answer questions on standard input until it closes: a case, or None for a sample of the last case."""
    # A garbage collection in the middle of a sample would change its time.
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller handles Ctrl-C
    call: Callable[[], Any] = gc.collect
    repetitions, seconds = 1, 0.0
    while True:
        try:
            case = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: Any
        if case is None:
            # Another process has just used the CPU caches: one call fills them again.
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
    """Return the number of calls in a sample, and the median seconds of one call."""
    repetitions = 1
    while (seconds := seconds_of(call, repetitions)) * repetitions < SAMPLE_SECONDS:
        repetitions *= 2
    if seconds > LONG_SECONDS:
        return 1, seconds
    repetitions = math.ceil(SAMPLE_SECONDS / seconds)
    return repetitions, statistics.median(seconds_of(call, repetitions) for _ in range(_TRIALS))


def seconds_of(call: Callable[[], Any], repetitions: int) -> float:
    """Return the mean seconds of a call over this many calls."""
    start = time.perf_counter_ns()
    for _ in repeat(None, repetitions):
        call()
    return (time.perf_counter_ns() - start) / repetitions * 1e-9


if __name__ == "__main__":
    main()
