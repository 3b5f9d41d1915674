"""What a kernel reads beside its arrays: plans fill these tables, compiled kernels and the fallback read them.

setup.py loads this file by its path, and writes the structs and enums of the kernels from it. It imports nothing of
convlab.
"""

from typing import NamedTuple

import numpy as np

# What a correlation kernel reads and writes. No bool: its byte may be any but 0, and is then True.
STORED = tuple(np.dtype(t) for t in (np.float32, np.uint8, np.int16, np.uint16))
# What a pool reads in place.
POOLED = (*STORED, np.dtype(np.int8))
# What a sum reads one by one, of any strides and byte order.
GATHERED = (
    *POOLED,
    *(np.dtype(t) for t in (np.float64, np.float16, np.int32, np.uint32, np.int64, np.uint64, np.bool_)),
)
# Elements that an order statistic in NumPy holds of its source at a time; of all its arrays, up to eight times as many.
NUMPY_BLOCK = 1 << 18
# What stands beside the source of a convolution, by its name in _borders.
CONV_BORDERS = ("constant", "nearest", "symmetric", "mirror", "wrap")
# What a convolution does to a sum: nothing, clip it, or multiply it by a slope where it is negative.
ACTIVATIONS = ("none", "clamp", "leaky")


def enums() -> dict[str, list[str]]:
    """Return the places in the tuples above as kernels name them."""
    words = {
        "GATHERED": [dtype.name for dtype in GATHERED],
        "CONV_BORDERS": CONV_BORDERS,
        "ACTIVATIONS": ACTIVATIONS,
    }
    return {name: [word.upper() for word in some] for name, some in words.items()}


class FilterGeometry(NamedTuple):
    """The sizes that a correlation kernel reads."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int  # channels that lie innermost: elements from a pixel to the next
    x_plane: int  # strides of x, in elements
    x_row: int
    y_plane: int  # strides of y, in elements
    y_row: int
    above: int  # rows and columns of the border
    below: int
    before: int
    after: int
    chunk: int  # columns that are packed at a time if all are, else 0
    tiles: int  # of one plane
    tile_rows: int  # output rows of a tile
    workspace: int  # floats of one thread
    stream: int  # whether y is too large for the caches
    finish: int  # whether scale, offset and clip do anything
    source: int  # dtype of x, a place in STORED
    target: int  # dtype of y
    kernels: int  # how many
    y_kernel: int  # elements from one kernel's output to the next one's
    m_plane: int  # strides of the mask, in bytes
    m_row: int
    has_mask: int  # whether there is a mask
    omit: int  # whether NaN is left out


class SeparableGeometry(NamedTuple):
    """The sizes that a separable correlation reads."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int  # elements from a pixel to the next; widths are in pixels
    x_plane: int  # strides of x, in elements
    x_row: int
    y_plane: int  # strides of y, in elements
    y_row: int
    kernel_height: int
    kernel_width: int
    above: int  # rows and columns of the border
    below: int
    before: int
    after: int
    tiles: int  # of one plane
    tile_rows: int  # output rows of a tile
    pitch: int  # floats of a row of the workspace
    workspace: int  # floats of one thread
    magnitude: int  # whether there are two pairs of kernels
    whole: int  # whether the product's own taps are there too
    finish: int  # whether scale, offset and clip do anything
    source: int  # dtype of x, a place in STORED
    target: int  # dtype of y


class BoxGeometry(NamedTuple):
    """The sizes that sums over windows read."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int  # elements from a pixel to the next; widths are in pixels
    x_plane: int  # strides of x, in elements
    x_row: int
    y_plane: int  # strides of y, in elements
    y_row: int
    kernel_height: int
    kernel_width: int
    above: int  # rows and columns of the border
    below: int
    before: int
    after: int
    strips: int  # of one plane
    strip_columns: int  # output columns of a strip
    parts: int  # of a strip
    part_rows: int  # output rows of a part
    pitch: int  # floats of a row of the workspace
    workspace: int  # floats of one thread
    source: int  # dtype of x, a place in STORED
    target: int  # dtype of y


class TransposeGeometry(NamedTuple):
    """The sizes that a transposing copy reads."""

    rows: int  # of x
    columns: int
    x_row: int  # from row to row, in elements
    y_row: int
    itemsize: int


class LinesGeometry(NamedTuple):
    """The sizes that sums of neighbours of lines read."""

    lines: int
    blocks: int  # of each line
    k: int  # elements of a block, and of a sum


class FilterValues(NamedTuple):
    """The numbers that a correlation kernel reads beside the taps."""

    cval: float
    scale: float
    offset: float
    low: float
    high: float


class PoolGeometry(NamedTuple):
    """The sizes that a pooling kernel reads; of windows and arrays, see src/pool/pool.pxd."""

    planes: int
    depth: int
    height: int
    width: int
    out_depth: int
    out_height: int
    out_width: int
    step: int  # elements from a pixel to the next
    x_plane: int  # strides of x, in elements; in bytes if it is gathered
    x_slice: int
    x_row: int
    y_plane: int  # strides of y, in elements
    y_slice: int
    y_row: int
    x_outer: int  # of gathered arrays: bytes per outer plane
    inner: int  # planes per outer plane
    x_column: int  # of gathered arrays: bytes
    x_channel: int
    window_depth: int
    window_height: int
    window_width: int
    stride_depth: int
    stride_height: int
    stride_width: int
    pad_depth: int
    pad_height: int
    pad_width: int
    after_depth: int
    after_height: int
    after_width: int
    dilation_depth: int
    dilation_height: int
    dilation_width: int
    bins: int  # whether the windows divide each axis into as many parts as there are outputs
    extent: int  # pixels of a padded row of a maximum's windows, 0 where each is reduced by itself
    divisor: int  # of every sum; 0 where each has its own
    count_pad: int  # whether padding counts in those
    tiles: int  # of one plane: parts of its output rows
    parts: int  # of a row's outputs, each a task
    columns: int  # outputs of a part that are made at a time
    taps: int  # columns of a window that are reduced at a time; all, or a multiple of 8 * 2 ** n
    row: int  # floats that a row takes in the workspace
    row_levels: int  # sums of rows that wait for others, at most: see src/pool/pool_tree.pxd
    result_levels: int  # the same of results, where the windows' columns are taken some at a time
    workspace: int  # floats of one thread
    stream: int  # whether y is too large for the caches
    group_rows: int  # output rows made at a time
    band_rows: int  # the rows that those read, at most
    source: int  # dtype of x, a place in GATHERED
    gathered: int  # whether elements of x are read one by one: of any strides, alignment and byte order
    swapped: int  # whether their bytes are in the other order
    power: int  # of each element's absolute value: 0 is the element itself, -1 a float
    exponent: int  # that float's bits


class RankGeometry(NamedTuple):
    """The sizes that the order statistics read."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int  # elements from a pixel to the next
    x_plane: int  # strides of x, in elements
    x_row: int
    y_plane: int  # strides of y, in elements
    y_row: int
    above: int  # rows and columns of the border
    below: int
    before: int
    after: int
    window_height: int
    window_width: int
    tiles: int  # of one plane
    tile_rows: int  # output rows of a tile
    tile_columns: int  # output columns of a tile
    group_rows: int  # output rows made at a time
    pitch: int  # bytes of a row in the workspace
    workspace: int  # bytes of one thread
    source: int  # dtype of x, a place in STORED
    staged: int  # dtype of the workspace
    along: int  # whether a window of ranks slides along the rows, not down


class ConvGeometry(NamedTuple):
    """The sizes that the kernels of a convolution read."""

    batch: int
    groups: int
    channels: int  # of one group
    out_channels: int  # of one group
    kernel_depth: int
    kernel_height: int
    kernel_width: int
    height: int
    width: int
    out_depth: int
    out_height: int
    out_width: int
    stride_depth: int
    stride_height: int
    stride_width: int
    dilation_depth: int
    dilation_height: int
    dilation_width: int
    above: int  # rows and columns of the border
    before: int
    columns: int  # most that a block of Winograd's tiles packs
    x_batch: int  # strides of x, in floats
    x_channel: int
    x_depth: int
    x_row: int
    x_column: int
    y_batch: int  # strides of y, in floats
    y_channel: int
    y_depth: int
    y_row: int
    y_column: int
    block_rows: int  # output pixels of a block
    block_columns: int
    slices: int  # of the input that are multiplied at a time
    in_place: int  # whether a block's pixels are read from x without a copy
    plain: int  # whether all around the rows of x are zeros
    gather: int  # whether y is written through a block of its own
    shifted: int  # whether a panel is the packed slices themselves
    turned: int  # whether rows and columns are packed exchanged
    workspace: int  # floats of one thread


class ConvAxis(NamedTuple):
    """Where an axis of a convolution finds its pixels: src/conv/axis.pxd says how."""

    size: int  # pixels of the source
    before: int  # positions before the first of them; may be negative
    positions: int  # that windows touch; beyond them are zeros
    border: int  # a place in CONV_BORDERS


class ConvValues(NamedTuple):
    """What the kernels of a convolution do to a sum."""

    low: float
    high: float
    slope: float
    activation: float  # a place in ACTIVATIONS


class WeightGeometry(NamedTuple):
    """How the gradient of a convolution's weights is cut: see src/grad/grad_weight.pyx."""

    block_planes: int  # images, or planes of depth, of a block of terms
    block_rows: int  # output rows of it
    block_columns: int
    chunks: int  # that all blocks are cut into, each summed by itself
    tile_channels: int  # of the input, and taps, whose gradients are made together
    tile_depth: int
    tile_rows: int
    tile_columns: int
    tile_outputs: int  # output channels
    in_place: int  # whether the input is read without a copy
    sums: int  # doubles of a task
    output: int  # floats of the packed gradient of the output
    input: int  # floats of the packed input
    places: int  # numbers that say where the terms and the taps lie
    workspace: int  # floats of one thread


class PlanesGeometry(NamedTuple):
    """How the gradient of depthwise weights is cut: see src/grad/grad_planes.pyx."""

    together: int  # small planes whose sums are added in float32
    rows: int  # output rows and columns of a block
    columns: int
    chunks: int  # that all blocks are cut into, each summed by itself
    staged: int  # floats of a packed part of the input
    shifted: int  # and of its rows under one column of taps
    terms: int  # floats of a packed part of the output's gradient
    workspace: int  # floats of one thread


class SpreadGeometry(NamedTuple):
    """The sizes that the gradient of an average pool reads; all arrays are C-contiguous."""

    planes: int
    depth: int
    height: int
    width: int
    out_depth: int
    out_height: int
    out_width: int
    window_depth: int
    window_height: int
    window_width: int
    stride_depth: int
    stride_height: int
    stride_width: int
    pad_depth: int
    pad_height: int
    pad_width: int
    after_depth: int
    after_height: int
    after_width: int
    dilation_depth: int
    dilation_height: int
    dilation_width: int
    bins: int  # whether the windows divide each axis into as many parts as there are outputs
    divisor: int  # of every average; 0 where each has its own
    count_pad: int  # whether padding counts in those


class ScatterGeometry(NamedTuple):
    """The sizes of gradients that go where indices say; all arrays are C-contiguous."""

    planes: int
    size: int  # elements of a plane of the indices
    other: int  # of the plane that they are places in
    pieces: int  # that the planes are shared out in


TABLES = (
    FilterGeometry, SeparableGeometry, BoxGeometry, LinesGeometry, TransposeGeometry, FilterValues, PoolGeometry,
    RankGeometry, ConvGeometry, ConvAxis, ConvValues, WeightGeometry, PlanesGeometry, SpreadGeometry,
    ScatterGeometry,
)  # fmt: skip
