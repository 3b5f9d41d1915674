"""Plans in bands: where a kernel cannot read the image or write the result as it lies, rows of them are converted.

A band is a filter of its own, whose image already holds the rows of the border that its windows reach.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from convlab import _borders, _errors
from convlab._geometry import STORED
from convlab._spec.filtering import Filter2d

from .plan import WORKSPACE_LIMIT, Band, Plan

# Bytes of a band: enough that a call for each costs nothing, and few enough for the caches.
BAND_BYTES = 4 << 20
PlanT = TypeVar("PlanT", bound=Plan[Any])


def in_bands(spec: Filter2d, make: Callable[[Filter2d], PlanT], multiple: int = 1) -> tuple[PlanT, tuple[Band, ...]]:
    """The plan of the first band, which says what all cost, and all bands; `make` plans one, of floats.

    A band has some `multiple` of rows, for kernels whose parts begin at multiples of it.
    """
    image, region, (kernel_height, _) = spec.image, spec.region, spec.kernel_shape
    in_place = spec.dtype in STORED
    row_bytes = (5 if spec.mask else 4) * image.planes * image.step * image.width
    result_bytes = 0 if in_place else 4 * (spec.kernels or 1) * region.planes * region.step * region.width
    limit = WORKSPACE_LIMIT if spec.workspace_limit is None else spec.workspace_limit
    budget = min(BAND_BYTES, limit // 2) - row_bytes * (kernel_height - 1)
    rows = max(budget // (row_bytes + result_bytes or 1) // multiple, 1) * multiple
    rows = min(rows, max(region.height, 1))
    buffers = row_bytes * (rows + kernel_height - 1) + result_bytes * rows
    if spec.workspace_limit is not None and buffers > limit:
        raise _errors.workspace(limit, spec.algorithm or "direct", buffers)

    def planned(n: int) -> PlanT:
        part = make(
            replace(
                spec,
                image=image.resized(n + kernel_height - 1, image.width),
                region=region.resized(n, region.width),
                output=spec.output if in_place else region.resized(n, region.width),
                dtype=spec.dtype if in_place else np.dtype(np.float32),
                band=True,
                workspace_limit=max(limit - buffers, 0) if spec.workspace_limit is not None else None,
            )
        )
        return replace(part, buffers=part.buffers + buffers)

    above, below, _, _ = spec.border_sizes
    wanted = _borders.source_indices(spec.border, image.height, -above, image.height + below)
    whole = planned(rows)
    bands = []
    for first in range(0, region.height, rows):
        n = min(rows, region.height - first)
        bands.append(Band(first, n, wanted[first : first + n + kernel_height - 1], whole if n == rows else planned(n)))
    return whole, tuple(bands)
