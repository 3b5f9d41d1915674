"""Convolution over one, two or three axes as a product of matrices that are never made: implicit GEMM.

    y[m, p] = act(bias[m] + sum over c, a, i, j of w[m, c, a, i, j] * x[c, p shifted by (a, i, j)])

The sum starts at the bias and runs over channels, then taps in the order of the weights, one fused multiply-add each:
so its bits depend on the weights and options alone.

Blocking. A block of output pixels (some rows, or a part of one) takes a few slices of the input at a time: a slice is
staged with its border (staging.pxd), and shifted by each tap it gives one row of a panel, slices * taps rows by the
block's pixels, that stays in the second-level cache. All output channels are multiplied with it, eight by three vectors
of pixels in registers (gemm.pxd), adding to what y holds of the slices before. Weights are read as they lie. With few
output channels the panel is not copied: the staged slices themselves, shifted (panel.pxd), are its rows.

Blocks, images, groups and planes of depth are what threads share out; output channels too, where those are too few.
"""

from axis cimport source_at
from call cimport Call
from gemm cimport rows
from geometry cimport ConvAxis, ConvGeometry, ConvValues
from panel cimport Shifts, fill, shift, shifts_of, spread
from staging cimport copy, first, put
from tasks cimport WORKERS_MOST, count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, prefetch, vload, vstore


cdef enum:
    CACHED = 1 << 17                    # weights that stay in the second-level cache


cdef struct Conv:
    const float* x
    const float* w
    const float* bias
    float* y
    const ConvGeometry* g
    const ConvValues* v
    const ConvAxis* axes                    # depth, rows, columns
    Py_ssize_t row_blocks, column_blocks, parts     # of one plane; parts of the output channels
    Py_ssize_t pitch                                # floats of a panel's row, and of the sums'
    Shifts shifts
    const Py_ssize_t* at                            # where each row of the panel begins
    bint far                                        # whether the weights are more than a cache holds


cdef void multiply(const Conv* f, const float* w, Py_ssize_t w_row, const float* panel, Py_ssize_t depth,
                   const float* bias, const ConvValues* v, float* c, Py_ssize_t c_row, Py_ssize_t m, Py_ssize_t n,
                   bint beyond) noexcept nogil:
    """m output channels by n pixels; beyond them whole vectors may be written."""
    cdef Py_ssize_t r, step, i, count, p, left, asked
    cdef const float* row_bias
    cdef float spare[8 * 16]
    for r in range(0, m, 8):
        count = min(m - r, 8)
        row_bias = bias + r if bias != NULL else NULL
        p = asked = 0
        while p < n:
            # A part of the next weights is asked for.
            if f.far and r + 16 <= m:
                left = min(depth, asked + depth * 3 * LANES // n + 16)
                while asked < left:
                    for i in range(8):
                        prefetch(w + (r + 8 + i) * w_row + asked)
                    asked += 16
            left = (n - p + LANES - 1) // LANES if beyond else (n - p) // LANES
            if left >= 5 or left == 3:
                step = 3
                rows(w + r * w_row, w_row, panel + p, 0, f.at, depth, row_bias, v, c + r * c_row + p, c_row, NULL,
                     count, 3)
            elif left >= 2:
                step = 2
                rows(w + r * w_row, w_row, panel + p, 0, f.at, depth, row_bias, v, c + r * c_row + p, c_row, NULL,
                     count, 2)
            elif left == 1:
                step = 1
                rows(w + r * w_row, w_row, panel + p, 0, f.at, depth, row_bias, v, c + r * c_row + p, c_row, NULL,
                     count, 1)
            else:
                step = 1
                if bias == NULL:  # with zeros beyond
                    for i in range(count):
                        vstore(spare + i * LANES, first(c + (r + i) * c_row + p, n - p))
                rows(w + r * w_row, w_row, panel + p, 0, f.at, depth, row_bias, v, spare, LANES, NULL, count, 1)
                for i in range(count):
                    copy(c + (r + i) * c_row + p, spare + i * LANES, n - p)
            p += step * LANES


cdef void task(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    """One block of pixels of one image, group and plane of depth."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t part = t % f.parts, column_block, row_block, plane, group, image
    t //= f.parts
    column_block, t = t % f.column_blocks, t // f.column_blocks
    row_block, t = t % f.row_blocks, t // f.row_blocks
    plane, t = t % g.out_depth, t // g.out_depth
    group, image = t % g.groups, t // g.groups
    # Output channels of this part, in whole blocks of eight.
    cdef Py_ssize_t eights = (g.out_channels + 7) // 8
    cdef Py_ssize_t channel = eights * part // f.parts * 8
    cdef Py_ssize_t m = min(eights * (part + 1) // f.parts * 8, g.out_channels) - channel
    cdef Py_ssize_t top = row_block * g.block_rows, left = column_block * g.block_columns
    cdef Py_ssize_t n_rows = min(g.block_rows, g.out_height - top), n_columns = min(g.block_columns, g.out_width - left)
    cdef Py_ssize_t n = n_rows * n_columns, taps = g.kernel_height * g.kernel_width
    cdef Py_ssize_t total = g.channels * g.kernel_depth, k, s, i, p, r, count, w_row = total * taps
    cdef Py_ssize_t head = (16 - <Py_ssize_t>(<size_t>workspace // sizeof(float)) % 16) % 16
    cdef float* panel = workspace + head
    cdef float* strip
    cdef float* c
    cdef Py_ssize_t c_row, line = n_columns         # of the sums: from one output channel, from one row, to the next
    cdef const float* from_c
    cdef float* to_y
    cdef const float* x = f.x + image * g.x_batch + group * g.channels * g.x_channel
    cdef const float* w = f.w + (group * g.out_channels + channel) * w_row
    cdef const float* bias = f.bias + group * g.out_channels + channel
    cdef float* y = (f.y + image * g.y_batch + (group * g.out_channels + channel) * g.y_channel + plane * g.y_depth
                     + top * g.y_row + left * g.y_column)
    if m <= 0:
        return
    strip = panel + g.slices * (f.shifts.slice if g.shifted else taps * f.pitch)
    c, c_row = y, g.y_channel
    if g.shifted:
        strip += 2 * LANES                          # vectors reach beyond the last slice
        line = f.shifts.line
        n = (n_rows - 1) * line + n_columns
    if g.gather:
        c, c_row = strip, f.pitch
        strip += g.out_channels * f.pitch
    k = 0
    while k < total:
        count = min(g.slices, total - k)
        for s in range(count):
            i = k + s
            p = source_at(f.axes, plane * g.stride_depth + i % g.kernel_depth * g.dilation_depth)
            if g.shifted:
                spread(g, &f.shifts, x + i // g.kernel_depth * g.x_channel, p, f.axes + 1, f.axes + 2, top, n_rows,
                       left, n_columns, panel + s * f.shifts.slice)
            else:
                fill(g, x + i // g.kernel_depth * g.x_channel, p, f.axes + 1, f.axes + 2, top, n_rows, left, n_columns,
                     strip, panel + s * taps * f.pitch, f.pitch)
        multiply(f, w + k * taps, w_row, panel, count * taps, bias if k == 0 else NULL,
                 f.v if k + count == total else NULL, c, c_row, m, n, g.gather)
        k += count
    if not g.gather:
        return
    # Along what lies closest in y.
    if g.y_channel == 1:
        for r in range(n_rows):
            for p in range(n_columns):
                for i in range(m):
                    y[r * g.y_row + p * g.y_column + i] = c[i * c_row + r * line + p]
        return
    for i in range(m):
        for r in range(n_rows):
            from_c, to_y = c + i * c_row + r * line, y + i * g.y_channel + r * g.y_row
            p = 0
            while g.y_column == 1 and p < n_columns:
                put(to_y + p, vload(from_c + p), n_columns - p)
                p += LANES
            while p < n_columns:
                to_y[p * g.y_column] = from_c[p]
                p += 1


cdef public int conv_gemm(Call* call) noexcept nogil:
    """Get the workspace and share out the tasks."""
    cdef Conv f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef Py_ssize_t tasks, pixels, k, s, i, size = g.workspace * sizeof(float), taps = g.kernel_height * g.kernel_width
    cdef int threads = count_threads(call, WORKERS_MOST)
    cdef Py_ssize_t* at
    cdef float* workspace
    f.x = <const float*>call.x.data
    f.w = <const float*>call.w.data
    f.y = <float*>call.y.data
    f.bias = <const float*>call.bias.data
    f.g = g
    f.v = <const ConvValues*>call.values.data
    f.axes = <const ConvAxis*>call.sources.data
    f.row_blocks = (g.out_height + g.block_rows - 1) // g.block_rows
    f.column_blocks = (g.out_width + g.block_columns - 1) // g.block_columns
    f.shifts = shifts_of(g)
    pixels = g.block_rows * g.block_columns
    if g.shifted:
        pixels = (g.block_rows - 1) * f.shifts.line + g.block_columns
    # An odd number of cache lines, or a panel's rows would meet in few sets.
    f.pitch = ((pixels + LANES + 15) // 16 | 1) * 16
    f.far = g.out_channels * g.channels * taps * g.kernel_depth > CACHED
    tasks = g.batch * g.groups * g.out_depth * f.row_blocks * f.column_blocks
    f.parts = 1
    if tasks % threads and tasks < 8 * threads:
        f.parts = min(threads, (g.out_channels + 7) // 8)
    tasks *= f.parts
    threads = <int>min(threads, tasks)
    at = <Py_ssize_t*>get_workspace(threads, size, g.slices * taps * sizeof(Py_ssize_t))
    if at == NULL:
        return -1
    workspace = <float*>(at + g.slices * taps)
    f.at = at
    for k in range(g.slices * taps):
        s, i = k // taps, k % taps
        if g.shifted:
            at[k] = s * f.shifts.slice + shift(g, &f.shifts, i // g.kernel_width, i % g.kernel_width)
        else:
            at[k] = k * f.pitch
    return run_tasks(call, <task_function>task, &f, tasks, threads, workspace, size, at)


cdef public int transpose_weights(Call* call) noexcept nogil:
    """The weights of a transpose (C, M / groups, taps), sorted into those of its parts, one after the other in u.

    `parts` holds for each part where it starts and how many taps it has, `order` which taps those are.
    """
    cdef const float* source = <const float*>call.w.data
    cdef float* to = <float*>call.u.data
    cdef const Py_ssize_t* part
    cdef const Py_ssize_t* its
    cdef Py_ssize_t channels = call.w.shape[0] // call.groups, out_channels = call.w.shape[1]
    cdef Py_ssize_t taps = 1
    cdef Py_ssize_t group, m, c, a, _, start
    cdef const float* kernel
    cdef float* its_kernel
    cdef int axis
    for axis in range(2, call.w.axes):
        taps *= call.w.shape[axis]
    for group in range(call.groups):
        # Some channels at a time: each part is written in order, and what is read next is asked for.
        for start in range(0, channels, 64):
            for m in range(out_channels):
                for c in range(start, min(start + 64, channels)):
                    kernel = source + ((group * channels + c) * out_channels + m) * taps
                    prefetch(kernel + 4 * taps)
                    its = <const Py_ssize_t*>call.order.data
                    part = <const Py_ssize_t*>call.parts.data
                    for _ in range(call.parts.shape[0]):
                        its_kernel = to + part[0] + ((group * out_channels + m) * channels + c) * part[1]
                        for a in range(part[1]):
                            its_kernel[a] = kernel[its[a]]
                        its += part[1]
                        part += 2
    return 0
