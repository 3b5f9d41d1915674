"""Convolution of narrow planes, whose pixels would fill few vectors badly: vectors over output channels.

    y[m, p] = act(bias[m] + sum over k of w[m, k] * b[k, p])

The terms k, their order and the panel b are those of conv_gemm, and so are the bits; but the weights are transposed
ahead, in panels of 48 output channels, and the pixels are broadcast: eight pixels by three vectors in registers. The
sums gather in a block of the workspace, pixels by channels, and are turned round when they are finished.
"""

from axis cimport source_at
from call cimport Call
from gemm cimport activated
from geometry cimport ConvAxis, ConvGeometry, ConvValues
from panel cimport fill
from tasks cimport WORKERS_MOST, count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, prefetch, vfloat, vload, vstore

cdef enum:
    WIDTH = 48                          # output channels of a panel of weights


cdef struct Conv:
    const float* x
    const float* u                      # weights: groups, panels, terms, WIDTH
    const float* bias
    float* y
    const ConvGeometry* g
    const ConvValues* v
    const ConvAxis* axes                    # depth, rows, columns
    Py_ssize_t panels, parts            # of the output channels of a group
    Py_ssize_t pitch                    # floats of a panel's row


cdef inline void block(const float* b, Py_ssize_t pitch, const float* u, Py_ssize_t depth, float* c, Py_ssize_t c_row,
                       const float* ahead, const int R) noexcept nogil:
    """R pixels by three vectors of output channels, added to c. A part of what is wanted next is asked for."""
    cdef vfloat acc[24]
    cdef vfloat w[3]
    cdef Py_ssize_t _
    cdef int r, i
    for r in range(R):
        for i in range(3):
            acc[r * 3 + i] = vload(c + r * c_row + i * LANES)
    for _ in range(depth):
        for i in range(3):
            w[i] = vload(u + i * LANES)
        for r in range(R):
            for i in range(3):
                acc[r * 3 + i] += b[r] * w[i]
        prefetch(ahead)
        ahead += 8
        b += pitch
        u += WIDTH
    for r in range(R):
        for i in range(3):
            vstore(c + r * c_row + i * LANES, acc[r * 3 + i])


cdef void multiply(const float* b, Py_ssize_t pitch, const float* u, Py_ssize_t depth, float* c, Py_ssize_t c_row,
                   Py_ssize_t n, const float* ahead) noexcept nogil:
    """n pixels by three vectors; the weights `ahead` come next."""
    cdef Py_ssize_t p = 0
    while LANES == 16 and n - p >= 8:
        block(b + p, pitch, u, depth, c + p * c_row, c_row, ahead + p * depth, 8)
        p += 8
    while n - p >= 4:
        block(b + p, pitch, u, depth, c + p * c_row, c_row, ahead + p * depth, 4)
        p += 4
    while p < n:
        block(b + p, pitch, u, depth, c + p * c_row, c_row, ahead + p * depth, 1)
        p += 1


cdef void task(const Conv* f, Py_ssize_t t, float* workspace) noexcept nogil:
    """One plane of one image and group, and some panels of its output channels."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t part = t % f.parts, plane = t // f.parts % g.out_depth
    cdef Py_ssize_t group = t // f.parts // g.out_depth % g.groups, image = t // f.parts // g.out_depth // g.groups
    cdef Py_ssize_t first = f.panels * part // f.parts, last = f.panels * (part + 1) // f.parts
    cdef Py_ssize_t n = g.out_height * g.out_width, taps = g.kernel_height * g.kernel_width
    cdef Py_ssize_t total = g.channels * g.kernel_depth, c_row = f.panels * WIDTH, k = 0, s, i, m, p, r, q, count
    cdef float* panel = workspace + (16 - <Py_ssize_t>(<size_t>workspace // sizeof(float)) % 16) % 16
    cdef float* c = panel + g.slices * taps * f.pitch
    cdef float* strip = c + n * c_row
    cdef const float* x = f.x + image * g.x_batch + group * g.channels * g.x_channel
    cdef const float* bias = f.bias + group * g.out_channels
    cdef const float* u
    cdef const float* ahead
    cdef float* y = f.y + image * g.y_batch + group * g.out_channels * g.y_channel + plane * g.y_depth
    for m in range(first * WIDTH, last * WIDTH):
        c[m] = bias[m] if m < g.out_channels else 0
    for p in range(1, n):
        for m in range(first * WIDTH, last * WIDTH):
            c[p * c_row + m] = c[m]
    while k < total:
        count = min(g.slices, total - k)
        for s in range(count):
            i = k + s
            fill(g, x + i // g.kernel_depth * g.x_channel,
                 source_at(f.axes, plane * g.stride_depth + i % g.kernel_depth * g.dilation_depth), f.axes + 1,
                 f.axes + 2, 0, g.out_height, 0, g.out_width, strip, panel + s * taps * f.pitch, f.pitch)
        for i in range(first, last):
            m = 0
            while m < WIDTH:
                u = f.u + ((group * f.panels + i) * total + k) * taps * WIDTH
                ahead = u + total * taps * WIDTH if i + 1 < last else u + (count - (i - first) * total) * taps * WIDTH
                multiply(panel, f.pitch, u + m, count * taps, c + i * WIDTH + m, c_row, n, ahead)
                m += 3 * LANES
        k += count
    if f.v.activation != 0:
        for p in range(n):
            m = first * WIDTH
            while m < last * WIDTH:
                vstore(c + p * c_row + m, activated(f.v, vload(c + p * c_row + m)))
                m += LANES
    for m in range(first * WIDTH, min(last * WIDTH, g.out_channels)):
        for r in range(g.out_height):
            for q in range(g.out_width):
                y[m * g.y_channel + r * g.y_row + q * g.y_column] = c[(r * g.out_width + q) * c_row + m]


cdef public int conv_narrow(Call* call) noexcept nogil:
    """Get the workspace and share out the tasks; w is not read, but u, which narrow_weights made of it."""
    cdef Conv f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef Py_ssize_t tasks, size = g.workspace * sizeof(float)
    cdef int threads = count_threads(call, WORKERS_MOST)
    cdef float* workspace
    f.x = <const float*>call.x.data
    f.u = <const float*>call.u.data
    f.y = <float*>call.y.data
    f.bias = <const float*>call.bias.data
    f.g = g
    f.v = <const ConvValues*>call.values.data
    f.axes = <const ConvAxis*>call.sources.data
    f.panels = (g.out_channels + WIDTH - 1) // WIDTH
    f.pitch = ((g.out_height * g.out_width + LANES + 15) // 16 | 1) * 16
    tasks = g.batch * g.groups * g.out_depth
    f.parts = 1
    if tasks % threads and tasks < 8 * threads:
        f.parts = min(threads, f.panels)
    tasks *= f.parts
    threads = <int>min(threads, tasks)
    workspace = <float*>get_workspace(threads, size, 0)
    if workspace == NULL:
        return -1
    return run_tasks(call, <task_function>task, &f, tasks, threads, workspace, size, workspace)


cdef public int narrow_weights(Call* call) noexcept nogil:
    """The weights w (groups, M, terms) as u (groups, panels, terms, WIDTH), with zeros beyond M."""
    cdef const float* source = <const float*>call.w.data
    cdef float* to = <float*>call.u.data
    cdef Py_ssize_t m = call.w.shape[1], terms = call.w.shape[2], panels = call.u.shape[1]
    cdef Py_ssize_t t, k, i, first
    for t in range(call.w.shape[0] * panels):
        first = t % panels * WIDTH
        for k in range(terms):
            for i in range(WIDTH):
                to[(t * terms + k) * WIDTH + i] = (
                    source[(t // panels * m + first + i) * terms + k] if first + i < m else 0)
    return 0
