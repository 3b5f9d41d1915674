"""Order statistics by SciPy and by NumPy's windows, and the expected kernel."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

import convlab
from convlab import _borders

FILTERS = {
    "maximum": (convlab.maximum_filter, ndimage.maximum_filter),
    "minimum": (convlab.minimum_filter, ndimage.minimum_filter),
    "median": (convlab.median_filter, ndimage.median_filter),
}


OPERATIONS = [*FILTERS]


MODES = {
    "mirror": "mirror",
    "symmetric": "reflect",
    "nearest": "nearest",
    "wrap": "wrap",
    "constant": "constant",
}


COMPILED_DTYPES = ["f4", "u1", "i2", "u2"]


def random_image(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    info = np.iinfo(dtype)
    native = dtype.newbyteorder("=")
    return rng.integers(info.min, info.max, shape, dtype=native, endpoint=True).astype(dtype)


def by_scipy(operation, x, size, border="mirror", cval=0, anchor=None):
    """Return SciPy's answer for two axes; `origin` shifts the window."""
    origin = (0, 0) if anchor is None else tuple(a - k // 2 for a, k in zip(anchor, size, strict=True))
    return FILTERS[operation][1](x, size=size, mode=MODES[border], cval=cval, origin=origin)


def by_windows(operation, x, size, border="mirror", cval=0.0):
    """Compute the answer with NumPy, window by window, with NaN."""
    height, width = size
    rows = _borders.source_indices(border, x.shape[0], -(height // 2), x.shape[0] + height - 1 - height // 2)
    columns = _borders.source_indices(border, x.shape[1], -(width // 2), x.shape[1] + width - 1 - width // 2)
    padded = x[np.ix_(rows, columns)]
    padded[rows < 0] = cval
    padded[:, columns < 0] = cval
    windows = sliding_window_view(padded, size)
    if operation != "median":
        return {"maximum": np.max, "minimum": np.min}[operation](windows, axis=(-2, -1))
    windows = np.sort(windows.reshape(*windows.shape[:2], -1), axis=-1)
    medians = windows[..., windows.shape[-1] // 2]
    return np.where(windows[..., -1] == windows[..., -1], medians, np.nan)  # NaN is sorted last


def kernel_name(operation, size, dtype):
    dtype = np.dtype(dtype)
    area = size[0] * size[1]
    if operation != "median":
        return f"{operation}2d"
    if size == (1, 1):
        return "maximum2d"
    if size in ((3, 3), (5, 5)):
        return f"median2d_{size[0]}x{size[1]}"
    if dtype in (np.uint8, np.bool_) and 80 <= area < 65536 and size[0] < 256:
        return "median2d_histogram"
    few, more = {1: (96, 8), 2: (64, 8), 4: (12, 0)}[dtype.itemsize]
    if area < few + more * min(size) or min(size) > 1000:
        return "median2d"
    return "median2d_ranked"


def served(operation, size, backend, dtype="f4"):
    return kernel_name(operation, size, dtype) + ("[numpy]" if backend == "[python]" else backend)
