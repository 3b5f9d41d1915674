"""The ways of each library to do a network's pool; its peer module has already imported the library."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.cases.case import Inputs
from benchmarks.cases.pools import Pooling
from benchmarks.contender import UnsupportedError

Step = Callable[[Any], Any]


def pool_ways(library: str, work: Pooling, inputs: Inputs) -> dict[str, Step]:
    """Return the ways of a library to do a case's work, by name."""
    makers = {"NumPy": _numpy, "PyTorch": _torch}
    ways = makers[library](work, inputs) if library in makers else {}
    if not ways:
        raise UnsupportedError(f"no comparable {work.function}")
    return ways


def _numpy(work: Pooling, inputs: Inputs) -> dict[str, Step]:
    last = tuple(range(-work.axes, 0))
    if work.function == "global_max_pool":
        return {"max": lambda image: image.max(last, keepdims=True)}
    if work.function == "global_avg_pool":
        return {"mean": lambda image: image.mean(last, keepdims=True)}
    return {}


def _torch(work: Pooling, inputs: Inputs) -> dict[str, Step]:
    torch: Any = import_module("torch")
    functional: Any = import_module("torch.nn.functional")
    last = tuple(range(-work.axes, 0))
    if work.function == "global_avg_pool":
        return {
            "adaptive_avg_pool2d": lambda image: functional.adaptive_avg_pool2d(image, 1),
            "mean": lambda image: image.mean(last, keepdim=True),
        }
    if work.function == "global_max_pool":
        return {"amax": lambda image: image.amax(last, keepdim=True)}
    if work.function == "global_lp_pool":
        return {"vector_norm": lambda image: torch.linalg.vector_norm(image, 2, last, keepdim=True)}
    function = getattr(functional, work.function)
    arguments = work.arguments(inputs.image)
    if "unpool" in work.function:
        arguments = (torch.from_numpy(arguments[0]), *arguments[1:])
    if work.indices:
        return {work.function: lambda image: function(image, *arguments, return_indices=True)[0]}
    return {work.function: lambda image: function(image, *arguments)}
