"""Gradients of average pools and adaptive average pools."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_pooling as _plan
from convlab._run import grad_pooling as _run
from convlab._spec import arguments as _spec
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, Shape, Sizes


def _average(axes: int, grad_output: Any, input_size: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g = _spec.array("grad_output", grad_output)
    return _run.spread(_plan.avg_pool(g, None, axes, input_size, *options), g, out)


def _adaptive(axes: int, grad_output: Any, input_size: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g = _spec.array("grad_output", grad_output)
    return _run.spread(_plan.adaptive_avg_pool(g, None, axes, input_size, *options), g, out)


@described(1)
def avg_pool1d(
    grad_output: ArrayLike,
    input_size: Shape,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Sizes = 1,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `avg_pool1d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    {kernel_size}
    {stride}
    {padding}
    {ceil_mode}
    {count_include_pad}
    {divisor_override}
    {dilation}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of the pool's input.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Each element is divided by what its window's mean was divided by, and added to all that the window holds: along a
    row first, and these sums row by row, in float32.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.avg_pool1d([[2.0, 4.0]], (4,), 2)
    array([[1., 1., 2., 2.]], dtype=float32)
    """
    return _average(
        1, grad_output, input_size, out, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad,
        divisor_override, layout, channel_axis,
    )  # fmt: skip


@described(1)
def adaptive_avg_pool1d(
    grad_output: ArrayLike,
    input_size: Shape,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `adaptive_avg_pool1d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of the pool's input.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Output i of an axis is the mean of elements floor(i * n / o) to ceil((i + 1) * n / o) - 1; each of them gets an
    equal share. Shares are added as for `avg_pool1d`.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", arXiv:1406.4729, 2014, section 2.2.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.adaptive_avg_pool1d([[2.0, 4.0]], (3,))
    array([[1., 3., 2.]], dtype=float32)
    """
    return _adaptive(1, grad_output, input_size, out, layout, channel_axis)


@described(2)
def avg_pool2d(
    grad_output: ArrayLike,
    input_size: Shape,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Sizes = 1,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `avg_pool2d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    {kernel_size}
    {stride}
    {padding}
    {ceil_mode}
    {count_include_pad}
    {divisor_override}
    {dilation}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of the pool's input.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Each element is divided by what its window's mean was divided by, and added to all that the window holds: along a
    row first, and these sums row by row, in float32.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.avg_pool2d([[4.0, 8.0]], (2, 4), 2)
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    return _average(
        2, grad_output, input_size, out, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad,
        divisor_override, layout, channel_axis,
    )  # fmt: skip


@described(2)
def adaptive_avg_pool2d(
    grad_output: ArrayLike,
    input_size: Shape,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `adaptive_avg_pool2d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of the pool's input.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Output i of an axis is the mean of elements floor(i * n / o) to ceil((i + 1) * n / o) - 1; each of them gets an
    equal share. Shares are added as for `avg_pool2d`.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", arXiv:1406.4729, 2014, section 2.2.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.adaptive_avg_pool2d([[2.0, 4.0]], (1, 3))
    array([[1., 3., 2.]], dtype=float32)
    """
    return _adaptive(2, grad_output, input_size, out, layout, channel_axis)


@described(3)
def avg_pool3d(
    grad_output: ArrayLike,
    input_size: Shape,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Sizes = 1,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `avg_pool3d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    {kernel_size}
    {stride}
    {padding}
    {ceil_mode}
    {count_include_pad}
    {divisor_override}
    {dilation}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of the pool's input.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Each element is divided by what its window's mean was divided by, and added to all that the window holds: along a
    row first, and these sums row by row, in float32.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.avg_pool3d([[[8.0]]], (2, 2, 2), 2)
    array([[[1., 1.],
            [1., 1.]],
    <BLANKLINE>
           [[1., 1.],
            [1., 1.]]], dtype=float32)
    """
    return _average(
        3, grad_output, input_size, out, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad,
        divisor_override, layout, channel_axis,
    )  # fmt: skip


@described(3)
def adaptive_avg_pool3d(
    grad_output: ArrayLike,
    input_size: Shape,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `adaptive_avg_pool3d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of the pool's input.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Output i of an axis is the mean of elements floor(i * n / o) to ceil((i + 1) * n / o) - 1; each of them gets an
    equal share. Shares are added as for `avg_pool3d`.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", arXiv:1406.4729, 2014, section 2.2.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.adaptive_avg_pool3d([[[2.0, 4.0]]], (1, 1, 3))
    array([[[1., 3., 2.]]], dtype=float32)
    """
    return _adaptive(3, grad_output, input_size, out, layout, channel_axis)


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
]  # fmt: skip
