"""Gradients of transposed convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_convolving as _plan
from convlab._run import grad_convolving as _run
from convlab._spec import arguments as _spec
from convlab.typing import ConvLayout1d, Layout2d, Layout3d, Precision, Shape, Sizes


def _input(axes: int, input_size: Any, weight: Any, grad_output: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g, w = _spec.array("grad_output", grad_output), _spec.array("weight", weight)
    return _run.transpose_input(_plan.transpose_input(g, None, axes, input_size, w.shape, w.dtype, *options), g, w, out)


def _weight(axes: int, x: Any, weight_size: Any, grad_output: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    a, g = _spec.array("input", x), _spec.array("grad_output", grad_output)
    plan = _plan.transpose_weight(g, None, axes, _plan.layout_of(a), weight_size, *options)
    return _run.transpose_weight(plan, a, g, out)


@described(1)
def conv_transpose1d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    layout: ConvLayout1d = "NCW",
    precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv_transpose1d` with respect to its input.

    Parameters
    ----------
    {input_size}
    {weight}
    {grad_output}
    {conv_stride}
    {transpose_padding}
    {groups}
    {conv_dilation}
    {conv_layout}
    {precision}
    {out32}

    Returns
    -------
    ndarray of float32
        Of shape `input_size`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_input[c, i] = sum over m and a of weight[c, m, a] * grad_output[m, i * stride + a * dilation - padding]``:
    the convolution of `grad_output` with the same weights. Its shape says what the output's padding is.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_transpose1d_input((1, 1, 2), [[[1.0, 10.0]]], [[[1.0, 2.0, 3.0]]])
    array([[[21., 32.]]], dtype=float32)
    """
    return _input(1, input_size, weight, grad_output, out, stride, padding, groups, dilation, layout, precision)


@described(1)
def conv_transpose1d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    layout: ConvLayout1d = "NCW",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv_transpose1d` with respect to its weights.

    Parameters
    ----------
    {input}
    {weight_size}
    {grad_output}
    {conv_stride}
    {transpose_padding}
    {groups}
    {conv_dilation}
    {conv_layout}
    {out32}

    Returns
    -------
    ndarray of float32
        Of shape `weight_size`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_weight[c, m, a] = sum over n and i of x[n, c, i] * grad_output[n, m, i * stride + a * dilation - padding]``,
    in the order and within the error of `conv1d_weight`.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_transpose1d_weight([[[1.0, 10.0]]], (1, 1, 2), [[[1.0, 2.0, 3.0]]])
    array([[[21., 32.]]], dtype=float32)
    """
    return _weight(1, input, weight_size, grad_output, out, stride, padding, groups, dilation, layout)


@described(2)
def conv_transpose2d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    layout: Layout2d = "NCHW",
    precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv_transpose2d` with respect to its input.

    Parameters
    ----------
    {input_size}
    {weight}
    {grad_output}
    {conv_stride}
    {transpose_padding}
    {groups}
    {conv_dilation}
    {conv_layout}
    {precision}
    {out32}

    Returns
    -------
    ndarray of float32
        Of shape `input_size`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_input[c, i] = sum over m and a of weight[c, m, a] * grad_output[m, i * stride + a * dilation - padding]``:
    the convolution of `grad_output` with the same weights. Its shape says what the output's padding is.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_transpose2d_input((1, 1, 1, 2), [[[[1.0, 10.0]]]], [[[[1.0, 2.0, 3.0]]]])
    array([[[[21., 32.]]]], dtype=float32)
    """
    return _input(2, input_size, weight, grad_output, out, stride, padding, groups, dilation, layout, precision)


@described(2)
def conv_transpose2d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    layout: Layout2d = "NCHW",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv_transpose2d` with respect to its weights.

    Parameters
    ----------
    {input}
    {weight_size}
    {grad_output}
    {conv_stride}
    {transpose_padding}
    {groups}
    {conv_dilation}
    {conv_layout}
    {out32}

    Returns
    -------
    ndarray of float32
        Of shape `weight_size`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_weight[c, m, a] = sum over n and i of x[n, c, i] * grad_output[n, m, i * stride + a * dilation - padding]``,
    in the order and within the error of `conv2d_weight`.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_transpose2d_weight([[[[1.0, 10.0]]]], (1, 1, 1, 2), [[[[1.0, 2.0, 3.0]]]])
    array([[[[21., 32.]]]], dtype=float32)
    """
    return _weight(2, input, weight_size, grad_output, out, stride, padding, groups, dilation, layout)


@described(3)
def conv_transpose3d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    layout: Layout3d = "NCDHW",
    precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv_transpose3d` with respect to its input.

    Parameters
    ----------
    {input_size}
    {weight}
    {grad_output}
    {conv_stride}
    {transpose_padding}
    {groups}
    {conv_dilation}
    {conv_layout}
    {precision}
    {out32}

    Returns
    -------
    ndarray of float32
        Of shape `input_size`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_input[c, i] = sum over m and a of weight[c, m, a] * grad_output[m, i * stride + a * dilation - padding]``:
    the convolution of `grad_output` with the same weights. Its shape says what the output's padding is.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_transpose3d_input((1, 1, 1, 1, 2), [[[[[1.0, 10.0]]]]], [[[[[1.0, 2.0, 3.0]]]]])
    array([[[[[21., 32.]]]]], dtype=float32)
    """
    return _input(3, input_size, weight, grad_output, out, stride, padding, groups, dilation, layout, precision)


@described(3)
def conv_transpose3d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    layout: Layout3d = "NCDHW",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv_transpose3d` with respect to its weights.

    Parameters
    ----------
    {input}
    {weight_size}
    {grad_output}
    {conv_stride}
    {transpose_padding}
    {groups}
    {conv_dilation}
    {conv_layout}
    {out32}

    Returns
    -------
    ndarray of float32
        Of shape `weight_size`.

    Raises
    ------
    {gradient_raises}

    Notes
    -----
    ``grad_weight[c, m, a] = sum over n and i of x[n, c, i] * grad_output[n, m, i * stride + a * dilation - padding]``,
    in the order and within the error of `conv3d_weight`.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_transpose3d_weight([[[[[1.0, 10.0]]]]], (1, 1, 1, 1, 2), [[[[[1.0, 2.0, 3.0]]]]])
    array([[[[[21., 32.]]]]], dtype=float32)
    """
    return _weight(3, input, weight_size, grad_output, out, stride, padding, groups, dilation, layout)


__all__ = [
    "conv_transpose1d_input", "conv_transpose1d_weight", "conv_transpose2d_input", "conv_transpose2d_weight",
    "conv_transpose3d_input", "conv_transpose3d_weight",
]  # fmt: skip
