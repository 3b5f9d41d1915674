# The words of bits.h.
from libc.stdint cimport uint64_t


cdef extern from "bits.h" nogil:
    int bits_set(uint64_t word)
    int lowest_bit(uint64_t word)
