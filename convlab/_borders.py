"""What an image holds outside itself: the one place for the borders' names, diagrams and arithmetic."""

import numpy as np
from numpy.typing import NDArray

from convlab import _errors

DIAGRAMS = {
    "mirror": "d c b | a b c d | c b a    the edge pixel once; a single pixel repeats",
    "symmetric": "c b a | a b c d | d c b    the edge pixel twice",
    "nearest": "a a a | a b c d | d d d    the edge pixel for ever",
    "wrap": "b c d | a b c d | a b c    the picture tiled",
    "constant": "k k k | a b c d | k k k    k is cval",
    "valid": "      | a b c d |          no border: only windows inside the image, a smaller output",
    "keep": "      | a b c d |          where the window would leave the image, the source's pixel",
}

# Words that mean different things in different libraries are refused, each with what to say here.
ELSEWHERE = {
    "reflect": "'reflect' is 'mirror' here (d c b | a b c d | c b a) if you know it from NumPy or PyTorch, "
    "and 'symmetric' (c b a | a b c d | d c b) if you know it from SciPy or OpenCV",
    "replicate": "'replicate' is 'nearest' here",
    "edge": "'edge' is 'nearest' here",
    "circular": "'circular' is 'wrap' here",
    "zeros": "'zeros' is 'constant' here, with cval=0",
}


def check(border: object) -> str:
    """The border's name, or an error that lists them all."""
    if not isinstance(border, str):
        raise _errors.wrong_type("border", border, f"one of: {', '.join(DIAGRAMS)}")
    if border not in DIAGRAMS:
        raise _errors.wrong_word("border", border, DIAGRAMS, ELSEWHERE.get(border, ""))
    return border


def source_indices(border: str, size: int, first: int, last: int) -> NDArray[np.intp]:
    """Which pixel of an axis stands at the positions first .. last - 1; -1 is the constant.

    Goes round as often as needed, so a border may be wider than the image.
    """
    i = np.arange(first, last, dtype=np.intp)
    if border == "constant":
        return np.where((i >= 0) & (i < size), i, -1)
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
