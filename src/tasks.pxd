# How a kernel gets its workspace and shares out its tasks, which it may do in any order and on any number of threads.
from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc


cdef extern from "tasks.h" nogil:
    ctypedef struct Watch:
        pass
    void watch_start(Watch* watch)
    bint watch_stopped(Watch* watch, int thread)


# The kernel's own struct, the task's number, the thread's part of the workspace. Kernels cast functions to it whose
# pointers have types of their own.
ctypedef void (*task_function)(const void*, Py_ssize_t, void*) noexcept nogil


cdef inline void* get_workspace(int threads, Py_ssize_t each, Py_ssize_t shared) except NULL:
    """`each` bytes for each thread and `shared` bytes, for the last task to free."""
    cdef void* memory = NULL
    if 0 <= shared and 0 <= each <= (<Py_ssize_t>(<size_t>-1 // 2) - shared - 1) // threads:
        memory = malloc(threads * each + shared + 1)
    if memory == NULL:
        raise MemoryError(f"no memory for {threads} times {each} bytes of workspace and {shared} more")
    return memory


cdef inline int run_tasks(task_function function, const void* f, Py_ssize_t tasks, int threads, void* workspace,
                          Py_ssize_t each, void* memory) except -1 nogil:
    """Run all tasks, or those until a signal's handler raised; then free the memory."""
    cdef Watch watch
    cdef Py_ssize_t t
    cdef bint stopped = False
    watch_start(&watch)
    if threads == 1:
        for t in range(tasks):
            if watch_stopped(&watch, 0):
                break
            function(f, t, workspace)
    else:
        for t in prange(tasks, schedule="static", num_threads=threads):
            if not watch_stopped(&watch, threadid()):
                function(f, t, <char*>workspace + threadid() * each)
    stopped = watch_stopped(&watch, 1)
    free(memory)
    return -1 if stopped else 0
