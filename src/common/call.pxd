# What a kernel is called with: see call.h.
cdef extern from "call.h" nogil:
    ctypedef struct Workers:
        int (*get_cap)() noexcept
        int (*get_cpus)() noexcept
    ctypedef struct Array:
        void* data
        const Py_ssize_t* shape
        int axes
    ctypedef struct Call:
        const Workers* workers
        Array x, w, y, mask, bias, indices, u, grad, geometry, borders, values, sources, cval, sizes, parts, order
        Py_ssize_t threads, tile, groups, repetitions
        bint answers
        long long answer
    ctypedef int (*KernelFunction)(Call* call) noexcept
    ctypedef struct Kernel:
        const char* name
        KernelFunction function
        short places[12]
    ctypedef struct Kernels:
        const Kernel* kernels
        int number
