"""The benchmark's convolutions of networks: what one is, what it should give, and the layers that are timed."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convlab

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Conv:
    """A convolution of a tensor (N, C, ...) over all axes from the third on, with square kernels.

    `prepared` weights are those of a layer of a network that runs often; else each call brings its own. `groups` of 0
    means that each channel is convolved alone.
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
        """The public function, or the class, that does it."""
        if self.prepared:
            return "Conv2d"
        return f"conv_transpose{axes}d" if self.transposed else f"conv{axes}d"

    def parts(self, shape: tuple[int, ...]) -> int:
        """How many groups the channels are cut in: of a smaller tensor fewer."""
        return math.gcd(self.groups, shape[1]) if self.groups else shape[1]

    def channels(self, shape: tuple[int, ...]) -> int:
        """Output channels."""
        return self.out_channels if self.groups else shape[1]

    def weight_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The weights' shape, as PyTorch has it."""
        taps = (self.size,) * (len(shape) - 2)
        if self.transposed:
            return (shape[1], self.channels(shape) // self.parts(shape), *taps)
        return (self.channels(shape), shape[1] // self.parts(shape), *taps)

    def out_size(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The output's size along each axis."""
        extent = (self.size - 1) * self.dilation + 1
        if self.transposed:
            return tuple((n - 1) * self.stride - 2 * self.padding + extent for n in shape[2:])
        return tuple((n + 2 * self.padding - extent) // self.stride + 1 for n in shape[2:])

    def flops(self, shape: tuple[int, ...]) -> int:
        """Multiplications and additions of the plain sums."""
        pixels = math.prod(shape[2:] if self.transposed else self.out_size(shape))
        return 2 * shape[0] * pixels * math.prod(self.weight_shape(shape))

    def bytes_moved(self, shape: tuple[int, ...]) -> int:
        """Input and weights read once, the output written."""
        output = shape[0] * self.channels(shape) * math.prod(self.out_size(shape))
        return 4 * (math.prod(shape) + math.prod(self.weight_shape(shape)) + output)

    def ours(self, image: Array, kernel: Array) -> Callable[[], Array]:
        """A call of the public API."""
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
        """The sums in double, one product of matrices for each tap."""
        shape, groups, s, d = image.shape, self.parts(image.shape), self.stride, self.dilation
        batch, size, out_size = shape[0], shape[2:], self.out_size(shape)
        weights = kernel.reshape(groups, -1, *kernel.shape[1:])
        if self.transposed:
            weights = np.swapaxes(weights, 1, 2)
        # Of a transpose the roles are exchanged: each input is spread over the output.
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


# Group, name, input shape, convolution, least ratio.
Layer = tuple[str, str, tuple[int, ...], Conv, float]


def _both(group: str, name: str, shape: tuple[int, ...], required: float, conv: Conv) -> Iterator[Layer]:
    """A layer with weights of its own, and the function."""
    yield group, f"layer {name}", shape, replace(conv, prepared=True), required
    yield f"{group}, conv2d", f"conv2d {name}", shape, conv, required


def layers() -> list[Layer]:
    """The layers of known networks, by kind."""
    kinds: dict[str, tuple[float, list[tuple[str, tuple[int, ...], Conv]]]] = {
        "Convolution 3x3": (1.0, [
            (f"3x3 {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, 3, padding=1))
            for c, m, side in (
                (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 512, 28),
                (512, 512, 28), (512, 512, 14), (64, 64, 56), (128, 128, 28), (256, 256, 14), (512, 512, 7),
            )
        ]),
        "Convolution 3x3 strided and 7x7": (0.95, [
            ("7x7/2 3-64 224x224", (1, 3, 224, 224), Conv(64, 7, 2, 3)),
            *(
                (f"3x3/2 {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, 3, 2, 1))
                for c, m, side in ((64, 128, 56), (128, 256, 28), (256, 512, 14))
            ),
        ]),
        "Convolution 1x1": (0.95, [
            (f"1x1{'/2' if s == 2 else ''} {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, 1, s))
            for c, m, side, s in (
                (64, 256, 56, 1), (256, 64, 56, 1), (128, 512, 28, 1), (512, 128, 28, 1), (256, 1024, 14, 1),
                (1024, 256, 14, 1), (512, 2048, 7, 1), (2048, 512, 7, 1), (256, 512, 56, 2), (512, 1024, 28, 2),
                (1024, 2048, 14, 2),
            )
        ]),
        "Depthwise": (1.0, [
            (f"depthwise {k}x{k}{'/2' if s == 2 else ''} {c} {side}x{side}", (1, c, side, side),
             Conv(c, k, s, k // 2, groups=0))
            for c, k, side, s in (
                (32, 3, 112, 1), (64, 3, 112, 2), (96, 3, 112, 2), (144, 3, 56, 1), (256, 3, 28, 2), (512, 3, 14, 1),
                (512, 3, 14, 2), (960, 3, 7, 1),
                (72, 5, 56, 2), (120, 5, 28, 1), (672, 5, 14, 1), (672, 5, 14, 2), (960, 5, 7, 1),
                (96, 7, 56, 1), (192, 7, 28, 1), (384, 7, 14, 1), (768, 7, 7, 1),
            )
        ]),
        "Few channels": (1.0, [
            ("3x3 1-32 512x512", (1, 1, 512, 512), Conv(32, 3, padding=1)),
            ("3x3 3-64 224x224", (1, 3, 224, 224), Conv(64, 3, padding=1)),
            ("LeNet 5x5 1-6 28x28 batch 32", (32, 1, 28, 28), Conv(6, 5, padding=2)),
            ("LeNet 5x5 6-16 14x14 batch 32", (32, 6, 14, 14), Conv(16, 5)),
            ("MNIST 3x3 1-32 28x28 batch 64", (64, 1, 28, 28), Conv(32, 3)),
            ("MNIST 3x3 32-64 26x26 batch 64", (64, 32, 26, 26), Conv(64, 3)),
        ]),
        "Dilated and grouped": (1.0, [
            ("3x3 dilation 2 256-256 32x32", (1, 256, 32, 32), Conv(256, 3, 1, 2, 2)),
            ("3x3 dilation 12 512-256 32x32", (1, 512, 32, 32), Conv(256, 3, 1, 12, 12)),
            *(
                (f"3x3 32 groups {c} {side}x{side}", (1, c, side, side), Conv(c, 3, 1, 1, groups=32))
                for c, side in ((128, 56), (256, 28), (512, 14), (1024, 7))
            ),
        ]),
    }  # fmt: skip
    made = []
    for group, (required, entries) in kinds.items():
        pairs = [tuple(_both(group, name, shape, required, conv)) for name, shape, conv in entries]
        made += [layer for layer, _ in pairs] + [function for _, function in pairs]
    made += [
        ("Transposes, signals, volumes", name, shape, conv, 1.0)
        for name, shape, conv in (
            ("conv_transpose2d DCGAN 4x4/2 512-256 8x8", (1, 512, 8, 8), Conv(256, 4, 2, 1, transposed=True)),
            ("conv_transpose2d DCGAN 4x4/2 128-64 32x32", (1, 128, 32, 32), Conv(64, 4, 2, 1, transposed=True)),
            ("conv_transpose2d U-Net 2x2/2 128-64 56x56", (1, 128, 56, 56), Conv(64, 2, 2, transposed=True)),
            ("conv_transpose1d 16/8 64-32 2000", (1, 64, 2000), Conv(32, 16, 8, 4, transposed=True)),
            ("conv_transpose3d 2x2x2/2 64-32 12x12x12", (1, 64, 12, 12, 12), Conv(32, 2, 2, transposed=True)),
            ("conv1d 9 64-64 16000", (1, 64, 16000), Conv(64, 9, 1, 4)),
            ("conv1d 25/4 1-32 64000", (1, 1, 64000), Conv(32, 25, 4, 12)),
            ("conv3d 3x3x3 3-64 16x112x112", (1, 3, 16, 112, 112), Conv(64, 3, 1, 1)),
            ("conv3d 3x3x3 64-64 8x28x28", (1, 64, 8, 28, 28), Conv(64, 3, 1, 1)),
            ("conv3d 3x3x3 1-16 64x64x64", (1, 1, 64, 64, 64), Conv(16, 3, 1, 1)),
        )
    ]
    made += [
        ("Small convolutions", f"conv2d {k}x{k} {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, k, 1, p), 1.5)
        for c, m, side, k, p in (
            (1, 1, 8, 3, 1), (8, 16, 8, 1, 0), (3, 8, 16, 3, 1), (8, 8, 16, 3, 1), (4, 8, 28, 3, 1), (1, 4, 28, 5, 0),
        )
    ]  # fmt: skip
    return made
