# Windows of 3 x 3 in registers.
#
# Two output rows at a time. The columns of their windows, three pixels of four rows, are reduced once for all windows
# that they belong to (for a median: sorted); the columns one and two pixels to the right are bytes of this vector of
# columns and the next. So a source row is loaded twice and nothing waits in memory. Columns beside the image are not in
# these rows: the few windows that reach there are made ahead, from pixels turned so that a vector runs down the image.
#
# Of equals the first of the column is taken, and of columns the first, however a window is made.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from geometry cimport FLOAT32, UINT8
from lanes cimport VBYTES, raw_after, raw_load, raw_max, raw_min, raw_store, vraw
from rank cimport Rank, aligned, unit


cdef enum Operation:
    MAXIMUM
    MINIMUM
    MEDIAN


cdef inline vraw lo(vraw a, vraw b, const int kind) noexcept nogil:
    return raw_min(a, b, kind, False)


cdef inline vraw hi(vraw a, vraw b, const int kind) noexcept nogil:
    return raw_max(a, b, kind, False)


cdef inline vraw middle(vraw a, vraw b, vraw c, const int kind) noexcept nogil:
    return hi(lo(a, b, kind), lo(hi(a, b, kind), c, kind), kind)


cdef inline void reduce_columns(vraw* upper, vraw* lower, const char* r0, const char* r1, const char* r2,
                                const char* r3, const Operation operation, const int kind) noexcept nogil:
    """Of rows 0 to 2 and of rows 1 to 3: the extremum, or the three of a median from the lowest."""
    cdef vraw first = raw_load(r0), last = raw_load(r3), b = raw_load(r1), c = raw_load(r2), low, high
    if operation == MAXIMUM:
        b = hi(b, c, kind)
        upper[0] = hi(first, b, kind)
        lower[0] = hi(b, last, kind)
    elif operation == MINIMUM:
        b = lo(b, c, kind)
        upper[0] = lo(first, b, kind)
        lower[0] = lo(b, last, kind)
    else:
        low = lo(b, c, kind)
        high = hi(b, c, kind)
        upper[0] = lo(first, low, kind)
        upper[1] = lo(hi(first, low, kind), high, kind)
        upper[2] = hi(first, high, kind)
        lower[0] = lo(low, last, kind)
        lower[1] = lo(high, hi(low, last, kind), kind)
        lower[2] = hi(high, last, kind)


cdef inline vraw join_columns(const vraw* a, const vraw* b, const vraw* c, const Operation operation,
                              const int kind) noexcept nogil:
    if operation == MAXIMUM:
        return hi(hi(a[0], b[0], kind), c[0], kind)
    if operation == MINIMUM:
        return lo(lo(a[0], b[0], kind), c[0], kind)
    return middle(
        hi(hi(a[0], b[0], kind), c[0], kind),
        middle(a[1], b[1], c[1], kind),
        lo(lo(a[2], b[2], kind), c[2], kind),
        kind)


cdef inline vraw window(const char* r0, const char* r1, const char* r2, Py_ssize_t right, const Operation operation,
                        const int kind) noexcept nogil:
    """A vector of windows whose columns lie `right` bytes from one another."""
    cdef vraw a[3]
    cdef vraw b[3]
    cdef vraw c[3]
    cdef vraw other[3]
    reduce_columns(a, other, r0, r1, r2, r2, operation, kind)
    reduce_columns(b, other, r0 + right, r1 + right, r2 + right, r2 + right, operation, kind)
    right *= 2
    reduce_columns(c, other, r0 + right, r1 + right, r2 + right, r2 + right, operation, kind)
    return join_columns(a, b, c, operation, kind)


cdef inline void windows(const char* r0, const char* r1, const char* r2, Py_ssize_t right, char* y, Py_ssize_t n,
                         const Operation operation, const int kind) noexcept nogil:
    """n bytes of windows; the last vector lies back. Of each row there are at least a vector and 2 * right bytes."""
    cdef char vector[64]
    cdef Py_ssize_t x = 0
    if n < VBYTES:
        raw_store(vector, window(r0, r1, r2, right, operation, kind))
        memcpy(y, vector, n)
        return
    while x < n:
        x = min(x, n - VBYTES)
        raw_store(y + x, window(r0 + x, r1 + x, r2 + x, right, operation, kind))
        x += VBYTES


cdef inline vraw beside(const vraw* a, const vraw* b, const int pixel, const Operation operation,
                        const int kind) noexcept nogil:
    cdef vraw second[3]
    cdef vraw third[3]
    cdef int i
    for i in range(3 if operation == MEDIAN else 1):
        second[i] = raw_after(a[i], b[i], pixel)
        third[i] = raw_after(a[i], b[i], 2 * pixel)
    return join_columns(a, second, third, operation, kind)


cdef inline Py_ssize_t shifted(const char* r0, const char* r1, const char* r2, const char* r3, char* upper, char* lower,
                               Py_ssize_t n, const int pixel, const Operation operation, const int kind) noexcept nogil:
    """Whole vectors of two output rows, of n bytes of source rows; how many bytes of each were made."""
    cdef vraw u[3]
    cdef vraw v[3]
    cdef vraw next_u[3]
    cdef vraw next_v[3]
    cdef Py_ssize_t x = 0, step
    cdef int i
    reduce_columns(u, v, r0, r1, r2, r3, operation, kind)
    while x + 2 * VBYTES <= n:
        step = x + VBYTES
        reduce_columns(next_u, next_v, r0 + step, r1 + step, r2 + step, r3 + step, operation, kind)
        raw_store(lower + x, beside(v, next_v, pixel, operation, kind))
        raw_store(upper + x, beside(u, next_u, pixel, operation, kind))
        for i in range(3 if operation == MEDIAN else 1):
            u[i] = next_u[i]
            v[i] = next_v[i]
        x = step
    return x


cdef inline bint wide(const Rank* f) noexcept nogil:
    """Whether a vector of windows fits between the edges of the image."""
    return (f.g.width - 2) * f.pixel >= VBYTES


cdef inline void two_rows(const Rank* f, const char** rows, Py_ssize_t left, char* y, const Operation operation,
                          const int kind) noexcept nogil:
    """The windows between the edges in two output rows, or in one if that is all that is left."""
    cdef const char* r3 = rows[3] if left > 1 else rows[2]
    cdef char* upper = y + f.g.before * f.pixel
    cdef char* lower = upper + f.g.y_row * f.itemsize if left > 1 else upper    # of one row the upper is stored last
    cdef Py_ssize_t n = f.g.width * f.pixel, x = 0
    cdef int size = 4 if kind == FLOAT32 else 1 if kind == UINT8 else 2
    if f.g.step == 1 and 2 * size <= VBYTES:
        x = shifted(rows[0], rows[1], rows[2], r3, upper, lower, n, size, operation, kind)
    elif f.g.step == 3 and 6 * size <= VBYTES:
        x = shifted(rows[0], rows[1], rows[2], r3, upper, lower, n, 3 * size, operation, kind)
    n -= 2 * f.pixel
    x = min(x, n - VBYTES)
    windows(rows[1] + x, rows[2] + x, r3 + x, f.pixel, lower + x, n - x, operation, kind)
    windows(rows[0] + x, rows[1] + x, rows[2] + x, f.pixel, upper + x, n - x, operation, kind)


cdef inline void gather(unit* to, const char** rows, Py_ssize_t column, Py_ssize_t n, const char* constant,
                        const Py_ssize_t step) noexcept nogil:
    """A column of the image, -1 for the constant."""
    cdef Py_ssize_t r, c
    cdef const unit* pixel = <const unit*>constant
    for r in range(n):
        if column >= 0:
            pixel = <const unit*>rows[r] + column * step
        for c in range(step):
            to[r * step + c] = pixel[c]


cdef inline void scatter(unit* y, Py_ssize_t pitch, const unit* column, Py_ssize_t n,
                         const Py_ssize_t step) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(n):
        for c in range(step):
            y[r * pitch + c] = column[r * step + c]


cdef inline void edge_of(const Rank* f, const char** rows, unit* y, Py_ssize_t n_rows, Py_ssize_t first, Py_ssize_t n,
                         char* room, const Py_ssize_t step, const Operation operation, const int kind) noexcept nogil:
    cdef Py_ssize_t slots = n_rows + 2, pitch = aligned(slots * f.pixel + VBYTES), i, column
    cdef char* turned
    cdef char* result = room + (n + 2) * pitch
    for i in range(n + 2):
        column = first + i - f.g.before
        if column < 0:
            column = f.before[first + i]
        elif column >= f.g.width:
            column = f.after[column - f.g.width]
        gather(<unit*>(room + i * pitch), rows, column, slots, f.constant, step)
    for i in range(n):
        turned = room + i * pitch
        windows(turned, turned + f.pixel, turned + 2 * f.pixel, pitch, result, n_rows * f.pixel, operation, kind)
        scatter(y + (first + i) * step, f.g.y_row, <const unit*>result, n_rows, step)


cdef inline void edge(const Rank* f, const char** rows, char* y, Py_ssize_t n_rows, Py_ssize_t first, Py_ssize_t n,
                      char* room, const Operation operation, const int kind) noexcept nogil:
    """n columns of windows of which the first is `first`."""
    if n == 0:
        return
    if kind == FLOAT32 and f.g.step == 1:
        edge_of(f, rows, <uint32_t*>y, n_rows, first, n, room, 1, operation, kind)
    elif kind == FLOAT32:
        edge_of(f, rows, <uint32_t*>y, n_rows, first, n, room, f.g.step, operation, kind)
    elif kind == UINT8 and f.g.step == 1:
        edge_of(f, rows, <uint8_t*>y, n_rows, first, n, room, 1, operation, kind)
    elif kind == UINT8:
        edge_of(f, rows, <uint8_t*>y, n_rows, first, n, room, f.g.step, operation, kind)
    elif f.g.step == 1:
        edge_of(f, rows, <uint16_t*>y, n_rows, first, n, room, 1, operation, kind)
    else:
        edge_of(f, rows, <uint16_t*>y, n_rows, first, n, room, f.g.step, operation, kind)


cdef inline void edges(const Rank* f, const char** rows, char* y, Py_ssize_t n_rows, char* room,
                       const Operation operation, const int kind) noexcept nogil:
    edge(f, rows, y, n_rows, 0, f.g.before, room, operation, kind)
    edge(f, rows, y, n_rows, f.g.out_width - f.g.after, f.g.after, room, operation, kind)
