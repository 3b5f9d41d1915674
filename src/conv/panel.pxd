# The panel of a product: a row for each term of a sum, shifted by its tap, and a column for each output pixel.
#
# Vectors reach beyond the last pixel, into lanes whose sums nobody wants. They hold zeros: what memory happens to hold
# may be subnormal, and then each product takes a hundred cycles more on some processors.
from axis cimport source_at
from geometry cimport ConvAxis, ConvGeometry
from staging cimport Span, copy, copy_beyond, phase_pitch, separate, span_of, stage, stage_row, staged, zero
from vector cimport LANES, vlanes_between, vload, vload_masked, vsplat, vstore


cdef inline void fill(const ConvGeometry* g, const float* x, Py_ssize_t depth, const ConvAxis* rows,
                      const ConvAxis* columns, Py_ssize_t top, Py_ssize_t n_rows, Py_ssize_t left, Py_ssize_t n_columns,
                      float* strip, float* panel, Py_ssize_t panel_pitch) noexcept nogil:
    """The rows of one slice, at `depth` of the channel x (-1 are zeros): the taps of one plane of weights."""
    cdef Py_ssize_t n_staged = (n_columns - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1
    cdef Py_ssize_t pitch = phase_pitch(n_staged, g.stride_width), i, j, r, n = n_rows * n_columns
    cdef Py_ssize_t step = staged(g, 0, 1, n_rows) * g.stride_width * pitch
    cdef const float* line
    if g.in_place and depth >= 0:
        copy(panel, x + depth * g.x_depth + top * g.x_row + left, n)
        if n % LANES:
            vstore(panel + n, vsplat(0))
        return
    stage(g, x + depth * g.x_depth if depth >= 0 else NULL, rows, top * g.stride_height, n_rows,
          separate(g, n_rows), columns, left * g.stride_width, n_staged, strip, pitch)
    for i in range(g.kernel_height):
        for j in range(g.kernel_width):
            line = strip + j * g.dilation_width % g.stride_width * pitch + j * g.dilation_width // g.stride_width
            line += staged(g, i, 0, n_rows) * g.stride_width * pitch
            if n_columns <= LANES:
                for r in range(n_rows):
                    vstore(panel + r * n_columns, vload(line + r * step))
            else:
                for r in range(n_rows):
                    copy_beyond(panel + r * n_columns, line + r * step, n_columns)
            if n % LANES:
                vstore(panel + n, vsplat(0))
            panel += panel_pitch


# Where few output channels are multiplied, filling that takes as long as the product. Then the staged slice itself
# serves all taps: its rows and columns are sorted by their places in the stride, each sort a plane, whose rows are so
# much longer than the output's that each tap is a shift. Sums of what lies between the output's rows are left.
cdef struct Shifts:
    Py_ssize_t line, plane, slice       # floats from one row to the next, from one sort, from one slice


cdef inline Shifts shifts_of(const ConvGeometry* g) noexcept nogil:
    cdef Shifts f
    f.line = g.block_columns + (g.kernel_width - 1) * g.dilation_width // g.stride_width
    f.plane = (g.block_rows + (g.kernel_height - 1) * g.dilation_height // g.stride_height) * f.line
    # An odd number of cache lines, or the slices would meet in few sets.
    f.slice = ((f.plane * g.stride_height * g.stride_width + 15) // 16 | 1) * 16
    return f


cdef inline Py_ssize_t shift(const ConvGeometry* g, const Shifts* f, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
    """Where the tap of row i and column j begins in its slice."""
    cdef Py_ssize_t down = i * g.dilation_height, along = j * g.dilation_width
    return ((down % g.stride_height * g.stride_width + along % g.stride_width) * f.plane
            + down // g.stride_height * f.line + along // g.stride_width)


cdef inline void spread(const ConvGeometry* g, const Shifts* f, const float* x, Py_ssize_t depth, const ConvAxis* rows,
                        const ConvAxis* columns, Py_ssize_t top, Py_ssize_t n_rows, Py_ssize_t left,
                        Py_ssize_t n_columns, float* to) noexcept nogil:
    """The rows of one slice, at `depth` of the channel x (-1 are zeros), each to its sort."""
    cdef Py_ssize_t _, r, v, p, place, row, source, stride = g.stride_height, at = left * g.stride_width
    cdef Py_ssize_t all_rows = (n_rows - 1) * stride + (g.kernel_height - 1) * g.dilation_height + 1
    cdef Py_ssize_t n_staged = (n_columns - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1
    cdef Py_ssize_t used = min(g.stride_width, n_staged, (g.kernel_width - 1) * g.dilation_width + 1)
    cdef Py_ssize_t places = min(stride, (g.kernel_height - 1) * g.dilation_height + 1)
    cdef Span span = span_of(g, columns, at, n_staged)
    cdef bint whole = g.plain and g.stride_width == 1 and span.vectors and span.end > span.start
    cdef const float* part
    # Before all else, since what comes behind is written next: where a row is shorter than a line, and behind the last.
    for place in range(places):
        source = (all_rows - place + stride - 1) // stride
        for p in range(used):
            v = (n_staged - p + g.stride_width - 1) // g.stride_width
            row = (place * g.stride_width + p) * f.plane
            vstore(to + row + source * f.line, vsplat(0))
            for _ in range(source if v < f.line else 0):
                vstore(to + row + v, vsplat(0))
                if f.line - v > LANES:
                    zero(to + row + v, f.line - v)
                row += f.line
    for place in range(places):
        r, row = place, place * g.stride_width * f.plane
        while r < all_rows:
            source = source_at(rows, top * stride + r) if depth >= 0 else -1
            v = 0
            if whole and source < 0:
                while v < n_staged:
                    vstore(to + row + v, vsplat(0))
                    v += LANES
            elif whole:  # with the zeros on both sides; what is written beyond is overwritten by the next row
                part = x + depth * g.x_depth + source * g.x_row + at - columns.before
                while v < n_staged:
                    vstore(to + row + v, vload_masked(part + v, vlanes_between(span.start - v, span.end - v)))
                    v += LANES
            else:
                stage_row(g, x + depth * g.x_depth if depth >= 0 else NULL, source, columns, at, n_staged, span, used,
                          to + row, f.plane)
            r += stride
            row += f.line
