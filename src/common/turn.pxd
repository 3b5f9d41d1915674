# Rows turned into columns: see turn.h.
from vector cimport vfloat


cdef extern from "turn.h" nogil:
    void turn_load(vfloat* v, const float* x, Py_ssize_t pitch, Py_ssize_t rows)
    void turn_store(const vfloat* columns, float* y, Py_ssize_t pitch, Py_ssize_t rows)
