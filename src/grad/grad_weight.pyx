"""The gradient of a convolution's weights as a product of matrices that are never made.

    dw[m, c, a] = sum over images n and outputs o of g[n, m, o] * x[n, c, o * stride + a * dilation - padding]

Blocking. The terms (n, o) are cut into blocks: a few images' planes, some rows of one, or a part of a row. A block's
sums run over its terms in order, one fused multiply-add each, in registers; what comes out is added to sums in double.
Where there are few weights, blocks are cut into chunks, each with sums in double of its own, which are added at the end
in order. All these cuts depend on sizes and options alone (convlab/_plan/grad_blocks.py), and so do the bits.

A task is a tile of weights (some output channels, input channels and taps) and a chunk. For each block it transposes
g, so that vectors hold output channels, into panels of up to three vectors, and copies what the windows touch of x with
its border (staging.pxd), unless x is read in place. A panel stays in the first-level cache while one or more rows of
weights (channel and tap) after the other are multiplied with it: each reads x where a table says the term lies, and
where another says the tap does.
"""
from libc.stdlib cimport free
from libc.string cimport memset

from axis cimport source_at
from call cimport Call
from geometry cimport ConvAxis, ConvGeometry, WeightGeometry
from grad_vector cimport vadd_double
from staging cimport phase_pitch, separate, stage, staged
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from turn cimport turn_load
from vector cimport LANES, vfloat, vload, vsplat, vstore


cdef struct Weight:
    const float* x
    const float* grad
    float* y
    const ConvGeometry* g
    const ConvAxis* axes                            # depth, rows, columns
    const WeightGeometry* b
    Py_ssize_t planes, plane_blocks, row_blocks, column_blocks, blocks
    Py_ssize_t outputs, channels, depths, rows, columns     # numbers of tiles
    double* sums                                    # of all tasks, where there are chunks


# A task's weights, and the block of terms that it is at.
cdef struct Tile:
    ConvGeometry own                                # with the tile's taps
    Py_ssize_t group, output, channel, depth, row, column   # where it begins
    Py_ssize_t outputs, channels, taps, weights, pitch
    Py_ssize_t plane, top, left, n_planes, n_rows, n_columns
    double* sums
    float* grad
    float* x
    Py_ssize_t* at                                  # where each term lies in x
    Py_ssize_t* shifts                              # and each weight's channel and tap
    Py_ssize_t* targets                             # where each weight lies in y


cdef inline void products(const float* x, const Py_ssize_t* shifts, const Py_ssize_t* at, const float* panel,
                          Py_ssize_t depth, double* sums, Py_ssize_t sums_row, const int M, const int N) noexcept nogil:
    """M weights' rows by N vectors of output channels."""
    cdef vfloat acc[24]
    cdef vfloat v[3]
    cdef const float* rows[8]
    cdef Py_ssize_t k, place
    cdef int r, u
    for r in range(M):
        rows[r] = x + shifts[r]
    for r in range(M * N):
        acc[r] = vsplat(0)
    for k in range(depth):
        place = at[k]
        for u in range(N):
            v[u] = vload(panel + u * LANES)
        for r in range(M):
            for u in range(N):
                acc[r * N + u] += rows[r][place] * v[u]
        panel += N * LANES
    for r in range(M):
        for u in range(N):
            vadd_double(sums + r * sums_row + u * LANES, acc[r * N + u])


cdef inline void multiply(const Tile* t, const float* x, const float* panel, Py_ssize_t terms, double* sums,
                          const int N) noexcept nogil:
    """All weights' rows by a panel: as many at a time as registers hold."""
    cdef Py_ssize_t j = 0
    while j < t.weights:
        if t.weights - j >= 8 and (LANES == 16 or N == 1):
            products(x, t.shifts + j, t.at, panel, terms, sums + j * t.pitch, t.pitch, 8, N)
            j += 8
        elif t.weights - j >= 4:
            products(x, t.shifts + j, t.at, panel, terms, sums + j * t.pitch, t.pitch, 4, N)
            j += 4
        else:
            products(x, t.shifts + j, t.at, panel, terms, sums + j * t.pitch, t.pitch, 1, N)
            j += 1


cdef inline void pack_run(const ConvGeometry* g, const float* source, Py_ssize_t n, Py_ssize_t count, float* to,
                          Py_ssize_t width) noexcept nogil:
    """n neighbours of `count` channels, at most LANES, as a column of vectors; lanes beyond are like the last."""
    cdef Py_ssize_t p = 0, i
    cdef vfloat v[4]
    if g.y_column == 1:
        while p + 4 <= n:
            turn_load(v, source + p, g.y_channel, count)
            for i in range(4):
                vstore(to + (p + i) * width, v[i])
            p += 4
    elif g.y_channel == 1 and count == LANES:
        while p < n:
            vstore(to + p * width, vload(source + p * g.y_column))
            p += 1
    while p < n:
        for i in range(LANES):
            to[p * width + i] = source[min(i, count - 1) * g.y_channel + p * g.y_column]
        p += 1


cdef void pack(const Weight* f, const Tile* t, Py_ssize_t first, Py_ssize_t vectors, float* panel) noexcept nogil:
    """The block's terms, each with `vectors` of output channels from the first on."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t width = vectors * LANES, u, b, r, image, count, runs = t.n_rows, length = t.n_columns
    cdef const float* source
    cdef float* to
    if g.y_column == 1 and (g.y_row == length or runs == 1):
        runs, length = 1, runs * length
    for u in range(vectors):
        count = min(LANES, t.outputs - first - u * LANES)
        to = panel + u * LANES
        for b in range(t.n_planes):
            image = (t.plane + b) // g.out_depth
            source = (f.grad + image * g.y_batch + (t.plane + b) % g.out_depth * g.y_depth + t.top * g.y_row
                      + t.left * g.y_column
                      + (t.group * g.out_channels + t.output + first + u * LANES) * g.y_channel)
            for r in range(runs):
                pack_run(g, source + r * g.y_row, length, count, to, width)
                to += length * width


cdef void stage_input(const Weight* f, Tile* t) noexcept nogil:
    """Copy what the block's windows touch, and say where its terms and taps lie."""
    cdef const ConvGeometry* g = f.g
    cdef ConvGeometry* own = &t.own
    cdef Py_ssize_t columns = (t.n_columns - 1) * g.stride_width + (own.kernel_width - 1) * g.dilation_width + 1
    cdef Py_ssize_t pitch = phase_pitch(columns, g.stride_width), line = g.stride_width * pitch
    cdef bint apart = separate(own, t.n_rows)
    cdef Py_ssize_t rows = (own.kernel_height * t.n_rows if apart else
                            (t.n_rows - 1) * g.stride_height + (own.kernel_height - 1) * g.dilation_height + 1)
    cdef Py_ssize_t size = rows * line, b, c, a, i, j, r, place, k = 0, position, image
    cdef const float* x
    cdef Py_ssize_t each = t.channels * own.kernel_depth * size
    for b in range(t.n_planes):
        image, position = (t.plane + b) // g.out_depth, (t.plane + b) % g.out_depth * g.stride_depth
        for c in range(t.channels):
            x = f.x + image * g.x_batch + (t.group * g.channels + t.channel + c) * g.x_channel
            for a in range(own.kernel_depth):
                place = source_at(f.axes, position + (t.depth + a) * g.dilation_depth)
                stage(own, x + place * g.x_depth if place >= 0 else NULL, f.axes + 1,
                      t.top * g.stride_height + t.row * g.dilation_height, t.n_rows, apart, f.axes + 2,
                      t.left * g.stride_width + t.column * g.dilation_width, columns,
                      t.x + b * each + (c * own.kernel_depth + a) * size, pitch)
        for r in range(t.n_rows):
            place = b * each + staged(own, 0, r, t.n_rows) * line
            for i in range(t.n_columns):
                t.at[k] = place + i
                k += 1
    k = 0
    for c in range(t.channels):
        for a in range(own.kernel_depth):
            for i in range(own.kernel_height):
                for j in range(own.kernel_width):
                    t.shifts[k] = ((c * own.kernel_depth + a) * size + staged(own, i, 0, t.n_rows) * line
                                   + j * g.dilation_width % g.stride_width * pitch
                                   + j * g.dilation_width // g.stride_width)
                    k += 1


cdef const float* find_input(const Weight* f, Tile* t) noexcept nogil:
    """The same of an input that is read in place."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t b, r, i, j, a, c, k = 0
    for b in range(t.n_planes):
        for r in range(t.n_rows):
            for i in range(t.n_columns):
                t.at[k] = b * g.x_batch + r * g.stride_height * g.x_row + i * g.stride_width * g.x_column
                k += 1
    k = 0
    for c in range(t.channels):
        for a in range(t.own.kernel_depth):
            for i in range(t.own.kernel_height):
                for j in range(t.own.kernel_width):
                    t.shifts[k] = (c * g.x_channel + a * g.dilation_depth * g.x_depth
                                   + i * g.dilation_height * g.x_row + j * g.dilation_width * g.x_column)
                    k += 1
    return (f.x + t.plane // g.out_depth * g.x_batch + (t.group * g.channels + t.channel) * g.x_channel
            + (t.plane % g.out_depth * g.stride_depth + t.depth * g.dilation_depth) * g.x_depth
            + (t.top * g.stride_height + t.row * g.dilation_height) * g.x_row
            + (t.left * g.stride_width + t.column * g.dilation_width) * g.x_column)


cdef void add_block(const Weight* f, Tile* t) noexcept nogil:
    """Multiply one block of terms, and add the sums to those in double."""
    cdef Py_ssize_t terms = t.n_planes * t.n_rows * t.n_columns, first = 0, left
    cdef const float* x = t.x
    if f.b.in_place:
        x = find_input(f, t)
    else:
        stage_input(f, t)
    while first < t.outputs:
        left = (t.outputs - first + LANES - 1) // LANES
        if left >= 5 or left == 3:
            pack(f, t, first, 3, t.grad)
            multiply(t, x, t.grad, terms, t.sums + first, 3)
            first += 3 * LANES
        elif left >= 2:
            pack(f, t, first, 2, t.grad)
            multiply(t, x, t.grad, terms, t.sums + first, 2)
            first += 2 * LANES
        else:
            pack(f, t, first, 1, t.grad)
            multiply(t, x, t.grad, terms, t.sums + first, 1)
            first += LANES


cdef Tile tile_of(const Weight* f, Py_ssize_t t) noexcept nogil:
    """The weights of a tile, by its number."""
    cdef const ConvGeometry* g = f.g
    cdef const WeightGeometry* b = f.b
    cdef Tile tile
    tile.output, t = t % f.outputs * b.tile_outputs, t // f.outputs
    tile.column, t = t % f.columns * b.tile_columns, t // f.columns
    tile.row, t = t % f.rows * b.tile_rows, t // f.rows
    tile.depth, t = t % f.depths * b.tile_depth, t // f.depths
    tile.channel, tile.group = t % f.channels * b.tile_channels, t // f.channels
    tile.own = g[0]
    tile.own.kernel_depth = min(b.tile_depth, g.kernel_depth - tile.depth)
    tile.own.kernel_height = min(b.tile_rows, g.kernel_height - tile.row)
    tile.own.kernel_width = min(b.tile_columns, g.kernel_width - tile.column)
    tile.outputs = min(b.tile_outputs, g.out_channels - tile.output)
    tile.channels = min(b.tile_channels, g.channels - tile.channel)
    tile.taps = tile.own.kernel_depth * tile.own.kernel_height * tile.own.kernel_width
    tile.weights = tile.channels * tile.taps
    tile.pitch = (tile.outputs + 15) // 16 * 16
    return tile


cdef inline void lay_out(const Weight* f, Tile* t, double* sums, float* workspace) noexcept nogil:
    """Where a task's arrays lie in its thread's workspace."""
    t.sums = sums
    if sums == NULL:
        t.sums = <double*>workspace
        workspace += 2 * f.b.sums
    t.at = <Py_ssize_t*>workspace
    t.shifts = t.at + f.b.block_planes * f.b.block_rows * f.b.block_columns
    t.targets = t.shifts + f.b.tile_channels * f.b.tile_depth * f.b.tile_rows * f.b.tile_columns
    t.grad = workspace + f.b.places
    t.x = t.grad + f.b.output


cdef void write(const Weight* f, Tile* t) noexcept nogil:
    """The sums of a tile's chunks, one after the other, rounded, to their places."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t taps = g.kernel_depth * g.kernel_height * g.kernel_width, row = g.channels * taps
    cdef Py_ssize_t c, a, i, j, m, n, chunk, k = 0
    cdef double total
    cdef float* y = f.y + (t.group * g.out_channels + t.output) * row
    cdef float* to
    cdef const double* sums
    for c in range(t.channels):
        for a in range(t.own.kernel_depth):
            for i in range(t.own.kernel_height):
                for j in range(t.own.kernel_width):
                    t.targets[k] = ((t.channel + c) * taps
                                    + ((t.depth + a) * g.kernel_height + t.row + i) * g.kernel_width + t.column + j)
                    k += 1
    m = 0
    while m < t.outputs:
        n = min(8, t.outputs - m)
        sums = t.sums + m
        for k in range(t.weights):
            to = y + m * row + t.targets[k]
            for i in range(n):
                total = sums[i]
                for chunk in range(1, f.b.chunks):
                    total += sums[chunk * f.b.sums + i]
                to[i * row] = <float>total
            sums += t.pitch
        m += 8


cdef void task(const Weight* f, Py_ssize_t number, float* workspace) noexcept nogil:
    """One tile of weights, and one chunk of the blocks."""
    cdef const ConvGeometry* g = f.g
    cdef const WeightGeometry* b = f.b
    cdef Py_ssize_t chunk = number % b.chunks, block, i
    cdef Py_ssize_t head = (16 - <Py_ssize_t>(<size_t>workspace // sizeof(float)) % 16) % 16
    cdef Tile t = tile_of(f, number // b.chunks)
    lay_out(f, &t, f.sums + number * b.sums if f.sums != NULL else NULL, workspace + head)
    memset(t.sums, 0, t.weights * t.pitch * sizeof(double))
    for block in range(f.blocks * chunk // b.chunks, f.blocks * (chunk + 1) // b.chunks):
        i = block
        t.left, i = i % f.column_blocks * b.block_columns, i // f.column_blocks
        t.top, i = i % f.row_blocks * b.block_rows, i // f.row_blocks
        t.plane = i * b.block_planes
        t.n_columns = min(b.block_columns, g.out_width - t.left)
        t.n_rows = min(b.block_rows, g.out_height - t.top)
        t.n_planes = min(b.block_planes, f.planes - t.plane)
        add_block(f, &t)
    if f.sums == NULL:
        write(f, &t)


cdef void join(const Weight* f, Py_ssize_t number, float* workspace) noexcept nogil:
    """A tile's chunks, when all are there."""
    cdef Py_ssize_t head = (16 - <Py_ssize_t>(<size_t>workspace // sizeof(float)) % 16) % 16
    cdef Tile t = tile_of(f, number)
    lay_out(f, &t, f.sums + number * f.b.chunks * f.b.sums, workspace + head)
    write(f, &t)


cdef public int conv_weight(Call* call) noexcept nogil:
    """Get the workspace and share out the tasks."""
    cdef Weight f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef const WeightGeometry* b = <const WeightGeometry*>call.sizes.data
    cdef Py_ssize_t tiles, size = b.workspace * sizeof(float), shared = 0
    cdef int threads, outcome
    cdef void* memory
    f.x, f.grad, f.y = <const float*>call.x.data, <const float*>call.grad.data, <float*>call.y.data
    f.g, f.axes, f.b = g, <const ConvAxis*>call.sources.data, b
    f.planes = g.batch * g.out_depth
    f.plane_blocks = (f.planes + b.block_planes - 1) // b.block_planes
    f.row_blocks = (g.out_height + b.block_rows - 1) // b.block_rows
    f.column_blocks = (g.out_width + b.block_columns - 1) // b.block_columns
    f.blocks = f.plane_blocks * f.row_blocks * f.column_blocks
    f.outputs = (g.out_channels + b.tile_outputs - 1) // b.tile_outputs
    f.channels = (g.channels + b.tile_channels - 1) // b.tile_channels
    f.depths = (g.kernel_depth + b.tile_depth - 1) // b.tile_depth
    f.rows = (g.kernel_height + b.tile_rows - 1) // b.tile_rows
    f.columns = (g.kernel_width + b.tile_columns - 1) // b.tile_columns
    tiles = g.groups * f.outputs * f.channels * f.depths * f.rows * f.columns
    threads = count_threads(call, tiles * b.chunks)
    if b.chunks > 1:
        shared = tiles * b.chunks * b.sums * sizeof(double)
    memory = get_workspace(threads, size, shared)
    if memory == NULL:
        return -1
    f.sums = <double*>(<char*>memory + threads * size) if b.chunks > 1 else NULL
    outcome = run_tasks(call, <task_function>task, &f, tiles * b.chunks, threads, memory, size, NULL)
    if b.chunks > 1 and outcome == 0:
        outcome = run_tasks(call, <task_function>join, &f, tiles, <int>min(threads, tiles), memory, size, NULL)
    free(memory)
    return outcome
