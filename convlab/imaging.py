"""Filters over images by name: parameters, normalisation and defaults of scikit-image, borders in our words."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab._plan import box as _boxes
from convlab._plan import separable as _plan
from convlab._plan.plan import Plan
from convlab._run import separable as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _arguments
from convlab._spec import imaging as _spec
from convlab._spec.separable import Separable2d
from convlab.filtering import filter2d
from convlab.typing import Anchor, Border, Clip, Numbers, Precision, ScalarT, Sizes


def planned_box(image: ArrayLike, *options: object) -> tuple[Plan[Separable2d], NDArray[Any]]:
    """Return the plan and image of a box."""
    x = image if type(image) is np.ndarray else _arguments.array("image", image)
    return _boxes.box(x, None, *options), x


def planned_gaussian(image: ArrayLike, *options: object) -> tuple[Plan[Separable2d], NDArray[Any]]:
    """Return the plan and image of a gaussian."""
    x = image if type(image) is np.ndarray else _arguments.array("image", image)
    return _plan.gaussian(x, None, *options), x


_box = entry(planned_box, _run.of_one_image, "x")
_gaussian = entry(planned_gaussian, _run.of_one_image, "x")


def planned_unsharp(image: ArrayLike, *options: Any) -> tuple[
    Plan[Separable2d], Plan[Separable2d], float, NDArray[Any]]:  # fmt: skip
    """Return the plan, the plan of the smoothing, amount and image of an unsharp."""
    x = image if type(image) is np.ndarray else _arguments.array("image", image)
    return *_plan.unsharp(x, *options), x


@overload
def box(
    image: ArrayLike, size: Sizes, *, normalize: bool = True, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, channel_axis: int | None = None, dtype: None = None, precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def box(
    image: ArrayLike, size: Sizes, *, normalize: bool = True, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT],
    precision: Precision = "fast", out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def box(
    image: ArrayLike, size: Sizes, *, normalize: bool = True, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, channel_axis: int | None = None, dtype: DTypeLike | None = None,
    precision: Precision = "fast", out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def box(
    image: ArrayLike,
    size: Sizes,
    *,
    normalize: bool = True,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    precision: Precision = "fast",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Compute the mean, or the sum, of the window around each pixel; any size costs the same.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    size : int or (int, int)
        Rows and columns of the window.
    normalize : bool
        Whether to divide by how many pixels a window has.
    anchor : (row, column), optional
        The window's pixel that lies on the output's; the centre (size // 2) unless given.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "mirror" is the default of `filter2d`.
    cval : float
        The constant of border="constant".
    channel_axis : int, optional
        The axis of the channels of an image with three axes; each is filtered alone.
    dtype : dtype, optional
        float32 unless given; an integer type rounds half to even and saturates, and NaN becomes 0.
    precision : {"fast", "exact"}
        "exact" sums every window in one order, one pixel after the other: down the columns, then along the row. The
        result then depends on the window's pixels and the options alone, at a cost that grows with rows + columns.
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
    gaussian, avg_pool2d

    Notes
    -----
    Windows of up to 9 pixels a side are summed one pixel after the other, as by `sep_filter2d` with taps of 1. Of
    larger ones each sum is the end of one block and the beginning of the next, where blocks of the window's size are
    counted from the border's first pixel: three additions an axis, and nothing is ever subtracted, so that an error, a
    NaN or an infinity stays in the windows that hold it. With precision="fast" the order of such a sum depends on the
    place in the image modulo the size, or in strips whose width depends on the sizes of the image and the window;
    windows from about 1000 pixels a side on may be summed in another way for a result of integers, and directly, at a
    cost that grows, if they exceed the workspace. It depends on nothing else: not on threads, strides or instruction
    set, the baseline included. The error is at most ``4 * (rows + columns)
    * eps`` times the mean of the absolute values, and 0 for whole numbers whose sums stay below 2**24, before the
    division (a multiplication by the inverse, rounded to float32).

    Source: M. van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels,
    Pattern Recognition Letters 13 (1992), 517-521; here with sums.

    Examples
    --------
    >>> import convlab
    >>> convlab.box([[0, 0, 0], [0, 9, 0], [0, 0, 0]], 3, border="constant")
    array([[1., 1., 1.],
           [1., 1., 1.],
           [1., 1., 1.]], dtype=float32)
    """
    return _box(out, image, size, normalize, border, cval, anchor, channel_axis, dtype, precision)


@overload
def gaussian(
    image: ArrayLike, sigma: Numbers = 1.0, *, truncate: float = 4.0, border: Border = "nearest", cval: float = 0.0,
    channel_axis: int | None = None, dtype: None = None, out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def gaussian(
    image: ArrayLike, sigma: Numbers = 1.0, *, truncate: float = 4.0, border: Border = "nearest", cval: float = 0.0,
    channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def gaussian(
    image: ArrayLike, sigma: Numbers = 1.0, *, truncate: float = 4.0, border: Border = "nearest", cval: float = 0.0,
    channel_axis: int | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def gaussian(
    image: ArrayLike,
    sigma: Numbers = 1.0,
    *,
    truncate: float = 4.0,
    border: Border = "nearest",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Smooth with a Gaussian: taps ``exp(-i**2 / (2 * sigma**2))`` over their sum, down and along.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    sigma : float or (float, float)
        The standard deviation, or one for the rows' and one for the columns' direction (down, along); 0 leaves as is.
    truncate : float
        The taps reach ``int(truncate * sigma + 0.5)`` pixels to each side.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "nearest" is scikit-image's default.
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
    box, sep_filter2d

    Notes
    -----
    Two passes in one over the image; see `sep_filter2d` for the order of the sums. scikit-image's `gaussian` with
    ``preserve_range=True``.

    Source: R. C. Gonzalez and R. E. Woods, Digital Image Processing, 4th ed., Pearson, 2018, section 3.5.

    Examples
    --------
    >>> import convlab
    >>> convlab.gaussian([[0, 0, 0], [0, 16, 0], [0, 0, 0]], 0.5, truncate=2.0).round(1)
    array([[0.2, 1.3, 0.2],
           [1.3, 9.9, 1.3],
           [0.2, 1.3, 0.2]], dtype=float32)
    """
    return _gaussian(out, image, sigma, truncate, border, cval, channel_axis, dtype)


@overload
def unsharp(
    image: ArrayLike, radius: Numbers = 1.0, amount: float = 1.0, *, clip: Clip | None = None,
    border: Border = "symmetric", cval: float = 0.0, channel_axis: int | None = None, dtype: None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def unsharp(
    image: ArrayLike, radius: Numbers = 1.0, amount: float = 1.0, *, clip: Clip | None = None,
    border: Border = "symmetric", cval: float = 0.0, channel_axis: int | None = None,
    dtype: type[ScalarT] | np.dtype[ScalarT], out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def unsharp(
    image: ArrayLike, radius: Numbers = 1.0, amount: float = 1.0, *, clip: Clip | None = None,
    border: Border = "symmetric", cval: float = 0.0, channel_axis: int | None = None, dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def unsharp(
    image: ArrayLike,
    radius: Numbers = 1.0,
    amount: float = 1.0,
    *,
    clip: Clip | None = None,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Sharpen: add `amount` times what a Gaussian takes away, ``x + amount * (x - gaussian(x, radius))``.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    radius : float or (float, float)
        The standard deviation of the Gaussian, or one for each direction (down, along).
    amount : float
        How much is added; a negative one smooths.
    clip : (low, high), optional
        Limits of the result, in the image's units; either may be None. scikit-image clips to 0..1, after scaling.
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
    gaussian, laplacian

    Notes
    -----
    scikit-image's `unsharp_mask` with ``preserve_range=True``. The border "valid" is refused: the result is the
    image's size.

    Source: M. Petrou and C. Petrou, Image Processing: The Fundamentals, 2nd ed., Wiley, 2010, page 357.

    Examples
    --------
    >>> import convlab
    >>> convlab.unsharp([[1, 1, 9, 9]] * 3, 0.5)[1].round(1)
    array([1. , 0.1, 9.9, 9. ], dtype=float32)
    """
    plan, smooth, weight, x = planned_unsharp(image, radius, amount, clip, border, cval, channel_axis, dtype)
    return _run.unsharp2d(plan, smooth, x, weight, out)


def gabor(
    image: ArrayLike,
    frequency: float,
    *,
    theta: float = 0.0,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3.0,
    offset: float = 0.0,
    border: Border = "symmetric",
    cval: float = 0.0,
    channel_axis: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The response to a wave of one frequency and direction under a Gaussian, real and imaginary part.

    The kernel is ``exp(-(u / sigma_x)**2 / 2 - (v / sigma_y)**2 / 2 + 1j * (2 * pi * frequency * u + offset))`` over
    ``2 * pi * sigma_x * sigma_y``, with ``u = j * cos(theta) + i * sin(theta)`` and
    ``v = i * cos(theta) - j * sin(theta)`` for row i and column j from its centre; the image is convolved with it.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        Any dtype of `filter2d`. Integers keep their values: nothing is scaled to 0..1.
    frequency : float
        Of the wave, in periods a pixel, above 0.
    theta : float
        Its direction, in radians; 0 is along the rows.
    bandwidth : float
        In octaves, above 0: sets the standard deviations that are not given.
    sigma_x, sigma_y : float, optional
        Standard deviations along the wave and across it.
    n_stds : float
        The kernel reaches so many standard deviations.
    offset : float
        The phase of the wave, in radians.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`; "symmetric" is scikit-image's default.
    cval : float
        The constant of border="constant".
    channel_axis : int, optional
        The axis of the channels of an image with three axes; each is filtered alone.

    Returns
    -------
    real, imaginary : ndarray
        float32, of the image's shape.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong value, shape or border.

    See Also
    --------
    filter2d, convlab.filters

    Notes
    -----
    Kernel and normalisation are those of scikit-image's `gabor`. The two correlations are `filter2d`'s with
    precision="fast", and so the order of their sums depends on the image's size.

    Source: J. G. Daugman, Uncertainty relation for resolution in space, spatial frequency, and orientation optimized by
    two-dimensional visual cortical filters, JOSA A 2 (1985), 1160-1169.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> wave = np.cos(2 * np.pi * 0.25 * np.arange(16)) * np.ones((16, 1))
    >>> real, imaginary = convlab.gabor(wave, 0.25)
    >>> [round(float(v), 2) for v in np.hypot(real, imaginary)[8, 6:9]]
    [0.5, 0.5, 0.5]
    """
    real, imaginary = _spec.gabor_kernels(frequency, theta, bandwidth, sigma_x, sigma_y, n_stds, offset)
    return (
        filter2d(image, real, border=border, cval=cval, channel_axis=channel_axis),
        filter2d(image, imaginary, border=border, cval=cval, channel_axis=channel_axis),
    )


__all__ = ["box", "gabor", "gaussian", "unsharp"]
