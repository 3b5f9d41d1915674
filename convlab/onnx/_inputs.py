"""Random inputs of the shapes that a model declares."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from convlab.cli.failures import Failure


def sizes_by_name(words: Iterable[str]) -> dict[str, int]:
    """Read NAME=SIZE."""
    sizes = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not name or not number.isascii() or not number.isdigit() or int(number) < 1:
            raise Failure(f"--dim: got {word!r}; expected NAME=SIZE with a size of at least 1")
        sizes[name] = int(number)
    return sizes


def tensors(graph: Any, sizes: dict[str, int]) -> dict[str, NDArray[Any]]:
    """Make each input of a graph that is not a stored weight."""
    random = np.random.default_rng(0)
    stored = {weight.name for weight in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    shapes = {value.name: _shape(value, sizes) for value in inputs}
    unknown = set(sizes) - {name for value in inputs for name in _names(value)}
    if unknown:
        raise Failure(f"--dim: no input has a size called {', '.join(sorted(unknown))}")
    try:
        return {v.name: _random(random, v.type.tensor_type.elem_type, shapes[v.name]) for v in inputs}
    except ValueError as error:  # more elements than an array can have
        raise Failure(f"cannot make inputs of shapes {shapes}: {error}") from error


def _names(value: Any) -> list[str]:
    """Return the names of an input's symbolic sizes."""
    dims = value.type.tensor_type.shape.dim
    return [d.dim_param or f"{value.name}.{axis}" for axis, d in enumerate(dims) if not d.HasField("dim_value")]


def _shape(value: Any, sizes: dict[str, int]) -> tuple[int, ...]:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise Failure(f"the input {value.name!r} is no tensor of a known number of axes")
    missing = [name for name in dict.fromkeys(_names(value)) if name not in sizes]
    if missing:
        todo = " ".join(f"--dim {name}=1" for name in missing)
        raise Failure(f"the input {value.name!r} has sizes without a number: give them, as in {todo}")
    names = iter(_names(value))
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else sizes[next(names)] for d in dims)


def _random(random: np.random.Generator, kind: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return normal numbers, bytes of all values, or integers of 0 and 1, which are valid as indices."""
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    if dtype.kind in "SUO":
        raise Failure("an input of strings cannot be made at random")
    if dtype.kind in "iu" and dtype.itemsize == 1:
        return random.integers(0, 256, shape).astype(dtype)
    if dtype.kind in "biu":
        return random.integers(0, 2, shape).astype(dtype)
    return random.standard_normal(shape).astype(dtype)
