"""The pools over windows, the global pools, and max unpooling."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import convlab

from ._geometry import Sizes, Windows, per_axis, spatial, windows, wrong
from ._node import BFLOAT16, Array, Node, in_float32, summable

MAXIMA = (convlab.max_pool1d, convlab.max_pool2d, convlab.max_pool3d)
AVERAGES = (convlab.avg_pool1d, convlab.avg_pool2d, convlab.avg_pool3d)
NORMS = (convlab.lp_pool1d, convlab.lp_pool2d, convlab.lp_pool3d)


class _Pool(Node):
    def _holds(self, x: Array) -> bool:
        """Return whether convlab computes the input's dtype without loss."""
        return summable(x)

    def _windows(self, x: Array, attributes: dict[str, Any]) -> Windows:
        sizes = spatial("X", x.shape)
        kernel = per_axis("kernel_shape", attributes["kernel_shape"], len(sizes), 1, None)
        geometry = windows(sizes, kernel, attributes)
        padding = zip(geometry.before + geometry.after, geometry.spans * 2, strict=True)
        if any(pad >= span for pad, span in padding):
            pads, spans = [*geometry.before, *geometry.after], list(geometry.spans)
            raise wrong("pads", pads, f"less than the window, {spans}, or one would hold no element")
        return geometry

    def _reason(self, x: Array) -> str | None:
        """Why convlab cannot serve."""
        if not self._holds(x):
            return x.dtype.name
        return f"{x.ndim - 2} axes" if x.ndim > 5 else None

    def _pool(self, functions: tuple[Callable[..., Any], ...], x: Array, geometry: Windows, **options: Any) -> Any:
        return functions[x.ndim - 3](
            in_float32(x), kernel_size=geometry.kernel, stride=geometry.strides, padding=geometry.pairs,
            dilation=geometry.dilations, ceil_mode=geometry.ceil, **options,
        )  # fmt: skip

    def _pool_by_reference(self, reason: str, x: Array, geometry: Windows, **options: Any) -> Array:
        """Call the reference operator on a padded input, because it pads wrongly in some cases."""
        return self._reference(
            reason, x, auto_pad="NOTSET", kernel_shape=list(geometry.kernel), strides=list(geometry.strides), **options
        )


def _padded(x: Array, geometry: Windows, value: Any, *, beyond: bool) -> Array:
    """Return the input with its padding, extended to the end of the last windows."""
    ends = geometry.beyond if beyond else (0,) * len(geometry.sizes)
    pairs = [(b, a + end) for (b, a), end in zip(geometry.pairs, ends, strict=True)]
    return np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=value)


class MaxPool(_Pool):
    """ONNX's MaxPool of any opset."""

    def _holds(self, x: Array) -> bool:
        return x.dtype == BFLOAT16 or x.dtype.kind in "iuf"

    def _compute(self, x: Array, **attributes: Any) -> tuple[Array, ...]:
        geometry, order = self._windows(x, attributes), attributes.get("storage_order") or 0
        if order not in (0, 1):
            raise wrong("storage_order", order, "0 or 1")
        indices = len(self.output) > 1 and bool(self.output[1])
        if reason := self._reason(x):
            if indices:
                raise ValueError(f"Indices are not supported for this call ({reason})")
            lowest = -np.inf if x.dtype.kind == "f" or x.dtype == BFLOAT16 else np.iinfo(x.dtype).min
            padded = _padded(x, geometry, lowest, beyond=True)
            return (self._pool_by_reference(reason, padded, geometry, dilations=list(geometry.dilations)),)
        if not indices:
            return (self._served(self._pool(MAXIMA, x, geometry), x.dtype),)
        y, places = self._pool(MAXIMA, x, geometry, return_indices=True)
        y = self._served(y, x.dtype)
        if order == 1:
            places = np.ravel_multi_index(np.unravel_index(places, geometry.sizes), geometry.sizes, order="F")
        firsts = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * len(geometry.sizes))
        return y, (places + firsts * math.prod(geometry.sizes)).astype(np.int64, copy=False)


class AveragePool(_Pool):
    """ONNX's AveragePool of any opset."""

    def _compute(self, x: Array, **attributes: Any) -> tuple[Array, ...]:
        geometry, count = self._windows(x, attributes), attributes.get("count_include_pad") or 0
        if count not in (0, 1):
            raise wrong("count_include_pad", count, "0 or 1")
        if reason := self._reason(x):
            ends = [a + end for a, end in zip(geometry.after, geometry.beyond, strict=True)]
            pads = [*geometry.before, *ends]
            if count:
                x, pads = _padded(x, geometry, 0, beyond=False), [*[0] * len(ends), *geometry.beyond]
            options = {} if max(geometry.dilations) == 1 else {"dilations": list(geometry.dilations)}
            return (self._pool_by_reference(reason, x, geometry, pads=pads, count_include_pad=0, **options),)
        y = self._pool(AVERAGES, x, geometry, count_include_pad=bool(count))
        return (self._served(y, x.dtype),)


class LpPool(_Pool):
    """ONNX's LpPool of any opset."""

    def _compute(self, x: Array, **attributes: Any) -> tuple[Array, ...]:
        geometry, p = self._windows(x, attributes), _exponent(attributes)
        if reason := self._reason(x):
            padded, dilations = _padded(x, geometry, 0, beyond=True), list(geometry.dilations)
            return (self._pool_by_reference(reason, padded, geometry, dilations=dilations, p=p),)
        return (self._served(self._pool(NORMS, x, geometry, norm_type=p), x.dtype),)


def _exponent(attributes: dict[str, Any]) -> float:
    p: float = attributes["p"]
    if not p > 0:
        raise wrong("p", p, "a number above 0")
    return p


class _GlobalPool(Node):
    """A pool of one window over all axes after N and C."""

    def _planes(self, x: Array) -> tuple[Array, Sizes]:
        """Return the input as planes or volumes that convlab supports, and the result's shape."""
        sizes = spatial("X", x.shape)
        planes = x if len(sizes) <= 3 else x.reshape(*x.shape[:2], -1)
        return in_float32(planes), (*x.shape[:2], *[1] * len(sizes))


class GlobalMaxPool(_GlobalPool):
    """ONNX's GlobalMaxPool of any opset."""

    def _compute(self, x: Array, **attributes: Any) -> tuple[Array, ...]:
        planes, shape = self._planes(x)
        return (self._served(convlab.global_max_pool(planes).reshape(shape), x.dtype),)


class GlobalAveragePool(_GlobalPool):
    """ONNX's GlobalAveragePool of any opset."""

    def _compute(self, x: Array, **attributes: Any) -> tuple[Array, ...]:
        planes, shape = self._planes(x)
        if not summable(x):
            return (self._reference(x.dtype.name, x),)
        return (self._served(convlab.global_avg_pool(planes).reshape(shape), x.dtype),)


class GlobalLpPool(_GlobalPool):
    """ONNX's GlobalLpPool of any opset."""

    def _compute(self, x: Array, **attributes: Any) -> tuple[Array, ...]:
        planes, shape = self._planes(x)
        p = _exponent(attributes)
        if not summable(x):  # there is no reference operator
            self.served_by = f"NumPy: {x.dtype.name}"
            with np.errstate(over="ignore"):
                sums = (np.abs(x) ** p).sum(tuple(range(2, x.ndim)), keepdims=True)
            return ((sums ** (1 / p)).astype(x.dtype, copy=False),)
        return (self._served(convlab.global_lp_pool(planes, p).reshape(shape), x.dtype),)


class MaxUnpool(Node):
    """ONNX's MaxUnpool of any opset."""

    def _compute(
        self, x: Array, indices: Array, output_shape: Array | None = None, **attributes: Any
    ) -> tuple[Array, ...]:
        sizes = spatial("X", x.shape)
        axes = len(sizes)
        if indices.shape != x.shape:
            raise wrong("I", f"shape {indices.shape}", f"X's, {x.shape}")
        kernel = per_axis("kernel_shape", attributes["kernel_shape"], axes, 1, None)
        strides = per_axis("strides", attributes.get("strides"), axes, 1, 1)
        pads = per_axis("pads", attributes.get("pads"), 2 * axes, 0, 0)
        axis = zip(sizes, kernel, strides, pads[:axes], pads[axes:], strict=True)
        shape = (*x.shape[:2], *((n - 1) * s - b - a + k for n, k, s, b, a in axis))
        if min(shape[2:]) < 1:
            raise wrong("pads", list(pads), f"less: they leave an output of {shape[2:]}")
        # Indices refer to the whole tensor, so unpool one line of all its elements. The window is the number of
        # missing elements plus one, which gives the line the tensor's length.
        if not x.size:
            self.served_by = "NumPy: no values"
            return (np.zeros(shape if output_shape is None else output_shape, x.dtype),)
        values, places = in_float32(x).reshape(1, -1), indices.reshape(1, -1)
        if values.size > math.prod(shape):
            raise wrong("pads", list(pads), f"less: they leave {math.prod(shape)} places for {values.size} values")
        line = convlab.max_unpool1d(values, places, math.prod(shape) - values.size + 1, 1)
        y = self._served(line, x.dtype).reshape(shape)
        return (y if output_shape is None else _within(y, output_shape),)


def _within(y: Array, output_shape: Array) -> Array:
    """Return the result at the start of a larger one that is filled with zeros."""
    shape = tuple(int(n) for n in output_shape.ravel())
    if len(shape) != y.ndim or any(n < least for n, least in zip(shape, y.shape, strict=True)):
        raise wrong("output_shape", list(shape), f"{y.ndim} sizes of at least {list(y.shape)}")
    return np.pad(y, [(0, n - m) for n, m in zip(shape, y.shape, strict=True)])
