"""The axes of a pool as its kernels walk them: without those that have nothing to reduce."""

from dataclasses import replace
from typing import Any, NamedTuple

from convlab._spec.pooling import Grid, Pool

# Elements of rows that are merged into one, where windows reach down alone.
MERGED_WIDTH = 64
FIELDS = ("window", "stride", "before", "after", "dilation")


class Source(NamedTuple):
    """How a kernel walks an array: strides in elements, or in bytes where it gathers."""

    plane: int
    slice: int
    row: int
    outer: int = 0
    inner: int = 1
    column: int = 0
    channel: int = 0
    gathered: bool = False
    swapped: bool = False


def squeezed(spec: Pool, x: Source) -> tuple[Pool, Source]:
    """The same pool without axes of one element: a column is a row, and a volume of one column is an image.

    Sums go down the rows, then the slices, then along the row, and must stay in this order.
    """
    image, n = spec.image, len(spec.image.axes)
    single = [
        (size, out, window, before, after) == (1, 1, 1, 0, 0)
        for size, out, window, before, after in zip(
            image.sizes, spec.output.sizes, spec.window, spec.before, spec.after, strict=True
        )
    ]
    kept = [axis for axis in range(n) if not single[axis]] or [n - 1]
    pitches = (x.slice, x.row, x.column if x.gathered else image.step)[3 - n :]
    last = pitches[kept[-1]]
    # A row's pixels must be neighbours, unless they are gathered.
    if len(kept) == n or spec.indices or (kept == [0, 1] and n == 3) or not (x.gathered or last == image.step):
        return spec, x

    def without(grid: Grid) -> Grid:
        gone = {axis for number, axis in enumerate(grid.axes) if number not in kept}
        shape = tuple(size for axis, size in enumerate(grid.shape) if axis not in gone)
        axes = tuple(axis - sum(other < axis for other in gone) for axis in grid.axes if axis not in gone)
        return Grid(shape, axes, grid.inner_channels)

    shorter: dict[str, Any] = {name: tuple(getattr(spec, name)[axis] for axis in kept) for name in FIELDS}
    row = pitches[kept[0]] if len(kept) == 2 else 0
    own = replace(spec, image=without(image), output=without(spec.output), **shorter)
    return own, x._replace(slice=0, row=row, column=last if x.gathered else x.column)


def flattened(spec: Pool, x: Source) -> tuple[Pool, Source]:
    """The same pool of a volume whose windows do not reach from slice to slice, as one of more planes."""
    image, depth = spec.image, spec.image.axes[0]
    trivial = (spec.window[0], spec.stride[0], spec.before[0], spec.after[0]) == (1, 1, 0, 0)
    if len(image.axes) < 3 or not trivial or spec.bins or spec.indices or x.gathered:
        return spec, x
    outermost = all(axis < depth for axis in image.plane_axes)
    if not outermost or (image.planes > 1 and x.plane != image.sizes[0] * x.slice):
        return spec, x
    shorter: dict[str, Any] = {name: getattr(spec, name)[1:] for name in FIELDS}
    own_image, own_output = (replace(grid, axes=grid.axes[1:]) for grid in (image, spec.output))
    return replace(spec, image=own_image, output=own_output, **shorter), x._replace(plane=x.slice, slice=0)


def merged(spec: Pool, x: Source) -> tuple[Pool, Source]:
    """Short rows that no window reaches along, as the channels of pixels of one long row."""
    image, axes = spec.image, spec.image.axes
    last, width = len(image.shape) - 1 - image.inner_channels, image.sizes[-1] * image.step
    trivial = (spec.window[-1], spec.stride[-1], spec.before[-1], spec.after[-1]) == (1, 1, 0, 0)
    if not trivial or axes[-2:] != (last - 1, last) or width > MERGED_WIDTH or x.row != width or x.gathered:
        return spec, x
    if spec.bins or spec.indices:
        return spec, x

    def with_channels(grid: Grid) -> Grid:
        return Grid((*grid.shape[:last], width), axes[:-1], True)

    shorter = {name: getattr(spec, name)[:-1] for name in FIELDS}
    own = replace(spec, image=with_channels(image), output=with_channels(spec.output), **shorter)
    return own, Source(x.plane, 0, x.slice if len(axes) == 3 else width)
