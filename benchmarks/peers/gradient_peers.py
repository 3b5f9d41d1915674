"""PyTorch's ways to compute gradients; its peer module has already imported it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.cases.gradients import Gradient
from benchmarks.contender import UnsupportedError

Step = Callable[[Any], Any]


def gradient_ways(library: str, work: Gradient) -> dict[str, Step]:
    """Return the ways of a library to do a case's work, by name."""
    if library != "PyTorch":
        raise UnsupportedError("no gradients")
    torch: Any = import_module("torch")
    conv = work.conv
    window = [conv.size] * 2, [conv.stride] * 2, [conv.padding] * 2, [conv.dilation] * 2
    other = torch.from_numpy(work.other())
    if work.kind == "max":
        places = torch.from_numpy(work.places())
        backward = torch.ops.aten.max_pool2d_with_indices_backward
        return {"max_pool2d": lambda g: backward(g, other, *window, False, places)}
    x = torch.empty(work.size) if work.kind == "input" else other
    weight = other if work.kind == "input" else torch.empty(conv.weight_shape(work.size))
    mask = [work.kind == "input", work.kind == "weight", False]
    place, groups = mask.index(True), work.groups
    return {
        "conv2d": lambda g: torch.ops.aten.convolution_backward(
            g, x, weight, None, *window[1:], False, [0, 0], groups, mask
        )[place]
    }
