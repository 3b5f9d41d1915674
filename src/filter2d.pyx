"""Correlation of images with one small kernel.

    y[i, j] = clip(scale * sum over a, b of w[a, b] * x[i + a - top, j + b - left] + offset)

The sum starts at 0 and runs over the taps row by row, one fused multiply-add each, for every pixel and whatever the
size, the place or the number of threads: so its bits depend on the kernel alone.

Regions. Rows above and below the image are other rows of it (or a constant row): only pointers. Columns are cut in
three segments: `left` and `right`, whose windows leave the image, are copied row by row into a strip in the workspace
together with their border, and `middle`, which reads the image where it lies. An image too narrow for a middle, and so
a kernel wider than the image, is one staged segment.

Blocking. A block is R output rows by U vectors, held in registers: each source row is loaded once and added into the
(up to R) output rows that it belongs to. The sizes 3, 5 and 7 are clones of one source with the size as a constant,
which the compiler unrolls. Tiles of some rows are what threads share out.

Channels that lie innermost are columns `step` floats apart: the same loops over width * step floats.
"""
from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
cimport numpy as cnp

from vector cimport LANES, convlab_max_threads, vfloat, vload, vmax, vmin, vsplat, vstore

cnp.import_array()


cdef struct Filter:
    const float* x
    const float* w
    float* y
    Py_ssize_t height, width, x_plane, x_row            # of the source; widths and pitches in floats
    Py_ssize_t out_height, out_width, y_plane, y_row
    Py_ssize_t kernel_height, kernel_width, step
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    Py_ssize_t n_above, n_before
    Py_ssize_t left, right, pitch                       # widths of the staged segments and of a strip's row
    Py_ssize_t tiles                                    # of one plane
    const float* constant                               # a source row of cval
    float cval, scale, offset, low, high
    bint finish


ctypedef void (*tile_function)(const Filter*, Py_ssize_t, float*) noexcept nogil


cdef inline void tap_row(vfloat* acc, const float* row, const float* w, const Py_ssize_t kw, const Py_ssize_t step,
                         const int first, const int last, const int U) noexcept nogil:
    """Add one source row into the output rows first..last of a block; w is the taps' row that `last` wants."""
    cdef vfloat v
    cdef int r, u
    cdef Py_ssize_t j
    for j in range(kw):
        for u in range(U):
            v = vload(row + j * step + u * LANES)
            for r in range(first, last + 1):
                acc[r * U + u] += w[(last - r) * kw + j] * v


cdef inline void block(const Filter* f, const float** rows, float** out, const Py_ssize_t x, const Py_ssize_t kh,
                       const Py_ssize_t kw, const Py_ssize_t step, const int R, const int U) noexcept nogil:
    """R rows by U vectors of the output, for R <= 4 and R <= kh."""
    cdef vfloat acc[8]
    cdef Py_ssize_t s
    cdef int r
    cdef const float* w = f.w
    for r in range(R * U):
        acc[r] = vsplat(0)
    # The first R - 1 source rows belong to the upper output rows only, and the last R - 1 to the lower ones.
    if R > 1:
        tap_row(acc, rows[0] + x, w, kw, step, 0, 0, U)
    if R > 2:
        tap_row(acc, rows[1] + x, w, kw, step, 0, 1, U)
    if R > 3:
        tap_row(acc, rows[2] + x, w, kw, step, 0, 2, U)
    for s in range(R - 1, kh):
        tap_row(acc, rows[s] + x, w + (s - R + 1) * kw, kw, step, 0, R - 1, U)
    if R > 1:
        tap_row(acc, rows[kh] + x, w + (kh - R + 1) * kw, kw, step, 1, R - 1, U)
    if R > 2:
        tap_row(acc, rows[kh + 1] + x, w + (kh - R + 2) * kw, kw, step, 2, R - 1, U)
    if R > 3:
        tap_row(acc, rows[kh + 2] + x, w + (kh - R + 3) * kw, kw, step, 3, R - 1, U)
    if f.finish:
        for r in range(R * U):
            acc[r] = acc[r] * vsplat(f.scale) + vsplat(f.offset)
            acc[r] = vmin(vmax(acc[r], vsplat(f.low)), vsplat(f.high))
    for r in range(R * U):
        vstore(out[r // U] + x + (r % U) * LANES, acc[r])


cdef void stage(const Filter* f, float* strip, const float* row, Py_ssize_t start, Py_ssize_t count) noexcept nogil:
    """Copy columns start .. start + count of a source row with its border into a strip. Column 0 is the border's."""
    cdef Py_ssize_t step = f.step, q = start, end = start + count, stop, source
    while q < end:
        if f.n_before * step <= q < f.n_before * step + f.width:
            stop = min(end, f.n_before * step + f.width)
            memcpy(strip, row + q - f.n_before * step, (stop - q) * sizeof(float))
            strip += stop - q
            q = stop
        else:
            if q < f.n_before * step:
                source = f.before[q // step]
            else:
                source = f.after[(q - f.width) // step - f.n_before]
            strip[0] = f.cval if source < 0 else row[source * step + q % step]
            strip += 1
            q += 1


cdef inline void segment(const Filter* f, const float** rows, float* y, Py_ssize_t n_rows, Py_ssize_t count,
                         float* spare, const Py_ssize_t kh, const Py_ssize_t kw, const Py_ssize_t step,
                         const int R, const int U) noexcept nogil:
    """Blocks over n_rows by `count` floats of the output. The last block of a row, and the last of the column, lies
    back over its neighbour: it computes the same sums again. What is smaller than a block goes through `spare`."""
    cdef float* out[4]
    cdef Py_ssize_t i = 0, x
    cdef int r
    while True:
        for r in range(R):
            if r < n_rows and count >= U * LANES:
                out[r] = y + (i + r) * f.y_row
            else:
                out[r] = spare + r * max(count, U * LANES)
        x = 0
        while True:
            block(f, rows + i, out, x, kh, kw, step, R, U)
            if x + U * LANES >= count:
                break
            x = min(x + U * LANES, count - U * LANES)
        if count < U * LANES:
            for r in range(<int>min(n_rows, R)):
                memcpy(y + (i + r) * f.y_row, out[r], count * sizeof(float))
        if i + R >= n_rows:
            break
        i = min(i + R, n_rows - R)


cdef inline void tile(const Filter* f, Py_ssize_t t, float* workspace, const Py_ssize_t kh, const Py_ssize_t kw,
                      const Py_ssize_t step, const int R, const int U) noexcept nogil:
    cdef Py_ssize_t plane = t // f.tiles, part = t % f.tiles
    cdef Py_ssize_t first = f.out_height * part // f.tiles
    cdef Py_ssize_t n_rows = f.out_height * (part + 1) // f.tiles - first
    cdef Py_ssize_t slots = max(n_rows, R) + kh - 1
    cdef Py_ssize_t s, i, start, count
    cdef const float* x = f.x + plane * f.x_plane
    cdef float* y = f.y + plane * f.y_plane + first * f.y_row
    # The workspace: a pointer to each source row, the same for the rows of a segment, spare output rows, the strip.
    cdef const float** source = <const float**>workspace
    cdef const float** rows = source + slots
    cdef float* spare = <float*>(rows + slots)
    cdef float* strip = spare + R * max(f.out_width, U * LANES)
    for s in range(slots):
        i = min(first + s, f.out_height + kh - 2) - f.n_above
        if i < 0:
            i = f.above[i + f.n_above]
        elif i >= f.height:
            i = f.below[i - f.height]
        source[s] = f.constant if i < 0 else x + i * f.x_row
    for part in range(3):
        if part == 0:
            start, count = 0, f.left
        elif part == 1:
            start, count = f.left, f.out_width - f.left - f.right
        else:
            start, count = f.out_width - f.right, f.right
        if count == 0:
            continue
        for s in range(slots):
            if part == 1:
                rows[s] = source[s] + start - f.n_before * step
            else:
                rows[s] = strip + s * f.pitch
                stage(f, strip + s * f.pitch, source[s], start, count + (kw - 1) * step)
                memset(strip + s * f.pitch + count + (kw - 1) * step, 0, U * LANES * sizeof(float))
        segment(f, rows, y + start, n_rows, count, spare, kh, kw, step, R, U)


# 3x3 holds three rows: with four, as for larger kernels, every block would want a row more than the kernel has.
cdef void tile_3x3(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.step == 1:
        tile(f, t, workspace, 3, 3, 1, 3, 2)
    else:
        tile(f, t, workspace, 3, 3, f.step, 3, 2)


cdef void tile_5x5(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.step == 1:
        tile(f, t, workspace, 5, 5, 1, 4, 2)
    else:
        tile(f, t, workspace, 5, 5, f.step, 4, 2)


cdef void tile_7x7(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.step == 1:
        tile(f, t, workspace, 7, 7, 1, 4, 2)
    else:
        tile(f, t, workspace, 7, 7, f.step, 4, 2)


cdef void tile_any(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.kernel_height >= 4:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.step, 4, 2)
    else:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.step, 1, 4)


cdef inline const Py_ssize_t* indices(cnp.ndarray a) noexcept:
    return <const Py_ssize_t*>cnp.PyArray_DATA(a)


cdef int correlate(tile_function function, tuple call) except -1:
    """Take the call apart (its order is convlab._run's), get the workspace and share out the tiles."""
    cdef cnp.ndarray x, w, y, above, below, before, after
    cdef Filter f
    cdef Py_ssize_t planes, floats, t, i
    cdef int threads
    cdef float* workspace
    cdef float* constant
    (x, w, y, planes, f.height, f.width, f.out_height, f.out_width, f.step, f.x_plane, f.x_row, f.y_plane, f.y_row,
     above, below, before, after, f.left, f.right, f.tiles, floats, f.cval,
     f.finish, f.scale, f.offset, f.low, f.high, threads) = call
    f.x = <const float*>cnp.PyArray_DATA(x)
    f.w = <const float*>cnp.PyArray_DATA(w)
    f.y = <float*>cnp.PyArray_DATA(y)
    f.kernel_height = cnp.PyArray_DIM(w, 0)
    f.kernel_width = cnp.PyArray_DIM(w, 1)
    f.above = indices(above)
    f.below = indices(below)
    f.before = indices(before)
    f.after = indices(after)
    f.n_above = cnp.PyArray_DIM(above, 0)
    f.n_before = cnp.PyArray_DIM(before, 0)
    f.width *= f.step
    f.out_width *= f.step
    f.left *= f.step
    f.right *= f.step
    f.pitch = max(f.left, f.right) + (f.kernel_width - 1) * f.step + 4 * LANES
    threads = <int>max(1, min(threads, convlab_max_threads(), planes * f.tiles))
    workspace = <float*>malloc((threads * floats + f.width) * sizeof(float))
    if workspace == NULL:
        raise MemoryError("filter2d: no memory for %d bytes of workspace" % (4 * (threads * floats + f.width)))
    with nogil:
        constant = workspace + threads * floats
        for i in range(f.width):
            constant[i] = f.cval
        f.constant = constant
        if threads == 1:
            for t in range(planes * f.tiles):
                function(&f, t, workspace)
        else:
            for t in prange(planes * f.tiles, schedule="static", num_threads=threads):
                function(&f, t, workspace + threadid() * floats)
        free(workspace)
    return 0


def correlate2d_3x3(*call):
    correlate(tile_3x3, call)


def correlate2d_5x5(*call):
    correlate(tile_5x5, call)


def correlate2d_7x7(*call):
    correlate(tile_7x7, call)


def correlate2d(*call):
    correlate(tile_any, call)
