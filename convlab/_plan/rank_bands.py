"""Order statistics in bands: parts of the image are copied with their halo, filtered, and copied into the result.

A band is an image of its own with the border "valid". It is how an image is read whose dtype or strides no kernel
reads, whose pixels have so many channels that a tile of them all is large, or whose rows are narrower than a vector:
those are transposed.
"""

import math
from dataclasses import dataclass, replace

from convlab._spec.layout import Layout
from convlab._spec.ranking import Rank2d

# Bytes of a band's source and result: few enough for the caches, and more only if the halo is most of it.
BAND_BYTES = (4 << 20, 8 << 20, 16 << 20)
LONGEST = 1 << 17  # rows and columns of a band, whose numbers are tables
NUMBER_BYTES = 32  # of each: its place in the image, that of the band before, and what finds their runs
# Rows of fewer bytes are transposed where there are many of them; pixels of more are filtered by some channels at a
# time, which are CHUNK bytes.
NARROW, MANY_ROWS = 64, 256
LARGEST_PIXEL, CHUNK = 1 << 10, 256


@dataclass(frozen=True, slots=True)
class Bands:
    """A filter, and the size of a band of its output; `transposed`, of the transposed image by each window in turn."""

    spec: Rank2d
    planes: int
    rows: int
    columns: int
    channels: int
    transposed: bool
    reason: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.planes, self.rows, self.columns, self.channels


def folded(spec: Rank2d, itemsize: int) -> Rank2d | None:
    """The same filter of narrow rows down the columns as one along a single row of pixels, each a row of the image."""
    image, region = spec.image, spec.region
    narrow = image.width * image.step * itemsize < NARROW
    if spec.size[1] > 1 or not narrow or region.width != image.width or image.height < 2:
        return None

    def row_of(layout: Layout) -> Layout:
        return Layout((layout.planes, 1, layout.height, layout.width * layout.step), 1, 2, inner_channels=True)

    return replace(
        spec,
        image=row_of(image),
        region=row_of(region),
        output=row_of(spec.output),
        size=(1, spec.size[0]),
        anchor=(0, spec.anchor[0]),
    )


def _sizes(spec: Rank2d, channels: int, itemsize: int) -> tuple[int, int, int]:
    """Planes, rows and columns of a band."""
    region, (height, width) = spec.region, spec.size
    for bytes_ in BAND_BYTES:
        pixels = bytes_ // (2 * itemsize * channels)
        rows = min(region.height, max(height, 64))
        columns = min(pixels // (rows + height - 1) - (width - 1), region.width, LONGEST)
        if columns >= min(region.width, width, LONGEST):
            rows = min(pixels // (columns + width - 1) - (height - 1), region.height, LONGEST)
            whole = rows == region.height and columns == region.width
            each = (rows + height - 1) * (columns + width - 1)
            return (min(region.planes, max(pixels // each, 1)) if whole else 1), rows, columns
    return 1, min(region.height, max(height // 4, 1)), min(region.width, max(width // 4, 1))


def bands_of(spec: Rank2d, itemsize: int, in_place: bool, folds: bool) -> Bands | None:
    """How the image is cut; None where a kernel reads it in place, or a copy of it that is no larger than a band."""
    image, region = spec.image, spec.region
    if not math.prod(region.shape):
        return None
    narrow = image.width * image.step * itemsize < NARROW and image.height >= MANY_ROWS and not folds
    large = image.step * itemsize > LARGEST_PIXEL and spec.size != (1, 1)
    small = math.prod(image.shape) * itemsize <= BAND_BYTES[0] // 2
    if not narrow and not large and (in_place or small):
        return None
    channels = min(image.step, max(CHUNK // itemsize, 1)) if large else image.step
    reason = "rows are narrower than a vector" if narrow else "pixels are large" if large else "the image is converted"
    return Bands(spec, *_sizes(spec, channels, itemsize), channels, narrow, reason)


def band_specs(bands: Bands, shape: tuple[int, ...]) -> tuple[Rank2d, ...]:
    """The filters of a band whose result has this shape: planes, rows, columns, channels.

    Transposed, a maximum and a minimum go down the image's columns first, as they do untransposed: of equals, 0 and -0,
    the first stays.
    """
    spec, (planes, rows, columns, channels) = bands.spec, shape
    windows = [spec.size]
    if bands.transposed:
        rows, columns = columns, rows
        height, width = spec.size
        windows = [(width, height)]
        if spec.separable and height > 1 and width > 1:
            windows = [(1, height), (width, 1)]
    result = []
    down, along = (sum(size[axis] - 1 for size in windows) for axis in (0, 1))
    height, width = rows + down, columns + along
    for window in windows:
        image = Layout((planes, height, width, channels), 1, 2, inner_channels=True)
        height, width = height - window[0] + 1, width - window[1] + 1
        region = image.resized(height, width)
        anchor = (window[0] // 2, window[1] // 2)
        result.append(
            replace(spec, image=image, region=region, output=region, size=window, anchor=anchor, border="valid")
        )
    return tuple(result)


def band_bytes(bands: Bands, itemsize: int) -> int:
    """Bytes of a band's source, of a copy of its border, of its results, and of its rows' and columns' numbers."""
    filters = band_specs(bands, bands.shape)
    sizes = [math.prod(part.region.shape) for part in filters]
    image = filters[0].image
    return itemsize * (2 * math.prod(image.shape) + sum(sizes)) + NUMBER_BYTES * (image.height + image.width)
