"""Translate SciPy's arguments into convlab's; None means that the call falls back to SciPy, valid or not."""

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any, NamedTuple, ParamSpec, TypeAlias

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from convlab._dispatch import SCIPY, serve
from convlab._plan.cache import signature
from convlab.translation.borders import ours
from convlab.typing import Border

from ._lines import GUARDED, guarded

ArgumentsP = ParamSpec("ArgumentsP")
# A prepared call, a result, or None to fall back to SciPy.
Found: TypeAlias = "Ready | NDArray[Any] | None"

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
# Integers that float32 holds exactly, by their largest magnitude.
LARGEST = {
    np.dtype(np.bool_): 1,
    np.dtype(np.uint8): 255,
    np.dtype(np.int8): 128,
    np.dtype(np.uint16): 65535,
    np.dtype(np.int16): 32768,
}
# Float32 sums of integers below this are exact.
EXACT_BELOW = 2**24
LARGEST_WINDOW = 2047  # along an axis, of a median
SHORT = 1 << 14  # pixels
LARGEST_KEY = 1 << 14  # bytes of taps that are cached by their content
SMALLEST, LARGEST_FLOAT = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


# SciPy's functions by name, bound once, so that later changes of SciPy's module (a patch with ours) have no effect.
ORIGINALS: dict[str, Callable[..., Any]] = {}


def or_original(module: ModuleType) -> Callable[[Callable[ArgumentsP, Found]], Callable[ArgumentsP, NDArray[Any]]]:
    """Make a function fall back to SciPy's function of the same name if it returns None.

    A `Ready` result is executed, and cached for the next call that differs only in the pixels.
    """

    def decorate(function: Callable[ArgumentsP, Found]) -> Callable[ArgumentsP, NDArray[Any]]:
        name = function.__name__
        function.__annotations__["return"] = "NDArray[Any]"  # the type that callers get
        original = getattr(module, name)
        ORIGINALS[name] = guarded(original) if name in GUARDED else original

        @wraps(function)
        def call(*args: ArgumentsP.args, **kwargs: ArgumentsP.kwargs) -> Any:
            first: Any = args[0] if args else kwargs.get("input")
            key = cached = None
            if args and type(first) is np.ndarray:
                taps = args[1] if len(args) > 1 and type(args[1]) is np.ndarray else None
                rest = args[1:] if taps is None else args[2:]
                options = (name, rest, *kwargs, *kwargs.values()) if kwargs else (name, rest)
                try:
                    key = signature(options, LARGEST_KEY, first, taps)
                except TypeError:  # a mutable argument
                    pass
                else:
                    cached = _ready.get(key)
            if cached is not None:
                result = cached(first)
            else:
                found = function(*args, **kwargs)
                if isinstance(found, Ready):
                    # A second argument that is an array may be the output.
                    if key is not None and found.wanted.array is None:
                        if len(_ready) >= CACHED:
                            _ready.clear()
                        _ready[key] = found
                    found = found(np.asarray(first))
                result = found
            if result is None:
                result = ORIGINALS[name](*args, **kwargs)
                serve(SCIPY, f"{module.__name__}.{name}")
            return result

        return call

    return decorate


or_scipy = or_original(scipy.ndimage)


@dataclass(frozen=True, slots=True)
class Ready:
    """A call with translated arguments: a convlab function to call on the reshaped image."""

    function: Callable[..., NDArray[Any]]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    shape: tuple[int, ...]
    wanted: "Wanted"
    finite: bool = False  # whether to fall back to SciPy if the result is not finite
    number: bool = False  # whether to fall back to SciPy if the result contains NaN

    def __call__(self, x: NDArray[Any]) -> NDArray[Any] | None:
        shape, wanted = x.shape, self.wanted
        y = self.function(x if shape == self.shape else x.reshape(self.shape), *self.arguments, **self.options)
        if self.finite and not _all(np.isfinite(y)):
            return None
        if self.number and y.dtype == FLOAT32 and not _all(y == y):
            return None
        if wanted.array is not None:
            return (
                wanted.array if y is self.options.get("out") else stored(_converted(y.reshape(shape), wanted), wanted)
            )
        return y if shape == self.shape and y.dtype == wanted.dtype else _converted(y.reshape(shape), wanted)


def _all(flags: NDArray[np.bool_]) -> bool:
    """Return whether all are True; for a small image a search of bytes takes a third of a reduction's time."""
    return b"\0" not in flags.tobytes() if flags.size < SHORT else bool(flags.all())


def _converted(y: NDArray[Any], wanted: "Wanted") -> NDArray[Any]:
    if y.dtype.kind == "f" and wanted.dtype.kind in "iu":
        return wrapped(y, wanted.dtype)
    return y.astype(wanted.dtype, copy=False)


# Cached calls, by their arguments without the pixels.
CACHED = 256
_ready: dict[Any, Ready] = {}


class Wanted(NamedTuple):
    """The dtype of a result, and the caller's output array, if there is one."""

    dtype: np.dtype[Any]
    array: NDArray[Any] | None


def image(value: Any) -> NDArray[Any] | None:
    """Return an image of a dtype that convlab filters as precisely as SciPy, or None."""
    if not isinstance(value, np.ndarray):
        return None  # lists have 64-bit numbers; SciPy converts other libraries' arrays
    x = np.asarray(value)
    native = x.dtype.newbyteorder("=")
    return x if x.size and x.ndim and (native == FLOAT32 or native in LARGEST) else None


def output(value: Any, x: NDArray[Any]) -> Wanted | None:
    """Translate SciPy's `output`: None, a dtype, its name, or an array."""
    if value is None:
        return Wanted(x.dtype.newbyteorder("="), None)
    if isinstance(value, np.ndarray):
        if value.shape != x.shape or not value.flags.writeable or not _supported(value.dtype):
            return None
        return Wanted(value.dtype, np.asarray(value))
    if not isinstance(value, (str, type, np.dtype)):
        return None
    try:
        dtype = np.dtype(value)
    except TypeError:
        return None
    return Wanted(dtype, None) if _supported(dtype) and dtype.kind != "b" and dtype.isnative else None


def _supported(dtype: np.dtype[Any]) -> bool:
    """Return whether an output dtype is supported: not half or extended precision, complex or objects."""
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8))


def axes(value: Any, ndim: int) -> tuple[int, ...] | None:
    """Translate SciPy's `axes` to distinct non-negative numbers."""
    if value is None:
        return tuple(range(ndim))
    try:
        numbers = tuple(operator.index(a) for a in (value if isinstance(value, Iterable) else (value,)))
    except TypeError:
        return None
    if any(not -ndim <= a < ndim for a in numbers):
        return None
    found = tuple(a % ndim for a in numbers)
    return found if len(set(found)) == len(found) else None


def axis(value: Any, ndim: int) -> tuple[int] | None:
    """Translate SciPy's `axis` to a tuple of one non-negative number."""
    number = whole(value)
    return None if number is None or not -ndim <= number < ndim else (number % ndim,)


def per_axis(value: Any, n: int) -> list[Any] | None:
    """Return one value for each of n axes, from one or from a sequence of n."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * n
    values = list(value)
    return values if len(values) == n else None


def whole(value: Any) -> int | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def real(value: Any) -> float | None:
    """Return a finite number that is zero or a normal number in float32, else None."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number == 0 or SMALLEST <= abs(number) <= LARGEST_FLOAT else None


def border(mode: Any) -> Border | None:
    return ours("scipy.ndimage", mode)


def anchor(size: int, origin: Any) -> int | None:
    """Return the index of the tap on the output's pixel."""
    shift = whole(origin)
    if shift is None:
        return None
    tap = size // 2 + shift
    return tap if 0 <= tap < size else None


class Facts(NamedTuple):
    """Properties of a kernel's taps."""

    whole: bool  # all are whole numbers
    up: float  # the sum of the positive ones
    down: float  # the sum of the negative ones
    smallest: float  # magnitude, except 0
    largest: float

    @property
    def representable(self) -> bool:
        """Whether all taps are normal numbers or zero in float32."""
        return self.smallest >= SMALLEST and self.largest <= LARGEST_FLOAT


def _facts(w: NDArray[np.float64]) -> Facts:
    up, down = float(w[w > 0].sum()), float(w[w < 0].sum())
    sizes = np.abs(w[w != 0])
    if not np.isfinite(up - down):  # NaN or infinity
        return Facts(False, up, down, 0.0, math.inf)
    low, high = (float(sizes.min()), float(sizes.max())) if sizes.size else (SMALLEST, 0.0)
    return Facts(bool(np.all(w == np.rint(w))), up, down, low, high)


@lru_cache(256)
def _cached_facts(taps: bytes) -> Facts:
    return _facts(np.frombuffer(taps))


def facts(w: NDArray[np.float64]) -> Facts:
    """Return the facts of a kernel, cached by its content."""
    return _cached_facts(w.tobytes()) if w.nbytes <= LARGEST_KEY else _facts(w)


def weights(value: Any, ndim: int, skip: float = 0.0) -> NDArray[np.float64] | None:
    """Return taps that float32 represents to its precision, with magnitudes up to `skip` set to 0, else None."""
    try:
        w = np.asarray(value)
        if w.dtype.kind not in "biuf" or w.ndim != ndim or not w.size:
            return None
        w = np.asarray(w, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    known = facts(w)
    if 0 < known.smallest <= skip:
        w = np.where(np.abs(w) <= skip, 0.0, w)
        known = facts(w)
    return w if known.representable else None


@lru_cache(64)
def _cached_product(column: bytes, row: bytes) -> NDArray[np.float64]:
    taps = np.outer(np.frombuffer(column), np.frombuffer(row))
    taps.flags.writeable = False
    return taps


def product(column: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the outer product, cached by the content of both."""
    if column.nbytes * row.size > LARGEST_KEY:
        return np.outer(column, row)
    return _cached_product(column.tobytes(), row.tobytes())


def exact(x: NDArray[Any], w: NDArray[np.float64], cval: float | None) -> bool:
    """Return whether sums of these taps over these integers are exact in float32; `cval` is None if it is not used."""
    largest = LARGEST.get(x.dtype) or LARGEST.get(x.dtype.newbyteorder("="))
    if largest is None or (cval is not None and not cval.is_integer()):
        return False
    known = facts(w)
    return known.whole and (known.up - known.down) * max(largest, abs(cval or 0.0)) < EXACT_BELOW


def holds(dtype: np.dtype[Any], x: NDArray[Any], w: NDArray[np.float64], cval: float | None) -> bool:
    """Return whether sums of these taps over these integers always fit an integer type of 8 or 16 bits."""
    if dtype not in LARGEST or dtype.kind not in "iu":
        return False
    largest, known, limits = LARGEST[x.dtype.newbyteorder("=")], facts(w), np.iinfo(dtype)
    least = min(0.0 if x.dtype.kind in "bu" else -largest, cval or 0.0)
    most = max(largest, cval or 0.0)
    up, down = known.up, known.down
    return up * least + down * most >= limits.min and up * most + down * least <= limits.max


def wrapped(sums: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert whole numbers to an integer type as SciPy does: modulo its range."""
    return sums.astype(np.int32).astype(dtype, copy=False)


def stored(result: NDArray[Any], wanted: Wanted) -> NDArray[Any]:
    """Return the result, or the caller's output array after copying the result into it."""
    if wanted.array is None:
        return result
    wanted.array[...] = result
    return wanted.array


def planes(shape: tuple[int, ...], wide: tuple[int, ...]) -> tuple[tuple[int, ...], int | None] | None:
    """Return (shape, channel_axis) of an image whose rows and columns are two axes and whose channels are all others.

    None if the other axes are not adjacent.
    """
    first, last = wide
    sides = math.prod(shape[:first]), math.prod(shape[first + 1 : last]), math.prod(shape[last + 1 :])
    others = [axis for axis, size in enumerate(sides) if size > 1]
    if not others:
        return (shape[first], shape[last]), None
    if len(others) > 1:
        return None
    (axis,) = others
    sizes = [shape[first], shape[last]]
    sizes.insert(axis, sides[axis])
    return tuple(sizes), axis
