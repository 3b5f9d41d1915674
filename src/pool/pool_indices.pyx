"""Maximum over windows with the place that it stands in, and back: values put where a maximum was.

    y[i, j] = max over a, b of x[...], indices[i, j] = row * width + column of it, in its plane or volume

Of equals the first place stays, and NaN wins over whatever stands before it, so of several the last: row by row, as
PyTorch does it. A window of nothing but minus infinity has its first place.

Blocking. A vector of outputs at a time goes through the taps in that order, with its maxima and their places in two
registers; columns outside the row are lanes that are not loaded. Integers are compared as floats, which hold them all.
Strides above 2, channels that lie innermost and planes of more than 2 ** 31 elements are made one by one. A window
without an element in the array has the smallest value of its type, and the place of the element nearest to its first
tap.

An unpool shares out planes: within one the last of several values for a place stays.
"""
from libc.math cimport INFINITY
from libc.stdint cimport int16_t, int8_t, uint16_t, uint32_t, uint64_t, uint8_t
from libc.string cimport memset

from call cimport Call
from geometry cimport FLOAT32, INT16, INT8, UINT16, UINT8, PoolGeometry
from tasks cimport count_threads, run_tasks
from vector cimport (
    LANES, veven, vfloat, vload, vsplat, vstore, vstore_i16, vstore_u16, vstore_u8,
)
from pool cimport (
    Rows, Window, axis_of, rows_of, vbetter, vchoose, vchoose_place, vload_lanes, vplace, vplace_from, vplace_load,
    vplace_store, vstore_lanes, vtruth, window,
)
from pool_load cimport bytes_of, number_of, vector_of

ctypedef void (*tile_function)(const PoolGeometry*, const char*, char*, long long*, Py_ssize_t) noexcept nogil


cdef inline vfloat piece(const PoolGeometry* g, const char* x, Py_ssize_t at, Py_ssize_t c, const bint whole,
                         const int kind) noexcept nogil:
    """Columns c .. of a row, from element `at` of x on; minus infinity where there are none."""
    cdef float lanes[LANES]
    cdef Py_ssize_t l, low = min(max(-c, 0), LANES), high = min(max(g.width - c, 0), LANES)
    if whole:
        return vector_of(x, at, LANES, kind)
    if kind == FLOAT32:
        return vload_lanes(<const float*>x + at, low, high, vsplat(-INFINITY))
    for l in range(LANES):  # no-cython-lint
        lanes[l] = number_of(x, at + l, kind) if low <= l < high else -INFINITY
    return vload(lanes)


cdef inline void put_one(char* y, Py_ssize_t i, float value, const int kind) noexcept nogil:
    """A maximum of the kind's own values, or minus infinity."""
    if kind == FLOAT32:
        (<float*>y)[i] = value
    elif kind == UINT8:
        (<uint8_t*>y)[i] = <uint8_t>max(value, <float>0)
    elif kind == INT8:
        (<int8_t*>y)[i] = <int8_t>max(value, <float>-128)
    elif kind == INT16:
        (<int16_t*>y)[i] = <int16_t>max(value, <float>-32768)
    else:
        (<uint16_t*>y)[i] = <uint16_t>max(value, <float>0)


cdef inline void put(char* y, Py_ssize_t i, vfloat v, Py_ssize_t n, const int kind) noexcept nogil:
    """n outputs of a vector."""
    cdef float lanes[LANES]
    cdef Py_ssize_t l
    if kind == FLOAT32:
        if n == LANES:
            vstore(<float*>y + i, v)
        else:
            vstore_lanes(<float*>y + i, v, 0, n)
    elif n == LANES and kind == UINT8:
        vstore_u8(<uint8_t*>y + i, v)
    elif n == LANES and kind == INT16:
        vstore_i16(<int16_t*>y + i, v)
    elif n == LANES and kind == UINT16:
        vstore_u16(<uint16_t*>y + i, v)
    else:
        vstore(lanes, v)
        for l in range(n):  # no-cython-lint
            put_one(y, i + l, lanes[l], kind)


cdef inline Py_ssize_t first_place(const PoolGeometry* g, const int axis, Py_ssize_t i) noexcept nogil:
    """Where a window starts on an axis; the last element where all its taps lie behind it."""
    return min(window(g, axis, i).start, axis_of(g, axis).size - 1)


cdef inline void block(const PoolGeometry* g, const char* x, const Rows* r, Py_ssize_t first, Py_ssize_t i,
                       Py_ssize_t end, char* y, long long* indices, vplace lanes, const int stride, const bint whole,
                       const int kind) noexcept nogil:
    """Outputs i .. of a row whose window's first row starts at the place `first`."""
    cdef Py_ssize_t c = i * stride - g.pad_width, z, row, t, _, at, column, e
    cdef vplace place, best
    cdef vfloat largest = vsplat(-INFINITY), value
    cdef vtruth better
    cdef long long places[LANES]
    cdef int starts[LANES]
    if whole:
        best = lanes + <int>(first + c)
    else:
        for t in range(LANES):
            starts[t] = <int>(first + first_place(g, 2, i + t))
        best = vplace_load(starts)
    for z in range(r.slices):
        for row in range(r.n):
            e = r.start + z * r.slice_pitch + row * r.pitch + c
            at = first + c + (z * g.dilation_depth * g.height + row * g.dilation_height) * g.width
            column = c
            for _ in range(g.window_width):
                value = piece(g, x, e, column, whole, kind)
                if stride == 2:
                    value = veven(value, piece(g, x, e + LANES, column + LANES, whole, kind))
                better = vbetter(value, largest)
                largest = vchoose(better, value, largest)
                place = lanes + <int>at
                best = vchoose_place(better, place, best)
                e += g.dilation_width
                at += g.dilation_width
                column += g.dilation_width
    if whole:
        put(y, i, largest, LANES, kind)
        vplace_store(indices + i, best)
        return
    put(y, i, largest, min(end - i, LANES), kind)
    vplace_store(places, best)
    for t in range(min(end - i, LANES)):
        indices[i + t] = places[t]


cdef inline void single(const PoolGeometry* g, const char* x, const Rows* r, Py_ssize_t first, Py_ssize_t start,
                        Py_ssize_t end, char* y, long long* indices, const int kind) noexcept nogil:
    """Outputs start .. end one by one."""
    cdef Py_ssize_t i, c, z, row, t, at, best, e
    cdef Window w
    cdef float largest, value
    for i in range(start, end):
        w = window(g, 2, i)
        for c in range(g.step):
            largest, best = -INFINITY, first + first_place(g, 2, i)
            for z in range(r.slices):
                for row in range(r.n):
                    e = r.start + z * r.slice_pitch + row * r.pitch + w.start * g.step + c
                    at = first + w.start + (z * g.dilation_depth * g.height + row * g.dilation_height) * g.width
                    for t in range(w.size):
                        value = number_of(x, e + t * g.dilation_width * g.step, kind)
                        if value > largest or value != value:
                            largest, best = value, at + t * g.dilation_width
            put_one(y, i * g.step + c, largest, kind)
            indices[i * g.step + c] = best


cdef inline void blocks(const PoolGeometry* g, const char* x, const Rows* r, Py_ssize_t first, Py_ssize_t i,
                        Py_ssize_t end, char* y, long long* indices, const int stride, const int kind) noexcept nogil:
    """Outputs i .. end of a row."""
    cdef vplace lanes = vplace_from(0, stride)
    cdef Py_ssize_t c, reach = (g.window_width - 1) * g.dilation_width + stride * LANES
    while i < end:
        c = i * stride - g.pad_width
        if c >= 0 and c + reach <= g.width and i + LANES <= end:
            block(g, x, r, first, i, end, y, indices, lanes, stride, True, kind)
        else:
            block(g, x, r, first, i, end, y, indices, lanes, stride, False, kind)
        i += LANES


cdef inline bint in_vectors(const PoolGeometry* g) noexcept nogil:
    return (
        LANES > 1 and g.step == 1 and not g.bins and g.stride_width <= 2
        and g.depth * g.height * g.width + 2 * LANES + g.window_width * g.dilation_width < 0x7FFFFFFF
    )


cdef inline void tile(const PoolGeometry* g, const char* x, char* y, long long* indices, Py_ssize_t t,
                      const int kind) noexcept nogil:
    """Some outputs of some rows of a plane."""
    cdef Py_ssize_t n = g.out_depth * g.out_height, slice, row, first, at, i, size = bytes_of(kind)
    cdef Py_ssize_t start = g.out_width * (t % g.parts) // g.parts, end = g.out_width * (t % g.parts + 1) // g.parts
    cdef Py_ssize_t plane = t // g.parts // g.tiles, part = t // g.parts % g.tiles
    cdef Rows r
    x += plane * g.x_plane * size
    for i in range(n * part // g.tiles, n * (part + 1) // g.tiles):
        slice, row = i // g.out_height, i % g.out_height
        r = rows_of(g, slice, row)
        first = (first_place(g, 0, slice) * g.height + first_place(g, 1, row)) * g.width
        at = plane * g.y_plane + slice * g.y_slice + row * g.y_row
        if not in_vectors(g):
            single(g, x, &r, first, start, end, y + at * size, indices + at, kind)
        elif g.stride_width == 1:
            blocks(g, x, &r, first, start, end, y + at * size, indices + at, 1, kind)
        else:
            blocks(g, x, &r, first, start, end, y + at * size, indices + at, 2, kind)


cdef void tile_float32(const PoolGeometry* g, const char* x, char* y, long long* places, Py_ssize_t t) noexcept nogil:
    tile(g, x, y, places, t, FLOAT32)


cdef void tile_uint8(const PoolGeometry* g, const char* x, char* y, long long* places, Py_ssize_t t) noexcept nogil:
    tile(g, x, y, places, t, UINT8)


cdef void tile_int16(const PoolGeometry* g, const char* x, char* y, long long* places, Py_ssize_t t) noexcept nogil:
    tile(g, x, y, places, t, INT16)


cdef void tile_uint16(const PoolGeometry* g, const char* x, char* y, long long* places, Py_ssize_t t) noexcept nogil:
    tile(g, x, y, places, t, UINT16)


cdef void tile_int8(const PoolGeometry* g, const char* x, char* y, long long* places, Py_ssize_t t) noexcept nogil:
    tile(g, x, y, places, t, INT8)


cdef struct Work:
    const PoolGeometry* g
    const char* x
    char* y
    long long* places
    tile_function function


cdef void task(const void* what, Py_ssize_t t, void* _) noexcept nogil:
    cdef const Work* c = <const Work*>what
    c.function(c.g, c.x, c.y, c.places, t)


cdef public int max_pool2d_indices(Call* call) noexcept nogil:
    cdef const PoolGeometry* g = <const PoolGeometry*>call.geometry.data
    cdef Work work
    cdef Py_ssize_t n = g.planes * g.tiles * g.parts
    cdef int threads = count_threads(call, n)
    work.g, work.x, work.y = g, <const char*>call.x.data, <char*>call.y.data
    work.places = <long long*>call.indices.data
    work.function = (tile_float32 if g.source == FLOAT32 else tile_uint8 if g.source == UINT8
                     else tile_int16 if g.source == INT16 else tile_uint16 if g.source == UINT16 else tile_int8)
    return run_tasks(call, task, &work, n, threads, NULL, 0, NULL)


ctypedef fused element:
    uint8_t
    uint16_t
    uint32_t
    uint64_t

cdef enum:
    PIECES = 64  # of an unpool's planes, at most


cdef struct Unpool:
    const char* x
    const long long* places
    char* y
    Py_ssize_t planes, n, out, itemsize, pieces
    long long wrong[PIECES]     # the first index of each piece that is no place
    bint failed[PIECES]


cdef inline void put_back(Unpool* u, Py_ssize_t piece, const element* _) noexcept nogil:
    cdef Py_ssize_t first = u.planes * piece // u.pieces, last = u.planes * (piece + 1) // u.pieces, i, plane
    cdef const element* x = <const element*>u.x + first * u.n
    cdef element* y = <element*>u.y + first * u.out
    cdef const long long* places = u.places + first * u.n
    cdef long long at  # read once: another thread may change it
    for plane in range(first, last):  # no-cython-lint
        memset(y, 0, u.out * sizeof(element))
        for i in range(u.n):
            at = places[i]
            if not 0 <= at < u.out:
                u.wrong[piece], u.failed[piece] = at, True
                return
            y[at] = x[i]
        x += u.n
        places += u.n
        y += u.out


cdef void put_piece(const void* what, Py_ssize_t piece, void* _) noexcept nogil:
    cdef Unpool* u = <Unpool*>what
    if u.itemsize == 1:
        put_back(u, piece, <const uint8_t*>NULL)
    elif u.itemsize == 2:
        put_back(u, piece, <const uint16_t*>NULL)
    elif u.itemsize == 4:
        put_back(u, piece, <const uint32_t*>NULL)
    else:
        put_back(u, piece, <const uint64_t*>NULL)


cdef public int max_unpool(Call* call) noexcept nogil:
    """Values of up to eight bytes. The answer is the first index that is no place, if there is one."""
    cdef const Py_ssize_t* n = <const Py_ssize_t*>call.sizes.data
    cdef Unpool u
    cdef Py_ssize_t i
    u.x, u.places = <const char*>call.x.data, <const long long*>call.indices.data
    u.y = <char*>call.y.data
    u.planes, u.n, u.out, u.itemsize, u.pieces = n[0], n[1], n[2], n[3], n[4]
    for i in range(u.pieces):
        u.failed[i] = False
    if run_tasks(call, put_piece, &u, u.pieces, count_threads(call, u.pieces), NULL, 0, NULL) != 0:
        return -1
    for i in range(u.pieces):
        if u.failed[i]:
            call.answers, call.answer = True, u.wrong[i]
            break
    return 0
