"""Pools over lines, images and volumes: the norm of each window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import pooling as _plan
from convlab._run import pooling as _run
from convlab._spec import arguments as _spec
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, Sizes


def _pool(operation: str, axes: int, x: Any, out: Any, *options: Any) -> NDArray[Any]:
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    result: NDArray[Any] = _run.pool(_plan.pool(a, None, operation, axes, *options), a, out)
    return result


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
    return _pool(

        "lp", 1, x, out, kernel_size, stride, padding, dilation, ceil_mode, True, None, layout, channel_axis, norm_type
    )  # fmt: skip


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
    return _pool(

        "lp", 2, x, out, kernel_size, stride, padding, dilation, ceil_mode, True, None, layout, channel_axis, norm_type
    )  # fmt: skip


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
    return _pool(

        "lp", 3, x, out, kernel_size, stride, padding, dilation, ceil_mode, True, None, layout, channel_axis, norm_type
    )  # fmt: skip


__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d"]
