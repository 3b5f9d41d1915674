# What the kernels of pooling share: their table of sizes, the rows of a window, and how two elements become one.
from libc.math cimport INFINITY
from libc.stdint cimport int8_t

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


# The fields of convlab._geometry.PoolGeometry, in its order.
cdef struct Geometry:
    Py_ssize_t planes, depth, height, width, out_depth, out_height, out_width, step
    Py_ssize_t x_plane, x_slice, x_row, y_plane, y_slice, y_row     # in elements
    Py_ssize_t window_depth, window_height, window_width
    Py_ssize_t stride_depth, stride_height, stride_width
    Py_ssize_t pad_depth, pad_height, pad_width                     # before the first element
    Py_ssize_t after_depth, after_height, after_width               # behind the last
    Py_ssize_t dilation_depth, dilation_height, dilation_width
    Py_ssize_t bins             # whether each window's start and size follow this table: see window()
    Py_ssize_t extent           # pixels of a padded row, 0 where windows are cut instead
    Py_ssize_t divisor          # of every sum; 0 where each has its own
    Py_ssize_t count_pad        # whether padding counts in those
    Py_ssize_t tiles            # of one plane
    Py_ssize_t row              # floats that a row takes in the workspace
    Py_ssize_t workspace        # floats of one thread
    Py_ssize_t stream           # whether y is too large for the caches
    Py_ssize_t group_rows       # output rows made at a time
    Py_ssize_t band_rows        # the rows that those read, at most
    Py_ssize_t source           # dtype of x: its place in convlab._geometry.POOLED


# What lies in the array of a window on one axis: the first element, how many, and how many count in an average.
cdef struct Window:
    Py_ssize_t start, size, counted


# The rows of a window that lie in the array.
cdef struct Rows:
    const float* x              # the first one
    Py_ssize_t start            # where it starts, in elements from the plane's first
    Py_ssize_t slices, slice_pitch, n, pitch
    Py_ssize_t counted


cdef inline Window window(const Geometry* g, const int axis, Py_ssize_t i) noexcept nogil:
    """Window i of an axis: 0 is depth, 1 height, 2 width."""
    cdef Window w
    cdef Py_ssize_t n = (&g.depth)[axis], size = (&g.window_depth)[axis], d = (&g.dilation_depth)[axis]
    cdef Py_ssize_t skipped = 0
    cdef const Py_ssize_t* bins
    if g.bins:
        bins = (<const Py_ssize_t*>(g + 1)) + 2 * i
        if axis > 0:
            bins += 2 * g.out_depth
        if axis > 1:
            bins += 2 * g.out_height
        w.start, w.size, w.counted = bins[0], bins[1], bins[1]
        return w
    w.start = i * (&g.stride_depth)[axis] - (&g.pad_depth)[axis]
    w.counted = n + (&g.after_depth)[axis] - w.start
    if d == 1:  # without divisions, which take longer than a short row
        if w.start < 0:
            skipped = -w.start
            w.start = 0
        w.size = n - w.start
    else:
        w.counted = (w.counted + d - 1) // d
        if w.start < 0:
            skipped = (d - 1 - w.start) // d
            w.start += skipped * d
        w.size = (n - w.start + d - 1) // d
    w.size = max(0, min(size - skipped, w.size))
    w.counted = min(size, w.counted) if g.count_pad else w.size
    return w


cdef inline Rows rows_of(const Geometry* g, Py_ssize_t slice, Py_ssize_t row) noexcept nogil:
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
