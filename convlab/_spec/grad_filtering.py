"""Gradients of a filter: those of a convolution of each channel by itself."""

from dataclasses import dataclass, replace

from convlab import _errors
from convlab.typing import Anchor, Border, Shape

from .convolving import Activation, Conv
from .filtering import Filter2d, FilterOptions, filter2d
from .grad_convolving import ArrayLayout, ConvInput, ConvWeight, shape_of, transpose_of


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """The options of an image's gradient, unchecked."""

    image_shape: Shape
    kernel_shape: tuple[int, ...]
    border: Border
    anchor: Anchor | None
    channel_axis: int | None


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """The options of a kernel's gradient, unchecked; of the image its layout."""

    image: ArrayLayout
    kernel_shape: Shape
    border: Border
    cval: float
    anchor: Anchor | None
    channel_axis: int | None


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
    name: str,
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    grad_shape: tuple[int, ...],
    options: FilterOptions,
) -> Filter2d:
    spec = filter2d(shape, kernel_shape, options, name)
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


def filter2d_image(grad_shape: tuple[int, ...], options: ImageOptions) -> FilterGradient:
    """Check the arguments of the image's gradient."""
    shape = shape_of("image_shape", options.image_shape)
    own = FilterOptions(border=options.border, anchor=options.anchor, channel_axis=options.channel_axis)
    spec = _filter("image_shape", shape, options.kernel_shape, grad_shape, own)
    if 0 in (spec.region.height, spec.region.width):
        return FilterGradient(spec, None)
    image = spec.image
    forward = replace(_conv(spec, 1, image.planes * image.step, image.inner_channels), batched=False)
    inner = (image.height, image.width)
    channels = forward.channels
    whole = (*inner, channels) if image.inner_channels else (channels, *inner)
    return FilterGradient(spec, ConvInput(forward, transpose_of(forward), whole))


def filter2d_kernel(grad_shape: tuple[int, ...], options: KernelOptions) -> FilterGradient:
    """Check the arguments of the kernel's gradient; a constant's border other than 0 is copied with each plane."""
    taps = shape_of("kernel_shape", options.kernel_shape)
    if len(taps) != 2 or 0 in taps:
        raise _errors.wrong_shape("kernel_shape", taps, "two axes (rows, columns) of at least one tap")
    own = FilterOptions(
        border=options.border, cval=options.cval, anchor=options.anchor, channel_axis=options.channel_axis
    )
    spec = _filter("image", options.image[0], taps, grad_shape, own)
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
