# How a kernel gets its workspace and runs its tasks, which may run in any order, on any thread.
from libc.stdlib cimport free, malloc


# The kernel's own struct, the task's number, the thread's part of the workspace. Kernels cast functions to it whose
# pointers have types of their own.
ctypedef void (*task_function)(const void*, Py_ssize_t, void*) noexcept nogil


cdef extern from "tasks.h" nogil:
    const int WORKERS_MOST
    int find_workers() except -1 with gil
    int begin_tasks(int threads, Py_ssize_t tasks)
    bint finish_tasks(task_function function, const void* f, Py_ssize_t tasks, int threads, void* workspace,
                      Py_ssize_t each)


cdef inline void* get_workspace(int threads, Py_ssize_t each, Py_ssize_t shared) except NULL:
    """Return `each` bytes for each thread and `shared` bytes more, which `run_tasks` frees."""
    cdef void* memory = NULL
    find_workers()
    if 0 <= shared and 0 <= each <= (<Py_ssize_t>(<size_t>-1 // 2) - shared - 1) // threads:
        memory = malloc(threads * each + shared + 1)
    if memory == NULL:
        raise MemoryError(f"no memory for {threads} times {each} bytes of workspace and {shared} more")
    return memory


cdef inline int run_tasks(task_function function, const void* f, Py_ssize_t tasks, int threads, void* workspace,
                          Py_ssize_t each, void* memory) except -1 nogil:
    """Run all tasks, or those until a signal's handler raised; then free the memory."""
    cdef bint finished = finish_tasks(function, f, tasks, threads, workspace, each)
    free(memory)
    return 0 if finished else -1
