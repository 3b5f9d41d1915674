# The one order of a sum of n terms: blocks of eight from left to right, then blocks in pairs, pairs in pairs and so on:
# a perfect tree over 8 * 2 ** m terms, of which those behind the last are -0 and change nothing. Its error is at most
# 7 + m roundings of the sum of absolute values, and it is the same whether a window is summed by itself or shares
# blocks with others.
from pool cimport vfloat
from turn cimport turn_load
from vector cimport LANES, veven, vload, vodd, vsplat, vstore


cdef enum:
    BLOCK = 8
    WAITING = 64  # sums that wait, at most: one a level


# The levels of the sums that wait for their right neighbours, the youngest last.
cdef struct Tree:
    int n
    int level[WAITING]


cdef inline int add(Tree* tree, Py_ssize_t index) noexcept nogil:
    """Enter block `index`, behind all earlier ones; blocks of nothing may be left out.

    It is the right neighbour of as many of the youngest sums as are returned, one after the other. What it makes with
    them is the youngest sum then, the last of tree.n."""
    cdef int level = 0, joined = 0
    while (index >> level) & 1:
        if joined < tree.n and tree.level[tree.n - 1 - joined] == level:
            joined += 1
        level += 1
    tree.n += 1 - joined
    tree.level[tree.n - 1] = level
    return joined


cdef inline float sum_of(const float* v, Py_ssize_t n, Py_ssize_t distance) noexcept nogil:
    """n elements, `distance` apart."""
    cdef float waiting[WAITING]
    cdef float a = v[0]
    cdef Tree tree
    cdef Py_ssize_t block = 0, t
    cdef int j, joined
    if n <= BLOCK:
        for t in range(1, n):
            a = a + v[t * distance]
        return a
    tree.n = 0
    while n > 0:
        a = v[0]
        for t in range(1, min(n, BLOCK)):
            a = a + v[t * distance]
        joined = add(&tree, block)
        for j in range(joined):
            a = waiting[tree.n + joined - 2 - j] + a
        waiting[tree.n - 1] = a
        block += 1
        n -= BLOCK
        v += BLOCK * distance
    for j in range(tree.n - 2, -1, -1):
        a = waiting[j] + a
    return a


cdef inline vfloat vectors_of(const float* v, Py_ssize_t n, Py_ssize_t distance) noexcept nogil:
    """n vectors, `distance` floats apart."""
    cdef vfloat waiting[WAITING]
    cdef vfloat a = vload(v)
    cdef Tree tree
    cdef Py_ssize_t block = 0, t
    cdef int j, joined
    if n <= BLOCK:
        for t in range(1, n):
            a = a + vload(v + t * distance)
        return a
    tree.n = 0
    while n > 0:
        a = vload(v)
        for t in range(1, min(n, BLOCK)):
            a = a + vload(v + t * distance)
        joined = add(&tree, block)
        for j in range(joined):
            a = waiting[tree.n + joined - 2 - j] + a
        waiting[tree.n - 1] = a
        block += 1
        n -= BLOCK
        v += BLOCK * distance
    for j in range(tree.n - 2, -1, -1):
        a = waiting[j] + a
    return a


cdef inline float line_sum(const float* v, Py_ssize_t n, float* blocks) noexcept nogil:
    """n elements one behind the other; `blocks` has room for an eighth of them and four vectors."""
    cdef vfloat t[4]
    cdef vfloat a
    cdef Py_ssize_t whole = n // BLOCK, m = (n + BLOCK - 1) // BLOCK, i = 0
    cdef float rest = 0
    cdef bint left = False
    while i + LANES <= whole:
        turn_load(t, v + BLOCK * i, BLOCK, LANES)
        a = t[0] + t[1] + t[2] + t[3]
        turn_load(t, v + BLOCK * i + 4, BLOCK, LANES)
        vstore(blocks + i, a + t[0] + t[1] + t[2] + t[3])
        i += LANES
    for i in range(i, whole):
        blocks[i] = (((((((v[8 * i] + v[8 * i + 1]) + v[8 * i + 2]) + v[8 * i + 3]) + v[8 * i + 4]) + v[8 * i + 5])
                      + v[8 * i + 6]) + v[8 * i + 7])
    if m > whole:
        blocks[whole] = v[BLOCK * whole]
        for i in range(BLOCK * whole + 1, n):
            blocks[whole] = blocks[whole] + v[i]
    if m >= 4 * LANES:
        vstore(blocks + m, vsplat(0))
        vstore(blocks + m + LANES, vsplat(0))
    while m > 1:
        if m & 1:
            rest = blocks[m - 1] + rest if left else blocks[m - 1]
            left = True
        if m >= 4 * LANES:
            i = 0
            while i < m // 2:  # lanes behind the last are written before
                a = vload(blocks + 2 * i)
                t[0] = vload(blocks + 2 * i + LANES)
                vstore(blocks + i, veven(a, t[0]) + vodd(a, t[0]))
                i += LANES
        else:
            for i in range(m // 2):
                blocks[i] = blocks[2 * i] + blocks[2 * i + 1]
        m //= 2
    return blocks[0] + rest if left else blocks[0]
