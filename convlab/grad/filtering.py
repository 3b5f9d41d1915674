"""Gradients of a filter: with respect to its image, and to its kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import grad_filtering as _plan
from convlab._plan.grad_convolving import layout_of
from convlab._run import grad_filtering as _run
from convlab._spec import arguments as _spec
from convlab.typing import Anchor, Border, Shape


def filter2d_image(
    image_shape: Shape,
    kernel: ArrayLike,
    grad_output: ArrayLike,
    *,
    border: Border = "mirror",
    anchor: Anchor | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `filter2d` with respect to its image.

    Parameters
    ----------
    image_shape : sequence of int
        The shape of the image: (H, W), or three axes with `channel_axis`.
    kernel : array_like, shape (kh, kw)
        The taps. The gradient does not depend on `cval` and `offset`; multiply the taps by `scale`.
    grad_output : array_like
        The gradient with respect to the filtered image: of its shape. Other dtypes than float32 are converted.
    border : str
        As `filter2d`. A pixel that is repeated in the border gets the share of each place where it stands; with "keep"
        a pixel that was copied gets its own element.
    anchor : (row, column), optional
        As `filter2d`.
    channel_axis : int, optional
        The axis of the channels, where the image has three axes.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.

    Returns
    -------
    ndarray of float32
        Of shape `image_shape`.

    Raises
    ------
    TypeError, ValueError
        A shape that is not the filter's, a wrong `out`, or what `filter2d` would refuse.

    Notes
    -----
    ``grad_image[p] = sum of kernel[a] * grad_output[o]`` over all windows o and taps a that lie on p, in the image or
    in its border: a correlation with the kernel turned by 180 degrees. Of borders that repeat pixels the gradient of
    the image with its border is computed first, which takes as much memory, and its border is then added row by row
    and column by column.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.filter2d_image((1, 3), [[1.0, 2.0, 4.0]], [[1.0, 10.0, 100.0]], border="constant")
    array([[ 12., 124., 240.]], dtype=float32)
    """
    g, k = _spec.array("grad_output", grad_output), _spec.array("kernel", kernel)
    _spec.check_kernel("kernel", k)
    plan = _plan.filter2d_image(g, None, image_shape, k.shape, border, anchor, channel_axis)
    return _run.filter2d_image(plan, g, k, out)


def filter2d_kernel(
    image: ArrayLike,
    kernel_shape: Shape,
    grad_output: ArrayLike,
    *,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: Anchor | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the gradient of `filter2d` with respect to its kernel.

    Parameters
    ----------
    image : array_like, shape (H, W), or three axes with `channel_axis`
        The image. Other dtypes than float32 are converted.
    kernel_shape : (int, int)
        Rows and columns of the kernel.
    grad_output : array_like
        The gradient with respect to the filtered image: of its shape. Multiply it by `scale`, where there is one.
    border, cval, anchor
        As `filter2d`.
    channel_axis : int, optional
        The axis of the channels, where the image has three axes; they are summed.
    out : ndarray, optional
        Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.

    Returns
    -------
    ndarray of float32
        Of shape `kernel_shape`.

    Raises
    ------
    TypeError, ValueError
        A shape that is not the filter's, a wrong `out`, or what `filter2d` would refuse.

    Notes
    -----
    ``grad_kernel[a] = sum over o of grad_output[o] * image[o + a - anchor]``, in the order and within the error of
    `conv2d_weight`. With border="constant" and a `cval` that is not 0 each channel is copied with its border and summed
    by itself, and these sums in double.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016,
    chapter 4.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.filter2d_kernel([[1.0, 2.0, 3.0]], (1, 3), [[1.0, 10.0, 100.0]], border="constant")
    array([[210., 321.,  32.]], dtype=float32)
    """
    a, g = _spec.array("image", image), _spec.array("grad_output", grad_output)
    plan = _plan.filter2d_kernel(g, None, layout_of(a), kernel_shape, border, cval, anchor, channel_axis)
    return _run.filter2d_kernel(plan, g, a, out)


__all__ = ["filter2d_image", "filter2d_kernel"]
