"""How the gradient of a convolution's weights is cut into blocks of terms and tiles of results."""

import math

from convlab._geometry import WeightGeometry
from convlab._spec.convolving import Conv

from .plan import WIDEST_VECTOR, rounded_up

# Terms of a block, which are summed in float32 one after the other: at least so many where there are, and at most.
TERMS = 256
MOST_TERMS = 512
# Taps of all channels, and output channels, of a tile: the caches hold their sums in double.
TAPS = 288
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
        columns = evenly(out[2], MOST_TERMS)
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
