# Depthwise convolution where channels lie innermost: a vector holds one pixel of as many channels, whose weights lie
# side by side too. Some pixels of a row of the output are held in registers.
from axis cimport source_at
from depthwise cimport together
from gemm cimport activated
from geometry cimport ConvAxis, ConvGeometry, ConvValues
from vector cimport LANES, vfloat, vload, vsplat, vstore


cdef enum:
    PIXELS = 8


# Where a tap of the first pixel finds its channels, and how much further on the next pixel's does.
cdef struct Tap:
    const float* x
    Py_ssize_t apart


cdef inline Py_ssize_t sorted_taps(const ConvGeometry* g, const float* w, float* to) noexcept nogil:
    """The weights (channels, taps) as (taps, channels), in the order of a sum; how many they are."""
    cdef Py_ssize_t step = together(g.kernel_width, g.stride_width), first = 0, n = 0, a, b, c
    while first < g.kernel_width:
        for a in range(g.kernel_height):
            for b in range(first, min(first + step, g.kernel_width)):
                for c in range(g.groups):
                    to[n * g.groups + c] = w[(c * g.kernel_height + a) * g.kernel_width + b]
                n += 1
        first += step
    return n


cdef inline void find_taps(const ConvGeometry* g, const float* x, const ConvAxis* rows, Py_ssize_t top,
                           const ConvAxis* columns, Py_ssize_t left, const float* zeros, Tap* taps) noexcept nogil:
    """The taps of the pixel whose window starts at these positions."""
    cdef Py_ssize_t step = together(g.kernel_width, g.stride_width), first = 0, t = 0, a, b, row, column
    while first < g.kernel_width:
        for a in range(g.kernel_height):
            row = source_at(rows, top + a * g.dilation_height)
            for b in range(first, min(first + step, g.kernel_width)):
                column = source_at(columns, left + b * g.dilation_width)
                taps[t].x, taps[t].apart = zeros, 0
                if row >= 0 and column >= 0:
                    taps[t].x = x + row * g.x_row + column * g.x_column
                    taps[t].apart = g.stride_width * g.x_column
                t += 1
        first += step


cdef inline void pixels(const ConvGeometry* g, const ConvValues* v, const float* w, const float* bias, const Tap* taps,
                        const Py_ssize_t n_taps, float* y, const int N) noexcept nogil:
    """All channels, at least LANES, of N pixels; the last vector lies back over its neighbour."""
    cdef vfloat acc[PIXELS]
    cdef vfloat weight
    cdef const float* x
    cdef Py_ssize_t c = 0, t
    cdef int p
    while True:
        for p in range(N):
            acc[p] = vload(bias + c)
        for t in range(n_taps):
            weight, x = vload(w + t * g.groups + c), taps[t].x + c
            for p in range(N):
                acc[p] += weight * vload(x + p * taps[t].apart)
        for p in range(N):
            vstore(y + p * g.y_column + c, activated(v, acc[p]))
        if c + LANES >= g.groups:
            break
        c = min(c + LANES, g.groups - LANES)


cdef inline void row_last(const ConvGeometry* g, const ConvValues* v, const float* w, const float* bias, const float* x,
                          const ConvAxis* rows, Py_ssize_t top, const ConvAxis* columns, Py_ssize_t left,
                          const Py_ssize_t width, const float* zeros, Tap* taps, float* y) noexcept nogil:
    """So many pixels of a row of the output, the first window at these positions; `w` are sorted taps."""
    cdef Py_ssize_t j = 0, n_taps = g.kernel_height * g.kernel_width, n, beyond, t, column
    cdef bint found = False  # whether the taps are those of the next pixel
    while j < width:
        n = PIXELS if j + PIXELS <= width else 4
        beyond = (n - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width
        column = left - columns.before
        if j + n <= width and column >= 0 and column + beyond < columns.size:
            if not found:
                find_taps(g, x, rows, top, columns, left, zeros, taps)
            if n == PIXELS:
                pixels(g, v, w, bias, taps, n_taps, y, PIXELS)
            else:
                pixels(g, v, w, bias, taps, n_taps, y, 4)
            for t in range(n_taps):
                taps[t].x += n * taps[t].apart
            found = True
        else:
            n = 1
            find_taps(g, x, rows, top, columns, left, zeros, taps)
            pixels(g, v, w, bias, taps, n_taps, y, 1)
            found = False
        j += n
        left += n * g.stride_width
        y += n * g.y_column
