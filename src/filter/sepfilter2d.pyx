"""Correlation of images with a kernel that is an outer product: a column of taps down, a row of taps along.

    y[i, j] = clip(scale * sum over b of wx[b] * (sum over a of wy[a] * x[i + a - top, j + b - left]) + offset)

Both sums start at 0 and run over their taps in order, one fused multiply-add each, for every pixel and whatever the
size, the place or the number of threads: so the bits depend on the two kernels alone.

A magnitude is sqrt(0 + u * u + v * v) of two such sums, u and v, of one source, before scale, offset and clip.

A kernel that was given whole, and found to be such a product, has its taps behind the column and the row. A sum that
is not finite is then the direct one, row by row over those taps: a column's sum may overflow where the whole does not.

Passes. R output rows are made at a time: their vertical sums go into R rows of the workspace, each source row being
loaded once for all R; the horizontal sums go from there straight into the output.

Regions. Rows above and below the image are other rows of it (or a constant row): only pointers. Columns beside it are
copies of the workspace's own columns, whose vertical sums are known already; a constant's vertical sum is one number.

Storage. Integers of 8 and 16 bits are converted in registers when they are loaded by the first pass, and rounded and
saturated in registers when the second stores them. The passes meet in floats, so each is compiled for its side's types
alone. The sizes 3, 5 and 7 (along the rows 9 too, and 3 and 5 for three channels) are clones with the number of taps
as a constant, which the compiler unrolls.

Channels that lie innermost are columns `step` elements apart: the same loops over width * step elements.
"""
from libc.string cimport memcpy, memset

from call cimport Call
from geometry cimport FLOAT32, INT16, UINT16, UINT8, FilterValues, SeparableGeometry
from separable_columns cimport R, vertical
from storage cimport fill, itemsize, store, widen
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, vany_nan, vbetween, vfloat, vload, vmax, vmin, vselect_negative
from vector cimport vsplat, vsqrt, vstore, vvalid


cdef enum:
    STAGED = 64         # rows shorter than this many elements are staged: the widest block of either pass


cdef struct Separable:
    const char* x
    const float* wy
    const float* wx
    const float* whole                                  # the product's own taps
    char* y
    const SeparableGeometry* g
    const FilterValues* v
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # a source row of cval
    float beside[2]                                     # the vertical sums of a column of cval


cdef inline vfloat finished(const Separable* f, vfloat a) noexcept nogil:
    a = a * vsplat(f.v.scale) + vsplat(f.v.offset)
    return vmin(vmax(a, vsplat(f.v.low)), vsplat(f.v.high))


cdef inline void along_block(const Separable* f, const float* row, Py_ssize_t x, const Py_ssize_t kw,
                             const Py_ssize_t step, char* out, const int target, const bint unrolled,
                             vfloat* lost) noexcept nogil:
    """Horizontal sums: one row by four vectors. Clones at 16 lanes make a tap's vector of two aligned ones.

    `lost` becomes NaN where a sum is not finite.
    """
    cdef vfloat acc[4]
    cdef vfloat aligned[5]
    cdef Py_ssize_t j
    cdef int u
    for u in range(4):
        acc[u] = vsplat(0)
    if LANES == 16 and unrolled:
        for u in range(5):
            aligned[u] = vload(row + x + u * LANES)
        for j in range(kw):
            for u in range(4):
                acc[u] += f.wx[j] * vbetween(aligned[u], aligned[u + 1], <int>(j * step))
    else:
        for j in range(kw):
            for u in range(4):
                acc[u] += f.wx[j] * vload(row + x + j * step + u * LANES)
    if f.g.whole:
        lost[0] += ((acc[0] + acc[1]) + (acc[2] + acc[3])) * vsplat(0)
    if f.g.finish:
        for u in range(4):
            acc[u] = finished(f, acc[u])
    for u in range(4):
        store(out, x + u * LANES, acc[u], target)


cdef inline void magnitude_block(const Separable* f, const float* row, Py_ssize_t x, const Py_ssize_t kw,
                                 char* out, const int target) noexcept nogil:
    """Horizontal sums of one row by two vectors for both kernels, and their magnitude."""
    cdef vfloat acc[4]
    cdef vfloat squares
    cdef const float* other = row + R * f.g.pitch
    cdef Py_ssize_t j
    cdef int u
    for u in range(4):
        acc[u] = vsplat(0)
    for j in range(kw):
        for u in range(2):
            acc[u] += f.wx[j] * vload(row + x + j * f.g.step + u * LANES)
            acc[2 + u] += f.wx[kw + j] * vload(other + x + j * f.g.step + u * LANES)
    for u in range(2):
        # From 0: then there is one way to fuse.
        squares = vsplat(0)
        squares += acc[u] * acc[u]
        squares += acc[2 + u] * acc[2 + u]
        acc[u] = vsqrt(squares)
        if f.g.finish:
            acc[u] = finished(f, acc[u])
        store(out, x + u * LANES, acc[u], target)


cdef inline void magnitudes(const Separable* f, const float* rows, Py_ssize_t n, char* out, Py_ssize_t out_pitch,
                            Py_ssize_t n_rows, const Py_ssize_t kw, const int target) noexcept nogil:
    """The same as `along` for two kernels."""
    cdef Py_ssize_t x, last = n - 2 * LANES
    for _ in range(n_rows):
        x = 0
        while x < last:
            magnitude_block(f, rows, x, kw, out, target)
            x += 2 * LANES
        magnitude_block(f, rows, last, kw, out, target)
        rows += f.g.pitch
        out += out_pitch


cdef inline int along(const Separable* f, const float* rows, Py_ssize_t n, char* out,
                      Py_ssize_t out_pitch, Py_ssize_t n_rows, const Py_ssize_t kw, const Py_ssize_t step,
                      const int target, const bint unrolled) noexcept nogil:
    """Horizontal sums of n >= 4 * LANES columns of n_rows rows; out_pitch is in bytes.

    Bit r of the result is 1 where row r has a sum that is not finite, and the whole kernel to make another of.
    """
    cdef Py_ssize_t x, last = n - 4 * LANES
    cdef vfloat lost
    cdef int r, rows_lost = 0
    for r in range(<int>n_rows):
        lost = vsplat(0)
        x = 0
        while x < last:
            along_block(f, rows, x, kw, step, out, target, unrolled, &lost)
            x += 4 * LANES
        along_block(f, rows, last, kw, step, out, target, unrolled, &lost)
        if vany_nan(lost):
            rows_lost |= 1 << r
        rows += f.g.pitch
        out += out_pitch
    return rows_lost


cdef inline int along_clones(const Separable* f, const float* rows, Py_ssize_t n, char* out,
                             Py_ssize_t out_pitch, Py_ssize_t n_rows, const int target) noexcept nogil:
    cdef Py_ssize_t kw = f.g.kernel_width, step = f.g.step
    if f.g.magnitude and kw == 3:
        magnitudes(f, rows, n, out, out_pitch, n_rows, 3, target)
    elif f.g.magnitude:
        magnitudes(f, rows, n, out, out_pitch, n_rows, kw, target)
    elif kw == 3 and step == 1:
        return along(f, rows, n, out, out_pitch, n_rows, 3, 1, target, True)
    elif kw == 3 and step == 3:
        return along(f, rows, n, out, out_pitch, n_rows, 3, 3, target, True)
    elif kw == 5 and step == 1:
        return along(f, rows, n, out, out_pitch, n_rows, 5, 1, target, True)
    elif kw == 5 and step == 3:
        return along(f, rows, n, out, out_pitch, n_rows, 5, 3, target, True)
    elif kw == 7 and step == 1:
        return along(f, rows, n, out, out_pitch, n_rows, 7, 1, target, True)
    elif kw == 9 and step == 1:
        return along(f, rows, n, out, out_pitch, n_rows, 9, 1, target, True)
    else:
        return along(f, rows, n, out, out_pitch, n_rows, kw, step, target, False)
    return 0


cdef int horizontal(const Separable* f, const float* rows, Py_ssize_t n, char* out,
                    Py_ssize_t out_pitch, Py_ssize_t n_rows) noexcept nogil:
    if f.g.target == FLOAT32:
        return along_clones(f, rows, n, out, out_pitch, n_rows, FLOAT32)
    if f.g.target == UINT8:
        return along_clones(f, rows, n, out, out_pitch, n_rows, UINT8)
    if f.g.target == INT16:
        return along_clones(f, rows, n, out, out_pitch, n_rows, INT16)
    return along_clones(f, rows, n, out, out_pitch, n_rows, UINT16)


cdef inline void sources(const Separable* f, Py_ssize_t plane, Py_ssize_t first, Py_ssize_t slots,
                         const char** rows) noexcept nogil:
    """Pointers to the source rows of output rows from `first` on; those past the last output repeat its last."""
    cdef Py_ssize_t size = itemsize(f.g.source), s, i
    cdef const char* x = f.x + plane * f.g.x_plane * size
    for s in range(slots):
        i = min(first + s, f.g.out_height + f.g.kernel_height - 2) - f.g.above
        if i < 0:
            i = f.above[i + f.g.above]
        elif i >= f.g.height:
            i = f.below[i - f.g.height]
        rows[s] = f.constant if i < 0 else x + i * f.g.x_row * size


cdef inline void beside(const Separable* f, float* row, const Py_ssize_t* columns, Py_ssize_t n, float* to,
                        float constant) noexcept nogil:
    """The vertical sums of n columns of the border; `row` has those of the image."""
    cdef Py_ssize_t p, c, step = f.g.step
    for p in range(n):
        if columns[p] >= 0 and step >= LANES:  # of a folded image
            memcpy(to + p * step, row + columns[p] * step, step * sizeof(float))
            continue
        for c in range(step):
            to[p * step + c] = constant if columns[p] < 0 else row[columns[p] * step + c]


cdef void directly(const Separable* f, const char** rows, Py_ssize_t source, const float* down, float* staged,
                   float* sums, char* out, Py_ssize_t n_out) noexcept nogil:
    """One output row once more, of at least LANES columns; `down` are its vertical sums.

    What is not finite of it is replaced by the direct sums over the source's rows, which are staged one by one.
    """
    cdef const SeparableGeometry* g = f.g
    cdef const float* w = f.whole
    cdef float* body = staged + g.before * g.step
    cdef Py_ssize_t a, b, x, block, blocks = (n_out + LANES - 1) // LANES
    cdef vfloat acc, finite
    memset(staged, 0, g.pitch * sizeof(float))  # vectors reach beyond the last column
    for a in range(g.kernel_height):
        widen(body, rows[a], g.width * g.step, source)
        beside(f, body, f.before, g.before, staged, f.v.cval)
        beside(f, body, f.after, g.after, body + g.width * g.step, f.v.cval)
        for block in range(blocks):
            x = block * LANES
            acc = vload(sums + x)
            if a == 0:
                acc = vsplat(0)
            for b in range(g.kernel_width):
                acc += w[b] * vload(staged + x + b * g.step)
            vstore(sums + x, acc)
        w += g.kernel_width
    for block in range(blocks):
        x = min(block * LANES, n_out - LANES)  # the last block lies back over its neighbour
        acc = vsplat(0)
        for b in range(g.kernel_width):
            acc += f.wx[b] * vload(down + x + b * g.step)
        finite = vvalid(acc * vsplat(0))
        acc = vselect_negative(finite - vsplat(1), vload(sums + x), acc)
        if g.finish:
            acc = finished(f, acc)
        store(out, x, acc, <int>g.target)


cdef void tile(const Separable* f, Py_ssize_t t, float* workspace) noexcept nogil:
    cdef const SeparableGeometry* g = f.g
    cdef Py_ssize_t plane = t // g.tiles, first = (t % g.tiles) * g.tile_rows
    cdef Py_ssize_t n_rows = min(g.tile_rows, g.out_height - first), slots = n_rows + R - 1 + g.kernel_height
    cdef Py_ssize_t n = g.width * g.step, n_out = g.out_width * g.step, edge = g.before * g.step
    cdef Py_ssize_t size = itemsize(g.target), source = g.source, rows_here, i, r, s
    cdef Py_ssize_t sums = 2 if g.magnitude else 1
    cdef char* y = f.y + (plane * g.y_plane + first * g.y_row) * size
    # The workspace: R rows of each sum, aligned with their border; a source row and its sums, where there is a whole
    # kernel; R rows of output too narrow for a block; a pointer to each source row; copies of source rows that are too
    # narrow.
    cdef float* buffer = workspace
    cdef float* body = buffer + edge
    cdef float* row
    cdef float* once_more = workspace + sums * R * g.pitch
    cdef char* narrow = <char*>(once_more + (2 * g.pitch if g.whole else 0) + 16)
    cdef char* out
    cdef Py_ssize_t out_pitch
    cdef int lost
    cdef const char** rows = <const char**>(narrow + 4 * R * STAGED)
    cdef float* staged = <float*>(rows + slots)
    sources(f, plane, first, slots, rows)
    if n < STAGED:
        source = FLOAT32
        for s in range(slots):
            widen(staged, rows[s], n, g.source)
            memset(staged + n, 0, (STAGED - n) * sizeof(float))
            rows[s] = <const char*>staged
            staged += STAGED
        n = STAGED
    if n == STAGED or n_out < STAGED:  # beyond the border, blocks read on
        memset(buffer, 0, sums * R * g.pitch * sizeof(float))
    i = 0
    while i < n_rows:
        rows_here = min(n_rows - i, R)
        for s in range(sums):
            vertical(rows + i, n, f.wy + s * g.kernel_height, g.kernel_height, body + s * R * g.pitch, g.pitch,
                     source, min(g.kernel_height + R - 1, slots - R - i))
        for r in range(sums * R):
            row = body + r * g.pitch
            beside(f, row, f.before, g.before, row - edge, f.beside[r // R])
            beside(f, row, f.after, g.after, row + g.width * g.step, f.beside[r // R])
        out, out_pitch = narrow, 4 * STAGED
        if n_out >= STAGED:
            out, out_pitch = y + i * g.y_row * size, g.y_row * size
        lost = horizontal(f, buffer, max(n_out, STAGED), out, out_pitch, rows_here)
        for r in range(rows_here):
            if lost >> r & 1:
                directly(f, rows + i + r, source, buffer + r * g.pitch, once_more, once_more + g.pitch,
                         out + r * out_pitch, max(n_out, STAGED))
        if n_out < STAGED:
            for r in range(rows_here):
                memcpy(y + (i + r) * g.y_row * size, narrow + 4 * r * STAGED, n_out * size)
        i += R


cdef int correlate(const Call* call) noexcept nogil:
    """Get the workspace and share out the tiles."""
    cdef Separable f
    cdef const SeparableGeometry* g = <const SeparableGeometry*>call.geometry.data
    cdef Py_ssize_t t, i, width = g.width * g.step, size = g.workspace * sizeof(float)
    cdef int threads = count_threads(call, g.planes * g.tiles)
    cdef char* memory
    cdef float* workspace
    cdef float cval
    f.x = <const char*>call.x.data
    f.wy = <const float*>call.w.data
    f.wx = f.wy + (2 if g.magnitude else 1) * g.kernel_height
    f.whole = f.wx + (2 if g.magnitude else 1) * g.kernel_width
    f.y = <char*>call.y.data
    f.g = g
    f.v = <const FilterValues*>call.values.data
    f.above = <const Py_ssize_t*>call.borders.data
    f.below = f.above + g.above
    f.before = f.below + g.below
    f.after = f.before + g.before
    memory = <char*>get_workspace(threads, size, (width + 16) * sizeof(float))
    if memory == NULL:
        return -1
    workspace = <float*>(memory + 64 - (<size_t>memory) % 64)
    cval = f.v.cval
    for t in range(2 if g.magnitude else 1):
        f.beside[t] = 0
        for i in range(g.kernel_height):
            f.beside[t] += f.wy[t * g.kernel_height + i] * cval
    f.constant = <const char*>(workspace + threads * g.workspace)
    if g.above + g.below:
        fill(<char*>f.constant, width, cval, g.source)
    return run_tasks(call, <task_function>tile, &f, g.planes * g.tiles, threads, workspace, size, memory)


cdef public int correlate2d_separable(Call* call) noexcept nogil:
    return correlate(call)


cdef public int magnitude2d_separable(Call* call) noexcept nogil:
    return correlate(call)
