"""What this core can do at most: the yardstick of the benchmarks and of expected times."""
from call cimport Call
from vector cimport WIDEST_LANES, vwidest, vwidest_splat


cdef public int multiply_add(Call* call) noexcept nogil:
    """Run chains of multiply-adds in registers; the answer is how many floating-point operations."""
    # Ten chains of four-cycle operations keep two units busy, and fit into sixteen registers with their operands.
    cdef vwidest acc[10]
    cdef vwidest a = vwidest_splat(0.999), b = vwidest_splat(0.001)
    cdef Py_ssize_t _
    cdef int r
    cdef volatile float _sink
    for r in range(10):
        acc[r] = vwidest_splat(<float>r)
    for _ in range(call.repetitions):
        for r in range(10):
            acc[r] = acc[r] * a + b
    for r in range(1, 10):
        acc[0] += acc[r]
    _sink = (<float*>&acc[0])[0]
    call.answers, call.answer = True, call.repetitions * 10 * WIDEST_LANES * 2
    return 0
