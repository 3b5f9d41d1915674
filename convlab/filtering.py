"""Filters over images: slide a small kernel over a picture, multiply each neighbourhood by its taps and sum."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab._plan import filtering as _plan
from convlab._plan.plan import Plan
from convlab._run import filtering as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab._spec.filtering import Filter2d
from convlab.typing import Anchor, Border, Clip, FilterAlgorithm, NanPolicy, Precision, ScalarT


def planned(
    bank: bool, image: ArrayLike, kernel: ArrayLike, border: object, cval: object, anchor: object, scale: object,
    offset: object, clip: object, nan: object, mask: ArrayLike | None, *rest: object,
) -> tuple[Plan[Filter2d], NDArray[Any], NDArray[Any], NDArray[Any] | None]:  # fmt: skip
    """Return the plan, image, kernel and mask of a filter2d or filter_bank."""
    find, name = (_plan.filter_bank, "kernels") if bank else (_plan.filter2d, "kernel")
    x = image if type(image) is np.ndarray else _spec.array("image", image)
    w = kernel if type(kernel) is np.ndarray else _spec.array(name, kernel)
    if mask is None:
        return find(x, w, None, None, border, cval, anchor, scale, offset, clip, nan, *rest), x, w, None
    m = _spec.array("mask", mask)
    return find(x, w, m.shape, m.dtype, border, cval, anchor, scale, offset, clip, nan, *rest), x, w, m


_filter = entry(planned, _run.filter2d, "x", "taps", first=1)


@overload
def filter2d(
    image: ArrayLike, kernel: ArrayLike, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None, nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: None = None, precision: Precision = "fast",
    algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def filter2d(
    image: ArrayLike, kernel: ArrayLike, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None, nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT],
    precision: Precision = "fast", algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def filter2d(
    image: ArrayLike, kernel: ArrayLike, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None, nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: DTypeLike | None = None,
    precision: Precision = "fast", algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def filter2d(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    clip: Clip | None = None,
    nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    precision: Precision = "fast",
    algorithm: FilterAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Correlate an image with a small kernel: ``clip(scale * sum(kernel * neighbourhood) + offset)``.

    The kernel is not flipped: this is correlation, as in every deep-learning library. Each channel is filtered alone.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        bool, integers, float16, float32 or float64, any byte order and strides. The arithmetic is float32; windows that
        hold an integer beyond 2**24 in magnitude are summed in double. Integers reach at most 2**53.
    kernel : array_like, shape (kh, kw)
        Taps of any real dtype, or nested lists. Any size, larger than the image included (except with "valid").
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image ``a b c d``::

            mirror       d c b | a b c d | c b a    the edge pixel once; a single pixel repeats
            symmetric    c b a | a b c d | d c b    the edge pixel twice
            nearest      a a a | a b c d | d d d    the edge pixel for ever
            wrap         b c d | a b c d | a b c    the picture tiled
            constant     k k k | a b c d | k k k    k is cval
            valid              | a b c d |          no border: only windows inside the image, a smaller output
            keep               | a b c d |          where the window would leave the image, the source's pixel
    cval : float
        The constant of border="constant".
    anchor : (row, column), optional
        The tap that lies on the output's pixel; the centre (kh // 2, kw // 2) unless given.
    scale, offset : float
        Applied to the sum, before `clip`.
    clip : (low, high), optional
        Limits of the result, in the image's units; either may be None.
    nan : {"propagate", "omit"}
        "omit" leaves NaN out of every window: the sum over the pixels that are there, divided by the sum of their taps.
    mask : array_like of bool, shape (H, W) or the image's, optional
        True where a pixel counts; the others are left out in the same way. What lies outside the image counts.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    dtype : dtype, optional
        float32 unless given; an integer type rounds half to even and saturates, and NaN becomes 0.
    precision : {"fast", "exact"}
        With "exact" each result is a function of its window's pixels, the kernel and the options alone. With "fast" the
        image's size chooses too, between the ways that are named below.
    algorithm : {"direct", "separable", "fft"}, optional
        Chosen by the plan unless given; `convlab.explain` says which and why.
    workspace_limit : int, optional
        Bytes that the call may use beside its arguments and result; 32 MiB unless given.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray
        float32 or `dtype`, of the image's shape; with "valid" H - kh + 1 and W - kw + 1 in place of H and W.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong shape, border, anchor, clip or out; "valid" with a kernel larger than the image; an algorithm that
        cannot serve the call, or not within `workspace_limit`; taps that sum to 0 where pixels are left out.

    See Also
    --------
    convlab.filters : a catalogue of kernels.

    Notes
    -----
    Every tap counts, a tap of 0 too: 0 times NaN is NaN. Each pixel's sum runs over the taps row by row in float32 with
    fused multiply-adds, never in another order for the place in the image or the threads, and errs by 4 * taps * eps *
    sum(abs(kernel) * abs(neighbourhood)) at the most. A kernel of rank 1 from 25 taps on is the product of a column and
    a row, and is summed as such, within the same bound; with precision="fast" only from 300,000 products of taps and
    pixels on. With "fast", other kernels from 700 taps on are multiplied as transforms of tiles, in images from 65,536
    pixels, or 50,000,000 products for each tile, on, if the image is not thin beside the kernel. These err by 4 *
    log2(size) * eps * norm(kernel) * norm(tile), and so tiles whose pixels would make that much more than the direct
    sum's error (a bright pixel among dark ones), or that hold NaN or infinity, are transformed in double or summed
    directly. With border="keep" the frame holds the source's pixels, untouched by scale, offset and clip. Where pixels
    are left out and none of a window is there, or their taps sum to 0, the result is NaN.

    Source: R. C. Gonzalez and R. E. Woods, Digital Image Processing, 4th ed., Pearson, 2018, section 3.4.

    Examples
    --------
    >>> import convlab
    >>> step = [[0, 0, 9, 9]] * 3
    >>> convlab.filter2d(step, [[-1, 0, 1]], border="nearest")
    array([[0., 9., 9., 0.],
           [0., 9., 9., 0.],
           [0., 9., 9., 0.]], dtype=float32)
    """
    return _filter(
        out, image, kernel, False, border, cval, anchor, scale, offset, clip, nan, mask, channel_axis, dtype, precision,
        algorithm, workspace_limit,
    )  # fmt: skip


@overload
def filter_bank(
    image: ArrayLike, kernels: ArrayLike, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None, nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: None = None, precision: Precision = "fast",
    algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def filter_bank(
    image: ArrayLike, kernels: ArrayLike, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None, nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: type[ScalarT] | np.dtype[ScalarT],
    precision: Precision = "fast", algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def filter_bank(
    image: ArrayLike, kernels: ArrayLike, *, border: Border = "mirror", cval: float = 0.0, anchor: Anchor | None = None,
    scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None, nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: DTypeLike | None = None,
    precision: Precision = "fast", algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def filter_bank(
    image: ArrayLike,
    kernels: ArrayLike,
    *,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    clip: Clip | None = None,
    nan: NanPolicy = "propagate",
    mask: ArrayLike | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    precision: Precision = "fast",
    algorithm: FilterAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Correlate an image with several kernels of one size.

    Kernels that are summed directly, as small ones are, share one pass over the image.

    Parameters, errors and rules are those of `filter2d`.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` three axes
        bool, integers, float16, float32 or float64.
    kernels : array_like, shape (K, kh, kw)
        Taps of K kernels, of any real dtype.
    border : str
        What stands outside the image: a border of `filter2d`.
    cval : float
        The constant of border="constant".
    anchor : (row, column), optional
        The tap that lies on the output's pixel, for all kernels; the centre unless given.
    scale, offset : float
        Applied to the sums, before `clip`.
    clip : (low, high), optional
        Limits of the results; either may be None.
    nan : {"propagate", "omit"}
        "omit" leaves NaN out of every window.
    mask : array_like of bool, optional
        True where a pixel counts.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    dtype : dtype, optional
        float32 unless given; an integer type rounds half to even and saturates.
    precision : {"fast", "exact"}
        As in `filter2d`.
    algorithm : {"direct", "separable", "fft"}, optional
        For all kernels; chosen for each as `filter2d` chooses it unless given.
    workspace_limit : int, optional
        Bytes that the call may use beside its arguments and result.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray, shape (K, H, W), or (K, *image.shape) with `channel_axis`
        float32 or `dtype`: what `filter2d` gives with each kernel, bit for bit.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        An argument with a wrong value or shape.

    See Also
    --------
    filter2d : one kernel.

    Notes
    -----
    Source: T. Leung and J. Malik, "Representing and recognizing the visual appearance of materials using
    three-dimensional textons", International Journal of Computer Vision 43(1), 2001, pp. 29-44.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> kernels = [convlab.filters.get(name) for name in ("edges", "vertical_lines", "horizontal_lines")]
    >>> convlab.filter_bank(convlab.data.ascent(), kernels, clip=(0, 255)).shape
    (3, 512, 512)
    """
    return _filter(
        out, image, kernels, True, border, cval, anchor, scale, offset, clip, nan, mask, channel_axis, dtype, precision,
        algorithm, workspace_limit,
    )  # fmt: skip


__all__ = ["filter2d", "filter_bank"]
