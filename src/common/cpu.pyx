"""Which kernel builds this CPU can run. Compiled for the baseline, so that it can be asked before any is imported."""

cdef extern from "cpu.h":
    int convlab_x86_level()


def x86_level():
    """0: the baseline only; 1: AVX2 with FMA; 2: the AVX-512 of x86-64-v4 too. 0 on other processors."""
    return convlab_x86_level()
