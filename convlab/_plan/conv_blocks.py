"""How the algorithms of a convolution cut their work, and in how much memory."""

from dataclasses import dataclass

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
# Terms of a sum, and columns of taps, that are not worth a panel: see src/conv/conv_direct.pyx.
DIRECT_TERMS = 160
DIRECT_WIDTH = 11
# Columns of a segment of a row that is read in place, and rows of a band of those: see src/conv/conv_direct.pyx and
# src/conv/conv_depthwise.pyx.
SEGMENT = 8192
BAND = 256
# Output channels of a panel of transposed weights: see src/conv/conv_narrow.pyx.
NARROW_WIDTH = 48


def _block(height: int, width: int, most: int, planes: int) -> tuple[int, int]:
    """Rows and columns of a block of at most so many pixels: whole rows, or a part of one."""
    if width > most:
        pieces = -(-width // most)
        return 1, min(width, rounded_up(-(-width // pieces), TILE))

    def vectors(rows: int) -> int:
        """How many a plane's blocks fill, partly or whole."""
        whole, rest = divmod(height, rows)
        return whole * -(-rows * width // LANES) + -(-rest * width // LANES)

    def cost(rows: int) -> float:
        """The time of one thread and of two, which share out the blocks; a block costs about a vector more."""
        return (vectors(rows) + -(-height // rows)) * (1 + _uneven(height, rows, planes))

    return min(range(1, min(height, most // width) + 1), key=lambda rows: (cost(rows), -rows)), width


def _uneven(height: int, rows: int, planes: int) -> float:
    """The larger of two threads' shares of a plane's rows in blocks, if these are few; 0.56 if some must be halved."""
    blocks = -(-height // rows)
    if planes * blocks >= 16 or planes * blocks == 1:
        return 0.5
    if planes * blocks % 2:
        return 0.56
    return min(rows * blocks // 2, height) / height if planes == 1 else 0.5


# What is used at most where no limit is given, in bytes.
WORKSPACE = 64 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """What blocks depend on: how many planes there are, the slices of the input that a sum runs over, and sizes."""

    planes: int
    slices: int
    out_channels: int
    kernel: tuple[int, int, int]
    out: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    gather: bool
    in_place: bool  # whether a slice is a row of the panel as it lies
    innermost: int  # how many channels lie innermost of both, where sums are of one channel alone
    clone: bool  # whether a depthwise block of these sizes is read in place: see src/conv/conv_depthwise.pyx
    zeros: bool  # whether zeros stand around the input

    def strip(self, rows: int, columns: int, apart: bool) -> int:
        """Floats of a staged slice for so many output pixels: see src/conv/staging.pxd."""
        (_, height, width), (_, down, right), (_, apart_down, apart_right) = self.kernel, self.stride, self.dilation
        strip_columns = (columns - 1) * right + (width - 1) * apart_right + 1
        strip_rows = (rows - 1) * down + (height - 1) * apart_down + 1
        if apart:
            strip_rows = min(strip_rows, rows * height)
        return strip_rows * right * (-(-strip_columns // right) + 2 * LANES)


@dataclass(frozen=True, slots=True)
class Blocks:
    """What is taken at a time, and in how many floats."""

    rows: int  # of the output
    columns: int  # or tiles
    slices: int  # of the input; or threads with matrices of their own
    workspace: int  # what the table of sizes says of it
    thread: int  # floats of each thread
    shared: int  # floats of all threads
    tile: tuple[int, int]  # rows and columns of the output, to be read
    gather: bool = False  # whether the sums are written through the workspace
    shifted: bool = False  # whether the staged slices serve as a panel
    staged: int = 0  # columns that a block of Winograd's tiles stages
    turned: bool = False  # whether rows and columns are packed exchanged
    kernel: str = ""  # the one that these blocks are for, if the algorithm has several

    @property
    def floats(self) -> int:
        """Of one thread."""
        return self.thread + self.shared

    def fits(self, limit: int) -> bool:
        return 4 * self.floats <= limit


def gemm_blocks(shape: Shape, limit: int) -> Blocks:
    """Panels that fit into the second-level cache, or into the limit; staged slices where that takes less."""
    taps = shape.kernel[1] * shape.kernel[2]
    slices = max(1, min(shape.slices, DEPTH // taps))
    most = max(TILE, min(WIDEST_BLOCK, PANEL // (slices * taps)))
    if shape.gather:
        most = max(LANES, min(most, GATHERED // shape.out_channels))
    shifted = None if shape.in_place else _shifted_blocks(shape, slices, most)
    if shifted is not None and shifted.fits(limit):
        return shifted
    while True:
        rows, columns = _block(shape.out[1], shape.out[2], most, shape.planes)
        pitch = _pitch(rows * columns)
        floats = slices * taps * pitch + shape.strip(rows, columns, apart=True) + 4 * LANES
        workspace = rounded_up(floats + shape.gather * shape.out_channels * pitch, LANES)
        blocks = Blocks(rows, columns, slices, workspace, workspace, 2 * slices * taps, (rows, columns), shape.gather)
        if blocks.fits(limit):
            return blocks
        if slices > 1:
            slices = (slices + 1) // 2
        elif most > LANES:
            most = max(LANES, most // 2)
        else:
            break
    # So many taps that their panel takes more: the slices themselves are one.
    least = _shifted(shape, 1, 1, min(shape.out[2], LANES), shape.gather)
    return least if least is not None and least.floats < blocks.floats else blocks


def _pitch(pixels: int) -> int:
    """Floats of a panel's row: an odd number of cache lines."""
    return (rounded_up(pixels + LANES, LANES) // LANES | 1) * LANES


def _shifted_blocks(shape: Shape, slices: int, most: int) -> Blocks | None:
    """Blocks of staged slices that are read where they lie, if they take less than panels: see src/conv/panel.pxd.

    Costs are counted in multiply-adds of vectors, for the whole plane. Filling a panel costs three for each vector and
    term; writing a sum through the workspace two; staging a row 12 and four for each vector of it; reading the weights
    anew for each block a fifth for each, and starting the sums of eight by three vectors 30.
    """
    (_, height, width), (_, down, right), (_, apart_down, apart_right) = shape.kernel, shape.stride, shape.dilation
    out_height, out_width = shape.out[1:]
    terms = shape.slices * height * width
    beyond = (width - 1) * apart_right // right

    def cost(rows: int, columns: int, line: int, per_term: int, gather: bool) -> float:
        whole, rest = divmod(out_height, rows)
        pieces = -(-out_width // columns)
        blocks = [(whole, rows), (1, rest)] if rest else [(whole, rows)]
        vectors = pieces * sum(n * -(-((r - 1) * line + columns) // LANES) for n, r in blocks)
        starts = -(-terms // DEPTH) * -(-shape.out_channels // 8) * (vectors // 3 + len(blocks) * pieces)
        again = (whole + (rest > 0)) * pieces * terms * shape.out_channels // 5
        staged = pieces * sum(n * ((r - 1) * down + (height - 1) * apart_down + 1) for n, r in blocks)
        of_row = 12 + 4 * right * -(-(columns + beyond) // LANES)
        products = vectors * (terms * (shape.out_channels + per_term) + 2 * shape.out_channels * gather)
        both = products + shape.slices * staged * of_row + again + 30 * starts
        return both * (1 + _uneven(out_height, rows, shape.planes * pieces))

    rows, columns = _block(out_height, out_width, most, shape.planes)
    best = cost(rows, columns, columns, 3, shape.gather)
    chosen = None
    if out_width > most:
        columns = min(out_width, rounded_up(-(-out_width // -(-out_width // most)), TILE))
    else:
        columns = out_width
    line = columns + beyond
    for rows in range(1, max(1, min(out_height, (most - columns) // line + 1)) + 1):
        gather = shape.gather or (rows > 1 and beyond > 0)
        if gather and ((rows - 1) * line + columns) * shape.out_channels > GATHERED:
            break
        total = cost(rows, columns, line, 0, gather)
        if total <= best:
            best = total
            chosen = rows, gather
    if chosen is None:
        return None
    rows, gather = chosen
    return _shifted(shape, slices, rows, columns, gather, 2 * PANEL)


def _shifted(
    shape: Shape, slices: int, rows: int, columns: int, gather: bool, most: int | None = None
) -> Blocks | None:
    """Blocks of so many rows and columns of staged slices that serve as a panel, of `most` floats."""
    (_, height, width), (_, down, right), (_, apart_down, apart_right) = shape.kernel, shape.stride, shape.dilation
    line = columns + (width - 1) * apart_right // right
    plane = (rows + (height - 1) * apart_down // down) * line
    strip = (rounded_up(plane * down * right, LANES) // LANES | 1) * LANES
    if most is not None and slices * strip > most:
        return None
    pitch = _pitch((rows - 1) * line + columns)
    workspace = slices * strip + 2 * LANES + gather * shape.out_channels * pitch + 4 * LANES
    shared = 2 * slices * height * width
    return Blocks(rows, columns, slices, workspace, workspace, shared, (rows, columns), gather, True)


# Floats of a packed block of a plane, of which a thread has two, and columns of one: what the caches hold of them.
PACKED = 1 << 14
PACKED_COLUMNS = 1024


def depthwise_blocks(shape: Shape, limit: int) -> Blocks:
    """Pointers to the rows of two planes, and a row of zeros; or two packed blocks, and a table of the taps.

    Or, where channels lie innermost, two numbers for each tap of a pixel; all threads share sorted weights.
    """
    (_, height, width), (_, out_height, out_width), (_, stride, _) = shape.kernel, shape.out, shape.stride
    taps = height * width
    turned = not shape.innermost and _turned(shape)
    if shape.clone and not turned and not shape.innermost:
        rows, columns = min(BAND, out_height), min(SEGMENT, out_width)
        pointers = 2 * 2 * ((max(rows, 7) - 1) * stride + height)
        zeros = (columns + 2 * LANES) * stride + width
        workspace = rounded_up(pointers + 2 * 7 * LANES + zeros, LANES)
        return Blocks(rows, columns, 1, workspace, workspace, 0, (rows, columns))
    rows, columns, packed = _packed(shape, turned, limit)
    if shape.innermost:  # also packed, where an instruction set's vectors hold more than the channels
        workspace, shared = max(2 * packed, rounded_up(4 * taps, LANES)), max(6, shape.innermost) * (taps + 1)
        return Blocks(rows, columns, 1, workspace, workspace, shared, (1, columns), kernel="depthwise_last")
    tile = (columns, rows) if turned else (rows, columns)
    return Blocks(rows, columns, 1, 2 * packed, 2 * packed, 6 * taps, tile, turned=turned, kernel="depthwise_packed")


def _turned(shape: Shape) -> bool:
    """Whether vectors run down a plane, which has so few columns that they would fill few lanes along its rows.

    Rows of zeros cost nothing.
    """
    (_, height, width), (_, out_height, out_width) = shape.kernel, shape.out
    along = out_height * -(-out_width // 8) * (min(1, out_height / height) if shape.zeros else 1)
    down = out_width * -(-out_height // 8) * (min(1, out_width / width) if shape.zeros else 1)
    return along > (3 if shape.clone else 1.5) * down


def _packed(shape: Shape, turned: bool, limit: int) -> tuple[int, int, int]:
    """Rows and columns of a packed block, as they are packed, and its floats."""
    step = -1 if turned else 1
    height, width = shape.kernel[1:][::step]
    down, right = shape.stride[1:][::step]
    apart_down, apart_right = shape.dilation[1:][::step]
    out_height, out_width = shape.out[1:][::step]
    taps = 6 * height * width

    def floats(rows: int, columns: int) -> int:
        packed_rows = (rows - 1) * down + (height - 1) * apart_down + 1
        packed_columns = (columns - 1) * right + (width - 1) * apart_right + 1
        return rounded_up(packed_rows * right * (-(-packed_columns // right) + 2 * LANES) + 5 * LANES, LANES)

    columns = min(out_width, PACKED_COLUMNS if out_height > 1 else SEGMENT)
    rows = min(out_height, 8)
    while 4 * (2 * floats(rows, columns) + taps) > limit or (
        columns > 8 * LANES and floats(rows, columns) > 8 * PACKED
    ):
        if columns > LANES:
            columns = max(LANES, columns // 2)
        elif rows > 1:
            rows //= 2
        else:
            break
    while rows < out_height and floats(min(out_height, 2 * rows), columns) <= PACKED:
        rows = min(out_height, 2 * rows)
    return rows, columns, floats(rows, columns)


def direct_blocks(shape: Shape, limit: int) -> Blocks:
    """Pointers to the rows of each channel, and a row of zeros."""
    (_, height, width), columns = shape.kernel, min(shape.out[2], SEGMENT)
    zeros = columns + 3 * LANES + (width - 1) * shape.dilation[2]
    workspace = rounded_up(2 * shape.slices * height + zeros, LANES)
    return Blocks(1, columns, shape.slices, workspace, workspace, 0, (1, columns))


def narrow_blocks(shape: Shape, limit: int) -> Blocks:
    """A whole plane; the sums in a block, pixels by output channels."""
    taps = shape.kernel[1] * shape.kernel[2]
    slices = max(1, min(shape.slices, DEPTH // taps))
    rows, columns = shape.out[1:]
    pitch = _pitch(rows * columns)
    sums = rows * columns * rounded_up(shape.out_channels, NARROW_WIDTH)
    workspace = slices * taps * pitch + sums + shape.strip(rows, columns, apart=True) + 4 * LANES
    return Blocks(rows, columns, slices, workspace, workspace, 0, (rows, columns))


def winograd_blocks(shape: Shape, limit: int, tile: int, tiles: int, columns: int, weights: int) -> Blocks:
    """Some tiles at a time: their matrices and those of the sums, for each element of a tile; `weights` to be made."""
    elements = (tile + 2) ** 2
    most = 3 * LANES if shape.slices + shape.out_channels <= 512 else 6 * LANES
    block = min(rounded_up(tiles, LANES), most)
    while True:
        matrices = elements * (shape.slices + shape.out_channels) * block + LANES
        # What a thread stages: see `convolve` in src/conv/conv_winograd.pyx.
        staged = min(columns, tile * block + 2)
        scratch = elements * (block + 2 * LANES) + 2 * staged + 64 * LANES
        if 4 * (matrices + scratch + elements * weights) <= limit or block == LANES:
            break
        block -= LANES
    # How many threads may have matrices of their own: blocks then wait for nothing but each other's end.
    own = max(1, (limit // 4 - elements * weights) // (matrices + scratch))
    shared = (matrices if own == 1 else 0) + elements * weights
    thread = scratch + (0 if own == 1 else matrices)
    return Blocks(1, block, own, matrices, thread, shared, (tile, tile * block), staged=staged)
