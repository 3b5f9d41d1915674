"""How many threads a call may use: the process's cap, a block's cap, and the number of CPUs."""

import _thread
import atexit
import operator
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from convlab import _cpus, _errors, _subnormals
from convlab._blocks import Setting

try:
    import convlab._kernels.convlab_workers as _workers
except ImportError:  # not built: the fallback has transforms alone to run on several threads
    import convlab._no_workers as _workers

MOST = 1024
FLUSH = 1 << 16

T = TypeVar("T")


def _check(name: str, value: Any) -> int:
    expected = f"a whole number from 1 to {MOST}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise _errors.wrong_type(name, value, expected)
    if not 1 <= operator.index(value) <= MOST:
        raise _errors.wrong_value(name, value, expected)
    return operator.index(value)


def _default() -> int:
    text = os.environ.get("CONVLAB_NUM_THREADS")
    if text is not None:
        if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
            raise _errors.wrong_value("CONVLAB_NUM_THREADS", text, f"a whole number from 1 to {MOST}")
        return int(text)
    return min(_cpus.available(), _openmp_limit(), MOST)


def _openmp_limit() -> int:
    """Return OMP_NUM_THREADS, by which schedulers and joblib say how many threads a process should use.

    It is a list, one number for each level of nesting. Other words count for nothing, as in OpenMP.
    """
    text = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) <= 9 else MOST


_workers.set_cap(_default())
_workers.set_cpus(_cpus.available())
atexit.register(_workers.end)
_caps: Setting[int] = Setting("threads")
_beside = 0  # threads that `spread` started and that still run
_counting = threading.RLock()  # a signal's handler may call in the middle of it


def set_num_threads(n: int) -> None:
    """Let each call use at most `n` threads, in the whole process.

    The default is CONVLAB_NUM_THREADS. Without it, it is the number of CPUs in the process's affinity and its control
    group's limit, rounded up, or OMP_NUM_THREADS if that is lower. Calls that run at the same time share the threads
    beside their own. What a call computes never depends on the number of threads.

    Parameters
    ----------
    n : int
        From 1 to 1024. Small calls use fewer threads, and no call uses more than the process has CPUs, which are
        counted when convlab is imported and here.

    Raises
    ------
    TypeError, ValueError
        `n` is no whole number, or out of range.

    Examples
    --------
    >>> import convlab
    >>> before = convlab.get_num_threads()
    >>> convlab.set_num_threads(1)
    >>> convlab.get_num_threads()
    1
    >>> convlab.set_num_threads(before)
    """
    _workers.set_cap(_check("n", n))
    _workers.set_cpus(_cpus.available())


def get_num_threads() -> int:
    """How many threads a call of this thread or task may use at most.

    Returns
    -------
    int
        The block's cap inside ``with convlab.threads(n):``, else the process's.

    Examples
    --------
    >>> import convlab
    >>> with convlab.threads(3):
    ...     convlab.get_num_threads()
    3
    """
    return int(_caps.get(_workers.get_cap()))


def threads(n: int) -> AbstractContextManager[None]:
    """Let each call of a ``with`` block, in this thread or task alone, use at most `n` threads.

    The object may be kept and used again, and blocks may be left in any order, as with `use_backend`.

    Parameters
    ----------
    n : int
        From 1 to 1024.

    Raises
    ------
    TypeError, ValueError
        `n` is no whole number, or out of range.

    Examples
    --------
    >>> import convlab
    >>> with convlab.threads(1):
    ...     convlab.get_num_threads()
    1
    """
    return _caps.using(_check("n", n))


def limited(most: int) -> int:
    """Return how many threads a call may use for which `most` pay."""
    return 1 if most == 1 else min(most, get_num_threads(), _workers.get_cpus())


def limited_sums(most: int) -> int:
    """Return the same for a kernel that sums, and with it whether it flushes subnormal numbers (src/common/tasks.h)."""
    return limited(most) | FLUSH if _subnormals.flushing() else limited(most)


def spread(function: Callable[[T], None], items: Sequence[T], threads: int) -> None:
    """Call ``function(item)`` for every item, on the calling thread and on others; the first error ends it.

    This is for work in Python (SciPy's transforms), which the pool's workers never touch. Threads take items from one
    sequence, and the calling thread takes those that no other has begun: it never waits for a thread that has not
    started, as it would in `concurrent.futures` or with the ``workers`` of `scipy.fft`. Calls at the same time share
    threads. Items are not copied: a range of millions takes no memory.
    """
    global _beside
    with _counting:
        threads = 1 + max(0, min(threads - 1, get_num_threads() - 1 - _beside))
        _beside += threads - 1
    try:
        _spread(function, reversed(items), threads)
    finally:
        with _counting:
            _beside -= threads - 1


def _spread(function: Callable[[T], None], waiting: Iterator[T], threads: int) -> None:
    busy, errors = 0, list[BaseException]()
    ended = threading.Condition()

    def end(error: BaseException) -> None:
        errors.append(error)

    def work() -> None:
        for item in waiting:  # each thread takes the next one: an iterator of a range or a list is one step of Python
            if errors:
                return
            function(item)

    def beside() -> None:
        nonlocal busy
        with ended:
            busy += 1
        try:
            work()
        except BaseException as error:
            end(error)
        finally:
            with ended:
                busy -= 1
                ended.notify()

    try:
        for _ in range(threads - 1):
            try:
                _thread.start_new_thread(beside, ())
            except RuntimeError:  # no room for its stack
                break
        work()
    except BaseException as error:  # Ctrl-C too, wherever it comes
        end(error)
    while True:
        try:
            with ended:
                ended.wait_for(lambda: busy == 0)  # they write where they were told to
            break
        except BaseException as error:
            end(error)
    if errors:
        first = errors[0]
        errors.clear()
        try:
            raise first
        finally:
            del first  # no error is held by a frame that it holds, or all that it saw would stay


def _after_fork() -> None:
    """Begin anew: a thread that is not in this child may have held the lock, or been counted."""
    global _beside, _counting
    _beside, _counting = 0, threading.RLock()
    _workers.set_main_thread()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def register_threadpoolctl() -> None:
    """Let threadpoolctl see and limit convlab's threads.

    `import convlab` does it where threadpoolctl is imported already; call this where it is imported later. Then
    ``threadpoolctl.threadpool_info()`` lists them with ``user_api="convlab"``, and ``threadpoolctl.threadpool_limits``
    sets what `set_num_threads` sets.

    Raises
    ------
    ImportError
        threadpoolctl is not installed.

    Examples
    --------
    >>> import convlab, threadpoolctl
    >>> convlab.register_threadpoolctl()
    >>> with threadpoolctl.threadpool_limits(1, user_api="convlab"):
    ...     y = convlab.filter2d(convlab.data.ascent(), [[0, 1, 0]])  # on one thread
    """
    import threadpoolctl

    class ConvlabController(threadpoolctl.LibController):  # type: ignore[misc]
        """Finds the pool's library by its file's name, and reaches the cap by the names of two C functions."""

        user_api = "convlab"
        internal_api = "convlab"
        filename_prefixes = ("convlab_workers",)
        check_symbols = ("convlab_workers_get_cap", "convlab_workers_set_cap")

        def get_num_threads(self) -> int:
            return int(self.dynlib.convlab_workers_get_cap())

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.convlab_workers_set_cap(num_threads)

        def get_version(self) -> str:
            from convlab._version import __version__

            return __version__

    threadpoolctl.register(ConvlabController)


if "threadpoolctl" in sys.modules:
    register_threadpoolctl()
