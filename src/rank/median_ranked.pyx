"""Median of windows of any size, at a cost that grows with the window's shorter side.

The pixels of a tile with its halo are sorted, and each gets its rank: no two are equal. A window is a set of ranks, one
bit each. It slides along its longer side, back and forth over the tile: the pixels of one line leave it and those of
another enter it, and the median moves by a few words of the set, if at all.

A tile is packed so that what enters or leaves at once is contiguous: in lines across the direction of sliding. Channels
are filtered one after another. Floats are sorted as integers in the same order, NaN beyond all others; where a window
holds NaN, the result is replaced by it.
"""

from bits cimport bits_set, lowest_bit
from call cimport Call
from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from geometry cimport FLOAT32, UINT16, UINT8
from rank cimport Rank, aligned, mark_nan, share_out, source_rows, strip_of_row


cdef enum:
    DIGIT = 11              # bits that a pass of the sort looks at
    BUCKETS = 1 << DIGIT
    NAN_KEY = 0xffffffff


# The tile's pixels in one channel, and the window over them. Lines run across the direction in which it slides.
cdef struct Window:
    uint64_t* pixels        # in order: the key above, the place below
    uint64_t* other         # as much again, for the sort; then ranks
    uint32_t* ranks         # of each place
    uint64_t* bits
    uint32_t* counts        # of the sort's buckets
    Py_ssize_t lines, line  # of the tile with its halo: lines, pixels of a line
    Py_ssize_t k_lines, k_line          # of the window
    Py_ssize_t word         # of the set, where the last median stood
    Py_ssize_t below        # pixels of the window in the words below


cdef inline uint32_t key_of(const char* row, Py_ssize_t i, Py_ssize_t source) noexcept nogil:
    """A number that orders as the pixel does; -0 as 0."""
    cdef uint32_t key
    cdef float x
    if source == FLOAT32:
        x = (<const float*>row)[i] + 0
        memcpy(&key, &x, 4)
        if x != x:
            return NAN_KEY
        return ~key if key >> 31 else key | <uint32_t>0x80000000
    if source == UINT8:
        return (<const uint8_t*>row)[i]
    if source == UINT16:
        return (<const uint16_t*>row)[i]
    return <uint32_t>((<const int16_t*>row)[i] + 32768)


cdef inline void put_key(char* y, Py_ssize_t i, uint32_t key, Py_ssize_t source) noexcept nogil:
    if source == FLOAT32:
        key = key & 0x7fffffff if key >> 31 else ~key
        memcpy(y + 4 * i, &key, 4)
    elif source == UINT8:
        (<uint8_t*>y)[i] = <uint8_t>key
    elif source == UINT16:
        (<uint16_t*>y)[i] = <uint16_t>key
    else:
        (<int16_t*>y)[i] = <int16_t>(<int>key - 32768)


cdef void rank_pixels(Window* w, Py_ssize_t n, int key_bits) noexcept nogil:
    """Sort n pixels by their keys, digit by digit from the lowest, and note the rank of each place."""
    cdef int shift = 32
    cdef Py_ssize_t i
    cdef uint32_t total, count
    cdef uint64_t pixel
    while shift < 32 + key_bits:
        memset(w.counts, 0, BUCKETS * sizeof(uint32_t))
        for i in range(n):
            w.counts[(w.pixels[i] >> shift) & (BUCKETS - 1)] += 1
        total = 0
        for i in range(BUCKETS):
            count = w.counts[i]
            w.counts[i] = total
            total += count
        for i in range(n):
            pixel = w.pixels[i]
            count = w.counts[(pixel >> shift) & (BUCKETS - 1)]
            w.counts[(pixel >> shift) & (BUCKETS - 1)] = count + 1
            w.other[count] = pixel
        w.pixels, w.other = w.other, w.pixels
        shift += DIGIT
    w.ranks = <uint32_t*>w.other
    for i in range(n):
        w.ranks[<uint32_t>w.pixels[i]] = <uint32_t>i


cdef inline Py_ssize_t flip(Window* w, const uint32_t* ranks, Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    """n pixels enter the window, or leave it; how many of them are in the words below the last median's."""
    # In registers: stores into the set might be of w's own fields, for all that the compiler knows.
    cdef uint64_t* bits = w.bits
    cdef uint32_t first = <uint32_t>(w.word * 64), rank
    cdef Py_ssize_t i, below = 0
    for i in range(n):
        rank = ranks[i * step]
        bits[rank >> 6] ^= <uint64_t>1 << (rank & 63)
        below += rank < first
    return below


cdef inline void insert(Window* w, Py_ssize_t place, Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    w.below += flip(w, w.ranks + place, n, step)


cdef inline void delete(Window* w, Py_ssize_t place, Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    w.below -= flip(w, w.ranks + place, n, step)


cdef inline uint32_t find_median(Window* w) noexcept nogil:
    """The key of the pixel that has half of the window's below it."""
    cdef Py_ssize_t wanted = w.k_lines * w.k_line // 2, below = w.below, word = w.word, n
    cdef uint64_t bits
    while below > wanted:
        word -= 1
        below -= bits_set(w.bits[word])
    while True:
        n = bits_set(w.bits[word])
        if below + n > wanted:
            break
        below += n
        word += 1
    w.below, w.word = below, word
    bits = w.bits[word]
    for n in range(wanted - below):  # no-cython-lint
        bits &= bits - 1
    return <uint32_t>(w.pixels[word * 64 + lowest_bit(bits)] >> 32)


cdef void slide(const Rank* f, Window* w, char* y, Py_ssize_t y_line, Py_ssize_t y_column) noexcept nogil:
    """The medians of a tile, back and forth; y's strides in elements."""
    cdef Py_ssize_t n_lines = w.lines - w.k_lines + 1, columns = w.line - w.k_line + 1, i, j, line = 0
    memset(w.bits, 0, (w.lines * w.line + 63) // 64 * sizeof(uint64_t))
    w.word = w.below = 0
    for i in range(w.k_lines):
        insert(w, i * w.line, w.k_line, 1)
    for j in range(columns):
        put_key(y, line * y_line + j * y_column, find_median(w), f.g.source)
        for i in range(1, n_lines):  # no-cython-lint
            if j % 2 == 0:
                delete(w, line * w.line + j, w.k_line, 1)
                insert(w, (line + w.k_lines) * w.line + j, w.k_line, 1)
                line += 1
            else:
                line -= 1
                delete(w, (line + w.k_lines) * w.line + j, w.k_line, 1)
                insert(w, line * w.line + j, w.k_line, 1)
            put_key(y, line * y_line + j * y_column, find_median(w), f.g.source)
        if j + 1 < columns:
            delete(w, line * w.line + j, w.k_lines, w.line)
            insert(w, line * w.line + j + w.k_line, w.k_lines, w.line)


cdef void tile(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    cdef Py_ssize_t across = (f.g.out_width + f.g.tile_columns - 1) // f.g.tile_columns, step = f.g.step
    cdef Py_ssize_t plane = t // f.g.tiles, part = t % f.g.tiles
    cdef Py_ssize_t first = part // across * f.g.tile_rows, n_rows = min(f.g.tile_rows, f.g.out_height - first)
    cdef Py_ssize_t left = part % across * f.g.tile_columns, n_out = min(f.g.tile_columns, f.g.out_width - left)
    cdef Py_ssize_t slots = n_rows + f.g.window_height - 1, n = n_out + f.g.window_width - 1, r, p, c, place
    cdef Py_ssize_t most = (f.g.tile_rows + f.g.window_height - 1) * (f.g.tile_columns + f.g.window_width - 1)
    cdef int key_bits = 32 if f.g.source == FLOAT32 else 8 if f.g.source == UINT8 else 16
    cdef bint nan = False
    cdef uint32_t key
    cdef Window w
    # The workspace: a pointer to each source row, narrow rows, counts of the sort, the set, the pixels twice, a source
    # row; of an image with NaN, a row twice.
    cdef const char** rows = <const char**>workspace
    cdef char* room = source_rows(f, rows, plane, first, slots, workspace + aligned(slots * sizeof(char*)))
    cdef char* y = f.y + (plane * f.g.y_plane + first * f.g.y_row + left * step) * f.itemsize
    w.counts = <uint32_t*>room
    w.bits = <uint64_t*>(room + BUCKETS * sizeof(uint32_t))
    w.pixels = w.bits + aligned(most) // 64
    w.other = w.pixels + most
    room = <char*>(w.other + most)
    w.lines, w.line = slots, n
    w.k_lines, w.k_line = f.g.window_height, f.g.window_width
    if f.g.along:
        w.lines, w.line = n, slots
        w.k_lines, w.k_line = f.g.window_width, f.g.window_height
    for c in range(step):
        for r in range(slots):
            strip_of_row(f, room, rows[r], left, n)
            for p in range(n):
                key = key_of(room, p * step + c, f.g.source)
                place = p * slots + r if f.g.along else r * n + p
                w.pixels[place] = <uint64_t>key << 32 | <uint64_t>place
                if f.g.source == FLOAT32 and key == NAN_KEY:
                    nan = True
        rank_pixels(&w, slots * n, key_bits)
        if f.g.along:
            slide(f, &w, y + c * f.itemsize, step, f.g.y_row)
        else:
            slide(f, &w, y + c * f.itemsize, f.g.y_row, step)
    if nan:
        mark_nan(f, rows, left, n_rows, n_out, y, room)


cdef public int median2d_ranked(Call* call) noexcept nogil:
    return share_out(call, tile)
