"""Gradients of max unpooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_pooling as _plan
from convlab._run import grad_pooling as _run
from convlab._spec import arguments as _spec
from convlab.typing import Layout2d, Layout3d, PoolLayout1d


def _gather(axes: int, grad_output: Any, indices: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g, places = _spec.array("grad_output", grad_output), _spec.array("indices", indices)
    return _run.max_unpool(_plan.max_unpool(g, None, axes, places.shape, places.dtype, *options), g, places, out)


@described(1)
def max_unpool1d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `max_unpool1d` with respect to its values.

    Parameters
    ----------
    {grad_output}
    indices : array_like of integers
        Where each value was put in its plane.
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of `indices`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Each element is taken from where its value was put; of several values for one place each takes it, as in PyTorch.

    Source: M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive deconvolutional networks for mid and high level feature
    learning", ICCV 2011, pp. 2018-2025.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.max_unpool1d([[1.0, 2.0, 3.0, 4.0]], [[1, 3]])
    array([[2., 4.]], dtype=float32)
    """
    return _gather(1, grad_output, indices, out, layout, channel_axis)


@described(2)
def max_unpool2d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `max_unpool2d` with respect to its values.

    Parameters
    ----------
    {grad_output}
    indices : array_like of integers
        Where each value was put in its plane.
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of `indices`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Each element is taken from where its value was put; of several values for one place each takes it, as in PyTorch.

    Source: M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive deconvolutional networks for mid and high level feature
    learning", ICCV 2011, pp. 2018-2025.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.max_unpool2d([[1.0, 2.0], [3.0, 4.0]], [[3]])
    array([[4.]], dtype=float32)
    """
    return _gather(2, grad_output, indices, out, layout, channel_axis)


@described(3)
def max_unpool3d(
    grad_output: ArrayLike,
    indices: ArrayLike,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `max_unpool3d` with respect to its values.

    Parameters
    ----------
    {grad_output}
    indices : array_like of integers
        Where each value was put in its plane.
    {layout}
    {channel_axis}
    {out32}

    Returns
    -------
    ndarray of float32
        Of the shape of `indices`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    Each element is taken from where its value was put; of several values for one place each takes it, as in PyTorch.

    Source: M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive deconvolutional networks for mid and high level feature
    learning", ICCV 2011, pp. 2018-2025.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.max_unpool3d([[[1.0, 2.0], [3.0, 4.0]]], [[[3]]])
    array([[[4.]]], dtype=float32)
    """
    return _gather(3, grad_output, indices, out, layout, channel_axis)


__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]
