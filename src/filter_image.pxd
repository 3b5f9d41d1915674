# An image and its border as the correlation kernels see them, and the staging of columns together with their border.
# Inline, since each instruction set's module needs its own.
from libc.stdint cimport int16_t, uint8_t, uint16_t

from vector cimport LANES, vload, vstore


# The fields of convlab._geometry.FilterGeometry, in its order. Widths are in pixels of `step` floats.
cdef struct Geometry:
    Py_ssize_t planes, height, width, out_height, out_width, step
    Py_ssize_t x_plane, x_row, y_plane, y_row           # in elements
    Py_ssize_t n_above, n_below, n_before, n_after      # rows and columns of the border
    Py_ssize_t staged                                   # whether all columns are
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
    Py_ssize_t left, right                              # widths of the staged segments
    Py_ssize_t pitch                                    # floats of a strip's row


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


cdef inline void convert(float* to, const char* row, Py_ssize_t source, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
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
