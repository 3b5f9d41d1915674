# Elements of every type that a pool reads in place, as floats.
from libc.stdint cimport int8_t

from geometry cimport FLOAT32, INT8, UINT8
from pool cimport vload_i8, vload_lanes
from storage cimport load, widen
from vector cimport LANES, vfloat, vload, vsplat


cdef inline Py_ssize_t bytes_of(const int source) noexcept nogil:
    return 4 if source == FLOAT32 else 1 if source == UINT8 or source == INT8 else 2


cdef inline float number_of(const char* x, Py_ssize_t i, const int source) noexcept nogil:
    cdef float a
    if source == INT8:
        return (<const int8_t*>x)[i]
    widen(&a, x + i * bytes_of(source), 1, source)
    return a


cdef inline vfloat vector_of(const char* x, Py_ssize_t i, Py_ssize_t n, const int source) noexcept nogil:
    """Elements i .. as floats, of which there are n."""
    cdef float lanes[LANES]
    cdef Py_ssize_t c
    if n >= LANES:
        return vload_i8(<const int8_t*>x + i) if source == INT8 else load(x, i, source)
    if source == FLOAT32:
        return vload_lanes(<const float*>x + i, 0, n, vsplat(0))
    for c in range(LANES):
        lanes[c] = number_of(x, i + c, source) if c < n else 0
    return vload(lanes)
