# Windows of 2, 3 and 5 columns at stride 1 and of 2 and 3 at stride 2, of floats, in registers: see pool2d.pyx.
from libc.stdint cimport uintptr_t

from geometry cimport PoolGeometry
from pool cimport AVERAGE, Operation, Rows, columns_of, rows_of, source_of, window
from pool_strips cimport DIVIDE, MULTIPLY, STREAM, strip_1, strip_2, strip_half, strip_three
from vector cimport LANES, fence, vfloat, vload, vsplat, vstore


cdef inline void column_counts(const PoolGeometry* g, float* counts, Py_ssize_t first, Py_ssize_t n) noexcept nogil:
    """How many columns count in the averages of n outputs of a row, from the first on."""
    cdef Py_ssize_t i
    for i in range(n):
        counts[i] = window(g, 2, first + i).counted


cdef inline void divide(const PoolGeometry* g, const float* counts, Py_ssize_t n, float* y,
                        Py_ssize_t rows) noexcept nogil:
    """Make averages of n sums of a row."""
    cdef Py_ssize_t i = 0, c, total = n * g.step
    cdef float divisor = g.divisor if g.divisor else rows
    if not g.divisor and g.step > 1:
        for i in range(n):
            for c in range(g.step):
                y[i * g.step + c] /= divisor * counts[i]
        return
    while i + LANES <= total:
        if g.divisor:
            vstore(y + i, vload(y + i) / vsplat(divisor))
        else:
            vstore(y + i, vload(y + i) / (vsplat(divisor) * vload(counts + i)))
        i += LANES
    while i < total:
        y[i] /= divisor if g.divisor else divisor * counts[i]
        i += 1


cdef inline bint twice(const PoolGeometry* g, const Rows* r, Py_ssize_t row) noexcept nogil:
    """Whether this row of windows and the next are whole, overlap, and have a clone."""
    return (
        g.dilation_height == 1 and g.window_height == g.window_width and r.slices == 1 and row + 1 < g.out_height
        and row * g.stride_height >= g.pad_height and r.n == g.window_height
        and (row + 1) * g.stride_height - g.pad_height + r.n <= g.height
    )


cdef inline Py_ssize_t strips(const PoolGeometry* g, const Rows* r, float* y, Py_ssize_t row, bint another,
                              vfloat divisor, int finish, const int n, const Operation operation) noexcept nogil:
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


cdef inline void halves(const PoolGeometry* g, const Rows* r, float* y, vfloat divisor, int finish,
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


cdef inline Py_ssize_t thirds(const PoolGeometry* g, const Rows* r, float* y, Py_ssize_t row, bint another,
                              vfloat divisor, int finish, const bint before, const Operation operation) noexcept nogil:
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


cdef inline void rows_tile(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t, float* counts,
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
            column_counts(g, counts, 0, g.out_width)
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
                divide(g, counts, g.out_width, out + k * g.y_row, r.counted)
        i += done
        row += done
        if row == g.out_height:
            row = 0
            slice += 1
    if g.stream:
        fence()


cdef inline void registers_tile(const PoolGeometry* g, const float* x, float* y, Py_ssize_t t, float* workspace,
                                const Operation operation) noexcept nogil:
    """Some outputs of some rows of a plane, some columns at a time, each as a pool of its own."""
    cdef Py_ssize_t part = t % g.parts, first = g.out_width * part // g.parts, end = g.out_width * (part + 1) // g.parts
    cdef Py_ssize_t last
    cdef PoolGeometry own
    while first < end:
        last = min(first + g.columns, end)
        own = columns_of(g, first, last)
        rows_tile(&own, x + source_of(g, first), y + first, t // g.parts, workspace, operation)
        first = last
