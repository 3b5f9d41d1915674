"""`torch.nn.functional`'s convolutions and pools on convlab's kernels.

What convlab does not support goes to PyTorch's own function. Where nothing records gradients or traces, a call skips
PyTorch's dispatcher.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

import convlab

from . import _convolutions, _pools  # noqa: F401 (define the operators)
from ._arrays import FIRST, LAST, array, both_threads, each, is_last, tensor
from ._pools import WORDS


def _differentiated() -> bool:
    """Return whether torch.func differentiates the call, which PyTorch's own operators alone support."""
    if torch.compiler.is_compiling():
        return False
    stack = torch._C._functorch.get_interpreter_stack() or []
    return any(level.key() != torch._C._functorch.TransformType.Vmap for level in stack)


def why_not(*tensors: Tensor | None) -> str | None:
    """Return why PyTorch computes with these tensors itself, or None."""
    if torch.is_autocast_enabled("cpu"):
        return "autocast is on"
    if _differentiated():
        return "torch.func differentiates it"
    for x in tensors:
        if x is None:
            continue
        if x.device.type != "cpu":
            return f"it is on {x.device.type}"
        if x.dtype is not torch.float32:
            return f"it is {x.dtype}".replace("torch.", "")
        if x.layout is not torch.strided:
            return "its memory layout is not an array's"
    return None


def is_direct(*tensors: Tensor | None) -> bool:
    """Return whether nothing records gradients of these tensors, traces or transforms the call."""
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return False
    if torch._C._functorch.peek_interpreter_stack() is not None or torch._C._is_torch_function_mode_enabled():
        return False
    plain = all(x is None or type(x) in (Tensor, torch.nn.Parameter) for x in tensors)
    return plain and not (torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors))


def _batched(function: Callable[..., Any], axes: int, x: Tensor) -> Any:
    """Call a function of a batch with an image or a batch."""
    if x.dim() == axes + 2:
        return function(x)
    y = function(x.unsqueeze(0))
    return tuple(part.squeeze(0) for part in y) if isinstance(y, tuple) else y.squeeze(0)


def _function(name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function its name and its docstring."""
    run.__name__ = run.__qualname__ = name
    run.__doc__ = (
        f"Compute `torch.nn.functional.{name}` with convlab's kernels.\n\nArguments, result and gradients are those of "
        "PyTorch's function, which also computes what convlab does\nnot support: other dtypes than float32, other "
        "devices than the CPU, and calls under autocast."
    )
    return run


def _conv(axes: int) -> Callable[..., Any]:
    name = f"conv{axes}d"
    original, compute, operator = getattr(F, name), getattr(convlab, name), getattr(torch.ops.convlab, name)

    def run(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        steps, dilations = each(stride, axes), each(dilation, axes)
        pads: Any = padding
        if padding == "valid":
            pads = 0
        elif padding == "same":
            reaches = [d * (k - 1) for d, k in zip(dilations, weight.shape[2:], strict=False)]
            pads = None if any(r % 2 for r in reaches) or set(steps) != {1} else [r // 2 for r in reaches]
        if pads is None or why_not(input, weight, bias) or input.dim() not in (axes + 1, axes + 2):
            return original(input, weight, bias, stride, padding, dilation, groups)
        pads = each(pads, axes)
        if not is_direct(input, weight, bias):
            return _batched(lambda x: operator(x, weight, bias, steps, pads, dilations, groups), axes, input)
        last = is_last(input)
        with both_threads():
            y = compute(
                array(input, last), array(weight), None if bias is None else array(bias), stride=tuple(steps),
                padding=tuple(pads), dilation=tuple(dilations), groups=groups, layout=(LAST if last else FIRST)[axes],
            )  # fmt: skip
        return tensor(y, last)

    return _function(name, run)


def _conv_transpose(axes: int) -> Callable[..., Any]:
    name = f"conv_transpose{axes}d"
    original, operator = getattr(F, name), getattr(torch.ops.convlab, name)

    def run(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Tensor:  # fmt: skip
        if why_not(input, weight, bias) or input.dim() not in (axes + 1, axes + 2):
            return original(input, weight, bias, stride, padding, output_padding, groups, dilation)
        steps, pads, more, dilations = (each(v, axes) for v in (stride, padding, output_padding, dilation))
        return _batched(lambda x: operator(x, weight, bias, steps, pads, more, groups, dilations), axes, input)

    return _function(name, run)


def _max_pool(axes: int) -> Callable[..., Any]:
    name = f"max_pool{axes}d"
    original, compute = getattr(F, name), getattr(convlab, name)
    values, places = (getattr(torch.ops.convlab, n) for n in (name, f"{name}_with_indices"))

    def run(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        if why_not(input) or input.dim() not in (axes + 1, axes + 2):
            return original(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        window = each(kernel_size, axes)
        steps = window if stride is None or stride == [] else each(stride, axes)
        pads, dilations = each(padding, axes), each(dilation, axes)
        if is_direct(input) and not return_indices:
            last = is_last(input)
            with both_threads():
                y = compute(
                    array(input, last), tuple(window), tuple(steps), tuple(pads), tuple(dilations), ceil_mode,
                    layout=WORDS[axes][last],
                )  # fmt: skip
            return tensor(y, last)
        if not return_indices and not (torch.is_grad_enabled() and input.requires_grad):
            return _batched(lambda x: values(x, window, steps, pads, dilations, ceil_mode), axes, input)
        y = _batched(lambda x: places(x, window, steps, pads, dilations, ceil_mode), axes, input)
        return y if return_indices else y[0]

    return _function(name, run)


def _avg_pool(axes: int) -> Callable[..., Any]:
    name = f"avg_pool{axes}d"
    original, compute, operator = getattr(F, name), getattr(convlab, name), getattr(torch.ops.convlab, name)

    def pooled(
        input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
        *divisor: int | None,
    ) -> Tensor:  # fmt: skip
        rest = ceil_mode, count_include_pad, *divisor
        if why_not(input) or input.dim() not in (axes + 1, axes + 2):
            return original(input, kernel_size, stride, padding, *rest)
        window = each(kernel_size, axes)
        steps = window if stride is None or stride == [] else each(stride, axes)
        pads = each(padding, axes)
        if is_direct(input):
            last = is_last(input)
            with both_threads():
                y = compute(
                    array(input, last), tuple(window), tuple(steps), tuple(pads), *rest, layout=WORDS[axes][last]
                )
            return tensor(y, last)
        return _batched(lambda x: operator(x, window, steps, pads, *rest), axes, input)

    def of_lines(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Tensor:  # fmt: skip
        return pooled(input, kernel_size, stride, padding, ceil_mode, count_include_pad)

    def of_planes(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Tensor:  # fmt: skip
        return pooled(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    return _function(name, of_lines if axes == 1 else of_planes)


def _sizes(input: Tensor, output_size: Any, axes: int) -> list[int]:
    """Return an adaptive pool's output size, with the input's where it is None."""
    sizes = [output_size] * axes if output_size is None or isinstance(output_size, int) else list(output_size)
    return [n if size is None else size for size, n in zip(sizes, input.shape[-axes:], strict=True)]


def _adaptive(kind: str, axes: int) -> Callable[..., Any]:
    name = f"adaptive_{kind}_pool{axes}d"
    original, operator = getattr(F, name), getattr(torch.ops.convlab, name)

    def average(input: Tensor, output_size: Any) -> Any:
        if why_not(input) or input.dim() not in (axes + 1, axes + 2):
            return original(input, output_size)
        return _batched(lambda x: operator(x, _sizes(input, output_size, axes)), axes, input)

    def maximum(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        if why_not(input) or input.dim() not in (axes + 1, axes + 2):
            return original(input, output_size, return_indices)
        y = _batched(lambda x: operator(x, _sizes(input, output_size, axes)), axes, input)
        return y if return_indices else y[0]

    return _function(name, average if kind == "avg" else maximum)


def _lp_pool(axes: int) -> Callable[..., Any]:
    name = f"lp_pool{axes}d"
    original, operator = getattr(F, name), getattr(torch.ops.convlab, name)

    def run(input: Tensor, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
        # PyTorch sums powers of the pixels, convlab of their absolute values: the same for even powers alone.
        if why_not(input) or norm_type % 2 or norm_type <= 0 or input.dim() not in (axes + 1, axes + 2):
            return original(input, norm_type, kernel_size, stride, ceil_mode)
        window = each(kernel_size, axes)
        steps = window if stride is None else each(stride, axes)
        return _batched(lambda x: operator(x, float(norm_type), window, steps, ceil_mode), axes, input)

    return _function(name, run)


conv1d, conv2d, conv3d = map(_conv, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_conv_transpose, (1, 2, 3))
max_pool1d, max_pool2d, max_pool3d = map(_max_pool, (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (_adaptive("avg", axes) for axes in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (_adaptive("max", axes) for axes in (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, (1, 2, 3))
