# The transforms of Winograd's convolutions F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3), along one axis of a tile: vectors over
# tiles. Each fused multiply-add is written out. Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural
# networks", CVPR 2016, pp. 4013-4021; the points of F(4 x 4) are 0, 1, -1, 2, -2 and infinity.
from vector cimport LANES, vfloat, vload, vsplat, vstore_part


cdef inline void into(vfloat* d, const int s, const int tile) noexcept nogil:
    """The input: tile + 2 elements, s vectors apart."""
    cdef vfloat t0, t1, t2, t3, t4, t5, a, b
    if tile == 2:
        t0 = d[0] - d[2 * s]
        t1 = d[s] + d[2 * s]
        t2 = d[2 * s] - d[s]
        d[3 * s] = d[s] - d[3 * s]
        d[0], d[s], d[2 * s] = t0, t1, t2
    else:
        t0 = vsplat(4) * d[0] + (d[4 * s] - vsplat(5) * d[2 * s])
        t5 = vsplat(4) * d[s] + (d[5 * s] - vsplat(5) * d[3 * s])
        a = d[4 * s] - vsplat(4) * d[2 * s]
        b = d[3 * s] - vsplat(4) * d[s]
        t1, t2 = a + b, a - b
        a = d[4 * s] - d[2 * s]
        b = d[3 * s] - d[s]
        t3 = vsplat(2) * b + a
        t4 = a - vsplat(2) * b
        d[0], d[s], d[2 * s], d[3 * s], d[4 * s], d[5 * s] = t0, t1, t2, t3, t4, t5


cdef inline void back(vfloat* d, const int s, const int tile) noexcept nogil:
    """The sums: of tile + 2 elements the first `tile` become the output's."""
    cdef vfloat a, b, c, e
    if tile == 2:
        a = (d[0] + d[s]) + d[2 * s]
        d[s] = (d[s] - d[2 * s]) - d[3 * s]
        d[0] = a
    else:
        a, b = d[s] + d[2 * s], d[s] - d[2 * s]
        c, e = d[3 * s] + d[4 * s], d[3 * s] - d[4 * s]
        d[0] = (d[0] + a) + c
        d[s] = vsplat(2) * e + b
        d[2 * s] = vsplat(4) * c + a
        d[3 * s] = vsplat(8) * e + (b + d[5 * s])


cdef inline void weights(vfloat* g, const int s, const int tile) noexcept nogil:
    """The weights: three elements become tile + 2."""
    cdef vfloat a, b
    cdef vfloat last = g[2 * s]
    if tile == 2:
        a = (g[0] + g[2 * s]) * vsplat(0.5)
        b = g[s] * vsplat(0.5)
        g[s], g[2 * s], g[3 * s] = a + b, a - b, last
    else:
        a = g[0] + last
        b = vsplat(4) * last + g[0]
        g[0] = g[0] * vsplat(0.25)
        g[3 * s] = (vsplat(2) * g[s] + b) * vsplat(1.0 / 24)
        g[4 * s] = (b - vsplat(2) * g[s]) * vsplat(1.0 / 24)
        g[2 * s] = (a - g[s]) * vsplat(-1.0 / 6)
        g[s] = (a + g[s]) * vsplat(-1.0 / 6)
        g[5 * s] = last


cdef inline void transform_weights(const float* w, float* u, Py_ssize_t n, Py_ssize_t matrix,
                                   const int tile) noexcept nogil:
    """n kernels of 3 x 3, element i of kernel k to u[i * matrix + k]."""
    cdef vfloat d[36]
    cdef float nine[9 * 16]
    cdef int size = tile + 2
    cdef Py_ssize_t k = 0, count, j
    cdef int i
    while k < n:
        count = min(n - k, LANES)
        for i in range(9 * LANES if count < LANES else 0):
            nine[i] = 0
        for j in range(count):
            for i in range(9):
                nine[i * LANES + j] = w[(k + j) * 9 + i]
        for i in range(9):
            d[i // 3 * size + i % 3] = vload(nine + i * LANES)
        for i in range(3):
            weights(&d[i], size, tile)
        for i in range(size):
            weights(&d[i * size], 1, tile)
        for i in range(size * size):
            vstore_part(u + i * matrix + k, d[i], count)
        k += LANES


cdef struct Weights:
    const float* w
    float* u
    Py_ssize_t n, m, tile               # input channels, output channels


cdef inline void weights_task(const Weights* f, Py_ssize_t t, void* unused) noexcept nogil:
    """The weights of one output channel."""
    cdef const float* w = f.w + t * f.n * 9
    if f.tile == 2:
        transform_weights(w, f.u + t * f.n, f.n, f.m * f.n, 2)
    else:
        transform_weights(w, f.u + t * f.n, f.n, f.m * f.n, 4)
