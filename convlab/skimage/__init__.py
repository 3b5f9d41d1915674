"""convlab as a backend of scikit-image, which finds it by the entry points of this installation.

scikit-image asks an installed backend, for each of its functions that can be dispatched, whether it wants a call. The
ones served here are named in `SERVED`; version 0.26 has the machinery, but asks for none of its filters yet. A call is
wanted where the image has float32, which is then scikit-image's dtype of the result, or for a median any dtype that it
keeps, and is finite; all other calls stay scikit-image's. ``SKIMAGE_NO_DISPATCHING=1`` turns dispatching off.

Sums are made in float32, each within ``4 * taps * eps * sum(|w| |x|)`` of the exact one. scikit-image's are SciPy's,
made in double and rounded once for each pass, and so more precise where the numbers lie on a large offset: of
elevations of 3000 +- 10, `sobel` along one axis errs by up to 5e-4 here. Subtract the offset first, which no derivative
sees.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import convlab
from convlab.translation.borders import ours

# A call with convlab's arguments, or None where it is for scikit-image.
Call = Callable[[], Any] | None


def _wanted(image: Any, channel_axis: Any = None, dtypes: tuple[Any, ...] = (np.float32,)) -> bool:
    return (
        type(image) is np.ndarray
        and image.ndim == (2 if channel_axis is None else 3)
        and image.size > 0
        and image.dtype in dtypes
        and bool(np.isfinite(image).all())
    )


def _sigma(value: Any) -> bool:
    sizes = value if isinstance(value, (tuple, list)) else (value, value)
    return len(sizes) == 2 and all(isinstance(s, (int, float)) and 0 <= s < 1e6 for s in sizes)


def _gaussian(
    image: Any,
    sigma: Any = 1.0,
    *,
    mode: Any = "nearest",
    cval: Any = 0,
    preserve_range: Any = False,
    truncate: Any = 4.0,
    channel_axis: Any = None,
    out: Any = None,
) -> Call:
    border = ours("scikit-image", mode)
    if border is None or out is not None or not _sigma(sigma) or not _wanted(image, channel_axis):
        return None
    return lambda: convlab.gaussian(
        image, sigma, border=border, cval=cval, truncate=truncate, channel_axis=channel_axis
    )


def _edges(function: Callable[..., Any]) -> Callable[..., Call]:
    def call(image: Any, mask: Any = None, *, axis: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Call:
        border = ours("scikit-image", mode)
        if border is None or mask is not None or isinstance(axis, bool) or axis not in (None, 0, 1):
            return None
        if not _wanted(image):
            return None
        return lambda: function(image, axis=axis, border=border, cval=cval)

    return call


def _laplace(image: Any, ksize: Any = 3, mask: Any = None) -> Call:
    return (lambda: convlab.laplacian(image)) if ksize == 3 and mask is None and _wanted(image) else None


def _median(
    image: Any,
    footprint: Any = None,
    out: Any = None,
    mode: Any = "nearest",
    cval: Any = 0.0,
    behavior: Any = "ndimage",
) -> Call:
    border = ours("scikit-image", mode)
    if border is None or (border == "constant" and cval != 0) or out is not None or behavior != "ndimage":
        return None
    if not _wanted(image, dtypes=(np.float32, np.uint8, np.uint16, np.int16)):
        return None
    window = np.ones((3, 3)) if footprint is None else np.asarray(footprint)
    if window.ndim != 2 or not window.size or not window.astype(bool).all():
        return None
    return lambda: convlab.median_filter(image, window.shape, border=border)


def _unsharp_mask(
    image: Any, radius: Any = 1.0, amount: Any = 1.0, preserve_range: Any = False, *, channel_axis: Any = None
) -> Call:
    if not _sigma(radius) or not isinstance(amount, (int, float)) or not _wanted(image, channel_axis):
        return None
    clip = None if preserve_range else (-1.0 if (image < 0).any() else 0.0, 1.0)
    return lambda: convlab.unsharp(image, radius, amount, clip=clip, channel_axis=channel_axis)


def _gabor(
    image: Any,
    frequency: Any,
    theta: Any = 0,
    bandwidth: Any = 1,
    sigma_x: Any = None,
    sigma_y: Any = None,
    n_stds: Any = 3,
    offset: Any = 0,
    mode: Any = "reflect",
    cval: Any = 0,
) -> Call:
    border = ours("scikit-image", mode)
    if border is None or not isinstance(frequency, (int, float)) or frequency <= 0 or not _wanted(image):
        return None
    return lambda: convlab.gabor(
        image,
        frequency,
        theta=theta,
        bandwidth=bandwidth,
        sigma_x=sigma_x,
        sigma_y=sigma_y,
        n_stds=n_stds,
        offset=offset,
        border=border,
        cval=cval,
    )


_CALLS: dict[str, Callable[..., Call]] = {
    "skimage.filters:gabor": _gabor,
    "skimage.filters:gaussian": _gaussian,
    "skimage.filters:laplace": _laplace,
    "skimage.filters:median": _median,
    "skimage.filters:prewitt": _edges(convlab.prewitt),
    "skimage.filters:scharr": _edges(convlab.scharr),
    "skimage.filters:sobel": _edges(convlab.sobel),
    "skimage.filters:unsharp_mask": _unsharp_mask,
}
SERVED = tuple(_CALLS)


class Information:
    """What scikit-image wants to know of a backend."""

    supported_functions = SERVED


def information() -> Information:
    """Say which functions are served: the entry point in the group skimage_backend_infos."""
    return Information()


def can_has(name: str, *args: Any, **kwargs: Any) -> bool:
    """Whether a call is wanted; scikit-image's word for the question."""
    return name in _CALLS and _CALLS[name](*args, **kwargs) is not None


def get_implementation(name: str) -> Callable[..., Any]:
    """Give the function that serves in scikit-image's place, for calls that are wanted."""

    def served(*args: Any, **kwargs: Any) -> Any:
        call = _CALLS[name](*args, **kwargs)
        if call is None:
            raise ValueError(f"{name}: got a call that is scikit-image's; expected one for which can_has is true")
        return call()

    return served
