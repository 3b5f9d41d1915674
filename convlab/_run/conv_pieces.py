"""Convolutions in pieces: the part of the input that one wants, converted, with its border."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._plan.conv_pieces import shape_of
from convlab._spec.arguments import FLOAT32
from convlab._spec.convolving import Conv


def box_of(spec: Conv, start: tuple[int, ...], part: Conv) -> tuple[slice, ...]:
    """Where a piece's outputs lie in the result."""
    return _index(spec, [slice(i, i + n) for i, n in zip(start, (part.batch, *part.out_size), strict=True)])


def _index(spec: Conv, slices: list[slice]) -> tuple[slice, ...]:
    """An index from slices of the batch and of the axes."""
    axes = [*slices[1:], slice(None)] if spec.channels_last else [slice(None), *slices[1:]]
    return (slices[0], *axes) if spec.batched else tuple(axes)


def buffer_of(part: Conv) -> NDArray[np.float32]:
    """Memory for a piece's input, or a smaller one's."""
    return np.empty(math.prod(shape_of(part)), FLOAT32)


def filled(
    spec: Conv, origin: tuple[int, ...], part: Conv, x: NDArray[Any], buffer: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A piece's input, where the outputs start there, in the buffer."""
    shape = shape_of(part)
    result = buffer[: math.prod(shape)].reshape(shape)
    runs: list[list[tuple[slice, slice | None]]] = [[(slice(0, part.batch), slice(origin[0], origin[0] + part.batch))]]
    for i, n, size, s, (before, _) in zip(origin[1:], spec.size, part.size, spec.stride, spec.pads, strict=True):
        first = i * s - before
        start_inside, end_inside = max(0, min(-first, size)), max(0, min(n - first, size))
        beside = []
        for start, end in ((0, start_inside), (end_inside, size)):
            sources = _borders.source_indices(spec.border, n, first + start, first + end)
            beside += [(slice(start + to.start, start + to.stop), source) for to, source in _runs(sources)]
        if start_inside < end_inside:
            beside.append((slice(start_inside, end_inside), slice(first + start_inside, first + end_inside)))
        runs.append(beside)
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        for run in product(*runs):
            to = _index(spec, [target for target, _ in run])
            if any(source is None for _, source in run):
                result[to] = 0
            else:
                result[to] = x[_index(spec, [source for _, source in run if source is not None])]
    return result


def _runs(sources: NDArray[np.intp]) -> Iterator[tuple[slice, slice | None]]:
    """Parts of an axis whose sources are neighbours, in either direction, or all one; None for zeros."""
    steps = np.diff(sources)
    i = 0
    while i < len(sources):
        step = int(steps[i]) if i < len(steps) else 1
        if sources[i] < 0 or abs(step) > 1 or sources[i] + step < 0:
            step = 0 if sources[i] < 0 else 1
        others = np.flatnonzero(steps[i:] != step)
        end = i + 1 + (int(others[0]) if others.size else len(steps) - i)
        first, last = int(sources[i]), int(sources[end - 1])
        if first < 0:
            yield slice(i, end), None
        elif step == 0:
            yield slice(i, end), slice(first, first + 1)
        else:
            yield slice(i, end), slice(first, last + step if last + step >= 0 else None, step)
        i = end
