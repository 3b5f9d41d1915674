/* What a kernel is called with. Each kernel is a function `int kernel(Call *call)`, called without the GIL, that returns 0,
 * or -1 with a Python exception set. Its row in convlab/_registry.py names the fields that it reads.
 */
#ifndef CONVLAB_CALL_H
#define CONVLAB_CALL_H

#include <Python.h>
#include "workers.h"

typedef struct {
    void *data;
    const Py_ssize_t *shape;
    int axes;
} Array;

typedef struct {
    const Workers *workers;
    Array x, w, y;                              /* the source, the taps or weights, the result */
    Array mask, bias, indices, u;               /* u: weights in another order */
    Array grad;                                 /* the gradient of an output */
    Array geometry, borders, values, sources;   /* tables of convlab/_geometry.py */
    Array cval, sizes, parts, order;
    Py_ssize_t threads;                         /* at most so many; with TASKS_FLUSH, see tasks.h */
    Py_ssize_t tile, groups, repetitions;
    int answers;                                /* whether the kernel answers with a number, and which */
    long long answer;
} Call;

typedef int (*KernelFunction)(Call *call);

/* A kernel by name, and the places of its arguments in a Call: arrays first, then numbers. */
typedef struct {
    const char *name;
    KernelFunction function;
    int arrays, numbers;
    short places[12];
} Kernel;

/* All kernels of an instruction set. */
typedef struct {
    const Kernel *kernels;
    int number;
} Kernels;

#endif
