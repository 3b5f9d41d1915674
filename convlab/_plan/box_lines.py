"""Plans of sums over windows, line by line: where strips would be much narrower than their windows, or rows few."""

import numpy as np

from convlab._spec.separable import Separable2d

from .plan import Plan

# Elements of some lines that are summed at a time: few enough for the caches; and at most, of a line of long windows.
CHUNK, LONGEST = 1 << 18, 1 << 20
# Bytes for each of them: pixels, two sums, places, copies of the border.
ELEMENT_BYTES = 28
# Pixels of a plane from which NumPy's calls cost less than what they save, and floats between two passes at most.
LEAST_PIXELS, BETWEEN = 1 << 13, 1 << 21
# How many times the work of a strip of full vectors must be wasted.
WASTED = 15
# Rows that src/filter/box2d.pyx sums at a time; the shortest window that lines are for.
TOGETHER, SHORTEST = 16, 64


def section_of(n: int, k: int) -> int:
    """Return how many sums of a line are made at a time: a multiple of the window."""
    blocks = max(CHUNK, min(4 * k, LONGEST)) // k - 1
    return max(1, min(blocks, -(-n // k))) * k


def in_place(spec: Separable2d) -> bool:
    """Whether the result holds the sums down the columns until whole rows of them are summed."""
    width = spec.filter.kernel_shape[1] + spec.image.width
    return spec.dtype == np.float32 and spec.region.width == spec.image.width and width <= LONGEST


def pays(spec: Separable2d, columns: int, narrow: bool) -> bool:
    """Return whether lines are faster than strips of so many columns, or than a folded narrow image."""
    region, (kernel_height, kernel_width) = spec.region, spec.filter.kernel_shape
    longest = max(kernel_height, kernel_width)
    if longest < SHORTEST or 2 * longest > LONGEST or region.height * region.width < LEAST_PIXELS:
        return False
    if min(kernel_height, kernel_width) > 1 and region.height * spec.image.width > BETWEEN and not in_place(spec):
        return False
    if narrow:
        return kernel_width == 1
    overlap = (columns + kernel_width - 1) / columns
    return kernel_width > 1 and overlap * TOGETHER / min(region.height, TOGETHER) > WASTED


def lines_of(section: int, k: int) -> int:
    """Return how many lines are summed at a time."""
    return max(1, CHUNK // (section + k))


def _elements(lines: int, section: int, k: int) -> int:
    """Return how many elements of so many lines are summed at a time, with their blocks' ends."""
    return min(lines, lines_of(section, k)) * (section + 2 * k)


def plan_lines(spec: Separable2d, source: np.dtype[np.generic]) -> Plan[Separable2d]:
    """Plan the passes, on one thread."""
    (height, width), (kernel_height, kernel_width) = (spec.region.height, spec.region.width), spec.filter.kernel_shape
    along = width if in_place(spec) else section_of(width, kernel_width)
    elements = max(
        _elements(spec.image.width, section_of(height, kernel_height), kernel_height),
        _elements(height, along, kernel_width),
    )
    between = 1 not in spec.filter.kernel_shape and not in_place(spec)
    return Plan(
        spec=spec,
        kernel="box_lines",
        reason="strips would be much narrower than the windows, or rows too few for full vectors: line by line",
        threads=1,
        tile=(1, spec.region.width),
        workspace=ELEMENT_BYTES * elements + 4 * between * spec.region.height * spec.image.width,
        convert=False,
        source=source,
        tables=(),
        taps=np.ones(sum(spec.filter.kernel_shape), np.float32),
    )
