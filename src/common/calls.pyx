"""The path of a call whose plan is cached, from a facade's arguments to the kernel, and the keys of cached plans.

A facade calls an `entry`. Where the call's plan is cached and nothing but its kernel is to be done, the entry checks
`out`, allocates the result and runs the kernel. All else is left to a function in Python, `slow`.
Compiled for the baseline: every call wants it.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItemWithError
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_Import
from libc.string cimport strcmp
cimport numpy as cnp

from call cimport Array, Call, Kernel, KernelFunction, Kernels, Workers
from keys cimport Packed, describe, pack

import sys

import numpy as np

cnp.import_array()

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)
    void PyErr_Clear()
    unsigned long PyType_GetFlags(type kind)
    const unsigned long Py_TPFLAGS_HEAPTYPE
    ctypedef struct PyMethodDef:
        const char* ml_name
        void* ml_meth
        int ml_flags
        const char* ml_doc
    const int METH_FASTCALL
    object PyCFunction_NewEx(PyMethodDef* method, object me, object module)

cdef extern from "tasks.h":
    const int TASKS_FLUSH

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #define CONVLAB_THREAD_LOCAL __declspec(thread)
    #else
    #define CONVLAB_THREAD_LOCAL __thread
    #endif
    static CONVLAB_THREAD_LOCAL PyObject *convlab_served;
    """
    PyObject* convlab_served                    # what served this thread's last call: an object that is never freed

cdef str TAPS = "taps"  # the name of an array whose content is part of the key, not its memory part of the call
cdef object generic = np.generic
cdef object dtype_type = np.dtype
cdef object FLOAT32 = np.dtype(np.float32)
cdef enum:
    ARRAYS = 4   # of a call, at most
    BUILT_IN = 24  # NumPy's own dtypes' numbers are below
    SHORT = 1 << 18  # operations and bytes of a call that keeps the GIL, for some 10 us: to release it takes 0.1


cdef int identify(list parts, Packed* packed, object option) except -1:
    """Append an option to a key, so that what compares equal is the same: 2, 2.0 and True, or 0.0 and -0.0, are not.

    What may be freed is appended to `parts`. Returns 1 where an option has no key, or wants `parts` that are None.
    """
    cdef double number
    cdef int overflow = 0
    cdef long long value
    cdef Py_ssize_t size = 0
    cdef const char* text
    cdef void* pointer
    kind = type(option)
    if option is None:
        return not pack(packed, b"N", NULL, 0)
    if kind is int:
        value = PyLong_AsLongLongAndOverflow(option, &overflow)
        if overflow == 0:
            return not pack(packed, b"i", &value, sizeof(value))
    elif kind is bool:
        value = option is True
        return not pack(packed, b"b", &value, sizeof(value))
    elif kind is float:
        number = option
        return not pack(packed, b"f", &number, sizeof(number))
    elif kind is str:
        text = PyUnicode_AsUTF8AndSize(option, &size)
        if text == NULL:  # it holds a lone surrogate
            PyErr_Clear()
            return 1
        return not (pack(packed, b"u", &size, sizeof(size)) and pack(packed, b"8", text, size))
    elif kind is tuple:
        size = len(<tuple>option)
        if not pack(packed, b"t", &size, sizeof(size)):
            return 1
        for part in <tuple>option:
            if identify(parts, packed, part):
                return 1
        return 0
    elif isinstance(option, type):
        if not PyType_GetFlags(<type>option) & Py_TPFLAGS_HEAPTYPE:  # it is never freed
            pointer = <void*>option
            return not pack(packed, b"k", &pointer, sizeof(pointer))
    elif isinstance(option, dtype_type):
        value = option.num
        if 0 <= value < BUILT_IN and cnp.PyArray_DescrFromType(<int>value) is option:  # nor is NumPy's own
            return not pack(packed, b"d", &value, sizeof(value))
    elif not isinstance(option, (bytes, generic)):
        return 1  # something that may change: its plan is made anew
    if parts is None or not pack(packed, b"p", NULL, 0):
        return 1
    parts.append(kind)
    parts.append(option.tobytes() if isinstance(option, generic) else option)
    return 0


def signature(tuple options, Py_ssize_t most, cnp.ndarray x not None, cnp.ndarray w=None):
    """A key of x's layout, of w's layout and content where it is given, and of the options.

    TypeError where there is no key: an option of a type that may change, or a w of more than `most` bytes.
    """
    cdef list parts = []
    cdef Packed packed
    packed.size = 0
    describe(&packed, x)
    if w is not None:
        if cnp.PyArray_NBYTES(w) > most:
            raise TypeError("no key")
        describe(&packed, w)
        parts.append(w.tobytes())
    for option in options:
        if identify(parts, &packed, option):
            raise TypeError("no key")
    parts.append(PyBytes_FromStringAndSize(packed.content, packed.size))
    return tuple(parts)


def serve(by):
    """Note what serves the calling thread's call: an object that is never freed."""
    global convlab_served
    convlab_served = <PyObject*>by


def served():
    """Return what the calling thread noted last, or None."""
    return None if convlab_served == NULL else <object>convlab_served


# ---- The settings that a call reads. ----

cdef dict plans, blocks
cdef object add, pair, default_backend, active, limited, flushing, rows
cdef const Workers* workers


def set_up(cache, dispatch, blocks_module, subnormals, threads):
    """Take the cache and what says which settings hold: once, and in a child anew."""
    global plans, blocks, add, pair, default_backend, active, limited, flushing, rows, workers
    plans, add = cache.plans, cache.add
    blocks = vars(blocks_module)
    active, default_backend, pair, rows = dispatch.active, dispatch._default, dispatch.pair, dispatch.BY_NAME
    limited, flushing = threads.limited, subnormals.flushing
    workers = <const Workers*>PyCapsule_Import("convlab._kernels.convlab_workers.workers", 0)


# ---- Calls that are ready. ----

cdef class Ready:
    """A plan that nothing but its kernel is to be done for, as a call that lacks its arrays and its threads."""
    cdef Call call
    cdef KernelFunction kernel
    cdef object backend, name, function, functions, by
    cdef tuple held                             # what the call points to
    cdef cnp.dtype dtype                        # of the result
    cdef int type_number, axes
    cdef cnp.npy_intp shape[32]
    cdef short places[ARRAYS]                   # in the call, of the arrays that the kernel reads; -1 for others
    cdef short result
    cdef int most                               # threads that pay
    cdef bint sums                              # whether subnormal numbers may be flushed
    cdef bint short                             # whether the GIL is kept


cdef inline Array* field(Call* call, short place) noexcept:
    return <Array*>(<char*>call + place)


cdef inline void fill(Array* to, cnp.ndarray a) noexcept:
    to.data, to.shape, to.axes = cnp.PyArray_DATA(a), <const Py_ssize_t*>cnp.PyArray_DIMS(a), cnp.PyArray_NDIM(a)


cdef bint apart(cnp.ndarray y, cnp.ndarray a) noexcept:
    """Whether the addresses that a spans lie all before or all behind those of y, which is contiguous."""
    cdef char* low = <char*>cnp.PyArray_DATA(a)
    cdef char* high = low + cnp.PyArray_ITEMSIZE(a)
    cdef char* start = <char*>cnp.PyArray_DATA(y)
    cdef Py_ssize_t reach
    cdef int axis
    for axis in range(cnp.PyArray_NDIM(a)):
        reach = (cnp.PyArray_DIM(a, axis) - 1) * cnp.PyArray_STRIDE(a, axis)
        if reach < 0:
            low += reach
        else:
            high += reach
    return high <= start or start + cnp.PyArray_NBYTES(y) <= low


cdef bint fits(Ready ready, object out, PyObject* const* arrays, int n) noexcept:
    """Whether `out` is surely right. What is not is looked at in Python, which says why."""
    cdef cnp.ndarray y
    cdef int i
    if type(out) is not cnp.ndarray:
        return False
    y = <cnp.ndarray>out
    if <void*>cnp.PyArray_DESCR(y) != <void*>ready.dtype or cnp.PyArray_NDIM(y) != ready.axes:
        return False
    if not cnp.PyArray_ISCARRAY(y):  # contiguous, aligned, writeable
        return False
    for i in range(ready.axes):
        if cnp.PyArray_DIM(y, i) != ready.shape[i]:
            return False
    for i in range(n):
        if <object>arrays[i] is not None and not apart(y, <cnp.ndarray>arrays[i]):
            return False
    return True


cdef int raised(int outcome) except -1:
    """Let the exception out that a kernel's -1 stands for."""
    return outcome


cdef object run(Ready ready, object out, PyObject* const* arrays, int n):
    """The result; None where settings, or `out`, want another way."""
    global convlab_served
    cdef bint changed = blocks["changed"]
    cdef Call call
    cdef int i, outcome
    if (active() if changed else default_backend) is not ready.backend:
        return None
    if PyDict_GetItemWithError(ready.functions, ready.name) != <PyObject*>ready.function:
        return None
    if out is None:
        y = cnp.PyArray_EMPTY(ready.axes, ready.shape, ready.type_number, 0)
    elif fits(ready, out, arrays, n):
        y = out
    else:
        return None
    call = ready.call
    for i in range(n):
        if ready.places[i] >= 0 and <object>arrays[i] is not None:
            fill(field(&call, ready.places[i]), <cnp.ndarray>arrays[i])
    fill(field(&call, ready.result), <cnp.ndarray>y)
    if ready.most == 1:
        call.threads = 1
    elif changed:
        call.threads = limited(ready.most)
    else:
        call.threads = min(ready.most, workers.get_cap(), workers.get_cpus())
    if changed and ready.sums and flushing():
        call.threads |= TASKS_FLUSH
    if ready.short:
        outcome = ready.kernel(&call)
    else:
        with nogil:
            outcome = ready.kernel(&call)
    raised(outcome)
    convlab_served = <PyObject*>ready.by
    return y


cdef Ready prepare(Entry entry, object plan, tuple given):
    """Make a call ready that was run by its plan; None where there is more to do than the kernel."""
    cdef Ready ready = Ready()
    cdef const Kernels* table
    cdef const Kernel* row = NULL
    cdef Py_ssize_t i
    cdef Array* to
    backend = active()
    module = sys.modules.get(f"convlab._kernels.{backend.isa}.kernels")
    if not plan.plain or 0 in plan.shape or len(plan.shape) > 32 or module is None:
        return None
    ready.function = backend.functions[plan.kernel]
    if ready.function is not getattr(module, plan.kernel):  # in its place stands another: a test's
        return None
    table = <const Kernels*>PyCapsule_GetPointer(module.table, "convlab._kernels.kernels.table")
    name = plan.kernel.encode()
    for i in range(table.number):
        if strcmp(table.kernels[i].name, <const char*>name) == 0:
            row = &table.kernels[i]
    assert row is not NULL
    ready.kernel, ready.backend, ready.name, ready.functions = row.function, backend, plan.kernel, backend.functions
    ready.by = pair(backend, plan.kernel)
    ready.short = plan.threads == 1 and plan.spec.flops + plan.spec.bytes < SHORT
    ready.held = entry, plan, given[1 + entry.arrays:len(given) - entry.others]
    ready.dtype, ready.most, ready.sums = plan.dtype, plan.threads, rows[plan.kernel].sums
    ready.type_number = ready.dtype.num
    ready.call.workers = workers
    ready.axes = len(plan.shape)
    for i in range(ready.axes):
        ready.shape[i] = plan.shape[i]
    for i in range(ARRAYS):
        ready.places[i] = -1
    for i in range(1, entry.arrays):  # what a kernel reads in place is what it wants, or None
        argument = given[1 + i]
        if entry.names[i] != TAPS and argument is not None and not (
                argument.flags.c_contiguous and argument.flags.aligned and argument.dtype is FLOAT32):
            return None
    tables = iter(plan.tables)
    for i, argument in enumerate(rows[plan.kernel].arrays):
        to = field(&ready.call, row.places[i])
        if argument == "y":
            ready.result = row.places[i]
        elif argument in entry.names:
            ready.places[entry.names.index(argument)] = row.places[i]
            if argument == "bias" and given[1 + entry.names.index("bias")] is None:
                fill(to, plan.bias)
        elif argument == "w":
            fill(to, plan.taps)
        else:
            fill(to, next(tables))
    return ready


cdef class Entry:
    """The way into an operation: `slow`, and the arrays that come before its options."""
    cdef object slow
    cdef tuple names
    cdef int arrays, others                     # others: arguments after the options that are for `slow` alone
    cdef bint[ARRAYS] by_content                # whether the key holds an array's content


cdef object enter(Entry entry, PyObject* const* given, Py_ssize_t n):
    """Run a call: `given` are `out`, the arrays, the options, and what is for `slow` alone."""
    cdef Packed packed
    cdef Py_ssize_t i, size
    cdef void* me = <void*>entry
    cdef bint known = n > entry.arrays
    cdef cnp.ndarray a
    cdef Ready ready
    key = None
    packed.size = 0
    pack(&packed, b"e", &me, sizeof(me))
    for i in range(1, entry.arrays + 1):
        if not known:
            break
        if <object>given[i] is None and i > 1:
            known = pack(&packed, b"N", NULL, 0)
        elif type(<object>given[i]) is cnp.ndarray:
            a = <cnp.ndarray>given[i]
            known = describe(&packed, a)
            if entry.by_content[i - 1]:
                size = cnp.PyArray_NBYTES(a)
                known = known and cnp.PyArray_IS_C_CONTIGUOUS(a) and pack(&packed, b"c", cnp.PyArray_DATA(a), size)
        else:
            known = False
    for i in range(entry.arrays + 1, n - entry.others):
        if not known:
            break
        known = identify(None, &packed, <object>given[i]) == 0
    if known:
        key = PyBytes_FromStringAndSize(packed.content, packed.size)
        found = plans.get(key)
        if found is not None:
            y = run(<Ready>found, <object>given[0], given + 1, entry.arrays)
            if y is not None:
                return y
            known = False  # it is ready for other settings
    arguments = tuple([<object>given[i] for i in range(n)])
    y, plan = entry.slow(*arguments)
    if known:
        ready = prepare(entry, plan, arguments)
        if ready is not None:
            add(key, ready, plan)
    return y


cdef PyMethodDef method
method.ml_name, method.ml_meth, method.ml_flags, method.ml_doc = "call", <void*>enter, METH_FASTCALL, NULL


def entry(slow, tuple names, int others):
    """Return a function of `out`, the arrays by these names and options, which runs a call as `slow` would.

    `slow` returns the result and its plan. The last arguments, `others`, are for it alone.
    """
    cdef Entry made = Entry()
    cdef Py_ssize_t i
    made.slow, made.arrays, made.others = slow, len(names), others
    made.names = names
    for i, name in enumerate(names):
        made.by_content[i] = name == TAPS
    return PyCFunction_NewEx(&method, made, None)
