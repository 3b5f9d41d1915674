"""Convolution, filtering and pooling on the CPU: typed Cython kernels, with a fallback in NumPy."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from convlab import _importing
from convlab._dispatch import backend as backend
from convlab._dispatch import last_kernel as last_kernel
from convlab._dispatch import use_backend as use_backend
from convlab._registry import OPERATIONS as _OPERATIONS
from convlab._subnormals import get_subnormals as get_subnormals
from convlab._subnormals import set_subnormals as set_subnormals
from convlab._subnormals import subnormals as subnormals
from convlab._threads import get_num_threads as get_num_threads
from convlab._threads import register_threadpoolctl as register_threadpoolctl
from convlab._threads import set_num_threads as set_num_threads
from convlab._threads import threads as threads
from convlab._version import __version__ as __version__

if TYPE_CHECKING:  # what checkers see of the names that are imported when they are first used; they skip the rest
    from convlab import data as data
    from convlab import filters as filters
    from convlab import grad as grad
    from convlab import ndimage as ndimage
    from convlab import reference as reference
    from convlab import signal as signal
    from convlab._explain import Explanation as Explanation
    from convlab._explain import explain as explain
    from convlab.adaptive_pooling import *
    from convlab.average_pooling import *
    from convlab.convolving import *
    from convlab.edges import *
    from convlab.filtering import *
    from convlab.global_pooling import *
    from convlab.gradients import *
    from convlab.imaging import *
    from convlab.layers import *
    from convlab.lp_pooling import *
    from convlab.pooling import *
    from convlab.ranking import *
    from convlab.separable import *
    from convlab.translation import translate as translate
    from convlab.transposing import *
    from convlab.unpooling import *
else:
    # Name -> its module, which is imported when the name is first used.
    _LATER = {
        **{operation.name: operation.facade for operation in _OPERATIONS},
        **{name: name for name in ("data", "filters", "grad", "ndimage", "reference", "signal")},
        "Explanation": "_explain",
        "explain": "_explain",
        "translate": "translation",
    }
    __all__ = sorted([
        *_LATER, "__version__", "backend", "get_num_threads", "get_subnormals", "last_kernel", "register_threadpoolctl",
        "set_num_threads", "set_subnormals", "subnormals", "threads", "use_backend",
    ])  # fmt: skip

    def __getattr__(name):
        if name in _LATER:
            path = _LATER[name]
            with _importing.lock:
                module = _import_module(f"convlab.{path}")
            globals()[name] = found = module if name == path else getattr(module, name)
            return found
        if name == "onnx":  # of no use without the package of that name, so no part of `import *`
            with _importing.lock:
                return _import_module("convlab.onnx")
        raise AttributeError(f"module 'convlab' has no attribute {name!r}")

    def __dir__():
        return sorted({name for name in globals() if name.startswith("__")} | {*__all__, "onnx"})
