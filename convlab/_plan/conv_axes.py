"""Convolutions whose last axis has one pixel: the axes are rotated, so that a longer one fills the vectors."""

from dataclasses import replace

from convlab._spec.convolving import Conv

Steps = tuple[int, ...]


def rotation(spec: Conv) -> tuple[int, ...] | None:
    """Return the axes in an order whose last one is longer than a pixel, or None if theirs is good.

    Zeros outside an axis of one pixel are its only other pixels, so that the other products keep their order.
    """
    axes = len(spec.size)
    single = [n == out == 1 for n, out in zip(spec.size, spec.out_size, strict=True)]
    if spec.border != "constant" or not single[-1] or all(single):
        return None
    last = max(axis for axis in range(axes) if not single[axis])
    return (*range(last + 1, axes), *range(last + 1))


def rotated(spec: Conv, order: tuple[int, ...]) -> Conv:
    """Return the same convolution over its axes in another order."""
    sizes, kernel, outputs, stride, dilation = (
        tuple(values[axis] for axis in order)
        for values in (spec.size, spec.kernel, spec.out_size, spec.stride, spec.dilation)
    )
    pads = tuple(spec.pads[axis] for axis in order)
    return replace(spec, size=sizes, kernel=kernel, out_size=outputs, stride=stride, dilation=dilation, pads=pads)


def rotated_steps(steps: Steps, order: tuple[int, ...]) -> Steps:
    """Return strides from image, channel, plane, row and column to the next, of the axes in another order."""
    first = 5 - len(order)
    return (*steps[:first], *(steps[first + axis] for axis in order))
