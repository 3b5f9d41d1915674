"""Children forked between calls and during calls, and the end of the interpreter."""

import os
import signal

import pytest
from support import needs_kernels, run_python

from convlab import _dispatch


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


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_while_other_threads_call_does_not_hang():
    """The child has no other threads, but can take every lock that they held at the fork."""
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
    times = "300" if _dispatch.built_isas() else "30"  # a child takes longer with NumPy
    assert run_python(code.replace("FORKS", times), timeout=300).stdout.strip() == "done"


@needs_kernels  # NumPy takes minutes, with another child each second
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_a_child_forked_in_the_middle_of_a_call_finishes_it():
    """A signal handler forks: the child runs the tasks of the parent's other threads again."""
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_transforms_while_another_thread_forks():
    """SciPy's threads end at a fork, and work that they get at that moment fails."""
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
