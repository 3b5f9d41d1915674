"""Plans of convolutions."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _errors
from convlab._geometry import ConvGeometry, ConvValues
from convlab._spec import convolving
from convlab._spec.arguments import FLOAT32, check_dtype, integer
from convlab._spec.convolving import Conv, Transpose

from .cache import remembered
from .conv_blocks import (
    DIRECT_TERMS,
    DIRECT_WIDTH,
    LANES,
    NARROW_WIDTH,
    Shape,
    depthwise_blocks,
    direct_blocks,
    gemm_blocks,
    narrow_blocks,
    winograd_blocks,
)  # fmt: skip
from .plan import Machine, Plan, rounded_up, threads_for

# What is used at most where no limit is given, in bytes.
WORKSPACE = 64 << 20
ALGORITHMS = ("gemm", "depthwise", "narrow", "winograd2", "winograd4")
# Pixels of a plane that may be called narrow.
NARROWEST = 128


@dataclass(frozen=True, slots=True)
class Request:
    """How the caller wants it done."""

    algorithm: str | None = None
    workspace_limit: int | None = None
    prepared: bool = False  # whether weights may be transformed ahead


def _three(values: tuple[int, ...], fill: int = 1) -> tuple[int, int, int]:
    """Depth, rows and columns of a convolution over fewer axes."""
    depth, height, width = (fill,) * (3 - len(values)) + values
    return depth, height, width


def _sources(spec: Conv) -> list[NDArray[np.intp]]:
    """For each of three axes the source of every position that a window may touch; -1 is a zero."""
    tables = [np.zeros(1, np.intp)] * (3 - len(spec.size))
    for n, out, k, s, d, (before, _) in zip(
        spec.size, spec.out_size, spec.kernel, spec.stride, spec.dilation, spec.pads, strict=True
    ):
        last = (out - 1) * s + (k - 1) * d + 1 - before
        tables.append(_borders.source_indices(spec.border, n, -before, last))
    return tables


def _extended(sources: list[NDArray[np.intp]], tile: int) -> list[NDArray[np.intp]]:
    """Rows and columns for whole tiles, with zeros beyond the last output."""
    depths, *axes = sources
    return [depths, *(np.pad(t, (0, -(len(t) - 2) % tile), constant_values=-1) for t in axes)]


def pitches(spec: Conv, x: NDArray[Any]) -> tuple[int, ...] | None:
    """Floats from image to image, channel to channel, plane, row and column; None where x must be copied."""
    if not (x.dtype == FLOAT32 and x.dtype.isnative and x.flags.aligned) or any(s % 4 for s in x.strides):
        return None
    return _ordered(spec, tuple(s // 4 for s in x.strides))


def contiguous(spec: Conv, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The same of a C-contiguous array."""
    return _ordered(spec, tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape))))


def _ordered(spec: Conv, steps: tuple[int, ...]) -> tuple[int, ...]:
    """Batch, channel, depth, row, column."""
    if not spec.batched:
        steps = (0, *steps)
    batch, rest = steps[0], steps[1:]
    channel, axes = (rest[-1], rest[:-1]) if spec.channels_last else (rest[0], rest[1:])
    return (batch, channel, *_three(axes, 0))


def _seconds(spec: Conv, request: Request, tile: int) -> float:
    """What one image would take, by the model that was fitted to measurements.

    A tile of 0 is the plain product, of -1 that of narrow planes. Of the batch, the machine and the threads it knows
    nothing: what they are must not change a result.
    """
    channels, out_channels, out = spec.channels // spec.groups, spec.out_channels // spec.groups, spec.out_size
    weights = channels * out_channels
    if tile < 0:
        return 2 * 9 * weights * rounded_up(math.prod(out), 8) / 190e9
    if tile == 0:
        vectors = -(-math.prod(out) // LANES)
        return 2 * 9 * weights * vectors * LANES / 210e9
    elements = (tile + 2) ** 2
    vectors = -(-math.prod(-(-n // tile) for n in out) // LANES)
    products = 2 * elements * weights * vectors * LANES / (180e9 if vectors == 1 else 230e9)
    transforms = (channels + out_channels) * vectors * elements * 1.5e-9
    # What the second-level cache does not hold comes from the third; what that does not hold, from memory.
    size = 4 * elements * weights
    reading = size / (20e9 if size > 24e6 else 60e9)
    making = 0.0 if request.prepared else size / 8e9
    return max(products, reading) + transforms + making


def _choose(spec: Conv, request: Request) -> str:
    """The algorithm: the one that is asked for if it can serve, else the fastest."""
    able = ["gemm"]
    if math.prod(spec.out_size[-2:]) <= NARROWEST:
        able.append("narrow")
    if spec.channels == spec.groups and len(spec.size) < 3 and (spec.groups > 1 or spec.out_channels < 4):
        able.append("depthwise")
    if (spec.kernel, spec.stride, spec.dilation) == ((3, 3), (1, 1), (1, 1)) and not spec.exact:
        able += ["winograd2", "winograd4"]
    if request.algorithm is not None:
        if request.algorithm not in able:
            raise _errors.cannot_serve(request.algorithm, "it is for other shapes, or not exact", able)
        return request.algorithm
    if "depthwise" in able:
        return "depthwise"
    pixels = math.prod(spec.out_size[-2:])
    narrow = request.prepared and spec.out_channels // spec.groups >= NARROW_WIDTH and pixels <= NARROWEST
    # Where whole vectors of pixels would be filled for less than nine parts in ten.
    plain = "narrow" if narrow and 10 * pixels < 9 * rounded_up(pixels, LANES) else "gemm"
    # Of groups, each is transformed by itself: with 16 or 32 channels that takes longer than their products.
    fewest = 16 if spec.groups == 1 else 48
    if "winograd4" in able and min(spec.channels, spec.out_channels) // spec.groups >= fewest:
        tiles = {plain: -1 if plain == "narrow" else 0, "winograd2": 2, "winograd4": 4}
        return min(tiles, key=lambda name: _seconds(spec, request, tiles[name]))
    return plain


def _direct(spec: Conv) -> bool:
    """Whether the plain product is better off without a panel: few terms, and lanes that a row leaves empty cost less.

    Making a panel takes as long as eight output channels' products.
    """
    width = spec.out_size[-1]
    empty = rounded_up(width, LANES) - width
    return (
        len(spec.size) < 3
        and spec.stride[-1] == 1
        and math.prod(spec.kernel) > 1
        and spec.kernel[-1] <= DIRECT_WIDTH
        and math.prod(spec.kernel) * spec.channels // spec.groups <= DIRECT_TERMS
        and empty * spec.out_channels // spec.groups <= 8 * width
    )


def plan_conv(
    spec: Conv,
    x_pitches: tuple[int, ...] | None,
    request: Request,
    machine: Machine,
    y_pitches: tuple[int, ...] | None = None,
) -> Plan[Conv]:
    """One of the algorithms; `x_pitches` are None where x must be copied, `y_pitches` where y is no view."""
    inner = (*spec.size, spec.channels) if spec.channels_last else (spec.channels, *spec.size)
    x_steps = x_pitches or contiguous(spec, (spec.batch, *inner) if spec.batched else inner)
    y_steps = y_pitches or contiguous(spec, spec.shape)
    kernel, size, out = _three(spec.kernel), _three(spec.size), _three(spec.out_size)
    stride, dilation = _three(spec.stride), _three(spec.dilation)
    sources = _sources(spec)
    channels, out_channels = spec.channels // spec.groups, spec.out_channels // spec.groups

    before = (0, *(first for first, _ in spec.pads))[-2:]
    plain = spec.border == "constant" and min(before) >= 0 and x_steps[4] == 1
    gather = y_steps[4] != 1 or (y_steps[3] != out[2] and out[1] > 1)
    in_place = (
        kernel[1:] == stride[1:] == (1, 1)
        and all(pads == (0, 0) for pads in spec.pads[-2:])
        and out[1:] == size[1:]
        and x_steps[4] == 1
        and (size[1] == 1 or x_steps[3] == size[2])
    )
    shape = Shape(channels * kernel[0], out_channels, kernel, out, stride, dilation, gather)
    name = _choose(spec, request)
    if name.startswith("winograd"):
        tile = int(name[-1])
        whole = _extended(sources, tile)
        tiles = spec.batch * math.prod(-(-n // tile) for n in out)
        weights = 0 if request.prepared else spec.out_channels * channels
        limit = request.workspace_limit
        if limit is None and request.algorithm is None:
            limit = WORKSPACE
        try:
            blocks, reason = winograd_blocks(shape, limit, tile, tiles, len(whole[2]), weights)
            sources = whole
        except ValueError:
            if request.algorithm is not None:
                raise
            name = "gemm"
    if not name.startswith("winograd"):
        if name == "gemm" and request.algorithm is None and plain and y_steps[4] == 1 and _direct(spec):
            name = "direct"
        make = {"depthwise": depthwise_blocks, "direct": direct_blocks, "narrow": narrow_blocks, "gemm": gemm_blocks}
        try:
            blocks, reason = make[name](shape, request.workspace_limit)
        except ValueError:
            if request.algorithm is not None or name == "gemm":
                raise
            name = "gemm"
            blocks, reason = gemm_blocks(shape, request.workspace_limit)
    geometry = (
        spec.batch, spec.groups, channels, out_channels, *kernel, *size[1:], *out, *stride, *dilation, *before,
        *(len(table) for table in sources), *x_steps, *y_steps,
        blocks.rows, blocks.columns, blocks.slices, in_place, plain, gather, blocks.workspace,
    )  # fmt: skip
    activation = spec.activation
    kind = 2 if activation.slope != 1 else int((activation.low, activation.high) != (-math.inf, math.inf))
    values = ConvValues(activation.low, activation.high, activation.slope, kind)
    return Plan(
        spec=spec,
        kernel=f"conv_{name}",
        reason=reason,
        threads=threads_for(spec, machine),
        workspace=4 * blocks.total,
        convert=x_pitches is None,
        source=FLOAT32,
        tables=(np.array(ConvGeometry._make(geometry), np.intp), np.concatenate(sources), np.array(values, np.float32)),
        taps=np.zeros(spec.out_channels, np.float32),  # the bias where there is none
    )


def _limit(workspace_limit: Any) -> int | None:
    if workspace_limit is None:
        return None
    limit = integer("workspace_limit", workspace_limit, "None or a number of bytes")
    if limit < 0:
        raise _errors.wrong_value("workspace_limit", workspace_limit, "None or a number of bytes")
    return limit


def _algorithm(algorithm: Any) -> str | None:
    if algorithm is not None and (not isinstance(algorithm, str) or algorithm not in ALGORITHMS):
        raise _errors.wrong_word("algorithm", algorithm, ALGORITHMS)
    return algorithm


def _make(
    shape: tuple[int, ...],
    axes: int,
    weight_shape: tuple[int, ...],
    weight_dtype: np.dtype[Any],
    bias_shape: tuple[int, ...] | None,
    bias_dtype: np.dtype[Any] | None,
    algorithm: Any,
    workspace_limit: Any,
    *options: Any,
) -> tuple[Conv, Request]:
    """What is to be done, and how the caller wants it done."""
    check_dtype("weight", weight_dtype)
    if bias_dtype is not None:
        check_dtype("bias", bias_dtype)
    *options_of_spec, prepared = options
    spec = convolving.conv(shape, weight_shape, bias_shape, axes, *options_of_spec)
    return spec, Request(_algorithm(algorithm), _limit(workspace_limit), prepared)


@remembered
def conv(x: NDArray[Any], _: None, *arguments: Any) -> Plan[Conv]:
    """The plan for a convolution's arguments, the input first; errors for wrong ones. Of the weights their layout."""
    check_dtype("x", x.dtype)
    spec, request = _make(x.shape, *arguments)
    return plan_conv(spec, pitches(spec, x), request, Machine())


@dataclass(frozen=True, slots=True)
class TransposePlan:
    """A transpose: a plan for each of its parts, None where there is nothing to sum."""

    spec: Transpose
    convert: bool
    parts: tuple[Plan[Conv] | None, ...]
    zeros: NDArray[np.float32]  # the bias where there is none
    places: NDArray[np.intp]  # of the weights: see src/conv_gemm.pyx, transpose_weights
    shapes: tuple[tuple[int, ...], ...]  # of the parts' weights


@remembered
def conv_transpose(
    x: NDArray[Any],
    _: None,
    axes: int,
    weight_shape: tuple[int, ...],
    weight_dtype: np.dtype[Any],
    bias_shape: tuple[int, ...] | None,
    bias_dtype: np.dtype[Any] | None,
    algorithm: Any,
    workspace_limit: Any,
    *options: Any,
) -> TransposePlan:
    """The plan for a transposed convolution's arguments."""
    check_dtype("x", x.dtype)
    check_dtype("weight", weight_dtype)
    if bias_dtype is not None:
        check_dtype("bias", bias_dtype)
    spec = convolving.conv_transpose(x.shape, weight_shape, bias_shape, axes, *options)
    request = Request(_algorithm(algorithm), _limit(workspace_limit))
    out_channels = weight_shape[1] * spec.groups
    plans: list[Plan[Conv] | None] = []
    convert = True
    for part in spec.parts:
        if part.conv is None:
            plans.append(None)
            continue
        whole = contiguous(part.conv, spec.shape)
        steps = _three(tuple(o.step for o in part.outputs))
        y_pitches = (*whole[:2], *(p * s for p, s in zip(whole[2:], steps, strict=True)))
        x_pitches = pitches(part.conv, x)
        convert = x_pitches is None
        plans.append(plan_conv(part.conv, x_pitches, request, Machine(), y_pitches))
    kernel = weight_shape[2:]
    places = np.full((3, *kernel), -1, np.intp)
    shapes = []
    start = 0
    for part in spec.parts:
        counts = part.conv.kernel if part.conv else (0,)
        shapes.append((out_channels, weight_shape[0] // spec.groups, *counts))
        if part.conv is None:
            continue
        count = math.prod(counts)
        index: Any = part.taps
        places[(0, *index)] = start
        places[(1, *index)] = count
        places[(2, *index)] = np.arange(count)[::-1].reshape(counts)  # flipped
        start += math.prod(shapes[-1])
    return TransposePlan(
        spec, convert, tuple(plans), np.zeros(out_channels, np.float32), places.reshape(3, -1), tuple(shapes)
    )


def check_layer(axes: int, weight_shape: tuple[int, ...], *arguments: Any) -> None:
    """Errors for wrong arguments of a layer, whose input is not there yet: of the least size that has an output."""
    convolving.check_weight_shape(weight_shape, axes)
    dilation, groups, layout = arguments[7], arguments[8], arguments[11]
    parts = convolving.check_groups(groups)
    dilations = convolving.numbers("dilation", dilation, axes, 1)
    size = tuple((k - 1) * d + 1 for k, d in zip(weight_shape[2:], dilations, strict=True))
    channels = weight_shape[1] * parts
    last = convolving.channels_last(layout, axes)
    _make((1, *size, channels) if last else (1, channels, *size), axes, weight_shape, *arguments)
