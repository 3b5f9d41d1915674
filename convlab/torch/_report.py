"""Which of a model's layers convlab serves, by which kernel, in what time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import convlab

from ._accelerate import FORWARDS
from ._functional import why_not


@dataclass(frozen=True)
class Layer:
    """A layer's call: what served it, and the seconds that convlab and PyTorch take."""

    name: str
    kind: str
    shape: tuple[int, ...]
    kernel: str | None  # None: PyTorch computes it
    reason: str | None  # why
    seconds: float | None
    torch_seconds: float


@dataclass(frozen=True)
class Report:
    """The convolutions and pools of a model, in the order of their calls; `print` it."""

    layers: tuple[Layer, ...]

    def __str__(self) -> str:
        rows = [("layer", "module", "input", "served by", "ms", "PyTorch ms", "ratio")]
        for layer in self.layers:
            served = layer.kernel or f"PyTorch: {layer.reason}"
            ours = "" if layer.seconds is None else f"{layer.seconds * 1e3:.3f}"
            ratio = "" if not layer.seconds else f"{layer.torch_seconds / layer.seconds:.2f}"
            shape = "x".join(map(str, layer.shape))
            rows.append((layer.name, layer.kind, shape, served, ours, f"{layer.torch_seconds * 1e3:.3f}", ratio))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if column > 3 else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )


def report(model: nn.Module, *inputs: Any) -> Report:
    """Run a model once, and time each of its convolutions and pools on convlab's kernels and on PyTorch's.

    Parameters
    ----------
    model : torch.nn.Module
        The model; it may be accelerated.
    *inputs : Tensor and others
        What the model is called with.

    Returns
    -------
    Report
        A row for each call of a layer; `print` it, or read its `layers`.

    Raises
    ------
    TypeError
        `model` is no module.

    Examples
    --------
    >>> import torch, convlab.torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.MaxPool2d(2)).eval()
    >>> [(layer.kind, layer.shape) for layer in convlab.torch.report(model, torch.zeros(1, 1, 28, 28)).layers]
    [('Conv2d', (1, 1, 28, 28)), ('MaxPool2d', (1, 4, 26, 26))]
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: got {type(model).__name__}; expected a torch.nn.Module")
    calls: list[tuple[str, Any, tuple[Any, ...]]] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, args, name=name: calls.append((name, module, args)))
        for name, module in model.named_modules()
        if any(isinstance(module, kind) for kind in FORWARDS)
    ]
    with torch.no_grad():
        try:
            model(*inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return Report(tuple(_layer(*call) for call in calls))


def _layer(name: str, module: Any, args: tuple[Any, ...]) -> Layer:
    kind = next((kind for kind in FORWARDS if type(module) is kind), None)
    tensors = [x for x in (*args, *module.parameters()) if isinstance(x, Tensor)]
    own = next(kind for kind in FORWARDS if isinstance(module, kind)) if kind is None else kind
    reason = "a subclass" if kind is None else why_not(*tensors)
    kernel = seconds = None
    if reason is None:
        forward = FORWARDS[own]
        seconds = _seconds(lambda: forward(module, *args))
        kernel = convlab.last_kernel()
    return Layer(
        name, type(module).__name__, tuple(args[0].shape), kernel, reason, seconds,
        _seconds(lambda: type(module).forward(module, *args)),
    )  # fmt: skip


def _seconds(call: Callable[[], Any]) -> float:
    """Return the least time of some calls."""
    call()
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 0.1 and len(times) < 200):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
