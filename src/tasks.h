/* Whether a call is to stop, for the thread that made it is asked once a second whether it was interrupted.
 *
 * A signal's handler in Python, as that of Ctrl-C, runs in the main thread alone, between two bytecodes or where C asks
 * for it. So tasks ask: the clock costs a few nanoseconds, the interpreter some microseconds.
 */
#ifndef CONVLAB_TASKS_H
#define CONVLAB_TASKS_H

#include <Python.h>
#include <time.h>

#if defined(__GNUC__) || defined(__clang__)
#define convlab_get(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define convlab_set(p) __atomic_store_n(p, 1, __ATOMIC_RELAXED)
#else
#define convlab_get(p) (*(volatile int*)(p))
#define convlab_set(p) (*(volatile int*)(p) = 1)
#endif

typedef struct {
    time_t second;
    int stopped;
} Watch;

static inline void watch_start(Watch* w) {
    w->second = time(NULL);
    w->stopped = 0;
}

/* Thread 0 of a team is the one that called. An exception of the handler's is then set in it. */
static inline int watch_stopped(Watch* w, int thread) {
    time_t now = thread == 0 ? time(NULL) : 0;
    if (thread == 0 && now != w->second) {
        PyGILState_STATE state = PyGILState_Ensure();
        if (PyErr_CheckSignals() != 0) {
            convlab_set(&w->stopped);
        }
        PyGILState_Release(state);
        w->second = now;
    }
    return convlab_get(&w->stopped);
}

#endif
