"""Cases of the drop-ins: the same call of `convlab.ndimage` or `convlab.signal`, and of SciPy."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .case import Case

# SciPy sums in double and rounds once; for pixels and taps of magnitude 1 both errors are far below this.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class DropIn:
    """One SciPy function of a float32 image; a tuple of numbers among the arguments means square taps."""

    module: Literal["ndimage", "signal"]
    function: str
    argument: Any = None
    dtype: str = "float32"
    result: str = "float32"

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the function that the case calls."""
        return (f"{self.module}.{self.function}",)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Make the arguments after the image."""
        if self.argument is None:
            return ()
        if isinstance(self.argument, tuple):
            taps = np.random.default_rng(7).random(self.argument, dtype=np.float32)
            return (taps / taps.sum(),)
        return (self.argument,)

    def flops(self, pixels: int) -> int:
        """Return one operation per pixel; the filter families have the real bounds of arithmetic."""
        return pixels

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the output."""
        return 8 * pixels

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""
        return random.random(shape, dtype=np.float32)

    def by(self, package: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
        """Return the call of a library, "convlab" or "scipy"."""
        function, arguments = getattr(import_module(f"{package}.{self.module}"), self.function), self.arguments
        options = {"mode": "same"} if self.module == "signal" and self.function != "medfilt2d" else {}
        return lambda image: function(image, *arguments, **options)

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call that computes into a new array."""
        call = self.by("convlab")
        return lambda: call(image)

    def expected(self, image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Return SciPy's answer in double, the scale of errors, and the allowed errors of convlab and of peers."""
        values = self.by("scipy")(image.astype(np.float64)).astype(np.float64)
        exact = self.function.startswith(("max", "min", "med"))
        return values, np.ones_like(values), *((0.0, 0.0) if exact else (TOLERANCE, TOLERANCE))


# The function, its argument after the image, the least ratio for 16 x 16 pixels (a call under 5 us: 0.7).
_NDIMAGE: tuple[tuple[str, Any, float], ...] = (
    ("correlate", (3, 3), 1.0),
    ("convolve", (5, 5), 1.0),
    ("correlate1d", (3,), 0.7),
    ("gaussian_filter", 1.0, 1.0),
    ("uniform_filter", 3, 1.0),
    ("sobel", None, 1.0),
    ("maximum_filter", 3, 1.0),
    ("median_filter", 3, 1.0),
)
_SIGNAL: tuple[tuple[str, Any], ...] = (
    ("convolve2d", (5, 5)),
    ("correlate2d", (3, 3)),
    ("oaconvolve", (9, 9)),
    ("fftconvolve", (9, 9)),
    ("medfilt2d", 3),
)


def dropin_cases() -> list[Case]:
    """Return the family's cases."""
    cases = [
        Case(f"ndimage.{name} {side}x{side}", "Drop-ins", (side, side), work=DropIn("ndimage", name, argument),
             required=required if side == 16 else 1.0)
        for name, argument, required in _NDIMAGE
        for side in (16, 64, 512)
    ]  # fmt: skip
    return cases + [
        Case(f"signal.{name} {side}x{side}", "Drop-ins", (side, side), work=DropIn("signal", name, argument),
             required=1.0)
        for name, argument in _SIGNAL
        for side in (64, 512)
    ]  # fmt: skip
