"""convlab as a backend of scikit-image, which finds it by the entry points of this installation.

For each dispatchable function, scikit-image asks the installed backends whether they support a call. `SERVED` lists
the functions of this backend; scikit-image 0.26 has this mechanism but does not use it for its filters yet. A call is
supported if the image is finite and has float32, which is then also scikit-image's dtype of the result, or for a
median any dtype that scikit-image keeps. scikit-image runs all other calls. ``SKIMAGE_NO_DISPATCHING=1`` turns
dispatching off.

Sums are in float32, each within ``4 * taps * eps * sum(|w| |x|)`` of the exact one. scikit-image uses SciPy's sums, in
double and rounded once for each pass, so it is more precise on a large offset: on elevations of 3000 +- 10, `sobel`
along one axis has an error of up to 5e-4 here. Subtract the offset first; it does not change a derivative.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import convlab
from convlab.translation.borders import ours

# A call with convlab's arguments, or None if scikit-image has to run it.
Call = Callable[[], Any] | None


def _supported(image: Any, channel_axis: Any = None, dtypes: tuple[Any, ...] = (np.float32,)) -> bool:
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
    if border is None or out is not None or not _sigma(sigma) or not _supported(image, channel_axis):
        return None
    return lambda: convlab.gaussian(
        image, sigma, border=border, cval=cval, truncate=truncate, channel_axis=channel_axis
    )


def _edges(function: Callable[..., Any]) -> Callable[..., Call]:
    def call(image: Any, mask: Any = None, *, axis: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Call:
        border = ours("scikit-image", mode)
        if border is None or mask is not None or isinstance(axis, bool) or axis not in (None, 0, 1):
            return None
        if not _supported(image):
            return None
        return lambda: function(image, axis=axis, border=border, cval=cval)

    return call


def _laplace(image: Any, ksize: Any = 3, mask: Any = None) -> Call:
    return (lambda: convlab.laplacian(image)) if ksize == 3 and mask is None and _supported(image) else None


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
    if not _supported(image, dtypes=(np.float32, np.uint8, np.uint16, np.int16)):
        return None
    window = np.ones((3, 3)) if footprint is None else np.asarray(footprint)
    if window.ndim != 2 or not window.size or not window.astype(bool).all():
        return None
    return lambda: convlab.median_filter(image, window.shape, border=border)


def _unsharp_mask(
    image: Any, radius: Any = 1.0, amount: Any = 1.0, preserve_range: Any = False, *, channel_axis: Any = None
) -> Call:
    if not _sigma(radius) or not isinstance(amount, (int, float)) or not _supported(image, channel_axis):
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
    if border is None or not isinstance(frequency, (int, float)) or frequency <= 0 or not _supported(image):
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
    """The information that scikit-image asks a backend for."""

    supported_functions = SERVED


def information() -> Information:
    """Return the supported functions; entry point of the group skimage_backend_infos."""
    return Information()


def can_has(name: str, *args: Any, **kwargs: Any) -> bool:
    """Return whether a call is supported; the name is scikit-image's."""
    return name in _CALLS and _CALLS[name](*args, **kwargs) is not None


def get_implementation(name: str) -> Callable[..., Any]:
    """Return the function that replaces scikit-image's, for supported calls."""

    def served(*args: Any, **kwargs: Any) -> Any:
        call = _CALLS[name](*args, **kwargs)
        if call is None:
            raise ValueError(f"{name}: got an unsupported call; expected one for which can_has is true")
        return call()

    return served
