"""Gradients of activations, from their output or a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import grad_activations as _plan
from convlab._run import grad_activations as _run
from convlab._spec import arguments as _spec


def _activation(grad_output: Any, output: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g, y = _spec.array("grad_output", grad_output), _spec.array("output", output)
    return _run.activation(_plan.activation(g, None, y.shape, y.dtype, *options), g, y, out)


def relu(
    grad_output: ArrayLike,
    output: ArrayLike,
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of max(x, 0) with respect to its input.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the activation's output.
    output : array_like, shape of `grad_output`
        The activation's output; or a mask of bool: true where elements pass.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.

    Returns
    -------
    ndarray of float32
        Of the shape of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, number or `out`.

    Notes
    -----
    Elements pass where the output is above 0, or NaN; elsewhere the gradient is 0.

    Source: V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010,
    pp. 807-814.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.relu([1.0, 2.0, 3.0], [0.0, 5.0, 0.5])
    array([0., 2., 3.], dtype=float32)
    """
    return _activation(grad_output, output, out, 0.0, None, 0.0)


def relu6(
    grad_output: ArrayLike,
    output: ArrayLike,
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of min(max(x, 0), 6) with respect to its input.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the activation's output.
    output : array_like, shape of `grad_output`
        The activation's output; or a mask of bool: true where elements pass.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.

    Returns
    -------
    ndarray of float32
        Of the shape of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, number or `out`.

    Notes
    -----
    Elements pass where the output is between 0 and 6 and neither, or NaN; elsewhere the gradient is 0.

    Source: A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010, section 3.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.relu6([1.0, 2.0, 3.0], [0.0, 5.0, 6.0])
    array([0., 2., 0.], dtype=float32)
    """
    return _activation(grad_output, output, out, 0.0, 6.0, 0.0)


def leaky_relu(
    grad_output: ArrayLike,
    output: ArrayLike,
    negative_slope: float = 0.01,
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of x where it is above 0 and x * negative_slope elsewhere with respect to its input.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the activation's output.
    output : array_like, shape of `grad_output`
        The activation's output; or a mask of bool: true where elements pass as they are.
    negative_slope : float
        What a negative input is multiplied by, not below 0 where the output is given: it must have the input's sign.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.

    Returns
    -------
    ndarray of float32
        Of the shape of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, number or `out`.

    Notes
    -----
    Elements pass where the output is above 0, or NaN; elsewhere they are multiplied by the slope.

    Source: A. L. Maas, A. Y. Hannun and A. Y. Ng, "Rectifier nonlinearities improve neural network acoustic models",
    ICML 2013.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.leaky_relu([1.0, 2.0], [-0.5, 5.0], 0.5)
    array([0.5, 2. ], dtype=float32)
    """
    return _activation(grad_output, output, out, 0.0, None, negative_slope)


def clip(
    grad_output: ArrayLike,
    output: ArrayLike,
    low: float | None = None,
    high: float | None = None,
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of min(max(x, low), high) with respect to its input.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the activation's output.
    output : array_like, shape of `grad_output`
        The activation's output; or a mask of bool: true where elements pass.
    low, high : float, optional
        The limits; None is no limit.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.

    Returns
    -------
    ndarray of float32
        Of the shape of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, number or `out`.

    Notes
    -----
    Elements pass where the output lies between the limits and at neither, or is NaN; elsewhere the gradient is 0: an
    output at a limit does not say whether its input was beyond it.

    Source: V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010,
    pp. 807-814.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.clip([1.0, 2.0, 3.0], [0.0, 5.0, 255.0], 0, 255)
    array([0., 2., 0.], dtype=float32)
    """
    return _activation(grad_output, output, out, low, high, 0.0)


__all__ = ["clip", "leaky_relu", "relu", "relu6"]
