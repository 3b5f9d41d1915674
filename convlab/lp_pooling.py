"""Pools over lines, images and volumes: the norm of each window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import pooling as _plan
from convlab._plan.plan import Plan
from convlab._run import pooling as _run
from convlab._spec import arguments as _spec
from convlab._spec.pooling import Pool
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, Sizes


def planned(
    axes: int, x: ArrayLike, norm_type: object, kernel_size: object, stride: object, ceil_mode: object, padding: object,
    dilation: object, layout: object, channel_axis: object,
) -> tuple[Plan[Pool], NDArray[Any]]:  # fmt: skip
    """Return the plan and array of an lp_pool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    plan = _plan.pool(
        a, None, "lp", axes, kernel_size, stride, padding, dilation, ceil_mode, True, None, layout, channel_axis,
        norm_type,
    )  # fmt: skip
    return plan, a


@described(1)
def lp_pool1d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
    *,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Take the p-norm of each window: the p-th root of the sum of |x| ** p.

    Parameters
    ----------
    {x}
    {norm_type}
    {kernel_size}
    {stride}
    {ceil_mode}
    {padding}
    {dilation}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        As many elements on each axis as a maximum pool has.

    Raises
    ------
    {raises}

    Notes
    -----
    Absolute values are taken, which PyTorch's ``lp_pool1d`` leaves out for odd p; a window cut by the end of the array
    is the norm of what it holds, where PyTorch scales it as if it were whole. Padding counts as zeros.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.lp_pool1d(np.array([[3.0, -4.0]]), 2, 2)
    array([[5.]], dtype=float32)
    """
    plan, a = planned(1, x, norm_type, kernel_size, stride, ceil_mode, padding, dilation, layout, channel_axis)
    return _run.pool(plan, a, out)


@described(2)
def lp_pool2d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
    *,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Take the p-norm of each window: the p-th root of the sum of |x| ** p.

    Parameters
    ----------
    {x}
    {norm_type}
    {kernel_size}
    {stride}
    {ceil_mode}
    {padding}
    {dilation}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        As many elements on each axis as a maximum pool has.

    Raises
    ------
    {raises}

    Notes
    -----
    Absolute values are taken, which PyTorch's ``lp_pool2d`` leaves out for odd p; a window cut by the end of the array
    is the norm of what it holds, where PyTorch scales it as if it were whole. Padding counts as zeros.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.lp_pool2d(np.array([[3.0, -4.0], [0.0, 0.0]]), 2, 2)
    array([[5.]], dtype=float32)
    """
    plan, a = planned(2, x, norm_type, kernel_size, stride, ceil_mode, padding, dilation, layout, channel_axis)
    return _run.pool(plan, a, out)


@described(3)
def lp_pool3d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
    *,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Take the p-norm of each window: the p-th root of the sum of |x| ** p.

    Parameters
    ----------
    {x}
    {norm_type}
    {kernel_size}
    {stride}
    {ceil_mode}
    {padding}
    {dilation}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        As many elements on each axis as a maximum pool has.

    Raises
    ------
    {raises}

    Notes
    -----
    Absolute values are taken, which PyTorch's ``lp_pool3d`` leaves out for odd p; a window cut by the end of the array
    is the norm of what it holds, where PyTorch scales it as if it were whole. Padding counts as zeros.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.lp_pool3d(np.array([[[3.0, -4.0]], [[0.0, 0.0]]]), 2, (2, 1, 2))
    array([[[5.]]], dtype=float32)
    """
    plan, a = planned(3, x, norm_type, kernel_size, stride, ceil_mode, padding, dilation, layout, channel_axis)
    return _run.pool(plan, a, out)


__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d"]
