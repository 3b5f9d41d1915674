# Rows of windows of 2, 3 and 5 columns in registers: see pool2d.pyx.
from geometry cimport PoolGeometry
from vector cimport LANES, prefetch, veven, vfloat, vload, vodd, vsplat, vstore, vstream
from pool cimport (
    AVERAGE, Operation, Rows, VNEVER, identity, join, quick, vany, vbehind, veither, vload_lanes, vslide1, vslide2,
    vslide3, vslide4, vstore_lanes, vtruth, vunordered,
)


cdef inline vfloat joined(vfloat a, vfloat b, const Operation operation, const bint careful) noexcept nogil:
    return join(a, b, operation) if careful else quick(a, b, operation)


# What is left to do with an output.
cdef enum Finish:
    DIVIDE = 1
    MULTIPLY = 2
    STREAM = 4


cdef inline vfloat columns(Py_ssize_t width, const float* x, Py_ssize_t c, const bint whole,
                           const Operation operation) noexcept nogil:
    """Columns c .. of a row; those outside it are padding."""
    if whole:
        return vload(x + c)
    return vload_lanes(x + c, min(max(-c, 0), LANES), min(max(width - c, 0), LANES), vsplat(identity(operation)))


cdef inline vfloat down(Py_ssize_t width, const Rows* r, Py_ssize_t c, const bint whole, const int n,
                        const Operation operation, const bint careful, vtruth* bad) noexcept nogil:
    """Columns c .. of the rows' reduction; n is their number where it is known, or 0."""
    cdef vfloat a, b, d
    cdef Py_ssize_t i, j
    if not whole and c >= width:
        return vsplat(identity(operation))
    if n == 2:
        a = columns(width, r.x, c, whole, operation)
        b = columns(width, r.x + r.pitch, c, whole, operation)
        if operation != AVERAGE and not careful:
            bad[0] = veither(bad[0], vunordered(a, b))
        return joined(a, b, operation, careful)
    if n == 3:
        a = columns(width, r.x, c, whole, operation)
        b = columns(width, r.x + r.pitch, c, whole, operation)
        d = columns(width, r.x + 2 * r.pitch, c, whole, operation)
        if operation != AVERAGE and not careful:
            bad[0] = veither(bad[0], veither(vunordered(a, b), vunordered(d, d)))
        return joined(joined(a, b, operation, careful), d, operation, careful)
    a = d = vsplat(identity(operation))
    for i in range(r.slices if r.n else 0):
        for j in range(r.n):
            b = columns(width, r.x + i * r.slice_pitch + j * r.pitch, c, whole, operation)
            if operation != AVERAGE and not careful:
                bad[0] = veither(bad[0], vunordered(b, b))
            d = joined(d, b, operation, careful) if j else b
        a = joined(a, d, operation, careful) if i else d
    return a


cdef inline vfloat along(vfloat a, vfloat b, const int n, const Operation operation, const bint careful) noexcept nogil:
    """Windows of n columns of a followed by b, at stride 1."""
    cdef vfloat y = joined(a, vslide1(a, b), operation, careful)
    if n > 2:
        y = joined(y, vslide2(a, b), operation, careful)
    if n > 3:
        y = joined(y, vslide3(a, b), operation, careful)
    if n > 4:
        y = joined(y, vslide4(a, b), operation, careful)
    return y


cdef inline void put(Py_ssize_t out_width, float* y, Py_ssize_t i, vfloat a, const bint whole, vfloat divisor,
                     int finish) noexcept nogil:
    """Outputs i .. of a row."""
    if finish & DIVIDE:
        a = a / divisor
    elif finish & MULTIPLY:
        a = a * divisor
    if not whole:
        vstore_lanes(y + i, a, min(max(-i, 0), LANES), min(max(out_width - i, 0), LANES))
    elif finish & STREAM:
        vstream(y + i, a)
    else:
        vstore(y + i, a)


cdef inline bint strip_1(const PoolGeometry* g, const Rows* r, float* y, Py_ssize_t i, vfloat divisor, int finish,
                         const int n_rows, const int n, const Operation operation, const bint careful) noexcept nogil:
    """One row of windows of n columns at stride 1, from output i on. Returns whether there was NaN."""
    cdef Py_ssize_t c = i - g.pad_width
    cdef Py_ssize_t width = g.width, out_width = g.out_width
    cdef vtruth bad = VNEVER
    cdef vfloat a = down(width, r, c, False, n_rows, operation, careful, &bad), b
    if c + LANES < 0 or i < 0:
        b = down(width, r, c + LANES, False, n_rows, operation, careful, &bad)
        put(out_width, y, i, along(a, b, n, operation, careful), False, divisor, finish)
        a = b
        i += LANES
        c += LANES
    while i + LANES <= out_width and c + 2 * LANES <= width:
        b = down(width, r, c + LANES, True, n_rows, operation, careful, &bad)
        put(out_width, y, i, along(a, b, n, operation, careful), True, divisor, finish)
        a = b
        i += LANES
        c += LANES
    while i < out_width:
        b = down(width, r, c + LANES, False, n_rows, operation, careful, &bad)
        put(out_width, y, i, along(a, b, n, operation, careful), False, divisor, finish)
        a = b
        i += LANES
        c += LANES
    return vany(bad)


cdef inline void down_twice(Py_ssize_t width, const Rows* r, Py_ssize_t c, const bint whole, const int n,
                            const Operation operation, vtruth* bad, vfloat* upper, vfloat* lower) noexcept nogil:
    """The same as down() for two rows of outputs, whose windows have all but their first and last row in common."""
    cdef vfloat a, b, d, middle, e, f, h
    if not whole and c >= width:
        upper[0] = lower[0] = vsplat(identity(operation))
        return
    a = columns(width, r.x, c, whole, operation)
    b = columns(width, r.x + r.pitch, c, whole, operation)
    d = columns(width, r.x + 2 * r.pitch, c, whole, operation)
    if n == 2:
        if operation != AVERAGE:
            bad[0] = veither(bad[0], veither(vunordered(a, b), vunordered(d, d)))
        upper[0] = quick(a, b, operation)
        lower[0] = quick(b, d, operation)
        return
    e = columns(width, r.x + 3 * r.pitch, c, whole, operation)
    if n == 3:
        if operation == AVERAGE:  # a sum's order is that of its window
            upper[0] = (a + b) + d
            lower[0] = (b + d) + e
            return
        bad[0] = veither(bad[0], veither(vunordered(a, b), vunordered(d, e)))
        middle = quick(b, d, operation)
        upper[0] = quick(a, middle, operation)
        lower[0] = quick(middle, e, operation)
        return
    f = columns(width, r.x + 4 * r.pitch, c, whole, operation)
    h = columns(width, r.x + 5 * r.pitch, c, whole, operation)
    if operation == AVERAGE:
        upper[0] = (((a + b) + d) + e) + f
        lower[0] = (((b + d) + e) + f) + h
        return
    bad[0] = veither(bad[0], veither(vunordered(a, b), veither(vunordered(d, e), vunordered(f, h))))
    middle = quick(quick(b, d, operation), quick(e, f, operation), operation)
    upper[0] = quick(a, middle, operation)
    lower[0] = quick(middle, h, operation)


cdef inline bint strip_2(const PoolGeometry* g, const Rows* r, float* y, float* z, Py_ssize_t i, vfloat divisor,
                         int finish, const int n, const Operation operation) noexcept nogil:
    """Two rows of windows of n x n at stride 1, into y and z."""
    cdef Py_ssize_t c = i - g.pad_width
    cdef Py_ssize_t width = g.width, out_width = g.out_width
    cdef vtruth bad = VNEVER
    cdef vfloat a, b, d, e
    down_twice(width, r, c, False, n, operation, &bad, &a, &b)
    if c + LANES < 0 or i < 0:
        down_twice(width, r, c + LANES, False, n, operation, &bad, &d, &e)
        put(out_width, y, i, along(a, d, n, operation, False), False, divisor, finish)
        put(out_width, z, i, along(b, e, n, operation, False), False, divisor, finish)
        a, b = d, e
        i += LANES
        c += LANES
    while i + LANES <= out_width and c + 2 * LANES <= width:
        down_twice(width, r, c + LANES, True, n, operation, &bad, &d, &e)
        put(out_width, y, i, along(a, d, n, operation, False), True, divisor, finish)
        put(out_width, z, i, along(b, e, n, operation, False), True, divisor, finish)
        a, b = d, e
        i += LANES
        c += LANES
    while i < out_width:
        down_twice(width, r, c + LANES, False, n, operation, &bad, &d, &e)
        put(out_width, y, i, along(a, d, n, operation, False), False, divisor, finish)
        put(out_width, z, i, along(b, e, n, operation, False), False, divisor, finish)
        a, b = d, e
        i += LANES
        c += LANES
    return vany(bad)


cdef inline vfloat thrice(vfloat even, vfloat odd, vfloat next_even, vfloat next_odd, const bint before,
                          const Operation operation, const bint careful) noexcept nogil:
    """Windows of three columns, from those of two blocks."""
    if before:
        return joined(joined(vbehind(odd, next_odd), next_even, operation, careful), next_odd, operation, careful)
    return joined(joined(even, odd, operation, careful), vslide1(even, next_even), operation, careful)


cdef inline bint strip_half(const PoolGeometry* g, const Rows* r, float* y, Py_ssize_t i, vfloat divisor, int finish,
                            const int n_rows, const Operation operation, const bint careful) noexcept nogil:
    """One row of windows of 2 columns at stride 2, from output i on. Returns whether there was NaN."""
    cdef Py_ssize_t c = 2 * i - g.pad_width
    cdef Py_ssize_t width = g.width, out_width = g.out_width
    cdef vtruth bad = VNEVER
    cdef vfloat a, b
    if c < 0:
        a = down(width, r, c, False, n_rows, operation, careful, &bad)
        b = down(width, r, c + LANES, False, n_rows, operation, careful, &bad)
        put(out_width, y, i, joined(veven(a, b), vodd(a, b), operation, careful), False, divisor, finish)
        i += LANES
        c += 2 * LANES
    while i + LANES <= out_width and c + 2 * LANES <= width:
        if n_rows:
            prefetch(r.x + 2 * r.pitch + c)
            prefetch(r.x + 2 * r.pitch + c + LANES)
            prefetch(r.x + 3 * r.pitch + c)
            prefetch(r.x + 3 * r.pitch + c + LANES)
        a = down(width, r, c, True, n_rows, operation, careful, &bad)
        b = down(width, r, c + LANES, True, n_rows, operation, careful, &bad)
        put(out_width, y, i, joined(veven(a, b), vodd(a, b), operation, careful), True, divisor, finish)
        i += LANES
        c += 2 * LANES
    while i < out_width:
        a = down(width, r, c, False, n_rows, operation, careful, &bad)
        b = down(width, r, c + LANES, False, n_rows, operation, careful, &bad)
        put(out_width, y, i, joined(veven(a, b), vodd(a, b), operation, careful), False, divisor, finish)
        i += LANES
        c += 2 * LANES
    return vany(bad)


cdef inline void down_apart(Py_ssize_t width, const Rows* r, Py_ssize_t c, const bint whole, const int n_rows,
                            const int n_out, const Operation operation, const bint careful, vtruth* bad,
                            vfloat* v) noexcept nogil:
    """Columns c .. of the reduction of one output row's source rows, or of two rows of outputs', 3 rows each."""
    cdef vfloat a, b, d, e, f
    if n_out == 1:
        v[0] = down(width, r, c, whole, n_rows, operation, careful, bad)
        return
    if not whole and c >= width:
        v[0] = v[1] = vsplat(identity(operation))
        return
    a = columns(width, r.x, c, whole, operation)
    b = columns(width, r.x + r.pitch, c, whole, operation)
    d = columns(width, r.x + 2 * r.pitch, c, whole, operation)
    e = columns(width, r.x + 3 * r.pitch, c, whole, operation)
    f = columns(width, r.x + 4 * r.pitch, c, whole, operation)
    if operation != AVERAGE:
        bad[0] = veither(bad[0], veither(vunordered(a, b), veither(vunordered(d, e), vunordered(f, f))))
    v[0] = quick(quick(a, b, operation), d, operation)
    v[1] = quick(quick(d, e, operation), f, operation)


cdef inline bint strip_three(const PoolGeometry* g, const Rows* r, float* y, vfloat divisor, int finish,
                             const int n_rows, const bint before, const int n_out, const Operation operation,
                             const bint careful) noexcept nogil:
    """One row or two of windows of 3 columns at stride 2, `before` with one column of padding before the first.

    Outputs are made of even and odd columns: with the padding the odd ones before them and their own two, else their
    own two and the even ones behind them, so a vector later. Only the last of a row are not whole."""
    cdef Py_ssize_t i = 0, c = 0, width = g.width, out_width = g.out_width
    cdef vtruth bad = VNEVER
    cdef vfloat nothing = vsplat(identity(operation))
    cdef vfloat a[2]
    cdef vfloat b[2]
    cdef vfloat even[2]
    cdef vfloat odd[2]
    cdef vfloat e, o
    cdef int k
    finish &= ~STREAM
    for k in range(n_out):
        even[k] = odd[k] = nothing
    if not before:
        down_apart(width, r, 0, False, n_rows, n_out, operation, careful, &bad, a)
        down_apart(width, r, LANES, False, n_rows, n_out, operation, careful, &bad, b)
        for k in range(n_out):
            even[k] = veven(a[k], b[k])
            odd[k] = vodd(a[k], b[k])
        c = 2 * LANES
    while c + 2 * LANES <= width:
        down_apart(width, r, c, True, n_rows, n_out, operation, careful, &bad, a)
        down_apart(width, r, c + LANES, True, n_rows, n_out, operation, careful, &bad, b)
        for k in range(n_out):
            e = veven(a[k], b[k])
            o = vodd(a[k], b[k])
            put(out_width, y + k * g.y_row, i, thrice(even[k], odd[k], e, o, before, operation, careful), True, divisor,
                finish)
            even[k] = e
            odd[k] = o
        i += LANES
        c += 2 * LANES
    while i < out_width:
        down_apart(width, r, c, False, n_rows, n_out, operation, careful, &bad, a)
        down_apart(width, r, c + LANES, False, n_rows, n_out, operation, careful, &bad, b)
        for k in range(n_out):
            e = veven(a[k], b[k])
            o = vodd(a[k], b[k])
            put(out_width, y + k * g.y_row, i, thrice(even[k], odd[k], e, o, before, operation, careful), False,
                divisor, finish)
            even[k] = e
            odd[k] = o
        i += LANES
        c += 2 * LANES
    return vany(bad)
