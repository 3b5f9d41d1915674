"""What a case of any family beside filters and pools says of its work."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Work(Protocol):
    """One call of a public function on one image; `dtype` is the image's, `result` what comes out."""

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
        """Return the operations that suffice."""

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the output."""

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that does the work into a fresh array."""

    def expected(self, image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Return the float64 answer, what errors are relative to, and the errors allowed to us and to peers."""
