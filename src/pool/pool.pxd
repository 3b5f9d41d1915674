# What the kernels of pooling share: their table of sizes, the rows of a window, and how two elements become one.
from libc.math cimport INFINITY
from libc.stdint cimport int8_t

from geometry cimport PoolGeometry
from vector cimport vfloat, vmax, vmin, vsplat


cdef extern from "pool_vector.h" nogil:
    ctypedef int vtruth
    const vtruth VNEVER
    vfloat vload_lanes(const float* p, Py_ssize_t low, Py_ssize_t high, vfloat fill)
    void vstore_lanes(float* p, vfloat v, Py_ssize_t low, Py_ssize_t high)
    vtruth vunordered(vfloat a, vfloat b)
    vtruth veither(vtruth t, vtruth u)
    int vany(vtruth t)
    vfloat vload_i8(const int8_t* p)
    vfloat vabs(vfloat v)
    vfloat vlarger(vfloat a, vfloat b)
    vfloat vsmaller(vfloat a, vfloat b)
    vfloat vslide1(vfloat a, vfloat b)
    vfloat vslide2(vfloat a, vfloat b)
    vfloat vslide3(vfloat a, vfloat b)
    vfloat vslide4(vfloat a, vfloat b)
    vfloat vbehind(vfloat a, vfloat b)
    ctypedef int vpicks
    vpicks vpick_lanes(Py_ssize_t step)
    vfloat vpick(vfloat a, vfloat b, vpicks lanes)
    ctypedef int vplace
    vtruth vbetter(vfloat b, vfloat a)
    vfloat vchoose(vtruth t, vfloat b, vfloat a)
    vplace vchoose_place(vtruth t, vplace b, vplace a)
    vplace vplace_from(int start, int step)
    vplace vplace_load(const int* p)
    void vplace_store(long long* p, vplace v)


cdef enum Operation:
    MAXIMUM
    MINIMUM
    AVERAGE


# The taps of a window that lie in the array on one axis: their first element, how many, how many count in an average,
# and the first one's number in the window.
cdef struct Window:
    Py_ssize_t start, size, counted, first


# The sizes of one axis.
cdef struct PoolAxis:
    Py_ssize_t size, out, window, stride, pad, after, dilation


# The rows of a window that lie in the array.
cdef struct Rows:
    const float* x              # the first one
    Py_ssize_t start            # where it starts, in elements from the plane's first
    Py_ssize_t slices, slice_pitch, n, pitch
    Py_ssize_t counted


cdef inline PoolAxis axis_of(const PoolGeometry* g, const int axis) noexcept nogil:
    """The sizes of an axis: 0 is depth, 1 height, 2 width."""
    if axis == 0:
        return PoolAxis(g.depth, g.out_depth, g.window_depth, g.stride_depth, g.pad_depth, g.after_depth,
                        g.dilation_depth)
    if axis == 1:
        return PoolAxis(g.height, g.out_height, g.window_height, g.stride_height, g.pad_height, g.after_height,
                        g.dilation_height)
    return PoolAxis(g.width, g.out_width, g.window_width, g.stride_width, g.pad_width, g.after_width, g.dilation_width)


cdef inline Window window(const PoolGeometry* g, const int axis, Py_ssize_t i) noexcept nogil:
    """Window i of an axis."""
    cdef Window w
    cdef PoolAxis a = axis_of(g, axis)
    cdef Py_ssize_t n = a.size, d = a.dilation
    w.first = 0
    if g.bins:
        w.start = i * n // a.out
        w.size = w.counted = ((i + 1) * n + a.out - 1) // a.out - w.start
        return w
    w.start = i * a.stride - a.pad
    w.counted = n + a.after - w.start
    if d == 1:  # without divisions, which take longer than a short row
        if w.start < 0:
            w.first = -w.start
            w.start = 0
        w.size = n - w.start
    else:
        w.counted = (w.counted + d - 1) // d
        if w.start < 0:
            w.first = (d - 1 - w.start) // d
            w.start += w.first * d
        w.size = (n - w.start + d - 1) // d
    w.size = max(0, min(a.window - w.first, w.size))
    w.counted = min(a.window, w.counted) if g.count_pad else w.size
    return w


cdef inline PoolGeometry columns_of(const PoolGeometry* g, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """The same pool for the outputs first .. last of each row alone; x and y then start at source_of and at `first`."""
    cdef PoolGeometry part = g[0]
    cdef Py_ssize_t start = first * g.stride_width - g.pad_width, source = max(start, 0)
    cdef Py_ssize_t extent = (last - 1 - first) * g.stride_width + (g.window_width - 1) * g.dilation_width + 1
    part.out_width = last - first
    part.pad_width = source - start
    part.width = max(0, min(g.width, start + extent) - source)
    part.after_width = g.width + g.after_width - source - part.width
    part.extent = extent if g.extent else 0
    return part


cdef inline Py_ssize_t source_of(const PoolGeometry* g, Py_ssize_t first) noexcept nogil:
    """The first column that the outputs from `first` on read."""
    return max(first * g.stride_width - g.pad_width, 0)


cdef inline Rows rows_of(const PoolGeometry* g, Py_ssize_t slice, Py_ssize_t row) noexcept nogil:
    """The rows that an output row is made of, but for x, whose type is the caller's affair."""
    cdef Window deep = window(g, 0, slice), high = window(g, 1, row)
    cdef Rows r
    r.start = deep.start * g.x_slice + high.start * g.x_row
    r.slices, r.slice_pitch = deep.size, g.x_slice * g.dilation_depth
    r.n, r.pitch = high.size, g.x_row * g.dilation_height
    r.counted = deep.counted * high.counted
    return r


cdef inline vfloat join(vfloat a, vfloat b, const Operation operation) noexcept nogil:
    """The first of equals stays, and NaN stays once it is met."""
    if operation == MAXIMUM:
        return vmax(a, b)
    if operation == MINIMUM:
        return vmin(a, b)
    return a + b


cdef inline vfloat quick(vfloat a, vfloat b, const Operation operation) noexcept nogil:
    """The same where nothing is NaN."""
    if operation == MAXIMUM:
        return vlarger(a, b)
    if operation == MINIMUM:
        return vsmaller(a, b)
    return a + b


cdef inline float identity(const Operation operation) noexcept nogil:
    """What padding holds: it changes nothing, not even the sign of a zero."""
    if operation == MAXIMUM:
        return -INFINITY
    if operation == MINIMUM:
        return INFINITY
    return -0.0
