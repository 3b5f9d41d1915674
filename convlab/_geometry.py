"""What a kernel reads beside its arrays: plans write these tables, compiled kernels and the fallback read them."""

from typing import NamedTuple

import numpy as np

# What a correlation kernel reads and writes; the order is that of the enum Stored in src/filter_image.pxd. No bool:
# its byte may be any but 0, and is then True.
STORED = tuple(np.dtype(t) for t in (np.float32, np.uint8, np.int16, np.uint16))
# What a pool reads as it lies; the order is that of the enum in src/lanes.h.
POOLED = (*STORED, np.dtype(np.int8))
# Elements that an order statistic in NumPy holds of its source at a time; of all its arrays, up to eight times as many.
NUMPY_BLOCK = 1 << 18
# What a sum reads one by one, of any strides and byte order; the order is that of the enum in src/pool_gather.h.
GATHERED = (
    *POOLED,
    *(np.dtype(t) for t in (np.float64, np.float16, np.int32, np.uint32, np.int64, np.uint64, np.bool_)),
)


class FilterGeometry(NamedTuple):
    """The sizes that a correlation kernel reads; src/filter_image.pxd has the same struct and says what they are."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int
    x_plane: int
    x_row: int
    y_plane: int
    y_row: int
    above: int
    below: int
    before: int
    after: int
    chunk: int
    tiles: int
    tile_rows: int
    workspace: int
    stream: int
    finish: int
    source: int
    target: int
    kernels: int
    y_kernel: int
    m_plane: int
    m_row: int
    has_mask: int
    omit: int


class SeparableGeometry(NamedTuple):
    """The sizes that a separable correlation reads; src/sepfilter2d.pyx has the same struct."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int
    x_plane: int
    x_row: int
    y_plane: int
    y_row: int
    kernel_height: int
    kernel_width: int
    above: int
    below: int
    before: int
    after: int
    tiles: int
    tile_rows: int
    pitch: int
    workspace: int
    magnitude: int
    whole: int
    finish: int
    source: int
    target: int


class BoxGeometry(NamedTuple):
    """The sizes that sums over windows read; src/box2d.pyx has the same struct."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int
    x_plane: int
    x_row: int
    y_plane: int
    y_row: int
    kernel_height: int
    kernel_width: int
    above: int
    below: int
    before: int
    after: int
    strips: int
    strip_columns: int
    parts: int
    part_rows: int
    pitch: int
    workspace: int
    source: int
    target: int


class TransposeGeometry(NamedTuple):
    """The sizes that a transposing copy reads; src/transpose.pyx has the same struct."""

    rows: int
    columns: int
    x_row: int
    y_row: int
    itemsize: int


class LinesGeometry(NamedTuple):
    """The sizes that sums of neighbours of lines read; src/box_lines.pyx has the same struct."""

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
    """The sizes that a pooling kernel reads; src/pool.pxd has the same struct and says what they are."""

    planes: int
    depth: int
    height: int
    width: int
    out_depth: int
    out_height: int
    out_width: int
    step: int
    x_plane: int
    x_slice: int
    x_row: int
    y_plane: int
    y_slice: int
    y_row: int
    x_outer: int
    inner: int
    x_column: int
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
    bins: int
    extent: int
    divisor: int
    count_pad: int
    tiles: int
    parts: int
    columns: int
    taps: int
    row: int
    row_levels: int
    result_levels: int
    workspace: int
    stream: int
    group_rows: int
    band_rows: int
    source: int
    gathered: int
    swapped: int
    power: int
    exponent: int


class RankGeometry(NamedTuple):
    """The sizes that the order statistics read; src/rank.pxd has the same struct and says what they are."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    step: int
    x_plane: int
    x_row: int
    y_plane: int
    y_row: int
    above: int
    below: int
    before: int
    after: int
    window_height: int
    window_width: int
    tiles: int
    tile_rows: int
    tile_columns: int
    group_rows: int
    pitch: int
    workspace: int
    source: int
    staged: int
    along: int


class ConvGeometry(NamedTuple):
    """The sizes that the kernels of a convolution read; src/staging.pxd has the same struct."""

    batch: int
    groups: int
    channels: int
    out_channels: int
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
    above: int
    before: int
    columns: int
    x_batch: int
    x_channel: int
    x_depth: int
    x_row: int
    x_column: int
    y_batch: int
    y_channel: int
    y_depth: int
    y_row: int
    y_column: int
    block_rows: int
    block_columns: int
    slices: int
    in_place: int
    plain: int
    gather: int
    shifted: int
    turned: int
    workspace: int


# What stands beside the source of a convolution, by its name in _borders: the places of src/axis.pxd's enum Border.
CONV_BORDERS = ("constant", "nearest", "symmetric", "mirror", "wrap")


class ConvAxis(NamedTuple):
    """Where an axis of a convolution finds its pixels; src/axis.pxd has the same struct and says how."""

    size: int
    before: int
    positions: int
    border: int


class ConvValues(NamedTuple):
    """What the kernels of a convolution do to a sum; src/gemm.pxd has the same struct."""

    low: float
    high: float
    slope: float
    activation: float  # its place in the enum Activation of src/gemm.pxd
