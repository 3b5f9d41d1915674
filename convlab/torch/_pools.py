"""Pools as PyTorch's operators. The gradients of all but Lp pools have gradients themselves."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import convlab
from convlab import grad

from ._arrays import array, both_threads, empty, is_last, tensor, tuples
from ._convolutions import operator

# The words for channels behind the batch and channels that lie last.
WORDS = {1: ("NCL", "NLC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
WINDOWS = "int[] kernel_size, int[] stride, int[] padding, bool ceil_mode"


def out_size(n: Any, k: int, s: int, p: int, d: int, ceil: bool) -> Any:
    """Return how many windows an axis has, by PyTorch's rule."""
    reach = n + 2 * p - d * (k - 1) - 1
    count = (reach + s - 1 if ceil else reach) // s + 1
    return count - 1 if ceil and (count - 1) * s >= n + p else count


def _sizes(x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> list[Any]:
    axes = x.dim() - 2
    return [
        *x.shape[:2],
        *(
            out_size(*each, ceil)
            for each in zip(x.shape[2:], kernel, stride, padding, dilation or [1] * axes, strict=True)
        ),
    ]


def _layout(x: Tensor, axes: int) -> tuple[bool, str]:
    last = is_last(x)
    return last, WORDS[axes][last]


def _scattered(name: str, axes: int, back: Callable[..., Any]) -> Any:
    """Define the operator that adds gradients to the places of maxima, and its gradient, which picks them again."""

    def run(g: Tensor, indices: Tensor, size: Any) -> Tensor:
        with both_threads():
            return tensor(back(array(g.contiguous()), array(indices.contiguous()), tuple(size)))

    scatter = operator(
        f"{name}_input", "(Tensor grad, Tensor indices, SymInt[] size) -> Tensor", run,
        lambda g, indices, size: empty(g, size),
    )  # fmt: skip

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[1])

    def backward(ctx: Any, gx: Tensor) -> tuple[Any, ...]:
        (indices,) = ctx.saved_tensors
        return gx.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape), None, None

    torch.library.register_autograd(f"convlab::{name}_input", backward, setup_context=keep)
    return scatter


def _with_places(name: str, scatter: Any) -> None:
    """Register the gradient of a maximum pool that returns its places."""

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.shape, ctx.others = inputs[0].shape, len(inputs) - 1
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])

    def backward(ctx: Any, g: Tensor, _: Any) -> tuple[Any, ...]:
        return scatter(g, ctx.saved_tensors[0], ctx.shape), *[None] * ctx.others

    torch.library.register_autograd(f"convlab::{name}", backward, setup_context=keep)


def _maximum(axes: int) -> None:
    name, compute = f"max_pool{axes}d", getattr(convlab, f"max_pool{axes}d")
    options = "int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool ceil_mode"

    def run(x: Tensor, *rest: Any) -> Tensor:
        last, layout = _layout(x, axes)
        with both_threads():
            return tensor(compute(array(x, last), *tuples(rest), layout=layout), last)

    def run_places(x: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        last, layout = _layout(x, axes)
        with both_threads():
            y, places = compute(array(x, last), *tuples(rest), True, layout=layout)
        return tensor(y, last), tensor(places, last)

    def fake(x: Tensor, *rest: Any) -> Tensor:
        return empty(x, _sizes(x, *rest), is_last(x))

    def fake_places(x: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        return fake(x, *rest), empty(x, _sizes(x, *rest), is_last(x), torch.int64)

    operator(name, f"(Tensor x, {options}) -> Tensor", run, fake)
    operator(f"{name}_with_indices", f"(Tensor x, {options}) -> (Tensor, Tensor)", run_places, fake_places)
    _with_places(f"{name}_with_indices", _scattered(name, axes, getattr(grad, name)))


def _adaptive_maximum(axes: int) -> None:
    name, compute = f"adaptive_max_pool{axes}d", getattr(convlab, f"adaptive_max_pool{axes}d")

    def run(x: Tensor, size: Any) -> tuple[Tensor, Tensor]:
        last, layout = _layout(x, axes)
        with both_threads():
            y, places = compute(array(x, last), tuple(size), True, layout=layout)
        return tensor(y, last), tensor(places, last)

    def fake(x: Tensor, size: Any) -> tuple[Tensor, Tensor]:
        shape, last = (*x.shape[:2], *size), is_last(x)
        return empty(x, shape, last), empty(x, shape, last, torch.int64)

    operator(name, "(Tensor x, SymInt[] size) -> (Tensor, Tensor)", run, fake)
    _with_places(name, _scattered(name, axes, getattr(grad, name)))


def _average(axes: int) -> None:
    name = f"avg_pool{axes}d"
    compute, back = getattr(convlab, name), getattr(grad, name)
    options = f"{WINDOWS}, bool count_include_pad" + (", int? divisor_override" if axes > 1 else "")  # as PyTorch's

    def run(x: Tensor, *rest: Any) -> Tensor:
        last, layout = _layout(x, axes)
        with both_threads():
            return tensor(compute(array(x, last), *tuples(rest), layout=layout), last)

    def run_input(g: Tensor, size: Any, *rest: Any) -> Tensor:
        last, layout = _layout(g, axes)
        shape = (size[0], *size[2:], size[1]) if last else tuple(size)
        with both_threads():
            return tensor(back(array(g, last), shape, *tuples(rest), layout=layout), last)

    def fake(x: Tensor, kernel: Any, stride: Any, padding: Any, ceil: bool, *_: Any) -> Tensor:
        return empty(x, _sizes(x, kernel, stride, padding, None, ceil), is_last(x))

    _linear(name, options, run, fake, run_input)


def _adaptive_average(axes: int) -> None:
    name = f"adaptive_avg_pool{axes}d"
    compute, back = getattr(convlab, name), getattr(grad, name)

    def run(x: Tensor, size: Any) -> Tensor:
        last, layout = _layout(x, axes)
        with both_threads():
            return tensor(compute(array(x, last), tuple(size), layout=layout), last)

    def run_input(g: Tensor, size: Any, _: Any) -> Tensor:
        last, layout = _layout(g, axes)
        shape = (size[0], *size[2:], size[1]) if last else tuple(size)
        with both_threads():
            return tensor(back(array(g, last), shape, layout=layout), last)

    _linear(name, "SymInt[] size", run, lambda x, size: empty(x, (*x.shape[:2], *size), is_last(x)), run_input)


def _linear(
    name: str, options: str, run: Callable[..., Any], fake: Callable[..., Any], run_input: Callable[..., Any]
) -> None:
    """Define a linear pool and its transpose, each of which is the gradient of the other."""
    forward = operator(name, f"(Tensor x, {options}) -> Tensor", run, fake)
    transpose = operator(
        f"{name}_input", f"(Tensor grad, SymInt[] shape, {options}) -> Tensor", run_input,
        lambda g, shape, *_: empty(g, shape, is_last(g)),
    )  # fmt: skip

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.shape, ctx.options = inputs[0].shape, inputs[1:]

    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        return transpose(g, ctx.shape, *ctx.options), *[None] * len(ctx.options)

    def keep_input(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.options = inputs[2:]

    def backward_input(ctx: Any, gx: Tensor) -> tuple[Any, ...]:
        return forward(gx, *ctx.options), None, *[None] * len(ctx.options)

    torch.library.register_autograd(f"convlab::{name}", backward, setup_context=keep)
    torch.library.register_autograd(f"convlab::{name}_input", backward_input, setup_context=keep_input)


def _power(axes: int) -> None:
    name = f"lp_pool{axes}d"
    compute, back = getattr(convlab, name), getattr(grad, name)
    options = "float norm_type, int[] kernel_size, int[] stride, bool ceil_mode"

    def run(x: Tensor, *rest: Any) -> Tensor:
        last, layout = _layout(x, axes)
        with both_threads():
            return tensor(compute(array(x, last), *tuples(rest), layout=layout), last)

    def run_input(g: Tensor, x: Tensor, y: Tensor, *rest: Any) -> Tensor:
        with both_threads():
            return tensor(back(array(g.contiguous()), array(x.contiguous()), array(y.contiguous()), *tuples(rest)))

    operator(
        name, f"(Tensor x, {options}) -> Tensor", run,
        lambda x, _, kernel, stride, ceil: empty(x, _sizes(x, kernel, stride, [0] * axes, None, ceil), is_last(x)),
    )  # fmt: skip
    of_input = operator(
        f"{name}_input", f"(Tensor grad, Tensor x, Tensor y, {options}) -> Tensor", run_input,
        lambda g, x, *_: empty(x, x.shape),
    )  # fmt: skip

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, *ctx.options = inputs
        ctx.save_for_backward(x, output)

    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        x, y = ctx.saved_tensors
        return of_input(g, x, y, *ctx.options), *[None] * len(ctx.options)

    torch.library.register_autograd(f"convlab::{name}", backward, setup_context=keep)


for _axes in (1, 2, 3):
    for _define in (_maximum, _adaptive_maximum, _average, _adaptive_average, _power):
        _define(_axes)
