# Maxima and minima of vectors and of rows, of every type: what order statistics and pools share.
from lanes cimport VBYTES, raw_load, raw_max, raw_min, raw_store, vraw


cdef inline vraw join(vraw a, vraw b, const bint largest, const int kind, const bint careful) noexcept nogil:
    if largest:
        return raw_max(a, b, kind, careful)
    return raw_min(a, b, kind, careful)


cdef inline void down(const char** rows, const Py_ssize_t stride, char* to, Py_ssize_t pitch, Py_ssize_t n,
                      Py_ssize_t k, char* scratch, const Py_ssize_t G, const bint unrolled, const bint largest,
                      const int kind, const bint careful) noexcept nogil:
    """Reduce the k rows from each of G on, `stride` apart, all of which have a row in common; n bytes of each. Two
    vectors at a time, which overlap where a row has not as many."""
    cdef vraw registers[16]
    cdef vraw* upper = registers
    cdef vraw a, b
    cdef Py_ssize_t x = 0, r, s, second = min(VBYTES, n - VBYTES), last = (G - 1) * stride
    cdef const char* row
    if not unrolled:
        upper = <vraw*>scratch
    while True:
        a = raw_load(rows[last] + x)
        b = raw_load(rows[last] + x + second)
        for r in range(last + 1, k):
            a = join(a, raw_load(rows[r] + x), largest, kind, careful)
            b = join(b, raw_load(rows[r] + x + second), largest, kind, careful)
        upper[2 * G - 2] = a
        upper[2 * G - 1] = b
        for r in range(G - 2, -1, -1):
            for s in range(stride - 1, -1, -1):
                row = rows[r * stride + s] + x
                a = join(raw_load(row), a, largest, kind, careful)
                b = join(raw_load(row + second), b, largest, kind, careful)
            upper[2 * r] = a
            upper[2 * r + 1] = b
        raw_store(to + x, a)
        raw_store(to + x + second, b)
        for r in range(1, G):
            for s in range(stride):
                row = rows[k + (r - 1) * stride + s] + x
                if r == 1 and s == 0:
                    a = raw_load(row)
                    b = raw_load(row + second)
                else:
                    a = join(a, raw_load(row), largest, kind, careful)
                    b = join(b, raw_load(row + second), largest, kind, careful)
            raw_store(to + r * pitch + x, join(upper[2 * r], a, largest, kind, careful))
            raw_store(to + r * pitch + x + second, join(upper[2 * r + 1], b, largest, kind, careful))
        x += 2 * VBYTES
        if x >= n:
            break
        x = min(x, n - 2 * VBYTES)  # lies back


cdef inline vraw taps(const char* v, const Py_ssize_t* offset, const int n, const bint largest, const int kind,
                      const bint careful) noexcept nogil:
    """The vector at v joined with those at n - 1 offsets from it."""
    cdef vraw a = raw_load(v)
    cdef int t
    for t in range(1, n):
        a = join(a, raw_load(v + offset[t]), largest, kind, careful)
    return a
