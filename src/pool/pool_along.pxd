# Sums along a row of the workspace of many windows at a time: see pool_sums.pyx.
from libc.string cimport memcpy

from geometry cimport PoolGeometry
from pool cimport vpick, vpick_lanes, vpicks, vstore_lanes
from pool_tree cimport BLOCK
from vector cimport LANES, veven, vfloat, vload, vstore


cdef inline vfloat taps(const float* row, Py_ssize_t k, Py_ssize_t distance) noexcept nogil:
    """Vectors of at most a block."""
    cdef vfloat a = vload(row)
    cdef Py_ssize_t t
    for t in range(1, k):
        a = a + vload(row + t * distance)
    return a


cdef inline void pick(const PoolGeometry* g, const float* windows, Py_ssize_t n, float* y) noexcept nogil:
    """n of the windows at stride 1."""
    cdef Py_ssize_t i, c, distance = g.stride_width * g.step
    if g.stride_width == 1:
        memcpy(y, windows, n * g.step * sizeof(float))
    elif g.step == 1:
        for i in range(n):
            y[i] = windows[i * distance]
    else:
        for i in range(n):
            for c in range(g.step):
                y[i * g.step + c] = windows[i * distance + c]


cdef inline void few_taps(const PoolGeometry* g, const float* row, float* windows, Py_ssize_t outputs, Py_ssize_t k,
                          float* y) noexcept nogil:
    """Windows of at most a block; where need be by way of all windows at stride 1."""
    cdef Py_ssize_t i = 0, lanes, total = outputs * g.step
    cdef Py_ssize_t distance = g.dilation_width * g.step, n = ((outputs - 1) * g.stride_width + 1) * g.step
    cdef vfloat a, b
    cdef vpicks picks
    if g.stride_width == 1:
        while i + LANES <= total:
            vstore(y + i, taps(row + i, k, distance))
            i += LANES
        if i < total:
            vstore_lanes(y + i, taps(row + i, k, distance), 0, total - i)
        return
    if g.stride_width == 2 and g.step <= LANES // 2:
        lanes = LANES // g.step * g.step
        picks = vpick_lanes(g.step)
        while i < total:
            a = taps(row + 2 * i, k, distance)
            b = taps(row + 2 * i + LANES, k, distance)
            a = veven(a, b) if g.step == 1 else vpick(a, b, picks)
            if i + LANES <= total:
                vstore(y + i, a)
            else:
                vstore_lanes(y + i, a, 0, total - i)
            i += lanes
        return
    while i < n:
        vstore(windows + i, taps(row + i, k, distance))
        i += LANES
    pick(g, windows, outputs, y)


cdef inline void shared(const PoolGeometry* g, float* v, float* windows, Py_ssize_t outputs, Py_ssize_t k,
                        float* y) noexcept nogil:
    """Windows of many columns that overlap much: k is a sum of eights times powers of two and a rest below eight."""
    cdef Py_ssize_t d = g.dilation_width * g.step, n = ((outputs - 1) * g.stride_width + 1) * g.step
    cdef Py_ssize_t length = n + (k - 1) * d, blocks = k // BLOCK, rest = k % BLOCK, width = d, level = 0, i, offset
    cdef bint begun = rest > 0
    if rest:
        i = 0
        while i < n:
            vstore(windows + i, taps(v + BLOCK * blocks * d + i, rest, d))
            i += LANES
    length -= (BLOCK - 1) * d
    i = 0
    while i < length:  # what is written was read before
        vstore(v + i, taps(v + i, BLOCK, d))
        i += LANES
    width *= BLOCK
    while True:
        if (blocks >> level) & 1:
            offset = (blocks >> (level + 1) << (level + 1)) * BLOCK * d
            i = 0
            while i < n:
                if begun:
                    vstore(windows + i, vload(v + offset + i) + vload(windows + i))
                else:
                    vstore(windows + i, vload(v + offset + i))
                i += LANES
            begun = True
        level += 1
        if blocks >> level == 0:
            break
        length -= width
        i = 0
        while i < length:
            vstore(v + i, vload(v + i) + vload(v + i + width))
            i += LANES
        width *= 2
    pick(g, windows, outputs, y)
