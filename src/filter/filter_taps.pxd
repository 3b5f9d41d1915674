# The taps of a correlation over a block of R output rows by U vectors, whose sums stay in registers. The (up to) seven
# taps of a row are literals where `unrolled`, and kh, kw, step, R and U always: see filter2d.pyx.
from geometry cimport FLOAT32, INT16, UINT8, FilterValues
from vector cimport LANES, forget, vbetween, vfloat, vload, vmax, vmin, vsplat
from vector cimport vstore, vstore_i16, vstore_u16, vstore_u8

from libc.stdint cimport int16_t, uint8_t, uint16_t


cdef inline void tap_column(vfloat* acc, const vfloat* a, const float* w, const Py_ssize_t kw, const int first,
                            const int last, const int U, const int j, const Py_ssize_t step) noexcept nogil:
    """Column j of tap_row, at 16 lanes, of the vectors `a` that its row begins with; j and step are literals."""
    cdef vfloat v
    cdef int r, u
    for u in range(U):
        v = vbetween(a[u + j * step // 16], a[u + j * step // 16 + 1], <int>(j * step % 16))
        for r in range(first, last + 1):
            acc[r * U + u] += w[(last - r) * kw + j] * v


cdef inline void tap_row(vfloat* acc, const float* row, const float* w, const Py_ssize_t kw, const Py_ssize_t step,
                         const int first, const int last, const int U, const bint unrolled) noexcept nogil:
    """Add one source row into the output rows first..last of a block; w is the taps' row that `last` wants.

    At 16 lanes it reads up to LANES floats past those that it uses."""
    cdef vfloat a[6]
    cdef vfloat v
    cdef int r, u
    cdef Py_ssize_t j = 0
    if LANES == 16 and unrolled and (step == 1 or step == 3 or step == 4):
        # Columns as literals: which vectors they lie between must be known before the compiler unrolls loops.
        for u in range(U + 1 + <int>((kw - 1) * step // 16)):
            a[u] = vload(row + u * LANES)
        tap_column(acc, a, w, kw, first, last, U, 0, step)
        tap_column(acc, a, w, kw, first, last, U, 1, step)
        tap_column(acc, a, w, kw, first, last, U, 2, step)
        if kw > 3:
            tap_column(acc, a, w, kw, first, last, U, 3, step)
            tap_column(acc, a, w, kw, first, last, U, 4, step)
        if kw > 5:
            tap_column(acc, a, w, kw, first, last, U, 5, step)
            tap_column(acc, a, w, kw, first, last, U, 6, step)
        return
    if LANES == 16 and step == 1:
        while j + 4 <= kw:
            for u in range(U + 1):
                a[u] = vload(row + j + u * LANES)
            tap_column(acc, a, w + j, kw, first, last, U, 0, 1)
            tap_column(acc, a, w + j, kw, first, last, U, 1, 1)
            tap_column(acc, a, w + j, kw, first, last, U, 2, 1)
            tap_column(acc, a, w + j, kw, first, last, U, 3, 1)
            j += 4
    while j < kw:
        for u in range(U):
            v = vload(row + j * step + u * LANES)
            for r in range(first, last + 1):
                acc[r * U + u] += w[(last - r) * kw + j] * v
        j += 1


cdef inline void sums(vfloat* acc, const float** rows, const float* w, const Py_ssize_t x, const Py_ssize_t kh,
                      const Py_ssize_t kw, const Py_ssize_t step, const int R, const int U,
                      const bint unrolled) noexcept nogil:
    """The R * U vectors of sums whose windows begin at column x of `rows`, for R <= 4 and R <= kh."""
    cdef Py_ssize_t s
    cdef int r
    # The registers hold nine taps, but not 25: those are read again, or the compiler would spill them. (At 8 lanes the
    # spilt ones, splat, are what an instruction may read from memory: there it gains.)
    if LANES != 8 and unrolled and kh > 3:
        forget(w)
    for r in range(R * U):
        acc[r] = vsplat(0)
    # The first R - 1 source rows belong to the upper output rows only, and the last R - 1 to the lower ones.
    if R > 1:
        tap_row(acc, rows[0] + x, w, kw, step, 0, 0, U, unrolled)
    if R > 2:
        tap_row(acc, rows[1] + x, w, kw, step, 0, 1, U, unrolled)
    if R > 3:
        tap_row(acc, rows[2] + x, w, kw, step, 0, 2, U, unrolled)
    for s in range(R - 1, kh):
        tap_row(acc, rows[s] + x, w + (s - R + 1) * kw, kw, step, 0, R - 1, U, unrolled)
    if R > 1:
        tap_row(acc, rows[kh] + x, w + (kh - R + 1) * kw, kw, step, 1, R - 1, U, unrolled)
    if R > 2:
        tap_row(acc, rows[kh + 1] + x, w + (kh - R + 2) * kw, kw, step, 2, R - 1, U, unrolled)
    if R > 3:
        tap_row(acc, rows[kh + 2] + x, w + (kh - R + 3) * kw, kw, step, 3, R - 1, U, unrolled)


cdef inline vfloat finished(vfloat a, const FilterValues* v) noexcept nogil:
    a = a * vsplat(v.scale) + vsplat(v.offset)
    return vmin(vmax(a, vsplat(v.low)), vsplat(v.high))


cdef inline void store(char* to, Py_ssize_t i, vfloat a, const Py_ssize_t target) noexcept nogil:
    """Elements i ... of an output row: floats, or integers, rounded half to even and saturated."""
    if target == FLOAT32:
        vstore(<float*>to + i, a)
    elif target == UINT8:
        vstore_u8(<uint8_t*>to + i, a)
    elif target == INT16:
        vstore_i16(<int16_t*>to + i, a)
    else:
        vstore_u16(<uint16_t*>to + i, a)
