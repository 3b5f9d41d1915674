"""Filters over images in two passes: down the columns and along the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab import filtering
from convlab._plan import separable as _plan
from convlab._plan.plan import Plan
from convlab._run import filtering as _filters
from convlab._run import separable as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab._spec.separable import Separable2d, check_taps
from convlab.typing import Anchor, Border, Clip, FilterAlgorithm, NanPolicy, Precision, ScalarT


def planned(
    image: ArrayLike, kernel_y: ArrayLike, kernel_x: ArrayLike, border: object, cval: object, anchor: object,
    scale: object, offset: object, clip: object, nan: object, mask: ArrayLike | None, channel_axis: object,
    dtype: object, precision: object, algorithm: object, workspace_limit: object,
) -> tuple[Plan[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]:  # fmt: skip
    """Return the plan, image and kernels of a sep_filter2d; where it is a filter2d those of that."""
    x = image if type(image) is np.ndarray else _spec.array("image", image)
    ky = kernel_y if type(kernel_y) is np.ndarray else _spec.array("kernel_y", kernel_y)
    kx = kernel_x if type(kernel_x) is np.ndarray else _spec.array("kernel_x", kernel_x)
    separable = algorithm is None or (isinstance(algorithm, str) and algorithm == "separable")
    if not separable or mask is not None or not (isinstance(nan, str) and nan == "propagate"):
        check_taps("kernel_y", ky)
        check_taps("kernel_x", kx)
        product = np.multiply.outer(ky.astype(np.float64), kx.astype(np.float64))
        return filtering.planned(
            False, x, product, border, cval, anchor, scale, offset, clip, nan, mask, channel_axis, dtype, precision,
            algorithm, workspace_limit,
        )  # fmt: skip
    plan = _plan.sep_filter2d(
        x, ky, kx, None, None, border, cval, anchor, scale, offset, clip, nan, channel_axis, dtype, precision,
        algorithm, workspace_limit,
    )  # fmt: skip
    return plan, x, ky, kx


def _run_either(plan: Plan[Any], *others: Any) -> NDArray[Any]:
    run: Callable[..., NDArray[Any]] = _run.sep_filter2d if isinstance(plan.spec, Separable2d) else _filters.filter2d
    return run(plan, *others)


_sep_filter2d = entry(planned, _run_either, "x", "taps", "taps")


@overload
def sep_filter2d(
    image: ArrayLike, kernel_y: ArrayLike, kernel_x: ArrayLike, *, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None,
    nan: NanPolicy = "propagate", mask: ArrayLike | None = None, channel_axis: int | None = None, dtype: None = None,
    precision: Precision = "fast", algorithm: FilterAlgorithm | None = None, workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...  # fmt: skip
@overload
def sep_filter2d(
    image: ArrayLike, kernel_y: ArrayLike, kernel_x: ArrayLike, *, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None,
    nan: NanPolicy = "propagate", mask: ArrayLike | None = None, channel_axis: int | None = None,
    dtype: type[ScalarT] | np.dtype[ScalarT], precision: Precision = "fast", algorithm: FilterAlgorithm | None = None,
    workspace_limit: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def sep_filter2d(
    image: ArrayLike, kernel_y: ArrayLike, kernel_x: ArrayLike, *, border: Border = "mirror", cval: float = 0.0,
    anchor: Anchor | None = None, scale: float = 1.0, offset: float = 0.0, clip: Clip | None = None,
    nan: NanPolicy = "propagate", mask: ArrayLike | None = None, channel_axis: int | None = None,
    dtype: DTypeLike | None = None, precision: Precision = "fast", algorithm: FilterAlgorithm | None = None,
    workspace_limit: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
def sep_filter2d(
    image: ArrayLike,
    kernel_y: ArrayLike,
    kernel_x: ArrayLike,
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
    """Correlate an image's columns with one row of taps and its rows with another.

    The same as `filter2d` with the kernel ``outer(kernel_y, kernel_x)``, for kh + kw multiplications a pixel in place
    of kh * kw: ``clip(scale * sum_b(kernel_x[b] * sum_a(kernel_y[a] * x[i + a, j + b])) + offset)``. The kernels are
    not flipped.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        bool, integers, float16, float32 or float64, any byte order and strides. The arithmetic is float32, and double
        as in `filter2d`. Integers of 8 and 16 bits are converted as they are read.
    kernel_y : array_like, shape (kh,)
        The taps that go down the columns, of any real dtype.
    kernel_x : array_like, shape (kw,)
        The taps that go along the rows.
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image, as in `filter2d`.
    cval : float
        The constant of border="constant".
    anchor : (row, column), optional
        The taps that lie on the output's pixel; the centres (kh // 2, kw // 2) unless given.
    scale, offset : float
        Applied to the sum, before `clip`.
    clip : (low, high), optional
        Limits of the result, in the image's units; either may be None.
    nan : {"propagate", "omit"}
        "omit" leaves NaN out of every window, as in `filter2d`.
    mask : array_like of bool, shape (H, W) or the image's, optional
        True where a pixel counts, as in `filter2d`.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    dtype : dtype, optional
        float32 unless given; an integer type rounds half to even and saturates, and NaN becomes 0.
    precision : {"fast", "exact"}
        As in `filter2d`; both are the same for columns and rows.
    algorithm : {"separable", "direct", "fft"}, optional
        "separable" unless given; the others, and pixels that are left out, take `filter2d` with the outer product.
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
        A wrong shape, border, anchor, clip or out; "valid" with kernels larger than the image; an algorithm that
        cannot serve the call, or not within `workspace_limit`.

    See Also
    --------
    filter2d : a kernel of any taps.
    gaussian, sobel, scharr, prewitt : filters made of such kernels.

    Notes
    -----
    Every tap counts, a tap of 0 too: 0 times NaN is NaN. Each pixel's sums, first down the columns and then along the
    row, run over the taps in their order in float32 with fused multiply-adds, so they never depend on the size, the
    place in the image or the threads.

    Source: R. C. Gonzalez and R. E. Woods, Digital Image Processing, 4th ed., Pearson, 2018, section 3.4.

    Examples
    --------
    >>> import convlab
    >>> step = [[0, 0, 8, 8]] * 3
    >>> convlab.sep_filter2d(step, [0.25, 0.5, 0.25], [-1, 0, 1], border="nearest")
    array([[0., 8., 8., 0.],
           [0., 8., 8., 0.],
           [0., 8., 8., 0.]], dtype=float32)
    """
    return _sep_filter2d(
        out, image, kernel_y, kernel_x, border, cval, anchor, scale, offset, clip, nan, mask, channel_axis, dtype,
        precision, algorithm, workspace_limit,
    )  # fmt: skip


__all__ = ["sep_filter2d"]
