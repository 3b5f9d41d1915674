"""Gradients of pools and activations, over C-contiguous planes.

    scatter_add          y[places[i]] += g[i], in the order of i: of a maximum pool
    gather               y[i] = g[places[i]]: of max unpooling
    spread_mean          y[p] = sum over the windows o that hold p of g[o] / divisor[o]: of an average pool
    activation_gradient  y[i] = g[i] where low < output[i] < high, else g[i] * slope

A plane of a pool is one task, or some small ones are. It is zeroed and added to while the caches hold it. Means are
divided, then added along a row of the workspace, and this row to each row of the plane that its windows hold.
"""
from libc.string cimport memset

from call cimport Call
from geometry cimport ScatterGeometry, SpreadGeometry
from grad_vector cimport vselect_outside
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, vfloat, vload, vsplat, vstore


cdef enum:
    PIECES = 64             # of the planes, at most: convlab/_plan/unpooling.py
    ELEMENTS = 1 << 15      # of an activation's task


cdef struct Scatter:
    const float* g
    const long long* places
    float* y
    const ScatterGeometry* sizes
    long long wrong[PIECES]     # the first index of each piece that is no place
    bint failed[PIECES]


cdef void add_piece(const void* what, Py_ssize_t piece, void* _) noexcept nogil:
    cdef Scatter* f = <Scatter*>what
    cdef Py_ssize_t planes = f.sizes.planes, n = f.sizes.size, size = f.sizes.other, i, plane
    cdef Py_ssize_t first = planes * piece // f.sizes.pieces, last = planes * (piece + 1) // f.sizes.pieces
    cdef const float* g = f.g + first * n
    cdef const long long* places = f.places + first * n
    cdef float* y = f.y + first * size
    cdef long long at  # read once: another thread may change it
    for plane in range(first, last):  # no-cython-lint
        memset(y, 0, size * sizeof(float))
        for i in range(n):
            at = places[i]
            if not 0 <= at < size:
                f.wrong[piece], f.failed[piece] = at, True
                return
            y[at] += g[i]
        g += n
        places += n
        y += size


cdef void take_piece(const void* what, Py_ssize_t piece, void* _) noexcept nogil:
    cdef Scatter* f = <Scatter*>what
    cdef Py_ssize_t planes = f.sizes.planes, n = f.sizes.size, size = f.sizes.other, i, plane
    cdef Py_ssize_t first = planes * piece // f.sizes.pieces, last = planes * (piece + 1) // f.sizes.pieces
    cdef const float* g = f.g + first * size
    cdef const long long* places = f.places + first * n
    cdef float* y = f.y + first * n
    cdef long long at
    for plane in range(first, last):  # no-cython-lint
        for i in range(n):
            at = places[i]
            if not 0 <= at < size:
                f.wrong[piece], f.failed[piece] = at, True
                return
            y[i] = g[at]
        g += size
        places += n
        y += n


cdef int run_pieces(Call* call, task_function function) noexcept nogil:
    """Run the pieces; the answer is the first index that is no place, if there is one."""
    cdef Scatter f
    cdef Py_ssize_t i, pieces
    f.g, f.places = <const float*>call.grad.data, <const long long*>call.indices.data
    f.y, f.sizes = <float*>call.y.data, <const ScatterGeometry*>call.sizes.data
    pieces = f.sizes.pieces
    for i in range(pieces):
        f.failed[i] = False
    if run_tasks(call, function, &f, pieces, count_threads(call, pieces), NULL, 0, NULL) != 0:
        return -1
    for i in range(pieces):
        if f.failed[i]:
            call.answers, call.answer = True, f.wrong[i]
            break
    return 0


cdef public int scatter_add(Call* call) noexcept nogil:
    return run_pieces(call, add_piece)


cdef public int gather(Call* call) noexcept nogil:
    return run_pieces(call, take_piece)


# One axis of windows.
cdef struct Axis:
    Py_ssize_t size, out, window, stride, before, after, dilation
    bint bins


cdef struct Window:
    Py_ssize_t first, step, taps    # its elements that lie in the array
    Py_ssize_t count                # what the axis multiplies its divisor by


cdef inline Window window_at(const Axis* a, Py_ssize_t i, bint count_pad) noexcept nogil:
    cdef Window w
    cdef Py_ssize_t start = i * a.stride - a.before, before, inside, padded
    if a.bins:
        w.first, w.step = i * a.size // a.out, 1
        w.taps = w.count = ((i + 1) * a.size + a.out - 1) // a.out - w.first
        return w
    # Taps before the array, and those that begin before its end, with its padding.
    before = min(a.window, (-start + a.dilation - 1) // a.dilation) if start < 0 else 0
    inside = min(a.window, max(0, (a.size - start + a.dilation - 1) // a.dilation))
    padded = min(a.window, max(0, (a.size + a.after - start + a.dilation - 1) // a.dilation))
    w.first, w.step = start + before * a.dilation, a.dilation
    w.taps = max(0, inside - before)
    w.count = padded if count_pad else w.taps
    return w


cdef struct Spread:
    const float* g
    float* y
    const SpreadGeometry* sizes
    Axis depth, height, width


cdef inline void add(float* to, const float* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + LANES <= n:
        vstore(to + i, vload(to + i) + vload(row + i))
        i += LANES
    while i < n:
        to[i] += row[i]
        i += 1


cdef void spread_plane(const Spread* f, Py_ssize_t plane, float* row) noexcept nogil:
    cdef const SpreadGeometry* s = f.sizes
    cdef Py_ssize_t i, j, k, t, p, q, area, volume = s.depth * s.height * s.width
    cdef const float* g = f.g + plane * s.out_depth * s.out_height * s.out_width
    cdef float* y = f.y + plane * volume
    cdef float share
    cdef Window down, along, deep
    memset(y, 0, volume * sizeof(float))
    for i in range(s.out_depth):
        deep = window_at(&f.depth, i, s.count_pad)
        for j in range(s.out_height):
            down = window_at(&f.height, j, s.count_pad)
            area = deep.count * down.count
            memset(row, 0, s.width * sizeof(float))
            for k in range(s.out_width):
                along = window_at(&f.width, k, s.count_pad)
                share = g[k] / <float>(s.divisor if s.divisor != 0 else area * along.count)
                for t in range(along.taps):
                    row[along.first + t * along.step] += share
            g += s.out_width
            for p in range(deep.taps):
                for q in range(down.taps):
                    add(y + ((deep.first + p * deep.step) * s.height + down.first + q * down.step) * s.width, row,
                        s.width)


cdef void spread_task(const void* what, Py_ssize_t plane, void* workspace) noexcept nogil:
    spread_plane(<const Spread*>what, plane, <float*>workspace)


cdef Axis axis_of(Py_ssize_t size, Py_ssize_t out, Py_ssize_t window, Py_ssize_t stride, Py_ssize_t before,
                  Py_ssize_t after, Py_ssize_t dilation, bint bins) noexcept nogil:
    cdef Axis a
    a.size, a.out, a.window, a.stride, a.before, a.after = size, out, window, stride, before, after
    a.dilation, a.bins = dilation, bins
    return a


cdef public int spread_mean(Call* call) noexcept nogil:
    cdef Spread f
    cdef const SpreadGeometry* s = <const SpreadGeometry*>call.geometry.data
    cdef int threads = count_threads(call, s.planes)
    cdef void* memory
    f.g, f.y, f.sizes = <const float*>call.grad.data, <float*>call.y.data, s
    f.depth = axis_of(s.depth, s.out_depth, s.window_depth, s.stride_depth, s.pad_depth, s.after_depth,
                      s.dilation_depth, s.bins)
    f.height = axis_of(s.height, s.out_height, s.window_height, s.stride_height, s.pad_height, s.after_height,
                       s.dilation_height, s.bins)
    f.width = axis_of(s.width, s.out_width, s.window_width, s.stride_width, s.pad_width, s.after_width,
                      s.dilation_width, s.bins)
    memory = get_workspace(threads, s.width * sizeof(float), 0)
    if memory == NULL:
        return -1
    return run_tasks(call, spread_task, &f, s.planes, threads, memory, s.width * sizeof(float), memory)


cdef struct Activation:
    const float* g
    const float* output
    float* y
    Py_ssize_t n
    float low, high, slope


cdef void activation_task(const void* what, Py_ssize_t t, void* _) noexcept nogil:
    cdef const Activation* f = <const Activation*>what
    cdef Py_ssize_t i = t * ELEMENTS, end = min(f.n, i + ELEMENTS)
    cdef vfloat low = vsplat(f.low), high = vsplat(f.high), slope = vsplat(f.slope), g
    cdef float one
    while i + LANES <= end:
        g = vload(f.g + i)
        vstore(f.y + i, vselect_outside(vload(f.output + i), low, high, g * slope if f.slope != 0 else vsplat(0), g))
        i += LANES
    while i < end:
        one = f.g[i]
        if f.output[i] <= f.low or f.output[i] >= f.high:
            one = one * f.slope if f.slope != 0 else 0
        f.y[i] = one
        i += 1


cdef public int activation_gradient(Call* call) noexcept nogil:
    cdef Activation f
    cdef const float* v = <const float*>call.values.data
    cdef Py_ssize_t tasks
    cdef int axis
    f.g, f.output, f.y = <const float*>call.grad.data, <const float*>call.x.data, <float*>call.y.data
    f.low, f.high, f.slope = v[0], v[1], v[2]
    f.n = 1
    for axis in range(call.y.axes):
        f.n *= call.y.shape[axis]
    tasks = (f.n + ELEMENTS - 1) // ELEMENTS
    return run_tasks(call, activation_task, &f, tasks, count_threads(call, tasks), NULL, 0, NULL)
