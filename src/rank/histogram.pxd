# The cumulative histograms of histogram.h.
from libc.stdint cimport uint8_t, uint16_t

cdef extern from "histogram.h" nogil:
    const int BINS
    ctypedef struct vcounts:
        pass
    vcounts counts_at(const uint16_t* p)
    void keep_counts(uint16_t* p, vcounts v)
    vcounts add_column(vcounts v, const uint8_t* p)
    vcounts subtract_column(vcounts v, const uint8_t* p)
    void insert_pixel(uint8_t* p, int bin)
    void delete_pixel(uint8_t* p, int bin)
    int bin_of(vcounts v, unsigned int n)
