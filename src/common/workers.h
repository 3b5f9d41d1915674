/* A pool of threads that run the tasks of calls: one per process, in the module convlab_workers. See workers.c. */
#ifndef CONVLAB_WORKERS_H
#define CONVLAB_WORKERS_H

#include <stddef.h>

/* `slot` is below the number of threads that the call asked for, and no two threads have one slot at a time. */
typedef void (*WorkersTask)(void *context, ptrdiff_t task, int slot);

/* What kernels get of the pool, as a capsule. */
typedef struct {
    /* Run all tasks, in any order, on the calling thread, which has slot 0, and on at most max_threads - 1 others; with
     * subnormal numbers taken and stored as 0 if `flush` says so. */
    void (*run)(WorkersTask function, void *context, ptrdiff_t tasks, int max_threads, int flush);
    /* Return whether the calling thread may ask the interpreter for signals: the main one, until the program ends. */
    int (*may_ask)(void);
    /* Return how many threads a call may use, and how many may work at a time. */
    int (*get_cap)(void);
    int (*get_cpus)(void);
} Workers;

#define WORKERS_MOST 1024 /* threads of a call */

#endif
