"""Correlation of images with one small kernel.

    y[i, j] = clip(scale * sum over a, b of w[a, b] * x[i + a - top, j + b - left] + offset)

The sum starts at 0 and runs over the taps row by row, one fused multiply-add each, for every pixel and whatever the
size, the place or the number of threads: so its bits depend on the kernel alone.

Regions. Rows above and below the image are other rows of it (or a constant row): only pointers. Columns are cut in
three segments: `left` and `right`, whose windows leave the image, are copied row by row into a strip in the workspace
together with their border, and `middle`, which reads the image where it lies. An image too narrow for a middle, and so
a kernel wider than the image, is one staged segment; so is an image of integers, which staging converts row by row.

Blocking. A block is R output rows by U vectors, held in registers: each source row is loaded once and added into the
(up to R) output rows that it belongs to. The sizes 3, 5 and 7 are clones of one source with the size as a constant,
which the compiler unrolls. Tiles of some rows are what threads share out.

Channels that lie innermost are columns `step` floats apart: the same loops over width * step floats.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int16_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
cimport numpy as cnp

from vector cimport LANES, convlab_max_threads, vfloat, vload, vmax, vmin, vsplat, vstore
from vector cimport fence, prefetch, prefetch_to_write, vstream

cnp.import_array()


# The fields of convlab._geometry.FilterGeometry, in its order. Widths are in pixels of `step` floats.
cdef struct Geometry:
    Py_ssize_t planes, height, width, out_height, out_width, step
    Py_ssize_t x_plane, x_row, y_plane, y_row           # in elements
    Py_ssize_t n_above, n_below, n_before, n_after      # rows and columns of the border
    Py_ssize_t left, right                              # widths of the staged segments
    Py_ssize_t tiles, tile_rows                         # tiles of one plane, output rows of a tile
    Py_ssize_t workspace                                # floats of one thread
    Py_ssize_t stream                                   # whether y is too large for the caches
    Py_ssize_t finish                                   # whether scale, offset and clip do anything
    Py_ssize_t source                                   # the dtype of x: its place in convlab._geometry.SOURCES


cdef enum Source:
    FLOAT32
    UINT8
    INT16
    UINT16


# The same for convlab._geometry.FilterValues.
cdef struct Values:
    float cval, scale, offset, low, high


cdef struct Filter:
    const char* x
    const float* w
    float* y
    const Geometry* g
    const Values* v
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # a source row of floats cval
    Py_ssize_t kernel_height, kernel_width
    Py_ssize_t pitch                                    # floats of a strip's row


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


cdef inline void block(const Filter* f, const float** rows, const float* w, float** out, const Py_ssize_t x,
                       const bint finish, const bint stream, const Py_ssize_t kh, const Py_ssize_t kw,
                       const Py_ssize_t step, const int R, const int U) noexcept nogil:
    """R rows by U vectors of the output, for R <= 4 and R <= kh."""
    cdef vfloat acc[8]
    cdef Py_ssize_t s
    cdef int r
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


cdef inline void copy(float* to, const float* source, Py_ssize_t n) noexcept nogil:
    """memcpy without the call, which would cost more than these few vectors; the last one lies back."""
    cdef Py_ssize_t i = 0
    if n >= LANES:
        while i + LANES < n:
            vstore(to + i, vload(source + i))
            i += LANES
        vstore(to + n - LANES, vload(source + n - LANES))
    else:
        for i in range(n):
            to[i] = source[i]


cdef void convert(float* to, const char* row, Py_ssize_t source, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    """n elements of a row, from `start` on, as floats."""
    cdef Py_ssize_t i
    if source == FLOAT32:
        copy(to, <const float*>row + start, n)
    elif source == UINT8:
        for i in range(n):
            to[i] = (<const uint8_t*>row)[start + i]
    elif source == INT16:
        for i in range(n):
            to[i] = (<const int16_t*>row)[start + i]
    else:
        for i in range(n):
            to[i] = (<const uint16_t*>row)[start + i]


cdef inline void stage(const Filter* f, float* strip, const char** rows, Py_ssize_t n_rows, Py_ssize_t start,
                       Py_ssize_t end, const Py_ssize_t step) noexcept nogil:
    """Copy pixels start .. end of source rows with their border into the strip. Pixel 0 is the border's first."""
    cdef Py_ssize_t border = f.g.n_before, inside = border + f.g.width
    cdef Py_ssize_t first = max(start, border), n = (min(end, inside) - first) * step    # the part in the image
    cdef Py_ssize_t p, r, source
    cdef float* body = strip + (first - start) * step
    for r in range(n_rows):
        source = f.g.source if rows[r] != f.constant else FLOAT32
        if n > 0 and source == FLOAT32:
            copy(body, <const float*>rows[r] + (first - border) * step, n)
        elif n > 0:
            convert(body, rows[r], source, (first - border) * step, n)
        for p in range(start, min(end, border)):
            stage_pixel(f, strip + (p - start) * step, rows[r], source, f.before[p], step)
        for p in range(max(start, inside), end):
            stage_pixel(f, strip + (p - start) * step, rows[r], source, f.after[p - inside], step)
        strip += f.pitch
        body += f.pitch


cdef inline void stage_pixel(const Filter* f, float* to, const char* row, Py_ssize_t source, Py_ssize_t pixel,
                             const Py_ssize_t step) noexcept nogil:
    """One pixel of the border: a pixel of the row, or the constant for -1."""
    cdef Py_ssize_t c
    if pixel < 0:
        for c in range(step):
            to[c] = f.v.cval
    elif source == FLOAT32:
        for c in range(step):
            to[c] = (<const float*>row)[pixel * step + c]
    else:
        convert(to, row, source, pixel * step, step)


cdef inline void segment(const Filter* f, const float** rows, float* y, Py_ssize_t n_rows, Py_ssize_t count,
                         float* spare, const Py_ssize_t kh, const Py_ssize_t kw, const Py_ssize_t step,
                         const int R, const int U, const bint unrolled) noexcept nogil:
    """Blocks over n_rows by `count` floats of the output. The last block of a row, and the last of the column, lies
    back over its neighbour: it computes the same sums again. What is smaller than a block goes through `spare`."""
    cdef float* out[8]
    # Copies on the stack: a compiler knows that no store into y changes them, and keeps them in registers.
    cdef float taps[49]
    cdef const float* local_rows[14]
    cdef bint finish = f.g.finish, aligned
    # Where y is aligned to cache lines, in floats: the first block is stored as it lies, those from here on may stream.
    # Less than a block, or the columns between the two would be left out.
    cdef Py_ssize_t line = min(16, U * LANES), head = (line - <Py_ssize_t>(<size_t>y // sizeof(float)) % line) % line
    cdef bint stream = (f.g.stream and f.g.y_row % 16 == 0 and count >= 16 + U * LANES and n_rows >= R
                        and <size_t>y % sizeof(float) == 0)
    cdef Py_ssize_t i = 0, x, s, stride, last = max(count - U * LANES, 0)
    cdef int r
    if unrolled:
        for s in range(kh * kw):
            taps[s] = f.w[s]
    while True:
        for r in range(R):
            if r < n_rows and count >= U * LANES:
                out[r] = y + (i + r) * f.g.y_row
            else:
                out[r] = spare + r * max(count, U * LANES)
            out[R + r] = y + min(i + R + r, n_rows - 1) * f.g.y_row
        if unrolled:
            for s in range(kh + 2 * R - 1):
                local_rows[s] = rows[min(i + s, n_rows + kh - 2)]
        # A load soon after a store waits for it if their addresses agree in the low twelve bits. Where y lies just
        # ahead of the source by that measure, go leftwards, away from what was just stored: 20 % where it happens.
        stride = U * LANES
        if not stream and 0 < <Py_ssize_t>((<size_t>out[0] - <size_t>rows[i]) % 2048) < 160:
            stride = -stride
        x = 0 if stride > 0 else last
        aligned = stream and head == 0
        while True:
            if unrolled:
                block(f, local_rows, taps, out, x, finish, aligned, kh, kw, step, R, U)
            else:
                block(f, rows + i, f.w, out, x, finish, aligned, kh, kw, step, R, U)
            if stream:
                if x == 0 and head > 0:
                    x = head - U * LANES
                aligned = x + U * LANES <= last
            x += stride
            if x > last:
                if x >= last + U * LANES:
                    break
                x = last
            elif x < 0:
                if x <= -U * LANES:
                    break
                x = 0
        if count < U * LANES:
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
            start, count = f.g.left, f.g.out_width - f.g.left - f.g.right
        elif part == 1:
            start, count = 0, f.g.left
        else:
            start, count = f.g.out_width - f.g.right, f.g.right
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
    else:
        tile(f, t, workspace, 3, 3, f.g.step, 3, 2, True)


cdef void tile_5x5(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 5, 5, 1, 4, 2, True)
    else:
        tile(f, t, workspace, 5, 5, f.g.step, 4, 2, True)


cdef void tile_7x7(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 7, 7, 1, 4, 2, True)
    else:
        tile(f, t, workspace, 7, 7, f.g.step, 4, 2, True)


cdef void tile_any(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.kernel_height >= 4:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 4, 2, False)
    else:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 1, 4, False)


cdef int correlate(tile_function function, cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry,
                   cnp.ndarray borders, cnp.ndarray values, int threads) except -1:
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
    f.pitch = (max(g.left, g.right) + f.kernel_width - 1) * g.step + 4 * LANES
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
    correlate(tile_3x3, x, w, y, geometry, borders, values, threads)


def correlate2d_5x5(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                    cnp.ndarray values, int threads):
    correlate(tile_5x5, x, w, y, geometry, borders, values, threads)


def correlate2d_7x7(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                    cnp.ndarray values, int threads):
    correlate(tile_7x7, x, w, y, geometry, borders, values, threads)


def correlate2d(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray geometry, cnp.ndarray borders,
                cnp.ndarray values, int threads):
    correlate(tile_any, x, w, y, geometry, borders, values, threads)
