"""Cases of `filter_bank`: many kernels over one image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import convlab

from .case import Case

EPS = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Bank:
    """A number of square kernels of one size with random taps, applied to one float32 image."""

    kernels: int
    size: int
    dtype: str = "float32"
    result: str = "float32"

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the public function that the case calls."""
        return ("filter_bank",)

    @property
    def taps(self) -> NDArray[np.float32]:
        """Make the kernels."""
        random = np.random.default_rng(self.kernels)
        return random.random((self.kernels, self.size, self.size), dtype=np.float32) - np.float32(0.5)

    def flops(self, pixels: int) -> int:
        """Return the multiplications and additions."""
        return 2 * self.kernels * self.size**2 * pixels

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the outputs."""
        return 4 * pixels * (1 + self.kernels)

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""
        return random.random(shape, dtype=np.float32)

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that computes into a new array."""
        taps = self.taps
        return lambda: convlab.filter_bank(image, taps, channel_axis=channel_axis)

    def expected(self, image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Return the float64 answer, its sum of |w| |x|, and the allowed errors of convlab and of peers."""
        x, taps = image.astype(np.float64), self.taps.astype(np.float64)
        values = np.array([ndimage.correlate(x, w, mode="mirror") for w in taps])
        weights = np.array([ndimage.correlate(np.abs(x), np.abs(w), mode="mirror") for w in taps])
        ours = 4.0 * self.size**2 * EPS
        return values, weights, ours, max(ours, 1e-5)


def bank_cases() -> list[Case]:
    """Return the cases."""
    return [
        Case(
            name=f"filter bank {kernels} x {size}x{size} 512x512",
            group="Filter banks",
            shape=(512, 512),
            work=Bank(kernels, size),
            required=1.5 if (kernels, size) == (32, 3) else None,
        )
        for kernels, size in ((3, 3), (32, 3), (32, 5), (16, 7))
    ]
