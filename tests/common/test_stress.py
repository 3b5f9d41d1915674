"""Sixteen Python threads that call every operation at the same time get the bytes of one thread.

Some seconds by default, and a minute with CONVLAB_STRESS_SECONDS=60, as in `make stress`.
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
from convlab import _no_workers, _threads

SECONDS = float(os.environ.get("CONVLAB_STRESS_SECONDS", "3"))
CASES = 12 * len(operations.DRAWN)
THREADS = 16


def as_bytes(result):
    return b"".join(np.ascontiguousarray(y).tobytes() for y in (result if isinstance(result, tuple) else (result,)))


def test_sixteen_threads_call_everything():
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
    assert _threads._beside == 0
    print(f"{sum(calls)} calls")


def test_limits(monkeypatch):
    """A call uses at most the threads that its work justifies, that its block or process allows, and one per CPU."""
    monkeypatch.setattr(_threads, "_workers", _no_workers)
    monkeypatch.setattr(_no_workers, "_cap", 4)
    monkeypatch.setattr(_no_workers, "_cpus", 3)
    assert [_threads.limited(most) for most in (1, 2, 9)] == [1, 2, 3]
    with convlab.threads(2):
        assert [_threads.limited(most) for most in (1, 2, 9)] == [1, 2, 2]
    monkeypatch.setattr(_no_workers, "_cpus", 9)
    assert _threads.limited(9) == 4


def test_transforms_share_the_limit(monkeypatch):
    """Threads that running calls use are not available to the next call."""
    monkeypatch.setattr(_threads, "_workers", _no_workers)
    monkeypatch.setattr(_no_workers, "_cap", 4)
    seen, go = [], threading.Barrier(4)

    def work(item):
        seen.append(_threads._beside)
        go.wait(30)  # three threads of the first call and the calling thread of the second

    first = threading.Thread(target=_threads.spread, args=(work, range(3), 3))
    first.start()
    while len(seen) < 3:
        time.sleep(0.001)
    assert _threads._beside == 2
    _threads.spread(work, range(1), 9)
    first.join()
    assert seen[3] == 3  # the second call wants two more threads and gets one
    assert _threads._beside == 0


def test_threads_are_given_back_after_an_error():
    def fail(_):
        raise KeyboardInterrupt

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            _threads.spread(fail, [1, 2], 2)
    assert _threads._beside == 0
