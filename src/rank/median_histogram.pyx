"""Median of 8-bit pixels over the window around each, at a cost that hardly depends on the window.

Perreault and Hebert's scheme. Every column of a strip has a histogram of the window's rows, and from one row of the
result to the next a pixel enters it and one leaves. Along a row the window's histogram is the sum of its columns':
a column enters and one leaves. Histograms have two levels, 16 coarse bins and 16 fine ones in each, so that a level is
one vector; and they are cumulative, which a sum of columns stays: a comparison with the rank finds the bin.

The coarse level follows every pixel. Of the fine level a window has only what some median fell into: one of 16
parts, which catches up with the window, or is summed anew where that is shorter.

Columns outside the image are columns of the strip like others. Counters of a column have 8 bits and those of a window
16, which bounds the window.
"""

from call cimport Call
from histogram cimport BINS, add_column, bin_of, counts_at, delete_pixel, insert_pixel, keep_counts
from histogram cimport subtract_column, vcounts
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset
from rank cimport Rank, aligned, share_out, source_rows, strip_of_row


cdef struct Strip:
    uint8_t* coarse         # BINS counters of each element of the strip's rows
    uint8_t* fine           # the same for each coarse bin: `part` counters after those of the bin before
    Py_ssize_t part
    uint8_t* bins           # of a row of medians, the coarse bins
    uint16_t* ranks         # and how many pixels of those bins stand before the medians


cdef inline void enter(const Strip* s, const uint8_t* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t e
    for e in range(n):
        insert_pixel(s.coarse + e * BINS, row[e] >> 4)
        insert_pixel(s.fine + (row[e] >> 4) * s.part + e * BINS, row[e] & 15)


cdef inline void leave(const Strip* s, const uint8_t* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t e
    for e in range(n):
        delete_pixel(s.coarse + e * BINS, row[e] >> 4)
        delete_pixel(s.fine + (row[e] >> 4) * s.part + e * BINS, row[e] & 15)


cdef inline vcounts sum_of(const uint8_t* column, Py_ssize_t k, Py_ssize_t step) noexcept nogil:
    """k columns."""
    cdef uint16_t none[16]
    cdef vcounts total
    cdef Py_ssize_t j
    memset(none, 0, sizeof(none))
    total = counts_at(none)
    for j in range(k):
        total = add_column(total, column + j * step)
    return total


cdef inline void find_coarse(const Strip* s, const uint8_t* column, Py_ssize_t n, Py_ssize_t k, Py_ssize_t step,
                             unsigned int rank) noexcept nogil:
    """The bins of n medians from a column on; step in bytes."""
    cdef uint16_t counters[17]
    cdef vcounts window = sum_of(column, k - 1, step)
    cdef Py_ssize_t i
    cdef int b
    counters[0] = 0
    for i in range(n):
        window = add_column(window, column + (k - 1) * step)
        b = bin_of(window, rank)
        keep_counts(counters + 1, window)
        s.bins[i] = <uint8_t>b
        s.ranks[i] = <uint16_t>(rank - counters[b])
        window = subtract_column(window, column)
        column += step


cdef inline void find_fine(const Strip* s, Py_ssize_t start, uint8_t* y, Py_ssize_t n, Py_ssize_t k,
                           Py_ssize_t step) noexcept nogil:
    """The n medians of which find_coarse found the bins."""
    cdef uint16_t kept[256]         # of each bin, the part's counters of the last window that wanted it
    cdef Py_ssize_t place[16]       # and that window's place
    cdef Py_ssize_t i, j, pitch = step * BINS
    cdef int b = s.bins[0], now
    cdef const uint8_t* part = s.fine + start + b * s.part
    cdef vcounts window = sum_of(part, k, pitch)
    for j in range(16):
        place[j] = -k
    for i in range(n):
        now = s.bins[i]
        if now != b:
            keep_counts(kept + b * BINS, window)
            place[b] = i - 1
            b = now
            part = s.fine + start + b * s.part
            if 2 * (i - place[b]) < k:
                window = counts_at(kept + b * BINS)
                for j in range(place[b], i):
                    window = subtract_column(add_column(window, part + (j + k) * pitch), part + j * pitch)
            else:
                window = sum_of(part + i * pitch, k, pitch)
        elif i > 0:
            window = subtract_column(add_column(window, part + (i - 1 + k) * pitch), part + (i - 1) * pitch)
        y[i * step] = <uint8_t>(b * BINS + bin_of(window, s.ranks[i]))


cdef void tile(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    cdef Py_ssize_t across = (f.g.out_width + f.g.tile_columns - 1) // f.g.tile_columns, step = f.g.step
    cdef Py_ssize_t plane = t // f.g.tiles, part = t % f.g.tiles, k = f.g.window_height
    cdef Py_ssize_t first = part // across * f.g.tile_rows, n_rows = min(f.g.tile_rows, f.g.out_height - first)
    cdef Py_ssize_t left = part % across * f.g.tile_columns, n_out = min(f.g.tile_columns, f.g.out_width - left)
    cdef Py_ssize_t n = n_out + f.g.window_width - 1, slots = n_rows + k - 1, r, c
    # The workspace: a pointer to each source row, narrow rows, a row of the strip, what Strip has.
    cdef const char** rows = <const char**>workspace
    cdef char* row = source_rows(f, rows, plane, first, slots, workspace + aligned(slots * sizeof(char*)))
    cdef uint8_t* y
    cdef Strip s
    s.part = f.g.pitch * BINS
    s.coarse = <uint8_t*>row + f.g.pitch
    s.fine = s.coarse + s.part
    s.bins = s.fine + BINS * s.part
    s.ranks = <uint16_t*>(s.bins + f.g.pitch)
    memset(s.coarse, 0, (BINS + 1) * s.part)
    for r in range(k - 1):
        strip_of_row(f, row, rows[r], left, n)
        enter(&s, <uint8_t*>row, n * step)
    for r in range(n_rows):
        strip_of_row(f, row, rows[r + k - 1], left, n)
        enter(&s, <uint8_t*>row, n * step)
        y = <uint8_t*>f.y + plane * f.g.y_plane + (first + r) * f.g.y_row + left * step
        for c in range(step):
            find_coarse(&s, s.coarse + c * BINS, n_out, f.g.window_width, step * BINS,
                        <unsigned int>(k * f.g.window_width // 2))
            find_fine(&s, c * BINS, y + c, n_out, f.g.window_width, step)
        strip_of_row(f, row, rows[r], left, n)
        leave(&s, <uint8_t*>row, n * step)


cdef public int median2d_histogram(Call* call) noexcept nogil:
    return share_out(call, tile)
