/* The tasks of one kernel's call: each gets its thread's part of the workspace, and none is begun once a signal's handler
 * raised.
 *
 * Such a handler in Python, as that of Ctrl-C, runs in the main thread alone, between two bytecodes or where C asks for
 * it. So tasks ask, once a second: the clock costs a few nanoseconds, the interpreter some microseconds.
 */
#ifndef CONVLAB_TASKS_H
#define CONVLAB_TASKS_H

#include <stdlib.h>
#include <time.h>
#include "call.h"

#if defined(__GNUC__) || defined(__clang__)
#define convlab_get(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define convlab_set(p, value) __atomic_store_n(p, value, __ATOMIC_RELAXED)
#else
#define convlab_get(p) (*(p))
#define convlab_set(p, value) (*(p) = (value))
#endif

/* What a kernel is told of threads: how many at most, and whether subnormal numbers are flushed to zero. */
#define TASKS_FLUSH (1 << 16)

/* Return how many threads a call may use for its tasks. */
static inline int count_threads(const Call *call, Py_ssize_t tasks)
{
    Py_ssize_t most = call->threads & (TASKS_FLUSH - 1);
    return tasks < 1 || most < 1 ? 1 : (int)(tasks < most ? tasks : most);
}

/* Return `each` bytes for each thread and `shared` bytes more, or NULL with a MemoryError set. */
static inline void *get_workspace(int threads, Py_ssize_t each, Py_ssize_t shared)
{
    void *memory = NULL;
    if (shared >= 0 && each >= 0 && each <= (PY_SSIZE_T_MAX - shared - 1) / threads)
        memory = malloc(threads * each + shared + 1);
    if (memory == NULL) {
        PyGILState_STATE state = PyGILState_Ensure();
        PyErr_Format(PyExc_MemoryError, "no memory for %d times %zd bytes of workspace and %zd more",
                     threads, each, shared);
        PyGILState_Release(state);
    }
    return memory;
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

/* Slot 0 is the thread that called. An exception of the handler's is then set in it. */
static inline int tasks_stopped(Tasks *t, int slot)
{
    time_t now = slot == 0 && t->may_ask ? time(NULL) : t->second;
    if (slot == 0 && now != t->second) {
        PyGILState_STATE state = PyGILState_Ensure();
        if (PyErr_CheckSignals() != 0)
            convlab_set(&t->stopped, 1);
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

/* Run the tasks, then free the memory, which may be NULL. Return 0, or -1 with an exception set if a signal's handler
 * raised: then some tasks did not run. */
static inline int run_tasks(const Call *call, TaskFunction function, const void *f, Py_ssize_t tasks, int threads,
                            void *workspace, Py_ssize_t each, void *memory)
{
    Tasks t = {function, f, (char *)workspace, each, call->workers->may_ask(), time(NULL), 0};
    call->workers->run(run_task, &t, tasks, threads, (int)call->threads & TASKS_FLUSH);
    free(memory);
    return t.stopped ? -1 : 0;
}

#endif
