# What the order statistics share: the sizes, the source rows of a tile, the columns of the border, NaN, threads.
#
# A tile is some rows and columns of the output of one plane. All work of a tile is proportional to it.
#
# A window is reduced down its columns first, and that does not ask where a column stands. So a border costs no staged
# pixels: rows outside the image are other rows of it (pointers), and columns outside it are other columns of what the
# first step made, copied beside it.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from call cimport Call
from geometry cimport FLOAT32, UINT8, RankGeometry
from lanes cimport VBYTES
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, vany_nan, vfloat, vload, vsplat, vstore


cdef struct Rank:
    const char* x
    char* y
    const RankGeometry* g
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # the source row of a tile, of cval
    Py_ssize_t itemsize, pixel                          # bytes of an element, of a pixel
    bint number                                         # whether cval is one: not NaN


ctypedef void (*tile_function)(const Rank*, Py_ssize_t, char*) noexcept nogil


cdef inline Py_ssize_t aligned(Py_ssize_t n) noexcept nogil:
    return (n + 63) // 64 * 64


cdef inline const char* source_row(const Rank* f, Py_ssize_t plane, Py_ssize_t i) noexcept nogil:
    """Row i of a plane, from the first row of the border on."""
    i -= f.g.above
    if i < 0:
        i = f.above[i + f.g.above]
    elif i >= f.g.height:
        i = f.below[i - f.g.height]
    return f.constant if i < 0 else f.x + (plane * f.g.x_plane + i * f.g.x_row) * f.itemsize


cdef inline char* source_rows(const Rank* f, const char** rows, Py_ssize_t plane, Py_ssize_t first,
                              Py_ssize_t slots, char* spare) noexcept nogil:
    """Find the source rows of a tile. Rows narrower than a vector are copied to where they may be read past
    their end: into `spare`, the rest of which is returned."""
    cdef Py_ssize_t s, n = f.g.width * f.pixel
    for s in range(slots):
        rows[s] = source_row(f, plane, first + s)
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
    copy_pixels(f, row - f.g.before * f.pixel, row, f.before, f.g.before)
    copy_pixels(f, row + f.g.width * f.pixel, row, f.after, f.g.after)


cdef inline void strip_of_row(const Rank* f, char* to, const char* row, Py_ssize_t left, Py_ssize_t n) noexcept nogil:
    """n pixels, from pixel `left` on, of a row with its border."""
    cdef Py_ssize_t end = left + n, inside = f.g.before, outside = inside + f.g.width, p = max(left, inside)
    if row == f.constant:
        memcpy(to, row, n * f.pixel)
        return
    if left < inside:
        copy_pixels(f, to, row, f.before + left, min(end, inside) - left)
    if p < min(end, outside):
        memcpy(to + (p - left) * f.pixel, row + (p - inside) * f.pixel, (min(end, outside) - p) * f.pixel)
    if end > outside:
        p = max(left, outside)
        copy_pixels(f, to + (p - left) * f.pixel, row, f.after + p - outside, end - p)


# The tile as an image of its own: its rows, and no border beside them unless it is as wide as the image.
cdef struct Tile:
    Rank f
    RankGeometry g
    const char** rows       # the source rows of the windows, each at least a vector long
    Py_ssize_t n_rows       # of the output
    char* y                 # its first pixel
    char* room              # the rest of the workspace


cdef inline void open_tile(const Rank* f, Py_ssize_t t, char* workspace, Tile* tile) noexcept nogil:
    """Find the rows of a tile. Those that reach the image's sides are copied with their border."""
    cdef Py_ssize_t across = (f.g.out_width + f.g.tile_columns - 1) // f.g.tile_columns
    cdef Py_ssize_t plane = t // f.g.tiles, part = t % f.g.tiles
    cdef Py_ssize_t first = part // across * f.g.tile_rows, left = part % across * f.g.tile_columns, slots, n, r
    cdef const char* row
    cdef bint inside
    tile.f = f[0]
    tile.g = f.g[0]
    tile.f.g = &tile.g
    tile.n_rows = min(f.g.tile_rows, f.g.out_height - first)
    slots = tile.n_rows + f.g.window_height - 1
    tile.rows = <const char**>workspace
    tile.room = workspace + aligned(slots * sizeof(char*))
    tile.y = f.y + (plane * f.g.y_plane + first * f.g.y_row + left * f.g.step) * f.itemsize
    if across == 1:
        tile.room = source_rows(f, tile.rows, plane, first, slots, tile.room)
        return
    tile.g.out_width = min(f.g.tile_columns, f.g.out_width - left)
    tile.g.width = tile.g.out_width + f.g.window_width - 1
    tile.g.before = tile.g.after = 0
    n = tile.g.width * f.pixel
    inside = left >= f.g.before and left + tile.g.width <= f.g.before + f.g.width and n >= VBYTES
    for r in range(slots):
        row = source_row(f, plane, first + r)
        if inside and row != f.constant:
            tile.rows[r] = row + (left - f.g.before) * f.pixel
        else:
            if n < VBYTES:
                memset(tile.room, 0, VBYTES)
            strip_of_row(f, tile.room, row, left, tile.g.width)
            tile.rows[r] = tile.room
            tile.room += aligned(n)


cdef inline bint has_nan(const char* row, Py_ssize_t n) noexcept nogil:
    """Whether one of n floats, at least a vector, is NaN; the last vector overlaps its neighbour."""
    cdef const float* x = <const float*>row
    cdef Py_ssize_t i = 0
    cdef vfloat a = vsplat(0), b = vsplat(0), c = vsplat(0), d = vsplat(0)
    # Products with 0 are NaN where a float is, or infinite, which is looked at again.
    while i + 4 * LANES <= n:
        a += vload(x + i) * vsplat(0)
        b += vload(x + i + LANES) * vsplat(0)
        c += vload(x + i + 2 * LANES) * vsplat(0)
        d += vload(x + i + 3 * LANES) * vsplat(0)
        i += 4 * LANES
    while i < n:
        a += vload(x + min(i, n - LANES)) * vsplat(0)
        i += LANES
    if not vany_nan((a + b) + (c + d)):
        return False
    i = 0
    while i < n:
        if vany_nan(vload(x + min(i, n - LANES))):
            return True
        i += LANES
    return False


cdef inline bint any_row_has_nan(const char** rows, Py_ssize_t slots, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(slots):
        if has_nan(rows[r], n):
            return True
    return False


cdef inline void mark_nan(const Rank* f, const char** rows, Py_ssize_t left, Py_ssize_t n_rows, Py_ssize_t n_out,
                          char* y, char* room) noexcept nogil:
    """Of medians: write NaN where a window holds it, in n_out columns of n_rows output rows. `room` is for a row with
    its border, twice."""
    cdef Py_ssize_t n = n_out + f.g.window_width - 1, step = f.g.step, s, r, c, p, seen
    cdef int* lowest = <int*>room       # of each column, the last row with NaN so far, from 1
    cdef float* row = <float*>(room + aligned(4 * n * step))
    cdef float* result
    cdef float nan = 0
    cdef uint32_t quiet = 0x7fc00000
    memcpy(&nan, &quiet, 4)
    memset(lowest, 0, 4 * n * step)
    for s in range(n_rows + f.g.window_height - 1):
        strip_of_row(f, <char*>row, rows[s], left, n)
        for p in range(n * step):
            if row[p] != row[p]:
                lowest[p] = <int>s + 1
        r = s - (f.g.window_height - 1)
        if r < 0:
            continue
        result = <float*>y + r * f.g.y_row
        for c in range(step):
            seen = -f.g.window_width
            for p in range(n):
                if lowest[p * step + c] > r:
                    seen = p
                if p - seen < f.g.window_width and p >= f.g.window_width - 1:
                    result[(p - f.g.window_width + 1) * step + c] = nan


cdef inline int share_out(const Call* call, tile_function function) noexcept nogil:
    """Get the workspace and share out the tiles."""
    cdef Rank f
    cdef const RankGeometry* g = <const RankGeometry*>call.geometry.data
    cdef Py_ssize_t i, row_bytes, constant_bytes
    cdef int threads = count_threads(call, g.planes * g.tiles)
    cdef char* memory
    cdef char* workspace
    cdef char* constant
    f.g = g
    f.x = <const char*>call.x.data
    f.y = <char*>call.y.data
    f.above = <const Py_ssize_t*>call.borders.data
    f.below = f.above + g.above
    f.before = f.below + g.below
    f.after = f.before + g.before
    f.itemsize = 4 if g.source == FLOAT32 else 1 if g.source == UINT8 else 2
    f.pixel = f.itemsize * g.step
    f.number = g.source != FLOAT32 or (<const float*>call.cval.data)[0] == (<const float*>call.cval.data)[0]
    row_bytes = (g.tile_columns + g.window_width - 1) * f.pixel
    constant_bytes = aligned(row_bytes)
    memory = <char*>get_workspace(threads, g.workspace, constant_bytes + 64)
    if memory == NULL:
        return -1
    workspace = <char*>((<size_t>memory + 63) // 64 * 64)
    constant = workspace + threads * g.workspace
    memcpy(constant, call.cval.data, f.itemsize)
    i = f.itemsize
    while i < row_bytes:  # what there is, once more
        memcpy(constant + i, constant, min(i, row_bytes - i))
        i *= 2
    f.constant = constant
    return run_tasks(call, <task_function>function, &f, g.planes * g.tiles, threads, workspace, g.workspace, memory)
