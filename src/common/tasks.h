/* The tasks of one kernel's call: each gets its thread's part of the workspace, and none is begun once a signal's handler
 * raised.
 *
 * Such a handler in Python, as that of Ctrl-C, runs in the main thread alone, between two bytecodes or where C asks for
 * it. So tasks ask, once a second: the clock costs a few nanoseconds, the interpreter some microseconds.
 */
#ifndef CONVLAB_TASKS_H
#define CONVLAB_TASKS_H

#include <Python.h>
#include <time.h>
#include "workers.h"

#if defined(__GNUC__) || defined(__clang__)
#define convlab_get(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define convlab_set(p, value) __atomic_store_n(p, value, __ATOMIC_RELAXED)
#else
#define convlab_get(p) (*(p))
#define convlab_set(p, value) (*(p) = (value))
#endif

/* What a kernel is told of threads: how many at most, and whether subnormal numbers are flushed to zero. */
#define TASKS_FLUSH (1 << 16)
#if defined(_MSC_VER)
#define TASKS_THREAD_LOCAL __declspec(thread)
#else
#define TASKS_THREAD_LOCAL __thread
#endif
static TASKS_THREAD_LOCAL int tasks_flush; /* of the kernel that runs on this thread */

/* Begin a kernel: return how many threads it may use for its tasks. */
static inline int begin_tasks(int threads, Py_ssize_t tasks)
{
    int most = threads & (TASKS_FLUSH - 1);
    tasks_flush = threads & TASKS_FLUSH;
    return tasks < 1 || most < 1 ? 1 : tasks < most ? (int)tasks : most;
}

typedef void (*TaskFunction)(const void *f, Py_ssize_t task, void *workspace);

typedef struct {
    TaskFunction function;
    const void *f;
    char *workspace;
    Py_ssize_t each; /* bytes of the workspace for each thread */
    int may_ask;
    time_t second;
    volatile int stopped;
} Tasks;

static const Workers *volatile convlab_workers;

/* Find the process's pool; -1 with an exception set if there is none. */
static inline int find_workers(void)
{
    if (convlab_get(&convlab_workers) == NULL) {
        const Workers *found = (const Workers *)PyCapsule_Import("convlab._kernels.convlab_workers.workers", 0);
        if (found == NULL)
            return -1;
        convlab_set(&convlab_workers, found);
    }
    return 0;
}

/* Slot 0 is the thread that called. An exception of the handler's is then set in it. */
static inline int tasks_stopped(Tasks *t, int slot)
{
    time_t now = slot == 0 && t->may_ask ? time(NULL) : t->second;
    if (slot == 0 && now != t->second) {
        PyGILState_STATE state = PyGILState_Ensure();
        int flush = tasks_flush; /* a handler may call kernels */
        if (PyErr_CheckSignals() != 0)
            convlab_set(&t->stopped, 1);
        tasks_flush = flush;
        PyGILState_Release(state);
        t->second = now;
    }
    return convlab_get(&t->stopped);
}

static void run_task(void *tasks, ptrdiff_t task, int slot)
{
    Tasks *t = (Tasks *)tasks;
    if (!tasks_stopped(t, slot))
        t->function(t->f, task, t->workspace + slot * t->each);
}

/* Return whether all tasks ran: not if a signal's handler raised. */
static inline int finish_tasks(
    TaskFunction function, const void *f, Py_ssize_t tasks, int threads, void *workspace, Py_ssize_t each)
{
    const Workers *workers = convlab_get(&convlab_workers);
    Tasks t = {function, f, (char *)workspace, each, workers->may_ask(), time(NULL), 0};
    workers->run(run_task, &t, tasks, threads, tasks_flush);
    return !t.stopped;
}

#endif
