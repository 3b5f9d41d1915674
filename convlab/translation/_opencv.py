"""OpenCV's filters."""

from typing import Any

import numpy as np

from ._calls import Bound, NoEquivalent
from ._rules import (
    Rule,
    Say,
    anchor_xy,
    border,
    depth,
    fixed,
    given,
    numbers,
    pair_xy,
    shape_of,
    text,
)

CHANNELS = "an image with channels: channel_axis=-1"
WRAP = {"BORDER_WRAP": "OpenCV itself refuses BORDER_WRAP in this function"}
BORDER = border("OpenCV", "borderType", WRAP)
# GaussianBlur's taps for these sizes if sigma is not given.
SMALL_GAUSSIANS: dict[int, list[float]] = {
    1: [1],
    3: [0.25, 0.5, 0.25],
    5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
    7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
    9: [v / 256 for v in (4, 13, 30, 51, 60, 51, 30, 13, 4)],
}


def gaussian_taps(size: Any, sigma: float) -> list[float]:
    """Return the taps of cv2.getGaussianKernel."""
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise NoEquivalent(
            "OpenCV computes the size of the Gaussian from sigma and the image's depth; give ksize, as odd numbers"
        )
    if sigma <= 0 and size in SMALL_GAUSSIANS:
        return SMALL_GAUSSIANS[size]
    sigma = sigma if sigma > 0 else 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    taps = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return [float(v) for v in taps / taps.sum()]


def gaussian(axis: int) -> Say:
    """Return the taps along one axis: 0 is down the columns, 1 along the rows."""

    def say(b: Bound) -> str:
        along_x, along_y = b.literal("sigmaX"), b.literal("sigmaY")
        sigma = along_x if axis == 1 or along_y == 0 else along_y
        return numbers(gaussian_taps(pair_xy(b, "ksize")[axis], sigma))

    return say


def derivative(size: int, order: int) -> np.ndarray[Any, Any]:
    """Return the taps of cv2.getDerivKernels: [-1 1] for each order, then [1 1] as often as the size asks."""
    length = 3 if size == 1 and order > 0 else size
    taps = np.ones(1)
    for step in range(length - 1):
        taps = np.convolve(taps, [-1.0, 1.0] if step < order else [1.0, 1.0])
    return taps


def sobel(axis: int) -> Say:
    def say(b: Bound) -> str:
        orders, size = (b.literal("dy"), b.literal("dx")), b.literal("ksize")
        if size == -1:
            return numbers(scharr_taps(orders, axis))
        if size not in (1, 3, 5, 7) or max(orders) >= max(size, 3):
            raise NoEquivalent(f"OpenCV has no Sobel kernel of ksize={size} for dx={orders[1]}, dy={orders[0]}")
        return numbers(derivative(size, orders[axis]))

    return say


def scharr_taps(orders: tuple[int, int], axis: int) -> list[int]:
    if sorted(orders) != [0, 1]:
        raise NoEquivalent("OpenCV's Scharr kernels are of first order, along one axis: dx=1, dy=0 or dx=0, dy=1")
    return [-1, 0, 1] if orders[axis] else [3, 10, 3]


def scharr(axis: int) -> Say:
    return lambda b: numbers(scharr_taps((b.literal("dy"), b.literal("dx")), axis))


def laplacian(b: Bound) -> str:
    size = b.literal("ksize")
    if size == 1:
        return numbers([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    if size not in (3, 5, 7):
        raise NoEquivalent(f"the kernel of ksize={size} is not supported")
    second, smooth = derivative(size, 2), derivative(size, 0)
    return numbers(np.outer(smooth, second) + np.outer(second, smooth))


def box_size(b: Bound) -> str:
    return str(pair_xy(b, "ksize"))


def rectangle(b: Bound) -> tuple[int, int]:
    """Return the size of a literal rectangular structuring element."""
    call = b.text("kernel").replace(" ", "")
    if b.is_none("kernel"):
        return 3, 3
    for start in ("np.ones(", "numpy.ones("):
        if call.startswith(start):
            size = _evaluated(call[len(start) : -1].split("),")[0].rstrip(")") + ")")
            if size is not None:
                return size
    for start in ("cv2.getStructuringElement(cv2.MORPH_RECT,", "cv2.getStructuringElement(0,"):
        if call.startswith(start):
            size = _evaluated(call[len(start) : -1])
            if size is not None:
                return size[1], size[0]
    raise NoEquivalent(
        "the kernel must be a rectangle, written out as np.ones((rows, columns)) or "
        "cv2.getStructuringElement(cv2.MORPH_RECT, (x, y))"
    )


def _evaluated(words: str) -> tuple[int, int] | None:
    parts = words.strip("()").split(",")
    return (int(parts[0]), int(parts[1])) if len(parts) == 2 and all(p.isdigit() for p in parts) else None


def iterated_size(b: Bound) -> str:
    times = b.literal("iterations")
    height, width = rectangle(b)
    return str((times * (height - 1) + 1, times * (width - 1) + 1))


def iterated_anchor(b: Bound) -> str | None:
    times = b.literal("iterations")
    sizes, places = rectangle(b), pair_xy(b, "anchor")
    taps = [n // 2 if place == -1 else place for place, n in zip(places, sizes, strict=True)]
    anchor = tuple(times * tap for tap in taps)
    centre = tuple((times * (n - 1) + 1) // 2 for n in sizes)
    return None if anchor == centre else str(anchor)


def clipped_border(b: Bound) -> str:
    """Return the border. OpenCV's default never changes an extremum, which is the same as "nearest"."""
    if b.is_default("borderType") and b.is_default("borderValue"):
        return "'nearest'"
    if b.is_default("borderType"):
        raise NoEquivalent("borderValue is not supported; give borderType and use convlab's cval")
    return str(border("OpenCV", "borderType")(b))


def morphology(name: str, target: str) -> Rule:
    return Rule(
        f"cv2.{name}(src, kernel, dst=None, anchor=(-1, -1), iterations=1, borderType=cv2.BORDER_CONSTANT, "
        "borderValue=None)",
        target,
        (text("src"), iterated_size),
        {"border": clipped_border, "anchor": iterated_anchor, "out": given("dst")},
        note=CHANNELS,
    )


RULES = (
    Rule(
        "cv2.filter2D(src, ddepth, kernel, dst=None, anchor=(-1, -1), delta=0, borderType=cv2.BORDER_DEFAULT)",
        "convlab.filter2d",
        (text("src"), text("kernel")),
        {
            "border": BORDER,
            "anchor": anchor_xy("anchor", shape_of("kernel")),
            "offset": given("delta"),
            "dtype": depth("ddepth", "src"),
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
    Rule(
        "cv2.sepFilter2D(src, ddepth, kernelX, kernelY, dst=None, anchor=(-1, -1), delta=0, "
        "borderType=cv2.BORDER_DEFAULT)",
        "convlab.sep_filter2d",
        (text("src"), lambda b: f"np.ravel({b.text('kernelY')})", lambda b: f"np.ravel({b.text('kernelX')})"),
        {
            "border": BORDER,
            "anchor": anchor_xy("anchor", lambda b: (f"np.size({b.text('kernelY')})", f"np.size({b.text('kernelX')})")),
            "offset": given("delta"),
            "dtype": depth("ddepth", "src"),
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
    Rule(
        "cv2.GaussianBlur(src, ksize, sigmaX, dst=None, sigmaY=0, borderType=cv2.BORDER_DEFAULT, hint=None)",
        "convlab.sep_filter2d",
        (text("src"), gaussian(0), gaussian(1)),
        {"border": BORDER, "dtype": lambda b: f"{b.operand('src')}.dtype", "out": given("dst")},
        note=CHANNELS + "; OpenCV's fixed-point sums of 8-bit images may differ by 1",
    ),
    Rule(
        "cv2.blur(src, ksize, dst=None, anchor=(-1, -1), borderType=cv2.BORDER_DEFAULT)",
        "convlab.box",
        (text("src"), box_size),
        {
            "border": border("OpenCV", "borderType"),
            "anchor": anchor_xy("anchor", lambda b: pair_xy(b, "ksize")),
            "dtype": lambda b: f"{b.operand('src')}.dtype",
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
    Rule(
        "cv2.boxFilter(src, ddepth, ksize, dst=None, anchor=(-1, -1), normalize=True, borderType=cv2.BORDER_DEFAULT)",
        "convlab.box",
        (text("src"), box_size),
        {
            "normalize": given("normalize"),
            "border": border("OpenCV", "borderType"),
            "anchor": anchor_xy("anchor", lambda b: pair_xy(b, "ksize")),
            "dtype": depth("ddepth", "src"),
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
    Rule(
        "cv2.medianBlur(src, ksize, dst=None)",
        "convlab.median_filter",
        (text("src"), text("ksize")),
        {"border": fixed("'nearest'"), "out": given("dst")},
        note=CHANNELS,
    ),
    morphology("dilate", "convlab.maximum_filter"),
    morphology("erode", "convlab.minimum_filter"),
    Rule(
        "cv2.Sobel(src, ddepth, dx, dy, dst=None, ksize=3, scale=1, delta=0, borderType=cv2.BORDER_DEFAULT)",
        "convlab.sep_filter2d",
        (text("src"), sobel(0), sobel(1)),
        {
            "border": BORDER,
            "scale": given("scale"),
            "offset": given("delta"),
            "dtype": depth("ddepth", "src"),
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
    Rule(
        "cv2.Scharr(src, ddepth, dx, dy, dst=None, scale=1, delta=0, borderType=cv2.BORDER_DEFAULT)",
        "convlab.sep_filter2d",
        (text("src"), scharr(0), scharr(1)),
        {
            "border": BORDER,
            "scale": given("scale"),
            "offset": given("delta"),
            "dtype": depth("ddepth", "src"),
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
    Rule(
        "cv2.Laplacian(src, ddepth, dst=None, ksize=1, scale=1, delta=0, borderType=cv2.BORDER_DEFAULT)",
        "convlab.filter2d",
        (text("src"), laplacian),
        {
            "border": BORDER,
            "scale": given("scale"),
            "offset": given("delta"),
            "dtype": depth("ddepth", "src"),
            "out": given("dst"),
        },
        note=CHANNELS,
    ),
)
