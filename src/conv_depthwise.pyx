"""Depthwise convolution: each channel alone.

    y[m, i, j] = act(bias[m] + sum over b, a of w[m, a, b] * x[c, i * stride + a - above, j * stride + b - before])

The sum starts at the bias and runs down the columns of the taps, one fused multiply-add each, whatever the place.

Blocking. R rows of one vector are held in registers. For each column of taps the source rows are loaded once and used
by all output rows that they belong to. Source rows are staged with their border and sorted by their place in the stride
(staging.pxd); where all around is zeros, only the rows of the image are copied, since the zeros stay. Planes of at most
half a vector's width go two by two, one in each half. The sizes 3, 5 and 7 at strides 1 and 2 are clones of one source
with constants; the rest walks its taps one by one.
"""
cimport numpy as cnp

from gemm cimport Values, activated
from staging cimport Geometry, phase_pitch, stage, zero
from tasks cimport get_workspace, run_tasks
from vector cimport HALF, LANES, convlab_max_threads, veven, vfloat, vload, vload_halves, vload_part, vodd, vsplat
from vector cimport vstore, vstore_part, vupper

cnp.import_array()


cdef struct Conv:
    const float* x
    const float* w
    const float* bias
    float* y
    const Geometry* g
    const Values* v
    const Py_ssize_t* rows
    const Py_ssize_t* columns
    Py_ssize_t width, pitch         # staged columns; floats from one place in the stride to the next
    Py_ssize_t strip                # floats of a strip


ctypedef void (*plane_function)(const Conv*, Py_ssize_t, Py_ssize_t, float*) noexcept nogil


cdef inline void block(const float* strip, const float* other, const Py_ssize_t pitch, const Py_ssize_t row,
                       const float* w, const float bias, vfloat* acc, const Py_ssize_t kh, const Py_ssize_t kw,
                       const Py_ssize_t stride_height, const Py_ssize_t stride_width, const Py_ssize_t dilation_height,
                       const Py_ssize_t dilation_width, const int R, const bint pair,
                       const bint unrolled) noexcept nogil:
    """R rows by one vector, of one plane or of two."""
    cdef vfloat rows[19]
    cdef vfloat tap
    cdef Py_ssize_t b, a, s, at
    cdef int r, i
    if pair:
        tap = vload_halves(&w[kh * kw * LANES], &w[kh * kw * LANES + HALF])
        for r in range(R):
            acc[r] = tap
    else:
        for r in range(R):
            acc[r] = vsplat(bias)
    for b in range(kw):
        at = b * dilation_width % stride_width * pitch + b * dilation_width // stride_width
        if unrolled:
            for i in range(<int>((R - 1) * stride_height + kh)):
                s = at + i * row
                rows[i] = vload_halves(strip + s, other + s) if pair else vload(strip + s)
            for i in range(<int>kh):
                tap = vload(w + (i * kw + b) * LANES) if pair else vsplat(w[i * kw + b])
                for r in range(R):
                    acc[r] += tap * rows[r * stride_height + i]
        else:
            for a in range(kh):
                tap = vload(w + (a * kw + b) * LANES) if pair else vsplat(w[a * kw + b])
                s = at + a * dilation_height * row
                for r in range(R):
                    acc[r] += tap * vload(strip + s + r * stride_height * row)


cdef inline void stage_plain(const Conv* f, const float* x, Py_ssize_t top, Py_ssize_t n_rows, float* strip,
                             const Py_ssize_t stride, const bint again) noexcept nogil:
    """n_rows source rows from `top` on, at strides 1 and 2. Left and right of the image there are zeros already; with
    `again`, where the strip held the same rows of another plane, above and below it too."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t r, c, n, row = stride * f.pitch, before = g.n_before
    cdef float* to = strip + (before // stride if before % stride == 0 else f.pitch + before // stride)
    cdef float* odd = strip + (f.pitch + before // 2 if before % 2 == 0 else before // 2 + 1)
    cdef const float* source
    cdef vfloat v, u
    for r in range(n_rows):
        if top + r < 0 or top + r >= g.height:
            if not again:
                zero(strip + r * row, row)
            continue
        source = x + (top + r) * g.x_row
        c = 0
        if stride == 1:
            while c < g.width:
                n = min(g.width - c, LANES)
                vstore(to + r * row + c, vload_part(source + c, n))
                c += LANES
        else:
            while c < g.width:
                n = g.width - c
                v = vload_part(source + c, min(n, LANES))
                u = vload_part(source + c + LANES, min(n - LANES, LANES)) if n > LANES else vsplat(0)
                vstore(to + r * row + c // 2, veven(v, u))
                vstore(odd + r * row + c // 2, vodd(v, u))
                c += 2 * LANES


cdef inline void prepare(const Conv* f, Py_ssize_t t, Py_ssize_t top, float* workspace, const Py_ssize_t kh,
                         const Py_ssize_t kw, const Py_ssize_t stride_height, const Py_ssize_t stride_width,
                         const Py_ssize_t dilation_height, const int R, const bint pair,
                         const bint plain) noexcept nogil:
    """Stage what R output rows of a plane want; with `pair` of two planes, and their taps."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t planes = (g.groups + 1) // 2 if pair else g.groups
    cdef Py_ssize_t channel = t % planes * (2 if pair else 1), taps = kh * kw, i
    cdef Py_ssize_t second = min(channel + 1, g.groups - 1) - channel if pair else 0
    cdef const float* x = f.x + t // planes * g.x_batch + channel * g.x_channel
    cdef const float* w = f.w + channel * taps
    cdef float* halves = workspace + 2 * f.strip
    for i in range(2 if pair else 1):
        if plain:
            stage_plain(f, x + i * second * g.x_channel, top * stride_height - g.n_above,
                        (R - 1) * stride_height + (kh - 1) * dilation_height + 1, workspace + i * f.strip, stride_width,
                        g.out_height <= R)
        else:
            stage(g, x + i * second * g.x_channel, f.rows + top * stride_height, min(R, g.out_height - top), False,
                  f.columns, f.width, workspace + i * f.strip, f.pitch)
    if pair:
        # Each tap of the one channel in half a vector, of the other in the other half; at last the bias.
        # (A whole vector of the second is stored half a vector on, and the next tap's covers its end.)
        for i in range(taps):
            vstore(halves + i * LANES, vsplat(w[i]))
            vstore(halves + i * LANES + HALF, vsplat(w[second * taps + i]))
        vstore(halves + taps * LANES, vsplat(f.bias[channel]))
        vstore(halves + taps * LANES + HALF, vsplat(f.bias[channel + second]))


cdef inline void compute(const Conv* f, Py_ssize_t t, Py_ssize_t top, float* workspace, const Py_ssize_t kh,
                         const Py_ssize_t kw, const Py_ssize_t stride_height, const Py_ssize_t stride_width,
                         const Py_ssize_t dilation_height, const Py_ssize_t dilation_width, const int R,
                         const bint pair, const bint line, const bint unrolled) noexcept nogil:
    """R output rows of a plane, for each of its output channels; in a `line` R vectors of the only row."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t planes = (g.groups + 1) // 2 if pair else g.groups, taps = kh * kw
    cdef Py_ssize_t channel = t % planes * (2 if pair else 1), n_rows = min(g.out_height - top, R), m, c, n, i, r
    cdef Py_ssize_t second = min(channel + 1, g.groups - 1) - channel if pair else 0
    cdef Py_ssize_t pitch = LANES if line else stride_width * f.pitch
    cdef float* strip = workspace
    cdef float* halves = workspace + 2 * f.strip
    cdef float* y
    cdef float* to
    cdef vfloat acc[7]
    for m in range(g.out_channels):
        y = f.y + t // planes * g.y_batch + (channel * g.out_channels + m) * g.y_channel + top * g.y_row
        c = 0
        while c < g.out_width:
            if pair:
                block(strip, workspace + f.strip, f.pitch, pitch, halves, 0, acc, kh, kw, stride_height, stride_width,
                      dilation_height, dilation_width, R, True, unrolled)
            else:
                block(strip + c, strip + c, f.pitch, pitch, f.w + (channel * g.out_channels + m) * taps,
                      f.bias[channel * g.out_channels + m], acc, kh, kw, 1 if line else stride_height, stride_width,
                      dilation_height, dilation_width, R, False, unrolled)
            for r in range(R):
                acc[r] = activated(f.v, acc[r])
            n = min(g.out_width - c, LANES)
            if pair:
                for r in range(n_rows):
                    vstore_part(y + r * g.y_row, acc[r], n)
                    vstore_part(y + second * g.y_channel + r * g.y_row, vupper(acc[r]), n)
            elif n == LANES and n_rows == R and g.y_column == 1:
                for r in range(R):
                    vstore(y + r * g.y_row + c, acc[r])
            else:
                for r in range(R if line else n_rows):
                    to = y + (c + r * LANES) * g.y_column if line else y + r * g.y_row + c * g.y_column
                    n = min(g.out_width - c - r * LANES, LANES) if line else n
                    if g.y_column == 1:
                        vstore_part(to, acc[r], n)
                    else:
                        vstore(halves, acc[r])
                        for i in range(n):
                            to[i * g.y_column] = halves[i]
            c += R * LANES if line else LANES


cdef inline void planes(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace, const Py_ssize_t kh,
                        const Py_ssize_t kw, const Py_ssize_t stride_height, const Py_ssize_t stride_width,
                        const Py_ssize_t dilation_height, const Py_ssize_t dilation_width, const int R, const bint pair,
                        const bint plain, const bint line, const bint unrolled) noexcept nogil:
    """Some planes, or pairs of them. What the next rows want is staged before these are computed: loads that reach over
    what several stores have just written would wait for them."""
    cdef Py_ssize_t t = first, top = 0, next_t, next_top, half = f.g.workspace // 2
    cdef float* now = workspace
    cdef float* other = workspace + half
    if first >= last:
        return
    prepare(f, t, top, now, kh, kw, stride_height, stride_width, dilation_height, R, pair, plain)
    while t < last:
        next_t, next_top = t, top + R
        if next_top >= f.g.out_height:
            next_t, next_top = t + 1, 0
        if next_t < last:
            prepare(f, next_t, next_top, other, kh, kw, stride_height, stride_width, dilation_height, R, pair, plain)
        compute(f, t, top, now, kh, kw, stride_height, stride_width, dilation_height, dilation_width, R, pair, line,
                unrolled)
        t, top = next_t, next_top
        now, other = other, now


cdef void plane_any(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    cdef const Geometry* g = f.g
    planes(f, first, last, workspace, g.kernel_height, g.kernel_width, g.stride_height, g.stride_width,
           g.dilation_height, g.dilation_width, 4, False, False, False, False)


cdef void plane_line(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    cdef const Geometry* g = f.g
    planes(f, first, last, workspace, 1, g.kernel_width, 1, g.stride_width, 1, g.dilation_width, 4, False, False, True,
           False)


cdef void plane_3_1(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 3, 3, 1, 1, 1, 1, 7 if LANES == 16 else 4, False, True, False, True)


cdef void plane_3_1_pair(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 3, 3, 1, 1, 1, 1, 7 if LANES == 16 else 4, True, True, False, True)


cdef void plane_3_2(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 3, 3, 2, 2, 1, 1, 7 if LANES == 16 else 4, False, True, False, True)


cdef void plane_3_2_pair(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 3, 3, 2, 2, 1, 1, 7 if LANES == 16 else 4, True, True, False, True)


cdef void plane_5_1(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 5, 5, 1, 1, 1, 1, 7 if LANES == 16 else 4, False, True, False, True)


cdef void plane_5_1_pair(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 5, 5, 1, 1, 1, 1, 7 if LANES == 16 else 4, True, True, False, True)


cdef void plane_5_2(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 5, 5, 2, 2, 1, 1, 7 if LANES == 16 else 4, False, True, False, True)


cdef void plane_5_2_pair(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 5, 5, 2, 2, 1, 1, 7 if LANES == 16 else 4, True, True, False, True)


cdef void plane_7_1(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 7, 7, 1, 1, 1, 1, 7 if LANES == 16 else 4, False, True, False, True)


cdef void plane_7_1_pair(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 7, 7, 1, 1, 1, 1, 7 if LANES == 16 else 4, True, True, False, True)


cdef void plane_7_2(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 7, 7, 2, 2, 1, 1, 7 if LANES == 16 else 4, False, True, False, True)


cdef void plane_7_2_pair(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* space) noexcept nogil:
    planes(f, first, last, space, 7, 7, 2, 2, 1, 1, 7 if LANES == 16 else 4, True, True, False, True)


cdef plane_function choose(const Geometry* g, bint pair) noexcept nogil:
    """The clone for these sizes, or the one for all."""
    if g.out_height == 1 and g.kernel_height == 1:
        return plane_line
    if not g.plain or g.dilation_height != 1 or g.dilation_width != 1 or g.kernel_height != g.kernel_width:
        return plane_any
    if g.kernel_width == 3 and g.stride_width == 1 and g.stride_height == 1:
        return plane_3_1_pair if pair else plane_3_1
    if g.kernel_width == 3 and g.stride_width == 2 and g.stride_height == 2:
        return plane_3_2_pair if pair else plane_3_2
    if g.kernel_width == 5 and g.stride_width == 1 and g.stride_height == 1:
        return plane_5_1_pair if pair else plane_5_1
    if g.kernel_width == 5 and g.stride_width == 2 and g.stride_height == 2:
        return plane_5_2_pair if pair else plane_5_2
    if g.kernel_width == 7 and g.stride_width == 1 and g.stride_height == 1:
        return plane_7_1_pair if pair else plane_7_1
    if g.kernel_width == 7 and g.stride_width == 2 and g.stride_height == 2:
        return plane_7_2_pair if pair else plane_7_2
    return plane_any


# Planes of a piece at most. Rows are staged one block ahead, but not across pieces; between them a call may be stopped.
cdef enum:
    LONGEST = 64


cdef struct Call:
    const Conv* f
    plane_function function
    Py_ssize_t planes, pieces


cdef void piece(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Call* c = <const Call*>what
    c.function(c.f, c.planes * t // c.pieces, c.planes * (t + 1) // c.pieces, <float*>workspace)


def conv_depthwise(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray bias, cnp.ndarray geometry,
                   cnp.ndarray sources, cnp.ndarray values, int threads):
    """Get the workspace and share out the planes."""
    cdef Conv f
    cdef const Geometry* g = <const Geometry*>cnp.PyArray_DATA(geometry)
    cdef Py_ssize_t size = g.workspace * sizeof(float)
    cdef float* workspace
    cdef Call call
    cdef bint pair
    f.x = <const float*>cnp.PyArray_DATA(x)
    f.w = <const float*>cnp.PyArray_DATA(w)
    f.y = <float*>cnp.PyArray_DATA(y)
    f.bias = <const float*>cnp.PyArray_DATA(bias)
    f.g = g
    f.v = <const Values*>cnp.PyArray_DATA(values)
    f.rows = <const Py_ssize_t*>cnp.PyArray_DATA(sources) + g.depths
    f.columns = f.rows + g.rows
    f.width = (g.out_width - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1
    f.pitch = phase_pitch(f.width, g.stride_width)
    f.strip = (g.workspace // 2 - (g.kernel_height * g.kernel_width + 2) * LANES) // 2
    pair = LANES > 1 and g.out_width <= HALF and g.y_column == 1 and g.out_channels == 1
    call.f, call.function = &f, choose(g, pair)
    pair = pair and call.function != plane_any and call.function != plane_line
    call.planes = g.batch * ((g.groups + 1) // 2 if pair else g.groups)
    threads = <int>max(1, min(threads, convlab_max_threads(), call.planes))
    call.pieces = threads * ((call.planes + threads * LONGEST - 1) // (threads * LONGEST))
    workspace = <float*>get_workspace(threads, size, 0)
    with nogil:
        zero(workspace, threads * g.workspace)
        run_tasks(piece, &call, call.pieces, threads, workspace, size, workspace)
