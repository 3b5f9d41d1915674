"""Cases of the separable filters: `sep_filter2d` and the image filters that use it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import convlab

from .case import Case

Doubles = NDArray[np.float64]
EPS = float(np.finfo(np.float32).eps)
# The allowed errors of peers: they round in other places, and an integer path of theirs differs by one unit.
PEER_TOLERANCE = 1e-4

SciPyMode = Literal["nearest", "reflect", "mirror"]
# SciPy's names of the borders that the cases use.
SCIPY_MODES: dict[str, SciPyMode] = {"nearest": "nearest", "symmetric": "reflect", "mirror": "mirror"}


def gaussian_taps(sigma: float, truncate: float = 4.0) -> Doubles:
    """Return the taps of a Gaussian, truncated as in SciPy and scikit-image."""
    radius = int(truncate * sigma + 0.5)
    taps: Doubles = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps /= taps.sum()
    return taps


Pair = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Separable:
    """One call of an image filter, and its linear filters as pairs of taps (down the columns, along the rows).

    `join` is the combination of their results: the first, their sum, their length or root mean square, or the image
    plus its difference from the first.
    """

    function: str
    border: str
    kernels: tuple[Pair, ...]
    options: tuple[tuple[str, Any], ...] = ()
    join: Literal["first", "sum", "length", "rms", "unsharp"] = "first"
    dtype: str = "float32"
    result: str = "float32"

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the public function that the case calls."""
        return (self.function,)

    def flops(self, pixels: int) -> int:
        """Return the multiplications and additions; a box of any size needs two additions per pixel and axis."""
        if self.function == "box":
            return 4 * pixels
        if self.function == "gabor":  # two kernels that need not be separable
            return 4 * pixels * len(self.kernels[0][0]) * len(self.kernels[0][1])
        return 2 * pixels * sum(len(down) + len(along) for down, along in self.kernels)

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the output."""
        return pixels * (np.dtype(self.dtype).itemsize + np.dtype(self.result).itemsize)

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""
        if self.dtype == "float32":
            return random.random(shape, dtype=np.float32)
        return random.integers(0, 256, shape).astype(self.dtype)

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that computes into a new array."""
        function = getattr(convlab, self.function)
        options: dict[str, Any] = dict(self.options) | {"border": self.border, "channel_axis": channel_axis}
        if self.result != "float32":
            options["dtype"] = np.dtype(self.result)
        if self.function == "sep_filter2d":
            down, along = (np.array(taps, np.float32) for taps in self.kernels[0])
            return lambda: function(image, down, along, **options)
        if self.function == "gabor":
            return lambda: function(image, **options)[0]
        return lambda: function(image, **options)

    def expected(self, image: NDArray[Any]) -> tuple[Doubles, Doubles, float, float]:
        """Return the float64 answer, its sum of |w| |x|, and the allowed errors of convlab and of peers."""
        x = image.astype(np.float64)
        values = self.joined(x, [self._correlated(x, np.array(down), np.array(along)) for down, along in self.kernels])
        if self.result != "float32":
            limits = np.iinfo(self.result)
            values = np.clip(np.rint(values), limits.min, limits.max)
            return values, np.ones_like(values), 0.0, 1.0
        weights = [self._correlated(np.abs(x), np.abs(down), np.abs(along)) for down, along in self.kernels]
        magnitude = np.sum(weights, axis=0) + (2 * np.abs(x) if self.join == "unsharp" else 0)
        taps = sum(len(down) + len(along) for down, along in self.kernels)
        ours = 4.0 * taps * EPS
        return values, magnitude, ours, max(ours, PEER_TOLERANCE)

    def joined(self, x: Any, parts: list[Any]) -> Any:
        """Return the combination of the filters' results."""
        if self.join == "unsharp":
            return x + dict(self.options)["amount"] * (x - parts[0])
        if self.join == "first":
            return parts[0]
        if self.join == "sum":
            return parts[0] + parts[1]
        share = 1.0 if self.join == "length" else len(parts) ** -0.5
        return np.sqrt(parts[0] * parts[0] + parts[1] * parts[1]) * np.float32(share)

    def _correlated(self, x: Doubles, down: Doubles, along: Doubles) -> Doubles:
        mode = SCIPY_MODES[self.border]
        columns = ndimage.correlate1d(x, down, 0, mode=mode)
        result: Doubles = ndimage.correlate1d(columns, along, 1, mode=mode)
        return result


_SHAPES = ((64, 64), (512, 512), (2048, 2048), (511, 769), (1080, 1920, 3))
# For cases where one size is enough.
_ONE = ((512, 512),)
_EDGE, _MIDDLE = (-1.0, 0.0, 1.0), (0.0, 1.0, 0.0)


def _cases(group: str, name: str, work: Separable, required: float | None = None, shapes: Any = _SHAPES) -> list[Case]:
    return [
        Case(
            name=f"{name} {'x'.join(map(str, shape))}",
            group=group,
            shape=shape,
            channel_axis=-1 if len(shape) == 3 else None,
            work=work,
            # A peer's call of at most 5 us takes less time than convlab's checks and plan.
            required=0.7 if required and shape == (64, 64) and group in ("Boxes", "8-bit images") else required,
        )
        for shape in shapes
    ]


def _taps(*taps: float, over: float = 1.0) -> tuple[float, ...]:
    return tuple(tap / over for tap in taps)


def _gaussian(sigma: float) -> Pair:
    taps = tuple(gaussian_taps(sigma).tolist())
    return taps, taps


def _derivatives(sigma: float) -> tuple[Pair, ...]:
    taps = gaussian_taps(sigma)
    slope = tuple((taps * (np.arange(taps.size) - taps.size // 2) / sigma**2).tolist())
    return (slope, tuple(taps.tolist())), (tuple(taps.tolist()), slope)


def _gabor(frequency: float) -> tuple[Pair, ...]:
    sigma = float(np.sqrt(np.log(2) / 2) * 3 / (np.pi * frequency))
    i = np.arange(-int(np.ceil(3 * sigma)), int(np.ceil(3 * sigma)) + 1)
    bell = np.exp(-0.5 * (i / sigma) ** 2)
    wave = bell * np.cos(2 * np.pi * frequency * i) / (2 * np.pi * sigma**2)
    return ((tuple(bell.tolist()), tuple(wave.tolist())),)


def separable_cases() -> list[Case]:
    """Return the family's cases."""
    group = "Separable filters"
    cases = []
    for sigma in (1, 2, 5):
        work = Separable("sep_filter2d", "mirror", (_gaussian(sigma),))
        cases += _cases(group, f"separable {len(work.kernels[0][0])} taps", work, 1.0)
        work = Separable("gaussian", "nearest", (_gaussian(sigma),), (("sigma", float(sigma)),))
        cases += _cases(group, f"gaussian sigma {sigma}", work, 1.0)
    for size in (3, 15, 63):
        ones = (1.0 / size,) * size
        work = Separable("box", "nearest", ((ones, ones),), (("size", size),))
        cases += _cases("Boxes", f"box {size}", work, 1.0)
    for size, taps in ((3, _taps(1, 2, 1, over=4)), (5, _taps(1, 4, 6, 4, 1, over=16))):
        work = Separable("sep_filter2d", "mirror", ((taps, taps),), dtype="uint8", result="uint8")
        cases += _cases("8-bit images", f"gaussian {size}x{size} uint8", work, 0.8)
    for result in ("uint8", "int16"):
        work = Separable("sep_filter2d", "mirror", ((_taps(1, 2, 1), _EDGE),), dtype="uint8", result=result)
        cases += _cases("8-bit images", f"Sobel uint8 to {result}", work, 0.8)
    group = "Edges and waves"
    for name, taps in (
        ("sobel", _taps(1, 2, 1, over=4)),
        ("scharr", _taps(3, 10, 3, over=16)),
        ("prewitt", _taps(1, 1, 1, over=3)),
    ):
        work = Separable(name, "symmetric", ((_EDGE, taps), (taps, _EDGE)), join="rms")
        cases += _cases(group, name, work, 1.0, _ONE)
    second = _taps(-1, 2, -1)
    work = Separable("laplacian", "symmetric", ((second, _MIDDLE), (_MIDDLE, second)), join="sum")
    cases += _cases(group, "laplacian", work, None, _ONE)
    work = Separable("gradient_magnitude", "symmetric", _derivatives(2), (("sigma", 2.0),), join="length")
    cases += _cases(group, "gradient magnitude sigma 2", work, 1.0, _ONE)
    options = (("radius", 2.0), ("amount", 1.5))
    work = Separable("unsharp", "symmetric", (_gaussian(2),), options, join="unsharp")
    cases += _cases(group, "unsharp radius 2", work, None, _ONE)
    work = Separable("gabor", "symmetric", _gabor(0.2), (("frequency", 0.2),))
    return cases + _cases(group, "gabor frequency 0.2", work, None, _ONE)
