"""What every family needs around its kernels: `out`, the result's dtype, planes one by one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._spec.arguments import is_masked
from convlab._spec.layout import Layout


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any], **inputs: NDArray[Any]) -> None:
    """`out` is used as it is or refused: never copied behind the caller's back."""
    if not isinstance(out, np.ndarray) or is_masked(out):
        raise _errors.wrong_type("out", out, "a NumPy array")
    if out.shape != shape:
        raise _errors.out_mismatch("shape", out.shape, shape)
    if out.dtype != dtype or not out.dtype.isnative:
        raise _errors.out_mismatch(
            "dtype", out.dtype, dtype, "a filter's and an average's is float32 unless dtype says"
        )
    if not out.flags.writeable:
        raise _errors.out_readonly()
    if not (out.flags.c_contiguous and out.flags.aligned):
        raise _errors.out_mismatch("strides", out.strides, "a C-contiguous and aligned array")
    for name, array in inputs.items():
        if np.shares_memory(out, array):
            raise _errors.out_overlaps(name)


def converted(a: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A C-contiguous copy in another dtype; what float32 cannot hold is infinite, or 0, whatever NumPy is to say."""
    with np.errstate(all="ignore"):
        return np.array(a, dtype, order="C")


# Elements that are rounded at a time: the caches hold their copies.
ROUNDED = 1 << 15


def saturated(values: NDArray[Any], dtype: np.dtype[Any], into: NDArray[Any]) -> None:
    """Round half to even, saturate, and NaN becomes 0."""
    if values.size > ROUNDED:
        axis = values.shape.index(max(values.shape))
        half = (slice(None),) * axis + (slice(values.shape[axis] // 2),)
        rest = (slice(None),) * axis + (slice(values.shape[axis] // 2, None),)
        saturated(values[half], dtype, into[half])
        saturated(values[rest], dtype, into[rest])
        return
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    # The largest integers of 32 and 64 bits are no float32: what reaches them is set after the cast.
    high = rounded >= values.dtype.type(limits.max)
    low = rounded <= values.dtype.type(limits.min)
    np.copyto(into, np.where(high | low | np.isnan(rounded), 0, rounded), casting="unsafe")
    into[high] = limits.max
    into[low] = limits.min


def finished(y: NDArray[Any], dtype: np.dtype[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """A result in its dtype, in `out` where there is one."""
    if y is out or (out is None and y.dtype == dtype):
        return y
    result = np.empty(y.shape, dtype) if out is None else out
    if dtype.kind in "iu" and y.dtype.kind == "f":
        saturated(y, dtype, result)
    else:
        result[...] = y
    return result


def by_planes(
    operation: Callable[[Any], Any], x: NDArray[Any], image: Layout, output: Layout, dtype: Any
) -> NDArray[Any]:
    """A function of one plane, applied to each plane of an array."""
    axes = image.row_axis, image.column_axis
    stack = np.moveaxis(x, axes, (-2, -1)).reshape(-1, image.height, image.width)
    planes = np.array([operation(plane) for plane in stack], dtype)
    leading = [n for axis, n in enumerate(output.shape) if axis not in axes]
    return np.ascontiguousarray(np.moveaxis(planes.reshape(*leading, output.height, output.width), (-2, -1), axes))
