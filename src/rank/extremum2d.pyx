"""Maximum and minimum over the window around each pixel.

    y[i, j] = reduce over a, b of x[i + a - above, j + b - before]

Of equals the first stays (row by row), and NaN stays once it is met; so the bits of a result do not depend on how its
window was taken apart.

Down the columns. G output rows are made at a time. The rows that all their windows share are reduced once; from there
the maxima grow upwards over the G - 1 rows above, and those of the G - 1 rows below grow downwards; each output joins
one of each: about three operations a row where G is the window's height, whatever that is (van Herk, Gil and Werman).
Small G are clones whose partial maxima stay in registers.

Along the row. Maxima of 4 neighbours, of 4 of those, and so on, in place, and at the last up to five of them, which
may overlap: whole vectors at every step, and steps grow with the logarithm of the width (base 4).

Windows of 3 x 3 do all of it in registers (rank3x3.pxd), but where care is taken:

Floats. Rows without NaN, which is found out first, use the plain maximum; others one that keeps NaN.
"""

from call cimport Call
from extremum cimport down, taps
from geometry cimport FLOAT32, INT16, UINT16, UINT8, RankGeometry
from lanes cimport VBYTES, raw_store
from libc.string cimport memcpy
from vector cimport LANES
from rank cimport Rank, Tile, aligned, fill_border, has_nan, open_tile, share_out, tile_function
from rank3x3 cimport MAXIMUM, MINIMUM, Operation, edges, two_rows, wide


cdef inline void last_step(const char* v, char* y, Py_ssize_t n, const Py_ssize_t* offsets, const int n_taps,
                           const Operation operation, const int kind, const bint careful) noexcept nogil:
    """n bytes of the result; the last vector lies back."""
    cdef Py_ssize_t offset[5]
    cdef char vector[64]
    cdef Py_ssize_t i = 0
    cdef int t
    for t in range(n_taps):
        offset[t] = offsets[t]
    if n < VBYTES:
        raw_store(vector, taps(v, offset, n_taps, operation == MAXIMUM, kind, careful))
        memcpy(y, vector, n)
        return
    while i < n - VBYTES:
        raw_store(y + i, taps(v + i, offset, n_taps, operation == MAXIMUM, kind, careful))
        i += VBYTES
    raw_store(y + n - VBYTES, taps(v + n - VBYTES, offset, n_taps, operation == MAXIMUM, kind, careful))


cdef inline void along(char* v, char* y, Py_ssize_t n, Py_ssize_t k, Py_ssize_t pixel, const Operation operation,
                       const int kind, const bint careful) noexcept nogil:
    """Reduce the k pixels from each of a row on, into n bytes of the result; v is used up."""
    cdef Py_ssize_t offset[5]
    cdef Py_ssize_t p = 1, i, length = n + (k - 1) * pixel
    cdef int t, n_taps
    while k > 5 * p:
        for t in range(4):
            offset[t] = t * p * pixel
        length -= 3 * p * pixel
        i = 0
        while i < length:  # what is written was read before
            raw_store(v + i, taps(v + i, offset, 4, operation == MAXIMUM, kind, careful))
            i += VBYTES
        p *= 4
    n_taps = <int>((k + p - 1) // p)
    for t in range(n_taps):
        offset[t] = min(t * p, k - p) * pixel
    if n_taps == 1:
        last_step(v, y, n, offset, 1, operation, kind, careful)
    elif n_taps == 2:
        last_step(v, y, n, offset, 2, operation, kind, careful)
    elif n_taps == 3:
        last_step(v, y, n, offset, 3, operation, kind, careful)
    elif n_taps == 4:
        last_step(v, y, n, offset, 4, operation, kind, careful)
    else:
        last_step(v, y, n, offset, 5, operation, kind, careful)


cdef inline void group(const Rank* f, const char** rows, char* y, Py_ssize_t G, char* scratch, char* body,
                       const Operation operation, const int kind, const bint careful) noexcept nogil:
    """G output rows: down into the workspace, its border, along into the result."""
    cdef Py_ssize_t r, k = f.g.window_height, pitch = f.g.pitch, n = max(f.g.width * f.pixel, VBYTES)
    if G == 8:
        down(rows, 1, body, pitch, n, k, scratch, 8, True, operation == MAXIMUM, kind, careful)
    elif G == 4:
        down(rows, 1, body, pitch, n, k, scratch, 4, True, operation == MAXIMUM, kind, careful)
    elif G == 2 and k == 3:
        down(rows, 1, body, pitch, n, 3, scratch, 2, True, operation == MAXIMUM, kind, careful)
    else:
        down(rows, 1, body, pitch, n, k, scratch, G, False, operation == MAXIMUM, kind, careful)
    for r in range(G):
        fill_border(f, body + r * pitch)
        along(body + r * pitch - f.g.before * f.pixel, y + r * f.g.y_row * f.itemsize, f.g.out_width * f.pixel,
              f.g.window_width, f.pixel, operation, kind, careful)


cdef inline void reduce_tile(const Rank* image, Py_ssize_t t, char* workspace, const Operation operation,
                             const int kind) noexcept nogil:
    cdef Tile tile
    cdef const Rank* f = &tile.f
    cdef Py_ssize_t k = image.g.window_height, i = 0, s, G, n
    cdef Py_ssize_t seen = 0, unsafe = -1       # source rows examined, and the last of them that holds NaN
    # After the source rows: edges, or partial maxima and the group's rows with their border.
    cdef char* scratch
    cdef char* body
    cdef char* y
    cdef bint careful, in_registers
    open_tile(image, t, workspace, &tile)
    n = max(f.g.width * f.g.step, LANES)
    in_registers = k == 3 and f.g.window_width == 3 and f.number and wide(f)
    scratch = tile.room
    if in_registers:
        edges(f, tile.rows, tile.y, tile.n_rows, scratch, operation, kind)
    body = scratch + 2 * f.g.group_rows * VBYTES + aligned(f.g.before * f.pixel)
    while i < tile.n_rows:
        G = min(f.g.group_rows, tile.n_rows - i)
        if G < f.g.group_rows and G < 8:
            G = 4 if G >= 4 else 2 if G >= 2 else 1
        if kind == FLOAT32:  # just before they are used, so that they come from memory once
            for s in range(seen, i + G + k - 1):
                if has_nan(tile.rows[s], n):
                    unsafe = s
            seen = i + G + k - 1
        careful = unsafe >= i or not f.number
        y = tile.y + i * f.g.y_row * f.itemsize
        if in_registers and not careful:
            two_rows(f, tile.rows + i, G, y, operation, kind)
        elif careful or kind != FLOAT32:  # integers need no second clone
            group(f, tile.rows + i, y, G, scratch, body, operation, kind, True)
        else:
            group(f, tile.rows + i, y, G, scratch, body, operation, kind, False)
        i += G


cdef void max_float32(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MAXIMUM, FLOAT32)


cdef void max_uint8(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MAXIMUM, UINT8)


cdef void max_int16(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MAXIMUM, INT16)


cdef void max_uint16(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MAXIMUM, UINT16)


cdef void min_float32(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MINIMUM, FLOAT32)


cdef void min_uint8(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MINIMUM, UINT8)


cdef void min_int16(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MINIMUM, INT16)


cdef void min_uint16(const Rank* f, Py_ssize_t t, char* workspace) noexcept nogil:
    reduce_tile(f, t, workspace, MINIMUM, UINT16)


cdef inline tile_function maximum(Py_ssize_t source) noexcept nogil:
    return (max_float32 if source == FLOAT32 else max_uint8 if source == UINT8 else max_int16 if source == INT16
            else max_uint16)


cdef inline tile_function minimum(Py_ssize_t source) noexcept nogil:
    return (min_float32 if source == FLOAT32 else min_uint8 if source == UINT8 else min_int16 if source == INT16
            else min_uint16)


cdef public int maximum2d(Call* call) noexcept nogil:
    return share_out(call, maximum((<const RankGeometry*>call.geometry.data).source))


cdef public int minimum2d(Call* call) noexcept nogil:
    return share_out(call, minimum((<const RankGeometry*>call.geometry.data).source))
