"""Order statistics over images: keep the largest, the smallest or the middle pixel of each window."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import ranking as _plan
from convlab._plan.plan import Plan
from convlab._run import ranking as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab._spec.ranking import Rank2d
from convlab.typing import Anchor, Border, ScalarT, Sizes


def planned(
    operation: str, image: ArrayLike, size: object, border: object, cval: object, anchor: object, channel_axis: object
) -> tuple[Plan[Rank2d], NDArray[Any]]:
    """Return a call's plan and its image."""
    x = image if type(image) is np.ndarray else _spec.array("image", image)
    return _plan.rank2d(x, None, operation, size, border, cval, anchor, channel_axis), x


_rank2d = entry(planned, _run.rank2d, "x", first=1)


@overload
def maximum_filter(
    image: NDArray[ScalarT], size: Sizes, *, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def maximum_filter(
    image: ArrayLike, size: Sizes, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def maximum_filter(
    image: ArrayLike,
    size: Sizes,
    *,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Replace each pixel by the largest of the window around it: a dilation. The window's size costs next to nothing.

    Each channel is filtered alone.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        bool, integers, float16, float32 or float64, any byte order and strides.
    size : int or (rows, columns)
        The window, in pixels; a number means both axes. Larger than the image too (except with "valid").
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image; `filter2d` draws each.
    cval : float
        The constant of border="constant": a value that the image's dtype holds. It takes part, as a pixel does.
    anchor : (row, column), optional
        The pixel of the window that lies on the output's pixel; the centre (rows // 2, columns // 2) unless given.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with the image.

    Returns
    -------
    ndarray
        The image's dtype in native byte order, and its shape; with "valid" H - rows + 1 and W - columns + 1 in place
        of H and W.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong shape, size, border, cval, anchor or out; "valid" with a window larger than the image.

    Notes
    -----
    NaN propagates: it is the largest. Pixels of 8 and 16 bits are compared as they are stored; int32, int64 and
    float64 exactly, by the NumPy fallback. On finite images equal to ``scipy.ndimage.maximum_filter``, whose "reflect"
    is "symmetric" here.

    Source: M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels",
    Pattern Recognition Letters 13 (7), 1992, pp. 517-521; J. Gil and M. Werman, "Computing 2-D min, median, and max
    filters", IEEE Transactions on Pattern Analysis and Machine Intelligence 15 (5), 1993, pp. 504-507.

    Examples
    --------
    >>> import convlab
    >>> convlab.maximum_filter([[0, 0, 7, 0, 0, 0]], (1, 3))
    array([[0, 7, 7, 7, 0, 0]])
    """
    return _rank2d(out, image, "maximum", size, border, cval, anchor, channel_axis)


@overload
def minimum_filter(
    image: NDArray[ScalarT], size: Sizes, *, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def minimum_filter(
    image: ArrayLike, size: Sizes, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def minimum_filter(
    image: ArrayLike,
    size: Sizes,
    *,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Replace each pixel by the smallest of the window around it: an erosion. The window's size costs next to nothing.

    Parameters, result, errors and rules are those of `maximum_filter`.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        bool, integers, float16, float32 or float64, any byte order and strides.
    size : int or (rows, columns)
        The window, in pixels; a number means both axes.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image; `filter2d` draws each.
    cval : float
        The constant of border="constant": a value that the image's dtype holds.
    anchor : (row, column), optional
        The pixel of the window that lies on the output's pixel; the centre unless given.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with the image.

    Returns
    -------
    ndarray
        The image's dtype in native byte order.

    Raises
    ------
    TypeError, ValueError
        As `maximum_filter`.

    Notes
    -----
    NaN propagates. On finite images equal to ``scipy.ndimage.minimum_filter``.

    Source: as `maximum_filter`.

    Examples
    --------
    >>> import convlab
    >>> convlab.minimum_filter([[9, 9, 2, 9, 9, 9]], (1, 3))
    array([[9, 2, 2, 2, 9, 9]])
    """
    return _rank2d(out, image, "minimum", size, border, cval, anchor, channel_axis)


@overload
def median_filter(
    image: NDArray[ScalarT], size: Sizes, *, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def median_filter(
    image: ArrayLike, size: Sizes, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def median_filter(
    image: ArrayLike,
    size: Sizes,
    *,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Replace each pixel by the median of the window around it, which removes specks and keeps edges.

    Each channel is filtered alone.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        bool, integers, float16, float32 or float64, any byte order and strides.
    size : int or (rows, columns)
        The window, in pixels; a number means both axes. At most 2047 each.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image; `filter2d` draws each.
    cval : float
        The constant of border="constant": a value that the image's dtype holds.
    anchor : (row, column), optional
        The pixel of the window that lies on the output's pixel; the centre (rows // 2, columns // 2) unless given.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with the image.

    Returns
    -------
    ndarray
        The image's dtype in native byte order, and its shape; with "valid" H - rows + 1 and W - columns + 1 in place
        of H and W.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong shape, size, border, cval, anchor or out; "valid" with a window larger than the image.

    Notes
    -----
    Of n pixels it is the one of rank n // 2 (from 0), as SciPy has it: a window of an even number of pixels gives the
    upper of its two middle ones, always a pixel of the image. A window that holds NaN gives NaN. 3 x 3 and 5 x 5 are
    sorting networks, and large windows of 8-bit pixels histograms, which cost the same for every window. Other small
    windows bisect the bits of the values; large ones slide over the ranks of a sorted tile, in time that grows with the
    window's shorter side. Windows too large for a sorted tile (`explain` says so) take time that grows with their area.

    Source: J. W. Tukey, Exploratory Data Analysis, Addison-Wesley, 1977, chapter 7; D. E. Knuth, The Art of Computer
    Programming, volume 3, 2nd ed., Addison-Wesley, 1998, section 5.3.4 (networks).

    Examples
    --------
    >>> import convlab
    >>> convlab.median_filter([[1, 1, 99, 1, 5, 5, 5]], (1, 3))
    array([[1, 1, 1, 5, 5, 5, 5]])
    """
    return _rank2d(out, image, "median", size, border, cval, anchor, channel_axis)


__all__ = ["maximum_filter", "median_filter", "minimum_filter"]
