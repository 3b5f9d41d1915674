"""Transposed convolutions of tensors: each element is spread over a window of the output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import convolving as _plan
from convlab._plan.convolving import TransposePlan
from convlab._run import convolving as _run
from convlab._spec import arguments as _spec
from convlab.typing import Activation, ConvAlgorithm, ConvLayout1d, Layout2d, Layout3d, Sizes


def planned(
    axes: int, x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, *options: object
) -> tuple[TransposePlan, NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Return the plan, input, weights and bias of a transposed convolution."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    w = weight if type(weight) is np.ndarray else _spec.array("weight", weight)
    b = bias if bias is None or type(bias) is np.ndarray else _spec.array("bias", bias)
    of_bias = (None, None) if b is None else (b.shape, b.dtype)
    return _plan.conv_transpose(a, None, axes, w.shape, w.dtype, *of_bias, *options), a, w, b


def conv_transpose1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    output_size: Sizes | None = None,
    activation: Activation | None = None,
    layout: ConvLayout1d = "NCW",
    algorithm: ConvAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Spread signals of several channels over larger ones: the transpose of `conv1d`.

    Parameters
    ----------
    x : array_like, shape (N, C, W) or (C, W); with layout="NWC" C is last
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    weight : array_like, shape (C, M / groups, kw)
        The kernels; the input's channels come first, as in PyTorch.
    bias : array_like, shape (M,), optional
        Added to each output channel.
    stride : int
        From window to window of the output.
    padding : int
        What is left out of the output on each side.
    output_padding : int
        What is added to the output at the end, less than stride or dilation.
    groups : int
        Channels are cut into so many parts, which do not see each other.
    dilation : int
        From tap to tap.
    output_size : int, optional
        The output's size, in place of `output_padding`.
    activation, workspace_limit
        As `conv2d`.
    algorithm : str, optional
        "gemm", in place of what the plan would choose.
    layout : {"NCW", "NWC"}
        The order of the axes of `x` and of the result.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray of float32
        Of M channels; W' = (W - 1) * stride - 2 * padding + (kw - 1) * dilation + output_padding + 1.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`; an output_size that no output_padding gives.

    Notes
    -----
    The outputs fall into stride parts along each axis, and each part is an ordinary convolution with some of the taps:
    no zeros are multiplied but those beyond the input's edges, where a weight of NaN or infinity gives NaN.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.conv_transpose1d([[1.0, 2.0]], [[[1.0, 10.0]]], stride=2)
    array([[ 1., 10.,  2., 20.]], dtype=float32)
    """
    plan, a, w, b = planned(
        1, x, weight, bias, stride, padding, output_padding, groups, dilation, output_size, activation, layout,
        algorithm, workspace_limit,
    )  # fmt: skip
    return _run.conv_transpose(plan, a, w, b, out)


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    output_size: Sizes | None = None,
    activation: Activation | None = None,
    layout: Layout2d = "NCHW",
    algorithm: ConvAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Spread images of several channels over larger ones: the transpose of `conv2d`.

    Parameters
    ----------
    x : array_like, shape (N, C, H, W) or (C, H, W); with layout="NHWC" C is last
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    weight : array_like, shape (C, M / groups, kh, kw)
        The kernels; the input's channels come first, as in PyTorch.
    bias : array_like, shape (M,), optional
        Added to each output channel.
    stride : int or (rows, columns)
        From window to window of the output.
    padding : int or (rows, columns)
        What is left out of the output on each side.
    output_padding : int or (rows, columns)
        What is added to the output at the end, less than stride or dilation.
    groups : int
        Channels are cut into so many parts, which do not see each other.
    dilation : int or (rows, columns)
        From tap to tap.
    output_size : int or (rows, columns), optional
        The output's size, in place of `output_padding`.
    activation, workspace_limit
        As `conv2d`.
    algorithm : str, optional
        "gemm", in place of what the plan would choose.
    layout : {"NCHW", "NHWC"}
        The order of the axes of `x` and of the result.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray of float32
        Of M channels; H' = (H - 1) * stride - 2 * padding + (kh - 1) * dilation + output_padding + 1, W' likewise.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`; an output_size that no output_padding gives.

    Notes
    -----
    The outputs fall into stride parts along each axis, and each part is an ordinary convolution with some of the taps:
    no zeros are multiplied but those beyond the input's edges, where a weight of NaN or infinity gives NaN.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.conv_transpose2d([[[1.0, 2.0]]], np.ones((1, 1, 2, 2)), stride=2)
    array([[[1., 1., 2., 2.],
            [1., 1., 2., 2.]]], dtype=float32)
    """
    plan, a, w, b = planned(
        2, x, weight, bias, stride, padding, output_padding, groups, dilation, output_size, activation, layout,
        algorithm, workspace_limit,
    )  # fmt: skip
    return _run.conv_transpose(plan, a, w, b, out)


def conv_transpose3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    output_size: Sizes | None = None,
    activation: Activation | None = None,
    layout: Layout3d = "NCDHW",
    algorithm: ConvAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Spread volumes of several channels over larger ones: the transpose of `conv3d`.

    Parameters
    ----------
    x : array_like, shape (N, C, D, H, W) or (C, D, H, W); with layout="NDHWC" C is last
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    weight : array_like, shape (C, M / groups, kd, kh, kw)
        The kernels; the input's channels come first, as in PyTorch.
    bias : array_like, shape (M,), optional
        Added to each output channel.
    stride : int or (depth, rows, columns)
        From window to window of the output.
    padding : int or (depth, rows, columns)
        What is left out of the output on each side.
    output_padding : int or (depth, rows, columns)
        What is added to the output at the end, less than stride or dilation.
    groups : int
        Channels are cut into so many parts, which do not see each other.
    dilation : int or (depth, rows, columns)
        From tap to tap.
    output_size : int or (depth, rows, columns), optional
        The output's size, in place of `output_padding`.
    activation, workspace_limit
        As `conv2d`.
    algorithm : str, optional
        "gemm", in place of what the plan would choose.
    layout : {"NCDHW", "NDHWC"}
        The order of the axes of `x` and of the result.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray of float32
        Of M channels; D' = (D - 1) * stride - 2 * padding + (kd - 1) * dilation + output_padding + 1, H', W' likewise.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`; an output_size that no output_padding gives.

    Notes
    -----
    The outputs fall into stride parts along each axis, and each part is an ordinary convolution with some of the taps:
    no zeros are multiplied but those beyond the input's edges, where a weight of NaN or infinity gives NaN.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.conv_transpose3d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1, 2)), stride=2)
    array([[[[1., 1.]]]], dtype=float32)
    """
    plan, a, w, b = planned(
        3, x, weight, bias, stride, padding, output_padding, groups, dilation, output_size, activation, layout,
        algorithm, workspace_limit,
    )  # fmt: skip
    return _run.conv_transpose(plan, a, w, b, out)


__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
