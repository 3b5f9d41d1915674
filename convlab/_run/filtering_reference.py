"""Filters by the lesson's own loops, for the backend "python"."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import reference
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.filtering import Filter2d

from .arrays import by_planes


def by_loops(plan: Plan[Filter2d], x: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Each plane with each kernel, in double."""
    kernels = plan.taps.reshape(-1, *plan.spec.kernel_shape)
    y = np.array([_one_kernel(plan.spec, kernel, x, mask) for kernel in kernels])
    return y.reshape(plan.spec.result_shape)


def _one_kernel(
    spec: Filter2d, taps: NDArray[np.float32], x: NDArray[Any], mask: NDArray[np.bool_] | None
) -> NDArray[Any]:
    def filtered(a: NDArray[Any], cval: float, **finish: Any) -> NDArray[Any]:
        loops = partial(reference.filter2d, kernel=taps, border=spec.border, cval=cval, anchor=spec.anchor, **finish)
        return by_planes(loops, a, spec.image, spec.output, np.float64)

    if spec.masked:
        valid = np.ones(x.shape, bool) if mask is None else _spread(spec, mask)
        if spec.omit_nan:
            valid = valid & ~np.isnan(x)
        y = filtered(np.where(valid, x, 0).astype(np.float64), spec.cval)
        weights = filtered(valid.astype(np.float64), 1.0)
        y = np.divide(y, weights, out=np.full(y.shape, np.nan), where=weights != 0)
        y = np.clip(y * spec.scale + spec.offset, *spec.clip)
    else:
        y = filtered(x, spec.cval, scale=spec.scale, offset=spec.offset, clip=spec.clip)
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, as in the other backends
        return y if spec.dtype.kind in "iu" else y.astype(FLOAT32)


def _spread(spec: Filter2d, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask of the image's shape."""
    if mask.ndim == len(spec.image.shape):
        return mask
    (channel,) = set(range(3)) - {spec.image.row_axis, spec.image.column_axis}
    return np.broadcast_to(np.expand_dims(mask, channel), spec.image.shape)
