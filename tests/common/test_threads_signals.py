"""Signals while calls run: Ctrl-C, and handlers that call."""

import signal
import threading
import time

import pytest
from support import needs_kernels, run_python

from convlab import _threads


def test_ctrl_c_before_the_calling_thread_works_waits_too(monkeypatch):
    """Ctrl-C may arrive at any moment, here when another thread writes."""
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
    assert done == [4]  # only the tasks that had begun


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_ctrl_c_waits_for_the_other_threads():
    """They write into the caller's array, and do not begin other tasks."""
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
    """Also if the interrupted thread holds a lock."""
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
