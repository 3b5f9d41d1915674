"""Gradients of pools over whole planes and volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_pooling as _plan
from convlab._run import grad_pooling as _run
from convlab._spec import arguments as _spec
from convlab.typing import PoolLayout, Shape


@described(2)
def global_avg_pool(
    grad_output: ArrayLike,
    input_size: Shape,
    *,
    layout: PoolLayout | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `global_avg_pool` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {pool_size}
    layout : str, optional
        As the pool's: "NHWC" where channels lie innermost.
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
    Each element is divided by the number of a plane's elements, which all get the quotient.

    Source: M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014, section 3.2.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.global_avg_pool([[[[6.0]]]], (1, 1, 1, 3))
    array([[[[2., 2., 2.]]]], dtype=float32)
    """
    g = _spec.array("grad_output", grad_output)
    return _run.spread(_plan.global_avg_pool(g, None, input_size, layout, channel_axis), g, out)


@described(2)
def global_max_pool(
    grad_output: ArrayLike,
    input: ArrayLike,
    *,
    layout: PoolLayout | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `global_max_pool` with respect to its input.

    Parameters
    ----------
    {grad_output}
    input : array_like
        The pool's input: where its maxima stand is looked for again.
    layout : str, optional
        As the pool's: "NHWC" where channels lie innermost.
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
    Each element goes to the first of its plane's maxima; if there is NaN, to the last NaN.

    Source: M. Oquab, L. Bottou, I. Laptev and J. Sivic, "Is object localization for free? Weakly-supervised learning
    with convolutional neural networks", CVPR 2015, pp. 685-694.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.global_max_pool([[[[6.0]]]], [[[[1.0, 3.0, 3.0]]]])
    array([[[[0., 6., 0.]]]], dtype=float32)
    """
    g, a = _spec.array("grad_output", grad_output), _spec.array("input", input)
    plan = _plan.global_max_pool(a, None, g.shape, g.dtype, layout, channel_axis)
    return _run.global_max_pool(plan, g, a, out)


@described(2)
def global_lp_pool(
    grad_output: ArrayLike,
    input: ArrayLike,
    output: ArrayLike,
    norm_type: float = 2,
    *,
    layout: PoolLayout | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `global_lp_pool` with respect to its input.

    Parameters
    ----------
    {grad_output}
    {input}
    {output}
    {norm_type}
    layout : str, optional
        As the pool's: "NHWC" where channels lie innermost.
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
    As `lp_pool2d` with a window that is the whole plane.

    Source: P. Sermanet, S. Chintala and Y. LeCun, "Convolutional neural networks applied to house numbers digit
    classification", ICPR 2012, pp. 3288-3291.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.global_lp_pool([[[[10.0]]]], [[[[3.0, -4.0]]]], [[[[5.0]]]])
    array([[[[ 6., -8.]]]], dtype=float32)
    """
    g, a, y = _spec.array("grad_output", grad_output), _spec.array("input", input), _spec.array("output", output)
    plan = _plan.global_lp_pool(a, None, g.shape, g.dtype, y.shape, y.dtype, norm_type, layout, channel_axis)
    return _run.lp_pool(plan, g, a, y, out)


__all__ = ["global_avg_pool", "global_lp_pool", "global_max_pool"]
