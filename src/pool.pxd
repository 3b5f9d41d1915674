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


# The fields of convlab._geometry.PoolGeometry, in its order.
cdef struct Geometry:
    Py_ssize_t planes, depth, height, width, out_depth, out_height, out_width, step
    Py_ssize_t x_plane, x_slice, x_row, y_plane, y_slice, y_row     # in elements; of x in bytes where it is gathered
    Py_ssize_t x_outer, inner, x_column, x_channel                  # of gathered arrays: bytes, planes per outer stride
    Py_ssize_t window_depth, window_height, window_width
    Py_ssize_t stride_depth, stride_height, stride_width
    Py_ssize_t pad_depth, pad_height, pad_width                     # before the first element
    Py_ssize_t after_depth, after_height, after_width               # behind the last
    Py_ssize_t dilation_depth, dilation_height, dilation_width
    Py_ssize_t bins             # whether the windows divide each axis into as many parts as there are outputs
    Py_ssize_t extent           # pixels of a padded row of a maximum's windows, 0 where each is reduced by itself
    Py_ssize_t divisor          # of every sum; 0 where each has its own
    Py_ssize_t count_pad        # whether padding counts in those
    Py_ssize_t tiles            # of one plane: parts of its output rows
    Py_ssize_t parts            # of a row's outputs, each a task
    Py_ssize_t columns          # outputs of a part that are made at a time
    Py_ssize_t taps             # columns of a window that are reduced at a time; all, or a multiple of 8 * 2 ** n
    Py_ssize_t row              # floats that a row takes in the workspace
    Py_ssize_t row_levels       # sums of rows that wait for others, at most: see src/pool_tree.pxd
    Py_ssize_t result_levels    # the same of results, where the windows' columns are taken some at a time
    Py_ssize_t workspace        # floats of one thread
    Py_ssize_t stream           # whether y is too large for the caches
    Py_ssize_t group_rows       # output rows made at a time
    Py_ssize_t band_rows        # the rows that those read, at most
    Py_ssize_t source           # dtype of x: its place in convlab._geometry.GATHERED
    Py_ssize_t gathered         # whether elements of x are read one by one: of any strides, alignment and byte order
    Py_ssize_t swapped          # whether their bytes are in the other order
    Py_ssize_t power            # of each element's absolute value: 0 is the element itself, -1 a float
    Py_ssize_t exponent         # that float's bits


# The taps of a window that lie in the array on one axis: their first element, how many, how many count in an average,
# and the first one's number in the window.
cdef struct Window:
    Py_ssize_t start, size, counted, first


# The rows of a window that lie in the array.
cdef struct Rows:
    const float* x              # the first one
    Py_ssize_t start            # where it starts, in elements from the plane's first
    Py_ssize_t slices, slice_pitch, n, pitch
    Py_ssize_t counted


cdef inline Window window(const Geometry* g, const int axis, Py_ssize_t i) noexcept nogil:
    """Window i of an axis: 0 is depth, 1 height, 2 width."""
    cdef Window w
    cdef Py_ssize_t n = (&g.depth)[axis], size = (&g.window_depth)[axis], d = (&g.dilation_depth)[axis], out
    w.first = 0
    if g.bins:
        out = (&g.out_depth)[axis]
        w.start = i * n // out
        w.size = w.counted = ((i + 1) * n + out - 1) // out - w.start
        return w
    w.start = i * (&g.stride_depth)[axis] - (&g.pad_depth)[axis]
    w.counted = n + (&g.after_depth)[axis] - w.start
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
    w.size = max(0, min(size - w.first, w.size))
    w.counted = min(size, w.counted) if g.count_pad else w.size
    return w


cdef inline Geometry columns_of(const Geometry* g, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """The same pool for the outputs first .. last of each row alone; x and y then start at source_of and at `first`."""
    cdef Geometry part = g[0]
    cdef Py_ssize_t start = first * g.stride_width - g.pad_width, source = max(start, 0)
    cdef Py_ssize_t extent = (last - 1 - first) * g.stride_width + (g.window_width - 1) * g.dilation_width + 1
    part.out_width = last - first
    part.pad_width = source - start
    part.width = max(0, min(g.width, start + extent) - source)
    part.after_width = g.width + g.after_width - source - part.width
    part.extent = extent if g.extent else 0
    return part


cdef inline Py_ssize_t source_of(const Geometry* g, Py_ssize_t first) noexcept nogil:
    """The first column that the outputs from `first` on read."""
    return max(first * g.stride_width - g.pad_width, 0)


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
