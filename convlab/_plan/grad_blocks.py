"""How the gradient of a convolution's weights is cut into blocks of terms and tiles of results."""

import math

from convlab._geometry import PlanesGeometry, WeightGeometry
from convlab._spec.convolving import Conv

from .plan import WIDEST_VECTOR, rounded_up

# Terms of a block, at most, which are summed in float32 one after the other.
TERMS = 512
# Taps of all channels, and output channels, of a tile: the caches hold their sums in double.
TAPS = 144
OUTPUTS = 128
# Tasks that two threads and more share out evenly.
TASKS = 16
# Floats that a thread packs of the input, at most where a tile can be smaller.
PACKED = 1 << 19


def evenly(n: int, most: int) -> int:
    """The largest of equal parts of n, none above `most`."""
    return -(-n // -(-n // most))


def _window(kernel: tuple[int, ...]) -> tuple[int, ...]:
    """The taps of one channel whose gradients are made together."""
    depth, height, width = kernel
    if depth * height * width <= TAPS:
        return kernel
    columns = evenly(width, TAPS)
    return 1, evenly(height, max(1, TAPS // columns)), columns


def weight_blocks(spec: Conv) -> WeightGeometry:
    """Blocks depend on the sizes and options alone, never on how arrays lie: the order of the sums does."""
    lead = (1,) * (3 - len(spec.size))
    kernel, stride, dilation = ((*lead, *a) for a in (spec.kernel, spec.stride, spec.dilation))
    out = (*lead, *spec.out_size)
    channels, outputs = spec.channels // spec.groups, spec.out_channels // spec.groups
    planes = spec.batch * out[0]
    if out[1] * out[2] <= TERMS:
        rows, columns = out[1], out[2]
        together = max(1, min(planes, TERMS // (rows * columns)))
    else:
        columns = evenly(out[2], TERMS)
        rows, together = max(1, min(out[1], TERMS // columns)), 1
    window = _window(kernel)
    taps = math.prod(window)
    tile_channels = evenly(channels, max(1, TAPS // taps)) if window == kernel else 1
    tile_outputs = evenly(outputs, OUTPUTS)
    reach = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip((rows, columns), stride[1:], window[1:], dilation[1:], strict=True)
    ]
    packed_rows = min(reach[0], rows * window[1])
    row = stride[2] * (-(-reach[1] // stride[2]) + 2 * WIDEST_VECTOR)
    inside = all(
        before <= 0 and (n - 1) * s + (k - 1) * d + 1 - before <= m
        for (before, _), n, s, k, d, m in zip(
            spec.pads, spec.out_size, spec.stride, spec.kernel, spec.dilation, spec.size, strict=True
        )
    )
    in_place = inside and (out[0] == 1 or together == 1) and all(before == 0 for before, _ in spec.pads)
    slice_ = packed_rows * row * window[0]
    if not in_place:
        while tile_channels > 1 and tile_channels * slice_ * together > PACKED:
            tile_channels = -(-tile_channels // 2)
    tiles = spec.groups * -(-outputs // tile_outputs) * -(-channels // tile_channels)
    tiles *= math.prod(-(-k // w) for k, w in zip(kernel, window, strict=True))
    blocks = -(-planes // together) * -(-out[1] // rows) * -(-out[2] // columns)
    sums = tile_channels * taps * rounded_up(tile_outputs, WIDEST_VECTOR)
    chunks = max(1, min(blocks, -(-TASKS // tiles)))
    terms = together * rows * columns
    output = terms * rounded_up(tile_outputs, WIDEST_VECTOR) + 3 * WIDEST_VECTOR
    input_ = 0 if in_place else together * tile_channels * slice_ + 2 * WIDEST_VECTOR
    places = rounded_up(2 * (terms + 2 * tile_channels * taps), WIDEST_VECTOR)
    workspace = (2 * sums if chunks == 1 else 0) + output + input_ + places + 4 * WIDEST_VECTOR
    return WeightGeometry(
        block_planes=together,
        block_rows=rows,
        block_columns=columns,
        chunks=chunks,
        tile_channels=tile_channels,
        tile_depth=window[0],
        tile_rows=window[1],
        tile_columns=window[2],
        tile_outputs=tile_outputs,
        in_place=in_place,
        sums=sums,
        output=output,
        input=input_,
        places=places,
        workspace=rounded_up(workspace, WIDEST_VECTOR),
    )


# Terms of a block of planes, of which 16 sums in float32 each take every 16th.
LONG = 2048
# Taps of a plane's kernel, how far they reach, and outputs of a channel, that are summed so.
MOST_TAPS, REACH, MULTIPLIER = 121, 64, 3


def by_planes(spec: Conv) -> bool:
    """Whether each pair of planes is summed by itself: few outputs of one channel, and few taps."""
    return (
        len(spec.size) == 2
        and spec.channels == spec.groups
        and spec.out_channels <= MULTIPLIER * spec.groups
        and math.prod(spec.kernel) <= MOST_TAPS
        and all((k - 1) * d < REACH for k, d in zip(spec.kernel, spec.dilation, strict=True))
        and max(spec.stride) <= 4
    )


def plane_blocks(spec: Conv) -> PlanesGeometry:
    """Rows of a plane, or a part of one, and several small planes one after the other."""
    (height, width), (down, right), (apart_down, apart_right) = spec.kernel, spec.stride, spec.dilation
    outputs, taps = spec.out_channels // spec.groups, height * width
    columns = evenly(spec.out_size[1], LONG)
    rows = evenly(spec.out_size[0], max(1, LONG // columns))
    together = max(1, min(spec.batch, LONG // (rows * columns))) if (rows, columns) == spec.out_size else 1
    blocks = -(-spec.batch // together) * -(-spec.out_size[0] // rows) * -(-spec.out_size[1] // columns)
    packed_columns = (columns - 1) * right + (width - 1) * apart_right + 1
    packed_rows = (rows - 1) * down + (height - 1) * apart_down + 1
    staged = packed_rows * right * (-(-packed_columns // right) + 2 * WIDEST_VECTOR)
    shifted = down * (rows + (height - 1) * apart_down // down) * columns + 2 * WIDEST_VECTOR
    terms = rounded_up(rows * columns, WIDEST_VECTOR) + WIDEST_VECTOR
    chunks = max(1, min(blocks, -(-TASKS // spec.groups)))
    sums = WIDEST_VECTOR * outputs * taps
    workspace = sums + rounded_up(staged, WIDEST_VECTOR) + rounded_up(shifted, WIDEST_VECTOR) + outputs * terms
    return PlanesGeometry(
        together=together,
        rows=rows,
        columns=columns,
        chunks=chunks,
        staged=rounded_up(staged, WIDEST_VECTOR),
        shifted=rounded_up(shifted, WIDEST_VECTOR),
        terms=terms,
        workspace=workspace + WIDEST_VECTOR,
    )


# Rows and columns of taps of planes at stride 2 that are made one by one, and floats of a packed plane.
STRIDED_TAPS = 9
STRIDED_FLOATS = 1 << 21


def strided_planes(spec: Conv) -> bool:
    """Whether the gradient of the input is made plane by plane: of a depthwise convolution at stride 2."""
    return (
        spec.stride == (2, 2)
        and spec.dilation == (1, 1)
        and spec.channels == spec.groups == spec.out_channels
        and max(spec.kernel) <= STRIDED_TAPS
        and spec.border == "constant"
        and strided_workspace(spec) <= STRIDED_FLOATS
    )


def strided_workspace(spec: Conv) -> int:
    """Floats of a plane of the output's gradient with zeros around it."""
    rows, columns = (
        k // 2 + max(out, (n + before) // 2 + 1)
        for k, out, n, (before, _) in zip(spec.kernel, spec.out_size, spec.size, spec.pads, strict=True)
    )
    return rows * (columns + 2 * WIDEST_VECTOR)
