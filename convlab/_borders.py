"""What an image holds outside itself: the one place for the borders' names, diagrams and arithmetic."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab.typing import Border

DIAGRAMS = {
    "mirror": "d c b | a b c d | c b a    the edge pixel once; a single pixel repeats",
    "symmetric": "c b a | a b c d | d c b    the edge pixel twice",
    "nearest": "a a a | a b c d | d d d    the edge pixel for ever",
    "wrap": "b c d | a b c d | a b c    the picture tiled",
    "constant": "k k k | a b c d | k k k    k is cval",
    "valid": "      | a b c d |          no border: only windows inside the image, a smaller output",
    "keep": "      | a b c d |          where the window would leave the image, the source's pixel",
}

# Elements up to which pixels are copied one by one.
SMALL = 1 << 14

# Words that mean different things in different libraries are refused, each with what to say here.
ELSEWHERE = {
    "reflect": "'reflect' is 'mirror' here (d c b | a b c d | c b a) if you know it from NumPy or PyTorch, "
    "and 'symmetric' (c b a | a b c d | d c b) if you know it from SciPy or OpenCV",
    "replicate": "'replicate' is 'nearest' here",
    "edge": "'edge' is 'nearest' here",
    "circular": "'circular' is 'wrap' here",
    "zeros": "'zeros' is 'constant' here, with cval=0",
}


def check(border: object) -> Border:
    """The border's name, or an error that lists them all."""
    if not isinstance(border, str):
        raise _errors.wrong_type("border", border, f"one of: {', '.join(DIAGRAMS)}")
    if border not in DIAGRAMS:
        raise _errors.wrong_word("border", border, DIAGRAMS, ELSEWHERE.get(border, ""))
    return cast(Border, border)


def source_indices(border: str, size: int, first: int, last: int) -> NDArray[np.intp]:
    """Which pixel of an axis stands at the positions first .. last - 1; -1 is the constant.

    Goes round as often as needed, so a border may be wider than the image.
    """
    indices = np.arange(first, last, dtype=np.intp)
    inside = slice(*(min(max(end - first, 0), len(indices)) for end in (0, size)))
    for outside in (slice(0, inside.start), slice(inside.stop, None)):  # few beside those inside, of long axes
        indices[outside] = _outside(border, size, indices[outside])
    return indices


def _outside(border: str, size: int, i: NDArray[np.intp]) -> Any:
    """What `source_indices` returns for positions i, none of which is in the image."""
    if border == "constant":
        return -1
    if border == "nearest":
        return np.clip(i, 0, size - 1)
    if border == "wrap":
        return i % size
    if border == "symmetric":
        i = i % (2 * size)
        return np.minimum(i, 2 * size - 1 - i)
    period = max(2 * size - 2, 1)  # mirror
    i = i % period
    return np.minimum(i, period - i) if size > 1 else i


def _pieces(indices: NDArray[np.intp]) -> list[tuple[slice, slice | NDArray[np.intp]]]:
    """The longest run of neighbours as a slice, and what stands before and after it as numbers: (where, which)."""
    breaks = np.flatnonzero((np.diff(indices) != 1) | (indices[:-1] < 0)) + 1
    starts, ends = np.r_[0, breaks], np.r_[breaks, len(indices)]
    longest = int(np.argmax(ends - starts))
    start, end = int(starts[longest]), int(ends[longest])
    if indices[start] < 0:
        return [(slice(0, len(indices)), np.maximum(indices, 0))]
    first = int(indices[start])
    pieces: list[tuple[slice, slice | NDArray[np.intp]]] = [(slice(start, end), slice(first, first + end - start))]
    rests = slice(0, start), slice(end, len(indices))
    return pieces + [(rest, np.maximum(indices[rest], 0)) for rest in rests if rest.start < rest.stop]


def copy_pixels(
    x: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], cval: float, into: NDArray[Any]
) -> None:
    """Copy pixels of (planes, rows, columns, channels), chosen by numbers of rows and columns, -1 for cval."""
    # One pass that copies whole rows costs less than slices of the border, where they are short.
    if into.size <= SMALL and into.size // max(into.shape[2], 1) * x.shape[2] <= 2 * SMALL:
        into[...] = x.take(rows, axis=1, mode="clip").take(columns, axis=2, mode="clip")
    else:
        _copy_pieces(x, rows, columns, into)
    if rows.size and rows.min() < 0:
        into[:, rows < 0] = cval
    if columns.size and columns.min() < 0:
        into[:, :, columns < 0] = cval


def _copy_pieces(x: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], into: NDArray[Any]) -> None:
    """Copy the inside as one slice, and the border's rows and columns by their numbers."""
    for down, source_rows in _pieces(rows):
        for along, source_columns in _pieces(columns):
            if isinstance(source_columns, slice):
                part = x[:, :, source_columns][:, source_rows]
            elif isinstance(source_rows, slice):
                part = x[:, source_rows][:, :, source_columns]
            else:
                part = x[:, source_rows[:, None], source_columns]
            into[:, down, along] = part
