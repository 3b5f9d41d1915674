"""Convolutions of tensors, as in networks: sums over channels and windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import convolving as _plan
from convlab._plan.convolving import ConvPlan
from convlab._run import convolving as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab.typing import (
    Activation,
    ConvAlgorithm,
    ConvLayout1d,
    ConvPadding,
    Layout2d,
    Layout3d,
    PaddingMode,
    Precision,
    Sizes,
)


def planned(
    axes: int, x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, *options: object
) -> tuple[ConvPlan, NDArray[Any], NDArray[Any], NDArray[Any] | None, None]:
    """Return the plan, input, weights and bias of a convolution, and None: no weights were made ready."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    w = weight if type(weight) is np.ndarray else _spec.array("weight", weight)
    if bias is None:
        return _plan.conv(a, None, axes, w.shape, w.dtype, None, None, *options), a, w, None, None
    b = bias if type(bias) is np.ndarray else _spec.array("bias", bias)
    return _plan.conv(a, None, axes, w.shape, w.dtype, b.shape, b.dtype, *options), a, w, b, None


_conv = entry(planned, _run.conv, "x", "w", "bias", first=1)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    layout: Layout2d = "NCHW",
    precision: Precision = "fast",
    algorithm: ConvAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Convolve images of several channels with many kernels, as a layer of a network does.

    The kernels are not flipped: this is correlation, as in every deep-learning library.

    Parameters
    ----------
    x : array_like, shape (N, C, H, W) or (C, H, W); with layout="NHWC" (N, H, W, C) or (H, W, C)
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    weight : array_like, shape (M, C / groups, kh, kw)
        The kernels, in this order whatever the layout.
    bias : array_like, shape (M,), optional
        Added to each output channel.
    stride : int or (rows, columns)
        From window to window.
    padding : int, (rows, columns), (top, bottom, left, right), "valid", "same" or "same_lower"
        Pixels added on each side. "same" gives ceil(size / stride) outputs for any stride, the odd pixel at the end;
        "same_lower" has it at the start.
    dilation : int or (rows, columns)
        From tap to tap.
    groups : int
        Channels are cut into so many parts, which do not see each other.
    padding_mode : {"zeros", "nearest", "symmetric", "mirror", "wrap"}
        What the padding holds; see `filter2d` for pictures of it.
    activation : {"relu", "relu6", "leaky_relu"} or (low, high), optional
        Done to each sum before it is stored: max(y, 0), that and at most 6, 0.01 y where y < 0, or limits, either of
        which may be None.
    layout : {"NCHW", "NHWC"}
        The order of the axes of `x` and of the result.
    precision : {"fast", "exact"}
        "exact" forbids algorithms that round otherwise than the sum of products: Winograd's tiles and transforms.
    algorithm : str, optional
        "gemm", "depthwise", "narrow" (at most 128 output pixels), "winograd2" or "winograd4" (3 x 3 at stride 1), or
        "fft", instead of what the plan would choose.
    workspace_limit : int, optional
        The most bytes that the call may use beside the arrays, on all threads; 64 MiB unless given. Fewer threads run
        before it is exceeded.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray of float32
        (N, M, H', W'), or without N or with M last as `x` has it; H' = floor((H + padding - (kh - 1) * dilation - 1) /
        stride) + 1, W' likewise.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        Shapes that do not fit each other, a window larger than the padded image, a wrong word, a workspace_limit that
        cannot be kept.

    See Also
    --------
    convlab.Conv2d : the same with weights that are prepared once.

    Notes
    -----
    The rules are those of PyTorch's ``conv2d``, whose words for padding modes are refused with ours named. Nothing is
    remembered of the weights: what is changed in place counts in the next call. Each sum starts at the bias and runs
    over channels and taps in the order of the weights (channel by channel: down the columns of the taps), so its bits
    never depend on the image's size, the batch, the layout or the threads. Winograd's tiles (3 x 3 taps at stride 1)
    round otherwise, by at most 1e-5 in the norm for the layers of known networks. Long kernels of few channels are
    multiplied as transforms, tile by tile, whose error is at most 8 times the direct sum's largest. Whether these serve
    depends on the image's size too: so a crop of an image gives the bits of the whole only with precision="exact",
    which uses neither.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> convlab.conv2d(x, np.ones((1, 1, 2, 2)), bias=[0.5])
    array([[[[ 8.5, 12.5],
             [20.5, 24.5]]]], dtype=float32)
    """
    return _conv(
        out, x, weight, bias, 2, stride, padding, dilation, groups, padding_mode, activation, layout, precision,
        algorithm, workspace_limit,
    )  # fmt: skip


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    layout: ConvLayout1d = "NCW",
    precision: Precision = "fast",
    algorithm: ConvAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Convolve signals of several channels with many kernels: `conv2d` over one axis.

    Parameters
    ----------
    x : array_like, shape (N, C, W) or (C, W); with layout="NWC" (N, W, C) or (W, C)
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    weight : array_like, shape (M, C / groups, kw)
        The kernels.
    bias : array_like, shape (M,), optional
        Added to each output channel.
    stride, dilation : int
        From window to window, from tap to tap.
    padding : int, (before, after), "valid", "same" or "same_lower"
        Elements added on each side.
    groups : int
        Channels are cut into so many parts, which do not see each other.
    padding_mode, activation, precision, algorithm, workspace_limit
        As `conv2d`.
    layout : {"NCW", "NWC"}
        The order of the axes of `x` and of the result.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray of float32
        (N, M, W'), or without N or with M last as `x` has it.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Notes
    -----
    Source: A. van den Oord et al., "WaveNet: a generative model for raw audio", arXiv:1609.03499, 2016, section 2.1.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.conv1d([[1.0, 2.0, 4.0, 8.0]], [[[-1.0, 1.0]]])
    array([[1., 2., 4.]], dtype=float32)
    """
    return _conv(
        out, x, weight, bias, 1, stride, padding, dilation, groups, padding_mode, activation, layout, precision,
        algorithm, workspace_limit,
    )  # fmt: skip


def conv3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Sizes = 1,
    padding: ConvPadding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    layout: Layout3d = "NCDHW",
    precision: Precision = "fast",
    algorithm: ConvAlgorithm | None = None,
    workspace_limit: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Convolve volumes or films of several channels with many kernels: `conv2d` over three axes.

    Parameters
    ----------
    x : array_like, shape (N, C, D, H, W) or (C, D, H, W); with layout="NDHWC" C is last
        bool, integers, float16, float32 or float64. The arithmetic is float32.
    weight : array_like, shape (M, C / groups, kd, kh, kw)
        The kernels.
    bias : array_like, shape (M,), optional
        Added to each output channel.
    stride, dilation : int or (depth, rows, columns)
        From window to window, from tap to tap.
    padding : int, (depth, rows, columns), six numbers, "valid", "same" or "same_lower"
        Elements added on each side of each axis; of six numbers two for each axis.
    groups : int
        Channels are cut into so many parts, which do not see each other.
    padding_mode, activation, precision, algorithm, workspace_limit
        As `conv2d`.
    layout : {"NCDHW", "NDHWC"}
        The order of the axes of `x` and of the result.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray of float32
        (N, M, D', H', W'), or without N or with M last as `x` has it.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Notes
    -----
    Source: D. Tran et al., "Learning spatiotemporal features with 3D convolutional networks", ICCV 2015, pp. 4489-4497.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.conv3d(np.ones((1, 2, 3, 3)), np.ones((1, 1, 2, 3, 3)))
    array([[[[18.]]]], dtype=float32)
    """
    return _conv(
        out, x, weight, bias, 3, stride, padding, dilation, groups, padding_mode, activation, layout, precision,
        algorithm, workspace_limit,
    )  # fmt: skip


__all__ = ["conv1d", "conv2d", "conv3d"]
