# Keys of cached plans, as far as they are bytes: see calls.pyx.
from libc.string cimport memcpy
cimport numpy as cnp


cdef enum:
    ROOM = 2048  # bytes of a key


cdef struct Packed:
    char content[ROOM]
    Py_ssize_t size


cdef inline bint pack(Packed* packed, char kind, const void* value, Py_ssize_t size) noexcept:
    """Append a value to a key, behind a letter for its kind; whether there is room for it."""
    if packed.size + 1 + size > ROOM:
        return False
    packed.content[packed.size] = kind
    if size:
        memcpy(packed.content + packed.size + 1, value, size)
    packed.size += 1 + size
    return True


cdef inline bint describe(Packed* packed, cnp.ndarray a) noexcept:
    """Append number of axes, dtype, byte order and alignment; shape and strides."""
    cdef Py_ssize_t axes = cnp.PyArray_NDIM(a) * sizeof(cnp.npy_intp)
    cdef int head[4]
    head[0] = cnp.PyArray_NDIM(a)
    head[1] = cnp.PyArray_TYPE(a)
    head[2] = cnp.PyArray_ISNOTSWAPPED(a)
    head[3] = cnp.PyArray_ISALIGNED(a)
    if not pack(packed, b"a", head, sizeof(head)):
        return False
    if axes == 0:  # then there are no such pointers
        return True
    return pack(packed, b"n", cnp.PyArray_DIMS(a), axes) and pack(packed, b"s", cnp.PyArray_STRIDES(a), axes)
