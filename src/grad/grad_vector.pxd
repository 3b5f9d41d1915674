# See grad_vector.h.
from vector cimport vfloat


cdef extern from "grad_vector.h" nogil:
    vfloat vselect_outside(vfloat x, vfloat low, vfloat high, vfloat a, vfloat b)
    void vadd_double(double* d, vfloat v)
