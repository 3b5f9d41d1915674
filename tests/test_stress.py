"""Eight Python threads that call every operation at once get the bytes that one gets.

Some seconds here, and a minute with CONVLAB_STRESS_SECONDS=60, as `make stress` says.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import operations
import pytest
from fuzz import every_call_threaded

import convlab
from convlab import _threads

SECONDS = float(os.environ.get("CONVLAB_STRESS_SECONDS", "3"))
CASES = 12 * len(operations.DRAWN)
THREADS = 8


def as_bytes(result):
    return b"".join(np.ascontiguousarray(y).tobytes() for y in (result if isinstance(result, tuple) else (result,)))


def test_eight_threads_call_everything():
    cases = [operations.draw(seed) for seed in range(CASES)]
    with every_call_threaded():
        expected = [as_bytes(case.call(*case.arrays)) for case in cases]
        end = time.monotonic() + SECONDS

        def one(seed):
            rng = np.random.default_rng(seed)
            calls = 0
            while time.monotonic() < end:
                i = int(rng.integers(0, CASES))
                with convlab.threads(int(rng.integers(1, 5))):
                    assert as_bytes(cases[i].call(*cases[i].arrays)) == expected[i], cases[i].said
                calls += 1
            return calls

        with ThreadPoolExecutor(THREADS) as pool:
            calls = list(pool.map(one, range(THREADS)))
    assert min(calls) > 0
    assert _threads._taken == 0
    print(f"{sum(calls)} calls")


def test_calls_share_the_cap(monkeypatch):
    """What calls in progress have taken, the next does not get; each runs on its own thread at least."""
    monkeypatch.setattr(_threads, "_cap", 4)
    got, go = [], threading.Barrier(4)
    asked = (3, 3, 3)

    def kernel(threads):
        got.append(threads)
        go.wait()  # all are running

    def start(most):
        thread = threading.Thread(target=_threads.share, args=(most, kernel))
        thread.start()
        while not got or len(got) < len(started) + 1:
            time.sleep(0.001)
        return thread

    started: list[threading.Thread] = []
    for most in asked:
        started += [start(most)]
    go.wait()
    for thread in started:
        thread.join()
    assert got == [3, 1, 1]
    assert _threads._taken == 0
    assert _threads.share(9, lambda threads: threads) == 4
    with convlab.threads(2):
        assert _threads.share(9, lambda threads: threads) == 2
        assert _threads.share(1, lambda threads: threads) == 1


def test_threads_are_given_back_after_an_error(monkeypatch):
    monkeypatch.setattr(_threads, "_cap", 3)

    def fail(_):
        raise KeyboardInterrupt

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            _threads.share(2, fail)
    assert _threads._taken == 0
