"""The pool of threads (workers.c), for Python and, as the capsule `workers`, for kernels. Compiled for the baseline.

The file's name and the names of two C functions, which set and return the cap, are what threadpoolctl finds it by.
"""
import threading

from cpython.pycapsule cimport PyCapsule_New


cdef extern from "workers.h":
    ctypedef void (*WorkersTask)(void*, Py_ssize_t, int) noexcept nogil
    ctypedef struct Workers:
        void (*run)(WorkersTask, void*, Py_ssize_t, int, int) noexcept nogil
        int (*may_ask)() noexcept nogil
        int (*get_cap)() noexcept nogil
        int (*get_cpus)() noexcept nogil

cdef extern from "workers.c" nogil:
    void workers_run(WorkersTask function, void* context, Py_ssize_t tasks, int max_threads, int flush)
    int workers_start()
    void workers_set_cpus(int n)
    int workers_get_cpus()
    int convlab_workers_get_cap()
    void convlab_workers_set_cap(int n)

cdef extern from *:
    unsigned long PyThread_get_thread_ident() noexcept nogil


cdef Workers api
cdef bint ended = False
cdef unsigned long main_thread = 0


cdef int may_ask() noexcept nogil:
    return not ended and PyThread_get_thread_ident() == main_thread


def set_main_thread():
    """Note which thread is Python's main one, in which alone signals' handlers run: anew after a fork."""
    global main_thread
    main_thread = threading.main_thread().ident


def end():
    """Let no call ask for signals any more: the interpreter ends."""
    global ended
    ended = True


def set_cpus(int n):
    """Let at most n threads work at a time."""
    workers_set_cpus(n)


def get_cpus():
    """Return what set_cpus set last."""
    return workers_get_cpus()


def set_cap(int n):
    """Let a call use n threads, unless it says otherwise."""
    convlab_workers_set_cap(n)


def get_cap():
    """Return what set_cap, or a tool by the function's C name, set last."""
    return convlab_workers_get_cap()


if workers_start() != 0:
    raise MemoryError("no memory to prepare for forks")
api.run = workers_run
api.may_ask = may_ask
api.get_cap, api.get_cpus = convlab_workers_get_cap, workers_get_cpus
workers = PyCapsule_New(<void*>&api, "convlab._kernels.convlab_workers.workers", NULL)
set_main_thread()
