# Powers of absolute values, which norms sum. Whole powers up to 8 are products: the square of half the power, times the
# value where the power is odd. They take at most power - 1 roundings, the same everywhere; others are powf's.
from libc.math cimport fabsf, powf
from libc.string cimport memcpy

from geometry cimport PoolGeometry
from pool cimport vabs
from vector cimport LANES, vfloat, vload, vstore


cdef inline vfloat vector_power(vfloat v, Py_ssize_t power) noexcept nogil:
    cdef vfloat a = vabs(v)
    if power == 1:
        return a
    v = a * a
    if power > 5:
        v = v * a if power < 8 else v * v
    if power > 3:
        v = v * v
    return v * a if power & 1 else v


cdef inline float number_power(float v, Py_ssize_t power) noexcept nogil:
    cdef float a = fabsf(v)
    if power == 1:
        return a
    v = a * a
    if power > 5:
        v = v * a if power < 8 else v * v
    if power > 3:
        v = v * v
    return v * a if power & 1 else v


cdef inline void powers(const PoolGeometry* g, float* v, Py_ssize_t n) noexcept nogil:
    """Replace n floats."""
    cdef Py_ssize_t e = 0
    cdef unsigned int bits = <unsigned int>g.exponent
    cdef float exponent
    if g.power > 0:
        while e + LANES <= n:
            vstore(v + e, vector_power(vload(v + e), g.power))
            e += LANES
        for e in range(e, n):
            v[e] = number_power(v[e], g.power)
    elif g.power:
        memcpy(&exponent, &bits, sizeof(float))
        for e in range(n):
            v[e] = powf(fabsf(v[e]), exponent)
