"""Gradients of maximum pools and of max unpooling, by the indices that the pools return."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_pooling as _plan
from convlab._run import grad_pooling as _run
from convlab._spec import arguments as _spec
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, Shape, Sizes


def _scatter(
    axes: int, grad_output: Any, indices: Any, input_size: Any, out: Any, *options: Any
) -> NDArray[np.float32]:
    g, places = _spec.array("grad_output", grad_output), _spec.array("indices", indices)
    plan = _plan.max_pool(g, None, axes, places.shape, places.dtype, input_size, *options)
    return _run.max_pool(plan, g, places, out)


@described(1)
def max_pool1d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Shape,
    kernel_size: Sizes | None = None,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `max_pool1d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {indices}
    {pool_size}
    kernel_size, stride, padding, dilation, ceil_mode : optional
        The pool's: where the window is given, the shapes are checked. The result does not depend on them.
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
    Each element goes to where its maximum stood. Where windows overlap, elements for one place add up in float32, in
    the order of the pool's output.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.max_pool1d([[1.0, 2.0]], [[1, 1]], (3,))
    array([[0., 3., 0.]], dtype=float32)
    """
    return _scatter(
        1,
        grad_output,
        indices,
        input_size,
        out,
        kernel_size,
        stride,
        padding,
        dilation,
        ceil_mode,
        layout,
        channel_axis,
    )


@described(1)
def adaptive_max_pool1d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Shape,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `adaptive_max_pool1d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {indices}
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
    Each element goes to where its maximum stood. Where windows overlap, elements for one place add up in float32, in
    the order of the pool's output.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.adaptive_max_pool1d([[1.0, 2.0]], [[1, 1]], (3,))
    array([[0., 3., 0.]], dtype=float32)
    """
    return _scatter(1, grad_output, indices, input_size, out, None, None, 0, 1, False, layout, channel_axis)


@described(2)
def max_pool2d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Shape,
    kernel_size: Sizes | None = None,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `max_pool2d` with respect to its input, also of `min_pool2d`.

    Parameters
    ----------
    {grad_output}
    {indices}
    {pool_size}
    kernel_size, stride, padding, dilation, ceil_mode : optional
        The pool's: where the window is given, the shapes are checked. The result does not depend on them.
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
    Each element goes to where its maximum stood. Where windows overlap, elements for one place add up in float32, in
    the order of the pool's output.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.max_pool2d([[1.0, 2.0]], [[1, 1]], (1, 3))
    array([[0., 3., 0.]], dtype=float32)
    """
    return _scatter(
        2,
        grad_output,
        indices,
        input_size,
        out,
        kernel_size,
        stride,
        padding,
        dilation,
        ceil_mode,
        layout,
        channel_axis,
    )


@described(2)
def adaptive_max_pool2d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Shape,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `adaptive_max_pool2d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {indices}
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
    Each element goes to where its maximum stood. Where windows overlap, elements for one place add up in float32, in
    the order of the pool's output.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.adaptive_max_pool2d([[1.0, 2.0]], [[1, 1]], (1, 3))
    array([[0., 3., 0.]], dtype=float32)
    """
    return _scatter(2, grad_output, indices, input_size, out, None, None, 0, 1, False, layout, channel_axis)


@described(3)
def max_pool3d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Shape,
    kernel_size: Sizes | None = None,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `max_pool3d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {indices}
    {pool_size}
    kernel_size, stride, padding, dilation, ceil_mode : optional
        The pool's: where the window is given, the shapes are checked. The result does not depend on them.
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
    Each element goes to where its maximum stood. Where windows overlap, elements for one place add up in float32, in
    the order of the pool's output.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.max_pool3d([[[1.0, 2.0]]], [[[1, 1]]], (1, 1, 3))
    array([[[0., 3., 0.]]], dtype=float32)
    """
    return _scatter(
        3,
        grad_output,
        indices,
        input_size,
        out,
        kernel_size,
        stride,
        padding,
        dilation,
        ceil_mode,
        layout,
        channel_axis,
    )


@described(3)
def adaptive_max_pool3d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Shape,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `adaptive_max_pool3d` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {indices}
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
    Each element goes to where its maximum stood. Where windows overlap, elements for one place add up in float32, in
    the order of the pool's output.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.adaptive_max_pool3d([[[1.0, 2.0]]], [[[1, 1]]], (1, 1, 3))
    array([[[0., 3., 0.]]], dtype=float32)
    """
    return _scatter(3, grad_output, indices, input_size, out, None, None, 0, 1, False, layout, channel_axis)


__all__ = [
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip
