"""The gradient of a depthwise convolution's input at stride 2: each plane by itself.

    dx[c, i] = sum over taps a with (i + padding - a) even of w[c, a] * g[c, (i + padding - a) / 2]

The sum starts at 0 and runs over the taps from the last to the first, one fused multiply-add each. A plane of g is
copied into the workspace with zeros around it, so that every tap's load is within. Vectors run along a row of g: even
and odd columns of dx are two sums, which are then zipped.
"""
from libc.string cimport memset

from call cimport Call
from geometry cimport ConvGeometry
from staging cimport put
from tasks cimport count_threads, get_workspace, run_tasks, task_function
from vector cimport LANES, vfloat, vload, vsplat, vstore, vzip_high, vzip_low


cdef struct Strided:
    const float* grad
    const float* w
    float* x
    const ConvGeometry* g
    Py_ssize_t above, before, pitch, rows       # zeros around a packed plane, and its size


cdef inline vfloat column_sum(const Strided* f, const float* w, const float* packed, Py_ssize_t row,
                              Py_ssize_t column) noexcept nogil:
    """The gradients of every second column from `column` on, whose taps' first products begin there; of one row.

    `row` and `column` are places of dx with its padding: those of the taps' parity count.
    """
    cdef const ConvGeometry* g = f.g
    cdef vfloat total = vsplat(0)
    cdef Py_ssize_t a = g.kernel_height - 1, b
    cdef const float* line
    a -= (row - a) & 1
    while a >= 0:
        line = packed + ((row - a) // 2 + f.above) * f.pitch + f.before
        b = g.kernel_width - 1
        b -= (column - b) & 1
        while b >= 0:
            total += w[a * g.kernel_width + b] * vload(line + (column - b) // 2)
            b -= 2
        a -= 2
    return total


cdef void task(const Strided* f, Py_ssize_t plane, float* packed) noexcept nogil:
    """One plane."""
    cdef const ConvGeometry* g = f.g
    cdef Py_ssize_t image = plane // g.groups, channel = plane % g.groups, r, i, j, n
    cdef const float* grad = f.grad + image * g.y_batch + channel * g.y_channel
    cdef const float* w = f.w + channel * g.kernel_height * g.kernel_width
    cdef float* x = f.x + image * g.x_batch + channel * g.x_channel
    cdef float* line
    cdef float both[2 * 16]
    cdef vfloat even, odd
    memset(packed, 0, f.rows * f.pitch * sizeof(float))
    for r in range(g.out_height):
        line = packed + (r + f.above) * f.pitch + f.before
        for i in range(g.out_width):
            line[i] = grad[r * g.y_row + i * g.y_column]
    for r in range(g.height):
        i = 0
        while i < g.width:
            even = column_sum(f, w, packed, r + g.above, i + g.before)
            odd = column_sum(f, w, packed, r + g.above, i + g.before + 1)
            n = min(2 * LANES, g.width - i)
            if g.x_column == 1:
                put(x + r * g.x_row + i, vzip_low(even, odd), n)
                put(x + r * g.x_row + i + LANES, vzip_high(even, odd), n - LANES)
            else:
                vstore(both, vzip_low(even, odd))
                vstore(both + LANES, vzip_high(even, odd))
                for j in range(n):
                    x[r * g.x_row + (i + j) * g.x_column] = both[j]
            i += 2 * LANES


cdef public int conv_input_strided(Call* call) noexcept nogil:
    cdef Strided f
    cdef const ConvGeometry* g = <const ConvGeometry*>call.geometry.data
    cdef Py_ssize_t size
    cdef int threads = count_threads(call, g.batch * g.groups)
    cdef void* memory
    f.grad, f.w, f.x = <const float*>call.grad.data, <const float*>call.w.data, <float*>call.y.data
    f.g = g
    # From (padding - kernel + 1) / 2 to (size - 1 + padding) / 2, and as many as vectors reach beyond.
    f.above, f.before = g.kernel_height // 2, g.kernel_width // 2
    f.rows = f.above + max(g.out_height, (g.height - 1 + g.above) // 2 + 1)
    f.pitch = f.before + max(g.out_width, (g.width + g.before) // 2 + 1) + 2 * LANES
    size = f.rows * f.pitch * sizeof(float)
    memory = get_workspace(threads, size, 0)
    if memory == NULL:
        return -1
    return run_tasks(call, <task_function>task, &f, g.batch * g.groups, threads, memory, size, memory)
