"""Random calls of image operations and SciPy's functions, each with the peers that compute the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from benchmarks.sweep_calls import Call, taps

Array = NDArray[Any]
Way = Callable[[Array], Any]

# convlab's border -> SciPy's mode, OpenCV's constant.
BORDERS = {
    "mirror": ("mirror", "BORDER_REFLECT_101"),
    "symmetric": ("reflect", "BORDER_REFLECT"),
    "nearest": ("nearest", "BORDER_REPLICATE"),
    "constant": ("constant", "BORDER_CONSTANT"),
}
# Most products of a peer in one call; with more it takes a second and is not the fastest.
MOST_PRODUCTS = 2**28
_LARGEST_BOX = 2**16 - 1  # pixels along a side; a larger one is an error


@dataclass
class Drawn:
    """A call, and the same work in each installed library."""

    call: Call
    ways: dict[str, Way] = field(default_factory=dict)

    def add(self, library: str, make: Callable[[Any], Way]) -> None:
        """Add a library's call, made from its module, if it is installed."""
        try:
            module = import_module({"OpenCV": "cv2", "PyTorch": "torch"}[library])
        except ImportError:
            return
        self.ways[library] = make(module)


def sides(random: np.random.Generator, elements: int, count: int) -> tuple[int, ...]:
    """Return sides whose product is about `elements`: square, long, thin, sometimes one or two pixels."""
    shares = random.dirichlet([random.choice([0.3, 1.0, 10.0])] * count)
    lengths = [max(round(elements ** float(share)), 1) for share in shares]
    if count > 1 and random.random() < 0.15:
        lengths[int(random.integers(count))] = int(random.integers(1, 4))
    return tuple(lengths)


def window(random: np.random.Generator, length: int, *, odd: bool = True) -> int:
    """Return a window along an axis: mostly small, sometimes up to the whole axis."""
    kind = random.random()
    if kind < 0.6:
        size = int(random.integers(1, 12))
    elif kind < 0.9:
        size = round(float(length) ** random.random())
    else:
        size = length
    size = max(min(size, length), 1)
    return size - (size % 2 == 0) if odd else size


def bounded(sizes: tuple[int, ...], elements: int, most: int = MOST_PRODUCTS) -> tuple[int, ...]:
    """Return window sizes; halve the larger one until a direct sum has few enough products."""
    result = list(sizes)
    while elements * np.prod(result, dtype=float) > most and max(result) > 1:
        place = result.index(max(result))
        result[place] = result[place] // 2 | 1 if result[place] > 3 else 1
    return tuple(result)


def draw_image(random: np.random.Generator, elements: int) -> Drawn:
    """Draw a call of an operation on images."""
    name = str(random.choice(list(_IMAGES)))
    channels = int(random.choice([2, 3, 4, 3, 17, 256])) if random.random() < 0.3 and name in _COLOUR else 0
    height, width = sides(random, max(elements // max(channels, 1), 4), 2)
    shape = (height, width, channels) if channels else (height, width)
    border = str(random.choice(list(BORDERS)))
    kind = str(random.choice(["float32", "float32", "float32", "uint8", "uint16"]))
    options: dict[str, Any] = {"border": border} | ({"channel_axis": 2} if channels else {})
    return _IMAGES[name](random, Call(name, shape, (), options, kind))


def _with(call: Call, *arguments: Any, **options: Any) -> Drawn:
    return Drawn(Call(call.operation, call.shape, arguments, call.options | options, call.dtype))


def _window(random: np.random.Generator, call: Call, most: int = MOST_PRODUCTS) -> tuple[int, int]:
    rows, columns = (window(random, n) for n in call.shape[:2])
    rows, columns = bounded((rows, columns), int(np.prod(call.shape)), most)
    return rows, columns


def _around(call: Call, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return sizes if len(call.shape) == 2 else (*sizes, 1)


def _filter2d(random: np.random.Generator, call: Call) -> Drawn:
    rows, columns = _window(random, call)
    rank_1 = random.random() < 0.3
    kernel = np.outer(taps(rows), taps(columns)) if rank_1 else taps(rows, columns)
    drawn = _with(call, kernel)
    mode, edge = BORDERS[call.options["border"]]
    whole = kernel.reshape(_around(call, kernel.shape))
    drawn.ways["SciPy"] = lambda image: ndimage.correlate(image, whole, np.float32, mode)
    drawn.add("OpenCV", lambda cv2: lambda x: cv2.filter2D(x, cv2.CV_32F, kernel, borderType=getattr(cv2, edge)))
    if call.options["border"] == "constant" and len(call.shape) == 2 and call.dtype == "float32":
        drawn.add("PyTorch", lambda torch: _torch_correlate(torch, kernel[None, None]))
    return drawn


def _torch_correlate(torch: Any, kernels: Array) -> Way:
    weight = torch.from_numpy(np.ascontiguousarray(kernels, np.float32))
    padding = (kernels.shape[-2] // 2, kernels.shape[-1] // 2)
    return lambda image: torch.nn.functional.conv2d(torch.from_numpy(image)[None, None], weight, padding=padding)[0]


def _filter_bank(random: np.random.Generator, call: Call) -> Drawn:
    count = int(random.integers(2, 17))
    rows, columns = _window(random, call, MOST_PRODUCTS // count)
    kernels = np.stack([taps(rows, columns) * (n + 1) for n in range(count)])
    if random.random() < 0.4:
        kernels = np.stack([np.outer(taps(rows) * (n + 1), taps(columns)) for n in range(count)])
    drawn = _with(call, kernels)
    mode, edge = BORDERS[call.options["border"]]
    drawn.ways["SciPy"] = lambda x: np.stack([ndimage.correlate(x, one, np.float32, mode) for one in kernels])
    drawn.add(
        "OpenCV",
        lambda cv2: (
            lambda x: np.stack([cv2.filter2D(x, cv2.CV_32F, one, borderType=getattr(cv2, edge)) for one in kernels])
        ),
    )
    if call.options["border"] == "constant" and call.dtype == "float32":
        drawn.add("PyTorch", lambda torch: _torch_correlate(torch, kernels[:, None]))
    return drawn


def _separable(drawn: Drawn, down: Array, along: Array) -> Drawn:
    """Add the peers of a separable filter."""
    mode, edge = BORDERS[drawn.call.options["border"]]
    drawn.ways["SciPy"] = lambda x: ndimage.correlate1d(
        ndimage.correlate1d(x, down, 0, np.float32, mode), along, 1, np.float32, mode
    )
    if drawn.call.dtype == "float32":  # for bytes, OpenCV rounds the kernel
        drawn.add(
            "OpenCV", lambda cv2: lambda x: cv2.sepFilter2D(x, cv2.CV_32F, along, down, borderType=getattr(cv2, edge))
        )
    return drawn


def _sep_filter2d(random: np.random.Generator, call: Call) -> Drawn:
    rows, columns = (window(random, n) for n in call.shape[:2])
    pixels = int(np.prod(call.shape))
    (rows,), (columns,) = bounded((rows,), pixels), bounded((columns,), pixels)
    down, along = taps(rows), taps(columns)
    return _separable(_with(call, down, along), down, along)


def _gaussian(random: np.random.Generator, call: Call) -> Drawn:
    sigma = float(round(np.exp(random.uniform(np.log(0.3), np.log(30))), 2))
    mode, edge = BORDERS[call.options["border"]]
    reach = int(4 * sigma + 0.5)
    drawn = _with(call, sigma)
    spread = (sigma, sigma, 0)[: len(call.shape)]
    drawn.ways["SciPy"] = lambda x: ndimage.gaussian_filter(x, spread, output=np.float32, mode=mode)
    if call.dtype == "float32":
        size = (2 * reach + 1,) * 2
        drawn.add("OpenCV", lambda cv2: lambda x: cv2.GaussianBlur(x, size, sigma, None, sigma, getattr(cv2, edge)))
    return drawn


def _box(random: np.random.Generator, call: Call) -> Drawn:
    rows, columns = (min(window(random, n), _LARGEST_BOX) for n in call.shape[:2])
    mode, edge = BORDERS[call.options["border"]]
    drawn = _with(call, (rows, columns))
    sizes = _around(call, (rows, columns))
    drawn.ways["SciPy"] = lambda x: ndimage.uniform_filter(x, sizes, np.float32, mode)
    drawn.add(
        "OpenCV", lambda cv2: lambda x: cv2.boxFilter(x, cv2.CV_32F, (columns, rows), borderType=getattr(cv2, edge))
    )
    return drawn


def _edges(random: np.random.Generator, call: Call) -> Drawn:
    axis = int(random.integers(2))
    smooth = {"sobel": [0.25, 0.5, 0.25], "scharr": [3 / 16, 10 / 16, 3 / 16], "prewitt": [1 / 3, 1 / 3, 1 / 3]}
    pair = [np.array(smooth[call.operation], np.float32)] * 2
    pair[axis] = np.array([-1, 0, 1], np.float32)
    return _separable(_with(call, axis=axis), *pair)


def _laplacian(random: np.random.Generator, call: Call) -> Drawn:
    mode, edge = BORDERS[call.options["border"]]
    drawn = _with(call)
    drawn.ways["SciPy"] = lambda x: -ndimage.laplace(x, np.float32, mode)
    drawn.add("OpenCV", lambda cv2: lambda x: -cv2.Laplacian(x, cv2.CV_32F, borderType=getattr(cv2, edge)))
    return drawn


def _gradient(random: np.random.Generator, call: Call) -> Drawn:
    sigma = float(round(random.uniform(0.5, 6), 2))
    mode, _ = BORDERS[call.options["border"]]
    drawn = _with(call, sigma)
    drawn.ways["SciPy"] = lambda x: ndimage.gaussian_gradient_magnitude(x, sigma, np.float32, mode)
    return drawn


def _unsharp(random: np.random.Generator, call: Call) -> Drawn:
    sigma = float(round(random.uniform(0.5, 6), 2))
    mode, edge = BORDERS[call.options["border"]]
    size = (2 * int(4 * sigma + 0.5) + 1,) * 2
    spread = (sigma, sigma, 0)[: len(call.shape)]
    drawn = _with(call, sigma, 1.0)
    drawn.ways["SciPy"] = lambda x: (
        2 * x.astype(np.float32) - ndimage.gaussian_filter(x, spread, output=np.float32, mode=mode)
    )
    if call.dtype == "float32":
        drawn.add(
            "OpenCV",
            lambda cv2: (
                lambda x: cv2.addWeighted(
                    x, 2, cv2.GaussianBlur(x, size, sigma, None, sigma, getattr(cv2, edge)), -1, 0
                )
            ),
        )
    return drawn


def _rank(random: np.random.Generator, call: Call) -> Drawn:
    median = call.operation == "median_filter"
    if median:
        rows, columns = _window(random, call, 2**26)
    else:
        rows, columns = (window(random, n) for n in call.shape[:2])
    mode, edge = BORDERS[call.options["border"]]
    drawn = _with(call, (rows, columns))
    function = getattr(ndimage, call.operation)
    sizes = _around(call, (rows, columns))
    drawn.ways["SciPy"] = lambda x: function(x, sizes, mode=mode)
    if median and mode == "nearest" and rows == columns > 1 and (rows <= 5 or call.dtype == "uint8"):
        drawn.add("OpenCV", lambda cv2: lambda x: cv2.medianBlur(x, rows))
    elif not median and mode != "constant" and np.prod(call.shape) * (rows + columns) < MOST_PRODUCTS * 4:
        ones = np.ones((rows, columns), np.uint8)
        way = "dilate" if call.operation == "maximum_filter" else "erode"
        drawn.add("OpenCV", lambda cv2: lambda x: getattr(cv2, way)(x, ones, borderType=getattr(cv2, edge)))
    return drawn


_IMAGES: dict[str, Callable[[np.random.Generator, Call], Drawn]] = {
    "filter2d": _filter2d,
    "filter_bank": _filter_bank,
    "sep_filter2d": _sep_filter2d,
    "gaussian": _gaussian,
    "box": _box,
    "sobel": _edges,
    "scharr": _edges,
    "prewitt": _edges,
    "laplacian": _laplacian,
    "gradient_magnitude": _gradient,
    "unsharp": _unsharp,
    "maximum_filter": _rank,
    "minimum_filter": _rank,
    "median_filter": _rank,
}
_COLOUR = {*_IMAGES} - {"filter_bank", "laplacian", "gradient_magnitude"}


def draw_dropin(random: np.random.Generator, elements: int) -> Drawn:
    """Draw a call of one of SciPy's functions; the peer is SciPy."""
    if random.random() < 0.15:
        return _signal(random, elements)
    name = str(random.choice(_DROPINS))
    axes = int(random.choice([1, 2, 2, 3]))
    shape = sides(random, elements, axes)
    axis = int(random.integers(axes))
    options: dict[str, Any] = {"mode": str(random.choice(["reflect", "nearest", "mirror", "constant", "wrap"]))}
    arguments: tuple[Any, ...] = ()
    if name.endswith("1d") or name in ("sobel", "prewitt"):
        options["axis"] = axis
    sizes = tuple(window(random, n) for n in shape)
    sigma = float(round(np.exp(random.uniform(np.log(0.3), np.log(12))), 2))
    if name in ("correlate", "convolve"):
        arguments = (taps(*bounded(sizes, elements)),)
    elif name in ("correlate1d", "convolve1d"):
        arguments = (taps(*bounded((sizes[axis],), elements)),)
    elif name.startswith("gaussian"):
        arguments = (sigma,)
    elif name == "median_filter":
        arguments = (bounded(sizes, elements, 2**26),)
    elif name.endswith("filter1d"):
        arguments = (sizes[axis],)
    elif name.endswith("filter"):
        arguments = (sizes,)
    call = Call(f"ndimage.{name}", shape, arguments, options)
    function = getattr(ndimage, name)
    return Drawn(call, {"SciPy": lambda image: function(image, *arguments, **options)})


def _signal(random: np.random.Generator, elements: int) -> Drawn:
    name = str(random.choice(["convolve2d", "correlate2d", "fftconvolve", "oaconvolve", "medfilt2d"]))
    shape = sides(random, elements, 2)
    sizes = bounded(tuple(window(random, n) for n in shape), elements, 2**26 if name == "medfilt2d" else MOST_PRODUCTS)
    arguments = (sizes,) if name == "medfilt2d" else (taps(*sizes),)
    options = {} if name == "medfilt2d" else {"mode": str(random.choice(["full", "same", "valid"]))}
    function = getattr(signal, name)
    call = Call(f"signal.{name}", shape, arguments, options)
    return Drawn(call, {"SciPy": lambda image: function(image, *arguments, **options)})


_DROPINS = [
    "convolve", "convolve1d", "correlate", "correlate1d", "gaussian_filter", "gaussian_filter1d",
    "gaussian_gradient_magnitude", "gaussian_laplace", "laplace", "maximum_filter", "maximum_filter1d",
    "median_filter", "minimum_filter", "minimum_filter1d", "prewitt", "sobel", "uniform_filter", "uniform_filter1d",
]  # fmt: skip
