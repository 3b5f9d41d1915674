"""The gradient of a smoothed image."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab._plan.plan import Plan
from convlab._run import separable as _run
from convlab._spec import imaging as _spec
from convlab._spec.separable import Separable2d
from convlab.edges import planned_magnitude
from convlab.typing import Border, ScalarT


def planned(
    image: ArrayLike, sigma: float, truncate: float, border: object, cval: object, *rest: object
) -> tuple[Plan[Separable2d], NDArray[Any]]:
    """Return the plan and image of a gradient_magnitude."""
    sigma, truncate = _spec.at_least("sigma", sigma, 0, above=True), _spec.at_least("truncate", truncate, 0)
    return planned_magnitude(image, _spec.gradient_pairs(sigma, sigma, truncate), 1.0, border, cval, *rest)


@overload
def gradient_magnitude(
    image: ArrayLike, sigma: float = 1.0, *, truncate: float = 4.0, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: None = None, out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def gradient_magnitude(
    image: ArrayLike, sigma: float = 1.0, *, truncate: float = 4.0, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def gradient_magnitude(
    image: ArrayLike, sigma: float = 1.0, *, truncate: float = 4.0, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def gradient_magnitude(
    image: ArrayLike,
    sigma: float = 1.0,
    *,
    truncate: float = 4.0,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The length of the gradient of the image smoothed with a Gaussian: ``sqrt(u**2 + v**2)``.

    u is the image filtered with the derivative of a Gaussian down the columns and a Gaussian along the rows, v the
    other way round.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    sigma : float
        The standard deviation, above 0.
    truncate : float
        The taps reach ``int(truncate * sigma + 0.5)`` pixels to each side.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "symmetric" is SciPy's default.
    cval : float
        The constant of border="constant".
    channel_axis : int, optional
        The axis of the channels of an image with three axes; each is filtered alone.
    dtype : dtype, optional
        float32 unless given; an integer type rounds half to even and saturates, and NaN becomes 0.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray
        float32 or `dtype`, of the image's shape (with "valid" smaller, as in `filter2d`).

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong value, shape, border or out.

    See Also
    --------
    sobel, gaussian

    Notes
    -----
    SciPy's `gaussian_gradient_magnitude`, in one pass over the image and in float32: it overflows to infinity where a
    square does.

    Source: J. Canny, A computational approach to edge detection, IEEE PAMI 8 (1986), 679-698.

    Examples
    --------
    >>> import convlab
    >>> convlab.gradient_magnitude([[0, 0, 8, 8]] * 3, 0.5)[1].round(1)
    array([0. , 3.4, 3.4, 0. ], dtype=float32)
    """
    plan, x = planned(image, sigma, truncate, border, cval, channel_axis, dtype)
    return _run.of_one_image(plan, x, out)


__all__ = ["gradient_magnitude"]
