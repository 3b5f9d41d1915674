"""Depthwise convolution: each channel alone.

    y[m, i, j] = act(bias[m] + sum over b, a of w[m, a, b] * x[c, i * stride + a - above, j * stride + b - before])

The sum starts at the bias and runs down the columns of the taps, one fused multiply-add each, whatever the place.

Blocking. R rows of one vector are held in registers. For each column of taps the source rows are loaded once and used by
all output rows that they belong to. Source rows are staged with their border and sorted by their place in the stride
(staging.pxd); where all around is zeros, only the rows of the image are copied, since the zeros stay. Planes of at most
half a vector's width go two by two, one in each half. The sizes 3, 5 and 7 at strides 1 and 2 are clones of one source
with constants; the rest walks its taps one by one.
"""
from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
cimport numpy as cnp

from gemm cimport Values, activated
from staging cimport Geometry, phase_pitch, stage, zero
from vector cimport HALF, LANES, convlab_max_threads, veven, vfloat, vload, vload_halves, vload_part, vodd, vsplat, vstore
from vector cimport vstore_part, vupper

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


ctypedef void (*plane_function)(const Conv*, Py_ssize_t, float*) noexcept nogil


cdef inline void block(const float* strip, const float* other, const Py_ssize_t pitch, const float* w,
                       const float bias, const float other_bias, vfloat* acc, const Py_ssize_t kh, const Py_ssize_t kw,
                       const Py_ssize_t stride_height, const Py_ssize_t stride_width, const Py_ssize_t dilation_height,
                       const Py_ssize_t dilation_width, const int R, const bint pair, const bint unrolled) noexcept nogil:
    """R rows by one vector, of one plane or of two."""
    cdef vfloat rows[19]
    cdef vfloat tap
    cdef Py_ssize_t b, a, s, at, row = stride_width * pitch
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
                rows[i] = vload_halves(strip + at + i * row, other + at + i * row) if pair else vload(strip + at + i * row)
            for i in range(<int>kh):
                tap = vload(w + (i * kw + b) * LANES) if pair else vsplat(w[i * kw + b])
                for r in range(R):
                    acc[r] += tap * rows[r * stride_height + i]
        else:
            for a in range(kh):
                tap = vload(w + (a * kw + b) * LANES) if pair else vsplat(w[a * kw + b])
                s = at + a * dilation_height * row
                for r in range(R):
                    if pair:
                        acc[r] += tap * vload_halves(strip + s + r * stride_height * row, other + s + r * stride_height * row)
                    else:
                        acc[r] += tap * vload(strip + s + r * stride_height * row)


cdef inline void stage_plain(const Conv* f, const float* x, Py_ssize_t top, Py_ssize_t n_rows, float* strip,
                             const Py_ssize_t stride) noexcept nogil:
    """n_rows source rows from `top` on, at strides 1 and 2; what stands left and right of the image is zero already."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t r, c, n, row = stride * f.pitch, before = g.n_before
    cdef float* to = strip + (before // stride if before % stride == 0 else f.pitch + before // stride)
    cdef float* odd = strip + (f.pitch + before // 2 if before % 2 == 0 else before // 2 + 1)
    cdef const float* source
    cdef vfloat v, u
    for r in range(n_rows):
        if top + r < 0 or top + r >= g.height:
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


cdef inline void planes(const Conv* f, Py_ssize_t t, float* workspace, const Py_ssize_t kh, const Py_ssize_t kw,
                        const Py_ssize_t stride_height, const Py_ssize_t stride_width, const Py_ssize_t dilation_height,
                        const Py_ssize_t dilation_width, const int R, const bint pair, const bint plain,
                        const bint unrolled) noexcept nogil:
    """One input plane with all its output planes; with `pair` two."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t images = g.out_depth * ((g.groups + 1) // 2) if pair else g.out_depth * g.groups
    cdef Py_ssize_t image = t // images, depth = t % images % g.out_depth
    cdef Py_ssize_t channel = t % images // g.out_depth * (2 if pair else 1)
    cdef Py_ssize_t second = min(channel + 1, g.groups - 1) - channel if pair else 0
    cdef Py_ssize_t taps = kh * kw, top, n_rows, m, c, n, i, r, extent
    cdef const float* x = f.x + image * g.x_batch + channel * g.x_channel + depth * g.stride_depth * g.x_depth
    cdef float* y
    cdef float* strip = workspace
    cdef float* other = workspace + f.strip if pair else strip
    cdef float* halves = workspace + 2 * f.strip
    cdef const float* w
    cdef const float* bias
    cdef vfloat acc[7]
    top = 0
    while top < g.out_height:
        n_rows = min(g.out_height - top, R)
        extent = (R - 1) * stride_height + (kh - 1) * dilation_height + 1
        for i in range(2 if pair else 1):
            if plain:
                stage_plain(f, x + i * second * g.x_channel, top * stride_height - g.n_above, extent,
                            other if i else strip, stride_width)
            else:
                stage(g, x + i * second * g.x_channel, f.rows + top * stride_height, n_rows, False, f.columns, f.width,
                      other if i else strip, f.pitch)
        for m in range(g.out_channels):
            w = f.w + (channel * g.out_channels + m) * taps
            bias = f.bias + channel * g.out_channels + m
            y = (f.y + image * g.y_batch + (channel * g.out_channels + m) * g.y_channel + depth * g.y_depth
                 + top * g.y_row)
            if pair:
                # Each tap of the one channel in half a vector, of the other in the other half; at last the bias.
                # (A whole vector of the second is stored half a vector on, and the next tap's covers its end.)
                for i in range(taps):
                    vstore(halves + i * LANES, vsplat(w[i]))
                    vstore(halves + i * LANES + HALF, vsplat(w[second * g.out_channels * taps + i]))
                vstore(halves + taps * LANES, vsplat(bias[0]))
                vstore(halves + taps * LANES + HALF, vsplat(bias[second * g.out_channels]))
                block(strip, other, f.pitch, halves, 0, 0, acc, kh, kw, stride_height, stride_width, dilation_height,
                      dilation_width, R, True, unrolled)
                for r in range(n_rows):
                    acc[r] = activated(f.v, acc[r])
                    vstore_part(y + r * g.y_row, acc[r], g.out_width)
                    vstore_part(y + second * g.out_channels * g.y_channel + r * g.y_row, vupper(acc[r]), g.out_width)
                continue
            c = 0
            while c < g.out_width:
                n = min(g.out_width - c, LANES)
                block(strip + c, strip + c, f.pitch, w, bias[0], bias[0], acc, kh, kw, stride_height, stride_width,
                      dilation_height, dilation_width, R, False, unrolled)
                for r in range(R):
                    acc[r] = activated(f.v, acc[r])
                if n == LANES and n_rows == R and g.y_column == 1:
                    for r in range(R):
                        vstore(y + r * g.y_row + c, acc[r])
                elif g.y_column == 1:
                    for r in range(n_rows):
                        vstore_part(y + r * g.y_row + c, acc[r], n)
                else:
                    for r in range(n_rows):
                        vstore(halves, acc[r])
                        for i in range(n):
                            y[r * g.y_row + (c + i) * g.y_column] = halves[i]
                c += LANES
        top += R


cdef void plane_any(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    cdef const Geometry* g = f.g
    planes(f, t, workspace, g.kernel_height, g.kernel_width, g.stride_height, g.stride_width, g.dilation_height,
           g.dilation_width, 4, False, False, False)


cdef void plane_3_1(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 3, 3, 1, 1, 1, 1, 7 if LANES == 16 else 4, False, True, True)


cdef void plane_3_1_pair(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 3, 3, 1, 1, 1, 1, 7 if LANES == 16 else 4, True, True, True)


cdef void plane_3_2(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 3, 3, 2, 2, 1, 1, 7 if LANES == 16 else 4, False, True, True)


cdef void plane_3_2_pair(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 3, 3, 2, 2, 1, 1, 7 if LANES == 16 else 4, True, True, True)


cdef void plane_5_1(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 5, 5, 1, 1, 1, 1, 7 if LANES == 16 else 4, False, True, True)


cdef void plane_5_1_pair(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 5, 5, 1, 1, 1, 1, 7 if LANES == 16 else 4, True, True, True)


cdef void plane_5_2(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 5, 5, 2, 2, 1, 1, 7 if LANES == 16 else 4, False, True, True)


cdef void plane_5_2_pair(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 5, 5, 2, 2, 1, 1, 7 if LANES == 16 else 4, True, True, True)


cdef void plane_7_1(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 7, 7, 1, 1, 1, 1, 7 if LANES == 16 else 4, False, True, True)


cdef void plane_7_1_pair(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 7, 7, 1, 1, 1, 1, 7 if LANES == 16 else 4, True, True, True)


cdef void plane_7_2(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 7, 7, 2, 2, 1, 1, 7 if LANES == 16 else 4, False, True, True)


cdef void plane_7_2_pair(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    planes(f, t, workspace, 7, 7, 2, 2, 1, 1, 7 if LANES == 16 else 4, True, True, True)


cdef plane_function choose(const Geometry* g, bint pair) noexcept nogil:
    """The clone for these sizes, or the one for all."""
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


def conv_depthwise(cnp.ndarray x, cnp.ndarray w, cnp.ndarray y, cnp.ndarray bias, cnp.ndarray geometry,
                   cnp.ndarray sources, cnp.ndarray values, int threads):
    """Get the workspace and share out the planes."""
    cdef Conv f
    cdef const Geometry* g = <const Geometry*>cnp.PyArray_DATA(geometry)
    cdef Py_ssize_t t, tasks
    cdef float* workspace
    cdef plane_function function
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
    f.strip = (g.workspace - (g.kernel_height * g.kernel_width + 2) * LANES) // 2
    pair = LANES > 1 and g.out_width <= HALF and g.y_column == 1
    function = choose(g, pair)
    pair = pair and function != plane_any
    tasks = g.batch * g.out_depth * ((g.groups + 1) // 2 if pair else g.groups)
    threads = <int>max(1, min(threads, convlab_max_threads(), tasks))
    workspace = <float*>malloc(threads * g.workspace * sizeof(float))
    if workspace == NULL:
        raise MemoryError("conv: no memory for %d bytes of workspace" % (4 * threads * g.workspace))
    with nogil:
        zero(workspace, threads * g.workspace)
        if threads == 1:
            for t in range(tasks):
                function(&f, t, workspace)
        else:
            for t in prange(tasks, schedule="static", num_threads=threads):
                function(&f, t, workspace + threadid() * g.workspace)
        free(workspace)
