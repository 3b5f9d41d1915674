"""One benchmark case, as data: the work, its lower bounds, and the project's target for the ratio."""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import convlab
from convlab import data, filters
from convlab.typing import Border

from .conv import Conv
from .work import Work

Array = NDArray[np.float32]

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Filter:
    """The arguments of one `filter2d`: a square of random taps, or a filter of the catalogue."""

    size: int
    border: Border = "mirror"
    clip: tuple[float, float] | None = None
    name: str | None = None


@dataclass(frozen=True)
class Pool:
    """The arguments of one pooling over square windows."""

    kind: Literal["max", "avg", "min"]
    size: int
    stride: int
    padding: int = 0


@dataclass(frozen=True)
class Inputs:
    """The inputs of every contender: the same C-contiguous arrays, float32 by default."""

    image: Array
    kernel: Array | None


@dataclass(frozen=True)
class Case:
    """One piece of work: a filter, a pooling, both (the lesson), a convolution of tensors, or another family's.

    `required` is the least ratio (the yardstick's time divided by convlab's, on one thread) that the
    project accepts; the yardstick is the fastest peer, or plain Python if `yardstick` is "python".
    """

    name: str
    group: str
    shape: tuple[int, ...]
    filter: Filter | None = None
    pool: Pool | None = None
    work: Work | None = None
    conv: Conv | None = None
    channel_axis: int | None = None
    picture: Literal["random", "ascent"] = "random"
    required: float | None = None
    yardstick: Literal["peers", "python"] = "peers"

    @property
    def operations(self) -> tuple[str, ...]:
        """The public functions that the case calls, in order."""
        names = [] if self.work is None else [*self.work.operations]
        if self.filter is not None:
            names.append("filter2d")
        if self.pool is not None:
            names.append(f"{self.pool.kind}_pool2d")
        if self.conv is not None:
            names.append(self.conv.name(len(self.shape) - 2))
        return tuple(names)

    @property
    def spatial(self) -> tuple[int, int]:
        """Height and width of the input."""
        height, width = self.shape[:2] if self.channel_axis == -1 else self.shape[-2:]
        return height, width

    @property
    def planes(self) -> int:
        """Number of images of that height and width in the input."""
        height, width = self.spatial
        return math.prod(self.shape) // (height * width)

    @property
    def flops(self) -> int:
        """Multiplications and additions of the filter; comparisons or additions of the pooling."""
        if self.work is not None:
            return self.work.flops(math.prod(self.shape))
        if self.conv is not None:
            return self.conv.flops(self.shape)
        height, width = self.spatial
        total = 0
        if self.filter is not None:
            margin = self.filter.size - 1
            if self.filter.border in ("valid", "keep"):
                total += 2 * self.filter.size**2 * (height - margin) * (width - margin)
            else:
                total += 2 * self.filter.size**2 * height * width
            if self.filter.border == "valid":
                height, width = height - margin, width - margin
        if self.pool is not None:
            pooled = _pooled(height, self.pool) * _pooled(width, self.pool)
            # An average has one multiplication more, so there are as many operations as elements.
            total += (self.pool.size**2 - (self.pool.kind != "avg")) * pooled
        return total * self.planes

    @property
    def bytes_moved(self) -> int:
        """The minimum traffic: the input read once, the output written once."""
        if self.work is not None:
            return self.work.bytes_moved(math.prod(self.shape))
        if self.conv is not None:
            return self.conv.bytes_moved(self.shape)
        height, width = self.spatial
        read = height * width
        if self.filter is not None and self.filter.border == "valid":
            height, width = height - self.filter.size + 1, width - self.filter.size + 1
        if self.pool is not None:
            height, width = _pooled(height, self.pool), _pooled(width, self.pool)
        return FLOAT_BYTES * self.planes * (read + height * width)

    @property
    def bearable_in_python(self) -> bool:
        """Whether plain loops take at most about a second, the time of the lesson over 512x512 pixels."""
        return math.prod(self.shape) <= 512**2 and self.flops <= 5_000_000

    def inputs(self) -> Inputs:
        """Make the arrays, equal in every process and every run."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        if self.work is not None:
            return Inputs(self.work.image(self.shape, random), None)
        if self.picture == "ascent":
            image = data.ascent().astype(np.float32)
        else:
            image = random.random(self.shape, dtype=np.float32)
        if self.conv is not None:
            return Inputs(image - 0.5, random.random(self.conv.weight_shape(self.shape), dtype=np.float32) - 0.5)
        if self.filter is None:
            return Inputs(image, None)
        if self.filter.name is not None:
            kernel = np.asarray(filters.get(self.filter.name), dtype=np.float32)
        else:
            kernel = random.random((self.filter.size, self.filter.size), dtype=np.float32) - 0.5
        return Inputs(image, kernel)

    def ours(self, inputs: Inputs) -> Callable[[], Array]:
        """Return a call of the public API that computes into a new array."""
        if self.work is not None:
            return self.work.ours(inputs.image, self.channel_axis)
        if self.conv is not None and inputs.kernel is not None:
            return self.conv.ours(inputs.image, inputs.kernel)
        stages: list[Callable[[Any], Array]] = []
        image, kernel, axis = inputs.image, inputs.kernel, self.channel_axis
        if self.filter is not None and kernel is not None:
            border, clip = self.filter.border, self.filter.clip
            stages.append(lambda x: convlab.filter2d(x, kernel, border=border, clip=clip, channel_axis=axis))
        if self.pool is not None:
            pool = getattr(convlab, f"{self.pool.kind}_pool2d")
            size, stride, padding = self.pool.size, self.pool.stride, self.pool.padding
            stages.append(lambda x: pool(x, size, stride, padding, channel_axis=axis))
        if len(stages) == 1:
            (only,) = stages
            return lambda: only(image)
        first, second = stages
        return lambda: second(first(image))


def _pooled(size: int, pool: Pool) -> int:
    return (size + 2 * pool.padding - pool.size) // pool.stride + 1
