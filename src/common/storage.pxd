# How images are stored: floats, or integers of 8 and 16 bits that are converted in registers.
from libc.stdint cimport int16_t, uint8_t, uint16_t

from geometry cimport FLOAT32, INT16, UINT16, UINT8
from vector cimport vfloat, vload, vload_i16, vload_u16, vload_u8, vstore, vstore_i16, vstore_u16, vstore_u8


cdef inline Py_ssize_t itemsize(Py_ssize_t storage) noexcept nogil:
    return 4 if storage == FLOAT32 else 1 if storage == UINT8 else 2


cdef inline vfloat load(const char* row, Py_ssize_t i, const int source) noexcept nogil:
    if source == UINT8:
        return vload_u8(<const uint8_t*>row + i)
    if source == INT16:
        return vload_i16(<const int16_t*>row + i)
    if source == UINT16:
        return vload_u16(<const uint16_t*>row + i)
    return vload(<const float*>row + i)


cdef inline void store(char* row, Py_ssize_t i, vfloat v, const int target) noexcept nogil:
    if target == UINT8:
        vstore_u8(<uint8_t*>row + i, v)
    elif target == INT16:
        vstore_i16(<int16_t*>row + i, v)
    elif target == UINT16:
        vstore_u16(<uint16_t*>row + i, v)
    else:
        vstore(<float*>row + i, v)


cdef inline void widen(float* to, const char* row, Py_ssize_t n, Py_ssize_t source) noexcept nogil:
    """n elements of a row as floats, one by one."""
    cdef Py_ssize_t i
    for i in range(n):
        if source == UINT8:
            to[i] = (<const uint8_t*>row)[i]
        elif source == INT16:
            to[i] = (<const int16_t*>row)[i]
        elif source == UINT16:
            to[i] = (<const uint16_t*>row)[i]
        else:
            to[i] = (<const float*>row)[i]


cdef inline void fill(char* row, Py_ssize_t n, float value, Py_ssize_t source) noexcept nogil:
    """A row of one value that its type holds."""
    cdef Py_ssize_t i
    for i in range(n):
        if source == UINT8:
            (<uint8_t*>row)[i] = <uint8_t>value
        elif source == INT16:
            (<int16_t*>row)[i] = <int16_t>value
        elif source == UINT16:
            (<uint16_t*>row)[i] = <uint16_t>value
        else:
            (<float*>row)[i] = value
