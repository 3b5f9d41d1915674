"""Subnormal numbers are computed as IEEE 754 says, and the caller's setting that flushes them stays."""

import ctypes
import ctypes.util
import platform

import numpy as np
import operations
import pytest
from numpy.testing import assert_array_equal

import convlab

# Offset in the C library's fenv_t of the register for rounding and flushing, and its bits.
REGISTER = {"x86_64": (28, 0xFFC0, 0x8040), "aarch64": (0, 0x07C00000, 0x01000000)}
pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() not in REGISTER, reason="the layout of fenv_t is not known"
)
TINY = np.float32(1e-40)


class State:
    """The floating-point state of this thread."""

    def __init__(self):
        self.libm = ctypes.CDLL(ctypes.util.find_library("m"))
        self.at, self.control, self.flush = REGISTER[platform.machine()]

    def _read(self):
        memory = (ctypes.c_uint32 * 16)()
        assert self.libm.fegetenv(memory) == 0
        return memory

    def get(self):
        return self._read()[self.at // 4] & self.control

    def set(self, control):
        memory = self._read()
        memory[self.at // 4] = memory[self.at // 4] & ~self.control | control
        assert self.libm.fesetenv(memory) == 0


@pytest.fixture
def state():
    state = State()
    before = state.get()
    yield state
    state.set(before)


@pytest.mark.parametrize("flushing", [False, True])
def test_no_call_changes_the_callers_state(fast_backend, state, flushing):
    if flushing:
        state.set(state.get() | state.flush)
        assert TINY * np.float32(1) == 0  # else the test could not find anything
    before = state.get()
    for seed in range(8 * len(operations.DRAWN)):
        case = operations.draw(seed)
        case.call(*case.arrays)
        assert state.get() == before, case.said
    image = np.full((600, 700), TINY)
    with convlab.threads(2):
        convlab.filter2d(image, np.ones((5, 5)))
    assert state.get() == before


def test_subnormal_pixels_count(fast_backend):
    image = np.full((9, 40), TINY)
    ones = np.ones((3, 3), np.float32)
    assert_array_equal(convlab.filter2d(image, ones), np.full_like(image, 9 * TINY), strict=True)
    assert_array_equal(convlab.sep_filter2d(image, ones[0], ones[0]), np.full_like(image, 9 * TINY))
    assert_array_equal(convlab.max_pool2d(image, 3), np.full((3, 13), TINY))
    assert_array_equal(convlab.avg_pool2d(image, 2), np.full((4, 20), TINY))
    assert_array_equal(convlab.maximum_filter(image, 3), image)
    assert_array_equal(convlab.median_filter(image, 3), image)
    x = image[None, None]
    assert_array_equal(convlab.conv2d(x, ones[None, None]), np.full((1, 1, 7, 38), 9 * TINY))
    assert_array_equal(convlab.conv2d(x, np.full((1, 1, 1, 1), 2**-3, np.float32)), x * np.float32(2**-3))
