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
_plans_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # or a child might begin with a lock that nobody in it holds
    os.register_at_fork(
        before=_plans_lock.acquire, after_in_parent=_plans_lock.release, after_in_child=_plans_lock.release
    )
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

    @wraps(make)
    def find(x: NDArray[Any], w: NDArray[Any] | None, *options: Any) -> Any:
        try:
            key = make, signature(options, LARGEST_KEY, x, w)
        except TypeError:  # there is no key for this call
            return make(x, w, *options)
        plan = _plans.get(key)
        if plan is None:
            plan = make(x, w, *options)
            with _plans_lock:  # the oldest goes when there are too many
                if len(_plans) >= CACHED_PLANS:
                    del _plans[next(iter(_plans))]
                _plans[key] = plan
        return plan

    return find  # type: ignore[return-value]
