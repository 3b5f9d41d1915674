"""Threads: the limits, simultaneous calls from several threads, and forked children."""

import gc
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import needs_kernels, run_python

import convlab
from convlab import _cpus, _threads
from convlab._plan import cache, filtering


@pytest.fixture(autouse=True)
def _restore():
    before = convlab.get_num_threads()
    yield
    convlab.set_num_threads(before)


def test_caps():
    convlab.set_num_threads(5)
    assert convlab.get_num_threads() == 5
    with convlab.threads(2):
        assert convlab.get_num_threads() == 2
        with convlab.threads(9):
            assert convlab.get_num_threads() == 9
        assert convlab.get_num_threads() == 2
        seen = []
        thread = threading.Thread(target=lambda: seen.append(convlab.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [5]
    assert convlab.get_num_threads() == 5


def test_small_work_gets_one_thread_and_large_work_more():
    def threads(size):
        x = np.zeros((size, size), np.float32)
        return filtering.filter2d(x, np.ones((3, 3))).threads

    assert threads(28) == 1
    assert threads(2048) >= 8


@needs_kernels
@pytest.mark.parametrize(("asked", "cpus", "beside"), [(3, 3, 2), (1, 3, 0), (8, 2, 1)])
def test_several_threads_run(asked, cpus, beside):
    """A plan of many threads starts them, but at most one per CPU."""
    code = f"""
import os, numpy as np, convlab
from convlab._threads import _workers
convlab.set_num_threads({asked})
_workers.set_cpus({cpus})
def started():
    return len(os.listdir("/proc/self/task"))
before = started()
for _ in range(3):
    convlab.filter2d(np.ones((1500, 1500), np.float32), np.ones((3, 3)))
print(started() - before)
"""
    if not os.path.isdir("/proc/self/task"):  # noqa: PTH112
        pytest.skip("this system does not list a process's threads")
    assert run_python(code).stdout.strip() == str(beside)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "1,4"}, 1),
        ({"OMP_NUM_THREADS": " 1 "}, 1),
        ({"OMP_NUM_THREADS": "0"}, 1),
        ({"OMP_NUM_THREADS": "9999"}, None),
        ({"OMP_NUM_THREADS": "many"}, None),
        ({"OMP_NUM_THREADS": ""}, None),
        ({"OMP_NUM_THREADS": "1", "CONVLAB_NUM_THREADS": "7"}, 7),
        ({"CONVLAB_NUM_THREADS": "1"}, 1),
    ],
)
def test_the_environment_bounds_the_default(variables, expected):
    """OMP_NUM_THREADS, which joblib and schedulers set, counts too if CONVLAB_NUM_THREADS is not set."""
    clean = {"OMP_NUM_THREADS": variables.get("OMP_NUM_THREADS", "")}
    threads = int(run_python("import convlab; print(convlab.get_num_threads())", **clean | variables).stdout)
    assert threads == (expected or _cpus.available())


@needs_kernels
@pytest.mark.parametrize(
    "order", ["import threadpoolctl, convlab", "import convlab, threadpoolctl; convlab.register_threadpoolctl()"]
)
def test_threadpoolctl_limits(order):
    pytest.importorskip("threadpoolctl")
    code = f"""
{order}
import numpy as np
convlab.set_num_threads(5)
def ours():
    return [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "convlab"]
(pool,) = ours()
assert pool["prefix"] == "convlab_workers" and pool["version"] == convlab.__version__, pool
assert pool["num_threads"] == convlab.get_num_threads() == 5
image = np.ones((900, 900), np.float32)
for limits in (1, {{"convlab": 1}}):
    with threadpoolctl.threadpool_limits(limits):
        assert ours()[0]["num_threads"] == convlab.get_num_threads() == 1
        assert (convlab.filter2d(image, np.ones((3, 3))) == 9).all()
    assert convlab.get_num_threads() == 5
print("done")
"""
    assert run_python(code).stdout.strip() == "done"


def test_calls_from_many_threads_at_once(rng):
    image = rng.standard_normal((300, 400), dtype=np.float32)
    kernels = [rng.standard_normal((k, k), dtype=np.float32) for k in (3, 4, 5, 7)]
    expected = [convlab.filter2d(image, kernel) for kernel in kernels]
    pooled = convlab.max_pool2d(image, 3, 2, 1)

    def one(i):
        y = convlab.filter2d(image, kernels[i % 4])
        return np.array_equal(y, expected[i % 4]) and np.array_equal(convlab.max_pool2d(image, 3, 2, 1), pooled)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(200)))


@needs_kernels
def test_first_calls_at_once():
    """Modules that are imported at their first use are imported once."""
    code = """
import threading, numpy as np, convlab
calls = [lambda: convlab.filter2d(np.ones((9, 9)), np.ones((3, 3))), lambda: convlab.max_pool2d(np.ones((8, 8)), 2),
         lambda: convlab.median_filter(np.ones((9, 9)), 3), lambda: convlab.box(np.ones((9, 9)), 3)]
start, done = threading.Barrier(8), []
def work(i):
    start.wait()
    for k in range(4):
        done.append(float(calls[(i + k) % 4]().max()))
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(set(done)), len(done), convlab.last_kernel())
"""
    for _ in range(5):
        assert run_python(code).stdout == "[1.0, 9.0] 32 None\n"


def test_many_plans_from_many_threads(rng):
    """Many threads fill and empty the bounded cache."""

    def one(n):
        x = np.full((n, n), n, np.float32)
        return bool((convlab.max_pool2d(x, 1) == n).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, [*range(1, 400)] * 3))
    assert cache._cache.bytes <= cache.CACHE_BYTES


def test_spread():
    convlab.set_num_threads(4)
    done, threads = [], set()

    def work(item):
        threads.add(threading.get_ident())
        time.sleep(0.01)
        done.append(item)

    _threads.spread(work, range(40), 4)
    assert sorted(done) == list(range(40))
    assert threading.get_ident() in threads
    assert len(threads) == 4

    def fail(item):
        if item == 30:  # one of the first, because the last are taken first
            raise KeyError(item)
        work(item)

    done.clear()
    with pytest.raises(KeyError, match="30"):
        _threads.spread(fail, range(40), 2)
    assert len(done) < 39  # the other items are not begun


def test_spread_takes_no_memory_for_items():
    def fail(item):
        raise KeyError(item)

    with pytest.raises(KeyError, match=str(10**15 - 1)):
        _threads.spread(fail, range(10**15), 2)


def test_spread_keeps_no_reference_to_an_error():
    """If several threads fail, their frames are freed without the garbage collector."""
    kept, both = [], threading.Barrier(2)

    def fail(item):
        array = np.zeros(9)
        kept.append(weakref.ref(array))
        both.wait(5)
        raise KeyError(item)

    gc.disable()
    try:
        with pytest.raises(KeyError):
            _threads.spread(fail, range(2), 2)
        time.sleep(0.1)  # the other thread ends
        assert len(kept) == 2
        assert all(reference() is None for reference in kept)
    finally:
        gc.enable()


@needs_kernels
def test_nothing_spins_after_a_call():
    """A worker without work spins for at most 60 us, then it sleeps."""
    code = """
import time, numpy as np, convlab
convlab.set_num_threads(2)
image, kernel = np.ones((1500, 1500), np.float32), np.ones((5, 5))
for _ in range(3):
    convlab.filter2d(image, kernel)
before = time.process_time()
time.sleep(1)
print(time.process_time() - before)
"""
    assert float(run_python(code).stdout) < 0.001


def test_a_subinterpreter_gets_numpys_import_error():
    """NumPy cannot be loaded twice in a process; convlab raises the same error."""
    pytest.importorskip("_xxsubinterpreters")
    code = """
import sys, numpy, convlab, _xxsubinterpreters as interpreters
number = interpreters.create()
try:
    interpreters.run_string(number, f"import sys; sys.path[:] = {sys.path!r}; import convlab; convlab.max_pool2d")
except interpreters.RunFailedError as error:
    print(error)
"""
    assert "ImportError" in run_python(code).stdout
