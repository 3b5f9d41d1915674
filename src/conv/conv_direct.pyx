"""Convolution of few channels, straight from the rows of x into those of y.

    y[m, i, j] = act(bias[m] + sum over c, a, b of w[m, c, a, b] * x[c, i * stride + a - above, j + b - before])

The terms and their order are those of conv_gemm, and so are the bits. With few terms the panel of that product takes
as long as the product; here nothing is copied.

Blocking. Up to eight output channels by three vectors of a row are held in registers; each vector of x is loaded once
for all of them. A row of the border is one of zeros, and beside a row lanes are not loaded. Long rows are cut into
segments, so that the row of zeros is short and threads share out long signals. The last block of a segment overlaps its
neighbour. Results that the caches could not hold are stored past them, in whole lines.
"""
from libc.stdint cimport uintptr_t

from call cimport Call
from gemm cimport activated
from geometry cimport NONE, ConvGeometry, ConvValues
from staging cimport zero
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, fence, vfloat, vheld, vlanes, vlanes_between, vload_masked, vsplat
from vector cimport vload_part, vstore, vstore_masked, vstore_part, vstream

cdef enum:
    WIDEST = 11                         # columns of taps: see DIRECT_WIDTH in conv_blocks.py
    LONGEST = 4096                      # rows of a piece
    LARGE = 1 << 22                     # floats of a result that is stored past the caches


cdef struct Conv:
    const float* x
    const float* w
    const float* bias
    float* y
    const ConvGeometry* g
    const ConvValues* v
    bint stream


cdef struct Pieces:
    const Conv* f
    Py_ssize_t rows, number             # segments of rows, and pieces of some of them


# A block, and what it is computed from.
cdef struct Place:
    const float** rows                  # of x, one under each row of taps of each channel
    Py_ssize_t n_rows, at               # and the column under the first tap
    Py_ssize_t width, dilation          # of a row of taps
    const vlanes* lanes                 # which are loaded, for three vectors of each column of taps
    const float* w
    const float* bias
    Py_ssize_t out_channels, terms      # of a sum
    float* y
    Py_ssize_t y_channel, n             # columns that there are
    vlanes stored[3]                    # if fewer than those of the block
    bint stream
    const ConvValues* v


cdef void finish(const Place* f, float* y, Py_ssize_t n_rows, Py_ssize_t n_vectors) noexcept nogil:
    """The activation of a block."""
    cdef Py_ssize_t _, u, n
    for _ in range(n_rows):
        for u in range(n_vectors):
            n = min(f.n - u * LANES, LANES)
            if n > 0:
                vstore_part(y + u * LANES, activated(f.v, vload_part(y + u * LANES, n)), n)
        y += f.y_channel


cdef inline Py_ssize_t blocks(const Place* f, Py_ssize_t m, const int M, const int N) noexcept nogil:
    """Blocks of M output channels by N vectors, from channel m on; returns the first channel that is left."""
    cdef vfloat acc[24]
    cdef vfloat v[3]
    cdef const float* w
    cdef const float* x
    cdef const vlanes* lanes
    cdef float* y
    cdef Py_ssize_t s, _
    cdef int r, u
    while f.out_channels - m >= M:
        w = f.w + m * f.terms
        y = f.y + m * f.y_channel
        for r in range(M):
            for u in range(N):
                acc[r * N + u] = vsplat(f.bias[m + r])
        for s in range(f.n_rows):
            x = f.rows[s] + f.at
            lanes = f.lanes
            for _ in range(f.width):
                for u in range(N):
                    v[u] = vheld(vload_masked(x + u * LANES, lanes[u]))
                for r in range(M):
                    for u in range(N):
                        acc[r * N + u] += w[r * f.terms] * v[u]
                lanes += 3
                x += f.dilation
                w += 1
        # Simple loops, or GCC unrolls them too late and keeps the sums in memory.
        if f.stream:
            for r in range(M):
                for u in range(N):
                    vstream(y + r * f.y_channel + u * LANES, acc[r * N + u])
        elif f.n >= N * LANES:
            for r in range(M):
                for u in range(N):
                    vstore(y + r * f.y_channel + u * LANES, acc[r * N + u])
        else:
            for r in range(M):
                for u in range(N):
                    vstore_masked(y + r * f.y_channel + u * LANES, acc[r * N + u], f.stored[u])
        if <int>f.v.activation != <int>NONE:
            finish(f, y, M, N)
        m += M
    return m


cdef inline void channels(const Place* f, const int N) noexcept nogil:
    """All output channels of N vectors. With 16 lanes there are 32 registers, else 16."""
    cdef Py_ssize_t m = 0
    if LANES == 16:
        m = blocks(f, m, 8, N)
        m = blocks(f, m, 6, N)
    m = blocks(f, m, 4, N)
    m = blocks(f, m, 2, N)
    blocks(f, m, 1, N)


cdef void channels_1(const Place* f) noexcept nogil:
    channels(f, 1)


cdef void channels_2(const Place* f) noexcept nogil:
    channels(f, 2)


cdef void channels_3(const Place* f) noexcept nogil:
    channels(f, 3)


cdef inline void row(const Conv* f, Place* p, const float* x, float* y, Py_ssize_t i, Py_ssize_t first, Py_ssize_t end,
                     const float** sources, const float* zeros, vlanes* lanes, Py_ssize_t* known) noexcept nogil:
    """The columns from `first` to `end` of the i-th row of some output channels; `lanes` are of the first block, of
    another at an edge, of all others."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t s, a, b, u, r, c = first, n, side, start, whole, at, base = max(0, first - g.before)
    for s in range(g.channels):
        for a in range(g.kernel_height):
            r = i * g.stride_height + a * g.dilation_height - g.above
            sources[s * g.kernel_height + a] = (
                x + s * g.x_channel + r * g.x_row + base if r >= 0 and r < g.height else zeros)
    # Where whole lines begin; one vector goes before them.
    whole = first
    if f.stream:
        whole += (LANES - <Py_ssize_t>(<uintptr_t>(y + first) // sizeof(float) % LANES)) % LANES
    while c < end:
        n = 1 if c < whole else min(3, (end - c + LANES - 1) // LANES)
        p.stream = f.stream and c >= whole and c + n * LANES <= end
        start = max(first, min(c, end - n * LANES))
        at = start - g.before
        p.at, p.n, p.y = at - base, end - start, y + start
        for u in range(3):
            p.stored[u] = vlanes_between(0, min(p.n - u * LANES, LANES))
        side = 2
        if at < 0 or at + (g.kernel_width - 1) * g.dilation_width + n * LANES > g.width:
            side = start > 0
            if known[side] != start:
                known[side] = start
                for b in range(g.kernel_width):
                    for u in range(3):
                        r = at + b * g.dilation_width + u * LANES
                        lanes[(side * WIDEST + b) * 3 + u] = vlanes_between(
                            min(max(-r, 0), LANES), max(min(g.width - r, LANES), 0))
        p.lanes = lanes + side * 3 * WIDEST
        if n == 1:
            channels_1(p)
        elif n == 2:
            channels_2(p)
        else:
            channels_3(p)
        c = whole if c < whole else start + n * LANES


cdef void rows(const Conv* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some segments of rows of the output, a few at a time: of large planes those of eight channels, so that few places
    are written by turns."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t step = 8 if g.out_height * g.out_width > 4096 else g.out_channels
    cdef Py_ssize_t segments = (g.out_width + g.block_columns - 1) // g.block_columns
    cdef Py_ssize_t t = first, i, m, r, n_rows, group, image, segment, start, end
    cdef Py_ssize_t known[2]
    cdef vlanes lanes[3 * 3 * WIDEST]
    cdef Place p
    cdef const float** sources = <const float**>workspace
    cdef float* zeros = <float*>(sources + g.channels * g.kernel_height)
    cdef const float* x
    cdef float* y
    zero(zeros, min(g.width, g.block_columns + 3 * LANES + (g.kernel_width - 1) * g.dilation_width))
    known[0] = known[1] = -1
    for i in range(3 * WIDEST):
        lanes[2 * 3 * WIDEST + i] = vlanes_between(0, LANES)
    p.rows, p.n_rows, p.width, p.dilation = sources, g.channels * g.kernel_height, g.kernel_width, g.dilation_width
    p.terms, p.y_channel, p.v = g.channels * g.kernel_height * g.kernel_width, g.y_channel, f.v
    while t < last:
        i, segment = t % g.out_height, t // g.out_height % segments
        group, image = t // g.out_height // segments % g.groups, t // g.out_height // segments // g.groups
        n_rows = min(g.out_height - i, last - t, 8)
        # As long as each other, in whole vectors: no block reaches into another segment.
        start = g.out_width // LANES * segment // segments * LANES
        end = g.out_width if segment + 1 == segments else g.out_width // LANES * (segment + 1) // segments * LANES
        x = f.x + image * g.x_batch + group * g.channels * g.x_channel
        m = 0
        while m < g.out_channels:
            p.w, p.bias = f.w + (group * g.out_channels + m) * p.terms, f.bias + group * g.out_channels + m
            p.out_channels = min(step, g.out_channels - m)
            y = f.y + image * g.y_batch + (group * g.out_channels + m) * g.y_channel
            for r in range(i, i + n_rows):
                row(f, &p, x, y + r * g.y_row, r, start, end, sources, zeros, lanes, known)
            m += step
        t += n_rows
    if f.stream:
        fence()


cdef void piece(const Pieces* p, Py_ssize_t t, float* workspace) noexcept nogil:
    rows(p.f, p.rows * t // p.number, p.rows * (t + 1) // p.number, workspace)


cdef public int conv_direct(Call* call) noexcept nogil:
    """Get the workspace and share out the rows."""
    cdef Conv f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef Py_ssize_t size = g.workspace * sizeof(float)
    cdef float* workspace
    cdef Pieces pieces
    cdef int threads
    f.x = <const float*>call.x.data
    f.w = <const float*>call.w.data
    f.y = <float*>call.y.data
    f.bias = <const float*>call.bias.data
    f.g = g
    f.v = <const ConvValues*>call.values.data
    pieces.f, pieces.rows = &f, g.batch * g.groups * g.out_height
    f.stream = f.v.activation == 0 and pieces.rows * g.out_channels * g.out_width >= LARGE and g.y_channel % LANES == 0
    pieces.rows *= (g.out_width + g.block_columns - 1) // g.block_columns
    threads = count_threads(call, pieces.rows)
    # Pieces of many rows, between which a signal may be seen.
    pieces.number = threads * ((pieces.rows + threads * LONGEST - 1) // (threads * LONGEST))
    workspace = <float*>get_workspace(threads, size, 0)
    if workspace == NULL:
        return -1
    return run_tasks(call, <task_function>piece, &pieces, pieces.number, threads, workspace, size, workspace)
