"""Max unpooling."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import unpooling as _plan
from convlab._plan.plan import Plan
from convlab._run import pooling as _run
from convlab._spec import arguments as _spec
from convlab._spec.unpooling import Unpool
from convlab.typing import Layout2d, Layout3d, OutputSize, PoolLayout1d, ScalarT, Sizes


def planned(
    axes: int, x: ArrayLike, indices: ArrayLike, *options: object
) -> tuple[Plan[Unpool], NDArray[Any], NDArray[Any]]:
    """Return the plan, array and indices of a max_unpool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    places = indices if type(indices) is np.ndarray else _spec.array("indices", indices)
    return _plan.max_unpool(a, None, axes, places.shape, places.dtype, *options), a, places


@overload
def max_unpool1d(
    x: NDArray[ScalarT], indices: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    output_size: OutputSize = None, *, layout: PoolLayout1d | None = None, channel_axis: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def max_unpool1d(
    x: ArrayLike, indices: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    output_size: OutputSize = None, *, layout: PoolLayout1d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@described(1)
def max_unpool1d(
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: OutputSize = None,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Put maxima back where they stood, and zeros elsewhere.

    Parameters
    ----------
    {x}
    indices : array_like of integers, shape of `x`
        Where each value stands in its plane, as `max_pool1d` returns them.
    kernel_size : int or sizes for each axis
        The window of the maximum pool.
    {stride}
    padding : int or sizes for each axis
        The padding of the maximum pool.
    output_size : sequence of int, optional
        The size of what was pooled, with or without N and C, where several sizes give the same maxima.
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        The dtype of `x` in native byte order; (n - 1) * stride - 2 * padding + kernel_size elements on each axis, or
        `output_size`.

    Raises
    ------
    {raises}

    Notes
    -----
    Of several values for one place the last stays.

    Source: M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive deconvolutional networks for mid and high level feature
    learning", ICCV 2011, pp. 2018-2025.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.max_unpool1d(np.array([[3, 5]]), np.array([[1, 3]]), 2)
    array([[0, 3, 0, 5]])
    """
    plan, a, places = planned(1, x, indices, kernel_size, stride, padding, output_size, layout, channel_axis)
    return _run.max_unpool(plan, a, places, out)


@overload
def max_unpool2d(
    x: NDArray[ScalarT], indices: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    output_size: OutputSize = None, *, layout: Layout2d | None = None, channel_axis: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def max_unpool2d(
    x: ArrayLike, indices: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    output_size: OutputSize = None, *, layout: Layout2d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@described(2)
def max_unpool2d(
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: OutputSize = None,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Put maxima back where they stood, and zeros elsewhere.

    Parameters
    ----------
    {x}
    indices : array_like of integers, shape of `x`
        Where each value stands in its plane, as `max_pool2d` returns them.
    kernel_size : int or sizes for each axis
        The window of the maximum pool.
    {stride}
    padding : int or sizes for each axis
        The padding of the maximum pool.
    output_size : sequence of int, optional
        The size of what was pooled, with or without N and C, where several sizes give the same maxima.
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        The dtype of `x` in native byte order; (n - 1) * stride - 2 * padding + kernel_size elements on each axis, or
        `output_size`.

    Raises
    ------
    {raises}

    Notes
    -----
    Of several values for one place the last stays.

    Source: M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive deconvolutional networks for mid and high level feature
    learning", ICCV 2011, pp. 2018-2025.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.max_unpool2d(np.array([[4, 8]]), np.array([[5, 7]]), 2)
    array([[0, 0, 0, 0],
           [0, 4, 0, 8]])
    """
    plan, a, places = planned(2, x, indices, kernel_size, stride, padding, output_size, layout, channel_axis)
    return _run.max_unpool(plan, a, places, out)


@overload
def max_unpool3d(
    x: NDArray[ScalarT], indices: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    output_size: OutputSize = None, *, layout: Layout3d | None = None, channel_axis: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def max_unpool3d(
    x: ArrayLike, indices: ArrayLike, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    output_size: OutputSize = None, *, layout: Layout3d | None = None, channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@described(3)
def max_unpool3d(
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: OutputSize = None,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Put maxima back where they stood, and zeros elsewhere.

    Parameters
    ----------
    {x}
    indices : array_like of integers, shape of `x`
        Where each value stands in its plane, as `max_pool3d` returns them.
    kernel_size : int or sizes for each axis
        The window of the maximum pool.
    {stride}
    padding : int or sizes for each axis
        The padding of the maximum pool.
    output_size : sequence of int, optional
        The size of what was pooled, with or without N and C, where several sizes give the same maxima.
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        The dtype of `x` in native byte order; (n - 1) * stride - 2 * padding + kernel_size elements on each axis, or
        `output_size`.

    Raises
    ------
    {raises}

    Notes
    -----
    Of several values for one place the last stays.

    Source: M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive deconvolutional networks for mid and high level feature
    learning", ICCV 2011, pp. 2018-2025.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.max_unpool3d(np.array([[[8]]]), np.array([[[7]]]), 2)
    array([[[0, 0],
            [0, 0]],
    <BLANKLINE>
           [[0, 0],
            [0, 8]]])
    """
    plan, a, places = planned(3, x, indices, kernel_size, stride, padding, output_size, layout, channel_axis)
    return _run.max_unpool(plan, a, places, out)


__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]
