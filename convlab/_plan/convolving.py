"""Plans of convolutions."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._geometry import ACTIVATIONS, CONV_BORDERS, ConvAxis, ConvGeometry, ConvValues
from convlab._spec import convolving, transposing
from convlab._spec.arguments import FLOAT32, check_dtype, integer
from convlab._spec.convolving import Conv, ConvOptions
from convlab._spec.transposing import Transpose, TransposeOptions

from . import conv_fft
from .cache import remembered
from .conv_axes import rotated, rotated_steps, rotation
from .conv_blocks import Shape, depthwise_blocks, direct_blocks, gemm_blocks, narrow_blocks, winograd_blocks
from .conv_choice import ALGORITHMS, DIRECT, REASONS, WINOGRAD, Choice, Request, choose, summed_directly, tiles_of
from .conv_pieces import Pieces, in_pieces, shape_of
from .plan import NARROWEST_VECTOR, Machine, Plan, rounded_up, threads_for

# Bytes of an input that is converted in one piece.
COPIED = 8 << 20
# Kernels that read weights as they are given, whose axes can be rotated.
ROTATED = ("conv_gemm", "conv_direct")
# Sides of the square windows that depthwise convolutions have clones for: see src/conv/conv_depthwise.pyx.
CLONES = (3, 5, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvPlan(Plan[Conv]):
    """A convolution, which may be carried out piece by piece."""

    pieces: Pieces | None = None
    bias: NDArray[np.float32]  # zeros, for a call that gives none
    order: tuple[int, ...] | None = None  # of the axes of the weights, where the kernel wants another than theirs

    @property
    def dtype(self) -> np.dtype[Any]:
        return FLOAT32


def three(values: tuple[int, ...], fill: int = 1) -> tuple[int, int, int]:
    """Depth, rows and columns of a convolution over fewer axes."""
    depth, height, width = (fill,) * (3 - len(values)) + values
    return depth, height, width


def conv_axes(spec: Conv) -> NDArray[np.intp]:
    """Where each of three axes finds the pixels of all positions that a window may touch."""
    border = CONV_BORDERS.index(spec.border)
    axes = [ConvAxis(1, 0, 1, 0)] * (3 - len(spec.size))
    for n, out, k, s, d, (before, _) in zip(
        spec.size, spec.out_size, spec.kernel, spec.stride, spec.dilation, spec.pads, strict=True
    ):
        axes.append(ConvAxis(n, before, (out - 1) * s + (k - 1) * d + 1, border))
    return np.array(axes, np.intp)


def pitches(spec: Conv, x: NDArray[Any]) -> tuple[int, ...] | None:
    """Floats from image to image, channel to channel, plane, row and column; None where x must be copied."""
    return pitches_of(spec, x.strides, x.dtype, x.flags.aligned)


def pitches_of(spec: Conv, strides: tuple[int, ...], dtype: np.dtype[Any], aligned: bool) -> tuple[int, ...] | None:
    """The same of what is known of an array."""
    if not (dtype == FLOAT32 and dtype.isnative and aligned) or any(s % 4 for s in strides):
        return None
    return _ordered(spec, tuple(s // 4 for s in strides))


def contiguous(spec: Conv, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The same of a C-contiguous array."""
    return _ordered(spec, tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape))))


def _ordered(spec: Conv, steps: tuple[int, ...]) -> tuple[int, ...]:
    """Batch, channel, depth, row, column."""
    if not spec.batched:
        steps = (0, *steps)
    batch, rest = steps[0], steps[1:]
    channel, axes = (rest[-1], rest[:-1]) if spec.channels_last else (rest[0], rest[1:])
    return (batch, channel, *three(axes, 0))


def plan_conv(
    spec: Conv,
    x_pitches: tuple[int, ...] | None,
    request: Request,
    machine: Machine,
    y_pitches: tuple[int, ...] | None = None,
) -> ConvPlan:
    """One of the algorithms; `x_pitches` are None where x must be copied, `y_pitches` where y is no view."""
    y_steps = y_pitches or contiguous(spec, spec.shape)
    choice = choose(spec, request)
    if choice[0] == "fft":
        return _transformed(spec, request, choice)
    if x_pitches is not None:
        return _planned(spec, x_pitches, y_steps, request, machine, choice, 0)
    inner = (*spec.size, spec.channels) if spec.channels_last else (spec.channels, *spec.size)
    x_steps, size = contiguous(spec, (spec.batch, *inner) if spec.batched else inner), 4 * spec.batch * math.prod(inner)
    if size <= COPIED and 2 * size <= request.limit:
        return replace(_planned(spec, x_steps, y_steps, request, machine, choice, size), convert=True, plain=False)

    def planned(part: Conv, buffers: int) -> ConvPlan:
        return _planned(part, contiguous(part, shape_of(part)), y_steps, request, machine, choice, buffers)

    tile = next((side for name, side in WINOGRAD.items() if name == choice[0]), 1)
    pieces = in_pieces(spec, tile, request, planned)
    first = next(iter(pieces.plans.values()))
    return replace(first, spec=spec, shape=spec.shape, pieces=pieces, plain=False)


def _transformed(spec: Conv, request: Request, choice: Choice) -> ConvPlan:
    """By transforms, which read any array, group by group on the calling thread."""
    name, reason, considered = choice
    cut, workspace = conv_fft.tiles(spec), conv_fft.memory(spec)
    request.check(workspace)
    return ConvPlan(
        spec=spec,
        kernel="conv_fft",
        algorithm=name,
        reason=reason,
        considered=tuple((other, why) for other, why in considered.items() if other != name),
        threads=1,
        tile=(1, *cut.size)[-2:],  # type: ignore[arg-type]
        workspace=workspace,
        convert=False,
        source=FLOAT32,
        shape=spec.shape,
        tables=(np.array(cut.sides, np.intp),),
        bias=np.zeros(spec.out_channels, np.float32),
    )


def _planned(
    spec: Conv,
    x_steps: tuple[int, ...],
    y_steps: tuple[int, ...],
    request: Request,
    machine: Machine,
    choice: Choice,
    buffers: int,
) -> ConvPlan:
    """The algorithm that was chosen, beside so many bytes of buffers."""
    kernel, size, out = three(spec.kernel), three(spec.size), three(spec.out_size)
    stride, dilation = three(spec.stride), three(spec.dilation)
    name, reason, considered = choice[0], choice[1], dict(choice[2])
    if name != "depthwise":  # whose sums' order is the stride's; the only output of an axis has no next one
        stride = tuple(s if n > 1 else 1 for s, n in zip(stride, out, strict=True))  # type: ignore[assignment]
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
    innermost = x_steps[1] == y_steps[1] == channels == out_channels == 1 and spec.groups >= NARROWEST_VECTOR
    shape = Shape(
        planes=spec.batch * spec.groups * out[0],
        slices=channels * kernel[0],
        out_channels=out_channels,
        kernel=kernel,
        out=out,
        stride=stride,
        dilation=dilation,
        gather=gather,
        in_place=in_place,
        innermost=spec.groups if innermost else 0,
        clone=(
            plain and y_steps[4] == 1 and dilation == (1, 1, 1) and kernel[1] == kernel[2] in CLONES
            and stride[1] == stride[2] <= 2
        ),
        zeros=spec.border == "constant",
    )  # fmt: skip
    limit = request.limit - buffers
    blocks = None
    if name in WINOGRAD:
        tile = WINOGRAD[name]
        weights = 0 if request.prepared else spec.out_channels * channels
        columns = dilation[2] * (rounded_up(-(-out[2] // dilation[2]), tile) + 2)
        blocks = winograd_blocks(shape, limit, tile, spec.batch * tiles_of(spec, tile), columns, weights)
        if not blocks.fits(limit) and request.algorithm is None:
            considered[name] = f"its matrices need more than {limit} bytes"
            name, reason, blocks = "gemm", REASONS["gemm"], None
    if blocks is None:
        if name == "gemm" and request.algorithm is None and plain and y_steps[4] == 1 and summed_directly(spec):
            name, reason = "direct", DIRECT
        make = {"depthwise": depthwise_blocks, "direct": direct_blocks, "narrow": narrow_blocks, "gemm": gemm_blocks}
        blocks = make[name](shape, limit)
        if not blocks.fits(limit) and request.algorithm is None and name != "gemm":
            considered[name] = f"its blocks need more than {limit} bytes"
            name, reason = "gemm", REASONS["gemm"]
            blocks = gemm_blocks(shape, limit)
    request.check(buffers + 4 * blocks.floats)
    considered.pop(name, None)
    geometry = (
        spec.batch, spec.groups, channels, out_channels, *kernel, *size[1:], *out, *stride, *dilation, *before,
        blocks.staged, *x_steps, *y_steps,
        blocks.rows, blocks.columns, blocks.slices, in_place, plain, blocks.gather, blocks.shifted, blocks.turned,
        blocks.workspace,
    )  # fmt: skip
    activation = spec.activation
    clipped = (activation.low, activation.high) != (-math.inf, math.inf)
    kind = "leaky" if activation.slope != 1 else "clamp" if clipped else "none"
    values = ConvValues(activation.low, activation.high, activation.slope, ACTIVATIONS.index(kind))
    shared = buffers + 4 * blocks.shared
    return ConvPlan(
        spec=spec,
        kernel=f"conv_{blocks.kernel or name}",
        algorithm=name,
        reason=reason,
        considered=tuple(considered.items()),
        threads=threads_for(spec, machine, 4 * blocks.thread, shared, request.limit),
        tile=blocks.tile,
        workspace=4 * blocks.thread,
        buffers=shared,
        convert=False,
        source=FLOAT32,
        shape=spec.shape,
        plain=name not in ("narrow", *WINOGRAD),  # which want the weights made ready
        tables=(np.array(ConvGeometry._make(geometry), np.intp), conv_axes(spec), np.array(values, np.float32)),
        bias=np.zeros(spec.out_channels, np.float32),
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


@remembered(ConvOptions)
def conv(x: NDArray[Any], _: None, options: ConvOptions) -> ConvPlan:
    """Make the plan of a convolution, or raise the error for a wrong argument. Of the weights their layout counts."""
    check_dtype("x", x.dtype)
    spec, request = _asked(x.shape, options)
    steps, order = pitches(spec, x), rotation(spec)
    copy = 4 * spec.out_channels * spec.channels // spec.groups * math.prod(spec.kernel)  # bytes of rotated weights
    if steps is not None and order is not None and request.workspace_limit is None and 2 * copy <= request.limit:
        y_steps = rotated_steps(contiguous(spec, spec.shape), order)
        beside = replace(request, reserved=copy)
        plan = plan_conv(rotated(spec, order), rotated_steps(steps, order), beside, Machine(), y_steps)
        if plan.kernel in ROTATED:
            buffers = plan.buffers + copy
            return replace(plan, spec=spec, shape=spec.shape, order=order, buffers=buffers, plain=False)
    return plan_conv(spec, steps, request, Machine())


def _asked(shape: tuple[int, ...], options: ConvOptions) -> tuple[Conv, Request]:
    """What is to be done, and how the caller wants it done."""
    convolving.check_dtypes(options)
    spec = convolving.conv(shape, options)
    return spec, Request(_algorithm(options.algorithm), _limit(options.workspace_limit), options.prepared)


@dataclass(frozen=True, slots=True)
class TransposePlan:
    """A transpose: a plan for each of its parts."""

    spec: Transpose
    convert: bool
    parts: tuple[ConvPlan, ...]
    zeros: NDArray[np.float32]  # the bias where there is none
    sorting: tuple[NDArray[np.intp], NDArray[np.intp]]  # of the weights: see src/conv/conv_gemm.pyx, transpose_weights
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
        workspace = max(part.workspace for part in self.parts)
        return replace(largest, spec=self.spec, reason=reason, buffers=buffers, workspace=workspace)  # type: ignore[arg-type, return-value]


@remembered(TransposeOptions)
def conv_transpose(x: NDArray[Any], _: None, options: TransposeOptions) -> TransposePlan:
    """Make the plan of a transposed convolution, or raise the error for a wrong argument."""
    check_dtype("x", x.dtype)
    convolving.check_dtypes(options)
    spec = transposing.conv_transpose(x.shape, options)
    return plan_transpose(spec, x, options.weight_shape, _algorithm(options.algorithm), _limit(options.workspace_limit))


def plan_transpose(
    spec: Transpose, x: NDArray[Any], weight_shape: tuple[int, ...], algorithm: str | None, limit: int | None
) -> TransposePlan:
    """Make the plan of each part."""
    sorted_weights = sum(
        spec.groups * weight_shape[1] * (weight_shape[0] // spec.groups) * math.prod(part.conv.kernel)
        for part in spec.parts
    )
    request = Request(algorithm, limit, reserved=4 * sorted_weights)
    request.check(0)
    out_channels = weight_shape[1] * spec.groups
    plans: list[ConvPlan] = []
    zeros = np.zeros(out_channels, np.float32)
    convert = False
    for part in spec.parts:
        whole = contiguous(part.conv, spec.shape)
        steps = three(tuple(o.step for o in part.outputs))
        y_pitches = (*whole[:2], *(p * s for p, s in zip(whole[2:], steps, strict=True)))
        its_plan = plan_conv(part.conv, pitches(part.conv, x), request, Machine(), y_pitches)
        plans.append(replace(its_plan, taps=zeros))
        convert = plans[-1].convert
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
        zeros=zeros,
        sorting=(np.array(table, np.intp).reshape(-1, 2), np.concatenate(order).astype(np.intp)),
        weights=sorted_weights,
        shapes=tuple(shapes),
    )


def check_layer(options: ConvOptions) -> None:
    """Errors for wrong arguments of a layer, whose input is not there yet: of the least size that has an output."""
    axes, weight_shape = options.axes, options.weight_shape
    convolving.check_weight_shape(weight_shape, axes)
    parts = convolving.check_groups(options.groups)
    dilations = convolving.numbers("dilation", options.dilation, axes, 1)
    size = tuple((k - 1) * d + 1 for k, d in zip(weight_shape[2:], dilations, strict=True))
    channels = weight_shape[1] * parts
    last = convolving.channels_last(options.layout, axes)
    _asked((1, *size, channels) if last else (1, channels, *size), options)
