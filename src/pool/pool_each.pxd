# Maxima and minima of windows one by one, where they overlap little or divide a row: nothing is computed that no output
# wants. See pool2d.pyx.
#
# The workspace: a block's windows, the reduction of some columns' rows, a pixel of the result and one to be joined to
# it.
from libc.stdint cimport int8_t, int16_t, uint8_t, uint16_t
from libc.string cimport memcpy

from extremum cimport join
from geometry cimport FLOAT32, INT16, INT8, UINT8, PoolGeometry
from lanes cimport VBYTES, raw_load, raw_nothing, raw_store, vraw
from pool cimport Rows, Window, rows_of, window
from pool_lanes cimport aligned, down_single, size_of
from turn cimport turn_load
from vector cimport LANES, vfloat, vmax, vmin, vstore


ctypedef fused element:
    float
    uint8_t
    int8_t
    int16_t
    uint16_t


cdef inline element chosen(element a, element b, const bint largest) noexcept nogil:
    """The first of equals stays, and NaN stays once it is met."""
    return b if (b > a if largest else b < a) or (b != b and a == a) else a


cdef inline element pixels_extremum(const element* v, Py_ssize_t n, Py_ssize_t distance,
                                    const bint largest) noexcept nogil:
    cdef element a = v[0]
    cdef Py_ssize_t t
    for t in range(1, n):
        a = chosen(a, v[t * distance], largest)
    return a


cdef inline float floats_extremum(const float* v, Py_ssize_t n, const bint largest) noexcept nogil:
    """n floats one behind the other: a lane takes a part of them, so that the first of equals is that of the lowest."""
    cdef float lanes[LANES]
    cdef vfloat t[4]
    cdef vfloat a
    cdef Py_ssize_t part = n // LANES, e = 0, i
    cdef float result
    if part < 4:
        return pixels_extremum(v, n, 1, largest)
    turn_load(t, v, part, LANES)
    a = t[0]
    while e < part:
        e = min(e, part - 4)  # lies back
        turn_load(t, v + e, part, LANES)
        for i in range(4):
            a = vmax(a, t[i]) if largest else vmin(a, t[i])
        e += 4
    vstore(lanes, a)
    result = pixels_extremum(lanes, LANES, 1, largest)
    for i in range(part * LANES, n):
        result = chosen(result, v[i], largest)
    return result


cdef inline void integers_extremum(const char* v, Py_ssize_t n, char* y, const element* _, const bint largest,
                                   const int kind) noexcept nogil:
    """n integers one behind the other, in any order."""
    cdef char lanes[VBYTES]
    cdef vraw a
    cdef Py_ssize_t e = 0, size = size_of(kind)
    n *= size
    if n >= VBYTES:
        a = raw_load(v)
        while e < n:
            e = min(e, n - VBYTES)
            a = join(a, raw_load(v + e), largest, kind, False)
            e += VBYTES
        raw_store(lanes, a)
        v, n = lanes, VBYTES
    (<element*>y)[0] = pixels_extremum(<const element*>v, n // size, 1, largest)


cdef inline void some_pixels(const PoolGeometry* g, const char* v, Py_ssize_t n, char* y, const element* typed,
                             const bint largest, const int kind) noexcept nogil:
    """One window of n pixels."""
    cdef Py_ssize_t c = 0, t, distance = g.dilation_width * g.step, pixel = g.step * size_of(kind)
    cdef vraw a
    if distance == 1 and kind == FLOAT32:
        (<float*>y)[0] = floats_extremum(<const float*>v, n, largest)
    elif distance == 1:
        integers_extremum(v, n, y, typed, largest, kind)
    elif pixel >= VBYTES:
        while c < pixel:
            c = min(c, pixel - VBYTES)  # lies back
            a = raw_load(v + c)
            for t in range(1, n):
                a = join(a, raw_load(v + c + t * g.dilation_width * pixel), largest, kind, True)
            raw_store(y + c, a)
            c += VBYTES
    else:
        for c in range(g.step):
            (<element*>y)[c] = pixels_extremum(<const element*>v + c, n, distance, largest)


cdef inline void some_of_kind(const PoolGeometry* g, const char* v, Py_ssize_t n, char* y, const bint largest,
                              const int kind) noexcept nogil:
    if kind == FLOAT32:
        some_pixels(g, v, n, y, <const float*>NULL, largest, kind)
    elif kind == UINT8:
        some_pixels(g, v, n, y, <const uint8_t*>NULL, largest, kind)
    elif kind == INT8:
        some_pixels(g, v, n, y, <const int8_t*>NULL, largest, kind)
    elif kind == INT16:
        some_pixels(g, v, n, y, <const int16_t*>NULL, largest, kind)
    else:
        some_pixels(g, v, n, y, <const uint16_t*>NULL, largest, kind)


cdef inline void each_tile(const PoolGeometry* g, const char* x, char* y, Py_ssize_t t, Py_ssize_t first,
                           Py_ssize_t last, char* workspace, const bint largest, const int kind) noexcept nogil:
    """Some outputs of some rows of a plane, whose windows overlap little or divide the row: each is reduced by itself,
    some columns at a time."""
    cdef Py_ssize_t size = size_of(kind), pixel = g.step * size, plane = t // g.tiles, tile = t % g.tiles
    cdef Py_ssize_t total = g.out_depth * g.out_height, outputs, i, j, low, high, tap, n
    cdef Window* windows = <Window*>workspace
    cdef char* row = workspace + aligned(g.columns * sizeof(Window))
    cdef char* joined = row + g.row * size
    cdef Rows r
    cdef char* out
    x += plane * g.x_plane * size
    y += plane * g.y_plane * size
    while first < last:
        outputs = min(g.columns, last - first)
        low, high = g.width, 0
        for j in range(outputs):
            windows[j] = window(g, 2, first + j)
            if windows[j].size:
                low = min(low, windows[j].start)
                high = max(high, windows[j].start + (windows[j].size - 1) * g.dilation_width + 1)
        for i in range(total * tile // g.tiles, total * (tile + 1) // g.tiles):
            r = rows_of(g, i // g.out_height, i % g.out_height)
            out = y + (i // g.out_height * g.y_slice + i % g.out_height * g.y_row + first * g.step) * size
            if outputs == 1 and windows[0].size > g.taps:
                tap = 0
                while tap < windows[0].size:
                    n = min(g.taps, windows[0].size - tap)
                    down_single(x + (windows[0].start + tap * g.dilation_width) * pixel, &r, size, row,
                                ((n - 1) * g.dilation_width + 1) * pixel, largest, kind)
                    # The result of the columns so far and that of these, one behind the other.
                    some_of_kind(g, row, n, joined + (pixel if tap else 0), largest, kind)
                    if tap:
                        two_pixels(g, joined, largest, kind)
                    tap += n
                memcpy(out, joined, pixel)
                continue
            if low < high:
                down_single(x + low * pixel, &r, size, row, (high - low) * pixel, largest, kind)
            for j in range(outputs):
                if windows[j].size:
                    some_of_kind(g, row + (windows[j].start - low) * pixel, windows[j].size, out + j * pixel, largest,
                                 kind)
                else:
                    nothing(g, out + j * pixel, largest, kind)
        first += outputs


cdef inline void two_pixels(const PoolGeometry* g, char* v, const bint largest, const int kind) noexcept nogil:
    """The first of two pixels becomes that of both."""
    cdef Py_ssize_t c
    for c in range(g.step):
        if kind == FLOAT32:
            (<float*>v)[c] = chosen((<float*>v)[c], (<float*>v)[g.step + c], largest)
        elif kind == UINT8:
            (<uint8_t*>v)[c] = chosen((<uint8_t*>v)[c], (<uint8_t*>v)[g.step + c], largest)
        elif kind == INT8:
            (<int8_t*>v)[c] = chosen((<int8_t*>v)[c], (<int8_t*>v)[g.step + c], largest)
        elif kind == INT16:
            (<int16_t*>v)[c] = chosen((<int16_t*>v)[c], (<int16_t*>v)[g.step + c], largest)
        else:
            (<uint16_t*>v)[c] = chosen((<uint16_t*>v)[c], (<uint16_t*>v)[g.step + c], largest)


cdef inline void nothing(const PoolGeometry* g, char* y, const bint largest, const int kind) noexcept nogil:
    """A pixel of what changes nothing: the maximum of a window all of whose taps are padding."""
    cdef char lanes[VBYTES]
    cdef Py_ssize_t c, size = size_of(kind)
    raw_store(lanes, raw_nothing(largest, kind))
    for c in range(g.step):
        memcpy(y + c * size, lanes, size)
