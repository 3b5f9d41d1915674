"""Depthwise convolution: each channel alone.

    y[m, i, j] = act(bias[m] + sum over b, a of w[m, a, b] * x[c, i * stride + a - above, j * stride + b - before])

The sum starts at the bias and runs down the columns of the taps, one fused multiply-add each, whatever the place; at
stride 2 down two columns at a time (of three, all), each row of these in its order.

Blocking. R rows of one vector are held in registers (depthwise.pxd). The sizes 3, 5 and 7 at strides 1 and 2 with zeros
around are clones of one source with constants. They read the rows of x as they lie: a row of the border is one of
zeros, and beside a row lanes are not loaded. With 16 lanes, planes of at most eight columns go two by two, one in each
half of a vector. The rest is staged with its border, sorted by its place in the stride (staging.pxd), one block ahead,
since loads that reach over several fresh stores wait for them, and walks its taps one by one.

Channels that lie innermost, if they fill a vector, are a vector's lanes (depthwise_last.pxd): nothing is staged.
"""
from arrays cimport PyArray_DATA, ndarray

from depthwise cimport Lanes, Place, block, block_function, block_rows, together
from depthwise_last cimport Tap, row_last, sorted_taps
from gemm cimport Values, activated
from staging cimport Geometry, phase_pitch, stage, zero
from tasks cimport get_workspace, run_tasks
from vector cimport HALF, LANES, vfloat, vlanes_between, vload, vsplat, vstore, vstore_part


cdef struct Conv:
    const float* x
    const float* w
    const float* bias
    float* y
    const Geometry* g
    const Values* v
    const Py_ssize_t* rows
    const Py_ssize_t* columns
    const float* taps               # of innermost channels: the sorted weights, and a pixel of zeros
    const float* zeros
    Py_ssize_t width, pitch         # staged columns; floats from one place in the stride to the next
    block_function inside, edge
    bint pair                       # whether planes go two by two


ctypedef void (*plane_function)(const Conv*, Py_ssize_t, Py_ssize_t, float*) noexcept nogil


cdef inline const float* source(const Conv* f, Py_ssize_t image, Py_ssize_t channel) noexcept nogil:
    """The plane that an output channel is made of."""
    cdef Py_ssize_t n = f.g.out_channels
    return f.x + image * f.g.x_batch + (channel if n == 1 else channel // n) * f.g.x_channel


cdef inline void set_lanes(const Geometry* g, Py_ssize_t at, Lanes* lanes, const int K, const int stride,
                           const bint pair) noexcept nogil:
    """What is loaded for a block whose first tap lies on column `at`."""
    cdef Py_ssize_t b, i, c
    lanes.corner = at >= 0 and at < g.width
    for b in range(K + 1):
        lanes.first[b] = vlanes_between(-at - b, g.width - at - b)
        lanes.second[b] = vlanes_between(-at - b - LANES, g.width - at - b - LANES)
    if pair:
        lanes.row = vlanes_between(0, g.width)
        for b in range(K):
            lanes.first[b] = vlanes_between(0, 0)
            for i in range(HALF):
                c = at + b + i * stride
                lanes.picked[b * 16 + i] = <int>c
                lanes.picked[b * 16 + HALF + i] = <int>((HALF if stride == 1 else LANES) + c)
                if c >= 0 and c < g.width:
                    lanes.first[b] |= vlanes_between(i, i + 1) | vlanes_between(HALF + i, HALF + i + 1)


cdef void direct(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some planes of the output, or pairs of them, from the rows of x as they lie."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t K = g.kernel_width, stride = g.stride_width, R = block_rows(), planes = g.groups * g.out_channels
    cdef Py_ssize_t n_sources = (max(g.out_height, R) - 1) * stride + K, filled = min(g.height, n_sources - g.n_above)
    cdef Py_ssize_t image = first // planes, channel = first % planes, t = first, r, c, top, side
    cdef Py_ssize_t known[2]
    cdef Lanes lanes[2]
    cdef Place p
    cdef const float** rows = <const float**>workspace
    cdef const float** rows_2 = rows + n_sources
    cdef float* whole = <float*>(rows_2 + n_sources)            # a block of a plane with fewer rows
    cdef float* whole_2 = whole + R * LANES
    cdef float* zeros = whole_2 + R * LANES
    cdef const float* x
    cdef float* y
    cdef float* y_2 = NULL
    zero(zeros, g.width)
    for r in range(n_sources):
        rows[r] = rows_2[r] = zeros
    known[0] = known[1] = -1
    p.n, p.v, p.y_row = min(g.out_width, LANES), f.v, g.y_row if g.out_height >= R else LANES
    while t < last:
        x, y = source(f, image, channel), f.y + image * g.y_batch + channel * g.y_channel
        p.w, p.bias = f.w + channel * K * K, f.bias[channel]
        for r in range(filled):
            rows[g.n_above + r] = x + r * g.x_row
        if f.pair:
            if t + 1 < last:                                    # else the one plane is both
                t += 1
                channel += 1
                if channel == planes:
                    image, channel = image + 1, 0
            x, y_2 = source(f, image, channel), f.y + image * g.y_batch + channel * g.y_channel
            p.w_2, p.bias_2 = f.w + channel * K * K, f.bias[channel]
            for r in range(filled):
                rows_2[g.n_above + r] = x + r * g.x_row
        top = 0
        while True:
            p.rows, p.rows_2 = rows + top * stride, rows_2 + top * stride
            c = 0
            while True:
                p.at, p.y, p.y_2 = c * stride - g.n_before, y + top * g.y_row + c, y_2 + top * g.y_row
                if g.out_height < R:
                    p.y, p.y_2 = whole, whole_2
                if p.at >= 0 and p.at + stride * LANES + K <= g.width:
                    f.inside(&p)
                else:
                    side = c > 0
                    if known[side] != c:
                        set_lanes(g, p.at, &lanes[side], K, stride, f.pair)
                        known[side] = c
                    p.lanes = &lanes[side]
                    f.edge(&p)
                if g.out_height < R:
                    for r in range(g.out_height):
                        vstore_part(y + r * g.y_row + c, vload(whole + r * LANES), p.n)
                        if f.pair:
                            vstore_part(y_2 + r * g.y_row, vload(whole_2 + r * LANES), p.n)
                if c + LANES >= g.out_width:
                    break
                c = min(c + LANES, g.out_width - LANES)
            if top + R >= g.out_height:
                break
            top = min(top + R, g.out_height - R)
        t += 1
        channel += 1
        if channel == planes:
            image, channel = image + 1, 0


cdef inline void block_any(const float* strip, const Py_ssize_t pitch, const Py_ssize_t row, const float* w,
                           const float bias, vfloat* acc, const Geometry* g, const Py_ssize_t stride_height,
                           const int R) noexcept nogil:
    """R rows by one vector of a staged plane."""
    cdef Py_ssize_t step = together(g.kernel_width, g.stride_width), first = 0, a, b, s
    cdef vfloat tap
    cdef int r
    for r in range(R):
        acc[r] = vsplat(bias)
    while first < g.kernel_width:
        for a in range(g.kernel_height):
            for b in range(first, min(first + step, g.kernel_width)):
                s = b * g.dilation_width
                s = s % g.stride_width * pitch + s // g.stride_width + a * g.dilation_height * row
                tap = vsplat(w[a * g.kernel_width + b])
                for r in range(R):
                    acc[r] += tap * vload(strip + s + r * stride_height * row)
        first += step


cdef inline void compute(const Conv* f, Py_ssize_t t, Py_ssize_t top, const float* strip, const int R,
                         const bint line) noexcept nogil:
    """R output rows of a plane, for each of its output channels; in a `line` R vectors of the only row."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t n_rows = min(g.out_height - top, R), m, c, n, i, r, channel
    cdef Py_ssize_t row = LANES if line else g.stride_width * f.pitch
    cdef float* y
    cdef float* to
    cdef float part[16]
    cdef vfloat acc[4]
    for m in range(g.out_channels):
        channel = t % g.groups * g.out_channels + m
        y = f.y + t // g.groups * g.y_batch + channel * g.y_channel + top * g.y_row
        c = 0
        while c < g.out_width:
            block_any(strip + c, f.pitch, row, f.w + channel * g.kernel_height * g.kernel_width, f.bias[channel], acc,
                      g, 1 if line else g.stride_height, R)
            for r in range(R if line else n_rows):
                acc[r] = activated(f.v, acc[r])
                to = y + (c + r * LANES) * g.y_column if line else y + r * g.y_row + c * g.y_column
                n = min(g.out_width - c - r * LANES if line else g.out_width - c, LANES)
                if g.y_column == 1:
                    vstore_part(to, acc[r], n)
                else:
                    vstore(part, acc[r])
                    for i in range(n):
                        to[i * g.y_column] = part[i]
            c += R * LANES if line else LANES


cdef inline void prepare(const Conv* f, Py_ssize_t t, Py_ssize_t top, float* strip, const int R) noexcept nogil:
    """Stage what R output rows of a plane want."""
    cdef const Geometry* g = f.g
    stage(g, f.x + t // g.groups * g.x_batch + t % g.groups * g.x_channel, f.rows + top * g.stride_height,
          min(R, g.out_height - top), False, f.columns, f.width, strip, f.pitch)


cdef inline void planes(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace, const int R,
                        const bint line) noexcept nogil:
    """Some planes of the input, staged."""
    cdef Py_ssize_t t = first, top = 0, next_t, next_top
    cdef float* now = workspace
    cdef float* other = workspace + f.g.workspace // 2
    if first >= last:
        return
    zero(workspace, f.g.workspace)
    prepare(f, t, top, now, R)
    while t < last:
        next_t, next_top = t, top + R
        if next_top >= f.g.out_height:
            next_t, next_top = t + 1, 0
        if next_t < last:
            prepare(f, next_t, next_top, other, R)
        compute(f, t, top, now, R, line)
        t, top = next_t, next_top
        now, other = other, now


cdef void planes_any(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    planes(f, first, last, workspace, 4, False)


cdef void planes_line(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    planes(f, first, last, workspace, 4, True)


# Pixels of a piece of a row whose channels lie innermost: a line has but one row, and threads share it too.
cdef enum:
    PART = 128


cdef void rows_last(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some pieces of rows of the output, whose channels lie innermost."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t parts = (g.out_width + PART - 1) // PART, t, image, i, j
    for t in range(first, last):
        image, i, j = t // parts // g.out_height, t // parts % g.out_height, t % parts * PART
        row_last(g, f.v, f.taps, f.bias, f.x + image * g.x_batch, f.rows + i * g.stride_height,
                 f.columns + j * g.stride_width, min(PART, g.out_width - j), f.zeros, <Tap*>workspace,
                 f.y + image * g.y_batch + i * g.y_row + j * g.y_column)


cdef void inside_3_1(const Place* p) noexcept nogil:
    block(p, 3, 1, block_rows(), False, False)


cdef void edge_3_1(const Place* p) noexcept nogil:
    block(p, 3, 1, block_rows(), False, True)


cdef void pair_3_1(const Place* p) noexcept nogil:
    block(p, 3, 1, block_rows(), LANES == 16, True)


cdef void inside_3_2(const Place* p) noexcept nogil:
    block(p, 3, 2, block_rows(), False, False)


cdef void edge_3_2(const Place* p) noexcept nogil:
    block(p, 3, 2, block_rows(), False, True)


cdef void pair_3_2(const Place* p) noexcept nogil:
    block(p, 3, 2, block_rows(), LANES == 16, True)


cdef void inside_5_1(const Place* p) noexcept nogil:
    block(p, 5, 1, block_rows(), False, False)


cdef void edge_5_1(const Place* p) noexcept nogil:
    block(p, 5, 1, block_rows(), False, True)


cdef void pair_5_1(const Place* p) noexcept nogil:
    block(p, 5, 1, block_rows(), LANES == 16, True)


cdef void inside_5_2(const Place* p) noexcept nogil:
    block(p, 5, 2, block_rows(), False, False)


cdef void edge_5_2(const Place* p) noexcept nogil:
    block(p, 5, 2, block_rows(), False, True)


cdef void pair_5_2(const Place* p) noexcept nogil:
    block(p, 5, 2, block_rows(), LANES == 16, True)


cdef void inside_7_1(const Place* p) noexcept nogil:
    block(p, 7, 1, block_rows(), False, False)


cdef void edge_7_1(const Place* p) noexcept nogil:
    block(p, 7, 1, block_rows(), False, True)


cdef void pair_7_1(const Place* p) noexcept nogil:
    block(p, 7, 1, block_rows(), LANES == 16, True)


cdef void inside_7_2(const Place* p) noexcept nogil:
    block(p, 7, 2, block_rows(), False, False)


cdef void edge_7_2(const Place* p) noexcept nogil:
    block(p, 7, 2, block_rows(), False, True)


cdef void pair_7_2(const Place* p) noexcept nogil:
    block(p, 7, 2, block_rows(), LANES == 16, True)


cdef plane_function choose(Conv* f) noexcept nogil:
    """The clones of a block for these sizes, or what serves all."""
    cdef const Geometry* g = f.g
    cdef Py_ssize_t k = g.kernel_width, stride = g.stride_width
    if g.x_channel == 1 and g.y_channel == 1 and g.out_channels == 1 and g.groups >= LANES:
        return rows_last
    if g.out_height == 1 and g.kernel_height == 1:
        return planes_line
    if not (g.plain and g.y_column == 1 and g.dilation_height == 1 and g.dilation_width == 1
            and g.kernel_height == k and g.stride_height == stride and stride <= 2):
        return planes_any
    f.pair = LANES == 16 and g.out_width <= HALF and g.width <= (HALF if stride == 1 else LANES)
    if k == 3:
        f.inside = inside_3_1 if stride == 1 else inside_3_2
        f.edge = (pair_3_1 if stride == 1 else pair_3_2) if f.pair else edge_3_1 if stride == 1 else edge_3_2
    elif k == 5:
        f.inside = inside_5_1 if stride == 1 else inside_5_2
        f.edge = (pair_5_1 if stride == 1 else pair_5_2) if f.pair else edge_5_1 if stride == 1 else edge_5_2
    elif k == 7:
        f.inside = inside_7_1 if stride == 1 else inside_7_2
        f.edge = (pair_7_1 if stride == 1 else pair_7_2) if f.pair else edge_7_1 if stride == 1 else edge_7_2
    else:
        return planes_any
    return direct


# Planes, or parts of rows, of a piece at most. Rows are staged one block ahead, but not across pieces; between them a
# call may be stopped.
cdef enum:
    LONGEST = 64


cdef struct Call:
    const Conv* f
    plane_function function
    Py_ssize_t planes, pieces


cdef void piece(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Call* c = <const Call*>what
    c.function(c.f, c.planes * t // c.pieces, c.planes * (t + 1) // c.pieces, <float*>workspace)


def conv_depthwise(ndarray x, ndarray w, ndarray y, ndarray bias, ndarray geometry, ndarray sources, ndarray values,
                   int threads, /):
    """Get the workspace and share out the planes."""
    cdef Conv f
    cdef const Geometry* g = <const Geometry*>PyArray_DATA(geometry)
    cdef Py_ssize_t size = g.workspace * sizeof(float), shared = 0
    cdef float* workspace
    cdef float* weights
    cdef Call call
    f.x = <const float*>PyArray_DATA(x)
    f.w = <const float*>PyArray_DATA(w)
    f.y = <float*>PyArray_DATA(y)
    f.bias = <const float*>PyArray_DATA(bias)
    f.g = g
    f.v = <const Values*>PyArray_DATA(values)
    f.rows = <const Py_ssize_t*>PyArray_DATA(sources) + g.depths
    f.columns = f.rows + g.rows
    f.width = (g.out_width - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1
    f.pitch = phase_pitch(f.width, g.stride_width)
    f.pair = False
    call.f, call.function = &f, choose(&f)
    call.planes = g.batch * g.groups
    if call.function == rows_last:
        call.planes = g.batch * g.out_height * ((g.out_width + PART - 1) // PART)
        shared = g.groups * (g.kernel_height * g.kernel_width + 1) * sizeof(float)
    if call.function == direct:
        call.planes *= g.out_channels
    threads = <int>max(1, min(threads, call.planes))
    call.pieces = threads * ((call.planes + threads * LONGEST - 1) // (threads * LONGEST))
    workspace = <float*>get_workspace(threads, size, shared)
    with nogil:
        zero(workspace, threads * g.workspace)
        if call.function == rows_last:
            weights = workspace + threads * g.workspace
            zero(weights + sorted_taps(g, f.w, weights) * g.groups, g.groups)
            f.taps, f.zeros = weights, weights + g.kernel_height * g.kernel_width * g.groups
        run_tasks(piece, &call, call.pieces, threads, workspace, size, workspace)
