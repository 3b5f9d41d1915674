"""How many threads a call may use: the process's cap, a block's cap, what other calls leave of it, one after a fork."""

import _thread
import operator
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from convlab import _cpus, _errors
from convlab._blocks import Setting

MOST = 1024

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
    return min(_cpus.available(), MOST)


_cap = _default()
_forked = False
_caps: Setting[int] = Setting("threads")
_taken = 0  # threads that calls in progress have taken
_taking = threading.RLock()  # a signal's handler may call in the middle of it


def set_num_threads(n: int) -> None:
    """Let each call use at most `n` threads, in the whole process.

    The default is CONVLAB_NUM_THREADS, or else the CPUs of the process's affinity and of its control group's limit,
    rounded up. Calls that run at the same time share the cap: each runs on its own thread at least. A forked child
    stays at 1, because some OpenMP runtimes hang in it. What a call computes never depends on the number of threads.

    Parameters
    ----------
    n : int
        From 1 to 1024. Small calls use fewer threads, as does a process whose OpenMP limit is lower.

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
    global _cap
    _cap = _check("n", n)


def get_num_threads() -> int:
    """How many threads a call of this thread or task may use at most.

    Returns
    -------
    int
        The block's cap inside ``with convlab.threads(n):``, else the process's; in a forked child always 1.

    Examples
    --------
    >>> import convlab
    >>> with convlab.threads(3):
    ...     convlab.get_num_threads()
    3
    """
    if _forked:
        return 1
    return _caps.get(_cap)


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


def share(most: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments, threads)`` with `most` threads at most, as far as the calls in progress leave some."""
    global _taken
    cap = 1 if most == 1 else get_num_threads()
    if cap == 1:
        return function(*arguments, 1)
    threads = 0
    try:
        with _taking:
            threads = max(1, min(most, cap - _taken))
            _taken += threads
        return function(*arguments, threads)
    finally:
        with _taking:
            _taken -= threads


def spread(function: Callable[[T], None], items: Iterable[T], threads: int) -> None:
    """``function(item)`` for every item, on the calling thread and on others; the first error ends it.

    A thread takes its next item when it is there to do so: for one that the system had no memory to start, which
    `concurrent.futures` waits for for ever, nobody waits.
    """
    waiting, busy, errors = list(items), 0, list[BaseException]()
    ended = threading.Condition()

    def end(error: BaseException) -> None:
        errors.append(error)
        waiting.clear()

    def work() -> None:
        while waiting:
            try:
                item = waiting.pop()
            except IndexError:  # another thread had the last
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
    """GNU's OpenMP runtime hangs in a forked child that starts a region if the parent had one; one thread is safe."""
    global _forked, _taking
    _forked = True
    _taking = threading.RLock()  # a thread that is not in this child may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
