"""No operation accesses memory outside its arrays: pages without access are directly before and behind them.

Random calls of all operations (operations.py), on one thread and many. A kernel that reads or writes outside an array
ends its process, which names the case.
"""

import faulthandler
from dataclasses import replace
from itertools import product

import numpy as np
import operations
import pytest
from fuzz import BACKENDS, every_call_threaded
from guarding import PAGE, Guarded, guard_marks, picture, taps
from support import run_python

import convlab
from convlab import _plan, _run

pytestmark = guard_marks
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
    done = run_python(code, check=False, beside=__file__)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-1500:])
    assert int(lines[-1]) == 2 * CASES


def run_short_rows(backend, isa):
    """Depthwise planes of few columns: with 16 lanes two planes share a vector, and some lanes stay unused."""
    faulthandler.enable()
    places = [Guarded() for _ in range(2)]
    with convlab.use_backend(backend, isa):
        for kernel, stride, width in product((3, 5, 7), (1, 2), range(1, 17)):
            print(kernel, stride, width, flush=True)
            x, weight = picture((3, 9, width), np.float32), taps((3, 1, kernel, kernel))
            options = {"stride": stride, "padding": kernel // 2, "groups": 3}
            expected = convlab.conv2d(x, weight, **options)
            assert convlab.last_kernel().startswith("conv_depthwise")
            for at_end in (False, True):
                out = places[1].array(expected.shape, np.float32, at_end)
                convlab.conv2d(places[0].copy(x, at_end), weight, out=out, **options)
                np.testing.assert_array_equal(out, expected)


def run_tables(backend, isa):
    """Strided convolutions of a few columns, whose index tables end at a page without access."""
    faulthandler.enable()
    tables = Guarded()
    with convlab.use_backend(backend, isa):
        for stride, width, after in product((2, 3, 4), (1, 2, 3, 5), range(4)):
            print(stride, width, after, flush=True)
            x, weight = picture((5, 8, width), np.float32), taps((9, 5, 5, 5))
            padding = 2, 2, 4, after
            expected = convlab.conv2d(x, weight, stride=stride, padding=padding)
            plan = _plan.convolving.conv(x, None, 2, weight.shape, weight.dtype, None, None, stride, padding)
            geometry, sources, values = plan.tables
            plan = replace(plan, tables=(geometry, tables.copy(sources, True), values))
            np.testing.assert_array_equal(_run.convolving.conv(plan, x, weight, None, None, None), expected)


@pytest.mark.parametrize("what", ["run_short_rows", "run_tables"])
@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend[1] if backend[1] != "auto" else backend[0])
def test_no_convolution_of_few_columns_leaves_its_arrays(backend, what):
    done = run_python(
        f"import test_guarded_operations; test_guarded_operations.{what}(*{backend!r})", check=False, beside=__file__
    )
    assert done.returncode == 0, (done.stdout.splitlines()[-1:], done.stderr[-1500:])
