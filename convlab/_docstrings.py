"""What the docstrings of a family have in common, written once and put where a docstring says {name}."""

from collections.abc import Callable
from typing import TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])

SHAPES = {
    1: "(L), (C, L) or (N, C, L)",
    2: "(H, W), (C, H, W) or (N, C, H, W)",
    3: "(D, H, W), (C, D, H, W) or (N, C, D, H, W)",
}
AXES = {1: "(length,)", 2: "(rows, columns)", 3: "(slices, rows, columns)"}
CONV_LAYOUTS = {1: '{"NCW", "NWC"}', 2: '{"NCHW", "NHWC"}', 3: '{"NCDHW", "NDHWC"}'}
LAYOUTS = {1: '"NCL" or "NLC"', 2: '"NCHW" or "NHWC"', 3: '"NCDHW" or "NDHWC"'}

PARAMETERS = {
    "x": """x : array_like, shape {shapes}
    bool, integers, float16, float32 or float64. Without a batch or channels where axes are missing.""",
    "kernel_size": """kernel_size : int or {axes}
    The window. A number or a 1-tuple means every axis.""",
    "stride": """stride : int or {axes}, optional
    From window to window; `kernel_size` unless given, or where it is empty.""",
    "padding": """padding : int, {axes}, pairs (before, after) for each axis, "same", "same_lower" or "valid"
    Elements added on each side, less than the dilated window. "same": as many outputs as strides fit in the axis, an
    odd element behind it ("same_lower": before it).""",
    "dilation": """dilation : int or {axes}
    From element to element of a window.""",
    "ceil_mode": """ceil_mode : bool
    Keep a window that reaches beyond the padding at the end, unless it starts there; otherwise it is dropped.""",
    "return_indices": """return_indices : bool
    Return (result, indices): where each maximum stands in its plane or volume, seen as one row of elements, int64.
    Of equals the first; if there is NaN, the last.""",
    "count_include_pad": """count_include_pad : bool
    Whether padding counts as zeros; what of a window lies beyond the padding never counts.""",
    "divisor_override": """divisor_override : int, optional
    Divide each sum by this number, which is not 0, in place of the window's size.""",
    "norm_type": """norm_type : float
    The exponent p, above 0; infinity keeps the largest absolute value.""",
    "output_size": """output_size : int or {axes}
    How many outputs on each axis; None keeps the axis as it is.""",
    "layout": """layout : str, optional
    {layouts}, with or without N: where channels stand. The first unless given.""",
    "channel_axis": """channel_axis : int, optional
    The axis of the channels of an image without a batch: -1 where they lie innermost. Excludes `layout`.""",
    "out": """out : ndarray, optional
    Where to write: the exact shape and dtype, C-contiguous, sharing no memory with an argument.""",
}
# Of gradients.
PARAMETERS |= {
    "grad_output": """grad_output : array_like
    The gradient with respect to the operation's output: of its shape. Other dtypes than float32 are converted.""",
    "input_size": """input_size : sequence of int
    The shape of the operation's input.""",
    "pool_size": """input_size : sequence of int
    The shape of the pool's input, or its sizes along the pooled axes alone.""",
    "input": """input : array_like
    The operation's input. Other dtypes than float32 are converted.""",
    "output": """output : array_like
    The operation's output.""",
    "indices": """indices : array_like of integers, shape of the pool's output
    Where each maximum stands in its plane, as the pool returns them.""",
    "weight": """weight : array_like
    The layer's weights.""",
    "weight_size": """weight_size : sequence of int
    The shape of the layer's weights.""",
    "conv_stride": """stride : int or {axes}
    The layer's.""",
    "conv_padding": """padding : int, {axes}, (before, after) of each axis in one row, "same", "same_lower" or "valid"
    The layer's.""",
    "transpose_padding": """padding : int or {axes}
    The layer's.""",
    "conv_dilation": """dilation : int or {axes}
    The layer's.""",
    "groups": """groups : int
    The layer's; as many as there are channels for a depthwise one.""",
    "padding_mode": """padding_mode : {"zeros", "nearest", "symmetric", "mirror", "wrap"}
    The layer's. What repeats a pixel beside the input gives that pixel its share.""",
    "precision": """precision : {"fast", "exact"}
    Whether an algorithm may be taken that rounds otherwise than the sum of products, as for `convlab.conv2d`.""",
    "conv_layout": """layout : {conv_layouts}
    The order of the axes of the layer's input and output.""",
    "out32": """out : ndarray, optional
    Where to write: float32 of the exact shape, C-contiguous, sharing no memory with an argument.""",
}
RAISES = """TypeError
    An argument of the wrong type or dtype, or a masked array.
ValueError
    A wrong shape or `out`; padding as large as the dilated window; a window larger than the padded array."""
RAISES_OF_GRADIENTS = """TypeError
    An argument of the wrong type or dtype, or a masked array.
ValueError
    A shape that is not the operation's, a wrong `out`, or what the operation itself would refuse."""
TEXTS = {"raises": RAISES, "gradient_raises": RAISES_OF_GRADIENTS}


def described(axes: int) -> Callable[[FunctionT], FunctionT]:
    """Fill in a docstring: its lines of {parameter} and {raises}, for this many pooled axes."""

    def fill(function: FunctionT) -> FunctionT:
        lines = []
        for line in (function.__doc__ or "").splitlines():
            name = line.strip().removeprefix("{").removesuffix("}")
            if line.strip() == f"{{{name}}}":
                text = TEXTS.get(name) or PARAMETERS[name]
                words = {"axes": AXES, "shapes": SHAPES, "layouts": LAYOUTS, "conv_layouts": CONV_LAYOUTS}
                for word, value in ((name, of_axes[axes]) for name, of_axes in words.items()):
                    text = text.replace(f"{{{word}}}", value)
                lines += [(line[: len(line) - len(line.lstrip())] + part).rstrip() for part in text.splitlines()]
            else:
                lines.append(line)
        function.__doc__ = "\n".join(lines)
        return function

    return fill
