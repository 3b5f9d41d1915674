"""Pools in pieces: what no kernel reads in place is converted and reduced some outputs at a time.

Only maxima, minima and their places take this way: sums read any array in place.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from convlab._spec.pooling import Grid, Pool

# Bytes of all that a piece takes beside the call's arrays, and of one element of the source and of the result:
# converted values, places, and what the NumPy fallback makes of them (of float64, in a row: tables of its columns).
CONVERTED_BYTES, SOURCE_BYTES, RESULT_BYTES = 16 << 20, 20, 96


@dataclass(frozen=True, slots=True)
class Piece:
    """Some outputs of some planes, or a part of one output's window."""

    source: tuple[slice, ...]  # of the array, of which channels inside are whole
    output: tuple[slice, ...]  # of the result
    first: tuple[int, ...]  # where the source starts on each pooled axis
    spec: Pool
    begins: bool = True  # whether nothing of its windows came before


def pieces(spec: Pool) -> Iterator[Piece]:
    """All pieces, one behind the other; the parts of a window follow each other in its order."""
    counts = _counts(spec)
    ranges = [range(0, n, count) for n, count in zip(spec.output.shape, counts, strict=True)]
    for starts in product(*ranges):
        ends = [min(a + c, n) for a, c, n in zip(starts, counts, spec.output.shape, strict=True)]
        yield from _split(spec, tuple(slice(a, b) for a, b in zip(starts, ends, strict=True)))


def _reach(spec: Pool, axis: int, first: int, last: int) -> tuple[int, int]:
    """The elements of a pooled axis that the outputs first .. last read: from where to where, maybe in the padding."""
    size, out = spec.image.sizes[axis], spec.output.sizes[axis]
    if spec.bins:
        return first * size // out, -(-last * size // out)
    start = first * spec.stride[axis] - spec.before[axis]
    return start, (last - 1) * spec.stride[axis] - spec.before[axis] + (spec.window[axis] - 1) * spec.dilation[axis] + 1


def _counts(spec: Pool) -> list[int]:
    """Indices of each axis of the result in a piece: the outer axes are cut first, channels inside never."""
    counts = list(spec.output.shape)
    for axis in range(len(counts) - spec.image.inner_channels):
        if _bytes(spec, counts) <= CONVERTED_BYTES:
            break
        low, high = 1, counts[axis]
        if spec.bins and axis in spec.image.axes:  # some of the parts of an axis are no parts of another
            high = 1
        while low < high:  # the largest number that fits, or 1
            middle = (low + high + 1) // 2
            if _bytes(spec, [*counts[:axis], middle, *counts[axis + 1 :]]) <= CONVERTED_BYTES:
                low = middle
            else:
                high = middle - 1
        counts[axis] = low
    return counts


def _bytes(spec: Pool, counts: list[int]) -> int:
    source = list(counts)
    for i, axis in enumerate(spec.image.axes):
        first, last = _reach(spec, i, 0, counts[axis])
        source[axis] = min(last - first + spec.bins, spec.image.shape[axis])
    return SOURCE_BYTES * math.prod(source) + RESULT_BYTES * math.prod(counts)


def _split(spec: Pool, output: tuple[slice, ...]) -> Iterator[Piece]:
    """The piece of these outputs, or pieces of its window where it is one output whose window is too large."""
    axes, sizes = spec.image.axes, spec.image.sizes
    made = Grid(tuple(s.stop - s.start for s in output), axes, spec.image.inner_channels)
    reaches = [_reach(spec, i, output[axis].start, output[axis].stop) for i, axis in enumerate(axes)]
    inside = [range(max(start, 0), min(end, n)) for (start, end), n in zip(reaches, sizes, strict=True)]
    room = CONVERTED_BYTES // (SOURCE_BYTES * math.prod(made.shape[: axes[0]]) * spec.image.step)
    if math.prod(map(len, inside)) <= max(room, 1) or made.sizes != (1,) * len(axes):
        yield _piece(spec, output, made, reaches)
        return
    if spec.bins:
        spec = replace(spec, bins=False, window=tuple(end - start for start, end in reaches))
    ranges = []
    for i, (start, _) in enumerate(reaches):
        d = spec.dilation[i]
        first, last = -(-(inside[i].start - start) // d), (inside[i].stop - 1 - start) // d + 1
        inner = math.prod(map(len, inside[i + 1 :]))
        taps = max(1, min(last - first, room // inner // d))
        room = max(1, room // ((taps - 1) * d + 1))
        ranges.append([(start + t * d, start + (min(t + taps, last) - 1) * d + 1) for t in range(first, last, taps)])
    for number, part in enumerate(product(*ranges)):
        window = tuple((end - start - 1) // d + 1 for (start, end), d in zip(part, spec.dilation, strict=True))
        yield _piece(replace(spec, window=window), output, made, list(part), begins=number == 0)


def _piece(
    spec: Pool, output: tuple[slice, ...], made: Grid, reaches: list[tuple[int, int]], begins: bool = True
) -> Piece:
    source = list(output)
    first, before, after = [], [], []
    for i, axis in enumerate(spec.image.axes):
        start, end = reaches[i]
        size = spec.image.sizes[i]
        # At least one element, which no window may reach: a plan wants an array.
        low = min(max(start, 0), size - 1)
        high = max(min(end, size), low + 1)
        source[axis] = slice(low, high)
        first.append(low)
        before.append(low - start)
        after.append(end - high)
    grid = Grid(tuple(s.stop - s.start for s in source), spec.image.axes, spec.image.inner_channels)
    part = replace(spec, image=grid, output=made, before=tuple(before), after=tuple(after))
    return Piece(tuple(source), output, tuple(first), part, begins)
