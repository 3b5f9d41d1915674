"""Plans of filters over images."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._geometry import SOURCES, FilterGeometry, FilterValues
from convlab._spec import filtering
from convlab._spec.arguments import FLOAT32, check_dtype, check_kernel, taps
from convlab._spec.filtering import Filter2d

from .cache import remembered
from .plan import WIDEST_BLOCK, Machine, Plan, pitches_of, rounded_up, threads_for

# Output rows in a tile, the piece of work that a thread takes: enough to make the staging of its edges cheap, and a
# multiple of the three and four rows of a block.
TILE_ROWS = 24


def plan_filter2d(
    spec: Filter2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine, taps: NDArray[np.float32]
) -> Plan[Filter2d]:
    """Direct correlation; `pitches` of the source's planes and rows, or None where it must be copied."""
    image, region, step = spec.image, spec.region, spec.image.step
    kernel_height, kernel_width = spec.kernel_shape
    above, below, before, after = spec.border_sizes
    unrolled = spec.kernel_shape in ((3, 3), (5, 5), (7, 7))

    # The columns whose windows leave the image are staged, copied together with their border: a block's width at least,
    # or all that an image too narrow has; and all of an image that must be converted.
    staged = source != FLOAT32
    narrow = max(before, WIDEST_BLOCK) + max(after, WIDEST_BLOCK) + WIDEST_BLOCK
    strip_columns = region.width if staged else min(region.width, narrow)
    tile_rows = max(TILE_ROWS, rounded_up(kernel_height, 12))
    tiles = -(-region.height // tile_rows)
    slots = max(min(tile_rows, region.height), 4) + kernel_height - 1
    strip_row = rounded_up((strip_columns + kernel_width - 1) * step + 2 * WIDEST_BLOCK, 16)
    # Two tables of pointers (two floats each), four spare rows, the strip on a cache line: see `tile` in the kernel.
    workspace = rounded_up(4 * slots + 4 * max(region.width * step, WIDEST_BLOCK) + slots * strip_row + 16, 16)

    stream = 4 * math.prod(region.shape) >= machine.cache_bytes
    borders = [
        _borders.source_indices(spec.border, size, first, last)
        for size, first, last in (
            (image.height, -above, 0),
            (image.height, image.height, image.height + below),
            (image.width, -before, 0),
            (image.width, image.width, image.width + after),
        )
    ]
    geometry = FilterGeometry(
        region.planes, image.height, image.width, region.height, region.width, step,
        *(pitches or image.pitches()), *spec.output.pitches(),
        above, below, before, after, staged, tiles, tile_rows, workspace,
        stream, spec.finishes, SOURCES.index(source),
    )  # fmt: skip
    values = FilterValues(spec.cval, spec.scale, spec.offset, *spec.clip)
    return Plan(
        spec=spec,
        kernel="correlate2d" + (f"_{kernel_height}x{kernel_width}" if unrolled else ""),
        reason="taps unrolled into registers" if unrolled else "a loop over the taps serves every size",
        threads=threads_for(spec, machine),
        workspace=4 * workspace,
        convert=pitches is None,
        source=source,
        tables=(np.array(geometry, np.intp), np.concatenate(borders), np.array(values, np.float32)),
        taps=taps,
    )


@remembered
def filter2d(x: NDArray[Any], w: NDArray[Any], *options: Any) -> Plan[Filter2d]:
    """The plan for filter2d's arguments, image and kernel first; errors for wrong ones."""
    check_dtype("image", x.dtype)
    check_kernel("kernel", w)
    spec = filtering.filter2d(x.shape, (w.shape[0], w.shape[1]), *options)
    native = x.dtype.newbyteorder("=")
    source = native if native in SOURCES else FLOAT32
    return plan_filter2d(spec, source, pitches_of(spec.image, x, source), Machine(), taps("kernel", w))
