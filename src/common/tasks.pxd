# How a kernel gets its workspace and runs its tasks, which may run in any order, on any thread.
from call cimport Call


# The kernel's own struct, the task's number, the thread's part of the workspace. Kernels cast functions to it whose
# pointers have types of their own.
ctypedef void (*task_function)(const void*, Py_ssize_t, void*) noexcept nogil


cdef extern from "tasks.h" nogil:
    const int WORKERS_MOST
    int count_threads(const Call* call, Py_ssize_t tasks)
    void* get_workspace(int threads, Py_ssize_t each, Py_ssize_t shared)
    int run_tasks(const Call* call, task_function function, const void* f, Py_ssize_t tasks, int threads,
                  void* workspace, Py_ssize_t each, void* memory)
