"""Convolution, filtering and pooling on the CPU: typed Cython kernels, with a fallback in NumPy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convlab import _importing
from convlab._dispatch import backend, last_kernel, use_backend
from convlab._subnormals import get_subnormals, set_subnormals, subnormals
from convlab._threads import get_num_threads, register_threadpoolctl, set_num_threads, threads
from convlab._version import __version__

__all__ = [
    "Conv2d",
    "Explanation",
    "__version__",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "backend",
    "box",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "data",
    "explain",
    "filter2d",
    "filter_bank",
    "filters",
    "gabor",
    "gaussian",
    "get_num_threads",
    "get_subnormals",
    "global_avg_pool",
    "global_lp_pool",
    "global_max_pool",
    "grad",
    "gradient_magnitude",
    "laplacian",
    "last_kernel",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "maximum_filter",
    "median_filter",
    "min_pool2d",
    "minimum_filter",
    "ndimage",
    "prewitt",
    "reference",
    "register_threadpoolctl",
    "scharr",
    "sep_filter2d",
    "set_num_threads",
    "set_subnormals",
    "signal",
    "sobel",
    "subnormals",
    "threads",
    "translate",
    "unsharp",
    "use_backend",
]

if TYPE_CHECKING:
    from convlab import data, filters, grad, ndimage, reference, signal
    from convlab._explain import Explanation, explain
    from convlab.adaptive_pooling import (
        adaptive_avg_pool1d,
        adaptive_avg_pool2d,
        adaptive_avg_pool3d,
        adaptive_max_pool1d,
        adaptive_max_pool2d,
        adaptive_max_pool3d,
    )
    from convlab.average_pooling import avg_pool1d, avg_pool2d, avg_pool3d
    from convlab.convolving import Conv2d, conv1d, conv2d, conv3d
    from convlab.edges import laplacian, prewitt, scharr, sobel
    from convlab.filtering import filter2d, filter_bank
    from convlab.global_pooling import global_avg_pool, global_lp_pool, global_max_pool
    from convlab.gradients import gradient_magnitude
    from convlab.imaging import box, gabor, gaussian, unsharp
    from convlab.lp_pooling import lp_pool1d, lp_pool2d, lp_pool3d
    from convlab.pooling import max_pool1d, max_pool2d, max_pool3d, min_pool2d
    from convlab.ranking import maximum_filter, median_filter, minimum_filter
    from convlab.separable import sep_filter2d
    from convlab.translation import translate
    from convlab.transposing import conv_transpose1d, conv_transpose2d, conv_transpose3d
    from convlab.unpooling import max_unpool1d, max_unpool2d, max_unpool3d

# Module -> names that are imported from it when they are asked for, so that nobody waits for what is not used.
_LATER = {
    "_explain": ["Explanation", "explain"],
    "adaptive_pooling": [
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "adaptive_avg_pool3d",
        "adaptive_max_pool1d",
        "adaptive_max_pool2d",
        "adaptive_max_pool3d",
    ],
    "average_pooling": ["avg_pool1d", "avg_pool2d", "avg_pool3d"],
    "convolving": ["Conv2d", "conv1d", "conv2d", "conv3d"],
    "data": ["data"],
    "edges": ["laplacian", "prewitt", "scharr", "sobel"],
    "filtering": ["filter2d", "filter_bank"],
    "filters": ["filters"],
    "global_pooling": ["global_avg_pool", "global_lp_pool", "global_max_pool"],
    "grad": ["grad"],
    "gradients": ["gradient_magnitude"],
    "imaging": ["box", "gabor", "gaussian", "unsharp"],
    "lp_pooling": ["lp_pool1d", "lp_pool2d", "lp_pool3d"],
    "ndimage": ["ndimage"],
    "pooling": ["max_pool1d", "max_pool2d", "max_pool3d", "min_pool2d"],
    "ranking": ["maximum_filter", "median_filter", "minimum_filter"],
    "reference": ["reference"],
    "separable": ["sep_filter2d"],
    "signal": ["signal"],
    "translation": ["translate"],
    "transposing": ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"],
    "unpooling": ["max_unpool1d", "max_unpool2d", "max_unpool3d"],
}


if not TYPE_CHECKING:  # a name that is not there is an error for type checkers too

    def __getattr__(name: str) -> Any:
        for path, names in _LATER.items():
            if name in names:
                with _importing.lock:
                    module = import_module(f"convlab.{path}")
                globals()[name] = found = module if name == path else getattr(module, name)
                return found
        if name == "onnx":  # of no use without the package of that name, so no part of `import *`
            with _importing.lock:
                return import_module("convlab.onnx")
        raise AttributeError(f"module 'convlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({name for name in globals() if name.startswith("__")} | {*__all__, "onnx"})
