"""Random calls on tensors, each with PyTorch's function of the same name, and SciPy's FFT if it computes the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import signal

from benchmarks.sweep_calls import Call, first_of_windows, taps
from benchmarks.sweep_draws import MOST_PRODUCTS, Drawn, bounded, sides, window

_MOST_OF_A_POOL = 2**29


def draw_tensor(random: np.random.Generator, elements: int) -> Drawn:
    """Draw a call of an operation on tensors."""
    axes = int(random.choice([1, 2, 2, 2, 3]))
    family = _FAMILIES[int(random.choice(len(_FAMILIES), p=_SHARES))]
    return family(random, elements, axes)


def _shape(random: np.random.Generator, elements: int, axes: int) -> tuple[int, ...]:
    batch = int(random.choice([1, 1, 2, 8, 64]))
    channels = int(random.choice([1, 1, 3, 16, 64, 256, 1000]))
    rest = max(elements // (batch * channels), 2**axes)
    return batch, channels, *sides(random, rest, axes)


def _peer(drawn: Drawn, name: str, *arguments: Any, **options: Any) -> Drawn:
    """Add PyTorch's function; if the channels are last it gets PyTorch's channels-last tensor."""
    last = drawn.call.options.get("layout") == "NHWC"

    def make(torch: Any) -> Callable[[Any], Any]:
        function = getattr(torch.nn.functional, name)
        given = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arguments]
        if not last:
            return lambda image: function(torch.from_numpy(image), *given, **options)
        return lambda image: function(torch.from_numpy(image).permute(0, 3, 1, 2), *given, **options).permute(
            0, 2, 3, 1
        )

    drawn.add("PyTorch", make)
    return drawn


def _channels_last(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[tuple[int, ...], dict[str, Any]]:
    if len(shape) == 4 and random.random() < 0.2:
        return (shape[0], *shape[2:], shape[1]), {"layout": "NHWC"}
    return shape, {}


def _pool(random: np.random.Generator, elements: int, axes: int) -> Drawn:
    kind = str(random.choice(["max", "avg", "lp"]))
    shape = _shape(random, elements, axes)
    sizes = tuple(window(random, n, odd=False) for n in shape[2:])
    strides = sizes if random.random() < 0.5 else tuple(int(random.integers(1, size + 1)) for size in sizes)
    outputs = [(n - size) // stride + 1 for n, size, stride in zip(shape[2:], sizes, strides, strict=True)]
    planes = shape[0] * shape[1]
    sizes = bounded(sizes, int(planes * np.prod(outputs)), _MOST_OF_A_POOL)
    strides = tuple(min(pair) for pair in zip(strides, sizes, strict=True))
    outputs = [(n - size) // stride + 1 for n, size, stride in zip(shape[2:], sizes, strides, strict=True)]
    if planes * np.prod(outputs) * np.prod(sizes, dtype=float) > _MOST_OF_A_POOL:
        strides = sizes
    padding = tuple(int(random.integers(0, size // 2 + 1)) for size in sizes) if random.random() < 0.4 else 0
    name = f"{kind}_pool{axes}d"
    if kind == "lp":
        norm = float(random.choice([1, 2, 3]))
        return _peer(Drawn(Call(name, shape, (norm, sizes, strides))), name, norm, sizes, strides)
    shape, options = _channels_last(random, shape)
    return _peer(Drawn(Call(name, shape, (sizes, strides, padding), options)), name, sizes, strides, padding)


def _adaptive(random: np.random.Generator, elements: int, axes: int) -> Drawn:
    name = f"adaptive_{random.choice(['avg', 'max'])}_pool{axes}d"
    shape = _shape(random, elements, axes)
    output = tuple(max(round(float(n) ** random.random()), 1) for n in shape[2:])
    return _peer(Drawn(Call(name, shape, (output,))), name, output)


def _whole(random: np.random.Generator, elements: int, axes: int) -> Drawn:
    kind = str(random.choice(["avg", "max", "lp"]))
    shape = _shape(random, elements, axes)
    last = tuple(range(2, axes + 2))
    drawn = Drawn(Call(f"global_{kind}_pool", shape, (), {"layout": ["NCL", "NCHW", "NCDHW"][axes - 1]}))

    def make(torch: Any) -> Callable[[Any], Any]:
        function = {"avg": torch.mean, "max": torch.amax, "lp": torch.linalg.vector_norm}[kind]
        options = {"ord": 2} if kind == "lp" else {}
        return lambda image: function(torch.from_numpy(image), dim=last, keepdim=True, **options)

    drawn.add("PyTorch", make)
    return drawn


def _unpool(random: np.random.Generator, elements: int, axes: int) -> Drawn:
    shape = _shape(random, elements, axes)
    size = tuple(int(random.choice([2, 2, 3])) for _ in range(axes))
    name = f"max_unpool{axes}d"
    return _peer(Drawn(Call(name, shape, (size,))), name, first_of_windows(shape, size), size)


def _conv(random: np.random.Generator, elements: int, axes: int) -> Drawn:
    shape = _shape(random, elements, axes)
    channels = shape[1]
    depthwise = channels > 1 and random.random() < 0.3
    outputs = channels if depthwise else int(random.choice([1, 4, 16, 64, 256]))
    each = 1 if depthwise else channels
    sizes = tuple(window(random, n, odd=False) for n in shape[2:])
    pixels = int(np.prod(shape[2:]) * shape[0])
    while pixels * outputs * each > MOST_PRODUCTS and not depthwise and outputs > 1:
        outputs //= 4
    sizes = bounded(sizes, pixels * outputs * each, MOST_PRODUCTS * 2)
    stride = tuple(int(random.integers(1, size + 1)) for size in sizes) if random.random() < 0.3 else 1
    padding = tuple(size // 2 for size in sizes) if random.random() < 0.5 else 0
    groups = channels if depthwise else 1
    weight = taps(outputs, each, *sizes)
    options = {"stride": stride, "padding": padding, "groups": groups}
    name = f"conv{axes}d"
    shape, layout = _channels_last(random, shape)
    drawn = _peer(Drawn(Call(name, shape, (weight,), options | layout)), name, weight, **options)
    if axes == 1 and shape[:2] == (1, 1) and outputs == 1 and stride == 1 and padding == 0:
        flipped = weight[0, 0, ::-1].copy()
        drawn.ways["SciPy"] = lambda image: signal.fftconvolve(image[0, 0], flipped, "valid")[None, None]
    return drawn


def _transpose(random: np.random.Generator, elements: int, axes: int) -> Drawn:
    shape = _shape(random, elements // 4, axes)
    outputs = int(random.choice([1, 3, 16, 64]))
    sizes = tuple(window(random, n, odd=False) for n in shape[2:])
    pixels = int(np.prod(shape))
    while pixels * outputs > MOST_PRODUCTS and outputs > 1:
        outputs //= 4
    outputs = max(outputs, 1)
    sizes = bounded(sizes, pixels * outputs, MOST_PRODUCTS)
    stride = tuple(int(random.integers(1, min(size, 3) + 1)) for size in sizes)
    padding = tuple((size - 1) // 2 for size in sizes)
    if any(
        (n - 1) * step + size - 2 * pad < 1
        for n, step, size, pad in zip(shape[2:], stride, sizes, padding, strict=True)
    ):
        padding = (0,) * axes
    weight = taps(shape[1], outputs, *sizes)
    options = {"stride": stride, "padding": padding}
    name = f"conv_transpose{axes}d"
    return _peer(Drawn(Call(name, shape, (weight,), options)), name, weight, **options)


_FAMILIES = (_pool, _adaptive, _whole, _unpool, _conv, _transpose)
_SHARES = (0.35, 0.12, 0.08, 0.08, 0.27, 0.1)
