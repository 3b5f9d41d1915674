# Windows of any size: their rows reduced into one row of the workspace, and that along itself. See src/pool2d.pyx.
from vector cimport LANES, veven, vfloat, vload, vsplat, vstore
from pool cimport (
    AVERAGE, Geometry, Operation, Rows, Window, identity, join, join1, vload_lanes, vpick, vpick_lanes, vpicks,
    vstore_lanes, window,
)

# The workspace: a row between its padding, a second one, and how many columns count in each window's average.


cdef inline void prepare(const Geometry* g, float* row, const Operation operation) noexcept nogil:
    """Write the padding of a row, once."""
    cdef Py_ssize_t i, left = g.pad_width * g.step
    if g.extent:
        for i in range(left):
            row[i] = identity(operation)
        for i in range(left + g.width * g.step, g.row):
            row[i] = identity(operation)


cdef inline void column_counts(const Geometry* g, float* workspace) noexcept nogil:
    cdef float* counts = workspace + 2 * g.row
    cdef Py_ssize_t i
    for i in range(g.out_width):
        counts[i] = window(g, 2, i).counted


cdef inline void divide(const Geometry* g, const float* workspace, float* y, Py_ssize_t rows) noexcept nogil:
    """Make averages of a row's sums."""
    cdef const float* counts = workspace + 2 * g.row
    cdef Py_ssize_t i = 0, c, n = g.out_width * g.step
    cdef float divisor = g.divisor if g.divisor else rows
    if not g.divisor and g.step > 1:
        for i in range(g.out_width):
            for c in range(g.step):
                y[i * g.step + c] /= divisor * counts[i]
        return
    while i + LANES <= n:
        if g.divisor:
            vstore(y + i, vload(y + i) / vsplat(divisor))
        else:
            vstore(y + i, vload(y + i) / (vsplat(divisor) * vload(counts + i)))
        i += LANES
    while i < n:
        y[i] /= divisor if g.divisor else divisor * counts[i]
        i += 1


cdef inline vfloat down_part(const Rows* r, Py_ssize_t c, Py_ssize_t n, const bint whole,
                             const Operation operation) noexcept nogil:
    cdef vfloat zero = vsplat(0)
    cdef vfloat a = vload(r.x + c) if whole else vload_lanes(r.x + c, 0, n, zero)
    cdef Py_ssize_t i, j
    cdef const float* x
    for i in range(r.slices):
        for j in range(1 if i == 0 else 0, r.n):
            x = r.x + i * r.slice_pitch + j * r.pitch + c
            a = join(a, vload(x) if whole else vload_lanes(x, 0, n, zero), operation)
    return a


cdef inline void down_rows(const Geometry* g, const Rows* r, float* row, const Operation operation) noexcept nogil:
    """The window's rows reduced into one, which stands behind its padding."""
    cdef Py_ssize_t i = 0, n = g.width
    if g.extent:
        row += g.pad_width * g.step
        n = min(n, g.extent - g.pad_width)
    n *= g.step
    while i + LANES <= n:
        vstore(row + i, down_part(r, i, LANES, True, operation))
        i += LANES
    if i < n:
        vstore_lanes(row + i, down_part(r, i, n - i, False, operation), 0, n - i)


cdef inline void along_row(const Geometry* g, float* row, float* y, const Operation operation) noexcept nogil:
    """The windows of one row, which stands between its padding where g.extent says so."""
    cdef Py_ssize_t unit = g.dilation_width * g.step, i, k = g.window_width, end = g.extent * g.step
    cdef Py_ssize_t n = ((g.out_width - 1) * g.stride_width + 1) * g.step
    if g.extent == 0:
        cut(g, row, y, operation)
        return
    if g.step >= LANES and (operation == AVERAGE or k <= 4 or g.stride_width >= k):
        pixels(g, row, y, operation)
        return
    if operation == AVERAGE or k <= 2:
        finish_row(g, row, row + g.row, y, k, unit, n, operation)
        return
    # Not in place at first: that would write over the padding, which stays.
    double(row, row + g.row, unit, end - unit, operation)
    row += g.row
    i = 2  # columns that each element is the maximum of
    while 2 * i < k:
        double(row, row, i * unit, end - (2 * i - 1) * unit, operation)
        i *= 2
    finish_row(g, row, row, y, 2, (k - i) * unit, n, operation)


cdef inline void double(const float* row, float* to, Py_ssize_t distance, Py_ssize_t n,
                        const Operation operation) noexcept nogil:
    """Join each of n elements with the one at a distance behind it, and at most a vector more."""
    cdef Py_ssize_t i = 0
    while i < n:
        vstore(to + i, join(vload(row + i), vload(row + i + distance), operation))
        i += LANES


cdef inline vfloat taps(const float* row, Py_ssize_t k, Py_ssize_t distance, const Operation operation) noexcept nogil:
    cdef vfloat a = vload(row)
    cdef Py_ssize_t t
    for t in range(1, k):
        a = join(a, vload(row + t * distance), operation)
    return a


cdef inline void finish_row(const Geometry* g, const float* row, float* windows, float* y, Py_ssize_t k,
                            Py_ssize_t distance, Py_ssize_t n, const Operation operation) noexcept nogil:
    """Outputs from k elements each, `distance` apart; where need be by way of all n windows at stride 1."""
    cdef Py_ssize_t i = 0, c, lanes, total = g.out_width * g.step
    cdef vfloat a, b
    cdef vpicks picks
    if g.stride_width == 1:
        while i + LANES <= total:
            vstore(y + i, taps(row + i, k, distance, operation))
            i += LANES
        if i < total:
            vstore_lanes(y + i, taps(row + i, k, distance, operation), 0, total - i)
        return
    if g.stride_width == 2 and g.step <= LANES // 2:
        lanes = LANES // g.step * g.step
        picks = vpick_lanes(g.step)
        while i < total:
            a = taps(row + 2 * i, k, distance, operation)
            b = taps(row + 2 * i + LANES, k, distance, operation)
            a = veven(a, b) if g.step == 1 else vpick(a, b, picks)
            if i + LANES <= total:
                vstore(y + i, a)
            else:
                vstore_lanes(y + i, a, 0, total - i)
            i += lanes
        return
    while i < n:
        vstore(windows + i, taps(row + i, k, distance, operation))
        i += LANES
    if g.step == 1:
        for i in range(g.out_width):
            y[i] = windows[i * g.stride_width]
        return
    for i in range(g.out_width):
        for c in range(g.step):
            y[i * g.step + c] = windows[i * g.stride_width * g.step + c]


cdef inline void pixels(const Geometry* g, const float* row, float* y, const Operation operation) noexcept nogil:
    """Pixels of a vector or more: the last vector of each lies back over its neighbour."""
    cdef Py_ssize_t _, c, unit = g.dilation_width * g.step
    for _ in range(g.out_width):
        c = 0
        while c < g.step:
            c = min(c, g.step - LANES)
            vstore(y + c, taps(row + c, g.window_width, unit, operation))
            c += LANES
        row += g.stride_width * g.step
        y += g.step


cdef inline void cut(const Geometry* g, const float* row, float* y, const Operation operation) noexcept nogil:
    """Outputs one by one, over what of their windows lies in the row."""
    cdef Py_ssize_t i, j, c
    cdef Window w
    cdef float a
    for i in range(g.out_width):
        w = window(g, 2, i)
        for c in range(g.step):
            a = row[w.start * g.step + c]
            for j in range(1, w.size):
                a = join1(a, row[(w.start + j * g.dilation_width) * g.step + c], operation)
            y[i * g.step + c] = a
