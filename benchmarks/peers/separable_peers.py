"""The ways of each library to apply a separable filter; its peer module has already imported the library."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.cases.case import Array, Case
from benchmarks.cases.separables import SCIPY_MODES, Separable
from benchmarks.contender import UnsupportedError

Step = Callable[[Any], Any]
_TORCH_MODES = {"mirror": "reflect", "nearest": "replicate"}


def separable_ways(library: str, case: Case, work: Separable) -> dict[str, Step]:
    """Return the ways of a library to do a case's work, by name."""
    makers = {"OpenCV": _opencv, "SciPy": _scipy, "scikit-image": _skimage, "PyTorch": _torch}
    ways = makers[library](case, work) if library in makers else {}
    if not ways:
        raise UnsupportedError(f"no comparable {work.function}")
    return ways


def _taps(work: Separable) -> list[tuple[Array, Array]]:
    return [(np.array(down, np.float32), np.array(along, np.float32)) for down, along in work.kernels]


def _outer(work: Separable) -> Array:
    """Return the kernel of a single filter, or of a sum of two."""
    kernel: Array = np.sum([np.outer(down, along) for down, along in _taps(work)], axis=0)
    return kernel


def _opencv(case: Case, work: Separable) -> dict[str, Step]:
    cv2: Any = import_module("cv2")
    border = {"nearest": cv2.BORDER_REPLICATE, "mirror": cv2.BORDER_REFLECT_101, "symmetric": cv2.BORDER_REFLECT}
    edge, options = border[work.border], dict(work.options)
    depth = {"float32": cv2.CV_32F, "uint8": cv2.CV_8U, "int16": cv2.CV_16S}[work.result]
    if work.function == "box":
        size = (options["size"],) * 2
        return {"blur": lambda image: cv2.blur(image, size, borderType=edge)}
    if work.function in ("laplacian", "gabor"):
        kernel = _outer(work)
        return {"filter2D": lambda image: cv2.filter2D(image, depth, kernel, borderType=edge)}

    def correlated(down: Array, along: Array) -> Step:
        return lambda image: cv2.sepFilter2D(image, depth, along, down, borderType=edge)

    steps = [correlated(*pair) for pair in _taps(work)]
    if work.join in ("length", "rms"):
        share = 1.0 if work.join == "length" else 0.5**0.5
        return {"sepFilter2D, magnitude": lambda image: cv2.magnitude(steps[0](image), steps[1](image)) * share}
    ways: dict[str, Step] = {"sepFilter2D": steps[0]}
    down, along = _taps(work)[0]
    if work.dtype == "uint8" and along[0] == -1:
        ways["Sobel"] = lambda image: cv2.Sobel(image, depth, 1, 0, borderType=edge)
    elif work.dtype == "uint8":
        ways["GaussianBlur"] = lambda image: cv2.GaussianBlur(image, (along.size, down.size), 0, borderType=edge)
    else:
        binomial = np.allclose(along, cv2.getGaussianKernel(along.size, 0)[:, 0])  # its own for few taps
        sigma = 0 if binomial else (along.size - 1) / 8
        ways["GaussianBlur"] = lambda image: cv2.GaussianBlur(image, (along.size, down.size), sigma, borderType=edge)
    if work.join == "unsharp":
        amount = options["amount"]
        return {
            f"{name}, addWeighted": lambda image, blur=blur: cv2.addWeighted(  # type: ignore[misc]
                image, 1 + amount, blur(image), -amount, 0
            )
            for name, blur in ways.items()
        }
    return ways


def _scipy(case: Case, work: Separable) -> dict[str, Step]:
    ndimage: Any = import_module("scipy.ndimage")
    mode, options = SCIPY_MODES[work.border], dict(work.options)
    if work.result != "float32":
        return {}  # it truncates, and integers wrap
    if work.function == "box":
        return {"uniform_filter": lambda image: ndimage.uniform_filter(image, options["size"], mode=mode, axes=(0, 1))}
    if work.function in ("laplacian", "gabor"):
        kernel = _outer(work)
        return {"correlate": lambda image: ndimage.correlate(image, kernel, mode=mode)}

    def correlated(down: Array, along: Array) -> Step:
        return lambda image: ndimage.correlate1d(ndimage.correlate1d(image, down, 0, mode=mode), along, 1, mode=mode)

    steps = [correlated(*pair) for pair in _taps(work)]
    return {"correlate1d": lambda image: np.float32(work.joined(image, [step(image) for step in steps]))}


def _skimage(case: Case, work: Separable) -> dict[str, Step]:
    filters: Any = import_module("skimage.filters")
    mode, options, axis = SCIPY_MODES[work.border], dict(work.options), case.channel_axis
    name = {"laplacian": "laplace", "unsharp": "unsharp_mask"}.get(work.function, work.function)
    if work.result != "float32" or not hasattr(filters, name):
        return {}
    function = getattr(filters, name)
    if name == "gaussian":
        options |= {"mode": mode, "preserve_range": True, "channel_axis": axis}
    elif name == "unsharp_mask":
        options |= {"preserve_range": True, "channel_axis": axis}
    elif axis is not None:
        return {}
    if name == "gabor":
        return {name: lambda image: function(image, **options)[0]}
    return {name: lambda image: function(image, **options)}


def _torch(case: Case, work: Separable) -> dict[str, Step]:
    torch: Any = import_module("torch")
    functional: Any = import_module("torch.nn.functional")
    taps = _taps(work)
    if work.result != "float32" or work.join != "first" or work.function == "gabor" or work.border not in _TORCH_MODES:
        return {}
    down, along = (torch.from_numpy(one) for one in taps[0])
    channels = case.planes
    around = (len(along) // 2, (len(along) - 1) // 2, len(down) // 2, (len(down) - 1) // 2)
    if around[0] != around[1] or around[2] != around[3] or max(around) >= min(case.spatial):
        return {}
    one, other = down[None, None, :, None], along[None, None, None, :]
    grouped = [w.expand(channels, 1, -1, -1).contiguous() for w in (one, other)]
    mode = _TORCH_MODES[work.border]

    def padded(image: Any) -> Any:
        return functional.pad(image, around, mode=mode)

    def groups(image: Any) -> Any:
        columns = functional.conv2d(padded(image), grouped[0], groups=channels)
        return functional.conv2d(columns, grouped[1], groups=channels)

    def batch(image: Any) -> Any:
        columns = functional.conv2d(padded(image).transpose(0, 1), one)
        return functional.conv2d(columns, other).transpose(0, 1)

    return {"conv2d twice, groups": groups, "conv2d twice, as a batch": batch}
