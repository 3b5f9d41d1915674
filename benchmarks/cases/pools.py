"""Cases of pools: plain ones over planes, networks' layers, lines, volumes, adaptive, global, Lp, and unpooling."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import convlab

from .case import Case, Pool

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Pooling:
    """One call of a pool of (N, C, ...) over its last axes; `size` is the window's, or the result's if adaptive."""

    function: str
    sizes: tuple[int, ...]  # of the pooled axes
    size: int = 0
    stride: int = 0
    padding: int = 0
    indices: bool = False
    dtype: str = "float32"

    @property
    def axes(self) -> int:
        """Return the number of pooled axes."""
        return len(self.sizes)

    @property
    def result(self) -> str:
        """Return the result's dtype: averages and norms are float32."""
        return self.dtype if "max" in self.function or "min" in self.function else "float32"

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the public function that the case calls."""
        return (self.function,)

    def flops(self, pixels: int) -> int:
        """Return one comparison or addition for each element."""
        return pixels

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the input and the output."""
        planes = pixels // math.prod(self.sizes)
        return np.dtype(self.dtype).itemsize * (pixels + planes * math.prod(map(self._outputs, self.sizes)))

    def _outputs(self, n: int) -> int:
        if "unpool" in self.function:
            return n * self.stride
        return sum(1 for _ in self._windows(n))

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the input."""
        if self.dtype == "float32":
            return random.random(shape, dtype=np.float32)
        return random.integers(0, 256, shape).astype(self.dtype)

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that computes into a new array."""
        function = getattr(convlab, self.function)
        arguments = self.arguments(image)
        if self.indices:
            return lambda: function(image, *arguments, return_indices=True)[0]
        return lambda: function(image, *arguments)

    def arguments(self, image: NDArray[Any]) -> tuple[Any, ...]:
        """Return the arguments after the image, as in PyTorch."""
        if self.function.startswith("global"):
            return ()
        if self.function.startswith("adaptive"):
            return (self.size,)
        if "unpool" in self.function:
            return self.places(image), self.size, self.stride
        if self.function.startswith("lp"):
            return 2, self.size, self.stride
        return self.size, self.stride, self.padding

    def places(self, image: NDArray[Any]) -> NDArray[np.int64]:
        """Return the index of each window's first element, as a possible result of a maximum pool."""
        sizes = image.shape[-self.axes :]
        places = np.zeros(sizes, np.int64)
        for grid, size in zip(np.indices(sizes), sizes, strict=True):
            places = places * size * self.stride + grid * self.stride
        return np.array(np.broadcast_to(places, image.shape))

    def expected(self, image: NDArray[Any]) -> tuple[Doubles, Doubles, float, float]:
        """Return the float64 answer, the scale of errors, and the allowed errors of convlab and of peers."""
        x = image.astype(np.float64)
        if "unpool" in self.function:
            y = np.zeros((*x.shape[: -self.axes], *(n * self.stride for n in x.shape[-self.axes :])))
            index: tuple[Any, ...] = (..., *(slice(None, None, self.stride),) * self.axes)
            y[index] = x
            return y, np.ones_like(y), 0.0, 0.0
        if "max" in self.function:
            values = self._reduced(x, np.max)
            return values, np.ones_like(values), 0.0, 0.0
        if "lp" in self.function:
            values = np.sqrt(self._reduced(x * x, np.sum))
        else:
            values = self._reduced(x, np.sum) / self._counts(x)
        taps = max(x.size if not self.size else self.size**self.axes, 4)
        ours = 4.0 * min(taps, 1 << 16) * float(np.finfo(np.float32).eps)
        return values, np.maximum(values, 1e-30), ours, max(ours, 1e-4)

    def _counts(self, x: Doubles) -> Doubles | float:
        if self.function.startswith("adaptive"):
            return self._reduced(np.ones_like(x), np.sum)
        return float(np.prod(x.shape[-self.axes :])) if self.function.startswith("global") else self.size**self.axes

    def _reduced(self, x: Doubles, reduce: Callable[..., Any]) -> Doubles:
        for axis in range(-self.axes, 0):
            parts = [reduce(x.take(window, axis), axis=axis) for window in self._windows(x.shape[axis])]
            x = np.stack(parts, axis)
        return x

    def _windows(self, n: int) -> Iterator[NDArray[np.intp]]:
        """Return the part of an axis that each output reads."""
        if self.function.startswith("global"):
            yield np.arange(n)
        elif self.function.startswith("adaptive"):
            for i in range(self.size):
                yield np.arange(i * n // self.size, -(-(i + 1) * n // self.size))
        else:
            for i in range((n + 2 * self.padding - self.size) // self.stride + 1):
                start = i * self.stride - self.padding
                yield np.arange(max(start, 0), min(start + self.size, n))


# The blocks of VGG and ResNet, Inception's and SqueezeNet's reductions, and a batch.
_LAYERS = (
    (1, 64, 112, 112), (1, 64, 224, 224), (1, 512, 14, 14), (1, 192, 56, 56), (1, 288, 35, 35), (1, 256, 27, 27),
    (32, 64, 56, 56),
)  # fmt: skip
_HEADS = ((1, 512, 7, 7), (1, 2048, 7, 7), (1, 1000, 13, 13), (32, 2048, 7, 7))
_IMAGES = ((64, 64), (512, 512), (2048, 2048))
_OTHERS = ((1, (8, 64, 4096)), (2, (1, 64, 112, 112)), (3, (1, 16, 16, 56, 56)))


def pool_cases() -> list[Case]:
    """Return the family's cases."""

    def case(shape: tuple[int, ...], what: str, group: str, required: float | None, *options: Any) -> Case:
        function, axes, *rest = options
        work = Pooling(function, shape[-axes:], *rest)
        name = " ".join(f"{function.replace('_', ' ')} {what} {'x'.join(map(str, shape))}".split())
        return Case(name=name, group=group, shape=shape, work=work, required=required)

    cases: list[Case] = []
    shapes: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    for kind in ("max", "avg"):
        for size, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1), (5, 1, 2)):
            options = f"{kind}_pool2d", 2, size, stride, padding
            shapes = _LAYERS if size < 5 else (*_LAYERS[:3], *_IMAGES)
            cases += [case(shape, f"{size}x{size} s{stride}", "Pools of networks", 1.0, *options) for shape in shapes]
        cases += [case(shape, "", "Global pools", 1.0, f"global_{kind}_pool", 2) for shape in _HEADS]
        for shape in ((1, 512, 14, 14), (1, 512, 7, 7), (1, 256, 13, 13)):
            cases.append(case(shape, "7x7", "Adaptive pools", 1.0, f"adaptive_{kind}_pool2d", 2, 7))
        for axes, shape in _OTHERS[::2]:
            cases.append(case(shape, "2 s2", "Lines and volumes", 1.0, f"{kind}_pool{axes}d", axes, 2, 2))
            cases.append(case(shape, "to 5", "Lines and volumes", 1.0, f"adaptive_{kind}_pool{axes}d", axes, 5))
    for size, stride, padding in ((2, 2, 0), (3, 2, 1)):
        what = f"{size}x{size} s{stride} with indices"
        options = "max_pool2d", 2, size, stride, padding
        cases += [case(shape, what, "Pools with indices", 5.0, *options, True) for shape in _LAYERS]
    for axes, shape in _OTHERS:
        cases.append(case(shape, "2 s2", "Lp pools", 1.0, f"lp_pool{axes}d", axes, 2, 2))
        cases.append(case(shape, "2 s2", "Unpooling", 1.0, f"max_unpool{axes}d", axes, 2, 2))
    cases.append(case((1, 512, 7, 7), "", "Global pools", 1.0, "global_lp_pool", 2))
    groups = list(dict.fromkeys(case.group for case in cases))
    return sorted(cases, key=lambda case: groups.index(case.group))


_SIDES = (28, 512, 2048)
_POOL_REQUIRED = {("max", 2, 28): 1.0, ("max", 2, 512): 3.5}

# Most blocks of a network end with 2x2 or 3x3 at stride 2; the windows of 3x3 at stride 1 overlap most.
_WINDOWS = ((2, 2, 0), (3, 2, 1), (3, 1, 1))

_POOL_GROUPS = {"max": "Max pooling", "avg": "Average pooling", "min": "Min pooling"}


def plane_cases() -> list[Case]:
    """Return the pools of planes."""
    cases = []
    kinds: tuple[Literal["max", "avg", "min"], ...] = ("max", "avg", "min")
    for kind in kinds:
        for size, stride, padding in _WINDOWS:
            pool = Pool(kind, size, stride, padding)
            window = f"{kind} pool {size}x{size} stride {stride}"
            cases += [
                Case(
                    name=f"{window} {side}x{side}",
                    group=_POOL_GROUPS[kind],
                    shape=(side, side),
                    pool=pool,
                    required=_POOL_REQUIRED.get((kind, size, side)),
                )
                for side in _SIDES
            ]
            cases.append(Case(f"{window} 1x64x112x112", _POOL_GROUPS[kind], (1, 64, 112, 112), pool=pool))
    return cases
