# A block of a depthwise convolution: ROWS rows of one vector in registers, from rows of the source as they lie.
from gemm cimport activated
from geometry cimport NONE, ConvValues
from vector cimport LANES, vpush, veven, vfloat, vheld, vjoin, vlanes, vload, vload_masked, vodd, vpermute, vpermute_two
from vector cimport vsplat, vsplat_halves, vstore, vstore_halves, vstore_part


# Which lanes of what a block loads are pixels; the others are zeros of the border.
cdef struct Lanes:
    vlanes first[8]                     # of the vector that starts at a column of taps
    vlanes second[8]                    # at stride 2 of the one behind it
    bint corner                         # whether the first column is a pixel
    vlanes row                          # of a whole short row
    int picked[7 * 16]                  # of a pair of those, by columns of taps


# A block, and what it is computed from; of a pair the second plane too.
cdef struct Place:
    const float** rows                  # of the source, under the first row of taps
    const float** rows_2
    Py_ssize_t at                       # column of the source under the first tap
    const Lanes* lanes
    const float* w
    const float* w_2
    float bias, bias_2
    float* y
    float* y_2
    Py_ssize_t y_row, n                 # floats from row to row, and of a row
    const ConvValues* v


ctypedef void (*block_function)(const Place*) noexcept nogil


cdef inline int block_rows() noexcept nogil:
    """With 16 lanes there are 32 registers, else 16."""
    return 7 if LANES == 16 else 4


cdef inline Py_ssize_t together(Py_ssize_t columns, Py_ssize_t stride) noexcept nogil:
    """Columns of taps that a sum takes row by row; the next ones come after all rows of these."""
    return 1 if stride != 2 else 3 if columns == 3 else 2


cdef inline vfloat tap(const Place* f, const int a, const int b, const int K, const bint pair) noexcept nogil:
    return vsplat_halves(f.w[a * K + b], f.w_2[a * K + b]) if pair else vsplat(f.w[a * K + b])


cdef inline void down(const Place* f, vfloat* acc, const int K, const int R, const bint pair,
                      const bint edge) noexcept nogil:
    """At stride 1 all taps, column by column."""
    cdef vfloat row[13]
    cdef vfloat v[13]
    cdef vfloat t
    cdef int a, b, i, r
    if pair:
        for i in range(R - 1 + K):
            row[i] = vjoin(f.rows[i], f.rows_2[i], f.lanes.row)
    for b in range(K):
        for i in range(R - 1 + K):
            if pair:
                v[i] = vpermute(row[i], &f.lanes.picked[b * 16], f.lanes.first[b])
            else:
                v[i] = vload_masked(f.rows[i] + f.at + b, f.lanes.first[b]) if edge else vload(f.rows[i] + f.at + b)
                v[i] = vheld(v[i])
        for a in range(K):
            t = tap(f, a, b, K, pair)
            for r in range(R):
                acc[r] += t * v[r + a]


cdef inline void fetch(const Place* f, vfloat* v, const int i, const int first, const int n, const int K,
                       const bint pair, const bint edge) noexcept nogil:
    """At stride 2, what n columns of taps want of a row: an even one, the next, and of three the one before those."""
    cdef const float* p = f.rows[i] + f.at + first
    cdef vfloat a, b
    cdef int c
    if pair:
        a, b = vload_masked(f.rows[i], f.lanes.row), vload_masked(f.rows_2[i], f.lanes.row)
        for c in range(n):
            v[c] = vpermute_two(a, b, &f.lanes.picked[(first + c) * 16], f.lanes.first[first + c])
        return
    if n == 3:
        p += 1
    a = vload_masked(p, f.lanes.first[first + n // 3]) if edge else vload(p)
    b = vload_masked(p + LANES, f.lanes.second[first + n // 3]) if edge else vload(p + LANES)
    a, b = vheld(a), vheld(b)
    if n == 3:
        v[1], v[2] = veven(a, b), vodd(a, b)
        v[0] = vpush((p - 1)[0] if not edge or f.lanes.corner else 0, v[2])
    else:
        v[0] = veven(a, b)
        if n == 2:
            v[1] = vodd(a, b)


cdef inline void across(const Place* f, vfloat* acc, const int first, const int n, const int K, const int R,
                        const bint pair, const bint edge) noexcept nogil:
    """At stride 2, n columns of taps, row by row."""
    cdef vfloat v[21]
    cdef int a, b, r, i
    for a in range(K - 2):
        fetch(f, &v[a * n], a, first, n, K, pair, edge)
    for r in range(R):
        for a in range(K - 2, K):
            fetch(f, &v[a * n], 2 * r + a, first, n, K, pair, edge)
        for a in range(K):
            for b in range(n):
                acc[r] += tap(f, a, first + b, K, pair) * v[a * n + b]
        for i in range((K - 2) * n):
            v[i] = v[i + 2 * n]


cdef inline void store(const Place* f, const vfloat* acc, const int R, const bint pair, const bint edge,
                       const bint active) noexcept nogil:
    cdef Py_ssize_t n = f.n, y_row = f.y_row
    cdef float* y = f.y
    cdef float* y_2 = f.y_2
    cdef vfloat v
    cdef int r
    for r in range(R):
        v = activated(f.v, acc[r]) if active else acc[r]
        if pair:
            vstore_halves(y + r * y_row, y_2 + r * y_row, v, n)
        elif edge:
            vstore_part(y + r * y_row, v, n)
        else:
            vstore(y + r * y_row, v)


cdef inline void block(const Place* f, const int K, const int stride, const int R, const bint pair,
                       const bint edge) noexcept nogil:
    """With `edge` some lanes may be of the border or not there."""
    cdef vfloat acc[7]
    cdef vfloat bias = vsplat_halves(f.bias, f.bias_2) if pair else vsplat(f.bias)
    cdef int r
    for r in range(R):
        acc[r] = bias
    if stride == 1:
        down(f, acc, K, R, pair, edge)
    elif K == 3:
        across(f, acc, 0, 3, K, R, pair, edge)
    else:
        across(f, acc, 0, 2, K, R, pair, edge)
        across(f, acc, 2, 2, K, R, pair, edge)
        if K == 7:
            across(f, acc, 4, 2, K, R, pair, edge)
        across(f, acc, K - 1, 1, K, R, pair, edge)
    if <int>f.v.activation == <int>NONE:
        store(f, acc, R, pair, edge, False)
    else:
        store(f, acc, R, pair, edge, True)
