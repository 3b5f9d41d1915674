"""An array's memory, seen as a kernel sees it."""

from typing import Any

from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray


def pixels(
    a: NDArray[Any], planes: int, height: int, width: int, step: int, plane: int, row: int, *, writeable: bool = False
) -> NDArray[Any]:
    """An array's memory as (planes, height, width, step), from pitches in elements."""
    size = a.dtype.itemsize
    shape = (planes, height, width, step)
    return as_strided(a, shape, (plane * size, row * size, step * size, size), writeable=writeable)
