"""Correlation of images with one small kernel, or with several while each part of the image is in the cache.

    y[n, i, j] = clip(scale * sum over a, b of w[n, a, b] * x[i + a - top, j + b - left] + offset)

The sum starts at 0 and runs over the taps row by row, one fused multiply-add each, for every pixel and whatever the
size, the place or the number of threads: so its bits depend on the kernel alone.

Regions. Rows above and below the image are other rows of it (or a constant row): only pointers. Columns are cut in
three segments: `left` and `right`, with those whose windows leave the image, are copied row by row into a strip in the
workspace together with their border, and `middle`, which reads the image where it lies. An image too narrow for a
middle, and so a kernel wider than the image, is staged whole; so is an image of integers, chunk by chunk of columns,
since staging converts it.

What is left out (by a mask, or NaN) is 0 in the strip, and a second strip holds 1 where the first holds a pixel: the
sum over the one is divided by the sum over the other.

Blocking. A block is R output rows by U vectors, held in registers: each source row is loaded once and added into the
(up to R) output rows that it belongs to. Loads that lie on cache lines are what is cheap, so at 16 lanes the vectors at
a tap's offset are made of two such loads. The sizes 3, 5 and 7 are clones of one source with the size as a constant,
which the compiler unrolls; other sizes take four columns at a time. Tiles of some rows are what threads share out.

Channels that lie innermost are columns `step` floats apart: the same loops over width * step floats.
"""
from libc.string cimport memcpy, memset

from call cimport Call
from filter_image cimport Filter, itemsize, stage
from filter_taps cimport finished, store, sums
from geometry cimport FLOAT32, UINT8, FilterGeometry, FilterValues
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, fence, prefetch, prefetch_to_write
from vector cimport vfloat, vload, vratio, vsplat, vstore, vstore_part, vstream, vvalid, vwhere


ctypedef void (*tile_function)(const Filter*, Py_ssize_t, float*) noexcept nogil


cdef inline void block(const Filter* f, const float** rows, const float* w, char** out, const Py_ssize_t x,
                       const Py_ssize_t count, const bint stream, const Py_ssize_t kh, const Py_ssize_t kw,
                       const Py_ssize_t step, const int R, const int U, const bint unrolled,
                       const bint masked) noexcept nogil:
    """R rows by U vectors of the output, or as much of them as `count` columns are."""
    cdef vfloat acc[8]
    cdef vfloat weights[8]
    cdef int r
    sums(acc, rows, w, x, kh, kw, step, R, U, unrolled)
    if masked:
        sums(weights, rows, w, x + f.mask_offset, kh, kw, step, R, U, unrolled)
        for r in range(R * U):
            acc[r] = vratio(acc[r], weights[r])
    # A 3x3 filter waits for memory: the rows that the next block below will want.
    if kh == 3:
        for r in range(R):
            prefetch(rows[kh + R - 1 + r] + x)
            if not stream:
                prefetch_to_write(<float*>out[R + r] + x)
    if f.g.finish:
        for r in range(R * U):
            acc[r] = finished(acc[r], f.v)
    if stream:
        for r in range(R * U):
            vstream(<float*>out[r // U] + x + (r % U) * LANES, acc[r])
    elif count < U * LANES and f.g.target == FLOAT32:
        for r in range(R * U):
            vstore_part(<float*>out[r // U] + (r % U) * LANES, acc[r], count - (r % U) * LANES)
    elif f.g.target == FLOAT32:
        for r in range(R * U):
            vstore(<float*>out[r // U] + x + (r % U) * LANES, acc[r])
    else:
        for r in range(R * U):
            store(out[r // U], x + (r % U) * LANES, acc[r], f.g.target)


cdef inline void segment(const Filter* f, const float** rows, const float* w, char* y, Py_ssize_t n_rows,
                         Py_ssize_t count, float* spare, const Py_ssize_t kh, const Py_ssize_t kw,
                         const Py_ssize_t step, const int R, const int U, const bint unrolled,
                         const bint masked) noexcept nogil:
    """Blocks over n_rows by `count` floats of the output. The last block of a row, and the last of the column, lies
    back over its neighbour: it computes the same sums again. Rows below the last, and integers narrower than a block,
    go through `spare`."""
    cdef char* out[8]
    # Copies on the stack: a compiler knows that no store into y changes them, and may keep them in registers.
    cdef float taps[49]
    cdef Py_ssize_t y_row = f.g.y_row * itemsize(f.g.target)
    cdef const float* local_rows[14]
    cdef Py_ssize_t width = U * LANES                   # of a block
    cdef bint stream = (f.g.stream and f.g.y_row % 16 == 0 and count >= 16 + width and n_rows >= R
                        and <size_t>y % sizeof(float) == 0)
    # Blocks begin on cache lines, y's where it is stored past the caches, else the source's; but the first begins where
    # the row does, and the last ends where it ends.
    cdef Py_ssize_t line = min(16, width), start = 0
    cdef Py_ssize_t i = 0, x, place, s, _, last = max(count - width, 0), blocks
    cdef int r
    if stream:
        start = -<Py_ssize_t>(<size_t>y // sizeof(float)) % line
    elif f.g.x_row % 16 == 0 and last > 0:
        start = -<Py_ssize_t>(<size_t>rows[0] // sizeof(float)) % line
    blocks = (last - start + width - 1) // width + 1
    if unrolled:
        for s in range(kh * kw):
            taps[s] = w[s]
        w = taps
    while True:
        for r in range(R):
            if r < n_rows and (count >= width or f.g.target == FLOAT32):
                out[r] = y + (i + r) * y_row
            else:
                out[r] = <char*>(spare + r * max(count, width))
            out[R + r] = y + min(i + R + r, n_rows - 1) * y_row
        if unrolled:
            for s in range(kh + 2 * R - 1):
                local_rows[s] = rows[min(i + s, n_rows + kh - 2)]
        x = start
        for _ in range(blocks):
            place = min(max(x, 0), last)
            if unrolled:
                block(f, local_rows, w, out, place, count, stream and x == place, kh, kw, step, R, U, unrolled, masked)
            else:
                block(f, rows + i, w, out, place, count, stream and x == place, kh, kw, step, R, U, unrolled,
                      masked)
            x += width
        if count < width and f.g.target != FLOAT32:
            for r in range(<int>min(n_rows, R)):
                memcpy(y + (i + r) * y_row, out[r], count * itemsize(f.g.target))
        if i + R >= n_rows:
            break
        i = min(i + R, n_rows - R)


cdef void stage_columns(const Filter* f, float* strip, const char** rows, Py_ssize_t n_rows, Py_ssize_t start,
                        Py_ssize_t end) noexcept nogil:
    """`stage` once, not in each clone."""
    if f.g.step == 1:
        stage(f, strip, rows, n_rows, start, end, 1)
    else:
        stage(f, strip, rows, n_rows, start, end, f.g.step)


cdef void leave_out(const Filter* f, float* strip, Py_ssize_t slots, Py_ssize_t plane, Py_ssize_t first,
                    Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    """Make the strip of weights beside a strip of pixels, and what is left out 0 in both."""
    cdef Filter m = f[0]
    cdef FilterGeometry g = f.g[0]
    cdef FilterValues v = f.v[0]
    cdef const char* row
    cdef float* pixels
    cdef float* weights
    cdef vfloat a, b
    cdef Py_ssize_t s, i
    g.source = UINT8
    v.cval = 1
    m.g, m.v = &g, &v
    for s in range(slots):
        pixels = strip + s * f.pitch
        weights = pixels + f.mask_offset
        if g.has_mask:
            i = source_row(f, first + s)
            if i < 0:
                row = f.constant + g.width * g.step * <Py_ssize_t>sizeof(float)
            else:
                row = f.mask + plane * g.m_plane + i * g.m_row
            stage_columns(&m, weights, &row, 1, start, start + n // g.step)
        else:
            for i in range(n):
                weights[i] = 1
        for i in range(2):  # a block reads past the pixels
            vstore(pixels + n + i * LANES, vsplat(0))
            vstore(weights + n + i * LANES, vsplat(0))
        i = 0
        while i < n:  # rows have room for a vector past their end
            a, b = vload(pixels + i), vload(weights + i)
            if g.has_mask:  # a byte that is True may be any but 0
                b = vwhere(b, vsplat(1))
            if g.omit:
                b = vwhere(b, vvalid(a))
            vstore(pixels + i, vwhere(b, a))
            vstore(weights + i, b)
            i += LANES


cdef inline Py_ssize_t source_row(const Filter* f, Py_ssize_t row) noexcept nogil:
    """The image's row that the given row of the windows is, -1 for the constant one."""
    row = min(row, f.g.out_height + f.kernel_height - 2) - f.g.above
    if row < 0:
        return f.above[row + f.g.above]
    if row >= f.g.height:
        return f.below[row - f.g.height]
    return row


cdef inline void tile(const Filter* f, Py_ssize_t t, float* workspace, const Py_ssize_t kh, const Py_ssize_t kw,
                      const Py_ssize_t step, const int R, const int U, const bint unrolled,
                      const bint masked) noexcept nogil:
    cdef Py_ssize_t plane = t // f.g.tiles, part = t % f.g.tiles
    cdef Py_ssize_t first = part * f.g.tile_rows, n_rows = min(f.g.tile_rows, f.g.out_height - first)
    cdef Py_ssize_t slots = max(n_rows, R) + kh - 1
    cdef Py_ssize_t s, i, n, start, count
    cdef Py_ssize_t x_size = itemsize(f.g.source), y_size = itemsize(f.g.target)
    cdef const char* x = f.x + plane * f.g.x_plane * x_size
    cdef char* y = f.y + (plane * f.g.y_plane + first * f.g.y_row) * y_size
    # The workspace: a pointer to each source row, the same for the rows of a segment, spare output rows, the strip.
    cdef const char** source = <const char**>workspace
    cdef const float** rows = <const float**>(source + slots)
    cdef float* spare = <float*>(rows + slots)
    cdef float* strip = spare + R * max(f.g.out_width * step, U * LANES)
    strip += (16 - <Py_ssize_t>(<size_t>strip // sizeof(float)) % 16) % 16
    for s in range(slots):
        i = source_row(f, first + s)
        source[s] = f.constant if i < 0 else x + i * f.g.x_row * x_size
    # `start` and `count` of a segment in pixels. The middle goes first: it streams, and leaves the edges in the cache.
    for part in range(max(f.chunks, 3)):
        if f.chunks > 0:
            start = part * f.chunk
            count = min(f.chunk, f.g.out_width - start)
        elif part == 0:
            start, count = f.left, f.g.out_width - f.left - f.right
        elif part == 1:
            start, count = 0, f.left
        else:
            start, count = f.g.out_width - f.right, f.right
        if count <= 0:
            continue
        for s in range(slots):
            if part == 0 and f.chunks == 0:
                rows[s] = <const float*>source[s] + (start - f.g.before) * step
            else:
                rows[s] = strip + s * f.pitch
                if count * step < U * LANES:  # a block reads past the pixels
                    for n in range(U):
                        vstore(strip + s * f.pitch + (count + kw - 1) * step + n * LANES, vsplat(0))
        if part != 0 or f.chunks > 0:
            stage_columns(f, strip, source, slots, start, start + count + kw - 1)
        if masked:
            leave_out(f, strip, slots, plane, first, start, (count + kw - 1) * step)
        for n in range(f.g.kernels):
            segment(f, rows, f.w + n * kh * kw, y + (n * f.g.y_kernel + start * step) * y_size, n_rows, count * step,
                    spare, kh, kw, step, R, U, unrolled, masked)
    if f.g.stream:
        fence()


# 3x3 holds three rows: with four, as for larger kernels, every block would want a row more than the kernel has.
cdef void tile_3x3(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 3, 3, 1, 3, 2, True, False)
    elif LANES == 16 and f.g.step == 3:
        tile(f, t, workspace, 3, 3, 3, 3, 2, True, False)
    elif LANES == 16 and f.g.step == 4:
        tile(f, t, workspace, 3, 3, 4, 3, 2, True, False)
    else:
        tile(f, t, workspace, 3, 3, f.g.step, 3, 2, True, False)


cdef void tile_5x5(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 5, 5, 1, 4, 2, True, False)
    elif LANES == 16 and f.g.step == 3:
        tile(f, t, workspace, 5, 5, 3, 4, 2, True, False)
    elif LANES == 16 and f.g.step == 4:
        tile(f, t, workspace, 5, 5, 4, 4, 2, True, False)
    else:
        tile(f, t, workspace, 5, 5, f.g.step, 4, 2, True, False)


cdef void tile_7x7(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.g.step == 1:
        tile(f, t, workspace, 7, 7, 1, 4, 2, True, False)
    elif LANES == 16 and f.g.step == 3:
        tile(f, t, workspace, 7, 7, 3, 4, 2, True, False)
    elif LANES == 16 and f.g.step == 4:
        tile(f, t, workspace, 7, 7, 4, 4, 2, True, False)
    else:
        tile(f, t, workspace, 7, 7, f.g.step, 4, 2, True, False)


cdef void tile_any(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.kernel_height >= 4 and f.g.step == 1:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, 1, 4, 2, False, False)
    elif f.kernel_height >= 4:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 4, 2, False, False)
    else:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 1, 4, False, False)


cdef void tile_masked(const Filter* f, Py_ssize_t t, float* workspace) noexcept nogil:
    if f.kernel_height >= 4:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 4, 1, False, True)
    else:
        tile(f, t, workspace, f.kernel_height, f.kernel_width, f.g.step, 1, 2, False, True)


cdef int correlate(const Call* call, tile_function function, const Py_ssize_t block_width) noexcept nogil:
    """Get the workspace and share out the tiles."""
    cdef Filter f
    cdef const FilterGeometry* g = <const FilterGeometry*>call.geometry.data
    cdef Py_ssize_t i, width = g.width * g.step, size = g.workspace * sizeof(float)
    cdef int threads = count_threads(call, g.planes * g.tiles)
    cdef float* workspace
    cdef float* constant
    f.x = <const char*>call.x.data
    f.w = <const float*>call.w.data
    f.y = <char*>call.y.data
    f.mask = <const char*>call.mask.data  # NULL without one
    f.g = g
    f.v = <const FilterValues*>call.values.data
    f.above = <const Py_ssize_t*>call.borders.data
    f.below = f.above + g.above
    f.before = f.below + g.below
    f.after = f.before + g.before
    f.kernel_height = call.w.shape[1]
    f.kernel_width = call.w.shape[2]
    # The staged segments are at least a block wide, lest its last columns be computed for nothing, and so that a block
    # of the middle may read a vector past what it uses.
    f.left = 0 if g.before == 0 else max(g.before, (block_width + g.step - 1) // g.step)
    f.right = 0 if g.after == 0 and LANES <= 8 else max(g.after, (block_width + g.step - 1) // g.step)
    if LANES == 16:  # the middle's last window ends after pixels before the right segment does
        f.right = max(f.right, g.after + (LANES + g.step - 1) // g.step)
    f.chunk = g.chunk
    if f.chunk == 0 and (g.out_width - f.left - f.right) * g.step < block_width:
        f.chunk = g.out_width
    if f.chunk > 0:  # no edges apart, however far the windows reach: the strip has room for chunks alone
        f.left = f.right = 0
    f.chunks = 0 if f.chunk == 0 else (g.out_width + f.chunk - 1) // f.chunk
    f.pitch = (max(f.left, f.right, f.chunk) + f.kernel_width - 1) * g.step + 4 * LANES
    f.pitch += (16 - f.pitch % 16) % 16
    f.mask_offset = f.pitch * (min(g.tile_rows, max(g.out_height, 4)) + f.kernel_height - 1)
    # A constant row, and behind it one of the mask, whose pixels all count.
    workspace = <float*>get_workspace(threads, size, 2 * width * sizeof(float))
    if workspace == NULL:
        return -1
    constant = workspace + threads * g.workspace
    if g.above + g.below:
        for i in range(width):
            constant[i] = f.v.cval
        memset(constant + width, 1, width)
    f.constant = <const char*>constant
    return run_tasks(call, <task_function>function, &f, g.planes * g.tiles, threads, workspace, size, workspace)


cdef public int correlate2d_3x3(Call* call) noexcept nogil:
    return correlate(call, tile_3x3, 2 * LANES)


cdef public int correlate2d_5x5(Call* call) noexcept nogil:
    return correlate(call, tile_5x5, 2 * LANES)


cdef public int correlate2d_7x7(Call* call) noexcept nogil:
    return correlate(call, tile_7x7, 2 * LANES)


cdef public int correlate2d(Call* call) noexcept nogil:
    return correlate(call, tile_any, (2 if call.w.shape[1] >= 4 else 4) * LANES)


cdef public int correlate2d_masked(Call* call) noexcept nogil:
    return correlate(call, tile_masked, (1 if call.w.shape[1] >= 4 else 2) * LANES)
