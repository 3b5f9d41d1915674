"""Threads: the caps, calls from several threads at once, and children of fork."""

import gc
import os
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import FILTER_DEFAULTS, needs_kernels, run_python

import convlab
from convlab import _cpus, _dispatch, _threads
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
        return filtering.filter2d(x, np.ones((3, 3)), *FILTER_DEFAULTS).threads

    assert threads(28) == 1
    assert threads(2048) >= 8


@needs_kernels
@pytest.mark.parametrize(("asked", "cpus", "beside"), [(3, 3, 2), (1, 3, 0), (8, 2, 1)])
def test_several_threads_run(asked, cpus, beside):
    """A plan of many threads starts them, and no more than there are CPUs for."""
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
    """OMP_NUM_THREADS too, which joblib and schedulers set, where CONVLAB_NUM_THREADS is not set."""
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
    """What is imported when it is first needed is imported once."""
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
    """The bounded cache is filled and emptied from all sides."""

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
        if item == 30:  # one of the first, since the last are taken first
            raise KeyError(item)
        work(item)

    done.clear()
    with pytest.raises(KeyError, match="30"):
        _threads.spread(fail, range(40), 2)
    assert len(done) < 39  # the rest is not begun


def test_spread_keeps_no_error():
    """Nor what its frames saw, where several threads fail: without the collector's help."""
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


def test_ctrl_c_before_the_calling_thread_works_waits_too(monkeypatch):
    """Wherever it comes: here as soon as another thread writes."""
    started, done, start = threading.Event(), [], _threads._thread.start_new_thread

    def slow(item):
        started.set()
        time.sleep(0.3)
        done.append(item)

    def interrupted(function, arguments):
        start(function, arguments)
        assert started.wait(9)
        raise KeyboardInterrupt

    monkeypatch.setattr(_threads._thread, "start_new_thread", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _threads.spread(slow, range(5), 2)
    assert done == [4]  # what was begun, and nothing else


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_ctrl_c_waits_for_the_other_threads():
    """They write into the caller's array; what they have not begun they leave."""
    done, started = [], threading.Event()

    def one_long(item):
        if threading.current_thread() is threading.main_thread():
            assert started.wait(9)
        else:
            started.set()
            time.sleep(0.6)
        done.append(item)

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            _threads.spread(one_long, range(2), 2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sorted(done) == [0, 1]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_a_signals_handler_may_call():
    """Also where it comes while the thread that it interrupts holds a lock."""
    code = """
import faulthandler, random, signal, time, numpy as np, convlab
faulthandler.dump_traceback_later(60, exit=True)
convlab.set_num_threads(2)
kernel, calls = np.ones((3, 3), np.float32), 0
def handler(*_):
    global calls
    calls += 1
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    assert (convlab.filter2d(np.ones((200 + calls % 300, 300), np.float32), kernel) == 9).all()
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 1e-5 + 5e-4 * random.random())
handler()
end = time.monotonic() + 3
while time.monotonic() < end:
    assert (convlab.filter2d(np.ones((100 + calls % 400, 300), np.float32), kernel) == 9).all()
signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert calls > 9
print("done")
"""
    assert run_python(code).stdout.strip() == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own():
    code = """
import os, numpy as np, convlab
from convlab._threads import _workers
convlab.set_num_threads(2)
_workers.set_cpus(2)
image, kernel = np.ones((1200, 1200), np.float32), np.ones((3, 3), np.float32)
expected = convlab.filter2d(image, kernel)
def threads():
    return len(os.listdir("/proc/self/task"))
listed = os.path.isdir("/proc/self/task") and "compiled" in convlab.last_kernel()
for _ in range(100):
    child = os.fork()
    if child == 0:
        good = convlab.get_num_threads() == 2 and (not listed or threads() == 1)
        good = good and np.array_equal(convlab.filter2d(image, kernel), expected)
        os._exit(0 if good and (not listed or threads() == 2) else 1)
    assert os.waitpid(child, 0)[1] == 0
print("done")
"""
    assert run_python(code).stdout.strip() == "done"


FORKS = """
import os, signal, sys, threading, time, warnings, numpy as np, convlab
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
from convlab import _threads
_threads._workers.set_cpus(2)
convlab.set_num_threads(2)
kernel, layer = np.ones((3, 3), np.float32), convlab.Conv2d(np.ones((8, 8, 3, 3), np.float32), padding=1)
x = np.ones((1, 8, 24, 24), np.float32)
def calls(i):
    y = convlab.filter2d(np.ones((270 + i, 390), np.float32), kernel)
    return (y == 9).all() and (convlab.median_filter(y, 3) == 9).all() and layer(x).shape == x.shape
def wait_for(child):
    end = time.monotonic() + 60
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            return
        assert time.monotonic() < end, "a child hangs"
        time.sleep(0.001)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_while_other_threads_call_does_not_hang():
    """Whatever lock another thread holds just then, the child, which has not that thread, can take."""
    code = f"""{FORKS}
stop = False
def others():
    n = 0
    while not stop:
        n += 1
        convlab.filter2d(np.ones((40 + n % 500, 300), np.float32), kernel)  # mostly a new plan
        _threads.spread(lambda item: None, range(3), 2)
threads = [threading.Thread(target=others) for _ in range(3)]
for thread in threads:
    thread.start()
for i in range(FORKS):
    child = os.fork()
    if child == 0:
        os._exit(0 if calls(i) and _threads.get_num_threads() == 2 else 1)
    wait_for(child)
stop = True
for thread in threads:
    thread.join()
print("done")
"""
    times = "300" if _dispatch.built_isas() else "30"  # NumPy takes a child longer
    assert run_python(code.replace("FORKS", times), timeout=300).stdout.strip() == "done"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_a_child_forked_in_the_middle_of_a_call_finishes_it():
    """By a signal's handler: the tasks of the parent's other threads run in the child again."""
    code = f"""{FORKS}
children = []
def handler(*_):
    children.append(os.fork())
signal.signal(signal.SIGALRM, handler)
image = np.arange(3000 * 3000, dtype=np.float32).reshape(3000, 3000) % 251
weights = np.arange(31 * 31, dtype=np.float32).reshape(31, 31) % 7
expected = convlab.filter2d(image, weights, algorithm="direct")
signal.setitimer(signal.ITIMER_REAL, 0.3, 0.7)
for _ in range(4):
    got = convlab.filter2d(image, weights, algorithm="direct")
    good = np.array_equal(got, expected)
    if 0 in children:
        os._exit(0 if good and calls(1) else 1)
    assert good
signal.setitimer(signal.ITIMER_REAL, 0)
for child in children:
    wait_for(child)
print("done", len(children) > 0)
"""
    assert run_python(code).stdout.strip() == "done True"


@pytest.mark.parametrize(
    "call", ["filter2d(image, kernel)", "median_filter(image, 9)", "conv2d(image[None, None], kernel[None, None])"]
)
def test_daemon_threads_call_while_the_interpreter_ends(call):
    code = f"""{FORKS}
image = np.ones((900, 900), np.float32)
calling = threading.Event()
def work():
    while True:
        convlab.{call}
        calling.set()
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
calling.wait()
print("done")
"""
    for _ in range(5):
        assert run_python(code).stdout.strip() == "done"


@needs_kernels
def test_a_signals_handler_may_call_while_a_kernel_is_imported():
    code = """
import numpy as np, convlab
from convlab import _dispatch
make, x = _dispatch.module_from_spec, np.ones((4, 4), np.float32)
def interrupted(spec):
    module = make(spec)
    _dispatch.module_from_spec = make
    print(convlab.max_pool2d(x, 2).sum())
    return module
_dispatch.module_from_spec = interrupted
print(convlab.max_pool2d(x, 2).sum(), "compiled" in convlab.last_kernel())
"""
    assert run_python(code).stdout.splitlines() == ["4.0", "4.0 True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_transforms_while_another_thread_forks():
    """SciPy's own threads end at a fork, and what is handed to them just then fails."""
    code = """
import os, threading, time, warnings, numpy as np, convlab
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
convlab.set_num_threads(4)
images = [np.ones(shape, np.float32) for shape in ((300, 300), (900, 900))]
kernel = np.random.default_rng(0).random((31, 31))
expected = [convlab.filter2d(image, kernel, algorithm="fft") for image in images]
stop, calls = False, []
def others():
    while not stop:
        calls.append(all(
            np.array_equal(convlab.filter2d(image, kernel, algorithm="fft"), right)
            for image, right in zip(images, expected)
        ))
threads = [threading.Thread(target=others) for _ in range(2)]
for thread in threads:
    thread.start()
for i in range(200):
    child = os.fork()
    if child == 0:
        if i % 10 == 0:
            convlab.filter2d(images[0], kernel, algorithm="fft")
        os._exit(0)
    end = time.monotonic() + 60
    while not os.waitpid(child, os.WNOHANG)[0]:
        assert time.monotonic() < end, "a child hangs"
        time.sleep(0.001)
assert all(thread.is_alive() for thread in threads), "a call failed"
stop = True
for thread in threads:
    thread.join()
assert len(calls) > 2 and all(calls)
print("done")
"""
    assert run_python(code).stdout.strip() == "done"


@needs_kernels
def test_nothing_spins_after_a_call():
    """A worker that has nothing to do looks for a job for 60 us at most, and then it sleeps."""
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
    """NumPy cannot be loaded twice in a process, and convlab says nothing else."""
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
