"""Plans kept for the next call, found by one compiled key of a call's arguments."""

import math
import os
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

# Bytes of all cached plans and their keys: some 1,500 plans of ordinary calls, which take 2 to 3 KB each.
CACHE_BYTES = 4 << 20
# A kernel of more bytes is no key: copying and comparing it would cost memory, and its plan is made beside much work.
LARGEST_KEY = 1 << 16


class Cache:
    """Plans by key, oldest first, and how many bytes each takes."""

    def __init__(self) -> None:
        self.plans: dict[Hashable, Any] = {}
        self.sizes: dict[Hashable, int] = {}
        self.bytes = 0
        self._lock = threading.RLock()  # a signal's handler may call in the middle of it

    def add(self, key: Hashable, plan: Any, *parts: Any) -> None:
        """Keep a plan, or what refers to `parts`, and drop the oldest beyond CACHE_BYTES.

        Larger ones than a quarter are not kept.
        """
        size = size_of(key) + size_of(plan) + size_of(parts)
        if size > CACHE_BYTES // 4:
            return
        with self._lock:
            if key in self.plans:  # another thread made the same
                return
            while self.plans and self.bytes + size > CACHE_BYTES:
                oldest = next(iter(self.plans))
                self.plans.pop(oldest, None)
                self.bytes -= self.sizes.pop(oldest, 0)
            self.plans[key] = plan
            self.sizes[key] = size
            self.bytes += size

    def clear(self) -> None:
        with self._lock:
            self.plans.clear()
            self.sizes.clear()
            self.bytes = 0


def size_of(value: Any, seen: set[int] | None = None) -> int:
    """Bytes that a plan or a key takes: all that it refers to, each object once; types and functions are shared."""
    seen = set() if seen is None else seen
    if value is None or isinstance(value, (type, bool, np.dtype)) or callable(value) or id(value) in seen:
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, np.ndarray):  # a view's memory is its base's
        return size if value.base is None else size + size_of(value.base, seen)
    if isinstance(value, (tuple, list)):
        return size + sum(size_of(part, seen) for part in value)
    if isinstance(value, dict):
        return size + sum(size_of(part, seen) for item in value.items() for part in item)
    if is_dataclass(value):
        return size + sum(size_of(getattr(value, field.name), seen) for field in fields(value))
    return size


_cache = Cache()


def _after_fork() -> None:
    """Begin anew in a child: a thread that is not in it may hold the lock, or without the GIL the dict's own."""
    global _cache
    _cache = Cache()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
ArrayT_contra = TypeVar("ArrayT_contra", bound=NDArray[Any] | None, contravariant=True)
OptionsT = TypeVar("OptionsT")
PlanT = TypeVar("PlanT")
PlanT_co = TypeVar("PlanT_co", covariant=True)


class Finder(Protocol[ArrayT_contra, PlanT_co]):
    """Finds the plan of a call from its image, its kernel or None, and its options in their family's order."""

    def __call__(self, x: NDArray[Any], w: ArrayT_contra, /, *options: object) -> PlanT_co: ...


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
    """What src/common/calls.pyx does, where it was not built."""
    parts: list[Hashable] = [x.shape, x.strides, x.dtype, x.flags.aligned]
    if w is not None:
        if w.nbytes > most:
            raise TypeError("no key")
        parts += [w.shape, w.dtype, w.tobytes()]
    for option in options:
        parts += _identified(option)
    return tuple(parts)


try:
    from convlab._kernels.calls import signature
except ImportError:
    signature = _signature


def remembered(
    options_type: Callable[..., OptionsT],
) -> Callable[[Callable[[NDArray[Any], ArrayT_contra, OptionsT], PlanT]], Finder[ArrayT_contra, PlanT]]:
    """Decorate `make(x, w, options)`, which makes a plan: called with the options' values, it returns cached plans.

    An operation without a kernel takes None for `w`. The options are built where no plan is cached. What `make` raises
    for wrong arguments is not kept.
    """

    def decorate(make: Callable[[NDArray[Any], ArrayT_contra, OptionsT], PlanT]) -> Finder[ArrayT_contra, PlanT]:
        quietly = np.errstate(all="ignore")(make)  # numbers that float32 cannot hold are no matter for NumPy's warnings

        @wraps(make)
        def find(x: NDArray[Any], w: ArrayT_contra, *options: object) -> PlanT:
            try:
                key = make, signature(options, LARGEST_KEY, x, w)
            except TypeError:  # there is no key for this call
                return quietly(x, w, options_type(*options))
            plan: PlanT | None = _cache.plans.get(key)
            if plan is None:
                plan = quietly(x, w, options_type(*options))
                _cache.add(key, plan)
            return plan

        return find

    return decorate
