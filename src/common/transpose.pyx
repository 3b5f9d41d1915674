"""Transposing copies: y[j, i] = x[i, j] for elements of 1, 2 and 4 bytes.

Elements move as they are, so 4 bytes may be floats, NaN included, or integers.

Blocking. A task is a block of ROWS x COLUMNS elements. Within it, LANES rows by 4 columns of 4 bytes go through
registers (turn.h), STEP columns of all rows after the others: so few cache lines are read and written at a time,
even where rows lie a multiple of a page apart and fall into the same set of the cache. Smaller elements, and what is
left of a block, move one by one, by STEP rows and columns.
"""
from libc.stdint cimport uint16_t, uint8_t, uint32_t

from call cimport Call
from geometry cimport TransposeGeometry
from tasks cimport count_threads, run_tasks, task_function
from turn cimport turn_load
from vector cimport LANES, vfloat, vstore


cdef enum:
    ROWS = 256
    COLUMNS = 64
    STEP = 16

ctypedef fused element:
    uint8_t
    uint16_t
    uint32_t


cdef struct Copy:
    const char* x
    char* y
    const TransposeGeometry* g


cdef inline void one_by_one(const element* x, element* y, Py_ssize_t x_row, Py_ssize_t y_row, Py_ssize_t rows,
                            Py_ssize_t columns) noexcept nogil:
    cdef Py_ssize_t i, j, a, b, first, start
    for a in range((rows + STEP - 1) // STEP):
        for b in range((columns + STEP - 1) // STEP):
            first, start = a * STEP, b * STEP
            for j in range(start, min(start + STEP, columns)):
                for i in range(first, min(first + STEP, rows)):
                    y[j * y_row + i] = x[i * x_row + j]


cdef inline void floats(const float* x, float* y, Py_ssize_t x_row, Py_ssize_t y_row, Py_ssize_t rows,
                        Py_ssize_t columns) noexcept nogil:
    """Whole groups of LANES rows and 4 columns in registers, the rest one by one."""
    cdef Py_ssize_t i, j, start = 0, whole = columns - columns % 4
    cdef vfloat v[4]
    cdef int c
    while start < whole:
        i = 0
        while i + LANES <= rows:
            j = start
            while j < min(start + STEP, whole):
                turn_load(v, x + i * x_row + j, x_row, LANES)
                for c in range(4):
                    vstore(y + (j + c) * y_row + i, v[c])
                j += 4
            i += LANES
        start += STEP
    i = rows - rows % LANES
    if whole < columns:
        one_by_one(<const uint32_t*>(x + whole), <uint32_t*>(y + whole * y_row), x_row, y_row, i, columns - whole)
    if i < rows:
        one_by_one(<const uint32_t*>(x + i * x_row), <uint32_t*>(y + i), x_row, y_row, rows - i, columns)


cdef void block(const Copy* copy, Py_ssize_t t, void* workspace) noexcept nogil:
    cdef const TransposeGeometry* g = copy.g
    cdef Py_ssize_t across = (g.columns + COLUMNS - 1) // COLUMNS
    cdef Py_ssize_t first = t // across * ROWS, start = t % across * COLUMNS
    cdef Py_ssize_t rows = min(g.rows - first, ROWS), columns = min(g.columns - start, COLUMNS)
    cdef const char* x = copy.x + (first * g.x_row + start) * g.itemsize
    cdef char* y = copy.y + (start * g.y_row + first) * g.itemsize
    if g.itemsize == 4:
        floats(<const float*>x, <float*>y, g.x_row, g.y_row, rows, columns)
    elif g.itemsize == 2:
        one_by_one(<const uint16_t*>x, <uint16_t*>y, g.x_row, g.y_row, rows, columns)
    else:
        one_by_one(<const uint8_t*>x, <uint8_t*>y, g.x_row, g.y_row, rows, columns)


cdef public int transpose2d(Call* call) noexcept nogil:
    """Share out the blocks."""
    cdef Copy copy
    cdef const TransposeGeometry* g = <const TransposeGeometry*>call.geometry.data
    cdef Py_ssize_t tasks = ((g.rows + ROWS - 1) // ROWS) * ((g.columns + COLUMNS - 1) // COLUMNS)
    cdef int threads = count_threads(call, tasks)
    copy.x = <const char*>call.x.data
    copy.y = <char*>call.y.data
    copy.g = g
    return run_tasks(call, <task_function>block, &copy, tasks, threads, NULL, 0, NULL)
