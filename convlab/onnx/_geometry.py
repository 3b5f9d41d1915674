"""Compute window sizes from ONNX's attributes: check them, fill in defaults, make all padding explicit."""

from dataclasses import dataclass
from typing import Any

AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
Sizes = tuple[int, ...]


def wrong(name: str, came: Any, expected: str) -> ValueError:
    """Format an error as in all of convlab: argument, value, expected value."""
    return ValueError(f"{name}: got {came}; expected {expected}")


@dataclass(frozen=True)
class Windows:
    """The positions of windows along the axes after N and C."""

    sizes: Sizes  # of the input
    kernel: Sizes
    strides: Sizes
    dilations: Sizes
    before: Sizes  # padding
    after: Sizes
    ceil: bool = False

    @property
    def spans(self) -> Sizes:
        """The extent of a window, from its first element to its last."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The padding before and after each axis."""
        return tuple(zip(self.before, self.after, strict=True))

    @property
    def outputs(self) -> Sizes:
        """The number of windows, without one that would start in the padding behind the input."""
        counts = []
        for n, span, s, (b, a) in zip(self.sizes, self.spans, self.strides, self.pairs, strict=True):
            count = (n + b + a - span + (s - 1) * self.ceil) // s + 1
            counts.append(count - (self.ceil and (count - 1) * s >= n + b))
        return tuple(counts)

    @property
    def beyond(self) -> Sizes:
        """The elements by which the last window of each axis exceeds the padding, as ceil_mode allows."""
        return tuple(
            max((o - 1) * s + span - n - b - a, 0)
            for o, s, span, n, (b, a) in zip(
                self.outputs, self.strides, self.spans, self.sizes, self.pairs, strict=True
            )
        )


def spatial(name: str, shape: Sizes) -> Sizes:
    """Return the sizes after N and C."""
    if len(shape) < 3:
        raise wrong(name, f"shape {shape}", "(N, C, D1, ...), three axes at least")
    if 0 in shape[1:]:
        raise wrong(name, f"shape {shape}", "at least one channel and one element along each axis")
    return shape[2:]


def per_axis(name: str, value: Any, axes: int, least: int, default: int | None) -> Sizes:
    """Return one number for each axis, or the default for all."""
    if not value and default is not None:
        return (default,) * axes
    if len(value) != axes or min(value) < least:
        raise wrong(name, list(value), f"{axes} numbers of at least {least}")
    return tuple(value)


def windows(sizes: Sizes, kernel: Sizes, attributes: dict[str, Any]) -> Windows:
    """Read the attributes of a convolution or a pool."""
    axes = len(sizes)
    strides = per_axis("strides", attributes.get("strides"), axes, 1, 1)
    dilations = per_axis("dilations", attributes.get("dilations"), axes, 1, 1)
    pads = per_axis("pads", attributes.get("pads"), 2 * axes, 0, 0)
    word, ceil = auto_pad(attributes), attributes.get("ceil_mode") or 0
    if ceil not in (0, 1):
        raise wrong("ceil_mode", ceil, "0 or 1")
    before, after = pads[:axes], pads[axes:]
    if word != "NOTSET":
        totals = tuple(
            max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) if word != "VALID" else 0
            for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
        )
        before, after = halves(totals, word)
        if any(pads) and pads != before + after:
            raise wrong("pads", f"{list(pads)} together with auto_pad {word}", "one of the two: leave one out")
    result = Windows(sizes, kernel, strides, dilations, before, after, bool(ceil))
    if min(result.outputs) < 1:
        padded = tuple(n + b + a for n, (b, a) in zip(sizes, result.pairs, strict=True))
        came = f"sizes of {padded} with padding for a window of {result.spans}, which leaves no output"
        raise wrong("X", came, "at least the window's size")
    return result


def auto_pad(attributes: dict[str, Any]) -> str:
    """Return the checked word of auto_pad."""
    word = attributes.get("auto_pad") or "NOTSET"
    if word not in AUTO_PADS:
        raise wrong("auto_pad", repr(word), f"one of: {', '.join(AUTO_PADS)}")
    return str(word)


def halves(totals: Sizes, word: str) -> tuple[Sizes, Sizes]:
    """Split padding in two: the odd element is at the end for SAME_UPPER, else at the start."""
    small, large = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
    return (small, large) if word == "SAME_UPPER" else (large, small)


@dataclass(frozen=True)
class Spread:
    """The part of the whole result of a transposed convolution that is kept, along each axis after N and C."""

    strides: Sizes
    dilations: Sizes
    whole: Sizes  # strides * (sizes - 1) + the window's span
    before: Sizes  # elements cropped at the start
    outputs: Sizes  # they may exceed the whole result; elements beyond it are the bias


def spread(sizes: Sizes, kernel: Sizes, attributes: dict[str, Any]) -> Spread:
    """Read the attributes of a transposed convolution.

    Padding that is computed from an output's size is never negative: missing elements are added at the end, as
    output_padding is.
    """
    axes = len(sizes)
    strides = per_axis("strides", attributes.get("strides"), axes, 1, 1)
    dilations = per_axis("dilations", attributes.get("dilations"), axes, 1, 1)
    pads = per_axis("pads", attributes.get("pads"), 2 * axes, 0, 0)
    extra = per_axis("output_padding", attributes.get("output_padding"), axes, 0, 0)
    word, wanted = auto_pad(attributes), attributes.get("output_shape")
    most = tuple(max(s, d) - 1 for s, d in zip(strides, dilations, strict=True))
    if any(e > m for e, m in zip(extra, most, strict=True)):
        raise wrong("output_padding", list(extra), f"less than strides or dilations: at most {list(most)}")
    axis = zip(sizes, kernel, strides, dilations, strict=True)
    whole = tuple(s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in axis)
    if wanted or word in ("SAME_UPPER", "SAME_LOWER"):
        same = tuple(n * s for n, s in zip(sizes, strides, strict=True))
        outputs = per_axis("output_shape", wanted, axes, 1, None) if wanted else same
        totals = tuple(max(w + e - o, 0) for w, e, o in zip(whole, extra, outputs, strict=True))
        before, after = halves(totals, word)
        if any(pads) and not wanted and pads != before + after:
            raise wrong("pads", f"{list(pads)} together with auto_pad {word}", "one of the two: leave one out")
        if any(o - w > m for o, w, m in zip(outputs, whole, most, strict=True)):
            limit = [w + m for w, m in zip(whole, most, strict=True)]
            raise wrong("output_shape", list(outputs), f"at most {limit}: strides or dilations leave no larger one")
    else:
        if word == "VALID" and any(pads):
            raise wrong("pads", f"{list(pads)} together with auto_pad VALID", "one of the two: leave one out")
        before = pads[:axes]
        axis_pads = zip(whole, extra, before, pads[axes:], strict=True)
        outputs = tuple(w + e - b - a for w, e, b, a in axis_pads)
    if min(outputs) < 1:
        raise wrong("pads", list(pads), f"less: they leave an output of {outputs}")
    return Spread(strides, dilations, whole, before, outputs)
