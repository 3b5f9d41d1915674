"""Gradients of Lp pools."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_pooling as _plan
from convlab._run import grad_pooling as _run
from convlab._spec import arguments as _spec
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, Sizes


def _pool(axes: int, grad_output: Any, x: Any, output: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g, a, y = _spec.array("grad_output", grad_output), _spec.array("input", x), _spec.array("output", output)
    plan = _plan.lp_pool(a, None, axes, g.shape, g.dtype, y.shape, y.dtype, *options)
    return _run.lp_pool(plan, g, a, y, out)


@described(1)
def lp_pool1d(
    grad_output: ArrayLike,
    input: ArrayLike,
    output: ArrayLike,
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
    """Compute the gradient of `lp_pool1d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {input}
    {output}
    {norm_type}
    {kernel_size}
    {stride}
    {ceil_mode}
    {padding}
    {dilation}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of `input`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_input = sign(x) * |x| ** (p - 1) * sum over windows of grad_output / output ** (p - 1)``. A window whose norm
    is 0 has no derivative and gives nothing. For p infinite each element goes to the first of its window's largest
    absolute values, with its sign.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.lp_pool1d([10.0], [3.0, -4.0], [5.0], 2, 2)
    array([ 6., -8.], dtype=float32)
    """
    return _pool(
        1, grad_output, input, output, out, norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout,
        channel_axis,
    )  # fmt: skip


@described(2)
def lp_pool2d(
    grad_output: ArrayLike,
    input: ArrayLike,
    output: ArrayLike,
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
    """Compute the gradient of `lp_pool2d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {input}
    {output}
    {norm_type}
    {kernel_size}
    {stride}
    {ceil_mode}
    {padding}
    {dilation}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of `input`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_input = sign(x) * |x| ** (p - 1) * sum over windows of grad_output / output ** (p - 1)``. A window whose norm
    is 0 has no derivative and gives nothing. For p infinite each element goes to the first of its window's largest
    absolute values, with its sign.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.lp_pool2d([[10.0]], [[3.0, -4.0]], [[5.0]], 2, (1, 2))
    array([[ 6., -8.]], dtype=float32)
    """
    return _pool(
        2, grad_output, input, output, out, norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout,
        channel_axis,
    )  # fmt: skip


@described(3)
def lp_pool3d(
    grad_output: ArrayLike,
    input: ArrayLike,
    output: ArrayLike,
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
    """Compute the gradient of `lp_pool3d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {input}
    {output}
    {norm_type}
    {kernel_size}
    {stride}
    {ceil_mode}
    {padding}
    {dilation}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of `input`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_input = sign(x) * |x| ** (p - 1) * sum over windows of grad_output / output ** (p - 1)``. A window whose norm
    is 0 has no derivative and gives nothing. For p infinite each element goes to the first of its window's largest
    absolute values, with its sign.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.lp_pool3d([[[10.0]]], [[[3.0, -4.0]]], [[[5.0]]], 2, (1, 1, 2))
    array([[[ 6., -8.]]], dtype=float32)
    """
    return _pool(
        3, grad_output, input, output, out, norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout,
        channel_axis,
    )  # fmt: skip


__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d"]
