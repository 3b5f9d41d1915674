# The vector type of vector.h. To Cython a vfloat is a float: the C compiler sees the vector.
from libc.stdint cimport int16_t, uint8_t, uint16_t


cdef extern from "vector.h" nogil:
    const int LANES
    const int HALF
    const int WIDEST_LANES
    ctypedef float vfloat
    ctypedef float vwidest
    vfloat vload(const float* p)
    void vstore(float* p, vfloat v)
    void vstore_part(float* p, vfloat v, Py_ssize_t n)
    void vstream(float* p, vfloat v)
    void fence()
    void prefetch(const float* p)
    void prefetch_to_write(float* p)
    vfloat vbetween(vfloat a, vfloat b, int n)
    void forget(const float* p)
    vfloat vsplat(float x)
    vfloat vheld(vfloat v)
    vwidest vwidest_splat(float x)
    vfloat vmax(vfloat a, vfloat b)
    vfloat vmin(vfloat a, vfloat b)
    vfloat vvalid(vfloat v)
    vfloat vwhere(vfloat m, vfloat v)
    vfloat vratio(vfloat a, vfloat b)
    vfloat vload_part(const float* p, Py_ssize_t n)
    ctypedef int vlanes
    vlanes vlanes_between(Py_ssize_t first, Py_ssize_t last)
    vfloat vload_masked(const float* p, vlanes m)
    void vstore_masked(float* p, vfloat v, vlanes m)
    vfloat vpush(float x, vfloat v)
    vfloat vsplat_halves(float a, float b)
    void vstore_halves(float* p, float* q, vfloat v, Py_ssize_t n)
    vfloat vjoin(const float* a, const float* b, vlanes m)
    vfloat vpermute(vfloat v, const int* index, vlanes m)
    vfloat vpermute_two(vfloat a, vfloat b, const int* index, vlanes m)
    vfloat vzip_low(vfloat a, vfloat b)
    vfloat vzip_high(vfloat a, vfloat b)
    bint vany_nan(vfloat v)
    vfloat vselect_negative(vfloat x, vfloat a, vfloat b)
    vfloat veven(vfloat a, vfloat b)
    vfloat vodd(vfloat a, vfloat b)
    vfloat vsqrt(vfloat v)
    vfloat vload_u8(const uint8_t* p)
    vfloat vload_i16(const int16_t* p)
    vfloat vload_u16(const uint16_t* p)
    void vstore_u8(uint8_t* p, vfloat v)
    void vstore_i16(int16_t* p, vfloat v)
    void vstore_u16(uint16_t* p, vfloat v)
