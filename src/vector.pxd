# The vector type of vector.h. To Cython a vfloat is a float: the C compiler sees the vector.
cdef extern from "vector.h" nogil:
    const int LANES
    const int WIDEST_LANES
    ctypedef float vfloat
    ctypedef float vwidest
    vfloat vload(const float* p)
    void vstore(float* p, vfloat v)
    void vstream(float* p, vfloat v)
    void fence()
    void prefetch(const float* p)
    void prefetch_to_write(float* p)
    vfloat vbetween(vfloat a, vfloat b, int n)
    void forget(const float* p)
    vfloat vsplat(float x)
    vwidest vwidest_splat(float x)
    vfloat vmax(vfloat a, vfloat b)
    vfloat vmin(vfloat a, vfloat b)
    vfloat veven(vfloat a, vfloat b)
    vfloat vodd(vfloat a, vfloat b)
    int convlab_max_threads()
