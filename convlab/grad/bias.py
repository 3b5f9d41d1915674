"""The gradient of a bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._plan import grad_convolving as _plan
from convlab._run import grad_convolving as _run
from convlab._spec import arguments as _spec


def conv_bias(
    grad_output: ArrayLike, *, channel_axis: int = 1, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Compute the gradient of a convolution, or of its transpose, with respect to its bias.

    Parameters
    ----------
    grad_output : array_like of two to five axes
        The gradient with respect to the layer's output.
    channel_axis : int
        The axis of the channels: 1 of "NCHW", -1 of "NHWC", 0 where there is no batch.
    out : ndarray, optional
        Where to write: float32 of shape (M,), C-contiguous, sharing no memory with `grad_output`.

    Returns
    -------
    ndarray of float32
        The sum of each channel.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, axis or `out`.

    Notes
    -----
    Each channel is summed as `avg_pool3d` sums a window: in float32, in blocks and then as a tree, so that the error
    grows with the logarithm of the axes' lengths. Of a batch of volumes each is summed so, and these sums in double.

    Source: I. Goodfellow, Y. Bengio and A. Courville, "Deep learning", MIT Press, 2016, section 6.5.

    Examples
    --------
    >>> import convlab
    >>> convlab.grad.conv_bias([[[1.0, 2.0], [10.0, 20.0]]])
    array([ 3., 30.], dtype=float32)
    """
    g = _spec.array("grad_output", grad_output)
    return _run.conv_bias(_plan.conv_bias(g, None, channel_axis), g, out)


__all__ = ["conv_bias"]
