"""Calls of the public operations with given sizes, and the calls whose time and memory the sweep measures."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Call:
    """One call: the operation's name ("box", "ndimage.sobel"), the first argument's shape and dtype, the others."""

    operation: str
    shape: tuple[int, ...]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    axis: str = ""  # the long axis

    def __str__(self) -> str:
        words = [*map(_word, self.arguments), *(f"{name}={_word(value)}" for name, value in self.options.items())]
        return f"{self.operation} {self.dtype} {'x'.join(map(str, self.shape))} ({', '.join(words)})"

    @property
    def function(self) -> Callable[..., Any]:
        """The public function."""
        module, _, name = self.operation.rpartition(".")
        found: Callable[..., Any] = getattr(import_module(f"convlab.{module}" if module else "convlab"), name)
        return found

    def image(self) -> Array:
        """Make the first argument: noise on an offset, as in images of cameras and sensors."""
        random = np.random.default_rng(math.prod(self.shape) % 2**32)
        if self.dtype == "float32":
            image = random.random(self.shape, dtype=np.float32)
            image += 1
            return image
        return random.integers(0, 200, self.shape, np.dtype(self.dtype).type)

    def others(self) -> tuple[Any, ...]:
        """Make the other arguments; the indices of an unpooling are as long as its input."""
        if "unpool" not in self.operation:
            return self.arguments
        return (first_of_windows(self.shape, self.arguments[0]), *self.arguments)

    @property
    def result(self) -> tuple[tuple[int, ...], str]:
        """The shape and dtype of `out=` for the calls listed below."""
        name, batch = self.operation, self.shape[:2]
        if name == "filter_bank":
            return (len(self.arguments[0]), *self.shape), "float32"
        if name.endswith("_filter") or name.startswith(("max_pool", "min_pool", "adaptive_max", "max_unpool")):
            dtype = self.dtype
        else:
            dtype = self.dtype if name == "global_max_pool" else "float32"
        if name.startswith("conv"):
            return (batch[0], self.arguments[0].shape["transpose" in name], *self.shape[2:]), dtype
        if name.startswith("global"):
            return (*batch, *(1 for _ in self.shape[2:])), dtype
        if name.startswith("adaptive"):
            return (*batch, *(self.arguments[0] for _ in self.shape[2:])), dtype
        if "unpool" in name:
            return (*batch, *(2 * n for n in self.shape[2:])), dtype
        if "pool" in name and len(self.arguments) == 1:
            return (*batch, *(n // size for n, size in zip(self.shape[2:], self.arguments[0], strict=True))), dtype
        return self.shape, dtype

    def bind(self, image: Array, **more: Any) -> Callable[[], Any]:
        """Return the call with its arguments."""
        return partial(self.function, image, *self.others(), **self.options, **more)


def _word(value: Any) -> str:
    return f"array {'x'.join(map(str, value.shape))}" if isinstance(value, np.ndarray) else repr(value)


def first_of_windows(shape: tuple[int, ...], sizes: tuple[int, ...]) -> Array:
    """Return the index of the first pixel of each window of a max pool whose output has this shape."""
    axes = len(sizes)
    indices = np.zeros(shape[-axes:], np.int64)
    for axis, size in enumerate(sizes):
        length = shape[axis - axes]
        below = math.prod(shape[other - axes] * sizes[other] for other in range(axis + 1, axes))
        indices += (np.arange(length) * size * below).reshape([-1 if a == axis else 1 for a in range(axes)])
    return np.broadcast_to(indices, shape).copy()


def taps(*shape: int) -> Array:
    """Return a kernel that is not separable and not symmetric."""
    return np.random.default_rng(math.prod(shape)).random(shape, dtype=np.float32) - np.float32(0.4)


# Operation -> the arguments after the image of each variant: a small window, a large one, another algorithm.
_IMAGES: dict[str, list[tuple[Any, ...]]] = {
    "filter2d": [(taps(3, 3),), (taps(31, 31),), (np.ones((9, 9), np.float32),)],
    "filter_bank": [(taps(3, 3, 3),)],
    "sep_filter2d": [(taps(9), taps(9))],
    "gaussian": [(2.0,)],
    "box": [(3,), (31,)],
    "unsharp": [()],
    "gabor": [(0.25,)],
    "laplacian": [()],
    "sobel": [()],
    "scharr": [()],
    "prewitt": [()],
    "gradient_magnitude": [()],
    "maximum_filter": [(3,), (31,)],
    "minimum_filter": [(5,)],
    "median_filter": [(3,), ((1, 7),), ((7, 1),), (11,)],
}
_RANKS = ("maximum_filter", "minimum_filter", "median_filter")

# Names with {} for the number of axes -> the arguments after the tensor; by default a window of 2, or of a shorter
# axis.
_POOLS: dict[str, list[tuple[Any, ...]]] = {
    "max_pool{}d": [(3, 1, 1), ()],
    "avg_pool{}d": [(3, 1, 1), ()],
    "lp_pool{}d": [(2, 3, 1)],
    "adaptive_avg_pool{}d": [(8,)],
    "adaptive_max_pool{}d": [(8,)],
    "max_unpool{}d": [()],
}
_WHOLE = ("global_avg_pool", "global_max_pool", "global_lp_pool")
_SPATIAL = {1: ("columns",), 2: ("rows", "columns"), 3: ("depth", "rows", "columns")}


def _convolutions(axes: int, channels: int) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    window = (3,) * axes
    yield f"conv{axes}d", (taps(4, channels, *window),), {"padding": 1}
    yield f"conv{axes}d", (taps(channels, 1, *window),), {"padding": 1, "groups": channels}
    yield f"conv_transpose{axes}d", (taps(channels, 4, *window),), {"padding": 1}


def image_calls(shape: tuple[int, ...], dtype: str = "float32") -> Iterator[Call]:
    """Yield calls of every operation on images, with each variant of its arguments."""
    options = {"channel_axis": 2} if len(shape) == 3 else {}
    for name, variants in _IMAGES.items():
        for arguments in variants:
            yield Call(name, shape, arguments, options, dtype)
    if dtype == "float32":
        for name in _RANKS:
            yield Call(name, shape, (5,), options, "uint16")


def tensor_calls(shape: tuple[int, ...], dtype: str = "float32") -> Iterator[Call]:
    """Yield a call of every operation on tensors (N, C, spatial axes)."""
    axes = len(shape) - 2
    for name, variants in _POOLS.items():
        for arguments in variants:
            options = {"padding": 1} if name.startswith("lp_") else {}
            sizes, halves = tuple(min(n, 2) for n in shape[2:]), tuple(-(-n // 2) for n in shape[2:])
            if "unpool" in name:
                yield Call(name.format(axes), (*shape[:2], *halves), ((2,) * axes,), options, dtype)
            else:
                yield Call(name.format(axes), shape, arguments or (sizes,), options, dtype)
    for name in _WHOLE:
        yield Call(name, shape, (), {"layout": ["NCL", "NCHW", "NCDHW"][axes - 1]}, dtype)
    if axes == 2:
        yield Call("min_pool2d", shape, (3, 1, 1), {}, dtype)
    for name, weights, options in _convolutions(axes, shape[1]):
        yield Call(name, shape, weights, options, dtype)


def dropin_calls(shape: tuple[int, ...]) -> Iterator[Call]:
    """Yield calls of SciPy's functions on float32."""
    axes = len(shape)
    along = {"axis": -1} if shape[-1] >= shape[0] else {"axis": 0}
    square = (3,) * axes
    for name, arguments, options in (
        ("correlate", (taps(*square),), {}),
        ("convolve", (taps(*square),), {}),
        ("correlate1d", (taps(9),), along),
        ("convolve1d", (taps(9),), along),
        ("gaussian_filter", (2.0,), {}),
        ("gaussian_filter1d", (2.0,), along),
        ("gaussian_gradient_magnitude", (1.0,), {}),
        ("gaussian_laplace", (1.0,), {}),
        ("laplace", (), {}),
        ("sobel", (), along),
        ("prewitt", (), along),
        ("uniform_filter", (9,), {}),
        ("uniform_filter1d", (9,), along),
        ("maximum_filter", (9,), {}),
        ("maximum_filter1d", (9,), along),
        ("minimum_filter", (9,), {}),
        ("minimum_filter1d", (9,), along),
        ("median_filter", (3,), {}),
        ("rank_filter", (1, 3), {}),
        ("percentile_filter", (50, 3), {}),
    ):
        yield Call(f"ndimage.{name}", shape, arguments, options)
    if axes == 2:
        for name, options in (
            ("convolve2d", {"mode": "same"}),
            ("correlate2d", {"mode": "same"}),
            ("fftconvolve", {"mode": "same"}),
            ("oaconvolve", {"mode": "same"}),
        ):
            yield Call(f"signal.{name}", shape, (taps(3, 3),), options)
        yield Call("signal.medfilt2d", shape, (3,))
        yield Call("signal.medfilt", shape, (3,))
        yield Call("signal.order_filter", shape, (np.ones((3, 3)), 4))


def pairs(elements: int) -> Iterator[tuple[Call, Call]]:
    """Yield pairs of a call of `elements` pixels and the same call with one axis eight times as long.

    Each axis grows separately, once if it has nearly all of the pixels and once in an image or tensor of balanced
    sides. For a kernel of 31 x 31, every side of the image is long enough.
    """
    side = max(round(elements**0.5), 8)
    shapes: list[tuple[Callable[[tuple[int, ...]], Iterator[Call]], tuple[int, ...], int, str]] = []
    for axis, name in enumerate(("rows", "columns")):
        thin = (elements, 1) if axis == 0 else (1, elements)
        shapes += [(make, shape, axis, name) for make in (image_calls, dropin_calls) for shape in (thin, (side, side))]
    shapes += [
        (image_calls, (32, 32, max(elements // 1024, 1)), 2, "channels"),
        (image_calls, (side // 2, side // 2, 4), 2, "channels"),
    ]
    for axes, spatial in _SPATIAL.items():
        plane = {1: (1024,), 2: (32, 32), 3: (10, 10, 10)}[axes]
        count = max(elements // math.prod(plane), 1)
        each = max(round((elements / 16) ** (1 / axes)), 4)
        balanced = (4, 4, *[each] * axes)
        shapes += [(tensor_calls, (count, 1, *plane), 0, "batch"), (tensor_calls, (1, count, *plane), 1, "channels")]
        for axis, name in enumerate(spatial):
            lone = [1] * axes
            lone[axis] = elements
            shapes += [(tensor_calls, (1, 1, *lone), axis + 2, name)]
        shapes += [(tensor_calls, balanced, axis, name) for axis, name in enumerate(("batch", "channels", *spatial))]
    for make, shape, axis, name in shapes:
        longer = tuple(8 * n if number == axis else n for number, n in enumerate(shape))
        for small, large in zip(make(shape), make(longer), strict=True):
            yield replace(small, axis=name), replace(large, axis=name)


def memory_calls(elements: int) -> Iterator[Call]:
    """Yield every operation on a wide, a tall and a square array of float32 and of uint8; `axis` names the form."""
    side = round(elements**0.5)
    spatial: dict[str, Callable[[int, int], tuple[int, ...]]] = {
        "wide": lambda axes, n: (1,) * (axes - 1) + (n,),
        "tall": lambda axes, n: (n,) + (1,) * (axes - 1),
        "square": lambda axes, n: {1: (n,), 2: (side, n // side), 3: (16, side // 4, n // 16 // (side // 4))}[axes],
    }
    for dtype in ("float32", "uint8"):
        for name, sizes in spatial.items():
            calls = list(image_calls(sizes(2, elements), dtype))
            for axes in _SPATIAL:
                if axes > 1 or name == "wide":
                    calls += tensor_calls((1, 1, *sizes(axes, elements)), dtype)
            quarter = sizes(2, elements // 4)
            calls += [c for c in tensor_calls((1, 4, *quarter), dtype) if c.operation.startswith("conv")]
            calls.append(Call("max_pool2d", (1, 1, *sizes(2, elements)), (3, 1, 1), {"return_indices": True}, dtype))
            yield from (replace(call, axis=name) for call in calls if call.dtype == dtype)
