# How the kernels of a convolution see their input: a slice (one channel, one plane of depth) is copied with whatever
# stands around it into a buffer, whose columns are sorted by their place in the stride. So that is the one place for
# padding, borders, dilated inputs and strange strides of arrays, and all that follows reads whole vectors.
from vector cimport LANES, veven, vfloat, vload, vodd, vsplat, vstore


# The fields of convlab._geometry.ConvGeometry, in its order.
cdef struct Geometry:
    Py_ssize_t batch, groups, channels, out_channels            # channels of one group
    Py_ssize_t kernel_depth, kernel_height, kernel_width
    Py_ssize_t height, width
    Py_ssize_t out_depth, out_height, out_width
    Py_ssize_t stride_depth, stride_height, stride_width
    Py_ssize_t dilation_depth, dilation_height, dilation_width
    Py_ssize_t n_above, n_before                                # rows and columns of the border
    Py_ssize_t depths, rows, columns                            # lengths of the three tables of sources
    Py_ssize_t x_batch, x_channel, x_depth, x_row, x_column     # in floats
    Py_ssize_t y_batch, y_channel, y_depth, y_row, y_column
    Py_ssize_t block_rows, block_columns                        # output pixels of a block
    Py_ssize_t slices                                           # of the input that are multiplied at a time
    Py_ssize_t in_place                                         # whether a block's pixels are those of x as they lie
    Py_ssize_t plain                                            # whether all around the rows of x are zeros
    Py_ssize_t gather                                           # whether y is written through a block of its own
    Py_ssize_t workspace                                        # floats of one thread


cdef inline void copy(float* to, const float* source, Py_ssize_t n) noexcept nogil:
    """n floats; the last vector lies back over its neighbour."""
    cdef Py_ssize_t i = 0
    if n >= LANES:
        while i + LANES < n:
            vstore(to + i, vload(source + i))
            i += LANES
        vstore(to + n - LANES, vload(source + n - LANES))
    else:
        for i in range(n):
            to[i] = source[i]


cdef inline void copy_beyond(float* to, const float* source, Py_ssize_t n) noexcept nogil:
    """n floats in whole vectors: up to LANES - 1 more are read and written."""
    cdef Py_ssize_t i = 0
    while i < n:
        vstore(to + i, vload(source + i))
        i += LANES


cdef inline void zero(float* to, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = 0


cdef inline Py_ssize_t phase_pitch(Py_ssize_t columns, Py_ssize_t stride) noexcept nogil:
    """Floats from one place in the stride to the next, with room to read and write vectors beyond."""
    return (columns + stride - 1) // stride + 2 * LANES


cdef inline void stage_row(const Geometry* g, const float* x, Py_ssize_t source, const Py_ssize_t* sources,
                           Py_ssize_t columns, Py_ssize_t used, float* to, Py_ssize_t pitch) noexcept nogil:
    """Columns of a source row (-1 are zeros), column c to to[(c % stride) * pitch + c // stride].

    Of each stride only the first `used` columns are wanted.
    """
    cdef const float* row = x + source * g.x_row
    cdef Py_ssize_t x_column = g.x_column, stride = g.stride_width
    cdef Py_ssize_t first = 0, last = columns, c, p, t, n
    cdef vfloat a, b
    if x == NULL or source < 0:
        zero(to, used * pitch)
        return
    if x_column == 1 and stride <= 2:
        # The part that lies in the source as it is wanted: from the first column whose neighbours are neighbours there.
        while first < columns and (sources[first] < 0 or
                                   (first + 1 < columns and sources[first + 1] != sources[first] + 1)):
            first += 1
        first += (stride - first % stride) % stride
        while last > first and (sources[last - 1] < 0 or sources[last - 1] - sources[first] != last - 1 - first):
            last -= 1
        n = last - first
        if n >= 2 * LANES or (stride == 1 and n > 0):
            if stride == 1:
                copy(to + first, row + sources[first], n)
            else:
                row += sources[first]
                t = 0
                while t < n // 2:  # the last vectors lie back
                    t = min(t, n // 2 - LANES)
                    a, b = vload(row + 2 * t), vload(row + 2 * t + LANES)
                    vstore(to + first // 2 + t, veven(a, b))
                    vstore(to + pitch + first // 2 + t, vodd(a, b))
                    t += LANES
                last = first + n // 2 * 2
                row -= sources[first]
        else:
            last = first
    else:
        last = first
    for p in range(used):
        c = p
        while c < columns:
            if c >= first and c < last:
                c += (last - c + stride - 1) // stride * stride
                continue
            to[p * pitch + c // stride] = row[sources[c] * x_column] if sources[c] >= 0 else 0
            c += stride


cdef inline bint separate(const Geometry* g, Py_ssize_t n_rows) noexcept nogil:
    """Whether the rows under each row of taps are staged apart: fewer than all from the first to the last."""
    return g.kernel_height * n_rows < (n_rows - 1) * g.stride_height + (g.kernel_height - 1) * g.dilation_height + 1


cdef inline Py_ssize_t staged(const Geometry* g, Py_ssize_t i, Py_ssize_t r, Py_ssize_t n_rows) noexcept nogil:
    """Where the row is staged that the i-th row of taps wants for the r-th of n_rows output rows."""
    return i * n_rows + r if separate(g, n_rows) else r * g.stride_height + i * g.dilation_height


cdef inline void stage(const Geometry* g, const float* x, const Py_ssize_t* row_sources, Py_ssize_t n_rows, bint apart,
                       const Py_ssize_t* column_sources, Py_ssize_t columns, float* to,
                       Py_ssize_t pitch) noexcept nogil:
    """All that n_rows output rows read of one slice; zeros where x is NULL."""
    cdef Py_ssize_t r, i, stride = g.stride_width
    cdef Py_ssize_t used = min(stride, columns, (g.kernel_width - 1) * g.dilation_width + 1)
    if apart:
        for i in range(g.kernel_height):
            for r in range(n_rows):
                stage_row(g, x, row_sources[i * g.dilation_height + r * g.stride_height], column_sources, columns, used,
                          to + (i * n_rows + r) * stride * pitch, pitch)
    else:
        for r in range((n_rows - 1) * g.stride_height + (g.kernel_height - 1) * g.dilation_height + 1):
            stage_row(g, x, row_sources[r], column_sources, columns, used, to + r * stride * pitch, pitch)
