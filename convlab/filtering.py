"""Filters over images: slide a small kernel over a picture, multiply each neighbourhood by its taps and sum."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab._plan import filtering as _plan
from convlab._run import filtering as _run
from convlab._spec import arguments as _spec


def filter2d(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    border: str = "mirror",
    cval: float = 0.0,
    anchor: tuple[int, int] | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    clip: tuple[float | None, float | None] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Correlate an image with a small kernel: ``clip(scale * sum(kernel * neighbourhood) + offset)``.

    The kernel is not flipped: this is correlation, as in every deep-learning library. Each channel is filtered alone.

    Parameters
    ----------
    image : array_like, shape (H, W); with `channel_axis` (H, W, C), (C, H, W) or (H, C, W)
        bool, integers, float16, float32 or float64, any byte order and strides. The arithmetic is float32.
    kernel : array_like, shape (kh, kw)
        Taps of any real dtype, or nested lists. Any size, larger than the image included (except with "valid").
    border : {"mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"}
        What stands outside the image ``a b c d``::

            mirror       d c b | a b c d | c b a    the edge pixel once; a single pixel repeats
            symmetric    c b a | a b c d | d c b    the edge pixel twice
            nearest      a a a | a b c d | d d d    the edge pixel for ever
            wrap         b c d | a b c d | a b c    the picture tiled
            constant     k k k | a b c d | k k k    k is cval
            valid              | a b c d |          no border: only windows inside the image, a smaller output
            keep               | a b c d |          where the window would leave the image, the source's pixel
    cval : float
        The constant of border="constant".
    anchor : (row, column), optional
        The tap that lies on the output's pixel; the centre (kh // 2, kw // 2) unless given.
    scale, offset : float
        Applied to the sum, before `clip`.
    clip : (low, high), optional
        Limits of the result, in the image's units; either may be None.
    channel_axis : int, optional
        The axis of the channels of an image with three axes.
    dtype : dtype, optional
        float32 unless given; an integer type rounds half to even and saturates, and NaN becomes 0.
    out : ndarray, optional
        Where to write: the exact shape and dtype, C-contiguous, sharing no memory with an input.

    Returns
    -------
    ndarray
        float32 or `dtype`, of the image's shape; with "valid" H - kh + 1 and W - kw + 1 in place of H and W.

    Raises
    ------
    TypeError
        An argument of the wrong type or dtype, or a masked array.
    ValueError
        A wrong shape, border, anchor, clip or out; "valid" with a kernel larger than the image.

    See Also
    --------
    convlab.filters : a catalogue of kernels.

    Notes
    -----
    Every tap counts, a tap of 0 too: 0 times NaN is NaN. Each pixel's sum runs over the taps row by row in float32
    with fused multiply-adds, so it never depends on the size, the place in the image or the threads. With border="keep"
    the frame holds the source's pixels, untouched by scale, offset and clip.

    Source: R. C. Gonzalez and R. E. Woods, Digital Image Processing, 4th ed., Pearson, 2018, section 3.4.

    Examples
    --------
    >>> import convlab
    >>> step = [[0, 0, 9, 9]] * 3
    >>> convlab.filter2d(step, [[-1, 0, 1]], border="nearest")
    array([[0., 9., 9., 0.],
           [0., 9., 9., 0.],
           [0., 9., 9., 0.]], dtype=float32)
    """
    x = image if type(image) is np.ndarray else _spec.array("image", image)
    w = kernel if type(kernel) is np.ndarray else _spec.array("kernel", kernel)
    plan = _plan.filter2d(x, w, border, cval, anchor, scale, offset, clip, channel_axis, dtype)
    return _run.filter2d(plan, x, w, out)


__all__ = ["filter2d"]
