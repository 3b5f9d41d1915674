"""What a plan may depend on of a call's arguments, as one key. Compiled for the baseline: every call wants it."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy
cimport numpy as cnp

cnp.import_array()


cdef inline char* describe(char* to, cnp.ndarray a) noexcept:
    """Number of axes, dtype, byte order and alignment; shape and strides."""
    cdef size_t axes = cnp.PyArray_NDIM(a) * sizeof(cnp.npy_intp)
    to[0] = <char>cnp.PyArray_NDIM(a)
    to[1] = <char>cnp.PyArray_TYPE(a)
    to[2] = cnp.PyArray_ISNOTSWAPPED(a)
    to[3] = cnp.PyArray_ISALIGNED(a)
    memcpy(to + 4, cnp.PyArray_DIMS(a), axes)
    memcpy(to + 4 + axes, cnp.PyArray_STRIDES(a), axes)
    return to + 4 + 2 * axes


def signature(tuple options, cnp.ndarray x not None, cnp.ndarray w=None):
    """A key of x's layout, of w's layout and content where it is given, and of the options and their types.

    The types count because 2, 2.0 and True are equal, and not all of them are right.
    """
    cdef Py_ssize_t size = 4 + 2 * cnp.PyArray_NDIM(x) * sizeof(cnp.npy_intp), content = 0
    cdef char* to
    cdef list types = []
    if w is not None:
        w = cnp.PyArray_GETCONTIGUOUS(w)
        content = cnp.PyArray_NBYTES(w)
        size += 4 + 2 * cnp.PyArray_NDIM(w) * sizeof(cnp.npy_intp) + content
    key = PyBytes_FromStringAndSize(NULL, size)
    to = describe(PyBytes_AS_STRING(key), x)
    if w is not None:
        to = describe(to, w)
        memcpy(to, cnp.PyArray_DATA(w), content)
    for option in options:
        types.append(type(option))
        if isinstance(option, tuple):
            for part in <tuple>option:
                types.append(type(part))
    return key, options, tuple(types)
