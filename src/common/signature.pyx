"""What a plan may depend on of a call's arguments, as one key. Compiled for the baseline: every call wants it."""
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from cpython.long cimport PyLong_AsLongLongAndOverflow
from libc.string cimport memcpy
cimport numpy as cnp

import numpy as np

cnp.import_array()

cdef object generic = np.generic
cdef object dtype_type = np.dtype


cdef inline char* describe(char* to, cnp.ndarray a) noexcept:
    """Number of axes, dtype, byte order and alignment; shape and strides."""
    cdef size_t axes = cnp.PyArray_NDIM(a) * sizeof(cnp.npy_intp)
    cdef int head[4]
    head[0] = cnp.PyArray_NDIM(a)
    head[1] = cnp.PyArray_TYPE(a)
    head[2] = cnp.PyArray_ISNOTSWAPPED(a)
    head[3] = cnp.PyArray_ISALIGNED(a)
    memcpy(to, head, sizeof(head))
    if axes:  # else there are no such pointers
        memcpy(to + sizeof(head), cnp.PyArray_DIMS(a), axes)
        memcpy(to + sizeof(head) + axes, cnp.PyArray_STRIDES(a), axes)
    return to + sizeof(head) + 2 * axes


cdef inline Py_ssize_t described(cnp.ndarray a) noexcept:
    return 4 * sizeof(int) + 2 * cnp.PyArray_NDIM(a) * sizeof(cnp.npy_intp)


cdef struct Packed:
    char content[512]
    Py_ssize_t size


cdef inline void pack(Packed* packed, char kind, long long number) noexcept:
    packed.content[packed.size] = kind
    memcpy(packed.content + packed.size + 1, &number, sizeof(number))
    packed.size += 1 + sizeof(number)


cdef int identify(list parts, Packed* packed, object option) except -1:
    """Pack an option, or append it where it is no small number, so that what compares equal is the same: 2, 2.0 and
    True, or 0.0 and -0.0, are not."""
    cdef double number
    cdef int overflow = 0
    cdef long long value
    kind = type(option)
    if packed.size + 16 > <Py_ssize_t>sizeof(packed.content):
        raise TypeError("no key")
    if option is None:
        packed.content[packed.size] = b"N"
        packed.size += 1
    elif kind is int:
        value = PyLong_AsLongLongAndOverflow(option, &overflow)
        pack(packed, b"i", 0 if overflow else value)
        if overflow:
            packed.content[packed.size] = b"p"
            packed.size += 1
            parts.append(option)
    elif kind is bool:
        pack(packed, b"b", option is True)
    elif kind is tuple:
        pack(packed, b"t", len(<tuple>option))
        for part in <tuple>option:
            identify(parts, packed, part)
    else:
        packed.content[packed.size] = b"p"
        packed.size += 1
        if kind is str or kind is bytes:
            parts.append(option)
        elif kind is float:
            number = option
            if number == 0 and 1 / number < 0:
                parts.append("-")
            parts.append(option)
        elif isinstance(option, (type, dtype_type)):
            parts.append(kind)
            parts.append(option)
        elif isinstance(option, generic):
            parts.append(kind)
            parts.append(option.tobytes())
        else:
            raise TypeError("no key")  # something that may change: its plan is made anew
    return 0


def signature(tuple options, Py_ssize_t most, cnp.ndarray x not None, cnp.ndarray w=None):
    """A key of x's layout, of w's layout and content where it is given, and of the options.

    TypeError where there is no key: an option of a type that may change, or a w of more than `most` bytes.
    """
    cdef Py_ssize_t size = described(x), content = 0
    cdef char* to
    cdef list parts = []
    cdef Packed packed
    if w is not None:
        content = cnp.PyArray_NBYTES(w)
        if content > most:
            raise TypeError("no key")
        if not cnp.PyArray_IS_C_CONTIGUOUS(w):
            w = cnp.PyArray_NewCopy(w, cnp.NPY_CORDER)
        size += described(w) + content
    key = PyBytes_FromStringAndSize(NULL, size)
    to = describe(PyBytes_AsString(key), x)
    if w is not None:
        to = describe(to, w)
        memcpy(to, cnp.PyArray_DATA(w), content)
    parts.append(key)
    packed.size = 0
    for option in options:
        identify(parts, &packed, option)
    parts.append(PyBytes_FromStringAndSize(packed.content, packed.size))
    return tuple(parts)
