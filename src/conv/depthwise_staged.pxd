# Depthwise convolution with any taps, strides and borders. A block of a plane is packed with its border, one block
# ahead, since loads that reach over several fresh stores wait for them; then sums of up to eight vectors walk the taps.
#
# Rows and columns may be exchanged where a plane has fewer columns than a vector has lanes: vectors then run down the
# plane. The order of each sum stays.
from depthwise cimport together
from gemm cimport activated
from geometry cimport CONSTANT, ConvAxis, ConvGeometry, ConvValues
from staging cimport phase_pitch, stage, zero
from vector cimport LANES, vany_nan, vfloat, vload, vratio, vsplat, vstore, vstore_part


# A tap in the order of the sums: where its pixels begin in a block, and how many rows down; its place in the weights.
cdef struct Tap:
    Py_ssize_t at, down, weight


cdef struct Staged:
    const float* x
    const float* w
    const float* bias
    float* y
    const ConvValues* v
    ConvGeometry g                      # with rows and columns exchanged where they are
    ConvAxis down, along
    Py_ssize_t bands, segments      # of a plane: blocks down and along
    Py_ssize_t pitch                # floats from one place in the stride to the next
    const Tap* taps
    Py_ssize_t n_taps
    bint skips                      # whether rows of zeros may be left out of sums


# A block of the output.
cdef struct Block:
    Py_ssize_t image, channel, top, left, rows, columns     # channel of the input


cdef inline void exchange(Py_ssize_t* a, Py_ssize_t* b) noexcept nogil:
    cdef Py_ssize_t c = a[0]
    a[0], b[0] = b[0], c


cdef inline bint all_finite(const float* w, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint good = True
    for i in range(n):
        good &= w[i] - w[i] == 0
    return good


cdef inline void set_up(Staged* f, const ConvGeometry* g, const ConvAxis* axes, Tap* taps) noexcept nogil:
    """All but the arrays and values; `taps` is filled."""
    cdef Py_ssize_t step = together(g.kernel_width, g.stride_width), start = 0, a, b, along, down
    cdef Tap* tap = taps
    f.g, f.down, f.along = g[0], axes[1], axes[2]
    if g.turned:
        f.down, f.along = axes[2], axes[1]
        exchange(&f.g.x_row, &f.g.x_column)
        exchange(&f.g.y_row, &f.g.y_column)
        exchange(&f.g.out_height, &f.g.out_width)
        exchange(&f.g.kernel_height, &f.g.kernel_width)
        exchange(&f.g.stride_height, &f.g.stride_width)
        exchange(&f.g.dilation_height, &f.g.dilation_width)
    f.bands = (f.g.out_height + g.block_rows - 1) // g.block_rows
    f.segments = (f.g.out_width + g.block_columns - 1) // g.block_columns
    f.pitch = phase_pitch((min(f.g.out_width, g.block_columns) - 1) * f.g.stride_width
                          + (f.g.kernel_width - 1) * f.g.dilation_width + 1, f.g.stride_width)
    while start < g.kernel_width:
        for a in range(g.kernel_height):
            for b in range(start, min(start + step, g.kernel_width)):
                down, along = (b, a) if g.turned else (a, b)
                down *= f.g.dilation_height
                along *= f.g.dilation_width
                tap.at = (down * f.g.stride_width + along % f.g.stride_width) * f.pitch + along // f.g.stride_width
                tap.down, tap.weight = down, a * g.kernel_width + b
                tap += 1
        start += step
    f.taps, f.n_taps = taps, g.kernel_height * g.kernel_width
    f.skips = (f.down.border == CONSTANT and (f.down.before > 0 or f.down.positions > f.down.before + f.down.size)
               and all_finite(f.w, g.groups * g.out_channels * f.n_taps))


cdef inline Block block_of(const Staged* f, Py_ssize_t t) noexcept nogil:
    """The t-th block: bands are about as high as each other, and so are segments of whole vectors."""
    cdef Block b
    cdef Py_ssize_t segment, band, vectors = f.g.out_width // LANES
    b.top, b.left, b.rows, b.columns = 0, 0, f.g.out_height, f.g.out_width
    if f.segments > 1:
        segment, t = t % f.segments, t // f.segments
        b.left = vectors * segment // f.segments * LANES
        b.columns = (f.g.out_width if segment + 1 == f.segments
                     else vectors * (segment + 1) // f.segments * LANES) - b.left
    if f.bands > 1:
        band, t = t % f.bands, t // f.bands
        b.top = f.g.out_height * band // f.bands
        b.rows = f.g.out_height * (band + 1) // f.bands - b.top
    b.image, b.channel = t // f.g.groups, t % f.g.groups
    return b


cdef inline void prepare(const Staged* f, const Block* b, float* strip) noexcept nogil:
    """Pack what a block wants."""
    cdef const ConvGeometry* g = &f.g
    stage(g, f.x + b.image * g.x_batch + b.channel * g.x_channel, &f.down,
          b.top * g.stride_height, b.rows, False, &f.along, b.left * g.stride_width,
          (b.columns - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1, strip, f.pitch)


cdef inline void sums(const Staged* f, const float* strip, Py_ssize_t line, const float* w, float bias,
                      Py_ssize_t first, Py_ssize_t last, vfloat* acc, const int R, const int U,
                      const bint some) noexcept nogil:
    """R rows, `line` floats apart, by U vectors; with `some`, of the taps from `first` to `last` rows down alone."""
    cdef const Tap* tap = f.taps
    cdef const Tap* end = f.taps + f.n_taps
    cdef const float* pixels
    cdef vfloat weight
    cdef int r, u
    for r in range(R * U):
        acc[r] = vsplat(bias)
    while tap != end:
        if not some or first <= tap.down <= last:
            weight, pixels = vsplat(w[tap.weight]), strip + tap.at
            for r in range(R):
                for u in range(U):
                    acc[r * U + u] += weight * vload(pixels + r * line + u * LANES)
        tap += 1


cdef inline bint any_zero(vfloat v, Py_ssize_t n) noexcept nogil:
    """Whether one of the first n numbers is 0 (or infinite)."""
    cdef float part[16]
    cdef Py_ssize_t i
    if n >= LANES:
        return vany_nan(vratio(v, v))
    vstore(part, v)
    for i in range(n):
        if part[i] == 0:
            return True
    return False


cdef inline void block(const Staged* f, const Block* b, Py_ssize_t row, Py_ssize_t column, const float* strip,
                       const float* w, float bias, float* y, const int R, const int U) noexcept nogil:
    """R rows by U vectors of a block, from a row and column of it on.

    Products with rows of zeros change no sum but one that is 0, whose sign they may change: those are made again.
    """
    cdef const ConvGeometry* g = &f.g
    cdef Py_ssize_t line = g.stride_height * g.stride_width * f.pitch, at = (b.top + row) * g.stride_height
    cdef Py_ssize_t first = f.down.before - at - (R - 1) * g.stride_height
    cdef Py_ssize_t last = f.down.before + f.down.size - 1 - at, i, n
    cdef const float* pixels = strip + row * line + column
    cdef float part[16]
    cdef float* to
    cdef vfloat acc[8]
    cdef bint again = True
    cdef int r, u
    if f.skips and (first > 0 or last < (g.kernel_height - 1) * g.dilation_height):
        again = False
        sums(f, pixels, line, w, bias, first, last, acc, R, U, True)
        for r in range(R):
            for u in range(U):
                again |= any_zero(acc[r * U + u], b.columns - column - u * LANES)
    if again:
        sums(f, pixels, line, w, bias, 0, 0, acc, R, U, False)
    for r in range(R):
        for u in range(U):
            acc[r * U + u] = activated(f.v, acc[r * U + u])
            n = min(b.columns - column - u * LANES, LANES)
            to = y + (row + r) * g.y_row + (column + u * LANES) * g.y_column
            if g.y_column == 1:
                vstore_part(to, acc[r * U + u], n)
            else:
                vstore(part, acc[r * U + u])
                for i in range(n):
                    to[i * g.y_column] = part[i]


cdef inline void rows_of(const Staged* f, const Block* b, Py_ssize_t row, const float* strip, const float* w,
                         float bias, float* y, const int R, const int U) noexcept nogil:
    """R rows of a block, U vectors at a time; then half as many."""
    cdef Py_ssize_t c = 0
    while c + (U - 1) * LANES < b.columns:
        block(f, b, row, c, strip, w, bias, y, R, U)
        c += U * LANES
    if U > 4 and c + 3 * LANES < b.columns:
        block(f, b, row, c, strip, w, bias, y, R, 4)
        c += 4 * LANES
    if U > 2 and c + LANES < b.columns:
        block(f, b, row, c, strip, w, bias, y, R, 2)
        c += 2 * LANES
    if U > 1 and c < b.columns:
        block(f, b, row, c, strip, w, bias, y, R, 1)


cdef inline void compute(const Staged* f, const Block* b, const float* strip) noexcept nogil:
    """A packed block, for each output channel of its plane."""
    cdef const ConvGeometry* g = &f.g
    cdef Py_ssize_t m, row, left, channel
    cdef const float* w
    cdef float* y
    for m in range(g.out_channels):
        channel = b.channel * g.out_channels + m
        w = f.w + channel * f.n_taps
        y = f.y + b.image * g.y_batch + channel * g.y_channel + b.top * g.y_row + b.left * g.y_column
        row = 0
        while row < b.rows:
            left = b.rows - row
            if left >= 8 and b.columns <= LANES:
                rows_of(f, b, row, strip, w, f.bias[channel], y, 8, 1)
                row += 8
            elif left >= 4:
                rows_of(f, b, row, strip, w, f.bias[channel], y, 4, 2)
                row += 4
            elif left >= 2:
                rows_of(f, b, row, strip, w, f.bias[channel], y, 2, 4)
                row += 2
            else:
                rows_of(f, b, row, strip, w, f.bias[channel], y, 1, 8)
                row += 1


cdef inline void blocks(const Staged* f, Py_ssize_t first, Py_ssize_t last, float* workspace) noexcept nogil:
    """Some blocks, the next one packed before each is computed."""
    cdef Py_ssize_t t
    cdef float* now = workspace
    cdef float* other = workspace + f.g.workspace // 2
    cdef Block block_now, block_next
    if first >= last:
        return
    zero(workspace, f.g.workspace)  # vectors reach beyond the last column
    block_now = block_of(f, first)
    prepare(f, &block_now, now)
    for t in range(first, last):
        if t + 1 < last:
            block_next = block_of(f, t + 1)
            prepare(f, &block_next, other)
        compute(f, &block_now, now)
        block_now = block_next
        now, other = other, now
