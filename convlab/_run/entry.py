"""The way into an operation: compiled where the plan is cached and nothing but a kernel is to be done."""

import os
from collections.abc import Callable
from typing import Any

from convlab import _blocks, _dispatch, _subnormals, _threads
from convlab._plan import cache

try:
    from convlab._kernels import calls as _calls
except ImportError:  # not built
    _calls = None


def entry(slow: Callable[..., tuple[Any, Any]], *names: str, others: int = 0) -> Callable[..., Any]:
    """Return a function of `out`, arrays and options that runs an operation (src/common/calls.pyx).

    `slow` does so in Python, for every call, and returns the result and its plan. `names` say what the arrays are to a
    kernel: fields of its Call; or "taps", an array whose content the plan depends on, and has made its own of. The last
    arguments, `others`, are for `slow` alone.
    """
    if _calls is None:
        return lambda *given: slow(*given)[0]
    made: Callable[..., Any] = _calls.entry(slow, names, others)
    return made


def set_up() -> None:
    """Let the compiled path find the cache, which a child has anew, and the settings."""
    if _calls is not None:
        _calls.set_up(cache._cache, _dispatch, _blocks, _subnormals, _threads)


set_up()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=set_up)
