"""Maximum, minimum and average over windows of planes.

    y[i, j] = reduce over a, b of x[i * stride_height - pad_height + a, j * stride_width - pad_width + b]

for those a, b that lie in the image: padding is never read, so it never wins; an average divides by the whole window.

Order: down each column of the window first, then along the row, whatever the size or the place, so a sum's bits
depend on the window alone. The first of equals stays, and NaN stays once it is met.

Blocking. A row of outputs is made in two steps: the window's rows are reduced into one row of the workspace (whole
vectors), and that row is reduced along itself: at strides 1 and 2 straight into the output, at others at stride 1 into
a second row, from which the wanted windows are picked. A plain loop makes the edges, whose windows are cut. Windows of
2 x 2 at stride 2 do both steps in registers.

Channels that lie innermost are pixels of `step` floats.
"""
from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memset
cimport numpy as cnp

from vector cimport LANES, convlab_max_threads, veven, vfloat, vload, vmax, vmin, vodd, vsplat, vstore

cnp.import_array()

cdef enum Operation:
    MAXIMUM
    MINIMUM
    AVERAGE


# The fields of convlab._geometry.PoolGeometry, in its order.
cdef struct Geometry:
    Py_ssize_t planes, height, width, out_height, out_width, step
    Py_ssize_t x_plane, x_row, y_plane, y_row           # in floats
    Py_ssize_t window_height, window_width, stride_height, stride_width, pad_height, pad_width
    Py_ssize_t tiles                                    # of one plane
    Py_ssize_t workspace                                # floats of one thread


ctypedef void (*tile_function)(const Geometry*, const float*, float*, Py_ssize_t, float*) noexcept nogil


cdef inline vfloat join(vfloat a, vfloat b, const Operation operation) noexcept nogil:
    if operation == MAXIMUM:
        return vmax(a, b)
    if operation == MINIMUM:
        return vmin(a, b)
    return a + b


cdef inline float join1(float a, float b, const Operation operation) noexcept nogil:
    if operation == MAXIMUM:
        return b if b > a or b != b else a
    if operation == MINIMUM:
        return b if b < a or b != b else a
    return a + b


cdef inline vfloat finished(const Geometry* g, vfloat a, const Operation operation) noexcept nogil:
    if operation == AVERAGE:
        return a / vsplat(<float>(g.window_height * g.window_width))
    return a


cdef inline float finished1(const Geometry* g, float a, const Operation operation) noexcept nogil:
    if operation == AVERAGE:
        return a / <float>(g.window_height * g.window_width)
    return a


cdef inline void down(const Geometry* g, const float* x, float* row, Py_ssize_t n_rows,
                      const Operation operation) noexcept nogil:
    """Reduce n_rows source rows into one."""
    cdef Py_ssize_t i = 0, r, n = g.width * g.step
    cdef vfloat a
    cdef float a1
    while i + LANES <= n:
        a = vload(x + i)
        for r in range(1, n_rows):
            a = join(a, vload(x + r * g.x_row + i), operation)
        vstore(row + i, a)
        i += LANES
    while i < n:
        a1 = x[i]
        for r in range(1, n_rows):
            a1 = join1(a1, x[r * g.x_row + i], operation)
        row[i] = a1
        i += 1


cdef inline void along(const Geometry* g, float* row, float* y, const Operation operation) noexcept nogil:
    """Reduce one row along itself. It may be read two vectors past its end, and room for another lies behind it."""
    cdef Py_ssize_t i, end, last
    # The outputs, in pixels, whose windows lie inside: those before `i` and from `end` on are cut.
    i = min((g.pad_width + g.stride_width - 1) // g.stride_width, g.out_width)
    end = 0
    if g.width + g.pad_width >= g.window_width:
        end = min((g.width + g.pad_width - g.window_width) // g.stride_width + 1, g.out_width)
    if g.stride_width == 1 and (end - i) * g.step >= LANES:
        pixels(g, row, y, 0, i, operation)
        pixels(g, row, y, end, g.out_width, operation)
        i, last = i * g.step, end * g.step - LANES
        while i < last:
            vstore(y + i, neighbours(g, row + i - g.pad_width * g.step, operation))
            i += LANES
        vstore(y + last, neighbours(g, row + last - g.pad_width * g.step, operation))
    elif g.stride_width == 2 and g.step == 1 and end - i >= LANES:
        pixels(g, row, y, 0, i, operation)
        pixels(g, row, y, end, g.out_width, operation)
        last = end - LANES
        while i < last:
            vstore(y + i, every_second(g, row + 2 * i - g.pad_width, operation))
            i += LANES
        vstore(y + last, every_second(g, row + 2 * last - g.pad_width, operation))
    elif i < end:
        pixels(g, row, y, 0, i, operation)
        pixels(g, row, y, end, g.out_width, operation)
        picked(g, row, y, i, end, operation)
    else:
        pixels(g, row, y, 0, g.out_width, operation)


cdef inline void picked(const Geometry* g, float* row, float* y, Py_ssize_t start, Py_ssize_t end,
                        const Operation operation) noexcept nogil:
    """Outputs start .. end at any stride: all windows at stride 1, in vectors, and of those the wanted ones."""
    cdef float* windows = row + g.workspace // 2
    cdef Py_ssize_t step = g.step, i, c, n = ((end - 1 - start) * g.stride_width + 1) * step
    row += (start * g.stride_width - g.pad_width) * step
    i = 0
    while i < n:
        vstore(windows + i, neighbours(g, row + i, operation))
        i += LANES
    for i in range(start, end):
        for c in range(step):
            y[i * step + c] = windows[c]
        windows += g.stride_width * step


cdef inline vfloat neighbours(const Geometry* g, const float* row, const Operation operation) noexcept nogil:
    """One vector of outputs at stride 1, from the pixels that its windows start at."""
    cdef vfloat a = vload(row)
    cdef Py_ssize_t j
    for j in range(1, g.window_width):
        a = join(a, vload(row + j * g.step), operation)
    return finished(g, a, operation)


cdef inline vfloat every_second(const Geometry* g, const float* row, const Operation operation) noexcept nogil:
    """The same at stride 2, for single floats."""
    cdef vfloat a = veven(vload(row), vload(row + LANES))
    cdef Py_ssize_t j
    for j in range(1, g.window_width):
        a = join(a, veven(vload(row + j), vload(row + j + LANES)), operation)
    return finished(g, a, operation)


cdef inline void pixels(const Geometry* g, const float* row, float* y, Py_ssize_t start, Py_ssize_t end,
                        const Operation operation) noexcept nogil:
    """Outputs start .. end one by one, over what of their windows lies in the image."""
    cdef Py_ssize_t i, j, c, first, last
    cdef float a
    for i in range(start, end):
        first = i * g.stride_width - g.pad_width
        last = min(first + g.window_width, g.width)
        first = max(first, 0)
        for c in range(g.step):
            a = row[first * g.step + c]
            for j in range(first + 1, last):
                a = join1(a, row[j * g.step + c], operation)
            y[i * g.step + c] = finished1(g, a, operation)


cdef inline void tile(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row,
                      const Operation operation) noexcept nogil:
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, i, first, last
    x += plane * g.x_plane
    y += plane * g.y_plane
    memset(row + g.width * g.step, 0, 2 * LANES * sizeof(float))
    for i in range(g.out_height * part // g.tiles, g.out_height * (part + 1) // g.tiles):
        first = i * g.stride_height - g.pad_height
        last = min(first + g.window_height, g.height)
        first = max(first, 0)
        down(g, x + first * g.x_row, row, last - first, operation)
        along(g, row, y + i * g.y_row, operation)


cdef inline void tile_2x2(const Geometry* g, const float* x, float* y, Py_ssize_t t,
                          const Operation operation) noexcept nogil:
    """Windows of 2 x 2 at stride 2, without padding, on planes with step 1."""
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, i, j
    cdef const float* upper
    cdef const float* lower
    cdef float* row
    cdef vfloat a, b
    for i in range(g.out_height * part // g.tiles, g.out_height * (part + 1) // g.tiles):
        upper = x + plane * g.x_plane + 2 * i * g.x_row
        lower = upper + g.x_row
        row = y + plane * g.y_plane + i * g.y_row
        j = 0
        while j + LANES <= g.out_width:
            a = join(vload(upper + 2 * j), vload(lower + 2 * j), operation)
            b = join(vload(upper + 2 * j + LANES), vload(lower + 2 * j + LANES), operation)
            vstore(row + j, finished(g, join(veven(a, b), vodd(a, b), operation), operation))
            j += LANES
        while j < g.out_width:
            row[j] = finished1(g, join1(join1(upper[2 * j], lower[2 * j], operation),
                                        join1(upper[2 * j + 1], lower[2 * j + 1], operation), operation), operation)
            j += 1


cdef void tile_max(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row) noexcept nogil:
    tile(g, x, y, t, row, MAXIMUM)


cdef void tile_min(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row) noexcept nogil:
    tile(g, x, y, t, row, MINIMUM)


cdef void tile_avg(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row) noexcept nogil:
    tile(g, x, y, t, row, AVERAGE)


cdef void tile_max_2x2(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row) noexcept nogil:
    tile_2x2(g, x, y, t, MAXIMUM)


cdef void tile_min_2x2(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row) noexcept nogil:
    tile_2x2(g, x, y, t, MINIMUM)


cdef void tile_avg_2x2(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* row) noexcept nogil:
    tile_2x2(g, x, y, t, AVERAGE)


cdef int pool(tile_function function, cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads) except -1:
    """Get the workspace and share out the tiles."""
    cdef const Geometry* g = <const Geometry*>cnp.PyArray_DATA(geometry)
    cdef const float* source = <const float*>cnp.PyArray_DATA(x)
    cdef float* result = <float*>cnp.PyArray_DATA(y)
    cdef float* workspace
    cdef Py_ssize_t t
    threads = <int>max(1, min(threads, convlab_max_threads(), g.planes * g.tiles))
    workspace = <float*>malloc(threads * g.workspace * sizeof(float))
    if workspace == NULL:
        raise MemoryError("pool2d: no memory for %d bytes of workspace" % (4 * threads * g.workspace))
    with nogil:
        if threads == 1:
            for t in range(g.planes * g.tiles):
                function(g, source, result, t, workspace)
        else:
            for t in prange(g.planes * g.tiles, schedule="static", num_threads=threads):
                function(g, source, result, t, workspace + threadid() * g.workspace)
        free(workspace)
    return 0


def max_pool2d(cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads):
    pool(tile_max, x, y, geometry, threads)


def max_pool2d_2x2(cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads):
    pool(tile_max_2x2, x, y, geometry, threads)


def min_pool2d(cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads):
    pool(tile_min, x, y, geometry, threads)


def min_pool2d_2x2(cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads):
    pool(tile_min_2x2, x, y, geometry, threads)


def avg_pool2d(cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads):
    pool(tile_avg, x, y, geometry, threads)


def avg_pool2d_2x2(cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads):
    pool(tile_avg_2x2, x, y, geometry, threads)
