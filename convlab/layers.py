"""Layers of networks: convolutions whose weights are made ready once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab import _errors
from convlab._plan import convolving as _plan
from convlab._run import convolving as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab._spec.convolving import ConvOptions
from convlab.typing import Activation, ConvAlgorithm, ConvPadding, Layout2d, PaddingMode, Precision, Sizes


def _planned_layer(x: ArrayLike, *given: Any) -> Any:
    return given[-1]._planned(x)


_layer_conv = entry(_planned_layer, _run.conv, "x", "w", "bias", others=1)

# The keywords of Conv2d.
_OPTIONS = (
    "stride", "padding", "dilation", "groups", "padding_mode", "activation", "layout", "precision", "algorithm",
    "workspace_limit",
)  # fmt: skip


class Conv2d:
    """A layer of a network: `conv2d` with weights that are checked, copied and made ready once.

    Immutable, and safe to call from many threads. It pickles as its weights and options, and runs on every backend.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, padding_mode, activation, layout, precision, algorithm,
    workspace_limit
        As `conv2d`.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    See Also
    --------
    convlab.conv2d : the function, which remembers nothing of its weights.

    Notes
    -----
    Where weights are transformed ahead, the plan may choose another algorithm than for `conv2d`; both keep its bounds.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> layer = convlab.Conv2d(np.ones((1, 1, 2, 2)), activation="relu")
    >>> layer(np.arange(9.0).reshape(1, 1, 3, 3) - 4)
    array([[[[0., 0.],
             [4., 8.]]]], dtype=float32)
    """

    __slots__ = ("_bias", "_key", "_options", "_weights")

    _weights: _run.Weights
    _bias: NDArray[np.float32] | None
    _key: tuple[Any, ...]
    _options: dict[str, Any]

    def __init__(
        self,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        stride: Sizes = 1,
        padding: ConvPadding = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        padding_mode: PaddingMode = "zeros",
        activation: Activation | None = None,
        layout: Layout2d = "NCHW",
        precision: Precision = "fast",
        algorithm: ConvAlgorithm | None = None,
        workspace_limit: int | None = None,
    ) -> None:
        w = _run.frozen("weight", _spec.array("weight", weight))
        b = None if bias is None else _run.frozen("bias", _spec.array("bias", bias))
        shape, dtype = (None, None) if b is None else (b.shape, b.dtype)
        options = ConvOptions(
            2, w.shape, w.dtype, shape, dtype, stride, padding, dilation, groups, padding_mode, activation, layout,
            precision, algorithm, workspace_limit, prepared=True,
        )  # fmt: skip
        _plan.check_layer(options)
        object.__setattr__(self, "_weights", _run.Weights(w))
        object.__setattr__(self, "_bias", b)
        object.__setattr__(self, "_key", tuple(getattr(options, name) for name in ConvOptions.__slots__))
        object.__setattr__(self, "_options", {name: getattr(options, name) for name in _OPTIONS})

    @property
    def weight(self) -> NDArray[np.float32]:
        """The weights, read-only."""
        return self._weights.raw

    @property
    def bias(self) -> NDArray[np.float32] | None:
        """The bias, read-only, or None."""
        return self._bias

    @classmethod
    def from_torch(cls, module: Any) -> Conv2d:
        """Return the layer of a `torch.nn.Conv2d` with zero padding, with a copy of its weights."""
        if getattr(module, "padding_mode", None) != "zeros" or np.ndim(module.kernel_size) != 1:
            raise _errors.wrong_value("module", module, "a torch.nn.Conv2d with padding_mode='zeros'")
        weight = module.weight.detach().numpy()
        bias = None if module.bias is None else module.bias.detach().numpy()
        return cls(
            weight, bias, stride=module.stride, padding=module.padding, dilation=module.dilation, groups=module.groups
        )

    def to_torch(self) -> Any:
        """Return a `torch.nn.Conv2d` with a copy of the weights; an activation is not part of it."""
        import torch

        options = self._options
        if options["activation"] is not None or options["padding_mode"] != "zeros" or options["layout"] != "NCHW":
            raise _errors.wrong_value("layer", self, "one without activation, with zero padding and the layout NCHW")
        outputs, inputs, *kernel = self.weight.shape
        padding = options["padding"]
        if isinstance(padding, tuple) and len(padding) == 4:
            if padding[0] != padding[1] or padding[2] != padding[3]:
                raise _errors.wrong_value("padding", padding, "the same on both sides, as PyTorch has it")
            padding = padding[::2]
        groups = options["groups"]
        module = torch.nn.Conv2d(
            inputs * groups, outputs, kernel, options["stride"], padding, options["dilation"], groups,
            self._bias is not None,
        )  # fmt: skip
        with torch.no_grad():
            module.weight.copy_(torch.tensor(self.weight))
            if self._bias is not None:
                module.bias.copy_(torch.tensor(self._bias))
        return module

    def __call__(self, x: ArrayLike, *, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Convolve a tensor: what ``conv2d(x, weight, bias, ..., out=out)`` gives, within the plan's bounds."""
        return _layer_conv(out, x, self._weights.raw, self._bias, *self._key, self)

    def _planned(self, x: ArrayLike) -> tuple[Any, ...]:
        """Return the plan and input of a call, and what it is run with besides."""
        a = x if type(x) is np.ndarray else _spec.array("x", x)
        return _plan.conv(a, None, *self._key), a, self._weights.raw, self._bias, self._weights

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name}: a Conv2d never changes; make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name}: a Conv2d never changes; make a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return _layer, (self._weights.raw, self._bias, self._options)

    def __repr__(self) -> str:
        """Show shape and options that are not the defaults."""
        defaults: dict[str, Any] = Conv2d.__init__.__kwdefaults__ or {}
        options = [f", {k}={v!r}" for k, v in self._options.items() if v != defaults[k]]
        return f"Conv2d(weight of shape {self.weight.shape}{'' if self._bias is None else ', bias'}{''.join(options)})"


def _layer(weight: NDArray[Any], bias: NDArray[Any] | None, options: dict[str, Any]) -> Conv2d:
    return Conv2d(weight, bias, **options)


__all__ = ["Conv2d"]
