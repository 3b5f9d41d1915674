# The first pass of a separable correlation: R rows of sums down the columns. See sepfilter2d.pyx.
from geometry cimport FLOAT32, INT16, UINT16, UINT8
from storage cimport load
from vector cimport LANES, prefetch, vfloat, vsplat, vstore


cdef enum:
    R = 4               # output rows at a time


cdef inline void add_row(vfloat* acc, const char* row, Py_ssize_t x, const float* w, const int first, const int last,
                         const int U, const int source) noexcept nogil:
    """Add one source row into output rows first..last of a block; row 0 wants the tap w[0], row r the tap w[-r]."""
    cdef vfloat v
    cdef int r, u
    for u in range(U):
        v = load(row, x + u * LANES, source)
        for r in range(first, last + 1):
            acc[r * U + u] += w[-r] * v


cdef inline void down_block(const char** rows, Py_ssize_t x, const float* w, const Py_ssize_t kh, float* out,
                            Py_ssize_t pitch, const int source, Py_ssize_t ahead) noexcept nogil:
    """Vertical sums: R rows by two vectors. Output row r adds source rows r .. r + kh - 1."""
    cdef vfloat acc[8]
    cdef Py_ssize_t s
    cdef int r
    for r in range(8):
        acc[r] = vsplat(0)
    if kh >= R:
        # The first R - 1 source rows belong to the upper output rows only, and the last R - 1 to the lower ones.
        add_row(acc, rows[0], x, w, 0, 0, 2, source)
        add_row(acc, rows[1], x, w + 1, 0, 1, 2, source)
        add_row(acc, rows[2], x, w + 2, 0, 2, 2, source)
        for s in range(3, kh):
            add_row(acc, rows[s], x, w + s, 0, 3, 2, source)
        add_row(acc, rows[kh], x, w + kh, 1, 3, 2, source)
        add_row(acc, rows[kh + 1], x, w + kh + 1, 2, 3, 2, source)
        add_row(acc, rows[kh + 2], x, w + kh + 2, 3, 3, 2, source)
    elif kh == 3:
        add_row(acc, rows[0], x, w, 0, 0, 2, source)
        add_row(acc, rows[1], x, w + 1, 0, 1, 2, source)
        add_row(acc, rows[2], x, w + 2, 0, 2, 2, source)
        add_row(acc, rows[3], x, w + 3, 1, 3, 2, source)
        add_row(acc, rows[4], x, w + 4, 2, 3, 2, source)
        add_row(acc, rows[5], x, w + 5, 3, 3, 2, source)
    else:
        for s in range(kh):
            add_row(acc, rows[s], x, w + s, 0, 0, 2, source)
            add_row(acc, rows[s + 1], x, w + s + 1, 1, 1, 2, source)
            add_row(acc, rows[s + 2], x, w + s + 2, 2, 2, 2, source)
            add_row(acc, rows[s + 3], x, w + s + 3, 3, 3, 2, source)
    for r in range(8):
        vstore(out + (r // 2) * pitch + x + (r % 2) * LANES, acc[r])
    if source == FLOAT32:  # the rows that the next ones below will want
        for r in range(R):
            prefetch(<const float*>rows[ahead + r] + x)
            prefetch(<const float*>rows[ahead + r] + x + LANES)


cdef inline void down(const char** rows, Py_ssize_t n, const float* w, const Py_ssize_t kh,
                      float* out, Py_ssize_t pitch, const int source, Py_ssize_t ahead) noexcept nogil:
    """Vertical sums of n >= 2 * LANES columns; the last block lies back over its neighbour."""
    cdef Py_ssize_t x = 0, last = n - 2 * LANES
    while x < last:
        down_block(rows, x, w, kh, out, pitch, source, ahead)
        x += 2 * LANES
    down_block(rows, last, w, kh, out, pitch, source, ahead)


cdef inline void down_clones(const char** rows, Py_ssize_t n, const float* w, Py_ssize_t kh,
                             float* out, Py_ssize_t pitch, const int source, Py_ssize_t ahead) noexcept nogil:
    if kh == 3:
        down(rows, n, w, 3, out, pitch, source, ahead)
    elif kh == 5:
        down(rows, n, w, 5, out, pitch, source, ahead)
    elif kh == 7:
        down(rows, n, w, 7, out, pitch, source, ahead)
    else:
        down(rows, n, w, kh, out, pitch, source, ahead)


cdef inline void vertical(const char** rows, Py_ssize_t n, const float* w, Py_ssize_t kh, float* out,
                          Py_ssize_t pitch, Py_ssize_t source, Py_ssize_t ahead) noexcept nogil:
    if source == FLOAT32:
        down_clones(rows, n, w, kh, out, pitch, FLOAT32, ahead)
    elif source == UINT8:
        down_clones(rows, n, w, kh, out, pitch, UINT8, ahead)
    elif source == INT16:
        down_clones(rows, n, w, kh, out, pitch, INT16, ahead)
    else:
        down_clones(rows, n, w, kh, out, pitch, UINT16, ahead)
