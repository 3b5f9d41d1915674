"""Plans in blocks: parts of the image are copied, filtered, and converted again if they must."""

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab import _borders
from convlab._geometry import STORED
from convlab._plan.blocks import ALIGNED, Blocks
from convlab._plan.plan import Plan, rounded_up
from convlab._spec.filtering import Filter2d
from convlab._spec.layout import Layout
from convlab._threads import limited

from .arrays import saturated
from .copies import copy_into, transpose

# Elements of the border's rows that are copied at a time.
ROWS_AT_ONCE = 1 << 14

Mask = NDArray[np.bool_] | None
Run = Callable[[Plan[Any], NDArray[Any], Mask, NDArray[Any]], None]
Store = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], None]


class Scratch:
    """Memory for the copies of one block after the other: one piece, which an allocator is likely to keep at hand."""

    def __init__(self, size: int) -> None:
        self._memory = np.empty(size, np.uint8)
        self._used = 0

    def clear(self) -> None:
        """What was given out is not needed any more."""
        self._used = 0

    def get(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        first, size = self._used, math.prod(shape) * dtype.itemsize
        self._used = rounded_up(first + size, ALIGNED)
        return self._memory[first : first + size].view(dtype).reshape(shape)


def run_blocks(
    plan: Plan[Any],
    spec: Filter2d,
    x: NDArray[Any],
    mask: Mask,
    y: NDArray[Any],
    run: Run,
    store: Store | None = None,
) -> None:
    """Fill y, the region of the output that is computed; `run` does one block.

    `store(result, pixels, part)` puts a block's result, which is no part of y, into it; `pixels` are the image's there.
    """
    blocks: Blocks = plan.blocks
    plans, scratch, region = dict(blocks.plans), Scratch(blocks.bytes), spec.region
    kernel_height, kernel_width = spec.kernel_shape
    above, _, before, _ = spec.border_sizes
    image = _as_planes(x[None], spec.image)[0]
    hidden = None if mask is None else _as_planes(_with_channels(mask, spec.image)[None], spec.image)[0]
    output = _as_planes(y if spec.kernels is not None else y[None], spec.image)
    whole = region.planes, region.height, region.width, region.step
    top, left = spec.anchor if spec.border == "keep" else (0, 0)
    for p, k, j, i in product(*(range(0, whole[a], blocks.size[a]) for a in (0, 3, 2, 1))):
        scratch.clear()
        start = p, i, j, k
        planes, rows, columns, channels = (
            min(n, end - first) for n, end, first in zip(blocks.size, whole, start, strict=True)
        )
        part = output[:, p : p + planes, i : i + rows, j : j + columns, k : k + channels]
        pixels = image[p : p + planes, top + i : top + i + rows, left + j : left + j + columns, k : k + channels]

        def put(values: NDArray[Any], into: NDArray[Any]) -> None:
            if store is not None:
                store(values, pixels, into)  # noqa: B023
            elif spec.dtype in STORED:
                into[...] = values
            else:
                saturated(values, spec.dtype, into)

        first_row, first_column = i - above, j - before if blocks.cut else 0
        wanted = rows + kernel_height - 1
        shape = planes, wanted, columns + kernel_width - 1 if blocks.cut else spec.image.width, channels

        def copied(a: NDArray[Any], dtype: np.dtype[Any], cval: float, more: int = 0) -> NDArray[Any]:
            target = scratch.get((shape[0], shape[1] + more, *shape[2:]), dtype)  # noqa: B023
            own = a[p : p + planes, :, :, k : k + channels]  # noqa: B023
            _fill(target[:, :wanted], own, spec.border, (first_row, first_column), cval)  # noqa: B023
            target[:, wanted:] = 0  # noqa: B023
            return target

        block = plans[planes, rows, columns, channels]
        if blocks.by_planes or blocks.segments:
            segment = blocks.rows_of_segment(rows)
            more = 0 if blocks.by_planes else blocks.segments * segment - rows
            source = copied(image, blocks.source, spec.cval, more)
            _run_folded(block, spec, source, segment, blocks.by_planes, part, run, put, scratch)
            continue
        source = copied(image, blocks.source, spec.cval)
        visible = None if hidden is None else copied(hidden, np.dtype(np.bool_), True)
        if blocks.result is None:
            run(block, source, visible, part)
            continue
        result = scratch.get(part.shape, blocks.result)
        run(block, source, visible, result)
        put(result, part)


def _run_folded(
    block: Plan[Any],
    spec: Filter2d,
    source: NDArray[Any],
    rows: int,
    by_planes: bool,
    y: NDArray[Any],
    run: Run,
    put: Callable[[NDArray[Any], NDArray[Any]], None],
    scratch: Scratch,
) -> None:
    """Planes, or segments of so many output rows, as channels of one image that lie innermost."""
    planes, height, width, channels = source.shape
    if by_planes:
        segments = source.reshape(planes, -1)
    else:
        row = width * channels
        segments = as_strided(
            source,
            ((height - spec.kernel_shape[0] + 1) // rows, (rows + spec.kernel_shape[0] - 1) * row),
            (rows * row * source.itemsize, source.itemsize),
            writeable=False,
        )
    number = len(segments)
    folded = scratch.get(segments.shape[::-1], source.dtype)
    transpose(segments, folded, limited(block.threads))
    kernels, _, out_rows, out_width, _ = y.shape
    kind = spec.dtype if spec.dtype in STORED else np.dtype(np.float32)
    result = scratch.get((kernels, rows * out_width * channels, number), kind)
    run(block, folded, None, result)
    for values, part in zip(result, y, strict=True):
        shape = (number * rows, out_width, channels)
        direct = part.flags.c_contiguous and part.dtype == kind and part.size == values.size
        unfolded = part.reshape(number, -1) if direct else scratch.get(values.shape[::-1], kind)
        transpose(values, unfolded, limited(block.threads))
        if not direct:
            whole = unfolded.reshape(part.shape) if by_planes else unfolded.reshape(shape)[None, :out_rows]
            put(whole, part)


def _as_planes(a: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """An array of images as (images, planes, rows, columns, channels)."""
    if layout.inner_channels:
        return a[:, None]
    if a.ndim == 3:
        return a[:, None, :, :, None]
    (plane,) = layout.plane_axes
    return np.moveaxis(a, plane + 1, 1)[..., None]


def _with_channels(mask: NDArray[np.bool_], image: Layout) -> NDArray[np.bool_]:
    """A mask of the image's shape."""
    if mask.ndim == len(image.shape):
        return mask
    (channel,) = set(range(3)) - {image.row_axis, image.column_axis}
    return np.broadcast_to(np.expand_dims(mask, channel), image.shape)


def _fill(target: NDArray[Any], x: NDArray[Any], border: str, start: tuple[int, int], cval: float) -> None:
    """The pixels of x from row and column `start` on, which may lie in the border; both are (planes, ...)."""
    (height, width), (n_rows, n_columns) = x.shape[1:3], target.shape[1:3]
    top, bottom = max(-start[0], 0), min(height - start[0], n_rows)
    left, right = max(-start[1], 0), min(width - start[1], n_columns)
    rows = slice(start[0] + top, start[0] + bottom)
    columns = slice(start[1] + left, start[1] + right)
    with np.errstate(all="ignore"):  # what float32 cannot hold is infinite, or 0
        copy_into(target[:, top:bottom, left:right], x[:, rows, columns])
        for first, last in ((0, left), (right, n_columns)):
            indices = _borders.source_indices(border, width, start[1] + first, start[1] + last)
            for at, column in enumerate(indices.tolist(), first):
                target[:, top:bottom, at] = cval if column < 0 else x[:, rows, column]
        for first, last in ((0, top), (bottom, n_rows)):
            indices = _borders.source_indices(border, height, start[0] + first, start[0] + last)
            here = indices - start[0]
            inside = (indices >= 0) & (here >= top) & (here < bottom)
            kinds = np.where(indices < 0, -1, inside).tolist()
            for begin, end in _runs(kinds, max(1, ROWS_AT_ONCE // max(1, target[:, :1].size))):
                part = target[:, first + begin : first + end]
                if kinds[begin] < 0:
                    part[...] = cval
                elif kinds[begin]:  # they are here already
                    part[...] = target[:, here[begin:end]]
                else:
                    _fill(part, x[:, indices[begin:end]], border, (0, start[1]), cval)


def _runs(kinds: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Where runs of at most so many neighbours of one kind begin and end."""
    begin = 0
    for end in range(1, len(kinds) + 1):
        if end == len(kinds) or kinds[end] != kinds[begin] or end - begin == most:
            yield begin, end
            begin = end
