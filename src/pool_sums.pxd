# Averages over windows of any size: their rows summed into one row of the workspace, and that along itself, from every
# type that a pool reads as it lies. See src/pool2d.pyx.
from libc.stdint cimport int8_t

from lanes cimport FLOAT32, INT8, UINT8
from pool cimport Geometry, Rows, Window, vload_i8, vload_lanes, vpick, vpick_lanes, vpicks, vstore_lanes, window
from storage cimport load, widen
from vector cimport LANES, veven, vfloat, vload, vsplat, vstore

# The workspace: a row between its padding, a second one, and how many columns count in each window's average.


cdef inline void prepare(const Geometry* g, float* row) noexcept nogil:
    """Write the padding of a row, once: -0, which changes nothing."""
    cdef Py_ssize_t i, left = g.pad_width * g.step
    if g.extent:
        for i in range(left):
            row[i] = -0.0
        for i in range(left + g.width * g.step, g.row):
            row[i] = -0.0


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


cdef inline vfloat vector_of(const char* x, Py_ssize_t i, Py_ssize_t n, const int source) noexcept nogil:
    """Elements i .. as floats, n of them if they are floats already."""
    if source == INT8:
        return vload_i8(<const int8_t*>x + i)
    if source != FLOAT32:
        return load(x, i, source)
    x += i * sizeof(float)
    return vload(<const float*>x) if n >= LANES else vload_lanes(<const float*>x, 0, n, vsplat(0))


cdef inline float number_of(const char* x, Py_ssize_t i, const int source) noexcept nogil:
    cdef float a
    if source == INT8:
        return (<const int8_t*>x)[i]
    widen(&a, x + (i if source == UINT8 else 2 * i), 1, source)
    return a


cdef inline void down_rows(const Geometry* g, const char* x, const Rows* r, float* row,
                           const int source) noexcept nogil:
    """The window's rows summed into one, which stands behind its padding."""
    cdef Py_ssize_t e = 0, i, j, n = g.width
    cdef vfloat a
    cdef float sum
    if g.extent:
        row += g.pad_width * g.step
        n = min(n, g.extent - g.pad_width)
    n *= g.step
    while e < n and (source == FLOAT32 or n >= LANES):
        if source != FLOAT32:
            e = min(e, n - LANES)  # lies back
        a = vector_of(x, r.start + e, n - e, source)
        for i in range(r.slices):
            for j in range(1 if i == 0 else 0, r.n):
                a = a + vector_of(x, r.start + i * r.slice_pitch + j * r.pitch + e, n - e, source)
        if e + LANES <= n:
            vstore(row + e, a)
        else:
            vstore_lanes(row + e, a, 0, n - e)
        e += LANES
    while e < n:
        sum = number_of(x, r.start + e, source)
        for i in range(r.slices):
            for j in range(1 if i == 0 else 0, r.n):
                sum = sum + number_of(x, r.start + i * r.slice_pitch + j * r.pitch + e, source)
        row[e] = sum
        e += 1


cdef inline void along_row(const Geometry* g, float* row, float* y) noexcept nogil:
    """The windows of one row, which stands between its padding where g.extent says so."""
    if g.extent == 0:
        cut(g, row, y)
    elif g.step >= LANES:
        pixels(g, row, y)
    else:
        finish_row(g, row, row + g.row, y)


cdef inline vfloat taps(const float* row, Py_ssize_t k, Py_ssize_t distance) noexcept nogil:
    cdef vfloat a = vload(row)
    cdef Py_ssize_t t
    for t in range(1, k):
        a = a + vload(row + t * distance)
    return a


cdef inline void finish_row(const Geometry* g, const float* row, float* windows, float* y) noexcept nogil:
    """Outputs of k elements each, `distance` apart; where need be by way of all n windows at stride 1."""
    cdef Py_ssize_t i = 0, c, lanes, total = g.out_width * g.step, k = g.window_width
    cdef Py_ssize_t distance = g.dilation_width * g.step, n = ((g.out_width - 1) * g.stride_width + 1) * g.step
    cdef vfloat a, b
    cdef vpicks picks
    if g.stride_width == 1:
        while i + LANES <= total:
            vstore(y + i, taps(row + i, k, distance))
            i += LANES
        if i < total:
            vstore_lanes(y + i, taps(row + i, k, distance), 0, total - i)
        return
    if g.stride_width == 2 and g.step <= LANES // 2:
        lanes = LANES // g.step * g.step
        picks = vpick_lanes(g.step)
        while i < total:
            a = taps(row + 2 * i, k, distance)
            b = taps(row + 2 * i + LANES, k, distance)
            a = veven(a, b) if g.step == 1 else vpick(a, b, picks)
            if i + LANES <= total:
                vstore(y + i, a)
            else:
                vstore_lanes(y + i, a, 0, total - i)
            i += lanes
        return
    while i < n:
        vstore(windows + i, taps(row + i, k, distance))
        i += LANES
    if g.step == 1:
        for i in range(g.out_width):
            y[i] = windows[i * g.stride_width]
        return
    for i in range(g.out_width):
        for c in range(g.step):
            y[i * g.step + c] = windows[i * g.stride_width * g.step + c]


cdef inline void pixels(const Geometry* g, const float* row, float* y) noexcept nogil:
    """Pixels of a vector or more: the last vector of each lies back over its neighbour."""
    cdef Py_ssize_t _, c, unit = g.dilation_width * g.step
    for _ in range(g.out_width):
        c = 0
        while c < g.step:
            c = min(c, g.step - LANES)
            vstore(y + c, taps(row + c, g.window_width, unit))
            c += LANES
        row += g.stride_width * g.step
        y += g.step


cdef inline void cut(const Geometry* g, const float* row, float* y) noexcept nogil:
    """Outputs one by one, over what of their windows lies in the row."""
    cdef Py_ssize_t i, j, c
    cdef Window w
    cdef float a
    for i in range(g.out_width):
        w = window(g, 2, i)
        for c in range(g.step):
            a = row[w.start * g.step + c]
            for j in range(1, w.size):
                a = a + row[(w.start + j * g.dilation_width) * g.step + c]
            y[i * g.step + c] = a
