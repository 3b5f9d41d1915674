"""Median of the window around each pixel: of n pixels the one of rank n // 2.

3 x 3 and 5 x 5. The columns of a row of windows are sorted once, and neighbouring windows share them. Of three sorted
columns the median is that of the largest low, the median middle and the smallest high: all in registers (rank3x3.pxd).
Of five, kept in rows of the workspace, neighbours are merged in pairs, which are shared too: a window is two pairs and
the column between them. Batcher's odd-even merges do it, as far as they reach the median: the compiler drops what does
not.

Other sizes. A tile is staged with its border, so that a window is whole vectors wherever it stands. The median is
found bit by bit, from the highest: as large as it can be with n - n // 2 pixels not below it. 8-bit pixels of large
windows are staged with 16 bits, or the lanes could not count them; and those of windows of 65536 and more as floats.

Floats are ordered as if there were no NaN. Where a window holds one, the result is replaced by it.
"""

from call cimport Call
from geometry cimport FLOAT32, INT16, UINT16, UINT8
from lanes cimport VBYTES, raw_count, raw_if_enough, raw_load, raw_store, raw_value
from lanes cimport raw_with_bit, raw_zero, vraw
from libc.stdint cimport int16_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset
from rank cimport Rank, Tile, aligned, any_row_has_nan, fill_border, has_nan, mark_nan, open_tile, share_out
from rank cimport source_rows, strip_of_row
from rank3x3 cimport MEDIAN, edges, hi, lo, two_rows, wide, windows


cdef inline void order(vraw* v, const int i, const int j, const int kind) noexcept nogil:
    cdef vraw smaller = lo(v[i], v[j], kind)
    v[j] = hi(v[i], v[j], kind)
    v[i] = smaller


cdef inline void sort_columns(const char** rows, char* to, Py_ssize_t pitch, Py_ssize_t n,
                              const int kind) noexcept nogil:
    """n bytes of each of five rows, sorted down the columns into rows of the workspace."""
    cdef vraw v[5]
    cdef Py_ssize_t x = 0
    cdef int r
    while True:
        for r in range(5):
            v[r] = raw_load(rows[r] + x)
        order(v, 0, 3, kind)
        order(v, 1, 4, kind)
        order(v, 0, 2, kind)
        order(v, 1, 3, kind)
        order(v, 0, 1, kind)
        order(v, 2, 4, kind)
        order(v, 1, 2, kind)
        order(v, 3, 4, kind)
        order(v, 2, 3, kind)
        for r in range(5):
            raw_store(to + r * pitch + x, v[r])
        x += VBYTES
        if x >= n:
            break
        x = min(x, n - VBYTES)


cdef inline void merge_pairs(const char* columns, Py_ssize_t pitch, char* pairs, Py_ssize_t pair_pitch, Py_ssize_t n,
                             Py_ssize_t pixel, const int kind) noexcept nogil:
    """Each sorted column with its right neighbour: ten sorted rows."""
    cdef vraw v[10]
    cdef Py_ssize_t x = 0
    cdef int r
    while x < n:
        for r in range(5):
            v[r] = raw_load(columns + r * pitch + x)
            v[5 + r] = raw_load(columns + r * pitch + x + pixel)
        order(v, 0, 5, kind)
        order(v, 4, 9, kind)
        order(v, 5, 4, kind)
        order(v, 2, 7, kind)
        order(v, 5, 2, kind)
        order(v, 4, 7, kind)
        order(v, 1, 6, kind)
        order(v, 3, 8, kind)
        order(v, 6, 3, kind)
        order(v, 5, 1, kind)
        order(v, 2, 6, kind)
        order(v, 4, 3, kind)
        order(v, 7, 8, kind)
        raw_store(pairs + x, v[0])
        raw_store(pairs + pair_pitch + x, v[5])
        raw_store(pairs + 2 * pair_pitch + x, v[1])
        raw_store(pairs + 3 * pair_pitch + x, v[2])
        raw_store(pairs + 4 * pair_pitch + x, v[6])
        raw_store(pairs + 5 * pair_pitch + x, v[4])
        raw_store(pairs + 6 * pair_pitch + x, v[3])
        raw_store(pairs + 7 * pair_pitch + x, v[7])
        raw_store(pairs + 8 * pair_pitch + x, v[8])
        raw_store(pairs + 9 * pair_pitch + x, v[9])
        x += VBYTES


cdef inline vraw median25(const char* columns, Py_ssize_t pitch, const char* pairs, Py_ssize_t pair_pitch,
                          Py_ssize_t pixel, const int kind) noexcept nogil:
    """Of a sorted pair, a column and another pair. Ranks 7 to 12 of the pairs' twenty, from 0, merged as Batcher does;
    with each, in turn, the column's elements that it takes to make it the 13th of all: the least of the larger."""
    cdef vraw a[10]
    cdef vraw b[10]
    cdef vraw c[5]
    cdef vraw even4, even5, even6, odd4, odd5, low, high, p, q, s, t, u, w, x, z
    cdef int r
    for r in range(10):
        a[r] = raw_load(pairs + r * pair_pitch)
        b[r] = raw_load(pairs + r * pair_pitch + 3 * pixel)
    for r in range(5):
        c[r] = raw_load(columns + r * pitch + 2 * pixel)
    # Even places of the pairs: ranks 4, 5 and 6 of those ten, from two merges of their own.
    low = hi(a[0], b[0], kind)
    high = lo(a[8], b[8], kind)
    p = hi(lo(low, high, kind), lo(a[4], b[4], kind), kind)
    q = lo(hi(low, high, kind), hi(a[4], b[4], kind), kind)
    low = hi(a[2], b[2], kind)
    high = lo(a[6], b[6], kind)
    s = lo(low, high, kind)
    t = hi(low, high, kind)
    even4 = hi(p, s, kind)
    even5 = lo(q, t, kind)
    even6 = hi(q, t, kind)
    # Odd places: ranks 3, 4 and 5.
    low = hi(a[1], b[1], kind)
    high = lo(a[9], b[9], kind)
    p = hi(lo(low, high, kind), lo(a[5], b[5], kind), kind)
    q = lo(hi(low, high, kind), hi(a[5], b[5], kind), kind)
    low = hi(a[3], b[3], kind)
    high = lo(a[7], b[7], kind)
    s = lo(low, high, kind)
    t = hi(low, high, kind)
    u = lo(p, s, kind)
    odd4 = hi(p, s, kind)
    odd5 = lo(q, t, kind)
    # Ranks 7 to 12 of all, each with the column's element that completes it.
    w = hi(lo(even4, u, kind), c[4], kind)
    w = lo(w, hi(hi(even4, u, kind), c[3], kind), kind)
    x = lo(even5, odd4, kind)
    z = hi(even5, odd4, kind)
    w = lo(w, hi(x, c[2], kind), kind)
    w = lo(w, hi(z, c[1], kind), kind)
    w = lo(w, hi(lo(even6, odd5, kind), c[0], kind), kind)
    return lo(w, hi(even6, odd5, kind), kind)


cdef inline void row_5x5(const char* columns, Py_ssize_t pitch, char* pairs, char* y, Py_ssize_t n, Py_ssize_t pixel,
                         const int kind) noexcept nogil:
    """n bytes of a row of medians; pairs of some columns at a time, which the first cache holds."""
    cdef char vector[64]
    cdef Py_ssize_t some = 16 * VBYTES, pair_pitch = aligned(some + VBYTES + 3 * pixel), x = 0, end, i
    if n < VBYTES:
        merge_pairs(columns, pitch, pairs, pair_pitch, n + 3 * pixel, pixel, kind)
        raw_store(vector, median25(columns, pitch, pairs, pair_pitch, pixel, kind))
        memcpy(y, vector, n)
        return
    while x < n:
        x = min(x, n - VBYTES)
        end = min(x + some, n)
        merge_pairs(columns + x, pitch, pairs, pair_pitch, end - x + 3 * pixel, pixel, kind)
        i = x
        while i < end:
            i = min(i, end - VBYTES)
            raw_store(y + i, median25(columns + i, pitch, pairs + i - x, pair_pitch, pixel, kind))
            i += VBYTES
        x = end


cdef inline void tile_3x3_of(const Rank* image, Py_ssize_t t, char* workspace, const int kind) noexcept nogil:
    cdef Tile tile
    cdef const Rank* f = &tile.f
    cdef Py_ssize_t i, n, pitch
    # After the source rows: rows of a narrow image or edges; of an image with NaN, a row with its border, twice.
    cdef char* room
    open_tile(image, t, workspace, &tile)
    n, pitch, room = max(f.g.width * f.pixel, VBYTES), f.g.y_row * f.itemsize, tile.room
    if wide(f):
        edges(f, tile.rows, tile.y, tile.n_rows, room, MEDIAN, kind)
        i = 0
        while i < tile.n_rows:
            two_rows(f, tile.rows + i, tile.n_rows - i, tile.y + i * pitch, MEDIAN, kind)
            i += 2
    else:
        for i in range(tile.n_rows + 2):
            strip_of_row(f, room + i * f.g.pitch, tile.rows[i], 0, f.g.before + f.g.width + f.g.after)
        for i in range(tile.n_rows):
            windows(room + i * f.g.pitch, room + (i + 1) * f.g.pitch, room + (i + 2) * f.g.pitch, f.pixel,
                    tile.y + i * pitch, f.g.out_width * f.pixel, MEDIAN, kind)
    if kind == FLOAT32 and (not f.number or any_row_has_nan(tile.rows, tile.n_rows + 2, n // 4)):
        mark_nan(f, tile.rows, 0, tile.n_rows, f.g.out_width, tile.y, room)


cdef void tile_3x3(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    if f.g.source == FLOAT32:
        tile_3x3_of(f, t, workspace, FLOAT32)
    elif f.g.source == UINT8:
        tile_3x3_of(f, t, workspace, UINT8)
    elif f.g.source == INT16:
        tile_3x3_of(f, t, workspace, INT16)
    else:
        tile_3x3_of(f, t, workspace, UINT16)


cdef inline void tile_5x5_of(const Rank* image, Py_ssize_t t, char* workspace, const int kind) noexcept nogil:
    cdef Tile tile
    cdef const Rank* f = &tile.f
    cdef Py_ssize_t i, r, n, pixel, pitch
    # After the source rows: sorted columns with their border, pairs; of an image with NaN, a row with its border,
    # twice.
    cdef char* body
    open_tile(image, t, workspace, &tile)
    n, pixel, pitch = max(f.g.width * f.pixel, VBYTES), f.pixel, f.g.pitch
    body = tile.room + aligned(f.g.before * pixel)
    for i in range(tile.n_rows):
        sort_columns(tile.rows + i, body, pitch, n, kind)
        for r in range(5):
            fill_border(f, body + r * pitch)
        row_5x5(body - f.g.before * pixel, pitch, body + 5 * pitch, tile.y + i * f.g.y_row * f.itemsize,
                f.g.out_width * pixel, pixel, kind)
    if kind == FLOAT32 and (not f.number or any_row_has_nan(tile.rows, tile.n_rows + 4, n // 4)):
        mark_nan(f, tile.rows, 0, tile.n_rows, f.g.out_width, tile.y, tile.room)


cdef void tile_5x5(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    if f.g.source == FLOAT32:
        tile_5x5_of(f, t, workspace, FLOAT32)
    elif f.g.source == UINT8:
        tile_5x5_of(f, t, workspace, UINT8)
    elif f.g.source == INT16:
        tile_5x5_of(f, t, workspace, INT16)
    else:
        tile_5x5_of(f, t, workspace, UINT16)


ctypedef fused stored:
    float
    uint8_t
    uint16_t


cdef inline void stage_as(stored* to, const char* row, Py_ssize_t source, Py_ssize_t n) noexcept nogil:
    """n elements, converted; signed ones with 16 bits are staged unsigned, in the same order."""
    cdef Py_ssize_t i
    if source == FLOAT32:
        for i in range(n):
            to[i] = <stored>(<const float*>row)[i]
    elif source == UINT8:
        for i in range(n):
            to[i] = (<const uint8_t*>row)[i]
    elif source == UINT16:
        for i in range(n):
            to[i] = <stored>(<const uint16_t*>row)[i]
    else:
        for i in range(n):
            to[i] = <stored>((<const int16_t*>row)[i] + 32768)


cdef void stage(const Rank* f, char* to, const char* row, Py_ssize_t n) noexcept nogil:
    if f.g.staged == FLOAT32:
        stage_as(<float*>to, row, f.g.source, n)
    elif f.g.staged == UINT8:
        stage_as(<uint8_t*>to, row, f.g.source, n)
    else:
        stage_as(<uint16_t*>to, row, f.g.source, n)


cdef inline void unstage_from(const Rank* f, char* y, stored* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if f.g.source == FLOAT32:
        for i in range(n):
            (<float*>y)[i] = row[i]
    elif f.g.source == UINT8:
        for i in range(n):
            (<uint8_t*>y)[i] = <uint8_t>row[i]
    elif f.g.source == UINT16:
        for i in range(n):
            (<uint16_t*>y)[i] = <uint16_t>row[i]
    else:
        for i in range(n):
            (<int16_t*>y)[i] = <int16_t>(<int>row[i] - 32768)


cdef void unstage(const Rank* f, char* y, char* row, Py_ssize_t n) noexcept nogil:
    if f.g.staged == FLOAT32:
        unstage_from(f, y, <float*>row, n)
    elif f.g.staged == UINT8:
        unstage_from(f, y, <uint8_t*>row, n)
    else:
        unstage_from(f, y, <uint16_t*>row, n)


cdef inline void bisect(const Rank* f, const char* strip, char* to, Py_ssize_t n, Py_ssize_t pixel, int bits,
                        const int kind) noexcept nogil:
    """n bytes of a row of medians, as they were staged."""
    cdef Py_ssize_t x = 0, r, _, k = f.g.window_width, area = f.g.window_height * k
    cdef const char* p
    cdef vraw key, candidate, t, count
    cdef int bit
    while x < n:
        key = raw_zero()
        for bit in range(bits - 1, -1, -1):
            candidate = raw_with_bit(key, bit, kind)
            t = raw_value(candidate, kind)
            count = raw_zero()
            for r in range(f.g.window_height):
                p = strip + r * f.g.pitch + x
                for _ in range(k):
                    count = raw_count(count, raw_load(p), t, kind)
                    p += pixel
            key = raw_if_enough(count, <unsigned int>(area - area // 2), candidate, key, kind)
        raw_store(to + x, raw_value(key, kind))
        x += VBYTES


cdef void tile_bisected(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    cdef Py_ssize_t across = (f.g.out_width + f.g.tile_columns - 1) // f.g.tile_columns, step = f.g.step
    cdef Py_ssize_t plane = t // f.g.tiles, part = t % f.g.tiles
    cdef Py_ssize_t first = part // across * f.g.tile_rows, n_rows = min(f.g.tile_rows, f.g.out_height - first)
    cdef Py_ssize_t left = part % across * f.g.tile_columns, n_out = min(f.g.tile_columns, f.g.out_width - left)
    cdef Py_ssize_t slots = n_rows + f.g.window_height - 1, n = n_out + f.g.window_width - 1, r
    cdef Py_ssize_t size = 4 if f.g.staged == FLOAT32 else 1 if f.g.staged == UINT8 else 2, pixel = size * step
    cdef int bits = 8 if f.g.source == UINT8 and f.g.staged != FLOAT32 else <int>(8 * size)
    cdef bint nan = not f.number
    # The workspace: a pointer to each source row, narrow rows, the packed rows, a result as packed, a source row; of
    # an image with NaN, a row twice.
    cdef const char** rows = <const char**>workspace
    cdef char* strip = source_rows(f, rows, plane, first, slots, workspace + aligned(slots * sizeof(char*)))
    cdef char* result = strip + slots * f.g.pitch
    cdef char* row = result + f.g.pitch
    cdef char* y = f.y + (plane * f.g.y_plane + first * f.g.y_row + left * step) * f.itemsize
    for r in range(slots):
        strip_of_row(f, row, rows[r], left, n)
        stage(f, strip + r * f.g.pitch, row, n * step)
        if f.g.source == FLOAT32 and not nan:
            memset(row + n * f.pixel, 0, VBYTES)
            nan = has_nan(row, max(n * step, VBYTES // 4))
    for r in range(n_rows):
        if f.g.staged == FLOAT32:
            bisect(f, strip + r * f.g.pitch, result, n_out * pixel, pixel, bits, FLOAT32)
        elif f.g.staged == UINT8:
            bisect(f, strip + r * f.g.pitch, result, n_out * pixel, pixel, bits, UINT8)
        else:
            bisect(f, strip + r * f.g.pitch, result, n_out * pixel, pixel, bits, UINT16)
        unstage(f, y + r * f.g.y_row * f.itemsize, result, n_out * step)
    if f.g.source == FLOAT32 and nan:
        mark_nan(f, rows, left, n_rows, n_out, y, row)


cdef public int median2d_3x3(Call* call) noexcept nogil:
    return share_out(call, tile_3x3)


cdef public int median2d_5x5(Call* call) noexcept nogil:
    return share_out(call, tile_5x5)


cdef public int median2d(Call* call) noexcept nogil:
    return share_out(call, tile_bisected)
