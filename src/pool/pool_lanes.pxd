# Maxima and minima over windows of any size, of every type that a pool reads as it lies. See pool2d.pyx.
#
# The workspace: pointers to source rows, a row of nothing, copies of narrow rows, partial maxima, a group's rows
# between their padding, a row that is used up.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from extremum cimport down, join, taps
from geometry cimport FLOAT32, INT8, UINT8, PoolGeometry
from lanes cimport VBYTES, raw_even, raw_load, raw_load_part, raw_nothing, raw_store, raw_store_part, vraw
from pool cimport VNEVER, Rows, rows_of, vany, veither, vload_lanes, vpick, vpick_lanes, vpicks, vtruth, vunordered
from vector cimport LANES, vfloat, vload, vsplat, vstore


ctypedef fused unit:
    uint8_t
    uint16_t
    uint32_t


cdef inline Py_ssize_t size_of(const int kind) noexcept nogil:
    return 4 if kind == FLOAT32 else 1 if kind == UINT8 or kind == INT8 else 2


cdef inline Py_ssize_t aligned(Py_ssize_t n) noexcept nogil:
    return (n + 63) // 64 * 64


cdef inline void fill(char* to, Py_ssize_t n, const bint largest, const int kind) noexcept nogil:
    """At least n bytes, and at most a vector more, that change nothing."""
    cdef Py_ssize_t i = 0
    while i < n:
        raw_store(to + i, raw_nothing(largest, kind))
        i += VBYTES


cdef inline bint any_nan(const float* x, Py_ssize_t n) noexcept nogil:
    cdef vtruth bad = VNEVER
    cdef vfloat a
    cdef Py_ssize_t i = 0
    while i + 2 * LANES <= n:
        bad = veither(bad, vunordered(vload(x + i), vload(x + i + LANES)))
        i += 2 * LANES
    while i < n:
        a = vload_lanes(x + i, 0, min(n - i, LANES), vsplat(0))
        bad = veither(bad, vunordered(a, a))
        i += LANES
    return vany(bad)


cdef inline void down_single(const char* x, const Rows* r, Py_ssize_t size, char* to, Py_ssize_t n, const bint largest,
                             const int kind) noexcept nogil:
    """All rows of one window, n bytes of each, and nothing behind those where they are less than a vector."""
    cdef Py_ssize_t e = 0, i, j
    cdef const char* row
    cdef vraw a
    if r.slices == 0 or r.n == 0:
        fill(to, n + 1, largest, kind)
        return
    x += r.start * size
    while e < n:
        if n >= VBYTES:
            e = min(e, n - VBYTES)  # lies back
            a = raw_load(x + e)
        else:
            a = raw_load_part(x, n)
        for i in range(r.slices):
            for j in range(1 if i == 0 else 0, r.n):
                row = x + (i * r.slice_pitch + j * r.pitch) * size + e
                a = join(a, raw_load(row) if n >= VBYTES else raw_load_part(row, n), largest, kind, True)
        raw_store(to + e, a)
        e += VBYTES
    if n < VBYTES:
        raw_store(to + n, raw_nothing(largest, kind))


cdef inline void down_group(const PoolGeometry* g, const char** rows, Py_ssize_t G, char* to, Py_ssize_t pitch,
                            Py_ssize_t n, char* scratch, const bint largest, const int kind,
                            const bint careful) noexcept nogil:
    """The windows of G output rows, which have a source row in common."""
    cdef Py_ssize_t k = g.window_height
    if g.stride_height > 1:
        down(rows, g.stride_height, to, pitch, n, k, scratch, G, False, largest, kind, careful)
    elif G == 8:
        down(rows, 1, to, pitch, n, k, scratch, 8, True, largest, kind, careful)
    elif G == 4:
        down(rows, 1, to, pitch, n, k, scratch, 4, True, largest, kind, careful)
    elif G == 2 and k == 3:
        down(rows, 1, to, pitch, n, 3, scratch, 2, True, largest, kind, careful)
    else:
        down(rows, 1, to, pitch, n, k, scratch, G, False, largest, kind, careful)


cdef inline void last_step(const char* v, char* y, Py_ssize_t n, const Py_ssize_t* offsets, const int n_taps,
                           const bint even, const bint largest, const int kind, const bint careful) noexcept nogil:
    """n bytes of windows, or of every other one; the last vector lies back."""
    cdef Py_ssize_t offset[5]
    cdef Py_ssize_t i = 0, twice = 2 if even else 1
    cdef int t
    cdef vraw a
    for t in range(n_taps):
        offset[t] = offsets[t]
    while i < n:
        if n >= VBYTES:
            i = min(i, n - VBYTES)
        a = taps(v + twice * i, offset, n_taps, largest, kind, careful)
        if even:
            a = raw_even(a, taps(v + 2 * i + VBYTES, offset, n_taps, largest, kind, careful), kind)
        if n >= VBYTES:
            raw_store(y + i, a)
        else:
            raw_store_part(y, a, n)
        i += VBYTES


cdef inline void all_steps(const char* row, char* spare, char* y, Py_ssize_t n, Py_ssize_t length, Py_ssize_t k,
                           Py_ssize_t distance, const bint even, const bint largest, const int kind,
                           const bint careful) noexcept nogil:
    """Reduce k pixels, `distance` bytes apart, from each of a row of `length` bytes on, into n bytes."""
    cdef Py_ssize_t offset[5]
    cdef Py_ssize_t p = 1, i
    cdef int t, n_taps
    while k > 5 * p:  # maxima of 4, 16 ... pixels, which may overlap at the last
        for t in range(4):
            offset[t] = t * p * distance
        length -= 3 * p * distance
        i = 0
        while i < length:  # what is written was read before; the row itself keeps its padding
            raw_store(spare + i, taps(row + i, offset, 4, largest, kind, careful))
            i += VBYTES
        row = spare
        p *= 4
    n_taps = <int>((k + p - 1) // p)
    for t in range(n_taps):
        offset[t] = min(t * p, k - p) * distance
    if n_taps == 1:
        last_step(row, y, n, offset, 1, even, largest, kind, careful)
    elif n_taps == 2:
        last_step(row, y, n, offset, 2, even, largest, kind, careful)
    elif n_taps == 3:
        last_step(row, y, n, offset, 3, even, largest, kind, careful)
    elif n_taps == 4:
        last_step(row, y, n, offset, 4, even, largest, kind, careful)
    else:
        last_step(row, y, n, offset, 5, even, largest, kind, careful)


cdef inline void pick_pixels(const PoolGeometry* g, const unit* windows, unit* y) noexcept nogil:
    """The windows that are wanted of all at stride 1."""
    cdef Py_ssize_t i, c
    for i in range(g.out_width):
        for c in range(g.step):
            y[i * g.step + c] = windows[i * g.stride_width * g.step + c]


cdef inline void pick_floats(const PoolGeometry* g, const float* windows, float* y) noexcept nogil:
    """Every other pixel of at most half a vector."""
    cdef Py_ssize_t i = 0, n = g.out_width * g.step, lanes = LANES // g.step * g.step
    cdef vpicks picks = vpick_lanes(g.step)
    while i + LANES <= n:
        vstore(y + i, vpick(vload(windows + 2 * i), vload(windows + 2 * i + LANES), picks))
        i += lanes
    for i in range(i, n):
        y[i] = windows[i + i // g.step * g.step]


cdef inline void pixels(const PoolGeometry* g, const char* row, char* y, Py_ssize_t size, const bint largest,
                        const int kind, const bint careful) noexcept nogil:
    """Pixels of a vector or more: the last vector of each lies back over its neighbour."""
    cdef Py_ssize_t _, c, t, pixel = g.step * size, distance = g.dilation_width * pixel
    cdef vraw a
    for _ in range(g.out_width):
        c = 0
        while c < pixel:
            c = min(c, pixel - VBYTES)
            a = raw_load(row + c)
            for t in range(1, g.window_width):
                a = join(a, raw_load(row + c + t * distance), largest, kind, careful)
            raw_store(y + c, a)
            c += VBYTES
        row += g.stride_width * pixel
        y += pixel


cdef inline void along(const PoolGeometry* g, const char* row, char* spare, char* y, const bint largest, const int kind,
                       const bint careful) noexcept nogil:
    """The windows of one row, which stands between its padding."""
    cdef Py_ssize_t size = size_of(kind), pixel = g.step * size, distance = g.dilation_width * pixel
    cdef Py_ssize_t k = g.window_width, length = g.extent * pixel, n = g.out_width * pixel
    if pixel >= VBYTES and (k <= 4 or g.stride_width >= k):
        pixels(g, row, y, size, largest, kind, careful)
    elif g.stride_width == 2 and g.step == 1:
        all_steps(row, spare, y, n, length, k, distance, True, largest, kind, careful)
    else:
        if g.stride_width > 1:
            # All windows, in whole vectors: in place, the last must not lie back over what is written.
            n = aligned(((g.out_width - 1) * g.stride_width + 1) * pixel)
        all_steps(row, spare, y if g.stride_width == 1 else spare, n, length, k, distance, False, largest, kind,
                  careful)
        if g.stride_width == 1:
            return
        if kind == FLOAT32 and g.stride_width == 2 and g.step <= LANES // 2:
            pick_floats(g, <const float*>spare, <float*>y)
        elif size == 4:
            pick_pixels(g, <const uint32_t*>spare, <uint32_t*>y)
        elif size == 2:
            pick_pixels(g, <const uint16_t*>spare, <uint16_t*>y)
        else:
            pick_pixels(g, <const uint8_t*>spare, <uint8_t*>y)


cdef inline void lanes_tile(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, char* workspace,
                            const bint largest, const int kind) noexcept nogil:
    """Some rows of a plane's windows, g.group_rows at a time."""
    cdef Py_ssize_t size = size_of(kind), plane = t // g.tiles, part = t % g.tiles, total = g.out_depth * g.out_height
    cdef Py_ssize_t i = total * part // g.tiles, end = total * (part + 1) // g.tiles, slice, row, G, j, first, count
    cdef Py_ssize_t seen = 0, unsafe = -1  # source rows examined, and the last of them that holds NaN
    cdef Py_ssize_t left = min(g.pad_width, g.extent) * g.step * size, pitch = g.row * size
    cdef Py_ssize_t n = max(0, min(g.width, g.extent - g.pad_width)) * g.step * size
    cdef bint careful, grouped = g.group_rows > 1
    cdef const char** rows = <const char**>workspace
    cdef char* nothing = workspace + aligned(g.band_rows * sizeof(char*))
    cdef char* narrow = nothing + aligned(n) + 64
    cdef char* scratch = narrow + (g.band_rows * VBYTES if n < VBYTES else 0)
    cdef char* body = scratch + 2 * g.group_rows * VBYTES
    cdef char* spare = body + g.group_rows * pitch
    cdef Rows r
    for j in range(g.group_rows):
        fill(body + j * pitch, pitch - VBYTES, largest, kind)
    if grouped:
        fill(nothing, n, largest, kind)
    x += plane * g.x_plane * size
    y += plane * g.y_plane * size
    while i < end:
        slice, row = i // g.out_height, i % g.out_height
        G = 1
        careful = True
        if grouped:
            G = min(g.group_rows, min(end - i, g.out_height - row))
            if G < g.group_rows and G < 8:
                G = 4 if G >= 4 else 2 if G >= 2 else 1
            first = row * g.stride_height - g.pad_height
            count = (G - 1) * g.stride_height + g.window_height
            if kind == FLOAT32:
                if row == 0:
                    seen, unsafe = 0, -1
                for j in range(max(seen, max(first, 0)), min(first + count, g.height)):
                    if any_nan(<const float*>x + slice * g.x_slice + j * g.x_row, n // 4):
                        unsafe = j
                seen = max(seen, first + count)
                careful = unsafe >= first
            for j in range(count):
                if 0 <= first + j < g.height:
                    rows[j] = x + (slice * g.x_slice + (first + j) * g.x_row) * size
                    if n < VBYTES:
                        raw_store(narrow + j * VBYTES, raw_nothing(largest, kind))
                        memcpy(narrow + j * VBYTES, rows[j], n)
                        rows[j] = narrow + j * VBYTES
                else:
                    rows[j] = nothing
            if careful or kind != FLOAT32:  # integers need no second clone
                down_group(g, rows, G, body + left, pitch, max(n, VBYTES), scratch, largest, kind, True)
            else:
                down_group(g, rows, G, body + left, pitch, max(n, VBYTES), scratch, largest, kind, False)
        else:
            r = rows_of(g, slice, row)
            down_single(x, &r, size, body + left, n, largest, kind)
        for j in range(G):
            if kind == FLOAT32 and careful:
                along(g, body + j * pitch, spare, y + (slice * g.y_slice + (row + j) * g.y_row) * size, largest, kind,
                      True)
            else:
                along(g, body + j * pitch, spare, y + (slice * g.y_slice + (row + j) * g.y_row) * size, largest, kind,
                      False)
        i += G
