"""Pools over images and tensors: keep the largest, the smallest or the average of each window."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import pooling as _plan
from convlab._run import pooling as _run
from convlab._spec import arguments as _spec

_Pair = int | tuple[int, ...]


def _pool2d(
    operation: str, x: Any, kernel_size: Any, stride: Any, padding: Any, channel_axis: Any, out: Any
) -> NDArray[Any]:
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    plan = _plan.pool2d(a, None, operation, kernel_size, stride, padding, channel_axis)
    return _run.pool2d(plan, a, out)


def max_pool2d(
    x: ArrayLike,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    *,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Keep the largest element of each window.

    Parameters
    ----------
    x : array_like, shape (H, W), (C, H, W) or (N, C, H, W); with `channel_axis` an image with three axes
        bool, integers, float16, float32 or float64.
    kernel_size : int or (rows, columns)
        The window, in pixels. A number or a 1-tuple means both axes.
    stride : int or (rows, columns), optional
        From window to window, in pixels; `kernel_size` unless given.
    padding : int or (rows, columns)
        Pixels added on each side, less than the window. Padding never wins.
    channel_axis : int, optional
        The axis of the channels of an image: -1 for (H, W, C).
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with `x`.

    Returns
    -------
    ndarray
        The dtype of `x` in native byte order; (H + 2 * padding - kernel_size) // stride + 1 rows, columns likewise:
        partial windows at the end are dropped.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong shape or `out`; padding as large as the window; a window larger than the padded image.

    Notes
    -----
    NaN propagates, as in NumPy and PyTorch. The rules are those of PyTorch's ``max_pool2d``, except that padding may
    be up to the window less one. Integers of 32 and 64 bits and float64 are pooled exactly, by the NumPy fallback.

    Source: D. Scherer, A. Müller and S. Behnke, "Evaluation of pooling operations in convolutional architectures for
    object recognition", ICANN 2010, pp. 92-101.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> x = np.array([[1, 2, 5, 6], [3, 4, 7, 8]])
    >>> convlab.max_pool2d(x, 2)
    array([[4, 8]])
    """
    return _pool2d("max", x, kernel_size, stride, padding, channel_axis, out)


def min_pool2d(
    x: ArrayLike,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    *,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Keep the smallest element of each window.

    Parameters, result, errors and rules are those of `max_pool2d`.

    Parameters
    ----------
    x : array_like, shape (H, W), (C, H, W) or (N, C, H, W); with `channel_axis` an image with three axes
        bool, integers, float16, float32 or float64.
    kernel_size, stride, padding : int or (rows, columns)
        The window, the way from window to window (`kernel_size` unless given), the pixels added on each side.
    channel_axis : int, optional
        The axis of the channels of an image: -1 for (H, W, C).
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with `x`.

    Returns
    -------
    ndarray
        The dtype of `x` in native byte order.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.

    Notes
    -----
    Source: the erosion of P. Soille, Morphological Image Analysis, 2nd ed., Springer, 2004, chapter 3, kept at every
    stride-th pixel.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.min_pool2d(np.array([[1, 2, 5, 6], [3, 4, 7, 8]]), 2)
    array([[1, 5]])
    """
    return _pool2d("min", x, kernel_size, stride, padding, channel_axis, out)


def avg_pool2d(
    x: ArrayLike,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    *,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Average each window; padding counts as zeros.

    Parameters
    ----------
    x : array_like, shape (H, W), (C, H, W) or (N, C, H, W); with `channel_axis` an image with three axes
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    kernel_size, stride, padding : int or (rows, columns)
        The window, the way from window to window (`kernel_size` unless given), the pixels added on each side.
    channel_axis : int, optional
        The axis of the channels of an image: -1 for (H, W, C).
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with `x`.

    Returns
    -------
    ndarray of float32
        The sum of each window over its whole area, padding included, as PyTorch's ``avg_pool2d``.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.

    Notes
    -----
    Each window is summed down its columns and then along the row, whatever its place or the threads.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.avg_pool2d(np.array([[1, 2, 5, 6], [3, 4, 7, 8]]), 2)
    array([[2.5, 6.5]], dtype=float32)
    """
    return _pool2d("avg", x, kernel_size, stride, padding, channel_axis, out)


__all__ = ["avg_pool2d", "max_pool2d", "min_pool2d"]
