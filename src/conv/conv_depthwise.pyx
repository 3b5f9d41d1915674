"""Depthwise convolution: each channel alone.

    y[m, i, j] = act(bias[m] + sum over b, a of w[m, a, b] * x[c, i * stride + a - above, j * stride + b - before])

The sum starts at the bias and runs down the columns of the taps, one fused multiply-add each, whatever the place; at
stride 2 down two columns at a time (of three, all), each row of these in its order.

Blocking. R rows of one vector are held in registers (depthwise.pxd). The sizes 3, 5 and 7 at strides 1 and 2 with zeros
around are clones of one source with constants. They read the rows of x as they lie: a row of the border is one of
zeros, and beside a row lanes are not loaded. With 16 lanes, planes of at most eight columns go two by two, one in each
half of a vector. The rest is packed with its border, block by block (depthwise_staged.pxd).

Channels that lie innermost, if they fill a vector, are a vector's lanes (depthwise_last.pxd): nothing is packed.

Planes are cut into bands of rows and segments of columns, so that tables of rows and rows of zeros are short.
"""

from call cimport Call
from depthwise cimport Lanes, Place, block, block_function, block_rows
from depthwise_last cimport Tap, row_last, sorted_taps
from depthwise_staged cimport Staged, blocks, set_up
from depthwise_staged cimport Tap as StagedTap
from geometry cimport ConvAxis, ConvGeometry, ConvValues
from staging cimport zero
from tasks cimport count_threads, get_workspace, run_tasks
from vector cimport HALF, LANES, vlanes, vlanes_between, vload, vstore_part


cdef struct Conv:
    const float* x
    const float* w
    const float* bias
    float* y
    const ConvGeometry* g
    const ConvValues* v
    const ConvAxis* axes                # depth, rows, columns
    const float* taps               # of innermost channels: the sorted weights, and a pixel of zeros
    const float* zeros
    Py_ssize_t bands, segments      # of a plane that is read in place
    Staged* staged
    block_function inside, edge
    bint pair                       # whether planes go two by two


ctypedef void (*plane_function)(const Conv*, Py_ssize_t, Py_ssize_t, float*) noexcept nogil


cdef inline const float* source(const Conv* f, Py_ssize_t image, Py_ssize_t channel) noexcept nogil:
    """The plane that an output channel is made of."""
    cdef Py_ssize_t n = f.g.out_channels
    return f.x + image * f.g.x_batch + (channel if n == 1 else channel // n) * f.g.x_channel


cdef inline vlanes lanes_of(const ConvGeometry* g, Py_ssize_t at) noexcept nogil:
    """The lanes of a vector from column `at` on that are pixels."""
    return vlanes_between(min(max(-at, 0), LANES), max(min(g.width - at, LANES), 0))


cdef inline void set_lanes(const ConvGeometry* g, Py_ssize_t at, Lanes* lanes, const int K, const int stride,
                           const bint pair) noexcept nogil:
    """What is loaded for a block whose first tap lies on column `at`."""
    cdef Py_ssize_t b, i, c
    lanes.corner = at >= 0 and at < g.width
    for b in range(K + 1):
        lanes.first[b] = lanes_of(g, at + b)
        lanes.second[b] = lanes_of(g, at + b + LANES)
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


cdef inline void fill_rows(const ConvGeometry* g, const float* x, Py_ssize_t top, Py_ssize_t base, const float* zeros,
                           Py_ssize_t n, const float** rows) noexcept nogil:
    """The n rows that windows of the output rows from `top` on touch, each from column `base` on."""
    cdef Py_ssize_t source = top * g.stride_height - g.above, r = 0
    while r < n and source + r < 0:
        rows[r] = zeros
        r += 1
    while r < n and source + r < g.height:
        rows[r] = x + (source + r) * g.x_row + base
        r += 1
    while r < n:
        rows[r] = zeros
        r += 1


cdef void direct(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some parts of planes of the output, or of pairs of them, from the rows of x in place."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t K = g.kernel_width, stride = g.stride_width, R = block_rows(), planes = g.groups * g.out_channels
    cdef Py_ssize_t most_rows = (max(min(g.block_rows, g.out_height), R) - 1) * stride + K
    cdef Py_ssize_t image, channel, t = first, r, c, top, side, at, base, n_sources, n_rows
    cdef Py_ssize_t vectors = g.out_width // LANES
    cdef Py_ssize_t band = first // f.segments % f.bands, segment = first % f.segments, bottom, left, end
    cdef Py_ssize_t known[2]
    cdef Lanes lanes[2]
    cdef Place p
    cdef const float** rows = <const float**>workspace
    cdef const float** rows_2 = rows + most_rows
    cdef float* whole = <float*>(rows_2 + most_rows)            # a block of a band with fewer rows
    cdef float* whole_2 = whole + R * LANES
    cdef float* zeros = whole_2 + R * LANES
    cdef const float* x
    cdef float* y
    cdef float* y_2 = NULL
    zero(zeros, min(g.width, (min(g.block_columns, g.out_width) + 2 * LANES) * stride + K))
    known[0] = known[1] = -1
    p.v = f.v
    image = first // f.segments // f.bands // planes
    channel = first // f.segments // f.bands % planes
    top, bottom, left, end = 0, g.out_height, 0, g.out_width
    while t < last:
        if f.bands > 1:
            top, bottom = g.out_height * band // f.bands, g.out_height * (band + 1) // f.bands
        if f.segments > 1:
            left = vectors * segment // f.segments * LANES
            end = g.out_width if segment + 1 == f.segments else vectors * (segment + 1) // f.segments * LANES
        base = max(0, left * stride - g.before)
        n_sources = (max(bottom - top, R) - 1) * stride + K
        p.n, p.y_row = min(end - left, LANES), g.y_row if bottom - top >= R else LANES
        x, y = source(f, image, channel), f.y + image * g.y_batch + channel * g.y_channel + top * g.y_row
        p.w, p.bias = f.w + channel * K * K, f.bias[channel]
        fill_rows(g, x, top, base, zeros, n_sources, rows)
        if f.pair:                                              # of planes that are neither cut down nor along
            if t + 1 < last:                                    # else the one plane is both
                t += 1
                channel += 1
                if channel == planes:
                    image, channel = image + 1, 0
            x, y_2 = source(f, image, channel), f.y + image * g.y_batch + channel * g.y_channel
            p.w_2, p.bias_2 = f.w + channel * K * K, f.bias[channel]
            fill_rows(g, x, top, base, zeros, n_sources, rows_2)
        r = 0
        n_rows = bottom - top
        while True:
            p.rows, p.rows_2 = rows + r * stride, rows_2 + r * stride
            c = left
            while True:
                at = c * stride - g.before
                p.at, p.y, p.y_2 = at - base, y + r * g.y_row + c, y_2 + r * g.y_row
                if n_rows < R:
                    p.y, p.y_2 = whole, whole_2
                if at >= 0 and at + stride * LANES + K <= g.width:
                    f.inside(&p)
                else:
                    side = c > 0
                    if known[side] != c:
                        set_lanes(g, at, &lanes[side], K, stride, f.pair)
                        known[side] = c
                    p.lanes = &lanes[side]
                    f.edge(&p)
                if n_rows < R:
                    for side in range(n_rows):
                        vstore_part(y + side * g.y_row + c, vload(whole + side * LANES), p.n)
                        if f.pair:
                            vstore_part(y_2 + side * g.y_row, vload(whole_2 + side * LANES), p.n)
                if c + LANES >= end:
                    break
                c = min(c + LANES, end - LANES)
            if r + R >= n_rows:
                break
            r = min(r + R, n_rows - R)
        t += 1
        segment += 1
        if segment == f.segments:
            segment = 0
            band += 1
        if band == f.bands:
            band = 0
            channel += 1
        if channel == planes:
            image, channel = image + 1, 0


cdef void staged(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some blocks of planes, packed."""
    blocks(f.staged, first, last, workspace)


# Pixels of a piece of a row whose channels lie innermost: a line has but one row, and threads share it too.
cdef enum:
    PART = 128


cdef void rows_last(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some pieces of rows of the output, whose channels lie innermost."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t parts = (g.out_width + PART - 1) // PART, t, image, i, j
    for t in range(first, last):
        image, i, j = t // parts // g.out_height, t // parts % g.out_height, t % parts * PART
        row_last(g, f.v, f.taps, f.bias, f.x + image * g.x_batch, f.axes + 1, i * g.stride_height, f.axes + 2,
                 j * g.stride_width, min(PART, g.out_width - j), f.zeros, <Tap*>workspace,
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


cdef void pick_clone(Conv* f) noexcept nogil:
    """The clones of a block for the window's size and stride."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t k = g.kernel_width, stride = g.stride_width
    f.pair = (LANES == 16 and g.out_width <= HALF and g.width <= (HALF if stride == 1 else LANES)
              and g.out_height <= g.block_rows)
    if k == 3:
        f.inside = inside_3_1 if stride == 1 else inside_3_2
        f.edge = (pair_3_1 if stride == 1 else pair_3_2) if f.pair else edge_3_1 if stride == 1 else edge_3_2
    elif k == 5:
        f.inside = inside_5_1 if stride == 1 else inside_5_2
        f.edge = (pair_5_1 if stride == 1 else pair_5_2) if f.pair else edge_5_1 if stride == 1 else edge_5_2
    else:
        f.inside = inside_7_1 if stride == 1 else inside_7_2
        f.edge = (pair_7_1 if stride == 1 else pair_7_2) if f.pair else edge_7_1 if stride == 1 else edge_7_2


# Parts of planes of a piece at most. Blocks are packed one ahead, but not across pieces; between them a call may be
# stopped.
cdef enum:
    LONGEST = 64


cdef struct Pieces:
    const Conv* f
    plane_function function
    Py_ssize_t parts, number


cdef void piece(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const Pieces* p = <const Pieces*>what
    p.function(p.f, p.parts * t // p.number, p.parts * (t + 1) // p.number, <float*>workspace)


cdef int convolve(const Call* call, plane_function function) noexcept nogil:
    """Get the workspace and share out parts of planes."""
    cdef Conv f
    cdef Staged packed
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef Py_ssize_t size = g.workspace * sizeof(float), shared = 0, taps = g.kernel_height * g.kernel_width
    cdef float* workspace
    cdef float* tables
    cdef Pieces pieces
    cdef int threads
    f.x = <const float*>call.x.data
    f.w = <const float*>call.w.data
    f.y = <float*>call.y.data
    f.bias = <const float*>call.bias.data
    f.g = g
    f.v = <const ConvValues*>call.values.data
    f.axes = <const ConvAxis*>call.sources.data
    f.staged = &packed
    f.pair = False
    pieces.f, pieces.function = &f, function
    f.bands = (g.out_height + g.block_rows - 1) // g.block_rows
    f.segments = (g.out_width + g.block_columns - 1) // g.block_columns
    pieces.parts = g.batch * g.groups
    if function == rows_last:
        pieces.parts = g.batch * g.out_height * ((g.out_width + PART - 1) // PART)
        shared = g.groups * (taps + 1) * sizeof(float)
    elif function == direct:
        pick_clone(&f)
        pieces.parts *= g.out_channels * f.bands * f.segments
    else:
        packed.x, packed.w, packed.bias, packed.y, packed.v = f.x, f.w, f.bias, f.y, f.v
        shared = taps * sizeof(StagedTap)
        # Exchanged rows and columns are counted as they are packed.
        pieces.parts *= ((g.out_width if g.turned else g.out_height) + g.block_rows - 1) // g.block_rows
        pieces.parts *= ((g.out_height if g.turned else g.out_width) + g.block_columns - 1) // g.block_columns
    threads = count_threads(call, pieces.parts)
    pieces.number = threads * ((pieces.parts + threads * LONGEST - 1) // (threads * LONGEST))
    workspace = <float*>get_workspace(threads, size, shared)
    if workspace == NULL:
        return -1
    tables = workspace + threads * g.workspace
    if function == rows_last:
        zero(tables + sorted_taps(g, f.w, tables) * g.groups, g.groups)
        f.taps, f.zeros = tables, tables + taps * g.groups
    elif function == staged:
        set_up(&packed, g, f.axes, <StagedTap*>tables)
    return run_tasks(call, piece, &pieces, pieces.number, threads, workspace, size, workspace)


cdef public int conv_depthwise(Call* call) noexcept nogil:
    return convolve(call, direct)


cdef public int conv_depthwise_packed(Call* call) noexcept nogil:
    return convolve(call, staged)


cdef public int conv_depthwise_last(Call* call) noexcept nogil:
    """A vector holds one pixel of as many channels; with fewer channels than lanes, blocks are packed."""
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    return convolve(call, rows_last if g.groups >= LANES else staged)
