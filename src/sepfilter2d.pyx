"""Correlation of images with a kernel that is an outer product: a column of taps down, a row of taps along.

    y[i, j] = clip(scale * sum over b of wx[b] * (sum over a of wy[a] * x[i + a - top, j + b - left]) + offset)

Both sums start at 0 and run over their taps in order, one fused multiply-add each, for every pixel and whatever the
size, the place or the number of threads: so the bits depend on the two kernels alone.

A magnitude is sqrt(0 + u * u + v * v) of two such sums, u and v, of one source, before scale, offset and clip.

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
cimport numpy as cnp

from storage cimport FLOAT32, INT16, UINT16, UINT8, fill, itemsize, load, store, widen
from tasks cimport get_workspace, run_tasks, task_function
from vector cimport LANES, convlab_max_threads, prefetch, vbetween, vfloat, vload, vmax, vmin, vsplat, vsqrt, vstore

cnp.import_array()


# The fields of convlab._geometry.SeparableGeometry, in its order. Widths are in pixels of `step` elements.
cdef struct Geometry:
    Py_ssize_t planes, height, width, out_height, out_width, step
    Py_ssize_t x_plane, x_row, y_plane, y_row           # in elements
    Py_ssize_t kernel_height, kernel_width
    Py_ssize_t n_above, n_below, n_before, n_after      # rows and columns of the border
    Py_ssize_t tiles, tile_rows                         # tiles of one plane, output rows of a tile
    Py_ssize_t pitch                                    # floats of a row of the workspace
    Py_ssize_t workspace                                # floats of one thread
    Py_ssize_t magnitude                                # whether there are two pairs of kernels
    Py_ssize_t finish                                   # whether scale, offset and clip do anything
    Py_ssize_t source, target                           # dtypes of x and y: their places in convlab._geometry.SOURCES


# The same for convlab._geometry.FilterValues.
cdef struct Values:
    float cval, scale, offset, low, high


cdef enum:
    R = 4               # output rows at a time
    STAGED = 64         # rows shorter than this many elements are staged: the widest block of either pass


cdef struct Separable:
    const char* x
    const float* wy
    const float* wx
    char* y
    const Geometry* g
    const Values* v
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # a source row of cval
    float beside[2]                                     # the vertical sums of a column of cval


cdef inline void add_row(vfloat* acc, const char* row, Py_ssize_t x, const float* w, const int first, const int last,
                         const int U, const int source) noexcept nogil:
    """Add one source row into output rows first..last of a block; row 0 wants the tap w[0], row r the tap w[-r]."""
    cdef vfloat v
    cdef int r, u
    for u in range(U):
        v = load(row, x + u * LANES, source)
        for r in range(first, last + 1):
            acc[r * U + u] += w[-r] * v


cdef inline void down_block(const char** rows, Py_ssize_t x, const float* w, const Py_ssize_t kh, float* out,
                            Py_ssize_t pitch, const int source, Py_ssize_t ahead) noexcept nogil:
    """Vertical sums: R rows by two vectors. Output row r adds source rows r .. r + kh - 1."""
    cdef vfloat acc[8]
    cdef Py_ssize_t s
    cdef int r
    for r in range(8):
        acc[r] = vsplat(0)
    if kh >= R:
        # The first R - 1 source rows belong to the upper output rows only, and the last R - 1 to the lower ones.
        add_row(acc, rows[0], x, w, 0, 0, 2, source)
        add_row(acc, rows[1], x, w + 1, 0, 1, 2, source)
        add_row(acc, rows[2], x, w + 2, 0, 2, 2, source)
        for s in range(3, kh):
            add_row(acc, rows[s], x, w + s, 0, 3, 2, source)
        add_row(acc, rows[kh], x, w + kh, 1, 3, 2, source)
        add_row(acc, rows[kh + 1], x, w + kh + 1, 2, 3, 2, source)
        add_row(acc, rows[kh + 2], x, w + kh + 2, 3, 3, 2, source)
    elif kh == 3:
        add_row(acc, rows[0], x, w, 0, 0, 2, source)
        add_row(acc, rows[1], x, w + 1, 0, 1, 2, source)
        add_row(acc, rows[2], x, w + 2, 0, 2, 2, source)
        add_row(acc, rows[3], x, w + 3, 1, 3, 2, source)
        add_row(acc, rows[4], x, w + 4, 2, 3, 2, source)
        add_row(acc, rows[5], x, w + 5, 3, 3, 2, source)
    else:
        for s in range(kh):
            add_row(acc, rows[s], x, w + s, 0, 0, 2, source)
            add_row(acc, rows[s + 1], x, w + s + 1, 1, 1, 2, source)
            add_row(acc, rows[s + 2], x, w + s + 2, 2, 2, 2, source)
            add_row(acc, rows[s + 3], x, w + s + 3, 3, 3, 2, source)
    for r in range(8):
        vstore(out + (r // 2) * pitch + x + (r % 2) * LANES, acc[r])
    if source == FLOAT32:  # the rows that the next ones below will want
        for r in range(R):
            prefetch(<const float*>rows[ahead + r] + x)
            prefetch(<const float*>rows[ahead + r] + x + LANES)


cdef inline void down(const char** rows, Py_ssize_t n, const float* w, const Py_ssize_t kh,
                      float* out, Py_ssize_t pitch, const int source, Py_ssize_t ahead) noexcept nogil:
    """Vertical sums of n >= 2 * LANES columns; the last block lies back over its neighbour."""
    cdef Py_ssize_t x = 0, last = n - 2 * LANES
    while x < last:
        down_block(rows, x, w, kh, out, pitch, source, ahead)
        x += 2 * LANES
    down_block(rows, last, w, kh, out, pitch, source, ahead)


cdef inline vfloat finished(const Separable* f, vfloat a) noexcept nogil:
    a = a * vsplat(f.v.scale) + vsplat(f.v.offset)
    return vmin(vmax(a, vsplat(f.v.low)), vsplat(f.v.high))


cdef inline void along_block(const Separable* f, const float* row, Py_ssize_t x, const Py_ssize_t kw,
                             const Py_ssize_t step, char* out, const int target, const bint unrolled) noexcept nogil:
    """Horizontal sums: one row by four vectors. Clones at 16 lanes make a tap's vector of two aligned ones."""
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


cdef inline void along(const Separable* f, const float* rows, Py_ssize_t n, char* out,
                       Py_ssize_t out_pitch, Py_ssize_t n_rows, const Py_ssize_t kw, const Py_ssize_t step,
                       const int target, const bint unrolled) noexcept nogil:
    """Horizontal sums of n >= 4 * LANES columns of n_rows rows; out_pitch is in bytes."""
    cdef Py_ssize_t x, last = n - 4 * LANES
    for _ in range(n_rows):
        x = 0
        while x < last:
            along_block(f, rows, x, kw, step, out, target, unrolled)
            x += 4 * LANES
        along_block(f, rows, last, kw, step, out, target, unrolled)
        rows += f.g.pitch
        out += out_pitch


cdef inline void down_clones(const char** rows, Py_ssize_t n, const float* w, Py_ssize_t kh,
                             float* out, Py_ssize_t pitch, const int source, Py_ssize_t ahead) noexcept nogil:
    if kh == 3:
        down(rows, n, w, 3, out, pitch, source, ahead)
    elif kh == 5:
        down(rows, n, w, 5, out, pitch, source, ahead)
    elif kh == 7:
        down(rows, n, w, 7, out, pitch, source, ahead)
    else:
        down(rows, n, w, kh, out, pitch, source, ahead)


cdef inline void along_clones(const Separable* f, const float* rows, Py_ssize_t n, char* out,
                              Py_ssize_t out_pitch, Py_ssize_t n_rows, const int target) noexcept nogil:
    cdef Py_ssize_t kw = f.g.kernel_width, step = f.g.step
    if f.g.magnitude and kw == 3:
        magnitudes(f, rows, n, out, out_pitch, n_rows, 3, target)
    elif f.g.magnitude:
        magnitudes(f, rows, n, out, out_pitch, n_rows, kw, target)
    elif kw == 3 and step == 1:
        along(f, rows, n, out, out_pitch, n_rows, 3, 1, target, True)
    elif kw == 3 and step == 3:
        along(f, rows, n, out, out_pitch, n_rows, 3, 3, target, True)
    elif kw == 5 and step == 1:
        along(f, rows, n, out, out_pitch, n_rows, 5, 1, target, True)
    elif kw == 5 and step == 3:
        along(f, rows, n, out, out_pitch, n_rows, 5, 3, target, True)
    elif kw == 7 and step == 1:
        along(f, rows, n, out, out_pitch, n_rows, 7, 1, target, True)
    elif kw == 9 and step == 1:
        along(f, rows, n, out, out_pitch, n_rows, 9, 1, target, True)
    else:
        along(f, rows, n, out, out_pitch, n_rows, kw, step, target, False)


cdef void vertical(const char** rows, Py_ssize_t n, const float* w, Py_ssize_t kh, float* out,
                   Py_ssize_t pitch, Py_ssize_t source, Py_ssize_t ahead) noexcept nogil:
    if source == FLOAT32:
        down_clones(rows, n, w, kh, out, pitch, FLOAT32, ahead)
    elif source == UINT8:
        down_clones(rows, n, w, kh, out, pitch, UINT8, ahead)
    elif source == INT16:
        down_clones(rows, n, w, kh, out, pitch, INT16, ahead)
    else:
        down_clones(rows, n, w, kh, out, pitch, UINT16, ahead)


cdef void horizontal(const Separable* f, const float* rows, Py_ssize_t n, char* out,
                     Py_ssize_t out_pitch, Py_ssize_t n_rows) noexcept nogil:
    if f.g.target == FLOAT32:
        along_clones(f, rows, n, out, out_pitch, n_rows, FLOAT32)
    elif f.g.target == UINT8:
        along_clones(f, rows, n, out, out_pitch, n_rows, UINT8)
    elif f.g.target == INT16:
        along_clones(f, rows, n, out, out_pitch, n_rows, INT16)
    else:
        along_clones(f, rows, n, out, out_pitch, n_rows, UINT16)


cdef inline void sources(const Separable* f, Py_ssize_t plane, Py_ssize_t first, Py_ssize_t slots,
                         const char** rows) noexcept nogil:
    """Pointers to the source rows of output rows from `first` on; those past the last output repeat its last."""
    cdef Py_ssize_t size = itemsize(f.g.source), s, i
    cdef const char* x = f.x + plane * f.g.x_plane * size
    for s in range(slots):
        i = min(first + s, f.g.out_height + f.g.kernel_height - 2) - f.g.n_above
        if i < 0:
            i = f.above[i + f.g.n_above]
        elif i >= f.g.height:
            i = f.below[i - f.g.height]
        rows[s] = f.constant if i < 0 else x + i * f.g.x_row * size


cdef inline void beside(const Separable* f, float* row, const Py_ssize_t* columns, Py_ssize_t n, float* to,
                        float constant) noexcept nogil:
    """The vertical sums of n columns of the border; `row` has those of the image."""
    cdef Py_ssize_t p, c, step = f.g.step
    for p in range(n):
        for c in range(step):
            to[p * step + c] = constant if columns[p] < 0 else row[columns[p] * step + c]


cdef void tile(const Separable* f, Py_ssize_t t, float* workspace) noexcept nogil:
    cdef const Geometry* g = f.g
    cdef Py_ssize_t plane = t // g.tiles, first = (t % g.tiles) * g.tile_rows
    cdef Py_ssize_t n_rows = min(g.tile_rows, g.out_height - first), slots = n_rows + R - 1 + g.kernel_height
    cdef Py_ssize_t n = g.width * g.step, n_out = g.out_width * g.step, edge = g.n_before * g.step
    cdef Py_ssize_t size = itemsize(g.target), source = g.source, rows_here, i, r, s
    cdef Py_ssize_t sums = 2 if g.magnitude else 1
    cdef char* y = f.y + (plane * g.y_plane + first * g.y_row) * size
    # The workspace: R rows of each sum, aligned with their border; R rows of output too narrow for a block; a pointer
    # to each source row; copies of source rows that are too narrow.
    cdef float* buffer = workspace
    cdef float* body = buffer + edge
    cdef float* row
    cdef char* narrow = <char*>(workspace + sums * R * g.pitch + 16)
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
    i = 0
    while i < n_rows:
        rows_here = min(n_rows - i, R)
        for s in range(sums):
            vertical(rows + i, n, f.wy + s * g.kernel_height, g.kernel_height, body + s * R * g.pitch, g.pitch,
                     source, min(g.kernel_height + R - 1, slots - R - i))
        for r in range(sums * R):
            row = body + r * g.pitch
            beside(f, row, f.before, g.n_before, row - edge, f.beside[r // R])
            beside(f, row, f.after, g.n_after, row + g.width * g.step, f.beside[r // R])
        if n_out >= STAGED:
            horizontal(f, buffer, n_out, y + i * g.y_row * size, g.y_row * size, rows_here)
        else:
            horizontal(f, buffer, STAGED, narrow, 4 * STAGED, rows_here)
            for r in range(rows_here):
                memcpy(y + (i + r) * g.y_row * size, narrow + 4 * r * STAGED, n_out * size)
        i += R


cdef int correlate(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                   cnp.ndarray values, int threads) except -1:
    """Get the workspace and share out the tiles."""
    cdef Separable f
    cdef const Geometry* g = <const Geometry*>cnp.PyArray_DATA(geometry)
    cdef Py_ssize_t t, i, width = g.width * g.step, size = g.workspace * sizeof(float)
    cdef char* memory
    cdef float* workspace
    cdef float cval
    f.x = <const char*>cnp.PyArray_DATA(x)
    f.wy = <const float*>cnp.PyArray_DATA(w)
    f.wx = f.wy + (2 if g.magnitude else 1) * g.kernel_height
    f.y = <char*>cnp.PyArray_DATA(y)
    f.g = g
    f.v = <const Values*>cnp.PyArray_DATA(values)
    f.above = <const Py_ssize_t*>cnp.PyArray_DATA(borders)
    f.below = f.above + g.n_above
    f.before = f.below + g.n_below
    f.after = f.before + g.n_before
    threads = <int>max(1, min(threads, convlab_max_threads(), g.planes * g.tiles))
    memory = <char*>get_workspace(threads, size, (width + 16) * sizeof(float))
    with nogil:
        workspace = <float*>(memory + 64 - (<size_t>memory) % 64)
        cval = f.v.cval
        for t in range(2 if g.magnitude else 1):
            f.beside[t] = 0
            for i in range(g.kernel_height):
                f.beside[t] += f.wy[t * g.kernel_height + i] * cval
        f.constant = <const char*>(workspace + threads * g.workspace)
        if g.n_above + g.n_below:
            fill(<char*>f.constant, width, cval, g.source)
        run_tasks(<task_function>tile, &f, g.planes * g.tiles, threads, workspace, size, memory)
    return 0


def correlate2d_separable(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                          cnp.ndarray values, int threads):
    correlate(x, w, y, geometry, borders, values, threads)


def magnitude2d_separable(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                          cnp.ndarray values, int threads):
    correlate(x, w, y, geometry, borders, values, threads)
