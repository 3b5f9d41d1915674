"""Tensors as arrays and back, without a copy."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import convlab

# The words for channels that lie last, by the number of axes.
LAST = {1: "NWC", 2: "NHWC", 3: "NDHWC"}
FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def is_last(x: Tensor) -> bool:
    """Return whether a batch lies in memory with its channels last, and not first."""
    memory_format = FORMATS.get(x.dim())
    return memory_format is not None and not x.is_contiguous() and x.is_contiguous(memory_format=memory_format)


def array(x: Tensor, last: bool = False) -> NDArray[Any]:
    """Return a tensor's memory as an array; with `last` the channels are its last axis."""
    values: NDArray[Any] = x.detach().resolve_neg().numpy()
    return np.moveaxis(values, 1, -1) if last else values


def tensor(y: NDArray[Any], last: bool = False) -> Tensor:
    """Return an array's memory as a tensor with the channels behind the batch."""
    if last:
        y = np.moveaxis(y, -1, 1)
    return torch.from_numpy(y) if y.size else torch.from_numpy(y).new_empty(y.shape)  # NumPy's strides would be 0


def empty(x: Tensor, shape: Sequence[Any], last: bool = False, dtype: torch.dtype | None = None) -> Tensor:
    """Return an uninitialised tensor of the memory layout that `tensor` gives."""
    if last:
        return x.new_empty(shape, dtype=dtype).to(memory_format=FORMATS[len(shape)])
    return x.new_empty(shape, dtype=dtype)


def both_threads() -> AbstractContextManager[Any]:
    """Limit convlab's threads to PyTorch's number, for a block."""
    number = torch.get_num_threads()
    return convlab.threads(number) if number < convlab.get_num_threads() else nullcontext()


def each(value: Any, axes: int) -> list[int]:
    """Return one number for each axis, as PyTorch repeats them."""
    values = [value] if isinstance(value, int) else list(value)
    return values * axes if len(values) == 1 else values


def tuples(options: Sequence[Any]) -> list[Any]:
    """Return options with tuples instead of lists, which have no place in the key of a cached plan."""
    return [tuple(option) if isinstance(option, list) else option for option in options]
