# The vectors of lanes.h: pixels as they are stored.
from geometry cimport FLOAT32, INT16, INT8, UINT16, UINT8

cdef extern from "lanes.h" nogil:
    const int VBYTES
    ctypedef struct vraw:
        pass
    vraw raw_load(const char* p)
    void raw_store(char* p, vraw v)
    vraw raw_max(vraw a, vraw b, int kind, int careful)
    vraw raw_min(vraw a, vraw b, int kind, int careful)
    vraw raw_after(vraw a, vraw b, int n)
    vraw raw_zero()
    vraw raw_with_bit(vraw key, int bit, int kind)
    vraw raw_value(vraw key, int kind)
    vraw raw_count(vraw n, vraw x, vraw t, int kind)
    vraw raw_if_enough(vraw n, unsigned int needed, vraw a, vraw b, int kind)
    vraw raw_nothing(int largest, int kind)
    vraw raw_even(vraw a, vraw b, int kind)
    vraw raw_load_part(const char* p, Py_ssize_t n)
    void raw_store_part(char* p, vraw v, Py_ssize_t n)
