"""Maximum over windows with the place that it stands in, and back: values put where a maximum was.

    y[i, j] = max over a, b of x[...], indices[i, j] = row * width + column of it, in its plane or volume

Of equals the first place stays, and NaN wins over whatever stands before it, so of several the last: row by row, as
PyTorch does it. A window of nothing but minus infinity has its first place.

Blocking. A vector of outputs at a time goes through the taps in that order, with its maxima and their places in two
registers; columns outside the row are lanes that are not loaded. Strides above 2, channels that lie innermost and
planes of more than 2 ** 31 elements are made one by one.
"""
from libc.math cimport INFINITY
from libc.string cimport memset
from arrays cimport PyArray_DATA, ndarray

from tasks cimport get_workspace, run_tasks
from vector cimport LANES, veven, vfloat, vload, vsplat, vstore
from pool cimport (
    Geometry, Rows, Window, rows_of, vbetter, vchoose, vchoose_place, vload_lanes, vplace, vplace_from, vplace_load,
    vplace_store, vstore_lanes, vtruth, window,
)


cdef inline vfloat piece(const Geometry* g, const float* x, Py_ssize_t c, const bint whole) noexcept nogil:
    """Columns c .. of a row from x on; minus infinity where there are none."""
    if whole:
        return vload(x)
    return vload_lanes(x, min(max(-c, 0), LANES), min(max(g.width - c, 0), LANES), vsplat(-INFINITY))


cdef inline void block(const Geometry* g, const Rows* r, Py_ssize_t first, Py_ssize_t i, float* y, long long* indices,
                       const int* starts, vplace lanes, const int stride, const bint whole) noexcept nogil:
    """Outputs i .. of a row whose window's first row starts at the place `first`."""
    cdef Py_ssize_t c = i * stride - g.pad_width, z, row, t, _, at, column
    cdef vplace place, best
    cdef vfloat largest = vsplat(-INFINITY), value
    cdef const float* x
    cdef vtruth better
    cdef long long places[LANES]
    best = lanes + <int>(first + c) if whole else vplace_load(starts + i) + <int>first
    for z in range(r.slices):
        for row in range(r.n):
            x = r.x + z * r.slice_pitch + row * r.pitch + c
            at = first + c + (z * g.dilation_depth * g.height + row * g.dilation_height) * g.width
            column = c
            for _ in range(g.window_width):
                value = piece(g, x, column, whole)
                if stride == 2:
                    value = veven(value, piece(g, x + LANES, column + LANES, whole))
                better = vbetter(value, largest)
                largest = vchoose(better, value, largest)
                place = lanes + <int>at
                best = vchoose_place(better, place, best)
                x += g.dilation_width
                at += g.dilation_width
                column += g.dilation_width
    if whole:
        vstore(y + i, largest)
        vplace_store(indices + i, best)
        return
    vstore_lanes(y + i, largest, 0, min(g.out_width - i, LANES))
    vplace_store(places, best)
    for t in range(min(g.out_width - i, LANES)):
        indices[i + t] = places[t]


cdef inline void single(const Geometry* g, const Rows* r, Py_ssize_t first, Py_ssize_t start, Py_ssize_t end, float* y,
                        long long* indices) noexcept nogil:
    """Outputs start .. end one by one."""
    cdef Py_ssize_t i, c, z, row, t, at, best
    cdef Window w
    cdef float largest, value
    cdef const float* x
    for i in range(start, end):
        w = window(g, 2, i)
        for c in range(g.step):
            largest, best = -INFINITY, first + w.start
            for z in range(r.slices):
                for row in range(r.n):
                    x = r.x + z * r.slice_pitch + row * r.pitch + w.start * g.step + c
                    at = first + w.start + (z * g.dilation_depth * g.height + row * g.dilation_height) * g.width
                    for t in range(w.size):
                        value = x[t * g.dilation_width * g.step]
                        if value > largest or value != value:
                            largest, best = value, at + t * g.dilation_width
            y[i * g.step + c] = largest
            indices[i * g.step + c] = best


cdef inline void blocks(const Geometry* g, const Rows* r, Py_ssize_t first, float* y, long long* indices,
                        const int* starts, const int stride) noexcept nogil:
    """A row of outputs."""
    cdef vplace lanes = vplace_from(0, stride)
    cdef Py_ssize_t i = 0, c, reach = (g.window_width - 1) * g.dilation_width + stride * LANES
    while i < g.out_width:
        c = i * stride - g.pad_width
        if c >= 0 and c + reach <= g.width and i + LANES <= g.out_width:
            block(g, r, first, i, y, indices, starts, lanes, stride, True)
        else:
            block(g, r, first, i, y, indices, starts, lanes, stride, False)
        i += LANES


cdef bint in_vectors(const Geometry* g) noexcept nogil:
    return (
        LANES > 1 and g.step == 1 and not g.bins and g.stride_width <= 2
        and g.depth * g.height * g.width + 2 * LANES + g.window_width * g.dilation_width < 0x7FFFFFFF
    )


cdef void tile(const Geometry* g, const float* x, float* y, long long* indices, const int* starts,
               Py_ssize_t t) noexcept nogil:
    cdef Py_ssize_t plane = t // g.tiles, part = t % g.tiles, n = g.out_depth * g.out_height, slice, row, first, at, i
    cdef Rows r
    x += plane * g.x_plane
    for i in range(n * part // g.tiles, n * (part + 1) // g.tiles):
        slice, row = i // g.out_height, i % g.out_height
        r = rows_of(g, slice, row)
        r.x = x + r.start
        first = (window(g, 0, slice).start * g.height + window(g, 1, row).start) * g.width
        at = plane * g.y_plane + slice * g.y_slice + row * g.y_row
        if not in_vectors(g):
            single(g, &r, first, 0, g.out_width, y + at, indices + at)
        elif g.stride_width == 1:
            blocks(g, &r, first, y + at, indices + at, starts, 1)
        else:
            blocks(g, &r, first, y + at, indices + at, starts, 2)


cdef struct Call:
    const Geometry* g
    const float* x
    float* y
    long long* places
    const int* starts


cdef void task(const void* what, Py_ssize_t t, void* _) noexcept nogil:
    cdef const Call* c = <const Call*>what
    tile(c.g, c.x, c.y, c.places, c.starts, t)


def max_pool2d_indices(ndarray x, ndarray y, ndarray indices, ndarray geometry, int threads, /):
    cdef const Geometry* g = <const Geometry*>PyArray_DATA(geometry)
    cdef Call call
    cdef Py_ssize_t t
    cdef int* starts  # of each window, in its row
    threads = <int>max(1, min(threads, g.planes * g.tiles))
    starts = <int*>get_workspace(1, 0, (g.out_width + LANES) * sizeof(int) if in_vectors(g) else 0)
    if in_vectors(g):
        for t in range(g.out_width + LANES):
            starts[t] = <int>window(g, 2, t).start
    call.g, call.x, call.y = g, <const float*>PyArray_DATA(x), <float*>PyArray_DATA(y)
    call.places, call.starts = <long long*>PyArray_DATA(indices), starts
    with nogil:
        run_tasks(task, &call, g.planes * g.tiles, threads, NULL, 0, starts)


def max_unpool(ndarray x, ndarray indices, ndarray y, ndarray sizes, int threads, /):
    """Values of four bytes. Returns the first index that is no place, or None."""
    cdef const Py_ssize_t* n = <const Py_ssize_t*>PyArray_DATA(sizes)  # planes, elements of x's, elements of y's
    cdef const int* source = <const int*>PyArray_DATA(x)
    cdef const long long* places = <const long long*>PyArray_DATA(indices)
    cdef int* result = <int*>PyArray_DATA(y)
    cdef Py_ssize_t _, i
    cdef long long at = 0  # read once: another thread may change it
    with nogil:
        memset(result, 0, n[0] * n[2] * sizeof(int))
        for _ in range(n[0]):
            for i in range(n[1]):
                at = places[i]
                if not 0 <= at < n[2]:
                    break
                result[at] = source[i]
            else:
                source += n[1]
                places += n[1]
                result += n[2]
                continue
            break
        else:
            i = -1
    return None if i == -1 else at
