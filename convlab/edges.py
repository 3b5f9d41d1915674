"""Edges in images: parameters, normalisation and defaults of scikit-image, borders in our words."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab import filtering
from convlab._plan import separable as _plan
from convlab._plan.plan import Plan
from convlab._run import filtering as _filters
from convlab._run import separable as _run
from convlab._spec import arguments as _arguments
from convlab._spec import imaging as _spec
from convlab._spec.filtering import Filter2d
from convlab._spec.separable import Separable2d
from convlab.typing import Border, ScalarT

HALF = 0.5**0.5


def planned_laplacian(
    image: ArrayLike, border: object, cval: object, channel_axis: object, dtype: object
) -> tuple[Plan[Filter2d], NDArray[Any], NDArray[Any], None]:
    """Return the plan, image and kernel of a laplacian."""
    options = border, cval, None, 1.0, 0.0, None, "propagate", None, channel_axis, dtype, "fast", None, None
    plan, x, w, _ = filtering.planned(False, image, _spec.LAPLACIAN, *options)
    return plan, x, w, None


def planned(
    name: str, image: ArrayLike, axis: int | None, border: object, cval: object, channel_axis: object, dtype: object
) -> tuple[Plan[Separable2d], NDArray[Any]]:
    """Return the plan and image of an edge filter."""
    axis = _spec.axis("axis", axis)
    pairs = _spec.edge_pairs(name)
    if axis is None:
        return planned_magnitude(image, pairs, HALF, border, cval, channel_axis, dtype)
    x = image if type(image) is np.ndarray else _arguments.array("image", image)
    options = None, None, border, cval, None, 1.0, 0.0, None, "propagate", channel_axis, dtype
    return _plan.sep_filter2d(x, pairs[axis], pairs[2 + axis], *options), x


def planned_magnitude(
    image: ArrayLike, pairs: NDArray[np.float64], scale: float, border: object, cval: object, *rest: object
) -> tuple[Plan[Separable2d], NDArray[Any]]:
    """Return the plan and image of the magnitude of two filters, each a pair of kernels."""
    x = image if type(image) is np.ndarray else _arguments.array("image", image)
    options = None, None, border, cval, None, scale, 0.0, None, "propagate"
    return _plan.magnitude2d(x, pairs, *options, *rest), x


@overload
def laplacian(
    image: ArrayLike, *, border: Border = "symmetric", cval: float = 0.0, channel_axis: int | None = None,
    dtype: None = None, out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def laplacian(
    image: ArrayLike, *, border: Border = "symmetric", cval: float = 0.0, channel_axis: int | None = None,
    dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def laplacian(
    image: ArrayLike, *, border: Border = "symmetric", cval: float = 0.0, channel_axis: int | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def laplacian(
    image: ArrayLike,
    *,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Four times each pixel less its four neighbours: the negative of the discrete Laplace operator.

    ``y[i, j] = 4 * x[i, j] - x[i - 1, j] - x[i + 1, j] - x[i, j - 1] - x[i, j + 1]``

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "symmetric" is scikit-image's default.
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
    filter2d, gradient_magnitude

    Notes
    -----
    The taps and their sign are those of scikit-image's `laplace`.

    Source: R. C. Gonzalez and R. E. Woods, Digital Image Processing, 4th ed., Pearson, 2018, section 3.6.

    Examples
    --------
    >>> import convlab
    >>> convlab.laplacian([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    array([[ 0., -1.,  0.],
           [-1.,  4., -1.],
           [ 0., -1.,  0.]], dtype=float32)
    """
    plan, x, w, _ = planned_laplacian(image, border, cval, channel_axis, dtype)
    return _filters.filter2d(plan, x, w, None, out)


@overload
def sobel(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: None = None, out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def sobel(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def sobel(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def sobel(
    image: ArrayLike,
    *,
    axis: int | None = None,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Edges by the Sobel filter: the taps -1 0 1 across an edge, 1 2 1 over 4 along it.

    With u the derivative down the columns and v the one along the rows, the result is ``sqrt((u**2 + v**2) / 2)``, or
    u for axis=0, or v for axis=1.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    axis : {0, 1}, optional
        The direction of the derivative: 0 down the columns, 1 along the rows; both, and their magnitude, unless given.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "symmetric" is scikit-image's default.
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
    scharr, prewitt, gradient_magnitude

    Notes
    -----
    The magnitude is computed in the pass that sums, in float32: it overflows to infinity where a square does.
    Normalisation, sign and magnitude are those of scikit-image's `sobel`.

    Source: I. Sobel and G. Feldman, A 3x3 isotropic gradient operator for image processing, 1968.

    Examples
    --------
    >>> import convlab
    >>> convlab.sobel([[0, 0, 8, 8]] * 3, axis=1)
    array([[0., 8., 8., 0.],
           [0., 8., 8., 0.],
           [0., 8., 8., 0.]], dtype=float32)
    """
    plan, x = planned("sobel", image, axis, border, cval, channel_axis, dtype)
    return _run.of_one_image(plan, x, out)


@overload
def scharr(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: None = None, out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def scharr(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def scharr(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def scharr(
    image: ArrayLike,
    *,
    axis: int | None = None,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Edges by the Scharr filter: the taps -1 0 1 across an edge, 3 10 3 over 16 along it.

    With u the derivative down the columns and v the one along the rows, the result is ``sqrt((u**2 + v**2) / 2)``, or
    u for axis=0, or v for axis=1.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    axis : {0, 1}, optional
        The direction of the derivative: 0 down the columns, 1 along the rows; both, and their magnitude, unless given.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "symmetric" is scikit-image's default.
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
    sobel, prewitt, gradient_magnitude

    Notes
    -----
    The magnitude is computed in the pass that sums, in float32: it overflows to infinity where a square does.
    Normalisation, sign and magnitude are those of scikit-image's `scharr`.

    Source: H. Scharr, Optimal operators in digital image processing, dissertation, Heidelberg, 2000.

    Examples
    --------
    >>> import convlab
    >>> convlab.scharr([[0, 0, 8, 8]] * 3, axis=1)
    array([[0., 8., 8., 0.],
           [0., 8., 8., 0.],
           [0., 8., 8., 0.]], dtype=float32)
    """
    plan, x = planned("scharr", image, axis, border, cval, channel_axis, dtype)
    return _run.of_one_image(plan, x, out)


@overload
def prewitt(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: None = None, out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def prewitt(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def prewitt(
    image: ArrayLike, *, axis: int | None = None, border: Border = "symmetric", cval: float = 0.0,
    channel_axis: int | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def prewitt(
    image: ArrayLike,
    *,
    axis: int | None = None,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Edges by the Prewitt filter: the taps -1 0 1 across an edge, 1 1 1 over 3 along it.

    With u the derivative down the columns and v the one along the rows, the result is ``sqrt((u**2 + v**2) / 2)``, or
    u for axis=0, or v for axis=1.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    axis : {0, 1}, optional
        The direction of the derivative: 0 down the columns, 1 along the rows; both, and their magnitude, unless given.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "symmetric" is scikit-image's default.
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
    sobel, scharr, gradient_magnitude

    Notes
    -----
    The magnitude is computed in the pass that sums, in float32: it overflows to infinity where a square does.
    Normalisation, sign and magnitude are those of scikit-image's `prewitt`.

    Source: J. M. S. Prewitt, Object enhancement and extraction, 1970.

    Examples
    --------
    >>> import convlab
    >>> convlab.prewitt([[0, 0, 8, 8]] * 3, axis=1)
    array([[0., 8., 8., 0.],
           [0., 8., 8., 0.],
           [0., 8., 8., 0.]], dtype=float32)
    """
    plan, x = planned("prewitt", image, axis, border, cval, channel_axis, dtype)
    return _run.of_one_image(plan, x, out)


__all__ = ["laplacian", "prewitt", "scharr", "sobel"]
