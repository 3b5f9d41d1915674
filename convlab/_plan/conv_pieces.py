"""Plans of convolutions in pieces: where the input must be converted, boxes of it are, one after the other.

A piece is a convolution of its own, whose input already holds the border that its windows reach.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from convlab._spec.convolving import Conv

from .conv_choice import Request

if TYPE_CHECKING:
    from .convolving import ConvPlan

# Bytes of a piece's input: enough that a call for each costs nothing, and few enough for the caches.
PIECE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Pieces:
    """Boxes of outputs (images, then axes), and the plan of each size of box."""

    spec: Conv
    box: tuple[int, ...]
    plans: "dict[tuple[int, ...], ConvPlan]"

    def each(self) -> "Iterator[tuple[tuple[int, ...], ConvPlan]]":
        """Where each box starts, and its plan."""
        whole = (self.spec.batch, *self.spec.out_size)
        for start in product(*(range(0, n, b) for n, b in zip(whole, self.box, strict=True))):
            size = tuple(min(b, n - i) for i, b, n in zip(start, self.box, whole, strict=True))
            yield start, self.plans[size]


def shape_of(spec: Conv) -> tuple[int, ...]:
    """The shape of a piece's input."""
    inner = (*spec.size, spec.channels) if spec.channels_last else (spec.channels, *spec.size)
    return (spec.batch, *inner) if spec.batched else inner


def part_of(spec: Conv, box: tuple[int, ...]) -> Conv:
    """The convolution that makes one box."""
    size = tuple(
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(box[1:], spec.stride, spec.kernel, spec.dilation, strict=True)
    )
    pads = ((0, 0),) * len(size)
    return replace(spec, batch=box[0], size=size, out_size=box[1:], pads=pads, border="constant")


def _bytes(spec: Conv, box: tuple[int, ...]) -> int:
    return 4 * math.prod(shape_of(part_of(spec, box))) * (1 if spec.batched else box[0])


def in_pieces(spec: Conv, tile: int, request: Request, make: "Callable[[Conv, int], ConvPlan]") -> Pieces:
    """Cut the outputs into boxes, the outermost axis first; `make` plans one beside the bytes of its input.

    Boxes are whole tiles of Winograd's (1 for other algorithms): the results would be others.
    """
    multiples = [1, *(tile * d if tile > 1 else 1 for d in spec.dilation)]
    box = [spec.batch, *spec.out_size]
    # Cut where the windows of neighbouring boxes share little, and then anywhere.
    wanted = min(PIECE_BYTES, request.limit // 2)
    for share in (4, 0):
        for axis in range(len(box)):
            extent = 0 if axis == 0 else (spec.kernel[axis - 1] - 1) * spec.dilation[axis - 1]
            step = 1 if axis == 0 else spec.stride[axis - 1]
            while _bytes(spec, tuple(box)) > wanted:
                half = -(-box[axis] // 2)
                half = -(-half // multiples[axis]) * multiples[axis]
                if half >= box[axis] or half * step < share * extent:
                    break
                box[axis] = half
    size = _bytes(spec, tuple(box))
    request.check(size)
    whole = (spec.batch, *spec.out_size)
    sizes = [dict.fromkeys([b, *([n % b] if n % b else [])]) for n, b in zip(whole, box, strict=True)]
    plans = {each: make(part_of(spec, each), size) for each in product(*sizes)}
    return Pieces(spec, tuple(box), plans)
