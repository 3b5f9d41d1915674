"""No operation touches memory beside its arrays: pages without any access lie right before and behind them.

Random calls of all operations (operations.py), on one thread and many. A kernel that reads or writes past an array ends
its process, which says what it was doing.
"""

import faulthandler
import sys

import numpy as np
import operations
import pytest
from fuzz import BACKENDS, every_call_threaded
from support import run_python
from test_guard_pages import PAGE, Guarded

import convlab

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's mprotect")
CASES = 40 * len(operations.DRAWN)
ROOM = 700 * PAGE


def run(backend, isa):
    faulthandler.enable()
    places = [Guarded(ROOM) for _ in range(4)]
    count = 0
    with convlab.use_backend(backend, isa), every_call_threaded():
        for seed in range(CASES):
            case = operations.draw(seed)
            for at_end, threads in ((False, 1), (True, 3)):
                print(seed, case.name, case.said, at_end, threads, flush=True)
                with convlab.threads(threads):
                    expected = case.call(*case.arrays)
                    arrays = [place.copy(a, at_end) for place, a in zip(places, case.arrays, strict=False)]
                    if isinstance(expected, tuple):
                        for y, right in zip(case.call(*arrays), expected, strict=True):
                            np.testing.assert_array_equal(y, right)
                    else:
                        out = places[-1].array(expected.shape, expected.dtype, at_end)
                        assert case.call(*arrays, out=out) is out
                        np.testing.assert_array_equal(out, expected)
                count += 1
    print(count)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend[1] if backend[1] != "auto" else backend[0])
def test_no_operation_leaves_its_arrays(backend):
    code = f"import test_guarded_operations; test_guarded_operations.run(*{backend!r})"
    done = run_python(code, check=False, OMP_NUM_THREADS="3")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-1500:])
    assert int(lines[-1]) == 2 * CASES
