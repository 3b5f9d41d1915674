"""Gradients of a filter: those of a convolution of each channel by itself."""

from dataclasses import dataclass, replace
from typing import Any

from convlab import _errors

from .convolving import Activation, Conv
from .filtering import Filter2d, filter2d
from .grad_convolving import ConvInput, ConvWeight, shape_of, transpose_of


@dataclass(frozen=True, slots=True)
class FilterGradient:
    """The filter, and the gradient of the convolution that it is; None where no window lies inside the image."""

    filter: Filter2d
    conv: ConvInput | ConvWeight | None

    @property
    def flops(self) -> int:
        return self.filter.flops

    @property
    def bytes(self) -> int:
        return self.filter.bytes


def _filter(
    name: str, shape: tuple[int, ...], kernel_shape: tuple[int, ...], grad_shape: tuple[int, ...], border: Any,
    cval: Any, anchor: Any, channel_axis: Any,
) -> Filter2d:  # fmt: skip
    spec = filter2d(
        shape, kernel_shape, None, None, border, cval, anchor, 1, 0, None, "propagate", channel_axis, None, "fast",
        None, None, name,
    )  # fmt: skip
    if grad_shape != spec.output.shape:
        raise _errors.wrong_shape("grad_output", grad_shape, f"the output's shape, {spec.output.shape}")
    return spec


def _conv(spec: Filter2d, batch: int, channels: int, last: bool) -> Conv:
    above, below, before, after = spec.border_sizes
    return Conv(
        name="filter2d", batch=batch, groups=channels, channels=channels, out_channels=channels,
        size=(spec.image.height, spec.image.width), kernel=spec.kernel_shape,
        out_size=(spec.region.height, spec.region.width), stride=(1, 1), dilation=(1, 1),
        pads=((above, below), (before, after)),
        border="constant" if spec.border in ("valid", "keep") else spec.border,
        activation=Activation(), channels_last=last, batched=True, exact=False,
    )  # fmt: skip


def filter2d_image(
    grad_shape: tuple[int, ...], image_shape: Any, kernel_shape: tuple[int, ...], border: Any, anchor: Any,
    channel_axis: Any,
) -> FilterGradient:  # fmt: skip
    """Check the arguments of the image's gradient."""
    shape = shape_of("image_shape", image_shape)
    spec = _filter("image_shape", shape, kernel_shape, grad_shape, border, 0.0, anchor, channel_axis)
    if 0 in (spec.region.height, spec.region.width):
        return FilterGradient(spec, None)
    image = spec.image
    forward = replace(_conv(spec, 1, image.planes * image.step, image.inner_channels), batched=False)
    inner = (image.height, image.width)
    channels = forward.channels
    whole = (*inner, channels) if image.inner_channels else (channels, *inner)
    return FilterGradient(spec, ConvInput(forward, transpose_of(forward), whole))


def filter2d_kernel(
    shape: tuple[int, ...], kernel_shape: Any, grad_shape: tuple[int, ...], border: Any, cval: Any, anchor: Any,
    channel_axis: Any,
) -> FilterGradient:  # fmt: skip
    """Check the arguments of the kernel's gradient; a constant's border other than 0 is copied with each plane."""
    taps = shape_of("kernel_shape", kernel_shape)
    if len(taps) != 2 or 0 in taps:
        raise _errors.wrong_shape("kernel_shape", taps, "two axes (rows, columns) of at least one tap")
    spec = _filter("image", shape, taps, grad_shape, border, cval, anchor, channel_axis)
    if 0 in (spec.region.height, spec.region.width):
        return FilterGradient(spec, None)
    planes = spec.image.planes * spec.image.step
    conv = _conv(spec, planes, 1, last=False)
    if framed(spec):
        above, below, before, after = spec.border_sizes
        size = spec.image.height + above + below, spec.image.width + before + after
        conv = replace(conv, batch=1, size=size, pads=((0, 0), (0, 0)))
    return FilterGradient(spec, ConvWeight("filter2d_kernel", conv, (1, 1, *taps)))


def framed(spec: Filter2d) -> bool:
    """Whether the border holds a number that is not 0."""
    return spec.border == "constant" and spec.cval != 0
