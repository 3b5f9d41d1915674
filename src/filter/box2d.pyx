"""Sums over windows of any size, at a cost that does not depend on the size.

    y[i, j] = scale * sum over a < kh, b < kw of x[i + a - top, j + b - left]

Scheme (van Herk's and Gil and Werman's, for sums). One axis is cut into blocks of as many pixels as the window has,
from the first pixel of the border on. A window then is the end of one block and the beginning of the next, so a sum is

    suffix of block n from pixel r on  +  prefix of block n + 1 before pixel r        (r = i mod k; no prefix for r = 0)

with suffixes summed backwards and prefixes forwards: three additions a pixel. Nothing is ever subtracted, so no error
and no NaN outlives its window; but the order of a sum depends on the place modulo the window, and so may its last bits.
(Additions without subtractions that are the same for every place need at least log2(k) a pixel and axis: each at most
doubles how many pixels a term holds.) No product is fused: every instruction set gives the same bits.

Passes. A tile is some rows of a strip of columns. Down the columns the vectors lie along the row: a block's suffixes
wait in the workspace, the prefix is one row. LANES rows of sums are turned by LANES x LANES blocks, so that along the
rows a vector holds one column of LANES rows; the sums are turned back when they are stored. Columns beside the image
are copies of turned columns of the strip; a constant's sums down a column are a table of what each place modulo the
window wants.

Channels that lie innermost are columns `step` elements apart.
"""
from libc.string cimport memcpy

from call cimport Call
from geometry cimport FLOAT32, INT16, UINT16, UINT8, BoxGeometry, FilterValues
from storage cimport itemsize, load, store, widen
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, veven, vfloat, vload, vodd, vsplat, vstore


cdef struct Box:
    const char* x
    char* y
    const BoxGeometry* g
    float cval, scale
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # a source row of floats cval
    const float* multiples                              # cval added to 0 so many times


cdef inline void turn(vfloat* v) noexcept nogil:
    """Transpose LANES vectors: each stage moves the lowest bit of an element's place to the top."""
    cdef vfloat t[16]
    cdef int i, stage
    for stage in range(4):
        if (1 << stage) < LANES:
            for i in range(LANES // 2):
                t[i] = veven(v[2 * i], v[2 * i + 1])
                t[LANES // 2 + i] = vodd(v[2 * i], v[2 * i + 1])
            for i in range(LANES):
                v[i] = t[i]


cdef inline Py_ssize_t source_row(const Box* b, Py_ssize_t i) noexcept nogil:
    """The image's row that is row i of the image with its border, or -1."""
    i -= b.g.above
    if i < 0:
        return b.above[i + b.g.above]
    return i if i < b.g.height else b.below[i - b.g.height]


cdef inline void add_as(float* to, const char* x, const float* other, const float* third, float* sums, Py_ssize_t n,
                        const int source) noexcept nogil:
    """to = x + other, or x where there is none; and sums = third + to where there is a third."""
    cdef Py_ssize_t e = 0, last = n - LANES
    cdef vfloat v
    cdef float a
    while e <= last:
        v = load(x, e, source)
        if other != NULL:
            v = v + vload(other + e)
        vstore(to + e, v)
        if third != NULL:
            vstore(sums + e, vload(third + e) + v)
        e += LANES
    while e < n:
        widen(&a, x + e * itemsize(source), 1, source)
        if other != NULL:
            a = a + other[e]
        to[e] = a
        if third != NULL:
            sums[e] = third[e] + a
        e += 1


cdef void add(const Box* b, Py_ssize_t plane, Py_ssize_t i, Py_ssize_t start, float* to, const float* other,
              const float* third, float* sums, Py_ssize_t n) noexcept nogil:
    """The same for row i of the image with its border, from element `start` on."""
    cdef const BoxGeometry* g = b.g
    cdef const char* x
    i = source_row(b, i)
    if i < 0:
        add_as(to, b.constant, other, third, sums, n, FLOAT32)
        return
    x = b.x + (plane * g.x_plane + i * g.x_row + start) * itemsize(g.source)
    if g.source == FLOAT32:
        add_as(to, x, other, third, sums, n, FLOAT32)
    elif g.source == UINT8:
        add_as(to, x, other, third, sums, n, UINT8)
    elif g.source == INT16:
        add_as(to, x, other, third, sums, n, INT16)
    else:
        add_as(to, x, other, third, sums, n, UINT16)


cdef inline void along(const BoxGeometry* g, float* columns, float* suffixes, Py_ssize_t n_out) noexcept nogil:
    """Sums along the rows, in place: columns[e] is a vector of LANES rows; n_out output pixels."""
    cdef Py_ssize_t kw = g.kernel_width, step = g.step, block, j, c, n
    cdef float* old
    cdef float* new
    cdef float* x
    cdef vfloat prefix, suffix
    for c in range(step):
        old = suffixes
        new = suffixes + kw * LANES
        x = columns + c * LANES
        suffix = vload(x + (kw - 1) * step * LANES)
        vstore(old + (kw - 1) * LANES, suffix)
        for j in range(kw - 2, -1, -1):
            suffix = vload(x + j * step * LANES) + suffix
            vstore(old + j * LANES, suffix)
        block = 0
        while block < n_out:
            # Outputs block .. block + kw - 1 replace that block, whose pixels are summed already. The last may end
            # early; then the next block's suffixes are not wanted.
            n = min(kw, n_out - block)
            x += kw * step * LANES
            if n == kw and block + kw < n_out:
                prefix = vload(x)
                suffix = vload(x + (kw - 1) * step * LANES)
                vstore(new + (kw - 1) * LANES, suffix)
                vstore(x - kw * step * LANES, vload(old))
                for j in range(1, kw):
                    vstore(x + (j - kw) * step * LANES, vload(old + j * LANES) + prefix)
                    prefix = prefix + vload(x + j * step * LANES)
                    suffix = vload(x + (kw - 1 - j) * step * LANES) + suffix
                    vstore(new + (kw - 1 - j) * LANES, suffix)
            else:
                vstore(x - kw * step * LANES, vload(old))
                if n > 1:
                    prefix = vload(x)
                    vstore(x + (1 - kw) * step * LANES, vload(old + LANES) + prefix)
                    for j in range(2, n):
                        prefix = prefix + vload(x + (j - 1) * step * LANES)
                        vstore(x + (j - kw) * step * LANES, vload(old + j * LANES) + prefix)
            old, new = new, old
            block += kw


cdef inline void store_turned(const Box* b, const float* columns, Py_ssize_t n, Py_ssize_t n_rows, char* y,
                              const int target) noexcept nogil:
    """Turn n columns back, scale and store."""
    cdef Py_ssize_t e = 0, r, pitch = b.g.y_row * itemsize(target)
    cdef vfloat v[16]
    cdef char spare[64]
    while e < n:
        for r in range(LANES):
            v[r] = vload(columns + (e + r) * LANES) if e + r < n else vsplat(0)
        turn(v)
        for r in range(LANES):
            v[r] = v[r] * vsplat(b.scale)
        if e + LANES <= n and n_rows == LANES:
            for r in range(LANES):
                store(y + r * pitch, e, v[r], target)
        else:
            for r in range(n_rows):
                store(spare, 0, v[r], target)
                memcpy(y + r * pitch + e * itemsize(target), spare, min(n - e, LANES) * itemsize(target))
        e += LANES


cdef inline void beside(const Box* b, float* columns, Py_ssize_t start, Py_ssize_t end, Py_ssize_t first,
                        const float* constants) noexcept nogil:
    """Turned columns of the border, pixels start .. end of the image with its border; columns[0] is pixel `first`."""
    cdef const BoxGeometry* g = b.g
    cdef Py_ssize_t p, c, column
    for p in range(start, end):
        column = p - g.before
        column = b.before[p] if column < 0 else b.after[column - g.width]
        for c in range(g.step):
            if column < 0:
                vstore(columns + ((p - first) * g.step + c) * LANES, vload(constants))
            else:
                vstore(columns + ((p - first) * g.step + c) * LANES,
                       vload(columns + ((column + g.before - first) * g.step + c) * LANES))


cdef void band(const Box* b, const float* sums, const float* constants, Py_ssize_t n_rows, Py_ssize_t left,
               Py_ssize_t n_out, float* columns, float* suffixes, char* y) noexcept nogil:
    """The sums along up to LANES rows of sums down the columns."""
    cdef const BoxGeometry* g = b.g
    cdef Py_ssize_t right = left + n_out + g.kernel_width - 1, e = 0, r, n
    cdef Py_ssize_t start = max(left, g.before), end = min(right, g.before + g.width)
    cdef float* inside = columns + (start - left) * g.step * LANES
    cdef vfloat v[16]
    n = (end - start) * g.step
    while e < n:
        for r in range(LANES):  # rows that are not there are zeros: nothing is added to what memory happens to hold
            v[r] = vload(sums + r * g.pitch + e) if r < n_rows else vsplat(0)
        turn(v)
        for r in range(LANES):
            vstore(inside + (e + r) * LANES, v[r])
        e += LANES
    beside(b, columns, left, start, left, constants)
    beside(b, columns, end, right, left, constants)
    along(g, columns, suffixes, n_out)
    n = n_out * g.step
    if g.target == FLOAT32:
        store_turned(b, columns, n, n_rows, y, FLOAT32)
    elif g.target == UINT8:
        store_turned(b, columns, n, n_rows, y, UINT8)
    elif g.target == INT16:
        store_turned(b, columns, n, n_rows, y, INT16)
    else:
        store_turned(b, columns, n, n_rows, y, UINT16)


cdef void tile(const Box* b, Py_ssize_t t, float* workspace) noexcept nogil:
    cdef const BoxGeometry* g = b.g
    cdef Py_ssize_t plane = t // (g.strips * g.parts), strip = t // g.parts % g.strips, part = t % g.parts
    cdef Py_ssize_t left = strip * g.strip_columns, n_out = min(g.strip_columns, g.out_width - left)
    # The elements of a row that the strip reads.
    cdef Py_ssize_t start = max(left - g.before, 0) * g.step
    cdef Py_ssize_t n = min(left + n_out + g.kernel_width - 1 - g.before, g.width) * g.step - start
    cdef Py_ssize_t first = part * g.part_rows, end = min(first + g.part_rows, g.out_height)
    cdef Py_ssize_t kh = g.kernel_height, block, i, j, filled = 0
    cdef char* y = b.y + (plane * g.y_plane + first * g.y_row + left * g.step) * itemsize(g.target)
    # The workspace: LANES rows of sums, the same of a constant's column, the prefix, kh rows of suffixes; then turned
    # columns and their suffixes, two blocks.
    cdef float* sums = workspace
    cdef float* constants = sums + LANES * g.pitch
    cdef float* prefix = constants + g.pitch
    cdef float* suffixes = prefix + g.pitch
    cdef float* columns = suffixes + kh * g.pitch
    cdef float* turned = columns + LANES * g.pitch
    cdef float* row
    vstore(constants, vsplat(0))
    block = first                                       # parts begin where blocks do
    while block < end:
        for j in range(kh - 1, -1, -1):
            row = suffixes + j * g.pitch
            add(b, plane, block + j, start, row, row + g.pitch if j < kh - 1 else NULL, NULL, NULL, n)
        for i in range(block, min(block + kh, end)):
            j = i - block
            row = sums + filled * g.pitch
            constants[filled] = b.multiples[kh - j] + b.multiples[j]
            if j == 0:
                memcpy(row, suffixes, n * sizeof(float))
            else:
                add(b, plane, i + kh - 1, start, prefix, prefix if j > 1 else NULL, suffixes + j * g.pitch, row, n)
            filled += 1
            if filled == LANES or i + 1 == end:
                band(b, sums, constants, filled, left, n_out, columns, turned, y)
                y += filled * g.y_row * itemsize(g.target)
                filled = 0
        block += kh


cdef public int box2d(Call* call) noexcept nogil:
    """Get the workspace and share out the tiles. The taps are all 1, and w is not read."""
    cdef Box b
    cdef const BoxGeometry* g = <const BoxGeometry*>call.geometry.data
    cdef const FilterValues* v = <const FilterValues*>call.values.data
    cdef Py_ssize_t t, tiles = g.planes * g.strips * g.parts, size = g.workspace * sizeof(float)
    cdef int threads = count_threads(call, tiles)
    cdef char* memory
    cdef float* workspace
    cdef float* constant
    cdef float* multiples
    b.x = <const char*>call.x.data
    b.y = <char*>call.y.data
    b.g = g
    b.cval = v.cval
    b.scale = v.scale
    b.above = <const Py_ssize_t*>call.borders.data
    b.below = b.above + g.above
    b.before = b.below + g.below
    b.after = b.before + g.before
    memory = <char*>get_workspace(threads, size, (16 + g.pitch + g.kernel_height + 1) * sizeof(float))
    if memory == NULL:
        return -1
    workspace = <float*>(memory + 64 - (<size_t>memory) % 64)
    constant = workspace + threads * g.workspace
    multiples = constant + g.pitch
    for t in range(g.pitch):
        constant[t] = v.cval
    multiples[0] = 0
    for t in range(g.kernel_height):
        multiples[t + 1] = multiples[t] + v.cval
    b.constant = <const char*>constant
    b.multiples = multiples
    return run_tasks(call, <task_function>tile, &b, tiles, threads, workspace, size, memory)
