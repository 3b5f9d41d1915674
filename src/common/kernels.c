/* The module of one instruction set: its kernels as functions of Python, `kernel(*arrays, *numbers)`, and the table of
 * them, for the call path in C.
 *
 * kernels.h is written by setup.py from convlab/_registry.py.
 */
#include "call.h"
#include <numpy/arrayobject.h>
#include <stddef.h>
#include "kernels.h"

static const Workers *workers; /* the process's pool */
static PyTypeObject *array_type;

/* Return what a kernel answers, or NULL with an exception set. */
static PyObject *run(const Kernel *kernel, PyObject *const *arguments, Py_ssize_t given)
{
    Call call = {0};
    int outcome;
    if (given != kernel->arrays + kernel->numbers)
        return PyErr_Format(PyExc_TypeError, "%s: got %zd arguments; expected %d arrays and tables, then %d numbers",
                            kernel->name, given, kernel->arrays, kernel->numbers);
    for (int i = 0; i < kernel->arrays; i++) {
        Array *array = (Array *)((char *)&call + kernel->places[i]);
        PyArrayObject *argument = (PyArrayObject *)arguments[i];
        if (!PyObject_TypeCheck(arguments[i], array_type))
            return PyErr_Format(PyExc_TypeError, "%s: argument %d: got %R; expected an array",
                                kernel->name, i, (PyObject *)Py_TYPE(arguments[i]));
        array->data = PyArray_DATA(argument);
        array->shape = PyArray_DIMS(argument);
        array->axes = PyArray_NDIM(argument);
    }
    for (int i = kernel->arrays; i < given; i++) {
        Py_ssize_t number = PyLong_AsSsize_t(arguments[i]);
        if (number == -1 && PyErr_Occurred())
            return NULL;
        *(Py_ssize_t *)((char *)&call + kernel->places[i]) = number;
    }
    call.workers = workers;
    Py_BEGIN_ALLOW_THREADS
    outcome = kernel->function(&call);
    Py_END_ALLOW_THREADS
    if (outcome != 0)
        return NULL;
    if (call.answers)
        return PyLong_FromLongLong(call.answer);
    Py_RETURN_NONE;
}

#define PLACE(name) offsetof(Call, name),
#define DECLARE(name, arrays, numbers, places) extern int name(Call *call);
#define ROW(name, arrays, numbers, places) {#name, name, arrays, numbers, {places}},
#define WRAP(name, arrays, numbers, places) \
    static PyObject *call_##name(PyObject *module, PyObject *const *arguments, Py_ssize_t given) \
    { \
        return run(&table[NUMBER_##name], arguments, given); \
    }
#define NUMBER(name, arrays, numbers, places) NUMBER_##name,
#define METHOD(name, arrays, numbers, places) {#name, (PyCFunction)(void (*)(void))call_##name, METH_FASTCALL, NULL},

KERNELS(DECLARE)
enum { KERNELS(NUMBER) };
static const Kernel table[] = {KERNELS(ROW)};
static const Kernels kernels = {table, sizeof(table) / sizeof(*table)};
KERNELS(WRAP)
static PyMethodDef methods[] = {KERNELS(METHOD){NULL, NULL, 0, NULL}};

static int execute(PyObject *module)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy == NULL)
        return -1;
    array_type = (PyTypeObject *)PyObject_GetAttrString(numpy, "ndarray"); /* kept, as the module is */
    Py_DECREF(numpy);
    workers = (const Workers *)PyCapsule_Import("convlab._kernels.convlab_workers.workers", 0);
    if (array_type == NULL || workers == NULL)
        return -1;
    PyObject *capsule = PyCapsule_New((void *)&kernels, "convlab._kernels.kernels.table", NULL);
    int outcome = capsule == NULL ? -1 : PyModule_AddObjectRef(module, "table", capsule);
    Py_XDECREF(capsule);
    return outcome;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "kernels", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_kernels(void)
{
    return PyModuleDef_Init(&definition);
}
