# An image and its border as the correlation kernels see them, and the staging of columns together with their border.
# Inline, since each instruction set's module needs its own.
from libc.stdint cimport int16_t, uint8_t, uint16_t

from geometry cimport FLOAT32, INT16, UINT8, FilterGeometry, FilterValues
from vector cimport LANES, vload, vload_i16, vload_u16, vload_u8, vstore


cdef struct Filter:
    const char* x
    const float* w
    char* y
    const FilterGeometry* g
    const FilterValues* v
    # Source rows and columns that stand outside the image, -1 for the constant.
    const Py_ssize_t* above
    const Py_ssize_t* below
    const Py_ssize_t* before
    const Py_ssize_t* after
    const char* constant                                # a source row of floats cval
    Py_ssize_t kernel_height, kernel_width
    Py_ssize_t left, right                              # widths of the staged segments
    Py_ssize_t chunk, chunks                            # of columns, where all are staged
    Py_ssize_t pitch                                    # floats of a strip's row
    const char* mask
    Py_ssize_t mask_offset                              # floats from the strip to that of its weights


cdef inline Py_ssize_t itemsize(Py_ssize_t stored) noexcept nogil:
    return 4 if stored == FLOAT32 else 1 if stored == UINT8 else 2


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


cdef inline void convert_u8(float* to, const uint8_t* source, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + LANES <= n:
        vstore(to + i, vload_u8(source + i))
        i += LANES
    for i in range(i, n):
        to[i] = source[i]


cdef inline void convert_i16(float* to, const int16_t* source, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + LANES <= n:
        vstore(to + i, vload_i16(source + i))
        i += LANES
    for i in range(i, n):
        to[i] = source[i]


cdef inline void convert_u16(float* to, const uint16_t* source, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + LANES <= n:
        vstore(to + i, vload_u16(source + i))
        i += LANES
    for i in range(i, n):
        to[i] = source[i]


cdef inline void convert(float* to, const char* row, Py_ssize_t source, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    """n elements of a row, from `start` on, as floats."""
    if source == FLOAT32:
        copy(to, <const float*>row + start, n)
    elif source == UINT8:
        convert_u8(to, <const uint8_t*>row + start, n)
    elif source == INT16:
        convert_i16(to, <const int16_t*>row + start, n)
    else:
        convert_u16(to, <const uint16_t*>row + start, n)


cdef inline void stage(const Filter* f, float* strip, const char** rows, Py_ssize_t n_rows, Py_ssize_t start,
                       Py_ssize_t end, const Py_ssize_t step) noexcept nogil:
    """Copy pixels start .. end of source rows with their border into the strip. Pixel 0 is the border's first."""
    cdef Py_ssize_t border = f.g.before, inside = border + f.g.width
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
