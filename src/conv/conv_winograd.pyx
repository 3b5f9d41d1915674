"""Winograd's convolution with 3 x 3 taps at stride 1, in tiles of 2 x 2 or 4 x 4 outputs.

    y = act(bias + A^T [sum over c of (G w G^T) * (B^T x B)] A)

with the transforms of winograd.pxd: in place of 9 multiplications for each output and channel 4, or 2.25. The error
grows by their condition, about 2 and 10 times that of the plain sum; tests hold it to its bound. Each tile's result
depends on its own pixels alone, in a fixed order.

Blocking. Some tiles at a time: their transforms, vectors over tiles, fill one matrix (channels by tiles) for each of
the 16 or 36 elements; each is multiplied with that element's weights (gemm.pxd); the products go back, vectors over
tiles. Each thread computes whole blocks; those that are left, all threads together: channels, then elements and output
channels, then output channels.

Dilated taps see every d-th row and column alone: so many images, each with tiles of its own.

A tile with an output that is not finite is computed anew by its sum: infinities and NaN stay in their windows.
"""
from libc.stdlib cimport free

from axis cimport source_at
from call cimport Call
from gemm cimport activated, rows
from geometry cimport ConvAxis, ConvGeometry, ConvValues
from staging cimport Span, span_of, stage_row
from tasks cimport WORKERS_MOST, count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, vany_nan, veven, vfloat, vload, vodd, vsplat, vstore
from vector cimport vstore_part, vzip_high, vzip_low
from winograd cimport Weights, back, into, weights_task

cdef enum:
    DEPTH = 512                         # channels that are multiplied at a time

cdef float[8] zeros                     # what sums of eight output channels start at


cdef struct Conv:
    const float* x
    const float* w
    const float* u                      # transformed weights: elements, output channels, channels
    const float* bias
    float* y
    const ConvGeometry* g
    const ConvValues* v
    const ConvAxis* rows
    const ConvAxis* columns
    Py_ssize_t rows_apart, columns_apart    # tiles down and along each of the images that dilated taps see
    Py_ssize_t tile_rows, tile_columns  # of all of them
    Py_ssize_t tiles, blocks            # of one group
    int tile                            # outputs down and along
    Py_ssize_t first, n, pitch          # the tiles of this block; floats from one row of a matrix to the next
    Py_ssize_t group
    float* inputs                       # elements, channels, tiles
    float* sums                         # elements, output channels, tiles
    float* scratch
    Py_ssize_t scratch_size             # floats of a thread


cdef inline Py_ssize_t place(Py_ssize_t t, Py_ssize_t apart, Py_ssize_t dilation, Py_ssize_t tile) noexcept nogil:
    """The first row or column of the t-th tile."""
    return t * tile if dilation == 1 else t // apart + t % apart * tile * dilation


cdef inline void gather_apart(const Conv* f, Py_ssize_t c, float* tiles, const int tile) noexcept nogil:
    """As `gather`, of columns that do not lie side by side."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t k, t, row, column, source, i, a, pitch = f.pitch + LANES, size = tile + 2
    cdef Py_ssize_t at[6]
    cdef const float* x
    for k in range(size * size * pitch):
        tiles[k] = 0
    for k in range(f.n):
        t = f.first + k
        x = f.x + t // (f.tile_rows * f.tile_columns) * g.x_batch + (f.group * g.channels + c) * g.x_channel
        row = place(t // f.tile_columns % f.tile_rows, f.rows_apart, g.dilation_height, tile)
        column = place(t % f.tile_columns, f.columns_apart, g.dilation_width, tile)
        for a in range(size):
            at[a] = source_at(f.columns, column + a * g.dilation_width)
        for i in range(size):
            source = source_at(f.rows, row + i * g.dilation_height)
            if source < 0:
                continue
            for a in range(size):
                if at[a] >= 0:
                    tiles[(i * size + a) * pitch + k] = x[source * g.x_row + at[a] * g.x_column]


cdef inline void gather(const Conv* f, Py_ssize_t c, float* tiles, float* line, const int tile) noexcept nogil:
    """The block's tiles of one channel: (tile + 2)^2 rows, a column for each tile."""
    cdef const ConvGeometry* g = f.g
    cdef int size = tile + 2
    cdef Py_ssize_t t = f.first, end = f.first + f.n, n, image, row, column, source, count, i, k, a
    cdef Py_ssize_t pitch = f.pitch + LANES     # vectors reach beyond the last tile
    cdef Py_ssize_t phase = min(f.tile_columns, g.block_columns) + 4 * LANES
    cdef float* phases = line + g.columns + 8 * LANES
    cdef float* to
    cdef const float* x
    cdef vfloat p, q, r, s
    cdef Span span
    while t < end:
        image, row = t // (f.tile_rows * f.tile_columns), t // f.tile_columns % f.tile_rows
        column = t % f.tile_columns
        n = min(f.tile_columns - column, end - t)
        x = f.x + image * g.x_batch + (f.group * g.channels + c) * g.x_channel
        count = n * tile + 2
        span = span_of(g, f.columns, column * tile, count)
        for i in range(size):
            source = source_at(f.rows, place(row, f.rows_apart, g.dilation_height, tile) + i * g.dilation_height)
            stage_row(g, x, source, f.columns, column * tile, count, span, 1, line, count)
            # Every second or fourth column, so that neighbours are neighbouring tiles.
            k = 0
            while k <= n:
                p, q = vload(line + k * tile), vload(line + k * tile + LANES)
                if tile == 2:
                    vstore(phases + k, veven(p, q))
                    vstore(phases + phase + k, vodd(p, q))
                else:
                    r, s = vload(line + k * tile + 2 * LANES), vload(line + k * tile + 3 * LANES)
                    vstore(phases + k, veven(veven(p, q), veven(r, s)))
                    vstore(phases + phase + k, veven(vodd(p, q), vodd(r, s)))
                    vstore(phases + 2 * phase + k, vodd(veven(p, q), veven(r, s)))
                    vstore(phases + 3 * phase + k, vodd(vodd(p, q), vodd(r, s)))
                k += LANES
            to = tiles + i * size * pitch + t - f.first
            for a in range(size):
                k = 0
                while k < n:  # what is stored beyond is overwritten by the next row of tiles, or no tile
                    vstore(to + a * pitch + k, vload(phases + a % tile * phase + a // tile + k))
                    k += LANES
        t += n


cdef inline void transform_input(const Conv* f, Py_ssize_t c, float* scratch, const int tile) noexcept nogil:
    cdef vfloat d[36]
    cdef Py_ssize_t t
    cdef int i
    cdef int size = tile + 2
    cdef const ConvGeometry* g = f.g
    cdef float* to = f.inputs + c * f.pitch
    cdef Py_ssize_t matrix = g.channels * f.pitch
    if g.dilation_width == 1:
        gather(f, c, scratch, scratch + size * size * (f.pitch + LANES), tile)
    else:
        gather_apart(f, c, scratch, tile)
    if f.n % LANES:  # no garbage is multiplied
        for i in range(size * size):
            vstore(scratch + i * (f.pitch + LANES) + f.n, vsplat(0))
    t = 0
    while t < f.n:
        for i in range(size * size):
            d[i] = vload(scratch + i * (f.pitch + LANES) + t)
        for i in range(size):
            into(&d[i], size, tile)
        for i in range(size):
            into(&d[i * size], 1, tile)
        for i in range(size * size):
            vstore(to + i * matrix + t, d[i])
        t += LANES


cdef inline void multiply(const Conv* f, Py_ssize_t element, Py_ssize_t first, Py_ssize_t m) noexcept nogil:
    """m output channels from `first` on, of one element of all tiles."""
    cdef const ConvGeometry* g = f.g
    cdef const float* u = f.u + ((element * g.groups + f.group) * g.out_channels + first) * g.channels
    cdef const float* b = f.inputs + element * g.channels * f.pitch
    cdef float* c = f.sums + (element * g.out_channels + first) * f.pitch
    cdef Py_ssize_t k = 0, depth, t, left
    cdef const float* start
    cdef const float* ahead
    while k < g.channels:
        depth = min(g.channels - k, DEPTH)
        start = zeros if k == 0 else NULL
        # The next output channels' weights, which lie behind these, are asked for while the first tiles are computed.
        ahead = u + m * g.channels + k * m
        t = 0
        while t < f.pitch:
            left = (f.pitch - t) // LANES
            if left >= 5 or left == 3:
                rows(u + k, g.channels, b + k * f.pitch + t, f.pitch, NULL, depth, start, NULL, c + t, f.pitch, ahead,
                     m, 3)
                t += 3 * LANES
            elif left >= 2:
                rows(u + k, g.channels, b + k * f.pitch + t, f.pitch, NULL, depth, start, NULL, c + t, f.pitch, ahead,
                     m, 2)
                t += 2 * LANES
            else:
                rows(u + k, g.channels, b + k * f.pitch + t, f.pitch, NULL, depth, start, NULL, c + t, f.pitch, ahead,
                     m, 1)
                t += LANES
            ahead = NULL
        k += depth


cdef void plainly(const Conv* f, Py_ssize_t m, Py_ssize_t t, const int tile, float* lines,
                  Py_ssize_t line) noexcept nogil:
    """One tile of one output channel by its sum, into the lines of outputs."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t whole = f.first + t, image = whole // (f.tile_rows * f.tile_columns)
    cdef Py_ssize_t row = place(whole // f.tile_columns % f.tile_rows, f.rows_apart, g.dilation_height, tile)
    cdef Py_ssize_t column = place(whole % f.tile_columns, f.columns_apart, g.dilation_width, tile)
    cdef const float* x = f.x + image * g.x_batch + f.group * g.channels * g.x_channel
    cdef const float* w = f.w + (f.group * g.out_channels + m) * g.channels * 9
    cdef Py_ssize_t r, q, c, i, j, a, b
    cdef float total, pixel
    cdef float result[16]
    for r in range(tile):
        for q in range(tile):
            total = f.bias[f.group * g.out_channels + m]
            for c in range(g.channels):
                for i in range(3):
                    for j in range(3):
                        a = source_at(f.rows, row + (r + i) * g.dilation_height)
                        b = source_at(f.columns, column + (q + j) * g.dilation_width)
                        pixel = x[c * g.x_channel + a * g.x_row + b * g.x_column] if a >= 0 and b >= 0 else 0
                        total += w[c * 9 + i * 3 + j] * pixel
            vstore(result, activated(f.v, vsplat(total)))
            lines[r * line + t * tile + q] = result[0]


cdef inline void transform_output(const Conv* f, Py_ssize_t m, float* lines, const int tile) noexcept nogil:
    cdef const ConvGeometry* g = f.g
    cdef int size = tile + 2
    cdef vfloat d[36]
    cdef vfloat a, b, c, e, check
    cdef vfloat bias = vsplat(f.bias[f.group * g.out_channels + m])
    cdef Py_ssize_t t, n, end, image, row, column, count, k, line = tile * f.pitch, matrix = g.out_channels * f.pitch
    cdef Py_ssize_t y_column = g.y_column * g.dilation_width
    cdef int i, r
    cdef float* to
    cdef float checks[16]
    cdef const float* source = f.sums + m * f.pitch
    t = 0
    while t < f.n:
        for i in range(size * size):
            d[i] = vload(source + i * matrix + t)
        for i in range(size):
            back(&d[i], size, tile)
        for i in range(tile):
            back(&d[i * size], 1, tile)
        check = vsplat(0)
        for r in range(tile):
            for i in range(tile):
                d[r * size + i] += bias
                check += d[r * size + i] * vsplat(0)
                d[r * size + i] = activated(f.v, d[r * size + i])
            to = lines + r * line + t * tile
            if tile == 2:
                vstore(to, vzip_low(d[r * size], d[r * size + 1]))
                vstore(to + LANES, vzip_high(d[r * size], d[r * size + 1]))
            else:
                a, b = vzip_low(d[r * size], d[r * size + 2]), vzip_high(d[r * size], d[r * size + 2])
                c, e = vzip_low(d[r * size + 1], d[r * size + 3]), vzip_high(d[r * size + 1], d[r * size + 3])
                vstore(to, vzip_low(a, c))
                vstore(to + LANES, vzip_high(a, c))
                vstore(to + 2 * LANES, vzip_low(b, e))
                vstore(to + 3 * LANES, vzip_high(b, e))
        if vany_nan(check):
            vstore(checks, check)
            for k in range(min(f.n - t, LANES)):
                if checks[k] != checks[k]:
                    plainly(f, m, t + k, tile, lines, line)
        t += LANES
    t, end = f.first, f.first + f.n
    while t < end:
        image, row = t // (f.tile_rows * f.tile_columns), t // f.tile_columns % f.tile_rows
        column = t % f.tile_columns
        n = min(f.columns_apart - column % f.columns_apart, end - t)
        row = place(row, f.rows_apart, g.dilation_height, tile)
        column = place(column, f.columns_apart, g.dilation_width, tile)
        count = min(n * tile, (g.out_width - column + g.dilation_width - 1) // g.dilation_width)
        to = f.y + image * g.y_batch + (f.group * g.out_channels + m) * g.y_channel + column * g.y_column
        for r in range(tile):
            if row >= g.out_height:
                break
            source = lines + r * line + (t - f.first) * tile
            k = 0
            while y_column == 1 and k < count:
                vstore_part(to + row * g.y_row + k, vload(source + k), min(count - k, LANES))
                k += LANES
            while k < count:
                to[row * g.y_row + k * y_column] = source[k]
                k += 1
            row += g.dilation_height
        t += n


# With a literal for the tile's size, so that each gets a clone.
cdef void input_task(const Conv* f, Py_ssize_t c, float* scratch) noexcept nogil:
    if f.tile == 2:
        transform_input(f, c, scratch, 2)
    else:
        transform_input(f, c, scratch, 4)


cdef void multiply_task(const Conv* f, Py_ssize_t t, void* unused) noexcept nogil:
    """Eight output channels of one element."""
    cdef Py_ssize_t eights = (f.g.out_channels + 7) // 8, first = t % eights * 8
    multiply(f, t // eights, first, min(f.g.out_channels - first, 8))


cdef void output_task(const Conv* f, Py_ssize_t m, float* scratch) noexcept nogil:
    if f.tile == 2:
        transform_output(f, m, scratch, 2)
    else:
        transform_output(f, m, scratch, 4)


cdef void choose_block(Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    """Make f the t-th block of tiles, with its matrices and the first thread's scratch in the workspace."""
    cdef Py_ssize_t elements = (f.tile + 2) * (f.tile + 2)
    f.group, f.first = t // f.blocks, t % f.blocks * f.g.block_columns
    f.n = min(f.g.block_columns, f.tiles - f.first)
    f.pitch = (f.n + LANES - 1) // LANES * LANES
    f.inputs = workspace + (16 - <Py_ssize_t>(<size_t>workspace // sizeof(float)) % 16) % 16
    f.sums = f.inputs + elements * f.g.channels * f.pitch
    f.scratch = workspace + f.g.workspace


cdef void block_task(const void* what, Py_ssize_t t, void* workspace) noexcept nogil:
    """A block of tiles from the input to the output, with matrices of its own."""
    cdef Conv f = (<const Conv*>what)[0]
    cdef Py_ssize_t i, eights = (f.g.out_channels + 7) // 8
    choose_block(&f, t, <float*>workspace)
    for i in range(f.g.channels):
        input_task(&f, i, f.scratch)
    for i in range((f.tile + 2) * (f.tile + 2) * eights):
        multiply_task(&f, i, NULL)
    for i in range(f.g.out_channels):
        output_task(&f, i, f.scratch)


cdef int convolve(const Call* call, const int tile) noexcept nogil:
    cdef Conv f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef Py_ssize_t eights = (g.out_channels + 7) // 8, elements = (tile + 2) * (tile + 2), block, tasks, whole = 0
    cdef Py_ssize_t scratch, matrices = g.workspace * sizeof(float)
    cdef int threads = count_threads(call, WORKERS_MOST), outcome = 0
    cdef char* workspace
    f.x = <const float*>call.x.data
    f.w = <const float*>call.w.data
    f.u = <const float*>call.u.data
    f.y = <float*>call.y.data
    f.bias = <const float*>call.bias.data
    f.g = g
    f.v = <const ConvValues*>call.values.data
    f.rows = <const ConvAxis*>call.sources.data + 1
    f.columns = f.rows + 1
    f.rows_apart = ((g.out_height + g.dilation_height - 1) // g.dilation_height + tile - 1) // tile
    f.columns_apart = ((g.out_width + g.dilation_width - 1) // g.dilation_width + tile - 1) // tile
    f.tile_rows = f.rows_apart * min(g.dilation_height, g.out_height)
    f.tile_columns = f.columns_apart * min(g.dilation_width, g.out_width)
    f.tile, f.tiles = tile, g.batch * f.tile_rows * f.tile_columns
    f.blocks = (f.tiles + g.block_columns - 1) // g.block_columns
    tasks = g.groups * f.blocks
    # The plan's workspace: the matrices, and what one thread stages.
    f.scratch_size = elements * (g.block_columns + 2 * LANES) + 2 * g.columns + 64 * LANES
    scratch = f.scratch_size * sizeof(float)
    if threads == 1 or threads <= g.slices:  # there is room for matrices of each thread's own
        whole = tasks if tasks >= 8 * threads else tasks - tasks % threads
    workspace = <char*>get_workspace(threads, scratch + (matrices if whole else 0), 0 if whole else matrices)
    if workspace == NULL:
        return -1
    if whole:
        outcome = run_tasks(call, block_task, &f, whole, threads, workspace, matrices + scratch, NULL)
    for block in range(whole, tasks):  # together
        if outcome == 0:
            choose_block(&f, block, <float*>workspace)
            outcome = run_tasks(call, <task_function>input_task, &f, g.channels, threads, f.scratch, scratch, NULL)
        if outcome == 0:
            outcome = run_tasks(call, <task_function>multiply_task, &f, elements * eights, threads, NULL, 0, NULL)
        if outcome == 0:
            outcome = run_tasks(call, <task_function>output_task, &f, g.out_channels, threads, f.scratch, scratch, NULL)
    free(workspace)
    return outcome


cdef public int conv_winograd2(Call* call) noexcept nogil:
    return convolve(call, 2)


cdef public int conv_winograd4(Call* call) noexcept nogil:
    return convolve(call, 4)


cdef public int winograd_weights(Call* call) noexcept nogil:
    """The transformed weights of w (M, C, 3, 3): u is ((tile + 2)^2, M, C)."""
    cdef Weights f
    f.w, f.u = <const float*>call.w.data, <float*>call.u.data
    f.n, f.m, f.tile = call.w.shape[1], call.w.shape[0], <int>call.tile
    return run_tasks(call, <task_function>weights_task, &f, f.m, count_threads(call, f.m), NULL, 0, NULL)
