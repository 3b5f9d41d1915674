"""Checks of single arguments, and the dtypes that convlab computes with."""

import math
import operator
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors

FLOAT32 = np.dtype(np.float32)
FLOAT32_MAX = float(np.finfo(np.float32).max)
IMAGE_DTYPES = tuple(
    np.dtype(t)
    for t in (
        np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64,
        np.float16, np.float32, np.float64,
    )
)  # fmt: skip
IMAGE_DTYPE_NAMES = "bool, an integer type, float16, float32 or float64"
# Integers that float32 holds exactly, with float16: what may pass through a float32 kernel and come back the same.
EXACT_IN_FLOAT32 = tuple(
    np.dtype(t) for t in (np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.float16, np.float32)
)
LARGEST_NUMBER = 2**31 - 1  # of a window, stride or padding


def is_masked(value: Any) -> bool:
    """Return whether it is a masked array; numpy.ma, which takes 8 MB, is not imported to look."""
    return type(value) is not np.ndarray and "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray)


def array(name: str, value: Any) -> NDArray[Any]:
    """The argument as a plain array, or an error. What lends its memory by DLPack alone is taken at its word."""
    if is_masked(value):
        raise _errors.masked(name)
    if not isinstance(value, np.ndarray):
        if name in _errors.INSTEAD_OF_TEXT and isinstance(value, (str, bytes, os.PathLike)):
            raise _errors.text(name, value)
        try:
            lends = hasattr(value, "__dlpack__") and not hasattr(value, "__array__")
            value = np.from_dlpack(value) if lends else np.asarray(value)
        except MemoryError:
            raise
        except Exception as error:  # whatever the value's own methods raise
            raise _errors.not_an_array(name, error) from error
    return np.asarray(value)


def check_dtype(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse what is no kind of number that convlab computes with."""
    if dtype.kind not in "biuf" or dtype.newbyteorder("=") not in IMAGE_DTYPES:
        raise _errors.wrong_dtype(name, dtype, IMAGE_DTYPE_NAMES)


def dtype_of(name: str, value: Any, expected: str) -> np.dtype[Any]:
    """The dtype that the argument names."""
    try:
        found: np.dtype[Any] = np.dtype(value)
    except Exception:  # NumPy parses words, with errors of all kinds
        raise _errors.wrong_type(name, value, expected) from None
    return found


def word(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in choices:
        raise _errors.wrong_word(name, value, choices)
    return value


def integer(name: str, value: Any, expected: str) -> int:
    """A whole number; bool and float are none."""
    if isinstance(value, (bool, np.bool_)):
        raise _errors.wrong_type(name, value, expected)
    try:
        return operator.index(value)
    except Exception:  # whatever the value's own method raises
        raise _errors.wrong_type(name, value, expected) from None


def real(name: str, value: Any, expected: str = "a real number") -> float:
    """A real number that float32 holds; NaN and infinity are, if they came as such."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise _errors.wrong_type(name, value, expected)
    try:
        number = float(value)
    except OverflowError:
        raise _errors.wrong_value(name, value, f"{expected} within float32's range") from None
    if math.isfinite(number) and abs(number) > FLOAT32_MAX:
        raise _errors.wrong_value(name, value, f"{expected} within float32's range")
    return number


def finite(name: str, value: Any) -> float:
    number = real(name, value, "a finite number")
    if not math.isfinite(number):
        raise _errors.wrong_value(name, value, "a finite number")
    return number


def pair(name: str, value: Any, low: int) -> tuple[int, int]:
    """(rows, columns) from a number, a 1-tuple (both axes) or one number per axis."""
    expected = f"a whole number of at least {low}, or a pair (rows, columns) of them"
    sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
    values = tuple(value) if sequence else (value,)
    if len(values) not in (1, 2):
        raise _errors.wrong_value(name, value, expected)
    numbers = [integer(name, v, expected) for v in values]
    if min(numbers) < low or max(numbers) > LARGEST_NUMBER:
        raise _errors.wrong_value(name, value, f"{expected}, and at most {LARGEST_NUMBER}")
    return numbers[0], numbers[-1]


NUMERALS = {2: "two", 3: "three"}


def check_kernel(name: str, kernel: NDArray[Any], axes: tuple[str, ...] = ("rows", "columns")) -> None:
    """Refuse what is no kernel, before anything is allocated for it."""
    check_dtype(name, kernel.dtype)
    if kernel.ndim != len(axes):
        raise _errors.wrong_shape(name, kernel.shape, f"{NUMERALS[len(axes)]} axes ({', '.join(axes)}) of taps")
    if kernel.size == 0:
        raise _errors.wrong_shape(name, kernel.shape, "at least one tap")
    if kernel.size > LARGEST_NUMBER:
        raise _errors.wrong_shape(name, kernel.shape, f"at most {LARGEST_NUMBER} taps")


def taps(name: str, kernel: NDArray[Any]) -> NDArray[np.float32]:
    """A kernel's taps in a float32 array of their own."""
    with np.errstate(all="ignore"):
        result = np.array(kernel, dtype=np.float32, order="C")
    lost = np.isinf(result) & np.isfinite(kernel)
    if lost.any():
        raise _errors.wrong_value(name, float(kernel[lost][0]), "taps within float32's range")
    return result


def float32(name: str, a: NDArray[Any]) -> NDArray[np.float32]:
    """Weights as kernels read them: the array itself where it is float32 and C-contiguous."""
    if a.dtype is FLOAT32 and a.flags.c_contiguous and a.flags.aligned:
        return a
    with np.errstate(all="ignore"):
        result = np.array(a, dtype=np.float32, order="C")
    lost = np.isinf(result) & np.isfinite(a)
    if lost.any():
        raise _errors.wrong_value(name, float(a[lost][0]), "numbers within float32's range")
    return result
