"""Sums of k neighbours of each line, by blocks of k elements, as box2d.pyx makes them:

    y[i] = suffix of its block from element i on  +  prefix of the next block before element i + k

For windows that are too wide for strips. One pass makes the prefixes of a block and its suffixes: two chains of sums
that do not wait for each other. Lines are whole blocks; of the last one's sums the first alone is a window.
"""

from call cimport Call
from geometry cimport LinesGeometry
from tasks cimport count_threads, run_tasks, task_function


cdef struct Lines:
    const float* x
    float* y
    const LinesGeometry* g


cdef void line(const Lines* lines, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef Py_ssize_t k = lines.g.k, j, _
    cdef const float* x = lines.x + t * lines.g.blocks * k
    cdef float* y = lines.y + t * lines.g.blocks * k
    cdef float prefix, suffix = x[k - 1]
    y[k - 1] = suffix
    for j in range(k - 2, -1, -1):
        suffix = x[j] + suffix
        y[j] = suffix
    for _ in range(1, lines.g.blocks):
        x += k
        y += k
        prefix = x[0]
        suffix = x[k - 1]
        y[k - 1] = suffix
        for j in range(1, k):
            y[j - k] = y[j - k] + prefix
            prefix = prefix + x[j]
            suffix = x[k - 1 - j] + suffix
            y[k - 1 - j] = suffix


cdef public int box_lines(Call* call) noexcept nogil:
    """Share out the lines."""
    cdef Lines lines
    cdef const LinesGeometry* g = <const LinesGeometry*>call.geometry.data
    cdef int threads = count_threads(call, g.lines)
    lines.x = <const float*>call.x.data
    lines.y = <float*>call.y.data
    lines.g = g
    return run_tasks(call, <task_function>line, &lines, g.lines, threads, NULL, 0, NULL)
