"""Correlation of images with one small kernel.

    y[i, j] = clip(scale * sum over a, b of w[a, b] * x[i + a - top, j + b - left] + offset)

The sum starts at 0 and runs over the taps row by row, one fused multiply-add each, for every pixel and whatever the
size, the place or the number of threads: so its bits depend on the kernel alone.

Regions. Rows above and below the image are other rows of it (or a constant row): only pointers. Columns are cut in
three segments: `left` and `right`, with those whose windows leave the image, are copied row by row into a strip in the
workspace together with their border, and `middle`, which reads the image where it lies. An image too narrow for a
middle, and so a kernel wider than the image, is one staged segment; so is an image of integers, which staging converts.

Blocking. A block is R output rows by U vectors, held in registers: each source row is loaded once and added into the
(up to R) output rows that it belongs to. Loads that lie on cache lines are what is cheap, so at 16 lanes the vectors at
a tap's offset are made of two such loads. The sizes 3, 5 and 7 are clones of one source with the size as a constant,
which the compiler unrolls; other sizes take four columns at a time. Tiles of some rows are what threads share out.

Channels that lie innermost are columns `step` floats apart: the same loops over width * step floats.
"""
from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
cimport numpy as cnp

from filter_image cimport FLOAT32, UINT8, Filter, Geometry, Values, stage
from vector cimport LANES, convlab_max_threads, vfloat, vload, vmax, vmin, vsplat, vstore
from vector cimport fence, forget, prefetch, prefetch_to_write, vbetween, vstream

cnp.import_array()


ctypedef void (*tile_function)(const Filter*, Py_ssize_t, float*) noexcept nogil


cdef inline void tap_column(vfloat* acc, const vfloat* a, const float* w, const Py_ssize_t kw, const int first,
                            const int last, const int U, const int j, const Py_ssize_t step) noexcept nogil:
    """Column j of tap_row, at 16 lanes, of the vectors `a` that its row begins with; j and step are literals."""
    cdef vfloat v
    cdef int r, u
    for u in range(U):
        v = vbetween(a[u + j * step // 16], a[u + j * step // 16 + 1], <int>(j * step % 16))
        for r in range(first, last + 1):
            acc[r * U + u] += w[(last - r) * kw + j] * v


cdef inline void tap_row(vfloat* acc, const float* row, const float* w, const Py_ssize_t kw, const Py_ssize_t step,
                         const int first, const int last, const int U, const bint unrolled) noexcept nogil:
    """Add one source row into the output rows first..last of a block; w is the taps' row that `last` wants.

    At 16 lanes it reads up to LANES floats past those that it uses."""
    cdef vfloat a[6]
    cdef vfloat v
    cdef int r, u
    cdef Py_ssize_t j = 0
    if LANES == 16 and unrolled and (step == 1 or step == 3 or step == 4):
        # Columns as literals: which vectors they lie between must be known before the compiler unrolls loops.
        for u in range(U + 1 + <int>((kw - 1) * step // 16)):
            a[u] = vload(row + u * LANES)
        tap_column(acc, a, w, kw, first, last, U, 0, step)
        tap_column(acc, a, w, kw, first, last, U, 1, step)
        tap_column(acc, a, w, kw, first, last, U, 2, step)
        if kw > 3:
            tap_column(acc, a, w, kw, first, last, U, 3, step)
            tap_column(acc, a, w, kw, first, last, U, 4, step)
        if kw > 5:
            tap_column(acc, a, w, kw, first, last, U, 5, step)
            tap_column(acc, a, w, kw, first, last, U, 6, step)
        return
    if LANES == 16 and step == 1:
        while j + 4 <= kw:
            for u in range(U + 1):
                a[u] = vload(row + j + u * LANES)
            tap_column(acc, a, w + j, kw, first, last, U, 0, 1)
            tap_column(acc, a, w + j, kw, first, last, U, 1, 1)
            tap_column(acc, a, w + j, kw, first, last, U, 2, 1)
            tap_column(acc, a, w + j, kw, first, last, U, 3, 1)
            j += 4
    while j < kw:
        for u in range(U):
            v = vload(row + j * step + u * LANES)
            for r in range(first, last + 1):
                acc[r * U + u] += w[(last - r) * kw + j] * v
        j += 1


cdef inline void block(const Filter* f, const float** rows, const float* w, float** out, const Py_ssize_t x,
                       const bint finish, const bint stream, const Py_ssize_t kh, const Py_ssize_t kw,
                       const Py_ssize_t step, const int R, const int U, const bint unrolled) noexcept nogil:
    """R rows by U vectors of the output, for R <= 4 and R <= kh."""
    cdef vfloat acc[8]
    cdef Py_ssize_t s
    cdef int r
    # The registers hold nine taps, but not 25: those are read again, or the compiler would spill them. (At 8 lanes the
    # spilt ones, splat, are what an instruction may read from memory: there it gains.)
    if LANES != 8 and unrolled and kh > 3:
        forget(w)
    for r in range(R * U):
        acc[r] = vsplat(0)
    # The first R - 1 source rows belong to the upper output rows only, and the last R - 1 to the lower ones.
    if R > 1:
        tap_row(acc, rows[0] + x, w, kw, step, 0, 0, U, unrolled)
    if R > 2:
        tap_row(acc, rows[1] + x, w, kw, step, 0, 1, U, unrolled)
    if R > 3:
        tap_row(acc, rows[2] + x, w, kw, step, 0, 2, U, unrolled)
    for s in range(R - 1, kh):
        tap_row(acc, rows[s] + x, w + (s - R + 1) * kw, kw, step, 0, R - 1, U, unrolled)
    if R > 1:
        tap_row(acc, rows[kh] + x, w + (kh - R + 1) * kw, kw, step, 1, R - 1, U, unrolled)
    if R > 2:
        tap_row(acc, rows[kh + 1] + x, w + (kh - R + 2) * kw, kw, step, 2, R - 1, U, unrolled)
    if R > 3:
        tap_row(acc, rows[kh + 2] + x, w + (kh - R + 3) * kw, kw, step, 3, R - 1, U, unrolled)
    # A 3x3 filter waits for memory: the rows that the next block below will want.
    if kh == 3:
        for r in range(R):
            prefetch(rows[kh + R - 1 + r] + x)
            if not stream:
                prefetch_to_write(out[R + r] + x)
    if finish:
        for r in range(R * U):
            acc[r] = acc[r] * vsplat(f.v.scale) + vsplat(f.v.offset)
            acc[r] = vmin(vmax(acc[r], vsplat(f.v.low)), vsplat(f.v.high))
    if stream:
        for r in range(R * U):
            vstream(out[r // U] + x + (r % U) * LANES, acc[r])
    else:
        for r in range(R * U):
            vstore(out[r // U] + x + (r % U) * LANES, acc[r])


cdef inline void segment(const Filter* f, const float** rows, float* y, Py_ssize_t n_rows, Py_ssize_t count,
                         float* spare, const Py_ssize_t kh, const Py_ssize_t kw, const Py_ssize_t step,
                         const int R, const int U, const bint unrolled) noexcept nogil:
    """Blocks over n_rows by `count` floats of the output. The last block of a row, and the last of the column, lies
    back over its neighbour: it computes the same sums again. What is smaller than a block goes through `spare`."""
    cdef float* out[8]
    # Copies on the stack: a compiler knows that no store into y changes them, and may keep them in registers.
    cdef float taps[49]
    cdef const float* w = taps
    cdef const float* local_rows[14]
    cdef bint finish = f.g.finish
    cdef Py_ssize_t width = U * LANES                   # of a block
    cdef bint stream = (f.g.stream and f.g.y_row % 16 == 0 and count >= 16 + width and n_rows >= R
                        and <size_t>y % sizeof(float) == 0)
    # Blocks begin on cache lines, y's where it is stored past the caches, else the source's; but the first begins where
    # the row does, and the last ends where it ends.
    cdef Py_ssize_t line = min(16, width), start = 0
    cdef Py_ssize_t i = 0, x, place, s, last = max(count - width, 0), blocks
    cdef int r
    if stream:
        start = -<Py_ssize_t>(<size_t>y // sizeof(float)) % line
    elif f.g.x_row % 16 == 0 and last > 0:
        start = -<Py_ssize_t>(<size_t>rows[0] // sizeof(float)) % line
    blocks = (last - start + width - 1) // width + 1
    if unrolled:
        for s in range(kh * kw):
            taps[s] = f.w[s]
    while True:
        for r in range(R):
            if r < n_rows and count >= width:
                out[r] = y + (i + r) * f.g.y_row
            else:
                out[r] = spare + r * max(count, width)
            out[R + r] = y + min(i + R + r, n_rows - 1) * f.g.y_row
        if unrolled:
            for s in range(kh + 2 * R - 1):
                local_rows[s] = rows[min(i + s, n_rows + kh - 2)]
        x = start
        for s in range(blocks):
            place = min(max(x, 0), last)
            if unrolled:
                block(f, local_rows, w, out, place, finish, stream and x == place, kh, kw, step, R, U, unrolled)
            else:
                block(f, rows + i, f.w, out, place, finish, stream and x == place, kh, kw, step, R, U, unrolled)
            x += width
        if count < width:
            for r in range(<int>min(n_rows, R)):
                memcpy(y + (i + r) * f.g.y_row, out[r], count * sizeof(float))
        if i + R >= n_rows:
            break
        i = min(i + R, n_rows - R)


cdef inline void tile(const Filter* f, Py_ssize_t t, float* workspace, const Py_ssize_t kh, const Py_ssize_t kw,
                      const Py_ssize_t step, const int R, const int U, const bint unrolled) noexcept nogil:
    cdef Py_ssize_t plane = t // f.g.tiles, part = t % f.g.tiles
    cdef Py_ssize_t first = part * f.g.tile_rows, n_rows = min(f.g.tile_rows, f.g.out_height - first)
    cdef Py_ssize_t slots = max(n_rows, R) + kh - 1
    cdef Py_ssize_t s, i, start, count
    cdef Py_ssize_t itemsize = 4 if f.g.source == FLOAT32 else 1 if f.g.source == UINT8 else 2
    cdef const char* x = f.x + plane * f.g.x_plane * itemsize
    cdef float* y = f.y + plane * f.g.y_plane + first * f.g.y_row
    # The workspace: a pointer to each source row, the same for the rows of a segment, spare output rows, the strip.
    cdef const char** source = <const char**>workspace
    cdef const float** rows = <const float**>(source + slots)
    cdef float* spare = <float*>(rows + slots)
    cdef float* strip = spare + R * max(f.g.out_width * step, U * LANES)
    strip += (16 - <Py_ssize_t>(<size_t>strip // sizeof(float)) % 16) % 16
    for s in range(slots):
        i = min(first + s, f.g.out_height + kh - 2) - f.g.n_above
        if i < 0:
            i = f.above[i + f.g.n_above]
        elif i >= f.g.height:
            i = f.below[i - f.g.height]
        source[s] = f.constant if i < 0 else x + i * f.g.x_row * itemsize
    # `start` and `count` of a segment in pixels. The middle goes first: it streams, and leaves the edges in the cache.
    for part in range(3):
        if part == 0:
            start, count = f.left, f.g.out_width - f.left - f.right
        elif part == 1:
            start, count = 0, f.left
        else:
            start, count = f.g.out_width - f.right, f.right
        if count == 0:
            continue
        for s in range(slots):
            if part == 0:
                rows[s] = <const float*>source[s] + (start - f.g.n_before) * step
            else:
                rows[s] = strip + s * f.pitch
                if count * step < U * LANES:  # a block reads past the pixels
                    memset(strip + s * f.pitch + (count + kw - 1) * step, 0, U * LANES * sizeof(float))
        if part != 0:
            stage(f, strip, source, slots, start, start + count + kw - 1, step)
        segment(f, rows, y + start * step, n_rows, count * step, spare, kh, kw, step, R, U, unrolled)
    if f.g.stream:
        fence()


# 3x3 holds three rows: with four, as for larger kernels, every block would want a row more than the kernel has.
cdef void tile_3x3(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 3, 3, 1, 3, 2, True)
    elif LANES == 16 and f.g.step == 3:
        tile(f, t, workspace, 3, 3, 3, 3, 2, True)
    elif LANES == 16 and f.g.step == 4:
        tile(f, t, workspace, 3, 3, 4, 3, 2, True)
    else:
        tile(f, t, workspace, 3, 3, f.g.step, 3, 2, True)


cdef void tile_5x5(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 5, 5, 1, 4, 2, True)
    elif LANES == 16 and f.g.step == 3:
        tile(f, t, workspace, 5, 5, 3, 4, 2, True)
    elif LANES == 16 and f.g.step == 4:
        tile(f, t, workspace, 5, 5, 4, 4, 2, True)
    else:
        tile(f, t, workspace, 5, 5, f.g.step, 4, 2, True)


cdef void tile_7x7(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 7, 7, 1, 4, 2, True)
    elif LANES == 16 and f.g.step == 3:
        tile(f, t, workspace, 7, 7, 3, 4, 2, True)
    elif LANES == 16 and f.g.step == 4:
        tile(f, t, workspace, 7, 7, 4, 4, 2, True)
    else:
        tile(f, t, workspace, 7, 7, f.g.step, 4, 2, True)


cdef void tile_any(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.kernel_height >= 4 and f.g.step == 1:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, 1, 4, 2, False)
    elif f.kernel_height >= 4:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 4, 2, False)
    else:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 1, 4, False)


cdef int correlate(tile_function function, const Py_ssize_t block_width, cnp.ndarray x, cnp.ndarray w, cnp.ndarray y,
                   cnp.ndarray geometry, cnp.ndarray borders, cnp.ndarray values, int threads) except -1:
    """Get the workspace and share out the tiles."""
    cdef Filter f
    cdef const Geometry* g = <const Geometry*>cnp.PyArray_DATA(geometry)
    cdef Py_ssize_t t, i, width = g.width * g.step
    cdef float* workspace
    cdef float* constant
    f.x = <const char*>cnp.PyArray_DATA(x)
    f.w = <const float*>cnp.PyArray_DATA(w)
    f.y = <float*>cnp.PyArray_DATA(y)
    f.g = g
    f.v = <const Values*>cnp.PyArray_DATA(values)
    f.above = <const Py_ssize_t*>cnp.PyArray_DATA(borders)
    f.below = f.above + g.n_above
    f.before = f.below + g.n_below
    f.after = f.before + g.n_before
    f.kernel_height = cnp.PyArray_DIM(w, 0)
    f.kernel_width = cnp.PyArray_DIM(w, 1)
    # The staged segments are at least a block wide, lest its last columns be computed for nothing, and so that a block
    # of the middle may read a vector past what it uses.
    f.left = 0 if g.n_before == 0 else max(g.n_before, (block_width + g.step - 1) // g.step)
    f.right = 0 if g.n_after == 0 and LANES <= 8 else max(g.n_after, (block_width + g.step - 1) // g.step)
    if g.staged or (g.out_width - f.left - f.right) * g.step < block_width:
        f.left, f.right = g.out_width, 0
    f.pitch = (max(f.left, f.right) + f.kernel_width - 1) * g.step + 4 * LANES
    f.pitch += (16 - f.pitch % 16) % 16
    threads = <int>max(1, min(threads, convlab_max_threads(), g.planes * g.tiles))
    workspace = <float*>malloc((threads * g.workspace + width) * sizeof(float))
    if workspace == NULL:
        raise MemoryError("filter2d: no memory for %d bytes of workspace" % (4 * (threads * g.workspace + width)))
    with nogil:
        constant = workspace + threads * g.workspace
        if g.n_above + g.n_below:
            for i in range(width):
                constant[i] = f.v.cval
        f.constant = <const char*>constant
        if threads == 1:
            for t in range(g.planes * g.tiles):
                function(&f, t, workspace)
        else:
            for t in prange(g.planes * g.tiles, schedule="static", num_threads=threads):
                function(&f, t, workspace + threadid() * g.workspace)
        free(workspace)
    return 0


def correlate2d_3x3(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                    cnp.ndarray values, int threads):
    correlate(tile_3x3, 2 * LANES, x, w, y, geometry, borders, values, threads)


def correlate2d_5x5(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                    cnp.ndarray values, int threads):
    correlate(tile_5x5, 2 * LANES, x, w, y, geometry, borders, values, threads)


def correlate2d_7x7(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                    cnp.ndarray values, int threads):
    correlate(tile_7x7, 2 * LANES, x, w, y, geometry, borders, values, threads)


def correlate2d(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                cnp.ndarray values, int threads):
    correlate(tile_any, (2 if cnp.PyArray_DIM(w, 0) >= 4 else 4) * LANES, x, w, y, geometry, borders, values, threads)
