"""A model's convolutions and pools on convlab's kernels, in place."""

from collections.abc import Callable
from types import MethodType, TracebackType
from typing import Any

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

import convlab

from . import _functional
from ._arrays import array, both_threads, is_last, tensor

Forward = Callable[..., Any]


def _conv(self: Any, x: Tensor) -> Tensor:
    padding = self.padding
    if self.padding_mode != "zeros":
        x, padding = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode), 0
    function = getattr(_functional, f"conv{len(self.kernel_size)}d")
    return function(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


def _conv_transpose(self: Any, x: Tensor, output_size: list[int] | None = None) -> Tensor:
    if output_size is not None:
        return type(self).forward(self, x, output_size)
    function = getattr(_functional, f"conv_transpose{len(self.kernel_size)}d")
    return function(
        x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
    )


def _max_pool(self: Any, x: Tensor) -> Any:
    return getattr(_functional, _name(self))(
        x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
    )


def _avg_pool(self: Any, x: Tensor) -> Any:
    divisor = () if isinstance(self, nn.AvgPool1d) else (self.divisor_override,)
    return getattr(_functional, _name(self))(
        x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, *divisor
    )


def _adaptive_avg(self: Any, x: Tensor) -> Any:
    return getattr(_functional, _name(self))(x, self.output_size)


def _adaptive_max(self: Any, x: Tensor) -> Any:
    return getattr(_functional, _name(self))(x, self.output_size, self.return_indices)


def _lp_pool(self: Any, x: Tensor) -> Any:
    return getattr(_functional, _name(self))(x, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


def _name(module: nn.Module) -> str:
    """Return the function of a module: AdaptiveAvgPool2d is adaptive_avg_pool2d."""
    word = type(module).__name__
    kind, axes = word[:-2], word[-2:]
    return {
        "MaxPool": "max_pool", "AvgPool": "avg_pool", "LPPool": "lp_pool", "AdaptiveAvgPool": "adaptive_avg_pool",
        "AdaptiveMaxPool": "adaptive_max_pool",
    }[kind] + axes  # fmt: skip


FORWARDS: dict[type[nn.Module], Forward] = {
    getattr(nn, f"{kind}{axes}d"): forward
    for kind, forward in (
        ("Conv", _conv), ("ConvTranspose", _conv_transpose), ("MaxPool", _max_pool), ("AvgPool", _avg_pool),
        ("AdaptiveAvgPool", _adaptive_avg), ("AdaptiveMaxPool", _adaptive_max), ("LPPool", _lp_pool),
    )
    for axes in (1, 2, 3)
}  # fmt: skip


def _frozen(module: nn.Conv2d) -> Forward:
    """Return a forward with weights that are copied and prepared now."""
    layer = convlab.Conv2d.from_torch(module)

    def forward(self: Any, x: Tensor) -> Tensor:
        direct = _functional.is_direct(x, self.weight, self.bias)
        if not direct or _functional.why_not(x) or is_last(x) or x.dim() != 4:
            return _conv(self, x)
        with both_threads():
            return tensor(layer(array(x)))

    return forward


class Accelerated:
    """The modules that `accelerate` changed; `remove`, or the end of a ``with`` block, gives theirs back.

    Attributes
    ----------
    modules : tuple of str
        The names of the changed modules.
    """

    def __init__(self, changed: dict[str, nn.Module]) -> None:
        self.modules = tuple(changed)
        self._changed = list(changed.values())

    def remove(self) -> None:
        """Give the modules their own forward back. A second call does nothing."""
        while self._changed:
            self._changed.pop().__dict__.pop("forward", None)

    def __enter__(self) -> "Accelerated":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<{len(self._changed)} modules on convlab's kernels: {', '.join(self.modules)}>"


def accelerate(model: nn.Module, *, freeze: bool = False) -> Accelerated:
    """Run a model's convolutions and pools on convlab's kernels.

    The model is changed in place: its convolutions, transposed convolutions, maximum, average, adaptive and Lp pools
    get another ``forward``, which calls `convlab.torch`'s function of the same name. Parameters, hooks, gradients and
    state dicts stay as they are. What convlab does not support is computed by PyTorch as before: other dtypes than
    float32, other devices than the CPU, calls under autocast, subclasses and parametrized modules.

    Parameters
    ----------
    model : torch.nn.Module
        The model, or one such module.
    freeze : bool
        Whether two-dimensional convolutions keep a prepared copy of their weights, for inference. Weights that change
        afterwards are not seen where no gradients are recorded.

    Returns
    -------
    Accelerated
        A handle, and a context manager, that undoes the change.

    Raises
    ------
    TypeError
        `model` is no module, or `freeze` no bool.
    ValueError
        The model is accelerated already.

    Examples
    --------
    >>> import torch, convlab.torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2))
    >>> handle = convlab.torch.accelerate(model)
    >>> handle.modules
    ('0', '2')
    >>> with torch.no_grad():
    ...     model(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 4, 13, 13])
    >>> handle.remove()
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: got {type(model).__name__}; expected a torch.nn.Module")
    if not isinstance(freeze, bool):
        raise TypeError(f"freeze: got {freeze!r}; expected True or False")
    found = {name: module for name, module in model.named_modules() if type(module) in FORWARDS}
    if any(getattr(m.__dict__.get("forward"), "__module__", None) == __name__ for m in found.values()):
        raise ValueError("model: it is accelerated already; call remove() of the first handle before")
    changed = {name: module for name, module in found.items() if "forward" not in module.__dict__}
    for module in changed.values():
        prepared = freeze and type(module) is nn.Conv2d and convlab_serves(module)
        forward = _frozen(module) if prepared else FORWARDS[type(module)]
        module.forward = MethodType(forward, module)
    return Accelerated(changed)


def convlab_serves(module: nn.Conv2d) -> bool:
    """Return whether `convlab.Conv2d` computes what a module does."""
    return module.padding_mode == "zeros" and not _functional.why_not(module.weight, module.bias)
