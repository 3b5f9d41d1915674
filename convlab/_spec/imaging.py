"""The taps of the filters that have a name, and the checks of their parameters."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors

from .arguments import finite, integer, pair

LARGEST_RADIUS = 1 << 16

# Smoothing taps of the edge filters; the edge's own are -1 0 1. scikit-image's normalisation.
SMOOTHING = {"sobel": (1 / 4, 2 / 4, 1 / 4), "scharr": (3 / 16, 10 / 16, 3 / 16), "prewitt": (1 / 3, 1 / 3, 1 / 3)}
LAPLACIAN = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)


def _frozen(taps: NDArray[Any]) -> NDArray[Any]:
    taps.flags.writeable = False
    return taps


def at_least(name: str, value: Any, low: float, *, above: bool = False) -> float:
    """A finite number from `low` on, or above it."""
    number = finite(name, value)
    if number < low or (above and number == low):
        raise _errors.wrong_value(name, value, f"a number {'above' if above else 'of at least'} {low:g}")
    return number


def sigmas(name: str, value: Any) -> tuple[float, float]:
    """Standard deviations down and along, from a number or a pair."""
    if isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1):
        if len(value) != 2:
            raise _errors.wrong_value(name, value, "a number of at least 0, or a pair (rows, columns) of them")
        return at_least(name, value[0], 0), at_least(name, value[1], 0)
    number = at_least(name, value, 0)
    return number, number


@lru_cache(256)
def gaussian_taps(sigma: float, truncate: float, order: int = 0, name: str = "sigma") -> NDArray[np.float64]:
    """A Gaussian that sums to 1, or its first derivative, for correlation; cut off at truncate * sigma."""
    reach = truncate * sigma + 0.5
    if reach >= LARGEST_RADIUS:
        raise _errors.wrong_value(name, sigma, f"truncate * {name} below {LARGEST_RADIUS}")
    radius = int(reach)
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    if radius == 0:
        return _frozen(np.ones(1) if order == 0 else np.zeros(1))
    taps = np.exp(-0.5 * (x / sigma) ** 2)
    taps /= taps.sum()
    return _frozen(taps if order == 0 else taps * x / sigma**2)


@lru_cache(256)
def gradient_pairs(sigma_y: float, sigma_x: float, truncate: float) -> NDArray[np.float64]:
    """Two filters, the derivative down and along: kernel_y of both, then kernel_x of both, padded to one size."""
    rows = [
        gaussian_taps(sigma_y, truncate, 1),
        gaussian_taps(sigma_y, truncate),
        gaussian_taps(sigma_x, truncate),
        gaussian_taps(sigma_x, truncate, 1),
    ]
    return _frozen(np.array(rows))


@lru_cache
def edge_pairs(name: str) -> NDArray[np.float64]:
    """The same of an edge filter."""
    edge, smooth = (-1, 0, 1), SMOOTHING[name]
    return _frozen(np.array([edge, smooth, smooth, edge]))


@lru_cache(64)
def gabor_taps(
    frequency: float, theta: float, sigma_x: float, sigma_y: float, n_stds: float, offset: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Real and imaginary part for correlation: scikit-image's kernel, which it convolves with, turned round."""
    cosine, sine = math.cos(theta), math.sin(theta)
    reach_x = max(abs(n_stds * sigma_x * cosine), abs(n_stds * sigma_y * sine), 1)
    reach_y = max(abs(n_stds * sigma_y * cosine), abs(n_stds * sigma_x * sine), 1)
    if not max(reach_x, reach_y) <= 1024:  # or NaN
        raise _errors.wrong_value("n_stds", n_stds, "n_stds times each sigma of at most 1024")
    y, x = np.mgrid[-math.ceil(reach_y) : math.ceil(reach_y) + 1, -math.ceil(reach_x) : math.ceil(reach_x) + 1]
    along, across = x * cosine + y * sine, y * cosine - x * sine
    with np.errstate(all="ignore"):
        squares = (along / sigma_x) ** 2 + (across / sigma_y) ** 2
        envelope = np.exp(-0.5 * squares) / np.float64(2 * math.pi * sigma_x * sigma_y)
        phase = 2 * math.pi * frequency * along + offset
        parts = (envelope * np.array([np.cos(phase), np.sin(phase)]))[:, ::-1, ::-1].astype(np.float32)
    if not np.isfinite(parts).all():
        raise _errors.wrong_value("frequency", frequency, "one that with the sigmas makes a kernel that float32 holds")
    return _frozen(parts[0]), _frozen(parts[1])


def gabor_kernels(
    frequency: float, theta: float, bandwidth: float, sigma_x: float | None, sigma_y: float | None, n_stds: float,
    offset: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Check the arguments of a gabor and return its kernels, the real and the imaginary part."""
    frequency = at_least("frequency", frequency, 0, above=True)
    default = gabor_sigma(at_least("bandwidth", bandwidth, 0, above=True), frequency)
    sigma_x = default if sigma_x is None else at_least("sigma_x", sigma_x, 0, above=True)
    sigma_y = default if sigma_y is None else at_least("sigma_y", sigma_y, 0, above=True)
    theta, offset = finite("theta", theta), finite("offset", offset)
    return gabor_taps(frequency, theta, sigma_x, sigma_y, at_least("n_stds", n_stds, 0, above=True), offset)


def gabor_sigma(bandwidth: float, frequency: float) -> float:
    """The standard deviation that lets through so many octaves around a frequency."""
    share = math.tanh(bandwidth * math.log(2) / 2) * math.pi * frequency  # (2**bandwidth - 1) / (2**bandwidth + 1)
    return math.sqrt(math.log(2) / 2) / share if share else math.inf


def axis(name: str, value: Any) -> int | None:
    """None, or the axis of the image that a derivative goes along: 0 down, 1 along the row."""
    if value is None:
        return None
    number = integer(name, value, "None, 0 (down the columns) or 1 (along the rows)")
    if number not in (0, 1):
        raise _errors.wrong_value(name, value, "None, 0 (down the columns) or 1 (along the rows)")
    return number


def smaller_output(border: str) -> ValueError:
    return _errors.wrong_value("border", border, "one that leaves the image its size: a pixel is added to its own sum")


def window(name: str, value: Any) -> tuple[int, int]:
    """Rows and columns of a window."""
    rows, columns = pair(name, value, 1)
    if max(rows, columns) > LARGEST_RADIUS:
        raise _errors.wrong_value(name, value, f"at most {LARGEST_RADIUS} rows and columns")
    return rows, columns


def truth(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise _errors.wrong_type(name, value, "True or False")
    return bool(value)
