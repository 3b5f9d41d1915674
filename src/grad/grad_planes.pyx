"""The gradient of depthwise weights: each tap a product of two planes, summed over its pixels and the batch.

    dw[m, a] = sum over images n and outputs o of g[n, m, o] * x[n, c, o * stride + a * dilation - padding]

Blocking. Some rows of a plane, or a part of one, are a block. The input is copied with its border (staging.pxd); then,
for each column of taps, the rows under it are copied one right behind the other, sorted by their place in the stride,
so that each tap of the column is one long product with the outputs' gradient. Of its terms every 16th goes to the same
of 16 sums in float32, whatever the vectors' length. Where planes are small some add to the same sums; then these are
added, in a tree, and what comes out is added in double. Where there are few channels, blocks are cut into chunks, each
with sums in double of its own. All these cuts depend on sizes and options alone (convlab/_plan/grad_blocks.py).
"""
from libc.stdlib cimport free
from libc.string cimport memset

from call cimport Call
from geometry cimport ConvAxis, ConvGeometry, PlanesGeometry
from staging cimport copy_beyond, first, phase_pitch, stage
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, vfloat, vload, vstore


cdef struct Planes:
    const float* x
    const float* grad
    float* y
    const ConvGeometry* g
    const ConvAxis* axes                            # depth, rows, columns
    const PlanesGeometry* b
    Py_ssize_t taps, row_blocks, column_blocks, blocks
    double* sums                                    # of all tasks


cdef struct Block:
    Py_ssize_t image, top, left, n_rows, n_columns


cdef inline void add_products(const float* x, const Py_ssize_t x_tap, const float* grad, Py_ssize_t n, float* sums,
                              const Py_ssize_t sums_tap, const int T) noexcept nogil:
    """T taps, one below the other: 16 sums of each."""
    cdef vfloat acc[5 * 16]
    cdef vfloat v[16]
    cdef int t, u
    cdef Py_ssize_t k = 0
    for t in range(T):
        for u in range(16 // LANES):
            acc[t * (16 // LANES) + u] = vload(sums + t * sums_tap + u * LANES)
    while k + 16 <= n:
        for u in range(16 // LANES):
            v[u] = vload(grad + k + u * LANES)
        for t in range(T):
            for u in range(16 // LANES):
                acc[t * (16 // LANES) + u] += vload(x + t * x_tap + k + u * LANES) * v[u]
        k += 16
    if k < n:
        for u in range(16 // LANES):
            v[u] = first(grad + k + u * LANES, n - k - u * LANES)
        for t in range(T):
            for u in range(16 // LANES):
                acc[t * (16 // LANES) + u] += (first(x + t * x_tap + k + u * LANES, n - k - u * LANES) * v[u])
    for t in range(T):
        for u in range(16 // LANES):
            vstore(sums + t * sums_tap + u * LANES, acc[t * (16 // LANES) + u])


cdef void add_column(const Planes* f, const Block* b, const float* shifted, Py_ssize_t line, const float* grad,
                     float* sums) noexcept nogil:
    """One column of taps: those that lie in the same place of the stride, and as far apart, together."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t i = 0, left, down = g.dilation_height, stride = g.stride_height
    cdef Py_ssize_t n = b.n_rows * b.n_columns, step = down // stride * b.n_columns, tap = 16 * g.kernel_width
    cdef const float* x
    while i < g.kernel_height:
        x = shifted + i * down % stride * line + i * down // stride * b.n_columns
        left = g.kernel_height - i if down % stride == 0 else 1
        if left == 5 and LANES >= 8:
            add_products(x, step, grad, n, sums + i * tap, tap, 5)
            i += 5
        elif left >= 3:
            add_products(x, step, grad, n, sums + i * tap, tap, 3)
            i += 3
        elif left == 2:
            add_products(x, step, grad, n, sums + i * tap, tap, 2)
            i += 2
        else:
            add_products(x, step, grad, n, sums + i * tap, tap, 1)
            i += 1


cdef void add_block(const Planes* f, Py_ssize_t group, const Block* b, float* sums, float* workspace) noexcept nogil:
    """Add the products of one block to the 16 sums of each tap."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t columns = (b.n_columns - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width + 1
    cdef Py_ssize_t rows = (b.n_rows - 1) * g.stride_height + (g.kernel_height - 1) * g.dilation_height + 1
    cdef Py_ssize_t pitch = phase_pitch(columns, g.stride_width), m, j, r, i, along
    # Rows of one place in the stride.
    cdef Py_ssize_t line = (b.n_rows + (g.kernel_height - 1) * g.dilation_height // g.stride_height) * b.n_columns
    cdef float* strip = workspace
    cdef float* shifted = strip + f.b.staged
    cdef float* packed = shifted + f.b.shifted
    cdef const float* grad[3]
    cdef const float* source
    for m in range(g.out_channels):
        source = (f.grad + b.image * g.y_batch + (group * g.out_channels + m) * g.y_channel + b.top * g.y_row
                  + b.left * g.y_column)
        grad[m] = source
        if g.y_column != 1 or (g.y_row != b.n_columns and b.n_rows > 1):
            grad[m] = packed + m * f.b.terms
            for r in range(b.n_rows):
                for i in range(b.n_columns):
                    packed[m * f.b.terms + r * b.n_columns + i] = source[r * g.y_row + i * g.y_column]
    stage(g, f.x + b.image * g.x_batch + group * g.x_channel, f.axes + 1, b.top * g.stride_height, b.n_rows, False,
          f.axes + 2, b.left * g.stride_width, columns, strip, pitch)
    for j in range(g.kernel_width):
        along = j * g.dilation_width
        source = strip + along % g.stride_width * pitch + along // g.stride_width
        for i in range(min(g.stride_height, rows)):
            for r in range((rows - i + g.stride_height - 1) // g.stride_height):
                copy_beyond(shifted + i * line + r * b.n_columns,
                            source + (r * g.stride_height + i) * g.stride_width * pitch, b.n_columns)
        for m in range(g.out_channels):
            add_column(f, b, shifted, line, grad[m], sums + (m * f.taps + j) * 16)


cdef inline float tree(float* sums) noexcept nogil:
    """The sum of 16, in pairs."""
    cdef int half, i
    half = 8
    while half > 0:
        for i in range(half):
            sums[i] += sums[i + half]
        half //= 2
    return sums[0]


cdef void task(const Planes* f, Py_ssize_t number, float* workspace) noexcept nogil:
    """One channel, and one chunk of the blocks."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t group = number // f.b.chunks, chunk = number % f.b.chunks, weights = f.taps * g.out_channels
    cdef Py_ssize_t head = (16 - <Py_ssize_t>(<size_t>workspace // sizeof(float)) % 16) % 16, i, t, block, image
    cdef float* sums = workspace + head
    cdef double* total = f.sums + number * weights
    cdef Block b
    memset(total, 0, weights * sizeof(double))
    for block in range(f.blocks * chunk // f.b.chunks, f.blocks * (chunk + 1) // f.b.chunks):
        i = block
        b.left, i = i % f.column_blocks * f.b.columns, i // f.column_blocks
        b.top, i = i % f.row_blocks * f.b.rows, i // f.row_blocks
        b.n_columns, b.n_rows = min(f.b.columns, g.out_width - b.left), min(f.b.rows, g.out_height - b.top)
        memset(sums, 0, 16 * weights * sizeof(float))
        for image in range(i * f.b.together, min((i + 1) * f.b.together, g.batch)):
            b.image = image
            add_block(f, group, &b, sums, sums + 16 * weights)
        for t in range(weights):
            total[t] += tree(sums + 16 * t)


cdef public int conv_weight_planes(Call* call) noexcept nogil:
    """Get the workspace, share out the tasks, and add the chunks in order."""
    cdef Planes f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef const PlanesGeometry* b = <const PlanesGeometry*>call.sizes.data
    cdef Py_ssize_t size = b.workspace * sizeof(float), tasks = g.groups * b.chunks, weights, i, t, chunk
    cdef int threads = count_threads(call, tasks), outcome
    cdef double total
    cdef void* memory
    f.x, f.grad, f.y = <const float*>call.x.data, <const float*>call.grad.data, <float*>call.y.data
    f.g, f.axes, f.b = g, <const ConvAxis*>call.sources.data, b
    f.taps = g.kernel_height * g.kernel_width
    f.row_blocks = (g.out_height + b.rows - 1) // b.rows
    f.column_blocks = (g.out_width + b.columns - 1) // b.columns
    f.blocks = (g.batch + b.together - 1) // b.together * f.row_blocks * f.column_blocks
    weights = f.taps * g.out_channels
    memory = get_workspace(threads, size, tasks * weights * sizeof(double))
    if memory == NULL:
        return -1
    f.sums = <double*>(<char*>memory + threads * size)
    outcome = run_tasks(call, <task_function>task, &f, tasks, threads, memory, size, NULL)
    if outcome == 0:
        for i in range(g.groups):
            for t in range(weights):
                total = 0
                for chunk in range(b.chunks):
                    total += f.sums[(i * b.chunks + chunk) * weights + t]
                f.y[i * weights + t] = <float>total
    free(memory)
    return outcome
