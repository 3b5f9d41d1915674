"""Convolution by transforms: overlapping tiles, each times the kernels' transforms.

    tile of y = inverse(sum over c of transform(window of x[c]) * transform(flipped w[m, c]))

A window holds what a tile's sums want, border included, so what wraps round falls outside the tile. The error of a
transform is that of its largest part, everywhere: so where parts of a window differ, it is transformed in double, and
where they differ by so much that doubles are too few, or a number is not finite, the tile is summed directly.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import Backend
from convlab._importing import scipy_fft
from convlab._plan.conv_choice import Request
from convlab._plan.conv_fft import tiles
from convlab._plan.conv_pieces import part_of, shape_of
from convlab._plan.convolving import ConvPlan, contiguous, plan_conv
from convlab._plan.plan import Machine
from convlab._spec.arguments import FLOAT32
from convlab._spec.convolving import Conv

from .conv_pieces import box_of, buffer_of, filled

# The norm of a window's largest block over that of an ordinary one, up to which float32 and double serve: ordinary
# signals reach some 6, and 2^-53 * 2^20 is far below float32's 2^-24.
SINGLE_RANGE, DOUBLE_RANGE = 16.0, 2.0**20


def convolve_fft(
    plan: ConvPlan, backend: Backend, x: NDArray[Any], w: NDArray[np.float32], b: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:  # fmt: skip
    """Fill y, group by group."""
    spec = plan.spec
    if not spec.batched:
        x, y, spec = x[None], y[None], replace(spec, batched=True)
    channels, out_channels = spec.channels // spec.groups, spec.out_channels // spec.groups
    one = replace(spec, groups=1, channels=channels, out_channels=out_channels)
    axis = -1 if spec.channels_last else 1
    x, y = np.moveaxis(x, axis, 1), np.moveaxis(y, axis, 1)
    one = replace(one, channels_last=False)
    for group in range(spec.groups):
        outputs = slice(group * out_channels, (group + 1) * out_channels)
        _one_group(one, backend, x[:, group * channels : (group + 1) * channels], w[outputs], b[outputs], y[:, outputs])


def _one_group(
    spec: Conv, backend: Backend, x: NDArray[Any], w: NDArray[np.float32], b: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:  # fmt: skip
    fft = scipy_fft()

    cut, axes = tiles(spec), tuple(range(-len(spec.size), 0))
    extents = [(k - 1) * d + 1 for k, d in zip(spec.kernel, spec.dilation, strict=True)]
    spread = np.zeros((*w.shape[:2], *extents), FLOAT32)
    taps: Any = (..., *(slice(None, None, d) for d in spec.dilation))
    spread[taps] = w
    spread = np.flip(spread, axes)
    buffer = buffer_of(part_of(spec, (1, *cut.size)))
    finite, kernels = np.isfinite(w).all(), dict[Any, NDArray[Any]]()
    for start in np.ndindex(spec.batch, *(-(-n // t) for n, t in zip(spec.out_size, cut.size, strict=True))):
        origin = (start[0], *(i * t for i, t in zip(start[1:], cut.size, strict=True)))
        box = (1, *(min(t, n - i) for i, t, n in zip(origin[1:], cut.size, spec.out_size, strict=True)))
        part = part_of(spec, box)
        window, target = filled(spec, origin, part, x, buffer), y[box_of(spec, origin, part)]
        dtype = _dtype(window, extents[-1]) if finite else None
        if dtype is None:
            _directly(part, backend, window, w, b, target)
            continue
        if dtype not in kernels:
            kernels[dtype] = fft.rfftn(spread.astype(dtype), cut.sides, axes)
        spectra = fft.rfftn(window[0].astype(dtype), cut.sides, axes)
        inside = tuple(slice(e - 1, e + (n - 1) * s, s) for e, n, s in zip(extents, box[1:], spec.stride, strict=True))
        for m, kernel in enumerate(kernels[dtype]):
            product = spectra[0] * kernel[0]
            for c in range(1, len(spectra)):
                product += spectra[c] * kernel[c]
            sums = fft.irfftn(product, cut.sides, axes)[inside]
            with np.errstate(all="ignore"):
                sums += b[m]
                target[0, m] = _activated(spec, sums)


def _dtype(window: NDArray[np.float32], block: int) -> Any:
    """What a window is to be transformed in, by the norms of its blocks of the kernel's width; None: not at all."""
    rows = window.reshape(-1, window.shape[-1])
    with np.errstate(all="ignore"):
        squares = np.add.reduceat(np.square(rows, dtype=np.float64), np.arange(0, rows.shape[1], block), axis=1)
    present = np.sort(squares[squares != 0])
    if not present.size:
        return FLOAT32
    largest, ordinary = float(present[-1]), float(present[present.size // 4])
    if not largest < np.inf:  # nor NaN
        return None
    if largest <= SINGLE_RANGE**2 * ordinary:
        return FLOAT32
    return np.dtype(np.float64) if largest <= DOUBLE_RANGE**2 * ordinary else None


def _activated(spec: Conv, sums: NDArray[Any]) -> NDArray[Any]:
    a = spec.activation
    if a.slope != 1:
        return np.where(sums < 0, sums * sums.dtype.type(a.slope), sums)
    if (a.low, a.high) == (-np.inf, np.inf):
        return sums
    clipped: NDArray[Any] = np.clip(sums, sums.dtype.type(a.low), sums.dtype.type(a.high))
    return clipped


def _directly(
    part: Conv, backend: Backend, window: NDArray[np.float32], w: NDArray[np.float32], b: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:  # fmt: skip
    """A tile by its sums."""
    request = Request("depthwise" if part.channels == 1 and part.out_channels <= 3 and len(part.size) < 3 else "gemm")
    plan = plan_conv(part, contiguous(part, shape_of(part)), request, Machine())
    result = np.empty(part.shape, FLOAT32)
    backend.functions[plan.kernel](window, w, result, b, *plan.tables, 1)
    y[...] = result
