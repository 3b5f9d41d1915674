"""Maximum, minimum and average over windows of planes.

    y[i, j] = reduce over a, b of x[i * stride_height - pad_height + a, j * stride_width - pad_width + b]

for those a, b that lie in the image: padding is never read, so it never wins; an average divides by the whole window.

Order: down each column of the window first, then along the row, whatever the size or the place, so a sum's bits
depend on the window alone. The first of equals stays, and NaN stays once it is met.

Blocking. A row of outputs is made in two steps: the window's rows are reduced into one row of the workspace (whole
vectors), and that row is reduced along itself: vectors for strides 1 and 2, a plain loop for the rest and for the
edges, whose windows are cut. Windows of 2 x 2 at stride 2 do both steps in registers.

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


cdef struct Pool:
    const float* x
    float* y
    Py_ssize_t height, width, x_plane, x_row            # pitches in floats, widths in pixels of `step` floats
    Py_ssize_t out_height, out_width, y_plane, y_row
    Py_ssize_t step
    Py_ssize_t window_height, window_width, stride_height, stride_width, pad_height, pad_width
    Py_ssize_t tiles                                    # of one plane


ctypedef void (*tile_function)(const Pool*, Py_ssize_t, float*) noexcept nogil


cdef inline vfloat join(vfloat a, vfloat b, const Operation operation) noexcept nogil:
    if operation == MAXIMUM:
        return vmax(a, b)
    if operation == MINIMUM:
        return vmin(a, b)
    return a + b


cdef inline float join1(float a, float b, const Operation operation) noexcept nogil:
    if operation == MAXIMUM:
        return a if a >= b or a != a else b
    if operation == MINIMUM:
        return a if a <= b or a != a else b
    return a + b


cdef inline vfloat finished(const Pool* p, vfloat a, const Operation operation) noexcept nogil:
    if operation == AVERAGE:
        return a / vsplat(<float>(p.window_height * p.window_width))
    return a


cdef inline float finished1(const Pool* p, float a, const Operation operation) noexcept nogil:
    if operation == AVERAGE:
        return a / <float>(p.window_height * p.window_width)
    return a


cdef inline void down(const Pool* p, const float* x, float* row, Py_ssize_t n_rows,
                      const Operation operation) noexcept nogil:
    """Reduce n_rows source rows into one."""
    cdef Py_ssize_t i = 0, r, n = p.width * p.step
    cdef vfloat a
    cdef float a1
    while i + LANES <= n:
        a = vload(x + i)
        for r in range(1, n_rows):
            a = join(a, vload(x + r * p.x_row + i), operation)
        vstore(row + i, a)
        i += LANES
    while i < n:
        a1 = x[i]
        for r in range(1, n_rows):
            a1 = join1(a1, x[r * p.x_row + i], operation)
        row[i] = a1
        i += 1


cdef inline void along(const Pool* p, const float* row, float* y, const Operation operation) noexcept nogil:
    """Reduce one row along itself. It may be read two vectors past its end."""
    cdef Py_ssize_t i = 0, j, c, first, last, n = p.out_width * p.step, inner, end
    cdef vfloat a
    cdef float a1
    # Outputs whose windows lie inside: from inner, in floats, to end.
    inner = min((p.pad_width + p.stride_width - 1) // p.stride_width * p.step, n)
    end = 0
    if p.width + p.pad_width >= p.window_width:
        end = min(((p.width + p.pad_width - p.window_width) // p.stride_width + 1) * p.step, n)
    while i < n:
        if inner <= i and i + LANES <= end and (p.stride_width == 1 or (p.stride_width == 2 and p.step == 1)):
            if p.stride_width == 1:
                first = i - p.pad_width * p.step
                a = vload(row + first)
                for j in range(1, p.window_width):
                    a = join(a, vload(row + first + j * p.step), operation)
            else:
                first = 2 * i - p.pad_width
                a = veven(vload(row + first), vload(row + first + LANES))
                for j in range(1, p.window_width):
                    a = join(a, veven(vload(row + first + j), vload(row + first + j + LANES)), operation)
            vstore(y + i, finished(p, a, operation))
            i += LANES
        else:
            c = i % p.step
            first = i // p.step * p.stride_width - p.pad_width
            last = min(first + p.window_width, p.width)
            first = max(first, 0)
            a1 = row[first * p.step + c]
            for j in range(first + 1, last):
                a1 = join1(a1, row[j * p.step + c], operation)
            y[i] = finished1(p, a1, operation)
            i += 1


cdef inline void tile(const Pool* p, Py_ssize_t t, float* row, const Operation operation) noexcept nogil:
    cdef Py_ssize_t plane = t // p.tiles, part = t % p.tiles, i, first, last
    cdef const float* x = p.x + plane * p.x_plane
    cdef float* y = p.y + plane * p.y_plane
    memset(row + p.width * p.step, 0, 2 * LANES * sizeof(float))
    for i in range(p.out_height * part // p.tiles, p.out_height * (part + 1) // p.tiles):
        first = i * p.stride_height - p.pad_height
        last = min(first + p.window_height, p.height)
        first = max(first, 0)
        down(p, x + first * p.x_row, row, last - first, operation)
        along(p, row, y + i * p.y_row, operation)


cdef inline void tile_2x2(const Pool* p, Py_ssize_t t, const Operation operation) noexcept nogil:
    """Windows of 2 x 2 at stride 2, without padding, on planes with step 1."""
    cdef Py_ssize_t plane = t // p.tiles, part = t % p.tiles, i, j
    cdef const float* x
    cdef const float* below
    cdef float* y
    cdef vfloat a, b
    for i in range(p.out_height * part // p.tiles, p.out_height * (part + 1) // p.tiles):
        x = p.x + plane * p.x_plane + 2 * i * p.x_row
        below = x + p.x_row
        y = p.y + plane * p.y_plane + i * p.y_row
        j = 0
        while j + LANES <= p.out_width:
            a = join(vload(x + 2 * j), vload(below + 2 * j), operation)
            b = join(vload(x + 2 * j + LANES), vload(below + 2 * j + LANES), operation)
            vstore(y + j, finished(p, join(veven(a, b), vodd(a, b), operation), operation))
            j += LANES
        while j < p.out_width:
            y[j] = finished1(p, join1(join1(x[2 * j], below[2 * j], operation),
                                      join1(x[2 * j + 1], below[2 * j + 1], operation), operation), operation)
            j += 1


cdef void tile_max(const Pool* p, Py_ssize_t t, float* row) noexcept nogil:
    tile(p, t, row, MAXIMUM)


cdef void tile_min(const Pool* p, Py_ssize_t t, float* row) noexcept nogil:
    tile(p, t, row, MINIMUM)


cdef void tile_avg(const Pool* p, Py_ssize_t t, float* row) noexcept nogil:
    tile(p, t, row, AVERAGE)


cdef void tile_max_2x2(const Pool* p, Py_ssize_t t, float* row) noexcept nogil:
    tile_2x2(p, t, MAXIMUM)


cdef void tile_min_2x2(const Pool* p, Py_ssize_t t, float* row) noexcept nogil:
    tile_2x2(p, t, MINIMUM)


cdef void tile_avg_2x2(const Pool* p, Py_ssize_t t, float* row) noexcept nogil:
    tile_2x2(p, t, AVERAGE)


cdef int pool(tile_function function, tuple call) except -1:
    """Take the call apart (its order is convlab._run's), get the workspace and share out the tiles."""
    cdef cnp.ndarray x, y
    cdef Pool p
    cdef Py_ssize_t planes, floats, t
    cdef int threads
    cdef float* workspace
    (x, y, planes, p.height, p.width, p.out_height, p.out_width, p.step, p.x_plane, p.x_row, p.y_plane, p.y_row,
     p.window_height, p.window_width, p.stride_height, p.stride_width, p.pad_height, p.pad_width,
     p.tiles, floats, threads) = call
    p.x = <const float*>cnp.PyArray_DATA(x)
    p.y = <float*>cnp.PyArray_DATA(y)
    threads = <int>max(1, min(threads, convlab_max_threads(), planes * p.tiles))
    workspace = <float*>malloc(threads * floats * sizeof(float))
    if workspace == NULL:
        raise MemoryError("pool2d: no memory for %d bytes of workspace" % (4 * threads * floats))
    with nogil:
        if threads == 1:
            for t in range(planes * p.tiles):
                function(&p, t, workspace)
        else:
            for t in prange(planes * p.tiles, schedule="static", num_threads=threads):
                function(&p, t, workspace + threadid() * floats)
        free(workspace)
    return 0


def max_pool2d(*call):
    pool(tile_max, call)


def min_pool2d(*call):
    pool(tile_min, call)


def avg_pool2d(*call):
    pool(tile_avg, call)


def max_pool2d_2x2(*call):
    pool(tile_max_2x2, call)


def min_pool2d_2x2(*call):
    pool(tile_min_2x2, call)


def avg_pool2d_2x2(*call):
    pool(tile_avg_2x2, call)
