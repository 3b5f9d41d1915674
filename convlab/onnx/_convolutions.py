"""Conv and ConvTranspose."""

from typing import Any

import numpy as np

import convlab

from ._geometry import Sizes, Spread, spatial, spread, windows, wrong
from ._node import Array, Node, in_float32, summable

CONVOLUTIONS = (convlab.conv1d, convlab.conv2d, convlab.conv3d)
TRANSPOSES = (convlab.conv_transpose1d, convlab.conv_transpose2d, convlab.conv_transpose3d)


class _Weighted(Node):
    def _check(self, x: Array, w: Array, b: Array | None, attributes: dict[str, Any], *, transposed: bool) -> Sizes:
        """Check that the inputs fit each other; return the window's sizes."""
        spatial("X", x.shape)
        if w.ndim != x.ndim:
            raise wrong("W", f"shape {w.shape}", f"as many axes as X, of shape {x.shape}")
        kernel, given = spatial("W", w.shape), attributes.get("kernel_shape")
        for name, value in (("W", w), ("B", b)):
            if value is not None and value.dtype != x.dtype:
                raise wrong(name, f"dtype {value.dtype}", f"{x.dtype}, as X")
        if given and tuple(given) != kernel:
            raise wrong("kernel_shape", list(given), f"the sizes of W, {list(kernel)}")
        group = attributes["group"]
        channels, outputs = (w.shape[0], w.shape[1] * group) if transposed else (w.shape[1] * group, w.shape[0])
        if group < 1 or w.shape[0] % group or channels != x.shape[1]:
            raise wrong("W", f"shape {w.shape} with group {group}", f"the channels of X, {x.shape}, in equal groups")
        if b is not None and b.shape != (outputs,):
            raise wrong("B", f"shape {b.shape}", f"({outputs},)")
        return kernel

    def _reason(self, x: Array) -> str | None:
        """Why convlab cannot serve."""
        if not summable(x):
            return x.dtype.name
        return f"{x.ndim - 2} axes" if x.ndim > 5 else None


class Conv(_Weighted):
    """ONNX's Conv of any opset."""

    # Immutable weights and bias, the options, and the layer made from them.
    _prepared: tuple[Array, Array | None, dict[str, Any], convlab.Conv2d] | None = None

    def _compute(self, x: Array, w: Array, b: Array | None = None, **attributes: Any) -> tuple[Array, ...]:
        kernel = self._check(x, w, b, attributes, transposed=False)
        geometry = windows(x.shape[2:], kernel, attributes)
        group = attributes["group"]
        if reason := self._reason(x):
            y = self._reference(
                reason, x, w, b, group=group, kernel_shape=list(kernel), strides=list(geometry.strides),
                dilations=list(geometry.dilations), pads=[*geometry.before, *geometry.after], auto_pad="NOTSET",
            )  # fmt: skip
            return (y,)
        options = {
            "stride": geometry.strides,
            "padding": tuple(n for pair in geometry.pairs for n in pair),
            "dilation": geometry.dilations,
            "groups": group,
        }
        layer = self._layer(w, b, options) if x.ndim == 4 else None
        if layer is not None:
            return (self._served(layer(in_float32(x)), x.dtype),)
        bias = None if b is None else in_float32(b)
        y = CONVOLUTIONS[x.ndim - 3](in_float32(x), in_float32(w), bias, **options)
        return (self._served(y, x.dtype),)

    def _layer(self, w: Array, b: Array | None, options: dict[str, Any]) -> convlab.Conv2d | None:
        """Prepare weights once if they are immutable, as those stored in a model."""
        made = self._prepared
        if made is not None and made[0] is w and made[1] is b and made[2] == options:
            return made[3]
        if not _immutable(w) or not (b is None or _immutable(b)):
            return None
        layer = convlab.Conv2d(in_float32(w), None if b is None else in_float32(b), **options)
        self._prepared = (w, b, options, layer)
        return layer


def _immutable(a: Any) -> bool:
    """Return whether an array's memory belongs to a bytes object, which is immutable."""
    while isinstance(a, np.ndarray):
        a = a.base
    return isinstance(a, bytes)


class ConvTranspose(_Weighted):
    """ONNX's ConvTranspose of any opset."""

    def _compute(self, x: Array, w: Array, b: Array | None = None, **attributes: Any) -> tuple[Array, ...]:
        kernel = self._check(x, w, b, attributes, transposed=True)
        geometry, group = spread(x.shape[2:], kernel, attributes), attributes["group"]
        if reason := self._reason(x):
            return (self._whole_by_reference(reason, x, w, b, geometry, group),)
        bias = None if b is None else in_float32(b)
        # convlab's padding is equal on both sides, plus less than `most` more at the end: crop the rest afterwards.
        padding, extra = [], []
        for whole, before, out, s, d in zip(
            geometry.whole, geometry.before, geometry.outputs, geometry.strides, geometry.dilations, strict=True
        ):
            behind = whole - before - out
            padding.append(min(before, behind + max(s, d) - 1))
            extra.append(max(padding[-1] - behind, 0))
        y = TRANSPOSES[x.ndim - 3](
            in_float32(x), in_float32(w), bias, stride=geometry.strides, padding=tuple(padding),
            output_padding=tuple(extra), groups=group, dilation=geometry.dilations,
        )  # fmt: skip
        starts = tuple(b - p for b, p in zip(geometry.before, padding, strict=True))
        return (self._served(_cut(y, starts, geometry.outputs), x.dtype),)

    def _whole_by_reference(
        self, reason: str, x: Array, w: Array, b: Array | None, geometry: Spread, group: int
    ) -> Array:
        """Compute each group without padding, as the reference operator is then right; crop and add the bias."""
        options = {"strides": list(geometry.strides), "dilations": list(geometry.dilations), "auto_pad": "NOTSET"}
        parts = [
            self._reference(reason, part, weights, group=1, **options)
            for part, weights in zip(np.split(x, group, 1), np.split(w, group), strict=True)
        ]
        whole = np.concatenate(parts, axis=1)
        lacks = zip(geometry.before, geometry.outputs, geometry.whole, strict=True)
        longer = np.pad(whole, [(0, 0), (0, 0), *((0, max(start + n - w, 0)) for start, n, w in lacks)])
        y = _cut(longer, geometry.before, geometry.outputs)
        return y if b is None else y + b.reshape(-1, *[1] * len(geometry.outputs))


def _cut(y: Array, starts: Sizes, sizes: Sizes) -> Array:
    inside: Any = (..., *(slice(start, start + n) for start, n in zip(starts, sizes, strict=True)))
    return np.ascontiguousarray(y[inside])
