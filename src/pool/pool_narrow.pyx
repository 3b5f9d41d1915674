"""Maximum, minimum and average over windows of many narrow planes: a vector holds one element of LANES planes.

    y[i, j] = reduce over a, b of x[...], as pool2d.pyx says, and in the same order

Rows of 7 or 14 columns leave most of a vector empty, and each costs as much as a wide one to start and to end. Here
every column and every output is whole vectors, whatever the window, the stride and the padding.

Blocking. The rows that a band of output rows reads are turned, four elements of LANES planes at a time (turn.h),
into a buffer that the first cache holds; its columns are reduced, then the windows of those; the outputs are
turned back. Vectors are searched for NaN while they are turned: a band without any takes the plain maximum.
"""

from call cimport Call
from geometry cimport PoolGeometry
from tasks cimport count_threads, get_workspace, run_tasks
from vector cimport LANES, prefetch, vfloat, vload, vsplat, vstore
from pool cimport (
    AVERAGE, MAXIMUM, MINIMUM, VNEVER, Operation, Window, join, quick, vany, veither, vtruth, vunordered, window,
)
from pool_power cimport powers
from pool_tree cimport BLOCK, vectors_of
from turn cimport turn_load, turn_store

ctypedef void (*group_function)(const PoolGeometry*, const float*, float*, Py_ssize_t, float*) noexcept nogil


cdef inline vfloat joined(vfloat a, vfloat b, const Operation operation, const bint careful) noexcept nogil:
    return join(a, b, operation) if careful else quick(a, b, operation)


cdef inline bint turn_in(const float* x, Py_ssize_t pitch, Py_ssize_t planes, Py_ssize_t n, float* to,
                         const bint full, const Operation operation) noexcept nogil:
    """The first n elements of each plane, as n vectors. Returns whether any is NaN."""
    cdef vfloat v[4]
    cdef vtruth bad = VNEVER
    cdef Py_ssize_t e = 0, r
    if n < 4:
        for e in range(n):
            for r in range(LANES):
                to[e * LANES + r] = x[min(r, planes - 1) * pitch + e]
            bad = veither(bad, vunordered(vload(to + e * LANES), vload(to + e * LANES)))
        return vany(bad)
    while e < n:
        e = min(e, n - 4)  # lies back
        turn_load(v, x + e, pitch, LANES if full else planes)
        if full and e % 16 == 0:
            for r in range(LANES):
                prefetch(x + (LANES + r) * pitch + e)
        if operation != AVERAGE:
            bad = veither(bad, veither(vunordered(v[0], v[1]), vunordered(v[2], v[3])))
        for r in range(4):
            vstore(to + (e + r) * LANES, v[r])
        e += 4
    return vany(bad)


cdef inline void turn_out(const float* outputs, Py_ssize_t n, float* y, Py_ssize_t pitch, Py_ssize_t planes,
                          const bint full) noexcept nogil:
    """n vectors, as n elements of each plane."""
    cdef vfloat v[4]
    cdef Py_ssize_t e = 0, r
    if n < 4:
        for e in range(n):
            for r in range(planes):
                y[r * pitch + e] = outputs[e * LANES + r]
        return
    while e < n:
        e = min(e, n - 4)
        for r in range(4):
            v[r] = vload(outputs + (e + r) * LANES)
        turn_store(v, y + e, pitch, LANES if full else planes)
        e += 4


cdef void tree_sum(const float* v, Py_ssize_t n, Py_ssize_t distance, float* to) noexcept nogil:
    """n vectors, `distance` floats apart, in the order of pool_tree.pxd."""
    vstore(to, vectors_of(v, n, distance))


cdef inline void down_rows(const float* x, Py_ssize_t rows, Py_ssize_t n, float* to, const int known,
                           const Operation operation, const bint careful) noexcept nogil:
    """Some rows of n floats reduced to one; `known` is their number, or 0."""
    cdef Py_ssize_t c = 0, i
    cdef vfloat a
    if operation == AVERAGE and known == 0:
        while c < n:
            tree_sum(x + c, rows, n, to + c)
            c += LANES
        return
    while c < n:
        a = vload(x + c)
        if known:
            for i in range(1, known):
                a = joined(a, vload(x + c + i * n), operation, careful)
        else:
            for i in range(1, rows):
                a = joined(a, vload(x + c + i * n), operation, careful)
        vstore(to + c, a)
        c += LANES


cdef inline vfloat taps(const float* v, Py_ssize_t n, const Operation operation, const bint careful) noexcept nogil:
    cdef float lanes[LANES]
    cdef vfloat a = vload(v)
    cdef Py_ssize_t t
    if operation == AVERAGE and n > BLOCK:
        tree_sum(v, n, LANES, lanes)
        return vload(lanes)
    for t in range(1, n):
        a = joined(a, vload(v + t * LANES), operation, careful)
    return a


cdef inline vfloat divided(vfloat a, vfloat divisor, const Operation operation, const bint multiply) noexcept nogil:
    if operation != AVERAGE:
        return a
    return a * divisor if multiply else a / divisor


cdef inline void along_row(const PoolGeometry* g, const float* v, const Window* windows, Py_ssize_t first,
                           Py_ssize_t last, vfloat divisor, float counted, float* to, const int known,
                           const Operation operation, const bint multiply, const bint careful) noexcept nogil:
    """Outputs of a row; `first` .. `last` have windows of `known` columns, if that is no 0."""
    cdef Py_ssize_t j = 0, pitch = g.stride_width * LANES
    cdef const float* at
    cdef vfloat a
    while j < g.out_width:
        if known and j == first:
            at = v + windows[first].start * LANES
            while j < last:
                a = taps(at, known, operation, careful)
                vstore(to + j * LANES, divided(a, divisor, operation, multiply))
                at += pitch
                j += 1
            if j == g.out_width:
                break
        a = taps(v + windows[j].start * LANES, windows[j].size, operation, careful)
        if counted:
            divisor = vsplat(counted * <float>windows[j].counted)
        vstore(to + j * LANES, divided(a, divisor, operation, multiply))
        j += 1


cdef inline void band(const PoolGeometry* g, const float* x, Py_ssize_t top, Py_ssize_t i, Py_ssize_t end,
                      float* columns, const Window* windows, Py_ssize_t first, Py_ssize_t last, float* outputs,
                      const Operation operation, const bint careful) noexcept nogil:
    """Output rows i .. end, from turned rows of which the first is `top`."""
    cdef Py_ssize_t n = g.width * LANES, divisor = g.divisor
    cdef bint multiply = divisor > 0 and divisor & (divisor - 1) == 0  # exactly the quotient
    cdef vfloat d = vsplat(<float>divisor), reciprocal = vsplat(1 / <float>divisor)
    cdef Window w
    cdef float counted
    cdef const float* v
    for i in range(i, end):
        w = window(g, 1, i)
        v = x + (w.start - top) * n
        if w.size == 2:
            down_rows(v, 2, n, columns, 2, operation, careful)
        elif w.size == 3:
            down_rows(v, 3, n, columns, 3, operation, careful)
        elif w.size > 1:
            down_rows(v, w.size, n, columns, 0, operation, careful)
        if w.size > 1:
            v = columns
        counted = <float>w.counted if operation == AVERAGE and divisor == 0 else 0
        if counted or not 2 <= g.window_width <= 3:
            along_row(g, v, windows, 0, 0, d, counted, outputs, 0, operation, False, careful)
        elif g.window_width == 2 and multiply:
            along_row(g, v, windows, first, last, reciprocal, 0, outputs, 2, operation, True, careful)
        elif g.window_width == 2:
            along_row(g, v, windows, first, last, d, 0, outputs, 2, operation, False, careful)
        elif multiply:
            along_row(g, v, windows, first, last, reciprocal, 0, outputs, 3, operation, True, careful)
        else:
            along_row(g, v, windows, first, last, d, 0, outputs, 3, operation, False, careful)
        outputs += g.out_width * LANES


cdef inline void group(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t, float* workspace,
                       const Operation operation) noexcept nogil:
    """LANES planes, or those that are left."""
    cdef Py_ssize_t plane = t * LANES, planes = min(g.planes - plane, LANES), i = 0, j, end, top, rows, first = 0, last
    cdef bint bad
    cdef Window w
    # The workspace: turned rows, columns, outputs, the windows of a row.
    cdef float* columns = workspace + g.band_rows * g.width * LANES
    cdef float* outputs = columns + g.width * LANES
    cdef Window* windows = <Window*>(outputs + g.group_rows * g.out_width * LANES)
    for j in range(g.out_width):
        windows[j] = window(g, 2, j)
    while first < g.out_width and windows[first].size != g.window_width:
        first += 1
    last = first
    while last < g.out_width and windows[last].size == g.window_width:
        last += 1
    if g.bins:
        last = first
    x += plane * g.x_plane
    y += plane * g.y_plane
    while i < g.out_height:
        end = min(i + g.group_rows, g.out_height)
        top = window(g, 1, i).start
        w = window(g, 1, end - 1)
        rows = w.start + w.size - top
        if g.x_row == g.width and planes == LANES:
            bad = turn_in(x + top * g.x_row, g.x_plane, planes, rows * g.width, workspace, True, operation)
        else:
            bad = False
            for j in range(rows):
                bad |= turn_in(x + (top + j) * g.x_row, g.x_plane, planes, g.width, workspace + j * g.width * LANES,
                               False, operation)
        if operation == AVERAGE and g.power:
            powers(g, workspace, rows * g.width * LANES)
        if bad:
            band(g, workspace, top, i, end, columns, windows, first, last, outputs, operation, True)
        else:
            band(g, workspace, top, i, end, columns, windows, first, last, outputs, operation, False)
        if g.y_row == g.out_width and planes == LANES:
            turn_out(outputs, (end - i) * g.out_width, y + i * g.y_row, g.y_plane, planes, True)
        else:
            for j in range(i, end):
                turn_out(outputs + (j - i) * g.out_width * LANES, g.out_width, y + j * g.y_row, g.y_plane, planes,
                         False)
        i = end


cdef void group_max(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t, float* workspace) noexcept nogil:
    group(g, x, y, t, workspace, MAXIMUM)


cdef void group_min(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t, float* workspace) noexcept nogil:
    group(g, x, y, t, workspace, MINIMUM)


cdef void group_avg(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t, float* workspace) noexcept nogil:
    group(g, x, y, t, workspace, AVERAGE)


cdef struct Work:
    const PoolGeometry* g
    const float* x
    float* y
    group_function function


cdef void task(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Work* c = <const Work*>what
    c.function(c.g, c.x, c.y, t, <float*>workspace)


cdef int pool(const Call* call, group_function function) noexcept nogil:
    """Get the workspace and share out the groups."""
    cdef const PoolGeometry* g = <const PoolGeometry*>call.geometry.data
    cdef Work work
    cdef Py_ssize_t size = g.workspace * sizeof(float), groups = (g.planes + LANES - 1) // LANES
    cdef int threads = count_threads(call, groups)
    cdef void* memory
    work.g, work.x, work.y = g, <const float*>call.x.data, <float*>call.y.data
    work.function = function
    memory = get_workspace(threads, size, 64)
    if memory == NULL:
        return -1
    return run_tasks(call, task, &work, groups, threads, <void*>((<size_t>memory + 63) // 64 * 64), size, memory)


cdef public int max_pool_narrow(Call* call) noexcept nogil:
    return pool(call, group_max)


cdef public int min_pool_narrow(Call* call) noexcept nogil:
    return pool(call, group_min)


cdef public int avg_pool_narrow(Call* call) noexcept nogil:
    return pool(call, group_avg)
