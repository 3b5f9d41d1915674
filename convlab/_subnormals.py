"""What sums do with subnormal numbers: compute with them as IEEE 754 says, or take and store them as 0."""

import os
from contextlib import AbstractContextManager
from typing import Any, get_args

from convlab import _errors
from convlab._blocks import Setting, note_change
from convlab.typing import Subnormals

WORDS: tuple[Subnormals, ...] = get_args(Subnormals)


def _check(name: str, word: Any) -> bool:
    if not isinstance(word, str) or word not in WORDS:
        raise _errors.wrong_word(name, word, WORDS)
    return word == "flush"


_default = _check("CONVLAB_SUBNORMALS", os.environ.get("CONVLAB_SUBNORMALS", "keep"))
_flush: Setting[bool] = Setting("subnormals")
if _default:
    note_change()


def flushing() -> bool:
    """Return whether a call of this thread or task flushes them."""
    return _flush.get(_default)


def set_subnormals(mode: Subnormals) -> None:
    """Say what sums do with subnormal numbers, in the whole process.

    Numbers below 2**-126 (1.2e-38) in magnitude take some processors 10 to 350 times as long to multiply. With "flush",
    compiled kernels that sum (filters, boxes, convolutions, average and Lp pools) take them and store them as 0.
    Results then have the same bits on any number of threads and on every x86 instruction set with fused multiply-adds,
    but not on other processors, in the NumPy fallback, or where SciPy's transforms serve: those keep them.
    Maxima, minima, medians, unpooling and the frame of ``border="keep"`` only move pixels, and always keep them.

    The default is CONVLAB_SUBNORMALS, or else "keep". The calling thread's own floating-point state does not matter,
    and is as it was after each call.

    Parameters
    ----------
    mode : {"keep", "flush"}
        "keep" computes as IEEE 754 says.

    Raises
    ------
    ValueError
        A word that is none of these.

    Examples
    --------
    >>> import convlab
    >>> convlab.set_subnormals("flush")
    >>> convlab.get_subnormals()
    'flush'
    >>> convlab.set_subnormals("keep")
    """
    global _default
    _default = _check("mode", mode)
    note_change()


def get_subnormals() -> Subnormals:
    """Return what sums of this thread or task do with subnormal numbers.

    Returns
    -------
    {"keep", "flush"}
        The block's word inside ``with convlab.subnormals(mode):``, else the process's.

    Examples
    --------
    >>> import convlab
    >>> convlab.get_subnormals()
    'keep'
    """
    return WORDS[flushing()]


def subnormals(mode: Subnormals) -> AbstractContextManager[None]:
    """Say what sums of a ``with`` block, in this thread or task alone, do with subnormal numbers.

    Parameters
    ----------
    mode : {"keep", "flush"}
        As in `set_subnormals`.

    Raises
    ------
    ValueError
        A word that is none of these.

    Examples
    --------
    >>> import convlab
    >>> with convlab.subnormals("flush"):
    ...     convlab.get_subnormals()
    'flush'
    """
    return _flush.using(_check("mode", mode))
