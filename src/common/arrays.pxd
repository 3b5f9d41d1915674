# What kernels need of NumPy: its arrays' memory and lengths. All of `cimport numpy` would import twenty types more.
cdef extern from "numpy/arrayobject.h":
    ctypedef class numpy.ndarray [object PyArrayObject, check_size ignore]:
        pass
    int PyArray_NDIM(ndarray) noexcept nogil
    Py_ssize_t PyArray_DIM(ndarray, int) noexcept nogil
    void* PyArray_DATA(ndarray) noexcept nogil
