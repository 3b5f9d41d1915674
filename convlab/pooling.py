"""Pools over lines, images and volumes: the largest or the smallest of each window."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import pooling as _plan
from convlab._plan.plan import Plan
from convlab._run import pooling as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab._spec.pooling import Pool
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, ScalarT, Sizes


def planned(
    operation: str, axes: int, x: ArrayLike, kernel_size: object, stride: object, padding: object, dilation: object,
    ceil_mode: object, return_indices: object, *where: object,
) -> tuple[Plan[Pool], NDArray[Any]]:  # fmt: skip
    """Return the plan and array of a max_pool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    options = operation, axes, kernel_size, stride, padding, dilation, ceil_mode, True, None, *where, None
    return _plan.pool(a, None, *options, return_indices), a


def planned_minimum(x: ArrayLike, *options: object) -> tuple[Plan[Pool], NDArray[Any]]:
    """Return the plan and array of a min_pool2d."""
    return planned("min", 2, x, *options[:5], False, *options[5:])


_pool = entry(planned, _run.pool_and_indices, "x", first=2)
_minimum = entry(planned_minimum, _run.pool, "x")


@overload
def max_pool1d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@overload
def max_pool1d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, return_indices: Literal[True], layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> tuple[NDArray[ScalarT], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, return_indices: Literal[True], layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None, padding: PoolPadding, dilation: Sizes, ceil_mode: bool,
    return_indices: Literal[True], *, layout: PoolLayout1d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@described(1)
def max_pool1d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the largest element of each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {dilation}
    {ceil_mode}
    {return_indices}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray, or a pair of them
        The dtype of `x` in native byte order; (n + padding - window) // stride + 1 elements on each axis. With
        `return_indices` the indices too.

    Raises
    ------
    {raises}

    Notes
    -----
    NaN propagates, as in NumPy and PyTorch; padding never wins. The rules are those of PyTorch's ``max_pool1d``,
    except that padding may be up to the dilated window less one. A window all of whose taps are padding, for their
    dilation, has minus infinity, or the smallest value of an integer type. Integers of 32 and 64 bits and float64 are
    pooled exactly, by the NumPy fallback.

    Source: D. Scherer, A. Müller and S. Behnke, "Evaluation of pooling operations in convolutional architectures for
    object recognition", ICANN 2010, pp. 92-101.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.max_pool1d(np.array([[1, 3, 2, 5]]), 2)
    array([[3, 5]])
    """
    return _pool(
        out, x, "max", 1, kernel_size, stride, padding, dilation, ceil_mode, return_indices, layout, channel_axis
    )


@overload
def max_pool2d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@overload
def max_pool2d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, return_indices: Literal[True], layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> tuple[NDArray[ScalarT], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, return_indices: Literal[True], layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None, padding: PoolPadding, dilation: Sizes, ceil_mode: bool,
    return_indices: Literal[True], *, layout: Layout2d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@described(2)
def max_pool2d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the largest element of each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {dilation}
    {ceil_mode}
    {return_indices}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray, or a pair of them
        The dtype of `x` in native byte order; (n + padding - window) // stride + 1 elements on each axis. With
        `return_indices` the indices too.

    Raises
    ------
    {raises}

    Notes
    -----
    NaN propagates, as in NumPy and PyTorch; padding never wins. The rules are those of PyTorch's ``max_pool2d``,
    except that padding may be up to the dilated window less one. A window all of whose taps are padding, for their
    dilation, has minus infinity, or the smallest value of an integer type. Integers of 32 and 64 bits and float64 are
    pooled exactly, by the NumPy fallback.

    Source: D. Scherer, A. Müller and S. Behnke, "Evaluation of pooling operations in convolutional architectures for
    object recognition", ICANN 2010, pp. 92-101.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.max_pool2d(np.array([[1, 2, 5, 6], [3, 4, 7, 8]]), 2)
    array([[4, 8]])
    """
    return _pool(
        out, x, "max", 2, kernel_size, stride, padding, dilation, ceil_mode, return_indices, layout, channel_axis
    )


@overload
def max_pool3d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@overload
def max_pool3d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, return_indices: Literal[True], layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> tuple[NDArray[ScalarT], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, return_indices: Literal[True], layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None, padding: PoolPadding, dilation: Sizes, ceil_mode: bool,
    return_indices: Literal[True], *, layout: Layout3d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@described(3)
def max_pool3d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the largest element of each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {dilation}
    {ceil_mode}
    {return_indices}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray, or a pair of them
        The dtype of `x` in native byte order; (n + padding - window) // stride + 1 elements on each axis. With
        `return_indices` the indices too.

    Raises
    ------
    {raises}

    Notes
    -----
    NaN propagates, as in NumPy and PyTorch; padding never wins. The rules are those of PyTorch's ``max_pool3d``,
    except that padding may be up to the dilated window less one. A window all of whose taps are padding, for their
    dilation, has minus infinity, or the smallest value of an integer type. Integers of 32 and 64 bits and float64 are
    pooled exactly, by the NumPy fallback.

    Source: D. Scherer, A. Müller and S. Behnke, "Evaluation of pooling operations in convolutional architectures for
    object recognition", ICANN 2010, pp. 92-101.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.max_pool3d(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), 2)
    array([[[8]]])
    """
    return _pool(
        out, x, "max", 3, kernel_size, stride, padding, dilation, ceil_mode, return_indices, layout, channel_axis
    )


@overload
def min_pool2d(
    x: NDArray[ScalarT], kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, layout: Layout2d | None = None, channel_axis: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def min_pool2d(
    x: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: PoolPadding = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, *, layout: Layout2d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@described(2)
def min_pool2d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the smallest element of each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {dilation}
    {ceil_mode}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        The dtype of `x` in native byte order.

    Raises
    ------
    {raises}

    Notes
    -----
    NaN propagates; padding never wins. The rules are those of `max_pool2d`.

    Source: the erosion of P. Soille, Morphological Image Analysis, 2nd ed., Springer, 2004, chapter 3, kept at every
    stride-th pixel.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.min_pool2d(np.array([[1, 2, 5, 6], [3, 4, 7, 8]]), 2)
    array([[1, 5]])
    """
    return _minimum(out, x, kernel_size, stride, padding, dilation, ceil_mode, layout, channel_axis)


__all__ = ["max_pool1d", "max_pool2d", "max_pool3d", "min_pool2d"]
