"""Plans of the gradients of a filter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._spec import grad_filtering
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.filtering import Filter2d
from convlab._spec.grad_convolving import ArrayLayout, ConvInput, ConvWeight
from convlab._spec.grad_filtering import ImageOptions, KernelOptions
from convlab._spec.layout import Layout

from .cache import remembered
from .grad_convolving import InputPlan, WeightPlan, layout_of, plan_input, plan_weight


@dataclass(frozen=True, slots=True)
class FilterImagePlan:
    """The gradient of an image: a convolution's input's, of channels as groups."""

    spec: Filter2d
    inner: InputPlan | None


@dataclass(frozen=True, slots=True)
class FilterKernelPlan:
    """The gradient of a kernel: a convolution's weights', of channels as a batch; or of one plane after the other."""

    spec: Filter2d
    inner: WeightPlan | None
    framed: bool


def region_of(spec: Filter2d, grad: NDArray[Any]) -> NDArray[Any]:
    """The part of the output's gradient that windows made: all but the frame of border="keep"."""
    if spec.border != "keep":
        return grad
    index: list[Any] = [slice(None)] * grad.ndim
    (row, column), region = spec.anchor, spec.region
    index[region.row_axis] = slice(row, row + region.height)
    index[region.column_axis] = slice(column, column + region.width)
    part: NDArray[Any] = grad[tuple(index)]
    return part


def tensor_of(layout: Layout, a: NDArray[Any]) -> NDArray[Any]:
    """An image as a convolution's input without a batch: channels first, or last where they lie innermost."""
    if layout.inner_channels:
        return a
    return a[None] if a.ndim == 2 else np.moveaxis(a, (layout.row_axis, layout.column_axis), (1, 2))


def planes_of(layout: Layout, a: NDArray[Any]) -> NDArray[Any]:
    """An image as a batch of one channel each."""
    return (a[None] if a.ndim == 2 else np.moveaxis(a, (layout.row_axis, layout.column_axis), (1, 2)))[:, None]


@remembered(ImageOptions)
def filter2d_image(grad: NDArray[Any], _: None, options: ImageOptions) -> FilterImagePlan:
    """Make the plan of an image's gradient, or raise the error for a wrong argument."""
    check_dtype("grad_output", grad.dtype)
    spec = grad_filtering.filter2d_image(grad.shape, options)
    if spec.conv is None:
        return FilterImagePlan(spec.filter, None)
    assert isinstance(spec.conv, ConvInput)
    part = tensor_of(spec.filter.image, region_of(spec.filter, grad))
    channels = spec.conv.forward.channels
    return FilterImagePlan(spec.filter, plan_input(spec.conv, part, (channels, 1, *options.kernel_shape)))


@remembered(KernelOptions)
def filter2d_kernel(grad: NDArray[Any], _: None, options: KernelOptions) -> FilterKernelPlan:
    """Make the plan of a kernel's gradient."""
    image = options.image
    check_dtype("image", image[2])
    check_dtype("grad_output", grad.dtype)
    spec = grad_filtering.filter2d_kernel(grad.shape, options)
    if spec.conv is None:
        return FilterKernelPlan(spec.filter, None, False)
    assert isinstance(spec.conv, ConvWeight)
    part = planes_of(spec.filter.image, region_of(spec.filter, grad))
    framed = grad_filtering.framed(spec.filter)
    if framed:
        size = (1, 1, *spec.conv.conv.size)
        own: ArrayLayout = (size, (0, 0, 4 * size[3], 4), FLOAT32, True)
        return FilterKernelPlan(spec.filter, plan_weight(spec.conv, own, layout_of(part[:1])), True)
    source = planes_of(spec.filter.image, np.lib.stride_tricks.as_strided(np.empty(0, image[2]), *image[:2]))
    inner = plan_weight(spec.conv, (*layout_of(source)[:3], image[3]), layout_of(part))
    return FilterKernelPlan(spec.filter, inner, False)
