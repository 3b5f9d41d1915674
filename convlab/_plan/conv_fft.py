"""Plans of convolutions by transforms: the sides of a tile, and what it costs."""

import math
from dataclasses import dataclass
from functools import lru_cache

from convlab._importing import scipy_fft
from convlab._spec.convolving import Conv

# Elements of a tile, where the kernel does not want more: doubles that the second-level cache holds.
POINTS = 1 << 14
# Terms of a sum from which transforms may pay.
FEWEST_TERMS = 256
# Measured on a Zen 3 with AVX2: flops of a transform and of a long direct sum, and what a transform costs beside.
TRANSFORM_FLOPS = 4e9
DIRECT_FLOPS = 30e9
OVERHEAD = 15e-6


@dataclass(frozen=True, slots=True)
class Tiles:
    """Outputs of a tile along each axis, the sides of its transform, and how many tiles make an image."""

    size: tuple[int, ...]
    sides: tuple[int, ...]
    number: int

    @property
    def flops(self) -> float:
        """Of one transform."""
        points = math.prod(self.sides)
        return 2.5 * points * math.log2(points)


@lru_cache(64)
def tiles_for(
    out_size: tuple[int, ...], stride: tuple[int, ...], kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> Tiles:
    """Tiles that overlap by the kernel's size less one; an axis of one output row keeps its size."""
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    long = sum(n > 1 for n in out_size) or 1
    most = round(POINTS ** (1 / long))
    size, sides = [], []
    for n, s, extent in zip(out_size, stride, extents, strict=True):
        step = max(most, 4 * extent) - extent + 1  # positions of a tile
        outputs = max(1, min(n, step // s))
        outputs = -(-n // -(-n // outputs))  # of about the same size
        size.append(outputs)
        sides.append(scipy_fft().next_fast_len((outputs - 1) * s + extent, real=True))
    number = math.prod(-(-n // t) for n, t in zip(out_size, size, strict=True))
    return Tiles(tuple(size), tuple(sides), number)


def tiles(spec: Conv) -> Tiles:
    return tiles_for(spec.out_size, spec.stride, spec.kernel, spec.dilation)


def transforms(spec: Conv) -> int:
    """Of an image: its channels and its results, tile by tile; and of the kernels."""
    pairs = spec.out_channels * (spec.channels // spec.groups)
    return tiles(spec).number * (spec.channels + spec.out_channels) + pairs


def pays(spec: Conv) -> bool:
    """Whether transforms take at most two thirds of the time of the direct sums, by the model."""
    terms = math.prod(spec.kernel)
    if terms < FEWEST_TERMS or terms * math.prod(spec.out_size) < 1 << 22:
        return False
    pairs = spec.out_channels * (spec.channels // spec.groups)
    direct = 2 * terms * pairs * math.prod(spec.out_size) / DIRECT_FLOPS
    cut = tiles(spec)
    products = 4 * pairs * cut.number * math.prod(cut.sides) / TRANSFORM_FLOPS
    return 1.5 * (transforms(spec) * (cut.flops / TRANSFORM_FLOPS + OVERHEAD) + products) < direct


def memory(spec: Conv) -> int:
    """Bytes of one group's tile: its channels, their transforms and the kernels', a product and its inverse."""
    channels, out_channels = spec.channels // spec.groups, spec.out_channels // spec.groups
    padded = math.prod(tiles(spec).sides[:-1]) * (tiles(spec).sides[-1] + 2)
    return 8 * padded * (4 * channels + channels * out_channels + 6)
