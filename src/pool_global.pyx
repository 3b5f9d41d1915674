"""Maximum and average of whole planes or volumes, whose elements lie one behind the other.

    y[plane] = reduce over i of x[plane, i]

Order: element i belongs to part i % 32; parts i and i + 16 are joined, then neighbours, of those neighbours, and so on.
So a sum's bits depend on the number of elements alone, whatever the vector's width.

Blocking. The parts of a plane are vectors in registers, joined down to one vector of LANES parts; those of LANES planes
are joined together, even lanes with odd ones, until each has one lane of one vector.
"""
from arrays cimport PyArray_DATA, ndarray

from tasks cimport find_workers, run_tasks
from vector cimport LANES, prefetch, veven, vfloat, vload, vodd, vsplat
from pool cimport AVERAGE, MAXIMUM, Geometry, Operation, identity, join, vload_lanes, vstore_lanes

ctypedef void (*group_function)(const Geometry*, const float*, float*, Py_ssize_t) noexcept nogil

cdef enum:
    PARTS = 32


cdef inline vfloat paired(vfloat a, vfloat b, const Operation operation) noexcept nogil:
    """Neighbouring lanes joined: those of a, then those of b."""
    return join(veven(a, b), vodd(a, b), operation)


cdef inline vfloat parts(const float* x, Py_ssize_t n, const Operation operation) noexcept nogil:
    """LANES parts of a plane of n elements."""
    cdef vfloat a[PARTS]
    cdef vfloat nothing = vsplat(identity(operation)), b, c
    cdef Py_ssize_t i = 0, k
    if LANES == 16:
        b = c = nothing
        while i + PARTS <= n:
            b = join(b, vload(x + i), operation)
            c = join(c, vload(x + i + LANES), operation)
            i += PARTS
        if i < n:
            b = join(b, vload_lanes(x + i, 0, min(n - i, LANES), nothing), operation)
        if i + LANES < n:
            c = join(c, vload_lanes(x + i + LANES, 0, n - i - LANES, nothing), operation)
        return join(b, c, operation)
    for k in range(PARTS // LANES):
        a[k] = nothing
    while i + PARTS <= n:
        for k in range(PARTS // LANES):
            a[k] = join(a[k], vload(x + i + k * LANES), operation)
        i += PARTS
    for k in range(PARTS // LANES):
        if i + k * LANES < n:
            a[k] = join(a[k], vload_lanes(x + i + k * LANES, 0, min(n - i - k * LANES, LANES), nothing), operation)
    for k in range(PARTS // LANES // 2):
        a[k] = join(a[k], a[k + PARTS // LANES // 2], operation)
    if LANES <= 8:
        for k in range(PARTS // LANES // 4):
            a[k] = paired(a[2 * k], a[2 * k + 1], operation) if LANES > 1 else join(a[2 * k], a[2 * k + 1], operation)
    if LANES <= 4:
        for k in range(PARTS // LANES // 8):
            a[k] = paired(a[2 * k], a[2 * k + 1], operation) if LANES > 1 else join(a[2 * k], a[2 * k + 1], operation)
    if LANES == 1:
        for k in range(2):
            a[k] = join(a[2 * k], a[2 * k + 1], operation)
        a[0] = join(a[0], a[1], operation)
    return a[0]


cdef inline void group(const Geometry* g, const float* x, float* y, Py_ssize_t first,
                       const Operation operation) noexcept nogil:
    """The planes first .. first + LANES."""
    cdef vfloat a[LANES]
    cdef Py_ssize_t planes = min(g.planes - first, LANES), k, i, n = g.depth * g.height * g.width, level = LANES // 2
    cdef vfloat result
    for k in range(planes):
        if n <= 4 * PARTS:  # short planes: the next group's
            for i in range(0, n, 16):
                prefetch(x + (first + LANES + k) * g.x_plane + i)
        a[k] = parts(x + (first + k) * g.x_plane, n, operation)
    for k in range(planes, LANES):
        a[k] = a[0]
    while level:
        for k in range(level):
            a[k] = paired(a[2 * k], a[2 * k + 1], operation)
        level //= 2
    result = a[0]
    if operation == AVERAGE:
        result = result / vsplat(<float>g.divisor)
    vstore_lanes(y + first, result, 0, planes)


cdef void group_max(const Geometry* g, const float* x, float* y, Py_ssize_t first) noexcept nogil:
    group(g, x, y, first, MAXIMUM)


cdef void group_avg(const Geometry* g, const float* x, float* y, Py_ssize_t first) noexcept nogil:
    group(g, x, y, first, AVERAGE)


cdef struct Call:
    group_function function
    const Geometry* g
    const float* x
    float* y


cdef void task(const void* what, Py_ssize_t t, void* unused) noexcept nogil:
    cdef const Call* call = <const Call*>what
    call.function(call.g, call.x, call.y, t * LANES)


cdef int pool(group_function function, ndarray x, ndarray y, ndarray geometry, int threads) except -1:
    cdef Call call
    call.function, call.g = function, <const Geometry*>PyArray_DATA(geometry)
    call.x, call.y = <const float*>PyArray_DATA(x), <float*>PyArray_DATA(y)
    find_workers()
    with nogil:
        run_tasks(task, &call, (call.g.planes + LANES - 1) // LANES, threads, NULL, 0, NULL)


def max_pool_global(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(group_max, x, y, geometry, threads)


def avg_pool_global(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(group_avg, x, y, geometry, threads)
