"""Find the taps of an unknown filter by gradient descent."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

import convlab
from convlab import _errors, grad
from convlab.typing import Border

from ._optimisers import SGD, Array, Optimiser, check_count, check_number

# How much of the velocity each step keeps: for pictures, whose gradient is far steeper along the mean of the taps than
# along their differences.
MOMENTUM = 0.96
# The rate times the curvature: the descent is stable below 2 * (1 + MOMENTUM).
SAFE = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """What `find_filter` learned.

    Attributes
    ----------
    taps : ndarray of float32
        The learned kernel.
    losses : list of float
        Half the mean squared difference between the two pictures, before each step.
    seconds : float
        What the descent took.
    """

    taps: Array
    losses: list[float]
    seconds: float


def steepest(picture: NDArray[np.float32], taps: int) -> float:
    """Return a bound of the loss's second derivative in any direction of so many taps."""
    return taps * float(np.mean(np.square(picture, dtype=np.float64)))


def find_filter(
    picture: ArrayLike,
    target: ArrayLike,
    shape: tuple[int, int],
    *,
    border: Border = "mirror",
    optimiser: Optimiser | None = None,
    tolerance: float = 1e-12,
    most_steps: int = 5000,
    seed: int = 0,
    watch: Callable[[int, Array, float], object] | None = None,
) -> Found:
    """Learn the kernel with which `filter2d` makes one picture from another.

    The taps begin at random. Each step filters the picture, compares the result with the target, and moves the taps
    against the gradient of the loss, half the mean squared difference.

    Parameters
    ----------
    picture, target : array_like, shape (H, W)
        The picture, and the same picture through the unknown filter. Remove the picture's mean first: a mean that is
        large beside the differences makes the descent slow.
    shape : (int, int)
        Rows and columns of the kernel.
    border : str
        As of `filter2d`, except "valid" and "keep".
    optimiser : SGD, Adam or alike, optional
        Default: `SGD` with a momentum of 0.96 and a rate that is safe for any picture of this variance.
    tolerance : float
        The descent ends when the loss falls below this part of the first one.
    most_steps : int
        The descent ends after as many steps.
    seed : int
        Of the random taps.
    watch : callable, optional
        Called as ``watch(step, taps, loss)`` before each step.

    Returns
    -------
    Found
        The taps, the losses and the seconds.

    Raises
    ------
    TypeError, ValueError
        Pictures that are not two-dimensional, of different shapes or not finite; what `filter2d` raises.

    Examples
    --------
    >>> import convlab
    >>> from convlab import data, filters, learn
    >>> picture = data.ascent() / 255.0
    >>> picture -= picture.mean()
    >>> secret = filters.get("edges")
    >>> found = learn.find_filter(picture, convlab.filter2d(picture, secret), (3, 3))
    >>> bool(abs(found.taps - secret).max() < 0.004)
    True
    """
    x, y = (_picture(name, values) for name, values in (("picture", picture), ("target", target)))
    if x.shape != y.shape:
        raise _errors.wrong_value("target", y.shape, f"a picture of the shape {x.shape}, as `picture`")
    if border in ("valid", "keep"):
        raise _errors.wrong_word("border", border, ("mirror", "symmetric", "nearest", "wrap", "constant"))
    expected = "two whole numbers of at least 1: rows and columns of the kernel"
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise _errors.wrong_type("shape", shape, expected)
    sizes = tuple(check_count("shape", size, expected) for size in shape)
    tolerance = check_number("tolerance", tolerance, 0, 1, "a number from 0 to below 1")
    most = check_count("most_steps", most_steps)
    taps = np.random.default_rng(seed).standard_normal(sizes).astype(np.float32)
    if optimiser is None:
        curvature = steepest(x, taps.size)
        if not curvature:
            raise _errors.wrong_value("picture", "a picture of zeros", "one with differences")
        optimiser = SGD(SAFE / curvature, MOMENTUM)
    losses: list[float] = []
    start = time.perf_counter()
    while len(losses) < most:
        difference = convlab.filter2d(x, taps, border=border)
        difference -= y
        losses.append(float(np.vdot(difference, difference)) / (2 * x.size))
        if watch is not None:
            watch(len(losses) - 1, taps, losses[-1])
        if losses[-1] <= tolerance * losses[0]:
            break
        gradient = grad.filter2d_kernel(x, taps.shape, difference, border=border)
        gradient /= x.size
        optimiser.step([taps], [gradient])
    return Found(taps, losses, time.perf_counter() - start)


def _picture(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values)
    if array.ndim != 2 or not array.size:
        raise _errors.wrong_value(name, array.shape, "a picture with two axes")
    if array.dtype.kind not in "biuf":
        raise _errors.wrong_type(name, array.dtype, "a picture of numbers")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise _errors.wrong_value(name, "a picture with NaN or infinities", "finite pixels")
    return array
