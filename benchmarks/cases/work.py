"""The interface of a case's work, for every family except filters and pools."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Work(Protocol):
    """One call of a public function on one image; `dtype` is the image's, `result` that of the result."""

    @property
    def dtype(self) -> str:
        """The image's dtype."""

    @property
    def result(self) -> str:
        """The result's dtype."""

    @property
    def operations(self) -> tuple[str, ...]:
        """The public functions that the case calls."""

    def flops(self, pixels: int) -> int:
        """Return the least number of operations."""

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the output."""

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that computes into a new array."""

    def expected(self, image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Return the float64 answer, the scale of errors, and the allowed errors of convlab and of peers."""
