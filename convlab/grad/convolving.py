"""Gradients of convolutions, with the names and arguments of ``torch.nn.grad``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import grad_convolving as _plan
from convlab._run import grad_convolving as _run
from convlab._spec import arguments as _spec
from convlab.typing import ConvLayout1d, ConvPadding, Layout2d, Layout3d, PaddingMode, Precision, Shape, Sizes


def _input(axes: int, input_size: Any, weight: Any, grad_output: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    g, w = _spec.array("grad_output", grad_output), _spec.array("weight", weight)
    return _run.conv_input(_plan.conv_input(g, None, axes, input_size, w.shape, w.dtype, *options), g, w, out)


def _weight(axes: int, x: Any, weight_size: Any, grad_output: Any, out: Any, *options: Any) -> NDArray[np.float32]:
    a, g = _spec.array("input", x), _spec.array("grad_output", grad_output)
    return _run.conv_weight(_plan.conv_weight(a, None, axes, _plan.layout_of(g), weight_size, *options), a, g, out)


@described(1)
def conv1d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: ConvLayout1d = "NCW",
    precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv1d` with respect to its input.

    Parameters
    ----------
    {input_size}
    {weight}
    {grad_output}
    {conv_stride}
    {conv_padding}
    {conv_dilation}
    {groups}
    {padding_mode}
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
    ``grad_input[c, i] = sum over m, o and a with o * stride + a * dilation = i + padding of weight[m, c, a] *
    grad_output[m, o]``: the transposed convolution of `grad_output`. Sums start at 0 and run over m, then a backwards,
    one fused multiply-add each, unless `precision` lets an algorithm be taken that rounds otherwise. Beside the result
    at most 64 MB are needed, and, where `padding_mode` repeats pixels, one image with its border.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv1d_input((1, 1, 3), [[[1.0, 10.0]]], [[[1.0, 2.0]]])
    array([[[ 1., 12., 20.]]], dtype=float32)
    """
    return _input(
        1, input_size, weight, grad_output, out, stride, padding, dilation, groups, padding_mode, layout, precision
    )


@described(1)
def conv1d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: ConvLayout1d = "NCW",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv1d` with respect to its weights.

    Parameters
    ----------
    {input}
    {weight_size}
    {grad_output}
    {conv_stride}
    {conv_padding}
    {conv_dilation}
    {groups}
    {padding_mode}
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
    ``grad_weight[m, c, a] = sum over n and o of grad_output[n, m, o] * x[n, c, o * stride + a * dilation - padding]``.
    The terms are cut into blocks of at most 512, in the order of images, rows and columns. A block is summed in
    float32, one fused multiply-add for each term, and the blocks in double: so the error is at most 513 * 2 ** -24
    times the sum of the terms' absolute values, however many images there are. The order depends on the sizes and
    options alone. Beside the result at most 32 MB are needed, if rows are shorter than a million elements; arrays that
    are not of float32 are converted as a whole.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv1d_weight([[[1.0, 2.0, 3.0]]], (1, 1, 2), [[[1.0, 10.0]]])
    array([[[21., 32.]]], dtype=float32)
    """
    return _weight(1, input, weight_size, grad_output, out, stride, padding, dilation, groups, padding_mode, layout)


@described(2)
def conv2d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout2d = "NCHW",
    precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv2d` with respect to its input.

    Parameters
    ----------
    {input_size}
    {weight}
    {grad_output}
    {conv_stride}
    {conv_padding}
    {conv_dilation}
    {groups}
    {padding_mode}
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
    ``grad_input[c, i] = sum over m, o and a with o * stride + a * dilation = i + padding of weight[m, c, a] *
    grad_output[m, o]``: the transposed convolution of `grad_output`. Sums start at 0 and run over m, then a backwards,
    one fused multiply-add each, unless `precision` lets an algorithm be taken that rounds otherwise. Beside the result
    at most 64 MB are needed, and, where `padding_mode` repeats pixels, one image with its border.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv2d_input((1, 1, 2, 2), [[[[1.0, 10.0]]]], [[[[1.0], [2.0]]]])
    array([[[[ 1., 10.],
             [ 2., 20.]]]], dtype=float32)
    """
    return _input(
        2, input_size, weight, grad_output, out, stride, padding, dilation, groups, padding_mode, layout, precision
    )


@described(2)
def conv2d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout2d = "NCHW",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv2d` with respect to its weights.

    Parameters
    ----------
    {input}
    {weight_size}
    {grad_output}
    {conv_stride}
    {conv_padding}
    {conv_dilation}
    {groups}
    {padding_mode}
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
    ``grad_weight[m, c, a] = sum over n and o of grad_output[n, m, o] * x[n, c, o * stride + a * dilation - padding]``.
    The terms are cut into blocks of at most 512, in the order of images, rows and columns. A block is summed in
    float32, one fused multiply-add for each term, and the blocks in double: so the error is at most 513 * 2 ** -24
    times the sum of the terms' absolute values, however many images there are. The order depends on the sizes and
    options alone. Beside the result at most 32 MB are needed, if rows are shorter than a million elements; arrays that
    are not of float32 are converted as a whole.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv2d_weight([[[[1.0, 2.0], [3.0, 4.0]]]], (1, 1, 1, 2), [[[[1.0], [10.0]]]])
    array([[[[31., 42.]]]], dtype=float32)
    """
    return _weight(2, input, weight_size, grad_output, out, stride, padding, dilation, groups, padding_mode, layout)


@described(3)
def conv3d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout3d = "NCDHW",
    precision: Precision = "fast",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv3d` with respect to its input.

    Parameters
    ----------
    {input_size}
    {weight}
    {grad_output}
    {conv_stride}
    {conv_padding}
    {conv_dilation}
    {groups}
    {padding_mode}
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
    ``grad_input[c, i] = sum over m, o and a with o * stride + a * dilation = i + padding of weight[m, c, a] *
    grad_output[m, o]``: the transposed convolution of `grad_output`. Sums start at 0 and run over m, then a backwards,
    one fused multiply-add each, unless `precision` lets an algorithm be taken that rounds otherwise. Beside the result
    at most 64 MB are needed, and, where `padding_mode` repeats pixels, one image with its border.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv3d_input((1, 1, 1, 1, 2), [[[[[1.0, 10.0]]]]], [[[[[3.0]]]]])
    array([[[[[ 3., 30.]]]]], dtype=float32)
    """
    return _input(
        3, input_size, weight, grad_output, out, stride, padding, dilation, groups, padding_mode, layout, precision
    )


@described(3)
def conv3d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout3d = "NCDHW",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `conv3d` with respect to its weights.

    Parameters
    ----------
    {input}
    {weight_size}
    {grad_output}
    {conv_stride}
    {conv_padding}
    {conv_dilation}
    {groups}
    {padding_mode}
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
    ``grad_weight[m, c, a] = sum over n and o of grad_output[n, m, o] * x[n, c, o * stride + a * dilation - padding]``.
    The terms are cut into blocks of at most 512, in the order of images, rows and columns. A block is summed in
    float32, one fused multiply-add for each term, and the blocks in double: so the error is at most 513 * 2 ** -24
    times the sum of the terms' absolute values, however many images there are. The order depends on the sizes and
    options alone. Beside the result at most 32 MB are needed, if rows are shorter than a million elements; arrays that
    are not of float32 are converted as a whole.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv3d_weight([[[[[1.0, 2.0, 3.0]]]]], (1, 1, 1, 1, 2), [[[[[1.0, 10.0]]]]])
    array([[[[[21., 32.]]]]], dtype=float32)
    """
    return _weight(3, input, weight_size, grad_output, out, stride, padding, dilation, groups, padding_mode, layout)


__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]
