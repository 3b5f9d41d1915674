"""Maximum, minimum and average over windows of planes, or of volumes.

    y[i, j] = reduce over a, b of x[i * stride - pad + a * dilation, j * stride - pad + b * dilation]

for those a, b that lie in the array: padding never wins; an average divides by its window's size, see Geometry.
A volume's window has rows in several slices, and is otherwise a plane's; a line is a plane of one row.

Order: down the rows of the window first, slice by slice, then along the row, whatever the size or the place, so a
sum's bits depend on the window alone. The first of equals stays, and NaN stays once it is met: in that order, so that
a maximum may be put together in any way from parts that stand in it.

Blocking. Windows of 2, 3 and 5 columns at stride 1, and of 2 and 3 at stride 2, are made in registers, a vector of
outputs at a time, from left to right: a vector of columns is loaded from each row of the window, whose reduction is
the next vector of columns; the outputs are that one and the one before it, shifted against each other (stride 1) or
parted into even and odd columns (stride 2). At stride 1 two rows of outputs share what they have in common. Columns
outside the row are lanes that are not loaded. These clones do not look for NaN in each step, which would cost two
operations more: they compare every two loaded vectors once, and a row in which that found any is done again.

All others take two steps: the window's rows are reduced into one row of the workspace, between its padding, and that
row along itself (maxima of 2, 4, 8 ... columns, since they may overlap; sums column by column), at other strides into
a second row first, from which the wanted windows are picked. Windows far larger than the array are cut to it.

Channels that lie innermost are pixels of `step` floats.
"""
from libc.stdint cimport uintptr_t
cimport numpy as cnp

from tasks cimport get_workspace, run_tasks
from vector cimport LANES, convlab_max_threads, fence, vfloat, vsplat
from pool cimport AVERAGE, MAXIMUM, MINIMUM, Geometry, Operation, Rows, rows_of
from pool_rows cimport along_row, column_counts, divide, down_rows, prepare
from pool_strips cimport DIVIDE, MULTIPLY, STREAM, strip_1, strip_2, strip_half

cnp.import_array()

ctypedef void (*tile_function)(const Geometry*, const float*, float*, Py_ssize_t, float*) noexcept nogil


cdef inline bint in_registers(const Geometry* g) noexcept nogil:
    """Whether a clone of strips serves."""
    if LANES == 1 or g.step > 1 or g.dilation_width > 1 or g.bins:
        return False
    if g.stride_width == 1:
        return g.window_width in (2, 3, 5)
    return g.stride_width == 2 and g.window_width in (2, 3)


cdef inline bint twice(const Geometry* g, const Rows* r, Py_ssize_t row) noexcept nogil:
    """Whether this row of windows and the next are whole, overlap in all but a row each, and have a clone."""
    return (
        g.stride_height == 1 and g.dilation_height == 1 and g.window_height == g.window_width and r.slices == 1
        and row + 1 < g.out_height and row >= g.pad_height and row + 1 - g.pad_height + r.n <= g.height
        and r.n == g.window_height
    )


cdef inline Py_ssize_t strips(const Geometry* g, const Rows* r, float* y, Py_ssize_t row, bint another, vfloat divisor,
                              int finish, const int n, const int stride, const Operation operation) noexcept nogil:
    """One row of windows of n columns, or two. Returns how many."""
    cdef Py_ssize_t start = 0
    cdef Rows second
    if finish & STREAM:  # aligned stores, the first of them with lanes that are not written
        start = -<Py_ssize_t>((<uintptr_t>y // sizeof(float)) % LANES)
    if stride == 1:
        if another and twice(g, r, row):
            if strip_2(g, r, y, y + g.y_row, start, divisor, finish, n, operation):
                second = r[0]
                second.x += r.pitch
                strip_1(g, r, y, start, divisor, finish, 0, n, operation, True)
                strip_1(g, &second, y + g.y_row, start, divisor, finish, 0, n, operation, True)
            return 2
        if strip_1(g, r, y, start, divisor, finish, 0, n, operation, False):
            strip_1(g, r, y, start, divisor, finish, 0, n, operation, True)
        return 1
    if r.slices == 1 and r.n == n:
        if not strip_half(g, r, y, start, divisor, finish, n, n, operation, False):
            return 1
    elif not strip_half(g, r, y, start, divisor, finish, 0, n, operation, False):
        return 1
    strip_half(g, r, y, start, divisor, finish, 0, n, operation, True)
    return 1


cdef inline void tile(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* workspace,
                      const Operation operation) noexcept nogil:
    """Some rows of a plane's windows."""
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, n = g.out_depth * g.out_height, slice, row, done, k
    cdef Py_ssize_t i = n * part // g.tiles, end = n * (part + 1) // g.tiles
    cdef bint quick_row = in_registers(g), divided
    cdef float* out
    cdef Rows r
    cdef int finish = 0
    cdef vfloat divisor = vsplat(1)
    x += plane * g.x_plane
    y += plane * g.y_plane
    if not quick_row:
        prepare(g, workspace, operation)
    if operation == AVERAGE:
        if not g.divisor:
            column_counts(g, workspace)
        elif quick_row and g.divisor > 0 and g.divisor & (g.divisor - 1) == 0:
            finish = MULTIPLY  # exactly the quotient
            divisor = vsplat(1 / <float>g.divisor)
        elif quick_row:
            finish = DIVIDE
            divisor = vsplat(<float>g.divisor)
    slice, row = i // g.out_height, i % g.out_height
    divided = operation != AVERAGE or finish != 0
    if g.stream and divided:
        finish |= STREAM
    while i < end:
        r = rows_of(g, x, slice, row)
        out = y + slice * g.y_slice + row * g.y_row
        done = 1
        if not quick_row:
            down_rows(g, &r, workspace, operation)
            along_row(g, workspace, out, operation)
        elif g.stride_width == 2:
            if g.window_width == 2:
                strips(g, &r, out, row, False, divisor, finish, 2, 2, operation)
            else:
                strips(g, &r, out, row, False, divisor, finish, 3, 2, operation)
        elif g.window_width == 2:
            done = strips(g, &r, out, row, i + 1 < end, divisor, finish, 2, 1, operation)
        elif g.window_width == 3:
            done = strips(g, &r, out, row, i + 1 < end, divisor, finish, 3, 1, operation)
        else:
            done = strips(g, &r, out, row, i + 1 < end, divisor, finish, 5, 1, operation)
        if not divided:
            for k in range(done):
                divide(g, workspace, out + k * g.y_row, r.counted)
        i += done
        row += done
        if row == g.out_height:
            row = 0
            slice += 1
    if g.stream:
        fence()


cdef inline void tile_2x2(const Geometry* g, const float* x, float* y, Py_ssize_t t,
                          const Operation operation) noexcept nogil:
    """Windows of 2 x 2 at stride 2, without padding, on planes with step 1: nothing else to ask for each row."""
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, i
    cdef vfloat divisor = vsplat(0.25)
    cdef int finish = (MULTIPLY if operation == AVERAGE else 0) | (STREAM if g.stream else 0)
    cdef Rows r
    r.slices, r.slice_pitch, r.n, r.pitch, r.counted = 1, 0, 2, g.x_row, 4
    for i in range(g.out_height * part // g.tiles, g.out_height * (part + 1) // g.tiles):
        r.x = x + plane * g.x_plane + 2 * i * g.x_row
        strips(g, &r, y + plane * g.y_plane + i * g.y_row, i, False, divisor, finish, 2, 2, operation)
    if g.stream:
        fence()


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


cdef struct Call:
    const Geometry* g
    const float* x
    float* y
    tile_function function


cdef void task(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Call* c = <const Call*>what
    c.function(c.g, c.x, c.y, t, <float*>workspace)


cdef int pool(tile_function function, cnp.ndarray x, cnp.ndarray y, cnp.ndarray geometry, int threads) except -1:
    """Get the workspace and share out the tiles."""
    cdef const Geometry* g = <const Geometry*>cnp.PyArray_DATA(geometry)
    cdef Call call
    cdef Py_ssize_t size = g.workspace * sizeof(float)
    cdef void* workspace
    call.g, call.x, call.y = g, <const float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(y)
    call.function = function
    threads = <int>max(1, min(threads, convlab_max_threads(), g.planes * g.tiles))
    workspace = get_workspace(threads, size, 0)
    with nogil:
        run_tasks(task, &call, g.planes * g.tiles, threads, workspace, size, workspace)
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
