# Where one axis of a convolution finds its pixels. Positions count from the first that a window touches, so the border
# before the source comes first. Nothing is looked up: a table would be as long as the axis.
from geometry cimport CONSTANT, NEAREST, SYMMETRIC, WRAP, ConvAxis


cdef inline Py_ssize_t beyond(const ConvAxis* a, Py_ssize_t i) noexcept nogil:
    """The pixel that stands i pixels from the first, outside the source; -1 is a zero."""
    cdef Py_ssize_t n = a.size
    if a.border == CONSTANT:
        return -1
    if a.border == NEAREST:
        return 0 if i < 0 else n - 1
    if a.border == WRAP:
        i %= n
        return i + n if i < 0 else i
    if a.border == SYMMETRIC:
        if i < -n or i >= 2 * n:
            i %= 2 * n
            if i < 0:
                i += 2 * n
        if i < 0:
            return -1 - i
        return i if i < n else 2 * n - 1 - i
    if n == 1:  # a mirror's
        return 0
    if i <= -n or i >= 2 * n - 1:
        i %= 2 * n - 2
        if i < 0:
            i += 2 * n - 2
    if i < 0:
        return -i
    return i if i < n else 2 * n - 2 - i


cdef inline Py_ssize_t source_at(const ConvAxis* a, Py_ssize_t position) noexcept nogil:
    """The pixel of the source that stands at a position; -1 is a zero."""
    cdef Py_ssize_t i = position - a.before
    if position >= a.positions:
        return -1
    return i if 0 <= i < a.size else beyond(a, i)
