"""Convolutions and their transposes as PyTorch's operators, with gradients of any order.

Each has an operator for the gradient of its input and one for that of its weights. All three are linear in both of
their tensors, and the gradients of each are the other two.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import convlab
from convlab import grad

from ._arrays import FIRST, LAST, array, both_threads, empty, is_last, tensor, tuples

OPTIONS = "int[] stride, int[] padding, int[] dilation, int groups"
TRANSPOSED = "int[] stride, int[] padding, int[] output_padding, int groups, int[] dilation"


def operator(name: str, schema: str, run: Callable[..., Any], fake: Callable[..., Any]) -> Any:
    """Define an operator of the namespace `convlab`, its kernel and what it gives for shapes alone.

    Under `vmap` a new axis of the first tensor alone joins the batch; otherwise the elements are computed one by one.
    """
    torch.library.define(f"convlab::{name}", schema)
    torch.library.impl(f"convlab::{name}", "cpu", run)
    torch.library.register_fake(f"convlab::{name}", fake)
    found = getattr(torch.ops.convlab, name)

    def mapped(info: Any, places: tuple[Any, ...], *args: Any) -> tuple[Any, Any]:
        moved = [
            a.movedim(place, 0) if isinstance(a, Tensor) and place is not None else a
            for a, place in zip(args, places, strict=True)
        ]
        first, *rest = [isinstance(a, Tensor) and place is not None for a, place in zip(args, places, strict=True)]
        if first and not any(rest) and not name.endswith(("_input", "_weight")):
            y = found(moved[0].flatten(0, 1), *moved[1:])
            size = moved[0].shape[:2]
            if isinstance(y, tuple):
                return tuple(part.unflatten(0, size) for part in y), (0,) * len(y)
            return y.unflatten(0, size), 0
        each = [
            found(*(a[i] if mapped else a for a, mapped in zip(moved, (first, *rest), strict=True)))
            for i in range(info.batch_size)
        ]
        if isinstance(each[0], tuple):
            return tuple(torch.stack(parts) for parts in zip(*each, strict=True)), (0,) * len(each[0])
        return torch.stack(each), 0

    torch.library.register_vmap(f"convlab::{name}", mapped)
    return found


def _convolution(axes: int) -> None:
    name = f"conv{axes}d"
    compute, of_input, of_weight = (
        getattr(convlab, name), getattr(grad, f"{name}_input"), getattr(grad, f"{name}_weight"),
    )  # fmt: skip

    def run(
        x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Any:
        last = is_last(x)
        with both_threads():
            y = compute(
                array(x, last), array(weight), None if bias is None else array(bias), stride=tuple(stride),
                padding=tuple(padding), dilation=tuple(dilation), groups=groups, layout=(LAST if last else FIRST)[axes],
            )  # fmt: skip
        return tensor(y, last)

    def fake(x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
        sizes = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(x.shape[2:], padding, dilation, weight.shape[2:], stride, strict=True)
        ]
        return empty(x, (x.shape[0], weight.shape[0], *sizes), is_last(x))

    def run_input(size: Any, weight: Tensor, g: Tensor, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        last = is_last(g)
        shape = (size[0], *size[2:], size[1]) if last else tuple(size)
        with both_threads():
            y = of_input(
                shape, array(weight), array(g, last), *tuples((stride, padding, dilation)), groups,
                layout=(LAST if last else FIRST)[axes],
            )  # fmt: skip
        return tensor(y, last)

    def run_weight(x: Tensor, size: Any, g: Tensor, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        last = is_last(x) and is_last(g)
        with both_threads():
            y = of_weight(
                array(x, last), tuple(size), array(g, last), *tuples((stride, padding, dilation)), groups,
                layout=(LAST if last else FIRST)[axes],
            )  # fmt: skip
        return tensor(y)

    _linear(name, OPTIONS, run, fake, run_input, run_weight)


def _transposed(axes: int) -> None:
    name = f"conv_transpose{axes}d"
    compute, of_input, of_weight = (
        getattr(convlab, name), getattr(grad, f"{name}_input"), getattr(grad, f"{name}_weight"),
    )  # fmt: skip

    def run(
        x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, more: Any, groups: int, dilation: Any
    ) -> Any:
        with both_threads():
            y = compute(
                array(x), array(weight), None if bias is None else array(bias), stride=tuple(stride),
                padding=tuple(padding), output_padding=tuple(more), groups=groups, dilation=tuple(dilation),
            )  # fmt: skip
        return tensor(y)

    def fake(
        x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, more: Any, groups: int, dilation: Any
    ) -> Tensor:
        sizes = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1 + m
            for n, s, p, d, k, m in zip(x.shape[2:], stride, padding, dilation, weight.shape[2:], more, strict=True)
        ]
        return empty(x, (x.shape[0], weight.shape[1] * groups, *sizes))

    def run_input(
        size: Any, weight: Tensor, g: Tensor, stride: Any, padding: Any, more: Any, groups: int, dilation: Any
    ) -> Any:
        with both_threads():
            y = of_input(tuple(size), array(weight), array(g), tuple(stride), tuple(padding), groups, tuple(dilation))
        return tensor(y)

    def run_weight(
        x: Tensor, size: Any, g: Tensor, stride: Any, padding: Any, more: Any, groups: int, dilation: Any
    ) -> Any:
        with both_threads():
            y = of_weight(array(x), tuple(size), array(g), tuple(stride), tuple(padding), groups, tuple(dilation))
        return tensor(y)

    _linear(name, TRANSPOSED, run, fake, run_input, run_weight)


def _linear(
    name: str,
    options: str,
    run: Callable[..., Any],
    fake: Callable[..., Any],
    run_input: Callable[..., Any],
    run_weight: Callable[..., Any],
) -> None:
    """Define an operator and its two gradients, and the gradients of all three."""
    forward = operator(name, f"(Tensor x, Tensor weight, Tensor? bias, {options}) -> Tensor", run, fake)
    of_input = operator(
        f"{name}_input",
        f"(SymInt[] size, Tensor weight, Tensor grad, {options}) -> Tensor",
        run_input,
        lambda size, weight, g, *_: empty(g, size, is_last(g) and not name.startswith("conv_t")),
    )
    of_weight = operator(
        f"{name}_weight",
        f"(Tensor x, SymInt[] size, Tensor grad, {options}) -> Tensor",
        run_weight,
        lambda x, size, g, *_: empty(x, size),
    )

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, weight, _, *ctx.options = inputs
        ctx.save_for_backward(x, weight)

    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            of_input(x.shape, weight, g, *ctx.options) if wanted[0] else None,
            of_weight(x, weight.shape, g, *ctx.options) if wanted[1] else None,
            g.sum((0, *range(2, g.dim()))) if wanted[2] else None,
            *[None] * len(ctx.options),
        )

    def keep_input(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, weight, g, *ctx.options = inputs
        ctx.save_for_backward(weight, g)

    def backward_input(ctx: Any, gx: Tensor) -> tuple[Any, ...]:
        weight, g = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            None,
            of_weight(gx, weight.shape, g, *ctx.options) if wanted[1] else None,
            forward(gx, weight, None, *ctx.options) if wanted[2] else None,
            *[None] * len(ctx.options),
        )

    def keep_weight(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, _, g, *ctx.options = inputs
        ctx.save_for_backward(x, g)

    def backward_weight(ctx: Any, gw: Tensor) -> tuple[Any, ...]:
        x, g = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            of_input(x.shape, gw, g, *ctx.options) if wanted[0] else None,
            None,
            forward(x, gw, None, *ctx.options) if wanted[2] else None,
            *[None] * len(ctx.options),
        )

    register = torch.library.register_autograd
    register(f"convlab::{name}", backward, setup_context=keep)
    register(f"convlab::{name}_input", backward_input, setup_context=keep_input)
    register(f"convlab::{name}_weight", backward_weight, setup_context=keep_weight)


for _axes in (1, 2, 3):
    _convolution(_axes)
    _transposed(_axes)
