"""Averages and norms over windows of any size, of every type, layout and byte order: rows are summed, then columns.

    y[i, j] = sum over a, b of x[i * stride - pad + a * dilation, j * stride - pad + b * dilation] / divisor

Order: down the rows of a slice, then the slices, then along the row, each axis as pool_tree.pxd says, where padding
has its place and is -0. So a sum's bits depend on the window's size and content alone: not on the stride, the place,
the layout, or which of the ways below was taken; and its error grows with the logarithm of the size.

Blocking. Small windows of floats are made in registers (pool_registers.pxd). A block is as many outputs as have their
columns in a row of the workspace; of longer windows some columns are summed at a time. Windows that overlap little are
summed alone; many that do share sums of 8, 16, 32 ... columns, made from each column on.
"""
from libc.string cimport memcpy

from call cimport Call
from geometry cimport FLOAT32, INT16, INT8, UINT16, UINT8, PoolGeometry
from pool cimport AVERAGE, Window, rows_of, window
from pool_along cimport few_taps, shared
from pool_load cimport bytes_of, number_of, vector_of
from pool_power cimport powers, vector_power
from pool_registers cimport column_counts, divide, registers_tile
from pool_tree cimport BLOCK, WAITING, Tree, add, line_sum, sum_of, vectors_of
from tasks cimport count_threads, get_workspace, run_tasks
from vector cimport LANES, vfloat, vload, vstore


cdef extern from "pool_gather.h" nogil:
    void gather(float* to, const char* x, Py_ssize_t pixels, Py_ssize_t column, Py_ssize_t step, Py_ssize_t channel,
                int kind, bint swapped)

cdef enum:
    SHARED = 4  # windows share sums where more than so many of them have a column in common


cdef inline void convert(const char* x, Py_ssize_t n, float* to, const int source) noexcept nogil:
    cdef Py_ssize_t e = 0
    while e < n:
        vstore(to + e, vector_of(x, e, n - e, source))
        e += LANES


cdef inline void convert_powers(const char* x, Py_ssize_t n, float* to, Py_ssize_t power) noexcept nogil:
    cdef Py_ssize_t e = 0
    while e < n:
        vstore(to + e, vector_power(vector_of(x, e, n - e, FLOAT32), power))
        e += LANES


cdef void fetch(const PoolGeometry* g, const char* x, Py_ssize_t pixels, float* to) noexcept nogil:
    """Some pixels of a row as floats, or as powers of their absolute values; up to a vector more is written."""
    cdef Py_ssize_t n = pixels * g.step
    if g.gathered:
        gather(to, x, pixels, g.x_column, g.step, g.x_channel, <int>g.source, g.swapped)
    elif g.source == FLOAT32 and g.power > 0:
        convert_powers(x, n, to, g.power)
        return
    elif g.source == FLOAT32:
        convert(x, n, to, FLOAT32)
    elif g.source == UINT8:
        convert(x, n, to, UINT8)
    elif g.source == INT16:
        convert(x, n, to, INT16)
    elif g.source == UINT16:
        convert(x, n, to, UINT16)
    else:
        convert(x, n, to, INT8)
    powers(g, to, n)


cdef inline Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    """Room for n floats and a vector more, in whole cache lines."""
    return (n + 47) // 16 * 16


cdef inline void fill(float* to, Py_ssize_t n) noexcept nogil:
    """Padding: -0, which changes nothing."""
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = -0.0


cdef inline void add_rows_of(const char* x, Py_ssize_t pitch, Py_ssize_t rows, Py_ssize_t n, const float* waiting,
                             Py_ssize_t apart, int joined, float* to, const int source) noexcept nogil:
    """Rows of n elements, `pitch` bytes apart, then the sums that wait for theirs, the youngest first."""
    cdef Py_ssize_t e = 0, r
    cdef int j
    cdef vfloat a
    if rows == BLOCK:
        while e + LANES <= n:
            a = vector_of(x, e, LANES, source)
            for r in range(1, BLOCK):
                a = a + vector_of(x + r * pitch, e, LANES, source)
            for j in range(joined):
                a = vload(waiting - j * apart + e) + a
            vstore(to + e, a)
            e += LANES
    while e < n:
        a = vector_of(x, e, n - e, source)
        for r in range(1, rows):
            a = a + vector_of(x + r * pitch, e, n - e, source)
        for j in range(joined):
            a = vload(waiting - j * apart + e) + a
        vstore(to + e, a)
        e += LANES


cdef void add_rows(const char* x, Py_ssize_t pitch, Py_ssize_t rows, Py_ssize_t n, const float* waiting,
                   Py_ssize_t apart, int joined, float* to, Py_ssize_t source) noexcept nogil:
    if source == FLOAT32:
        add_rows_of(x, pitch, rows, n, waiting, apart, joined, to, FLOAT32)
    elif source == UINT8:
        add_rows_of(x, pitch, rows, n, waiting, apart, joined, to, UINT8)
    elif source == INT16:
        add_rows_of(x, pitch, rows, n, waiting, apart, joined, to, INT16)
    elif source == UINT16:
        add_rows_of(x, pitch, rows, n, waiting, apart, joined, to, UINT16)
    else:
        add_rows_of(x, pitch, rows, n, waiting, apart, joined, to, INT8)


cdef void join(const float* waiting, Py_ssize_t apart, int n, Py_ssize_t length, float* to) noexcept nogil:
    """All sums that wait, from the youngest to the oldest."""
    add_rows(<const char*>(waiting + (n - 1) * apart), 0, 1, length, waiting + (n - 2) * apart, apart, n - 1, to,
             FLOAT32)


cdef inline void column_sums_of(const char* x, Py_ssize_t pitch, Py_ssize_t rows, Py_ssize_t n, float* to,
                                const int source) noexcept nogil:
    """Rows of less than a vector, `pitch` bytes apart: each column by itself."""
    cdef float waiting[WAITING]
    cdef float a
    cdef Tree tree
    cdef Py_ssize_t e, i, r
    cdef const char* row
    cdef int j, joined
    for e in range(n):
        tree.n = 0
        for i in range((rows + BLOCK - 1) // BLOCK):
            row = x + BLOCK * i * pitch
            a = number_of(row, e, source)
            for r in range(1, min(BLOCK, rows - BLOCK * i)):
                a = a + number_of(row + r * pitch, e, source)
            joined = add(&tree, i)
            for j in range(joined):
                a = waiting[tree.n + joined - 2 - j] + a
            waiting[tree.n - 1] = a
        for j in range(tree.n - 2, -1, -1):
            a = waiting[j] + a
        to[e] = a


cdef void column_sums(const char* x, Py_ssize_t pitch, Py_ssize_t rows, Py_ssize_t n, float* to,
                      Py_ssize_t source) noexcept nogil:
    if source == FLOAT32:
        column_sums_of(x, pitch, rows, n, to, FLOAT32)
    elif source == UINT8:
        column_sums_of(x, pitch, rows, n, to, UINT8)
    elif source == INT16:
        column_sums_of(x, pitch, rows, n, to, INT16)
    elif source == UINT16:
        column_sums_of(x, pitch, rows, n, to, UINT16)
    else:
        column_sums_of(x, pitch, rows, n, to, INT8)


cdef void rows_sum(const PoolGeometry* g, const char* x, const Window* high, Py_ssize_t pixels, float* to,
                   float* waiting, float* scratch) noexcept nogil:
    """One slice's rows of a window, the first of which is at x."""
    cdef Py_ssize_t i = 0, r, t, n, elements = pixels * g.step
    cdef Py_ssize_t pitch = g.x_row * g.dilation_height * (1 if g.gathered else bytes_of(<int>g.source))
    cdef bint single = high.first // BLOCK == (high.first + high.size - 1) // BLOCK
    cdef int joined, top
    cdef float* result
    cdef Tree tree
    if elements < LANES and not single and high.first == 0 and not g.gathered and not g.power:
        column_sums(x, pitch, high.size, elements, to, g.source)
        return
    if high.size == 1 and (g.gathered or g.power):
        fetch(g, x, pixels, to)
        return
    tree.n = 0
    while i < high.size:
        t = high.first + i
        n = min(BLOCK - t % BLOCK, high.size - i)
        joined = add(&tree, t // BLOCK)
        top = tree.n - 1
        result = to if single else waiting + top * g.row
        if g.gathered or g.power:
            for r in range(n):
                fetch(g, x + r * pitch, pixels, scratch + r * g.row)
            add_rows(<const char*>scratch, g.row * sizeof(float), n, elements, waiting + (top + joined - 1) * g.row,
                     g.row, joined, result, FLOAT32)
        else:
            add_rows(x, pitch, n, elements, waiting + (top + joined - 1) * g.row, g.row, joined, result, g.source)
        i += n
        x += n * pitch
    if not single:
        join(waiting, g.row, tree.n, elements, to)


cdef void down(const PoolGeometry* g, const char* x, Py_ssize_t slice, Py_ssize_t row, Py_ssize_t pixels, float* to,
               float* waiting) noexcept nogil:
    """The rows of a window summed, from a column of the plane's first row on: those of each slice, then the slices."""
    cdef Window deep = window(g, 0, slice), high = window(g, 1, row)
    cdef Py_ssize_t size = 1 if g.gathered else bytes_of(<int>g.source), z, t, elements = pixels * g.step
    cdef float* scratch = waiting + g.row_levels * g.row
    cdef float* block = scratch + (BLOCK * g.row if g.gathered or g.power else 0)
    cdef float* other = block + g.row
    cdef float* slices = other + g.row
    cdef int joined
    cdef Tree tree
    if deep.size == 0 or high.size == 0:
        fill(to, elements)
        return
    x += (deep.start * g.x_slice + high.start * g.x_row) * size
    if deep.size == 1:
        rows_sum(g, x, &high, pixels, to, waiting, scratch)
        return
    tree.n = 0
    for z in range(deep.size):
        t = deep.first + z
        if z == 0 or t % BLOCK == 0:
            rows_sum(g, x, &high, pixels, block, waiting, scratch)
        else:
            rows_sum(g, x, &high, pixels, other, waiting, scratch)
            add_rows(<const char*>block, (other - block) * sizeof(float), 2, elements, block, 0, 0, block, FLOAT32)
        if z + 1 == deep.size or (t + 1) % BLOCK == 0:
            joined = add(&tree, t // BLOCK)
            add_rows(<const char*>block, 0, 1, elements, slices + (tree.n + joined - 2) * g.row, g.row, joined,
                     slices + (tree.n - 1) * g.row, FLOAT32)
        x += g.x_slice * g.dilation_depth * size
    join(slices, g.row, tree.n, elements, to)


cdef void sums_of(const PoolGeometry* g, const float* v, Py_ssize_t k, float* spare, float* y) noexcept nogil:
    """One window of k columns."""
    cdef Py_ssize_t c = 0, d = g.dilation_width * g.step
    if g.step == 1:
        y[0] = line_sum(v, k, spare) if d == 1 and k > BLOCK else sum_of(v, k, d)
    elif g.step >= LANES:
        while c < g.step:
            c = min(c, g.step - LANES)  # lies back
            vstore(y + c, vectors_of(v + c, k, d))
            c += LANES
    else:
        for c in range(g.step):
            y[c] = sum_of(v + c, k, d)


cdef bint one_by_one(const PoolGeometry* g) noexcept nogil:
    """Whether windows are summed one by one, of which no more than their elements is read."""
    cdef Py_ssize_t k = min(g.window_width, g.taps)
    return not (k <= BLOCK and g.step < LANES and g.stride_width <= BLOCK or k > SHARED * g.stride_width)


cdef void along(const PoolGeometry* g, float* v, float* spare, Py_ssize_t outputs, Py_ssize_t k,
                float* y) noexcept nogil:
    """Windows of k columns from a row that holds them and their padding, and is used up."""
    cdef Py_ssize_t i, unit = g.stride_width * g.step
    if one_by_one(g):
        for i in range(outputs):
            sums_of(g, v + i * unit, k, spare, y + i * g.step)
    elif k <= BLOCK and g.step < LANES and g.stride_width <= BLOCK:
        few_taps(g, v, spare, outputs, k, y)
    else:
        shared(g, v, spare, outputs, k, y)


cdef float* columns_sum(const PoolGeometry* g, const char* x, Py_ssize_t slice, Py_ssize_t row, Py_ssize_t start,
                        Py_ssize_t n, float* v, float* waiting) noexcept nogil:
    """The rows' sums of n columns from `start` on, with padding for those that do not lie in the array: in v, or where
    x has them."""
    cdef Py_ssize_t low = max(start, 0), high = min(start + n, g.width), end = (high - start) * g.step
    cdef bint plain = g.window_depth * g.window_height == 1 and g.source == FLOAT32 and not g.gathered and not g.power
    x += low * g.x_column if g.gathered else low * g.step * bytes_of(<int>g.source)
    if plain and low == start and high == start + n and (g.bins or one_by_one(g)):
        if window(g, 0, slice).size and window(g, 1, row).size:
            x += (window(g, 0, slice).start * g.x_slice + window(g, 1, row).start * g.x_row) * sizeof(float)
            return <float*>x
    fill(v, (low - start) * g.step)
    down(g, x, slice, row, high - low, v + (low - start) * g.step, waiting)
    fill(v + end, (start + n - high) * g.step + 2 * LANES)
    return v


cdef void block_sums(const PoolGeometry* g, const char* x, Py_ssize_t slice, Py_ssize_t row, Py_ssize_t first,
                     Py_ssize_t outputs, const Window* windows, float* v, float* spare, float* results,
                     float* waiting, float* y) noexcept nogil:
    """Some outputs of a row, from the first on, some columns of their windows at a time."""
    cdef Py_ssize_t start = first * g.stride_width - g.pad_width, k = g.window_width, d = g.dilation_width, segment, at
    cdef Py_ssize_t n, columns, i, apart = padded(outputs * g.step)
    cdef int joined
    cdef Tree tree
    if g.bins:
        start = windows[0].start
        k = windows[0].size
        if outputs > 1 or k <= g.taps:
            v = columns_sum(g, x, slice, row, start, windows[outputs - 1].start + windows[outputs - 1].size - start, v,
                            waiting)
            for i in range(outputs):
                sums_of(g, v + (windows[i].start - start) * g.step, windows[i].size, spare, y + i * g.step)
            return
    elif k <= g.taps:
        columns = (outputs - 1) * g.stride_width + (k - 1) * d + 1
        if start >= g.width or start + columns <= 0:
            fill(y, outputs * g.step)
            return
        v = columns_sum(g, x, slice, row, start, columns, v, waiting)
        along(g, v, spare, outputs, k, y)
        return
    tree.n = 0
    segment = max(0, -(start + (outputs - 1) * g.stride_width)) // (g.taps * d)
    while segment * g.taps < k:
        at = start + segment * g.taps * d
        n = min(g.taps, k - segment * g.taps)
        columns = (outputs - 1) * g.stride_width + (n - 1) * d + 1
        if at >= g.width:
            break
        if at + columns > 0:
            joined = add(&tree, segment)
            along(g, columns_sum(g, x, slice, row, at, columns, v, waiting), spare, outputs, n, spare + g.row)
            fill(spare + g.row + outputs * g.step, LANES)
            add_rows(<const char*>(spare + g.row), 0, 1, outputs * g.step,
                     results + (tree.n + joined - 2) * apart, apart, joined, results + (tree.n - 1) * apart, FLOAT32)
        segment += 1
    fill(y, outputs * g.step)
    if tree.n:
        join(results, apart, tree.n, outputs * g.step, spare)
        memcpy(y, spare, outputs * g.step * sizeof(float))


cdef void sums_tile(const PoolGeometry* g, const char* x, float* y, Py_ssize_t t, float* workspace) noexcept nogil:
    """Some outputs of some rows of a plane."""
    cdef Py_ssize_t part = t % g.parts, tile = t // g.parts % g.tiles, plane = t // (g.parts * g.tiles)
    cdef Py_ssize_t n = g.out_depth * g.out_height, first = g.out_width * part // g.parts
    cdef Py_ssize_t last = g.out_width * (part + 1) // g.parts, outputs, i, j, slice, row
    cdef float* spare = workspace + g.row
    # Behind both spare rows: results that wait, a block's counts and windows, rows that wait; see down().
    cdef float* results = spare + 2 * g.row
    cdef float* counts = results + g.result_levels * padded(g.columns * g.step)
    cdef Window* windows = <Window*>(counts + padded(g.columns))
    cdef float* waiting = <float*>(windows + (g.columns if g.bins else 0))
    cdef float* out
    if g.gathered:
        x += plane // g.inner * g.x_outer + plane % g.inner * g.x_plane
    else:
        x += plane * g.x_plane * bytes_of(<int>g.source)
    y += plane * g.y_plane
    while first < last:
        outputs = min(g.columns, last - first)
        if g.bins:
            for j in range(outputs):
                windows[j] = window(g, 2, first + j)
        if not g.divisor:
            column_counts(g, counts, first, outputs)
        for i in range(n * tile // g.tiles, n * (tile + 1) // g.tiles):
            slice, row = i // g.out_height, i % g.out_height
            out = y + slice * g.y_slice + row * g.y_row + first * g.step
            block_sums(g, x, slice, row, first, outputs, windows, workspace, spare, results, waiting, out)
            divide(g, counts, outputs, out, rows_of(g, slice, row).counted)
        first += outputs


cdef struct Work:
    const PoolGeometry* g
    const char* x
    float* y
    bint registers


cdef void task(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Work* c = <const Work*>what
    if c.registers:
        registers_tile(c.g, <const float*>c.x, c.y, t, <float*>workspace, AVERAGE)
    else:
        sums_tile(c.g, c.x, c.y, t, <float*>workspace)


cdef int pool(const Call* call, bint registers) noexcept nogil:
    """Get the workspace and share out the tiles."""
    cdef const PoolGeometry* g = <const PoolGeometry*>call.geometry.data
    cdef Work work
    cdef Py_ssize_t size = g.workspace * sizeof(float), n = g.planes * g.tiles * g.parts
    cdef int threads = count_threads(call, n)
    cdef void* memory
    work.g, work.x, work.y, work.registers = g, <const char*>call.x.data, <float*>call.y.data, registers
    memory = get_workspace(threads, size, 64)
    if memory == NULL:
        return -1
    return run_tasks(call, task, &work, n, threads, <void*>((<size_t>memory + 63) // 64 * 64), size, memory)


cdef public int avg_pool2d(Call* call) noexcept nogil:
    return pool(call, False)


cdef public int avg_pool2d_registers(Call* call) noexcept nogil:
    return pool(call, LANES > 1)
