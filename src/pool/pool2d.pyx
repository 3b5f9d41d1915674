"""Maximum and minimum over windows of planes, or of volumes; the average over those of 2 x 2.

    y[i, j] = reduce over a, b of x[i * stride - pad + a * dilation, j * stride - pad + b * dilation]

for those a, b that lie in the array: padding never wins; an average divides by its window's size, see PoolGeometry.
A volume's window has rows in several slices, and is otherwise a plane's; a line is a plane of one row.

Order: down the rows of the window first, slice by slice, then along the row, whatever the size or the place. The first
of equals stays, and NaN stays once it is met: in that order, so that a maximum may be put together in any
way from parts that stand in it.

Blocking. Windows of 2, 3 and 5 columns at stride 1, and of 2 and 3 at stride 2, are made in registers, a vector of
outputs at a time, from left to right: a vector of columns is loaded from each row of the window, whose reduction is
the next vector of columns; the outputs are that one and the one before it, shifted against each other (stride 1) or
parted into even and odd columns (stride 2). Two rows of outputs share what whole windows have in common. Columns
outside the row are lanes that are not loaded. These clones do not look for NaN in each step, which would cost two
operations more: they compare every two loaded vectors once, and a row in which that found any is done again.

All others take two steps: the window's rows are reduced into one row of the workspace, between its padding, and that
row along itself, at other strides into a second row first, from which the wanted windows are picked. Maxima (src/
pool_lanes.pxd) are of any type, 64 bytes at a time; those of a group of output rows that have a row in common are made
together, three operations a source row whatever the window's height (extremum.pxd), and along the row of 4, 16 ...
columns, since they may overlap. Windows that overlap little, or divide a row, are reduced one by one
(pool_each.pxd).
Long rows are cut into blocks of outputs. Sums are made in pool_sums.pyx, but those of 2 x 2 at stride 2.

Channels that lie innermost are pixels of `step` floats.
"""

from call cimport Call
from geometry cimport FLOAT32, INT16, INT8, UINT16, UINT8, PoolGeometry
from tasks cimport count_threads, get_workspace, run_tasks
from vector cimport LANES, fence, vfloat, vsplat
from pool cimport AVERAGE, MAXIMUM, MINIMUM, Operation, Rows, columns_of, source_of
from pool_each cimport each_tile
from pool_lanes cimport aligned, lanes_tile, size_of
from pool_registers cimport halves, registers_tile
from pool_strips cimport MULTIPLY, STREAM

ctypedef void (*tile_function)(const PoolGeometry*, const char*, char*, Py_ssize_t, char*) noexcept nogil


cdef inline void tile_2x2(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t,
                          const Operation operation) noexcept nogil:
    """Windows of 2 x 2 at stride 2, without padding, on planes with step 1: nothing else to ask for each row."""
    cdef Py_ssize_t plane, part, i, first
    cdef PoolGeometry own
    cdef vfloat divisor = vsplat(0.25)
    cdef int finish = (MULTIPLY if operation == AVERAGE else 0) | (STREAM if g.stream else 0)
    cdef Rows r
    r.slices, r.slice_pitch, r.n, r.pitch, r.counted = 1, 0, 2, g.x_row, 4
    if g.parts > 1:
        part = t % g.parts
        first = g.out_width * part // g.parts
        own = columns_of(g, first, g.out_width * (part + 1) // g.parts)
        x += 2 * first
        y += first
        t //= g.parts
        g = &own
    plane, part = t // g.tiles, t % g.tiles
    for i in range(g.out_height * part // g.tiles, g.out_height * (part + 1) // g.tiles):
        r.x = x + plane * g.x_plane + 2 * i * g.x_row
        halves(g, &r, y + plane * g.y_plane + i * g.y_row, divisor, finish, operation)
    if g.stream:
        fence()


cdef inline void extremum(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* workspace,
                          const Operation operation, const int kind) noexcept nogil:
    """Some outputs of some rows of a plane, some columns at a time, each as a pool of its own."""
    cdef Py_ssize_t part = t % g.parts, first = g.out_width * part // g.parts, end = g.out_width * (part + 1) // g.parts
    cdef Py_ssize_t last, size = size_of(kind)
    cdef PoolGeometry own
    if g.extent == 0:
        each_tile(g, x, y, t // g.parts, first, end, workspace, operation == MAXIMUM, kind)
    else:
        while first < end:
            last = min(first + g.columns, end)
            own = columns_of(g, first, last)
            lanes_tile(&own, x + source_of(g, first) * g.step * size, y + first * g.step * size, t // g.parts,
                       workspace, operation == MAXIMUM, kind)
            first = last


cdef void max_float32(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, FLOAT32)


cdef void max_uint8(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, UINT8)


cdef void max_int16(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, INT16)


cdef void max_uint16(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, UINT16)


cdef void max_int8(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MAXIMUM, INT8)


cdef void min_float32(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, FLOAT32)


cdef void min_uint8(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, UINT8)


cdef void min_int16(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, INT16)


cdef void min_uint16(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, UINT16)


cdef void min_int8(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    extremum(g, x, y, t, w, MINIMUM, INT8)


# Apart from the others: one function of all takes a compiler twice the time.
cdef void max_registers(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    registers_tile(g, <const float*>x, <float*>y, t, <float*>w, MAXIMUM)


cdef void min_registers(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    registers_tile(g, <const float*>x, <float*>y, t, <float*>w, MINIMUM)


cdef void max_2x2(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    tile_2x2(g, <const float*>x, <float*>y, t, MAXIMUM)


cdef void min_2x2(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    tile_2x2(g, <const float*>x, <float*>y, t, MINIMUM)


cdef void avg_2x2(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* w) noexcept nogil:
    tile_2x2(g, <const float*>x, <float*>y, t, AVERAGE)


cdef inline tile_function maximum(Py_ssize_t source) noexcept nogil:
    return (max_float32 if source == FLOAT32 else max_uint8 if source == UINT8 else max_int16 if source == INT16
            else max_uint16 if source == UINT16 else max_int8)


cdef inline tile_function minimum(Py_ssize_t source) noexcept nogil:
    return (min_float32 if source == FLOAT32 else min_uint8 if source == UINT8 else min_int16 if source == INT16
            else min_uint16 if source == UINT16 else min_int8)


cdef struct Work:
    const PoolGeometry* g
    const char* x
    char* y
    tile_function function


cdef void task(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Work* c = <const Work*>what
    c.function(c.g, c.x, c.y, t, <char*>workspace)


cdef int pool(const Call* call, tile_function function) noexcept nogil:
    """Get the workspace and share out the tiles."""
    cdef const PoolGeometry* g = <const PoolGeometry*>call.geometry.data
    cdef Work work
    cdef Py_ssize_t size = g.workspace * sizeof(float), tasks = g.planes * g.tiles * g.parts
    cdef int threads = count_threads(call, tasks)
    cdef void* memory
    work.g, work.x, work.y = g, <const char*>call.x.data, <char*>call.y.data
    work.function = function
    memory = get_workspace(threads, size, 64)
    if memory == NULL:
        return -1
    return run_tasks(call, task, &work, tasks, threads, <void*>aligned(<Py_ssize_t>memory), size, memory)


cdef public int max_pool2d(Call* call) noexcept nogil:
    return pool(call, maximum((<const PoolGeometry*>call.geometry.data).source))


cdef public int min_pool2d(Call* call) noexcept nogil:
    return pool(call, minimum((<const PoolGeometry*>call.geometry.data).source))


cdef public int max_pool2d_registers(Call* call) noexcept nogil:
    return pool(call, max_registers if LANES > 1 else max_float32)


cdef public int min_pool2d_registers(Call* call) noexcept nogil:
    return pool(call, min_registers if LANES > 1 else min_float32)


cdef public int max_pool2d_2x2(Call* call) noexcept nogil:
    return pool(call, max_2x2)


cdef public int min_pool2d_2x2(Call* call) noexcept nogil:
    return pool(call, min_2x2)


cdef public int avg_pool2d_2x2(Call* call) noexcept nogil:
    return pool(call, avg_2x2)
