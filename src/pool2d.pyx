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
parted into even and odd columns (stride 2). Two rows of outputs share what whole windows have in common. Columns
outside the row are lanes that are not loaded. These clones do not look for NaN in each step, which would cost two
operations more: they compare every two loaded vectors once, and a row in which that found any is done again.

All others take two steps: the window's rows are reduced into one row of the workspace, between its padding, and that
row along itself, at other strides into a second row first, from which the wanted windows are picked. Maxima (src/
pool_lanes.pxd) are of any type, 64 bytes at a time; those of a group of output rows that have a row in common are made
together, three operations a source row whatever the window's height (src/extremum.pxd), and along the row of 4, 16 ...
columns, since they may overlap. Sums (src/pool_sums.pxd) are of floats, from any type, row by row and column by column.
Windows far larger than the array are cut to it.

Channels that lie innermost are pixels of `step` floats.
"""
from libc.stdint cimport uintptr_t
from arrays cimport PyArray_DATA, ndarray

from lanes cimport FLOAT32, INT16, INT8, UINT16, UINT8
from tasks cimport get_workspace, run_tasks
from vector cimport LANES, fence, vfloat, vsplat
from pool cimport AVERAGE, MAXIMUM, MINIMUM, Geometry, Operation, Rows, rows_of
from pool_lanes cimport aligned, lanes_tile, size_of
from pool_strips cimport DIVIDE, MULTIPLY, STREAM, strip_1, strip_2, strip_half, strip_three
from pool_sums cimport along_row, column_counts, divide, down_rows, prepare

ctypedef void (*tile_function)(const Geometry*, const char*, char*, Py_ssize_t, char*) noexcept nogil


cdef inline bint in_registers(const Geometry* g) noexcept nogil:
    """Whether a clone of strips serves."""
    if LANES == 1 or g.step > 1 or g.dilation_width > 1 or g.bins:
        return False
    if g.stride_width == 1:
        return g.window_width in (2, 3, 5)
    return g.stride_width == 2 and (g.window_width == 2 or g.window_width == 3 and g.pad_width < 2)


cdef inline bint twice(const Geometry* g, const Rows* r, Py_ssize_t row) noexcept nogil:
    """Whether this row of windows and the next are whole, overlap, and have a clone."""
    return (
        g.dilation_height == 1 and g.window_height == g.window_width and r.slices == 1 and row + 1 < g.out_height
        and row * g.stride_height >= g.pad_height and r.n == g.window_height
        and (row + 1) * g.stride_height - g.pad_height + r.n <= g.height
    )


cdef inline Py_ssize_t strips(const Geometry* g, const Rows* r, float* y, Py_ssize_t row, bint another, vfloat divisor,
                              int finish, const int n, const Operation operation) noexcept nogil:
    """One row of windows of n columns at stride 1, or two. Returns how many."""
    cdef Py_ssize_t start = 0
    cdef Rows second
    if finish & STREAM:  # aligned stores, the first of them with lanes that are not written
        start = -<Py_ssize_t>((<uintptr_t>y // sizeof(float)) % LANES)
    if another and g.stride_height == 1 and twice(g, r, row):
        if strip_2(g, r, y, y + g.y_row, start, divisor, finish, n, operation):
            second = r[0]
            second.x += r.pitch
            strip_1(g, r, y, start, divisor, finish, 0, n, operation, True)
            strip_1(g, &second, y + g.y_row, start, divisor, finish, 0, n, operation, True)
        return 2
    if strip_1(g, r, y, start, divisor, finish, 0, n, operation, False):
        strip_1(g, r, y, start, divisor, finish, 0, n, operation, True)
    return 1


cdef inline void halves(const Geometry* g, const Rows* r, float* y, vfloat divisor, int finish,
                        const Operation operation) noexcept nogil:
    """One row of windows of 2 columns at stride 2."""
    cdef Py_ssize_t start = -<Py_ssize_t>((<uintptr_t>y // sizeof(float)) % LANES) if finish & STREAM else 0
    cdef bint bad
    if r.slices == 1 and r.n == 2:
        bad = strip_half(g, r, y, start, divisor, finish, 2, operation, False)
    else:
        bad = strip_half(g, r, y, start, divisor, finish, 0, operation, False)
    if bad:
        strip_half(g, r, y, start, divisor, finish, 0, operation, True)


cdef inline Py_ssize_t thirds(const Geometry* g, const Rows* r, float* y, Py_ssize_t row, bint another, vfloat divisor,
                              int finish, const bint before, const Operation operation) noexcept nogil:
    """One row of windows of 3 columns at stride 2, or two. Returns how many."""
    cdef bint bad
    cdef Rows second
    another = another and g.stride_height == 2 and twice(g, r, row)
    if another:
        bad = strip_three(g, r, y, divisor, finish, 3, before, 2, operation, False)
    elif r.slices == 1 and r.n == 3:
        bad = strip_three(g, r, y, divisor, finish, 3, before, 1, operation, False)
    else:
        bad = strip_three(g, r, y, divisor, finish, 0, before, 1, operation, False)
    if bad:
        strip_three(g, r, y, divisor, finish, 0, before, 1, operation, True)
        if another:
            second = r[0]
            second.x += 2 * r.pitch
            strip_three(g, &second, y + g.y_row, divisor, finish, 0, before, 1, operation, True)
    return 2 if another else 1


cdef inline void tile(const Geometry* g, const float* x, float* y, Py_ssize_t t, float* workspace,
                      const Operation operation) noexcept nogil:
    """Some rows of a plane's windows of floats, in registers."""
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, n = g.out_depth * g.out_height, slice, row, done, k
    cdef Py_ssize_t i = n * part // g.tiles, end = n * (part + 1) // g.tiles
    cdef bint divided = True
    cdef float* out
    cdef Rows r
    cdef int finish = 0
    cdef vfloat divisor = vsplat(1)
    x += plane * g.x_plane
    y += plane * g.y_plane
    if operation == AVERAGE:
        if g.divisor > 0 and g.divisor & (g.divisor - 1) == 0:
            finish = MULTIPLY  # exactly the quotient
            divisor = vsplat(1 / <float>g.divisor)
        elif g.divisor:
            finish = DIVIDE
            divisor = vsplat(<float>g.divisor)
        else:
            column_counts(g, workspace)
            divided = False
    if g.stream and divided:
        finish |= STREAM
    slice, row = i // g.out_height, i % g.out_height
    while i < end:
        r = rows_of(g, slice, row)
        r.x = x + r.start
        out = y + slice * g.y_slice + row * g.y_row
        done = 1
        if g.stride_width == 2 and g.window_width == 2:
            halves(g, &r, out, divisor, finish, operation)
        elif g.stride_width == 2 and g.pad_width:
            done = thirds(g, &r, out, row, i + 1 < end, divisor, finish, True, operation)
        elif g.stride_width == 2:
            done = thirds(g, &r, out, row, i + 1 < end, divisor, finish, False, operation)
        elif g.window_width == 2:
            done = strips(g, &r, out, row, i + 1 < end, divisor, finish, 2, operation)
        elif g.window_width == 3:
            done = strips(g, &r, out, row, i + 1 < end, divisor, finish, 3, operation)
        else:
            done = strips(g, &r, out, row, i + 1 < end, divisor, finish, 5, operation)
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


cdef inline void sums_tile(const Geometry* g, const char* x, float* y, Py_ssize_t t, float* workspace,
                           const int source) noexcept nogil:
    """Some rows of averages, by way of a row of the workspace."""
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, n = g.out_depth * g.out_height, i
    cdef float* out
    cdef Rows r
    prepare(g, workspace)
    if not g.divisor:
        column_counts(g, workspace)
    x += plane * g.x_plane * size_of(source)
    for i in range(n * part // g.tiles, n * (part + 1) // g.tiles):
        r = rows_of(g, i // g.out_height, i % g.out_height)
        out = y + plane * g.y_plane + i // g.out_height * g.y_slice + i % g.out_height * g.y_row
        down_rows(g, x, &r, workspace, source)
        along_row(g, workspace, out)
        divide(g, workspace, out, r.counted)


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
        halves(g, &r, y + plane * g.y_plane + i * g.y_row, divisor, finish, operation)
    if g.stream:
        fence()


cdef inline void extremum(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* workspace,
                          const Operation operation, const int kind) noexcept nogil:
    if kind == FLOAT32 and in_registers(g):
        tile(g, <const float*>x, <float*>y, t, <float*>workspace, operation)
    else:
        lanes_tile(g, x, y, t, workspace, operation == MAXIMUM, kind)


cdef inline void average(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* workspace,
                         const int kind) noexcept nogil:
    if kind == FLOAT32 and in_registers(g):
        tile(g, <const float*>x, <float*>y, t, <float*>workspace, AVERAGE)
    else:
        sums_tile(g, x, <float*>y, t, <float*>workspace, kind)


cdef void max_float32(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, FLOAT32)


cdef void max_uint8(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, UINT8)


cdef void max_int16(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, INT16)


cdef void max_uint16(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, UINT16)


cdef void max_int8(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, INT8)


cdef void min_float32(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, FLOAT32)


cdef void min_uint8(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, UINT8)


cdef void min_int16(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, INT16)


cdef void min_uint16(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, UINT16)


cdef void min_int8(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, INT8)


cdef void avg_float32(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    average(g, x, y, t, w, FLOAT32)


cdef void avg_uint8(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    average(g, x, y, t, w, UINT8)


cdef void avg_int16(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    average(g, x, y, t, w, INT16)


cdef void avg_uint16(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    average(g, x, y, t, w, UINT16)


cdef void avg_int8(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    average(g, x, y, t, w, INT8)


cdef void max_2x2(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    tile_2x2(g, <const float*>x, <float*>y, t, MAXIMUM)


cdef void min_2x2(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    tile_2x2(g, <const float*>x, <float*>y, t, MINIMUM)


cdef void avg_2x2(const Geometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    tile_2x2(g, <const float*>x, <float*>y, t, AVERAGE)


# By the place of x's dtype in convlab._geometry.POOLED.
cdef tile_function maxima[5]
cdef tile_function minima[5]
cdef tile_function averages[5]
maxima[:] = [max_float32, max_uint8, max_int16, max_uint16, max_int8]
minima[:] = [min_float32, min_uint8, min_int16, min_uint16, min_int8]
averages[:] = [avg_float32, avg_uint8, avg_int16, avg_uint16, avg_int8]


cdef Py_ssize_t source_of(ndarray geometry) noexcept:
    return (<const Geometry*>PyArray_DATA(geometry)).source


cdef struct Call:
    const Geometry* g
    const char* x
    char* y
    tile_function function


cdef void task(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Call* c = <const Call*>what
    c.function(c.g, c.x, c.y, t, <char*>workspace)


cdef int pool(tile_function function, ndarray x, ndarray y, ndarray geometry, int threads) except -1:
    """Get the workspace and share out the tiles."""
    cdef const Geometry* g = <const Geometry*>PyArray_DATA(geometry)
    cdef Call call
    cdef Py_ssize_t size = g.workspace * sizeof(float)
    cdef void* memory
    call.g, call.x, call.y = g, <const char*>PyArray_DATA(x), <char*>PyArray_DATA(y)
    call.function = function
    threads = <int>max(1, min(threads, g.planes * g.tiles))
    memory = get_workspace(threads, size, 64)
    with nogil:
        run_tasks(task, &call, g.planes * g.tiles, threads, <void*>aligned(<Py_ssize_t>memory), size, memory)
    return 0


def max_pool2d(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(maxima[source_of(geometry)], x, y, geometry, threads)


def min_pool2d(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(minima[source_of(geometry)], x, y, geometry, threads)


def avg_pool2d(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(averages[source_of(geometry)], x, y, geometry, threads)


def max_pool2d_2x2(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(max_2x2, x, y, geometry, threads)


def min_pool2d_2x2(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(min_2x2, x, y, geometry, threads)


def avg_pool2d_2x2(ndarray x, ndarray y, ndarray geometry, int threads, /):
    pool(avg_2x2, x, y, geometry, threads)
