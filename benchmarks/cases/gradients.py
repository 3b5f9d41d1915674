"""Cases of gradients: layers of known networks, with respect to input and weights, and maximum pools."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convlab import grad, max_pool2d

from .case import Case
from .conv import Conv

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Gradient:
    """One gradient of a layer, of which `size` is the input's shape; the case's image is the output's gradient."""

    kind: Literal["input", "weight", "max"]
    size: tuple[int, ...]
    conv: Conv  # of a pool its window
    dtype: str = "float32"
    result: str = "float32"
    operations: tuple[str, ...] = ()

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the output, and of its gradient."""
        channels = self.size[1] if self.kind == "max" else self.conv.channels(self.size)
        return (self.size[0], channels, *self.conv.out_size(self.size))

    @property
    def groups(self) -> int:
        """Return the number of groups."""
        return self.conv.parts(self.size)

    def flops(self, pixels: int) -> int:
        """Return the products of the plain sums; of a pool one addition for each element."""
        return pixels if self.kind == "max" else self.conv.flops(self.size)

    def bytes_moved(self, pixels: int) -> int:
        """Return the size of the output's gradient and of the result."""
        result = self.conv.weight_shape(self.size) if self.kind == "weight" else self.size
        return 4 * (pixels + math.prod(result))

    def image(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        """Make the output's gradient."""
        return random.standard_normal(shape, np.float32)

    def other(self) -> NDArray[np.float32]:
        """Return the weights, or for those and for a pool the input."""
        shape = self.conv.weight_shape(self.size) if self.kind == "input" else self.size
        return np.random.default_rng(1).standard_normal(shape, np.float32)

    def places(self) -> NDArray[np.int64]:
        """Return where the maxima of a pool stand."""
        places: NDArray[np.int64] = max_pool2d(
            self.other(), self.conv.size, self.conv.stride, self.conv.padding, return_indices=True
        )[1]
        return places

    def ours(self, image: NDArray[Any], channel_axis: int | None) -> Callable[[], NDArray[Any]]:
        """Return a call of the public API that computes into a new array."""
        if self.kind == "max":
            places, window = self.places(), (self.conv.size, self.conv.stride, self.conv.padding)
            return lambda: grad.max_pool2d(image, places, self.size, *window)
        other, options = self.other(), (self.conv.stride, self.conv.padding, self.conv.dilation, self.groups)
        if self.kind == "input":
            return lambda: grad.conv2d_input(self.size, other, image, *options)
        shape = self.conv.weight_shape(self.size)
        return lambda: grad.conv2d_weight(other, shape, image, *options)

    def expected(self, image: NDArray[Any]) -> tuple[Doubles, Doubles, float, float]:
        """Return the float64 answer, the scale of errors, and the allowed errors of convlab and of peers."""
        g = image.astype(np.float64)
        if self.kind == "max":
            planes = np.zeros((*self.size[:2], math.prod(self.size[2:])))
            for to, its, where in zip(
                planes.reshape(-1, planes.shape[-1]),
                g.reshape(-1, math.prod(g.shape[2:])),
                self.places().reshape(-1, math.prod(g.shape[2:])),
                strict=True,
            ):
                np.add.at(to, where, its)
            y = planes.reshape(self.size)
            return y, np.full_like(y, max(1.0, abs(g).max())), 1e-6, 1e-6
        other = self.other().astype(np.float64)
        return self._sums(g, other), np.maximum(self._sums(abs(g), abs(other)), 1e-30), 1e-4, 1e-4

    def _sums(self, g: Doubles, other: Doubles) -> Doubles:
        conv, groups = self.conv, self.groups
        frame = np.zeros((*self.size[:2], *(n + 2 * conv.padding for n in self.size[2:])))
        inside: Any = (..., *(slice(conv.padding, conv.padding + n) for n in self.size[2:]))
        if self.kind == "weight":
            frame[inside] = other
        parts = frame.reshape(frame.shape[0], groups, -1, *frame.shape[2:])
        shape = conv.weight_shape(self.size)
        weights = (other if self.kind == "input" else np.zeros(shape)).reshape(groups, -1, *shape[1:])
        grads = g.reshape(g.shape[0], groups, -1, math.prod(g.shape[2:]))
        for tap in np.ndindex(shape[2:]):
            window: Any = (..., *(
                slice(i * conv.dilation, i * conv.dilation + (n - 1) * conv.stride + 1, conv.stride)
                for i, n in zip(tap, g.shape[2:], strict=True)
            ))  # fmt: skip
            index: Any = (..., *tap)
            if self.kind == "input":
                spread = np.swapaxes(weights[index], 1, 2) @ grads
                parts[window] += spread.reshape(*spread.shape[:3], *g.shape[2:])
            else:
                pixels = parts[window].reshape(*parts.shape[:3], -1)
                weights[index] += (grads @ np.swapaxes(pixels, 2, 3)).sum(axis=0)
        result: Doubles = frame[inside] if self.kind == "input" else weights.reshape(shape)
        return result


_LAYERS: dict[str, tuple[tuple[int, ...], Conv]] = {
    "ResNet 3x3 64 56x56": ((8, 64, 56, 56), Conv(64, 3, padding=1)),
    "ResNet 3x3 512 7x7": ((8, 512, 7, 7), Conv(512, 3, padding=1)),
    "ResNet 3x3/2 64-128 56x56": ((8, 64, 56, 56), Conv(128, 3, 2, 1)),
    "ResNet 1x1/2 64-128 56x56": ((8, 64, 56, 56), Conv(128, 1, 2)),
    "VGG 3x3 3-64 112x112": ((8, 3, 112, 112), Conv(64, 3, padding=1)),
    "VGG 3x3 512 14x14": ((8, 512, 14, 14), Conv(512, 3, padding=1)),
    "1x1 256-64 28x28": ((8, 256, 28, 28), Conv(64, 1)),
    "depthwise 3x3 64 112x112": ((8, 64, 112, 112), Conv(64, 3, padding=1, groups=0)),
    "depthwise 3x3/2 128 56x56": ((8, 128, 56, 56), Conv(128, 3, 2, 1, groups=0)),
    "depthwise 5x5 128 28x28": ((8, 128, 28, 28), Conv(128, 5, padding=2, groups=0)),
    "LeNet 5x5 1-6 28x28": ((64, 1, 28, 28), Conv(6, 5, padding=2)),
    "MNIST 3x3 32-64 13x13": ((64, 32, 13, 13), Conv(64, 3)),
}


def gradient_cases() -> list[Case]:
    """Return both gradients of each layer, and those of two maximum pools."""
    made = []
    for kind in ("input", "weight"):
        for name, (size, conv) in _LAYERS.items():
            work = Gradient(kind, size, conv)
            case = Case(f"grad conv2d_{kind} {name}", "Gradients", work.output_shape, work=work, required=0.9)
            made.append(case)
    for k, padding in ((2, 0), (3, 1)):
        size, conv = (32, 64, 112, 112), Conv(64, k, 2, padding)
        work = Gradient("max", size, conv)
        case = Case(f"grad max_pool2d {k}x{k}/2 112x112", "Gradients", work.output_shape, work=work, required=1.5)
        made.append(case)
    return made
