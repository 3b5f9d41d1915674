# What the order statistics share: the sizes, the source rows of a tile, the columns of the border, threads.
#
# A window is reduced down its columns first, and that does not ask where a column stands. So a border costs no staged
# pixels: rows outside the image are other rows of it (pointers), and columns outside it are other columns of what the
# first step made, copied beside it.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset
from arrays cimport PyArray_DATA, ndarray

from lanes cimport FLOAT32, UINT8, VBYTES
from tasks cimport get_workspace, run_tasks, task_function
from vector cimport LANES, vfloat, vload, vsplat, vstore


# The fields of convlab._geometry.RankGeometry, in its order. Widths are in pixels of `step` elements.
cdef struct Geometry:
    Py_ssize_t planes, height, width, out_height, out_width, step
    Py_ssize_t x_plane, x_row, y_plane, y_row           # in elements
    Py_ssize_t n_above, n_below, n_before, n_after      # rows and columns of the border
    Py_ssize_t window_height, window_width
    Py_ssize_t tiles, tile_rows, tile_columns           # tiles of one plane, output rows and columns of a tile
    Py_ssize_t group_rows                               # output rows made at a time
    Py_ssize_t pitch                                    # bytes of a row in the workspace
    Py_ssize_t workspace                                # bytes of one thread
    Py_ssize_t source, staged                           # dtypes: their places in convlab._geometry.STORED


cdef struct Rank:
    const char* x
    char* y
    const Geometry* g
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # a source row of cval
    Py_ssize_t itemsize, pixel                          # bytes of an element, of a pixel
    bint finite                                         # whether cval is, if it is a float


ctypedef void (*tile_function)(const Rank*, Py_ssize_t, char*) noexcept nogil


cdef inline Py_ssize_t aligned(Py_ssize_t n) noexcept nogil:
    return (n + 63) // 64 * 64


cdef inline char* source_rows(const Rank* f, const char** rows, Py_ssize_t plane, Py_ssize_t first,
                              Py_ssize_t slots, char* spare) noexcept nogil:
    """Where the source rows of a tile lie. Rows narrower than a vector are copied to where they may be read past
    their end: into `spare`, the rest of which is returned."""
    cdef Py_ssize_t s, i, n = f.g.width * f.pixel
    for s in range(slots):
        i = first + s - f.g.n_above
        if i < 0:
            i = f.above[i + f.g.n_above]
        elif i >= f.g.height:
            i = f.below[i - f.g.height]
        if i < 0:
            rows[s] = f.constant
        else:
            rows[s] = f.x + (plane * f.g.x_plane + i * f.g.x_row) * f.itemsize
        if n < VBYTES:
            memset(spare, 0, VBYTES)
            memcpy(spare, rows[s], n)
            rows[s] = spare
            spare += VBYTES
    return spare


ctypedef fused unit:
    uint8_t
    uint16_t
    uint32_t


cdef inline void copy_columns(unit* to, const unit* row, const Py_ssize_t* columns, Py_ssize_t n, const unit* constant,
                              const Py_ssize_t step) noexcept nogil:
    """n pixels of a row, chosen by their numbers, -1 for the constant."""
    cdef Py_ssize_t p, c
    cdef const unit* pixel
    for p in range(n):
        pixel = row + columns[p] * step if columns[p] >= 0 else constant
        for c in range(step):
            to[p * step + c] = pixel[c]


cdef inline void copy_pixels(const Rank* f, char* to, const char* row, const Py_ssize_t* columns,
                             Py_ssize_t n) noexcept nogil:
    if f.itemsize == 4:
        copy_columns(<uint32_t*>to, <const uint32_t*>row, columns, n, <const uint32_t*>f.constant, f.g.step)
    elif f.itemsize == 2:
        copy_columns(<uint16_t*>to, <const uint16_t*>row, columns, n, <const uint16_t*>f.constant, f.g.step)
    elif f.g.step == 1:
        copy_columns(<uint8_t*>to, <const uint8_t*>row, columns, n, <const uint8_t*>f.constant, 1)
    else:
        copy_columns(<uint8_t*>to, <const uint8_t*>row, columns, n, <const uint8_t*>f.constant, f.g.step)


cdef inline void fill_border(const Rank* f, char* row) noexcept nogil:
    """The columns outside the image, beside the row's own, which start at `row`."""
    copy_pixels(f, row - f.g.n_before * f.pixel, row, f.before, f.g.n_before)
    copy_pixels(f, row + f.g.width * f.pixel, row, f.after, f.g.n_after)


cdef inline void strip_of_row(const Rank* f, char* to, const char* row, Py_ssize_t left, Py_ssize_t n) noexcept nogil:
    """n pixels, from pixel `left` on, of a row with its border."""
    cdef Py_ssize_t end = left + n, inside = f.g.n_before, outside = inside + f.g.width, p = max(left, inside)
    if left < inside:
        copy_pixels(f, to, row, f.before + left, min(end, inside) - left)
    if p < min(end, outside):
        memcpy(to + (p - left) * f.pixel, row + (p - inside) * f.pixel, (min(end, outside) - p) * f.pixel)
    if end > outside:
        p = max(left, outside)
        copy_pixels(f, to + (p - left) * f.pixel, row, f.after + p - outside, end - p)


cdef inline bint all_finite(const char* row, Py_ssize_t n) noexcept nogil:
    """Whether n floats, at least a vector, hold neither NaN nor infinity; the last vector lies back."""
    cdef const float* x = <const float*>row
    cdef Py_ssize_t i = 0
    cdef vfloat a = vsplat(0), b = vsplat(0), c = vsplat(0), d = vsplat(0)
    cdef float lanes[16]
    cdef float total = 0
    while i + 4 * LANES <= n:
        a += vload(x + i) * vsplat(0)
        b += vload(x + i + LANES) * vsplat(0)
        c += vload(x + i + 2 * LANES) * vsplat(0)
        d += vload(x + i + 3 * LANES) * vsplat(0)
        i += 4 * LANES
    while i < n:
        a += vload(x + min(i, n - LANES)) * vsplat(0)
        i += LANES
    vstore(lanes, (a + b) + (c + d))
    for i in range(LANES):
        total += lanes[i]
    return total == 0


cdef inline void mark_nan(const Rank* f, const char** rows, char* y, Py_ssize_t left, Py_ssize_t n,
                          char* body) noexcept nogil:
    """Of medians: where a window holds NaN, the result is that, in n columns of a row; `body` is room for a row with
    its border."""
    cdef float* column = <float*>body
    cdef float* result = <float*>y
    cdef const float* row
    cdef Py_ssize_t i, r, j
    for i in range(f.g.width * f.g.step):
        column[i] = 0
    for r in range(f.g.window_height):
        row = <const float*>rows[r]
        for i in range(f.g.width * f.g.step):
            if row[i] != row[i]:
                column[i] = row[i]
    fill_border(f, body)
    column -= f.g.n_before * f.g.step
    for j in range(f.g.window_width):
        for i in range(left * f.g.step, (left + n) * f.g.step):
            if column[i + j * f.g.step] != column[i + j * f.g.step]:
                result[i] = column[i + j * f.g.step]


cdef inline int share_out(tile_function function, ndarray x, ndarray y, ndarray geometry, ndarray borders, ndarray cval,
                          int threads) except -1:
    """Get the workspace and share out the tiles."""
    cdef Rank f
    cdef const Geometry* g = <const Geometry*>PyArray_DATA(geometry)
    cdef Py_ssize_t i, constant_bytes
    cdef char* memory
    cdef char* workspace
    cdef char* constant
    f.g = g
    f.x = <const char*>PyArray_DATA(x)
    f.y = <char*>PyArray_DATA(y)
    f.above = <const Py_ssize_t*>PyArray_DATA(borders)
    f.below = f.above + g.n_above
    f.before = f.below + g.n_below
    f.after = f.before + g.n_before
    f.itemsize = 4 if g.source == FLOAT32 else 1 if g.source == UINT8 else 2
    f.pixel = f.itemsize * g.step
    f.finite = g.source != FLOAT32 or (<const float*>PyArray_DATA(cval))[0] * 0 == 0
    constant_bytes = aligned(g.width * f.pixel)
    threads = <int>max(1, min(threads, g.planes * g.tiles))
    memory = <char*>get_workspace(threads, g.workspace, constant_bytes + 64)
    with nogil:
        workspace = <char*>((<size_t>memory + 63) // 64 * 64)
        constant = workspace + threads * g.workspace
        memcpy(constant, PyArray_DATA(cval), f.itemsize)
        i = f.itemsize
        while i < g.width * f.pixel:  # what there is, once more
            memcpy(constant + i, constant, min(i, g.width * f.pixel - i))
            i *= 2
        f.constant = constant
        run_tasks(<task_function>function, &f, g.planes * g.tiles, threads, workspace, g.workspace, memory)
    return 0
