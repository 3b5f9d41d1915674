# The panel of a product: a row for each term of a sum, shifted by its tap, and a column for each output pixel.
from staging cimport Geometry, copy, copy_beyond, phase_pitch, separate, stage, staged
from vector cimport LANES, vload, vstore


cdef inline void fill(const Geometry* g, const float* x, Py_ssize_t depth, const Py_ssize_t* row_sources,
                      const Py_ssize_t* column_sources, Py_ssize_t top, Py_ssize_t n_rows, Py_ssize_t left,
                      Py_ssize_t n_columns, float* strip, float* panel, Py_ssize_t panel_pitch) noexcept nogil:
    """The rows of one slice, at `depth` of the channel x (-1 are zeros): the taps of one plane of weights."""
    cdef Py_ssize_t columns = (n_columns - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1
    cdef Py_ssize_t pitch = phase_pitch(columns, g.stride_width), i, j, r
    cdef Py_ssize_t step = staged(g, 0, 1, n_rows) * g.stride_width * pitch
    cdef const float* line
    if g.in_place and depth >= 0:
        copy(panel, x + depth * g.x_depth + top * g.x_row + left, n_rows * n_columns)
        return
    stage(g, x + depth * g.x_depth if depth >= 0 else NULL, row_sources + top * g.stride_height, n_rows,
          separate(g, n_rows), column_sources + left * g.stride_width, columns, strip, pitch)
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
            panel += panel_pitch
