"""Arrays between pages without access, for tests of the memory that kernels read and write."""

import ctypes
import mmap
import sys

import numpy as np
import pytest
from support import BUILT_ISAS

# Slow, and only on Linux.
guard_marks = [pytest.mark.slow, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's mprotect")]

BACKENDS = [*BUILT_ISAS, "numpy"]
PAGE = mmap.PAGESIZE
ROOM = 48 * PAGE
NO_ACCESS = 0


class Guarded:
    """Pages between two pages without access, and arrays that begin or end exactly at one of them."""

    def __init__(self, room=ROOM):
        self.room = room
        self.memory = mmap.mmap(-1, room + 2 * PAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory)) + PAGE
        libc = ctypes.CDLL(None, use_errno=True)
        for page in (self.start - PAGE, self.start + room):
            if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), NO_ACCESS):
                raise OSError(ctypes.get_errno(), "mprotect")

    def array(self, shape, dtype, at_end, stride=None):
        """Make an array whose rows have a stride of `stride` elements; elements between rows belong to no array."""
        dtype = np.dtype(dtype)
        row = int(np.prod(shape[1:]))
        step = (row if stride is None else stride) * dtype.itemsize
        size = (shape[0] - 1) * step + row * dtype.itemsize
        assert size <= self.room
        start = self.start + (self.room - size if at_end else 0)
        strides = (step, *np.empty(shape[1:], dtype).strides)
        return np.ndarray(shape, dtype, (ctypes.c_char * size).from_address(start), strides=strides)

    def copy(self, values, at_end, pad=0):
        guarded = self.array(values.shape, values.dtype, at_end, values[0].size + pad)
        guarded[...] = values
        return guarded


def picture(shape, dtype):
    rng = np.random.default_rng(shape[-1])
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 256, shape).astype(dtype)


def taps(shape):
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def said(value):
    return value.shape if isinstance(value, np.ndarray) else value
