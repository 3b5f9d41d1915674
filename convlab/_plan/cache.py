"""Plans kept for the next call, found by one compiled key of a call's arguments."""

import math
import os
import threading
from collections.abc import Callable, Hashable, Iterator
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

# Calls of a process mostly repeat a few shapes; a plan takes about a kilobyte beside its taps.
CACHED_PLANS = 256
# A kernel of more bytes is no key: copying and comparing it would cost memory, and its plan is made beside much work.
LARGEST_KEY = 1 << 16

_plans: dict[Hashable, Any] = {}
_plans_lock = threading.RLock()  # a signal's handler may call in the middle of it


def _after_fork() -> None:
    """Begin anew in a child: a thread that is not in it may hold the lock, or without the GIL the dict's own."""
    global _plans, _plans_lock
    _plans, _plans_lock = {}, threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

__all__ = ["remembered", "signature"]


def _identified(option: Any) -> Iterator[Any]:
    """An option so that what compares equal is the same: 2, 2.0 and True, or 0.0 and -0.0, are not."""
    if option is None or type(option) in (str, bytes):
        yield option
    elif type(option) in (int, bool) or isinstance(option, (type, np.dtype)):
        yield type(option)
        yield option
    elif type(option) is float:
        yield from (["-", option] if option == 0 and math.copysign(1, option) < 0 else [option])
    elif type(option) is tuple:
        yield len(option)
        for part in option:
            yield from _identified(part)
    elif isinstance(option, np.generic):
        yield option.dtype
        yield option.tobytes()
    else:
        raise TypeError("no key")  # something that may change: its plan is made anew


def _signature(options: tuple[Any, ...], most: int, x: NDArray[Any], w: NDArray[Any] | None = None) -> Hashable:
    """What src/signature.pyx does, where it was not built."""
    parts: list[Hashable] = [x.shape, x.strides, x.dtype, x.flags.aligned]
    if w is not None:
        if w.nbytes > most:
            raise TypeError("no key")
        parts += [w.shape, w.dtype, w.tobytes()]
    for option in options:
        parts += _identified(option)
    return tuple(parts)


try:
    from convlab._kernels.signature import signature
except ImportError:
    signature = _signature


def remembered(make: FunctionT) -> FunctionT:
    """`make(x, w, *options)`, which makes a plan, with the plans of earlier calls kept.

    An operation without a kernel takes None for `w`. What `make` raises for wrong arguments is not kept.
    """
    quietly = np.errstate(all="ignore")(make)  # numbers that float32 cannot hold are no matter for NumPy's warnings

    @wraps(make)
    def find(x: NDArray[Any], w: NDArray[Any] | None, *options: Any) -> Any:
        try:
            key = make, signature(options, LARGEST_KEY, x, w)
        except TypeError:  # there is no key for this call
            return quietly(x, w, *options)
        plan = _plans.get(key)
        if plan is None:
            plan = quietly(x, w, *options)
            with _plans_lock:  # the oldest goes when there are too many
                if len(_plans) >= CACHED_PLANS:
                    _plans.pop(next(iter(_plans), None), None)
                _plans[key] = plan
        return plan

    return find  # type: ignore[return-value]
