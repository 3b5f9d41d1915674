# The product that every algorithm of a convolution ends in: a block of output channels by vectors of pixels, held in
# registers, with one fused multiply-add for each weight and pixel. Inline, so that each build has its own.
#
#     c[m, p] = act(bias[m] + sum over k of w[m, k] * b[k, p])
#
# The sum runs over k from the first to the last, whatever the block, and a sum that is continued (the bias is NULL)
# goes on from what lies in c: so its bits never depend on how k, m or p are cut up.
from geometry cimport CLAMP, LEAKY, NONE, ConvValues
from vector cimport LANES, prefetch, vfloat, vload, vmax, vmin, vselect_negative, vsplat, vstore


cdef inline vfloat activated(const ConvValues* v, vfloat a) noexcept nogil:
    if <int>v.activation == <int>CLAMP:
        return vmin(vmax(a, vsplat(v.low)), vsplat(v.high))
    if <int>v.activation == <int>LEAKY:
        return vselect_negative(a, a * vsplat(v.slope), a)
    return a


cdef inline void block(const float* w, const Py_ssize_t w_row, const float* b, const Py_ssize_t b_row,
                       const Py_ssize_t* at, Py_ssize_t depth, const float* bias, const ConvValues* v, float* c,
                       const Py_ssize_t c_row, const float* ahead, const int M, const int N) noexcept nogil:
    """M rows by N vectors; `bias` is NULL where the sum goes on, `v` where it is not yet finished. The rows of b are
    b_row apart, or where the table `at` says unless it is NULL. Meanwhile the weights `ahead`, M * depth of them, are
    asked for, unless it is NULL."""
    cdef vfloat acc[24]
    cdef vfloat pixels[3]
    cdef Py_ssize_t k
    cdef int r, u
    if bias != NULL:
        for r in range(M):
            for u in range(N):
                acc[r * N + u] = vsplat(bias[r])
    else:
        for r in range(M):
            for u in range(N):
                acc[r * N + u] = vload(c + r * c_row + u * LANES)
    for k in range(depth):
        for u in range(N):
            pixels[u] = vload((b + at[k] if at != NULL else b) + u * LANES)
        for r in range(M):
            for u in range(N):
                acc[r * N + u] += w[r * w_row] * pixels[u]
        w += 1
        b += b_row
        if ahead != NULL:
            prefetch(ahead)
            ahead += M
    if v != NULL and <int>v.activation != <int>NONE:
        for r in range(M):
            for u in range(N):
                vstore(c + r * c_row + u * LANES, activated(v, acc[r * N + u]))
    else:
        for r in range(M):
            for u in range(N):
                vstore(c + r * c_row + u * LANES, acc[r * N + u])


# With 16 lanes there are 32 registers: 8 x 3 sums, 3 vectors of pixels and a weight. Else 4 x 3 fit into 16.
cdef inline void rows(const float* w, const Py_ssize_t w_row, const float* b, const Py_ssize_t b_row,
                      const Py_ssize_t* at, Py_ssize_t depth, const float* bias, const ConvValues* v, float* c,
                      const Py_ssize_t c_row, const float* ahead, Py_ssize_t m, const int N) noexcept nogil:
    """Up to eight rows by N vectors."""
    cdef Py_ssize_t r = 0, step
    cdef const float* row_bias
    while r < m:
        row_bias = bias + r if bias != NULL else NULL
        if LANES == 16 and m - r >= 8:
            block(w + r * w_row, w_row, b, b_row, at, depth, row_bias, v, c + r * c_row, c_row, ahead, 8, N)
            step = 8
        elif m - r >= 4:
            block(w + r * w_row, w_row, b, b_row, at, depth, row_bias, v, c + r * c_row, c_row, ahead, 4, N)
            step = 4
        elif m - r >= 2:
            block(w + r * w_row, w_row, b, b_row, at, depth, row_bias, v, c + r * c_row, c_row, ahead, 2, N)
            step = 2
        else:
            block(w + r * w_row, w_row, b, b_row, at, depth, row_bias, v, c + r * c_row, c_row, ahead, 1, N)
            step = 1
        r += step
