# How the kernels of a convolution see their input: a slice (one channel, one plane of depth) is copied with whatever
# stands around it into a buffer, whose columns are sorted by their place in the stride. So that is the one place for
# padding, borders, dilated inputs and strange strides of arrays, and all that follows reads whole vectors.
from axis cimport source_at
from geometry cimport ConvAxis, ConvGeometry
from vector cimport LANES, veven, vfloat, vload, vload_part, vodd, vsplat, vstore, vstore_part


cdef inline void copy(float* to, const float* source, Py_ssize_t n) noexcept nogil:
    """n floats; the last vector lies back over its neighbour."""
    cdef Py_ssize_t i = 0
    if n >= LANES:
        while i + LANES < n:
            vstore(to + i, vload(source + i))
            i += LANES
        vstore(to + n - LANES, vload(source + n - LANES))
    elif LANES == 16 and n > 0:
        vstore_part(to, vload_part(source, n), n)
    else:
        for i in range(n):
            to[i] = source[i]


cdef inline vfloat first(const float* p, Py_ssize_t n) noexcept nogil:
    """At most n floats of a vector."""
    if n >= LANES:
        return vload(p)
    return vload_part(p, n) if n > 0 else vsplat(0)


cdef inline void put(float* p, vfloat v, Py_ssize_t n) noexcept nogil:
    """At most n floats of a vector."""
    if n >= LANES:
        vstore(p, v)
    elif n > 0:
        vstore_part(p, v, n)


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


# The columns that lie in the source, each next to its neighbour, and whether vectors of them can be copied.
cdef struct Span:
    Py_ssize_t start, end
    bint vectors


cdef inline Span span_of(const ConvGeometry* g, const ConvAxis* axis, Py_ssize_t position,
                         Py_ssize_t columns) noexcept nogil:
    """Those of so many columns from a position on, the first of them at the first place in the stride."""
    cdef Span span
    cdef Py_ssize_t stride = g.stride_width
    span.vectors = g.x_column == 1 and (stride == 1 or stride == 2 or stride == 4)
    span.start = max(0, axis.before - position)
    span.start += (stride - span.start % stride) % stride
    span.end = min(columns, axis.before + axis.size - position, axis.positions - position)
    if span.end <= span.start:  # the start may lie beyond the columns
        span.start = span.end = 0
    return span


cdef inline void stage_row(const ConvGeometry* g, const float* x, Py_ssize_t source, const ConvAxis* axis,
                           Py_ssize_t position, Py_ssize_t columns, Span span, Py_ssize_t used, float* to,
                           Py_ssize_t pitch) noexcept nogil:
    """So many columns of a source row (-1 are zeros) from a position on, column c to to[(c % stride) * pitch + c //
    stride].

    Of each stride only the first `used` columns are wanted.
    """
    cdef const float* row
    cdef const float* part
    cdef Py_ssize_t x_column = g.x_column, stride = g.stride_width, c, p, t, i, n = span.end - span.start
    cdef vfloat a, b, e, d
    if x == NULL or source < 0:
        for p in range(used):
            zero(to + p * pitch, (columns - p + stride - 1) // stride if stride > 1 else columns)
        return
    row = x + source * g.x_row
    if n > 0 and span.vectors:
        part = row + position + span.start - axis.before
        if stride == 1:
            copy(to + span.start, part, n)
            n = 0
        else:
            t = span.start // stride
        while n > 0:
            a, b = first(part, n), first(part + LANES, n - LANES)
            if stride == 2:
                put(to + t, veven(a, b), (n + 1) // 2)
                put(to + pitch + t, vodd(a, b), n // 2)
            else:
                e, d = first(part + 2 * LANES, n - 2 * LANES), first(part + 3 * LANES, n - 3 * LANES)
                put(to + t, veven(veven(a, b), veven(e, d)), (n + 3) // 4)
                put(to + pitch + t, veven(vodd(a, b), vodd(e, d)), (n + 2) // 4)
                put(to + 2 * pitch + t, vodd(veven(a, b), veven(e, d)), (n + 1) // 4)
                put(to + 3 * pitch + t, vodd(vodd(a, b), vodd(e, d)), n // 4)
            t += LANES
            part += stride * LANES
            n -= stride * LANES
    for p in range(used):
        c, t = p, p * pitch
        while c < span.start:
            i = source_at(axis, position + c)
            to[t] = row[i * x_column] if i >= 0 else 0
            c += stride
            t += 1
        if span.vectors:
            n = span.end - c
            if n > 0:
                n = n if stride == 1 else (n + stride - 1) // stride
                c += n * stride
                t += n
        else:
            part = row + (position - axis.before) * x_column
            while c < span.end:
                to[t] = part[c * x_column]
                c += stride
                t += 1
        while c < columns:
            i = source_at(axis, position + c)
            to[t] = row[i * x_column] if i >= 0 else 0
            c += stride
            t += 1


cdef inline bint separate(const ConvGeometry* g, Py_ssize_t n_rows) noexcept nogil:
    """Whether the rows under each row of taps are staged apart: fewer than all from the first to the last."""
    return g.kernel_height * n_rows < (n_rows - 1) * g.stride_height + (g.kernel_height - 1) * g.dilation_height + 1


cdef inline Py_ssize_t staged(const ConvGeometry* g, Py_ssize_t i, Py_ssize_t r, Py_ssize_t n_rows) noexcept nogil:
    """Where the row is staged that the i-th row of taps wants for the r-th of n_rows output rows."""
    return i * n_rows + r if separate(g, n_rows) else r * g.stride_height + i * g.dilation_height


cdef inline void stage(const ConvGeometry* g, const float* x, const ConvAxis* rows, Py_ssize_t top, Py_ssize_t n_rows,
                       bint apart, const ConvAxis* axis, Py_ssize_t left, Py_ssize_t columns, float* to,
                       Py_ssize_t pitch) noexcept nogil:
    """All that n_rows output rows read of one slice, from positions on; zeros where x is NULL."""
    cdef Py_ssize_t r, i, stride = g.stride_width
    cdef Py_ssize_t used = min(stride, columns, (g.kernel_width - 1) * g.dilation_width + 1)
    cdef Span span = span_of(g, axis, left, columns)
    if apart:
        for i in range(g.kernel_height):
            for r in range(n_rows):
                stage_row(g, x, source_at(rows, top + i * g.dilation_height + r * g.stride_height), axis, left, columns,
                          span, used, to + (i * n_rows + r) * stride * pitch, pitch)
    else:
        for r in range((n_rows - 1) * g.stride_height + (g.kernel_height - 1) * g.dilation_height + 1):
            stage_row(g, x, source_at(rows, top + r), axis, left, columns, span, used, to + r * stride * pitch, pitch)
