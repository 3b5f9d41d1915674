"""Plans of convolutions."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders, _errors
from convlab._geometry import ConvGeometry, ConvValues
from convlab._spec import convolving
from convlab._spec.arguments import FLOAT32, check_dtype, integer
from convlab._spec.convolving import Conv, Transpose

from .cache import remembered
from .conv_blocks import WORKSPACE, Shape, depthwise_blocks, direct_blocks, gemm_blocks, narrow_blocks, winograd_blocks
from .conv_choice import ALGORITHMS, DIRECT, REASONS, Request, choose, summed_directly, tiles_of
from .plan import Machine, Plan, rounded_up, threads_for


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


def _extended(spec: Conv, sources: list[NDArray[np.intp]], tile: int) -> list[NDArray[np.intp]]:
    """Rows and columns for whole tiles, with zeros beyond the last output."""
    tables = sources[:1]
    for table, n, d in zip(sources[1:], spec.out_size, spec.dilation, strict=True):
        whole = d * (rounded_up(-(-n // d), tile) + 2)
        tables.append(np.pad(table, (0, max(0, whole - len(table))), constant_values=-1))
    return tables


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
    name, reason, considered = choose(spec, request)
    if name != "depthwise":  # whose sums' order is the stride's; the only output of an axis has no next one
        stride = tuple(s if n > 1 else 1 for s, n in zip(stride, out, strict=True))  # type: ignore[assignment]
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
    innermost = spec.groups if x_steps[1] == y_steps[1] == channels == out_channels == 1 else 0
    shape = Shape(
        spec.batch * spec.groups * out[0],
        channels * kernel[0],
        out_channels,
        kernel,
        out,
        stride,
        dilation,
        gather,
        in_place,
        innermost,
    )
    if name.startswith("winograd"):
        tile = int(name[-1])
        whole = _extended(spec, sources, tile)
        tiles = spec.batch * tiles_of(spec, tile)
        weights = 0 if request.prepared else spec.out_channels * channels
        limit = request.workspace_limit
        if limit is None and request.algorithm is None:
            limit = WORKSPACE
        try:
            blocks = winograd_blocks(shape, limit, tile, tiles, len(whole[2]), weights)
            sources = whole
        except ValueError:
            if request.algorithm is not None:
                raise
            considered[name] = f"its matrices need more than {limit} bytes"
            name, reason = "gemm", REASONS["gemm"]
    if not name.startswith("winograd"):
        if name == "gemm" and request.algorithm is None and plain and y_steps[4] == 1 and summed_directly(spec):
            name, reason = "direct", DIRECT
        make = {"depthwise": depthwise_blocks, "direct": direct_blocks, "narrow": narrow_blocks, "gemm": gemm_blocks}
        try:
            blocks = make[name](shape, request.workspace_limit)
        except ValueError:
            if request.algorithm is not None or name == "gemm":
                raise
            considered[name] = f"its blocks need more than {request.workspace_limit} bytes"
            name, reason = "gemm", REASONS["gemm"]
            blocks = gemm_blocks(shape, request.workspace_limit)
    considered.pop(name, None)
    geometry = (
        spec.batch, spec.groups, channels, out_channels, *kernel, *size[1:], *out, *stride, *dilation, *before,
        *(len(table) for table in sources), *x_steps, *y_steps,
        blocks.rows, blocks.columns, blocks.slices, in_place, plain, blocks.gather, blocks.shifted, blocks.workspace,
    )  # fmt: skip
    activation = spec.activation
    kind = 2 if activation.slope != 1 else int((activation.low, activation.high) != (-math.inf, math.inf))
    values = ConvValues(activation.low, activation.high, activation.slope, kind)
    return Plan(
        spec=spec,
        kernel=f"conv_{name}",
        algorithm=name,
        reason=reason,
        considered=tuple(considered.items()),
        threads=threads_for(spec, machine),
        tile=blocks.tile,
        workspace=4 * blocks.thread,
        buffers=4 * blocks.shared + (0 if x_pitches else 4 * spec.batch * math.prod(inner)),
        convert=x_pitches is None,
        source=FLOAT32,
        shape=spec.shape,
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
    """A transpose: a plan for each of its parts."""

    spec: Transpose
    convert: bool
    parts: tuple[Plan[Conv], ...]
    zeros: NDArray[np.float32]  # the bias where there is none
    sorting: tuple[NDArray[np.intp], NDArray[np.intp]]  # of the weights: see src/conv_gemm.pyx, transpose_weights
    weights: int  # how many
    shapes: tuple[tuple[int, ...], ...]  # of the parts' weights

    def summary(self) -> Plan[Transpose]:
        """To be read, not run: its parts as one, after the one with most to do."""
        if not self.parts:
            why = "no tap falls on an output"
            return Plan(
                spec=self.spec, kernel=self.spec.name, reason=why, threads=1, workspace=0, convert=False,
                source=FLOAT32, tables=(),
            )  # fmt: skip
        largest = max(self.parts, key=lambda part: part.spec.flops)
        reason = f"{len(self.parts)} convolutions, one for each place in the stride; each: {largest.reason}"
        buffers = max(part.buffers for part in self.parts) + 4 * self.weights
        return replace(largest, spec=self.spec, reason=reason, buffers=buffers)  # type: ignore[arg-type, return-value]


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
    plans: list[Plan[Conv]] = []
    convert = True
    for part in spec.parts:
        whole = contiguous(part.conv, spec.shape)
        steps = _three(tuple(o.step for o in part.outputs))
        y_pitches = (*whole[:2], *(p * s for p, s in zip(whole[2:], steps, strict=True)))
        x_pitches = pitches(part.conv, x)
        convert = x_pitches is None
        plans.append(plan_conv(part.conv, x_pitches, request, Machine(), y_pitches))
    kernel = weight_shape[2:]
    taps = np.arange(math.prod(kernel)).reshape(kernel)
    shapes, table, order = [], [], [taps[:0].ravel()]
    start = 0
    for part in spec.parts:
        shapes.append((out_channels, weight_shape[0] // spec.groups, *part.conv.kernel))
        table.append((start, math.prod(part.conv.kernel)))
        order.append(taps[part.taps].ravel()[::-1])  # flipped
        start += math.prod(shapes[-1])
    return TransposePlan(
        spec=spec,
        convert=convert,
        parts=tuple(plans),
        zeros=np.zeros(out_channels, np.float32),
        sorting=(np.array(table, np.intp).reshape(-1, 2), np.concatenate(order).astype(np.intp)),
        weights=start,
        shapes=tuple(shapes),
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
