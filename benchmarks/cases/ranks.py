"""Cases of the order statistics: `maximum_filter`, `minimum_filter` and `median_filter`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import convlab

from .case import Case


@dataclass(frozen=True)
class Rank:
    """The arguments of one order statistic over square windows.

    A maximum's default border adds no new pixel to a window, so the borders of all libraries give the same result. A
    median's border is OpenCV's.
    """

    kind: Literal["maximum", "minimum", "median"]
    size: int
    dtype: str = "float32"

    @property
    def result(self) -> str:
        """Return the result's dtype: the input's."""
        return self.dtype

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the public function that the case calls."""
        return (self.function,)

    @property
    def function(self) -> str:
        """Return the public function that the case calls."""
        return f"{self.kind}_filter"

    @property
    def border(self) -> Literal["mirror", "nearest"]:
        """Return the border's name in convlab, which is the same in SciPy."""
        return "nearest" if self.kind == "median" else "mirror"

    def flops(self, pixels: int) -> int:
        """Return the least number of comparisons: three along each axis for a maximum; no close bound for a median."""
        return (6 if self.kind != "median" else 2 * self.size) * pixels

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the output."""
        return 2 * pixels * np.dtype(self.dtype).itemsize

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""
        if self.dtype == "float32":
            return random.random(shape, dtype=np.float32)
        return random.integers(0, 256, shape).astype(self.dtype)

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that computes into a new array."""
        function = getattr(convlab, self.function)
        size, border = self.size, self.border
        return lambda: function(image, size, border=border, channel_axis=channel_axis)

    def by_scipy(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return SciPy's answer, which is exact because comparisons do not round."""
        filtered = getattr(ndimage, self.function)
        return filtered(image, self.size, mode=self.border, axes=(0, 1))  # type: ignore[no-any-return]

    def expected(self, image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Return the answer, the scale of errors, and the allowed errors of convlab and of peers, which are 0."""
        values = self.by_scipy(image).astype(np.float64)
        return values, np.ones_like(values), 0.0, 0.0


_SHAPES = ((64, 64), (512, 512), (2048, 2048), (511, 769), (1080, 1920, 3))
_SOME = ((64, 64), (512, 512), (1080, 1920, 3))
_ONE = ((512, 512),)
_GROUPS = {"maximum": "Maximum filters", "minimum": "Minimum filters", "median": "Median filters"}


def _cases(work: Rank, required: float | None, shapes: Any = _SHAPES) -> list[Case]:
    return [
        Case(
            name=f"{work.kind} {work.size}x{work.size} {work.dtype} {'x'.join(map(str, shape))}",
            group=_GROUPS[work.kind],
            shape=shape,
            channel_axis=-1 if len(shape) == 3 else None,
            work=work,
            required=required,
        )
        for shape in shapes
    ]


def rank_cases() -> list[Case]:
    """Return the family's cases."""
    cases = []
    dtypes = ("float32", "uint8", "uint16")
    for dtype in dtypes:
        for size in (3, 15, 63):
            cases += _cases(Rank("maximum", size, dtype), 1.0, _SHAPES if dtype != "uint16" else _ONE)
    for dtype in dtypes:
        cases += _cases(Rank("minimum", 3, dtype), 1.0, _ONE)
    for dtype in dtypes:
        for size in (3, 5):
            cases += _cases(Rank("median", size, dtype), 1.0)
    for size in (7, 15, 31, 63):
        cases += _cases(Rank("median", size, "uint8"), 1.0, _SOME)
    return cases + _cases(Rank("median", 7), None, _ONE)
