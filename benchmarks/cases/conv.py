"""A convolution of a network: its work, and its answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convlab

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Conv:
    """A convolution of a tensor (N, C, ...) over all axes from the third on, with square kernels.

    `prepared` weights belong to a layer that runs often; else each call passes its weights. `groups` of 0 means that
    each channel is convolved separately.
    """

    out_channels: int
    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    prepared: bool = False
    transposed: bool = False

    def name(self, axes: int) -> str:
        """Return the name of the public function or class."""
        if self.prepared:
            return "Conv2d"
        return f"conv_transpose{axes}d" if self.transposed else f"conv{axes}d"

    def parts(self, shape: tuple[int, ...]) -> int:
        """Number of groups of channels, fewer in a smaller tensor."""
        return math.gcd(self.groups, shape[1]) if self.groups else shape[1]

    def channels(self, shape: tuple[int, ...]) -> int:
        """Output channels."""
        return self.out_channels if self.groups else shape[1]

    def weight_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the weights' shape, as in PyTorch."""
        taps = (self.size,) * (len(shape) - 2)
        if self.transposed:
            return (shape[1], self.channels(shape) // self.parts(shape), *taps)
        return (self.channels(shape), shape[1] // self.parts(shape), *taps)

    def out_size(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output's size along each axis."""
        extent = (self.size - 1) * self.dilation + 1
        if self.transposed:
            return tuple((n - 1) * self.stride - 2 * self.padding + extent for n in shape[2:])
        return tuple((n + 2 * self.padding - extent) // self.stride + 1 for n in shape[2:])

    def flops(self, shape: tuple[int, ...]) -> int:
        """Multiplications and additions of the plain sums."""
        pixels = math.prod(shape[2:] if self.transposed else self.out_size(shape))
        return 2 * shape[0] * pixels * math.prod(self.weight_shape(shape))

    def bytes_moved(self, shape: tuple[int, ...]) -> int:
        """Input and weights read once, the output written once."""
        output = shape[0] * self.channels(shape) * math.prod(self.out_size(shape))
        return 4 * (math.prod(shape) + math.prod(self.weight_shape(shape)) + output)

    def ours(self, image: Array, kernel: Array) -> Callable[[], Array]:
        """Return a call of the public API."""
        options: dict[str, Any] = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.parts(image.shape),
        }
        function = getattr(convlab, self.name(image.ndim - 2))
        if self.prepared:
            layer = function(kernel, **options)
            return lambda: layer(image)
        return lambda: function(image, kernel, **options)

    def expected(self, image: Doubles, kernel: Doubles) -> Doubles:
        """Return the sums in double, computed by one matrix product for each tap."""
        shape, groups, s, d = image.shape, self.parts(image.shape), self.stride, self.dilation
        batch, size, out_size = shape[0], shape[2:], self.out_size(shape)
        weights = kernel.reshape(groups, -1, *kernel.shape[1:])
        if self.transposed:
            weights = np.swapaxes(weights, 1, 2)
        # In a transposed convolution the roles are exchanged: each input is added to several outputs.
        inner, outer = (size, out_size) if self.transposed else (out_size, size)
        frame = np.zeros((batch, groups, (self.channels(shape) if self.transposed else shape[1]) // groups,
                          *(n + 2 * self.padding for n in outer)))  # fmt: skip
        whole: Any = (..., *(slice(self.padding, self.padding + n) for n in outer))
        source = image.reshape(batch, groups, -1, *size)
        if not self.transposed:
            frame[whole] = source
        total = np.zeros((batch, groups, weights.shape[1], math.prod(out_size)))
        for tap in np.ndindex(*kernel.shape[2:]):
            window: Any = (..., *(slice(i * d, i * d + (n - 1) * s + 1, s) for i, n in zip(tap, inner, strict=True)))
            index: Any = (..., *tap)
            taps = weights[index]
            if self.transposed:
                spread = taps @ source.reshape(batch, groups, source.shape[2], -1)
                frame[window] += spread.reshape(batch, groups, -1, *size)
            else:
                total += taps @ frame[window].reshape(batch, groups, frame.shape[2], -1)
        result = frame[whole] if self.transposed else total
        return result.reshape(batch, -1, *out_size)
