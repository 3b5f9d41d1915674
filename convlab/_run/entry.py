"""The way into an operation: compiled where the plan is cached and nothing but a kernel is to be done."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from convlab import _blocks, _dispatch, _subnormals, _threads
from convlab._plan import cache

try:
    from convlab._kernels import calls as _calls
except ImportError:  # not built
    _calls = None

ResultT = TypeVar("ResultT")


def entry(
    planned: Callable[..., tuple[Any, ...]],
    run: Callable[..., ResultT],
    *names: str,
    first: int = 0,
    others: int = 0,
) -> Callable[..., ResultT]:
    """Return a function of `out`, arrays and options that runs an operation (src/common/calls.pyx).

    In Python that is ``run(*planned(...), out)``, with the first options before the arrays, `first` of them. `names`
    say what the arrays are to a kernel: fields of its Call; or "taps", an array whose content the plan depends on, and
    has made its own of. The last arguments, `others`, no plan depends on.
    """

    def by_plan(out: Any, *given: Any) -> tuple[ResultT, Any]:
        arrays, options = given[: len(names)], given[len(names) :]
        found = planned(*options[:first], *arrays, *options[first:])
        return run(*found, out), found[0]

    if _calls is None:
        return lambda *given: by_plan(*given)[0]
    made: Callable[..., ResultT] = _calls.entry(by_plan, names, others)
    return made


def set_up() -> None:
    """Let the compiled path find the cache, which a child has anew, and the settings."""
    if _calls is not None:
        _calls.set_up(cache._cache, _dispatch, _blocks, _subnormals, _threads)


set_up()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=set_up)
