"""How the algorithms of a convolution cut their work, and in how much memory."""

from dataclasses import dataclass

from convlab import _errors

from .plan import rounded_up

# The widest vector, in floats, and so the pixels of a block of registers.
LANES = 16
TILE = 3 * LANES
# Terms of a sum that are multiplied at a time, and floats of their panel: a part of the second-level cache.
DEPTH = 288
PANEL = 1 << 17
WIDEST_BLOCK = 512
# Floats of a block of outputs that are written through the workspace.
GATHERED = 1 << 18
# Terms of a sum, and columns of taps, that are not worth a panel: see src/conv_direct.pyx.
DIRECT_TERMS = 160
DIRECT_WIDTH = 11
# Output channels of a panel of transposed weights: see src/conv_narrow.pyx.
NARROW_WIDTH = 48


def _block(height: int, width: int, most: int) -> tuple[int, int]:
    """Rows and columns of a block of at most so many pixels: whole rows, or a part of one."""
    if width > most:
        pieces = -(-width // most)
        return 1, min(width, rounded_up(-(-width // pieces), TILE))

    def vectors(rows: int) -> int:
        """How many a plane's blocks fill, partly or whole."""
        whole, rest = divmod(height, rows)
        return whole * -(-rows * width // LANES) + -(-rest * width // LANES)

    return min(range(1, min(height, most // width) + 1), key=lambda rows: (vectors(rows), -rows)), width


@dataclass(frozen=True, slots=True)
class Shape:
    """What blocks depend on: the slices of the input that a sum runs over, and sizes along three axes."""

    slices: int
    out_channels: int
    kernel: tuple[int, int, int]
    out: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    gather: bool

    def strip(self, rows: int, columns: int, apart: bool) -> int:
        """Floats of a staged slice for so many output pixels: see src/staging.pxd."""
        (_, height, width), (_, down, right), (_, apart_down, apart_right) = self.kernel, self.stride, self.dilation
        strip_columns = (columns - 1) * right + (width - 1) * apart_right + 1
        strip_rows = (rows - 1) * down + (height - 1) * apart_down + 1
        if apart:
            strip_rows = min(strip_rows, rows * height)
        return strip_rows * right * (-(-strip_columns // right) + 2 * LANES)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Output pixels and input slices that are taken at a time, and floats of workspace: of a thread, and in all."""

    rows: int
    columns: int
    slices: int
    workspace: int
    total: int


def gemm_blocks(shape: Shape, limit: int | None) -> tuple[Blocks, str]:
    """Panels that fit into the second-level cache, or into the limit."""
    taps = shape.kernel[1] * shape.kernel[2]
    slices = max(1, min(shape.slices, DEPTH // taps))
    most = max(TILE, min(WIDEST_BLOCK, PANEL // (slices * taps)))
    if shape.gather:
        most = max(LANES, min(most, GATHERED // shape.out_channels))
    while True:
        rows, columns = _block(shape.out[1], shape.out[2], most)
        pitch = (rounded_up(rows * columns + LANES, LANES) // LANES | 1) * LANES
        floats = slices * taps * pitch + shape.strip(rows, columns, apart=True) + 4 * LANES
        workspace = rounded_up(floats + shape.gather * shape.out_channels * pitch, LANES)
        if limit is None or 4 * workspace <= limit:
            return Blocks(
                rows, columns, slices, workspace, workspace
            ), "a product of matrices serves all taps, strides and groups"
        if slices > 1:
            slices = (slices + 1) // 2
        elif most > LANES:
            most = max(LANES, most // 2)
        else:
            raise _errors.workspace_too_small(limit, 4 * workspace)


def depthwise_blocks(shape: Shape, limit: int | None) -> tuple[Blocks, str]:
    """Four rows of a plane, staged, and the next four; or pointers to the rows of two planes, and a row of zeros."""
    (_, height, _), (_, out_height, out_width), (_, stride, _) = shape.kernel, shape.out, shape.stride
    staged = 2 * rounded_up(shape.strip(4, out_width, apart=False) + 5 * LANES, LANES)
    pointers = 2 * 2 * ((max(out_height, 7) - 1) * stride + height)
    zeros = out_width * shape.stride[2] + shape.kernel[2]
    workspace = max(staged, rounded_up(pointers + 2 * 7 * LANES + zeros, LANES))
    if limit is not None and 4 * workspace > limit:
        raise _errors.workspace_too_small(limit, 4 * workspace)
    return Blocks(4, shape.out[2], 1, workspace, workspace), "each channel alone: rows of the image in registers"


def direct_blocks(shape: Shape, limit: int | None) -> tuple[Blocks, str]:
    """Pointers to the rows of each channel, and a row of zeros."""
    (_, height, width), columns = shape.kernel, shape.out[2]
    zeros = (columns - 1) * shape.stride[2] + (width - 1) * shape.dilation[2] + 1
    workspace = rounded_up(2 * shape.slices * height + zeros, LANES)
    if limit is not None and 4 * workspace > limit:
        raise _errors.workspace_too_small(limit, 4 * workspace)
    return Blocks(1, columns, shape.slices, workspace, workspace), "few terms: rows of the image as they lie"


def narrow_blocks(shape: Shape, limit: int | None) -> tuple[Blocks, str]:
    """A whole plane; the sums in a block, pixels by output channels."""
    taps = shape.kernel[1] * shape.kernel[2]
    slices = max(1, min(shape.slices, DEPTH // taps))
    rows, columns = shape.out[1:]
    pitch = (rounded_up(rows * columns + LANES, LANES) // LANES | 1) * LANES
    sums = rows * columns * rounded_up(shape.out_channels, NARROW_WIDTH)
    workspace = slices * taps * pitch + sums + shape.strip(rows, columns, apart=True) + 4 * LANES
    if limit is not None and 4 * workspace > limit:
        raise _errors.workspace_too_small(limit, 4 * workspace)
    return Blocks(rows, columns, slices, workspace, workspace), "planes that fill few vectors: vectors of channels"


def winograd_blocks(
    shape: Shape, limit: int | None, tile: int, tiles: int, columns: int, weights: int
) -> tuple[Blocks, str]:
    """Some tiles at a time: their matrices and those of the sums, for each element of a tile; `weights` to be made."""
    elements = (tile + 2) ** 2
    most = 3 * LANES if shape.slices + shape.out_channels <= 512 else 6 * LANES
    block = min(rounded_up(tiles, LANES), most)
    while True:
        matrices = elements * (shape.slices + shape.out_channels) * block + LANES
        # What a thread stages: see `convolve` in src/conv_winograd.pyx.
        scratch = elements * (block + 2 * LANES) + 2 * columns + 64 * LANES
        workspace = matrices + scratch + elements * weights
        if limit is None or 4 * workspace <= limit:
            return Blocks(1, block, 1, matrices, workspace), f"fewer multiplications, in tiles of {tile} x {tile}"
        if block == LANES:
            raise _errors.workspace_too_small(limit, 4 * workspace)
        block -= LANES
