"""Derivatives: differences smoothed along the other axes, second differences, and Gaussians' derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convlab.typing import NdimageMode, Numbers, Sizes

from . import _calls, _linear
from ._calls import FLOAT32, Found, Ready, Wanted, or_scipy
from ._linear import Pass
from ._smoothing import gaussian

DIFFERENCE = np.array([-1.0, 0.0, 1.0])
SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])


def _difference(
    input: Any, axis: Any, output: Any, mode: Any, cval: Any, across: tuple[float, ...]
) -> Ready | NDArray[Any] | None:
    """Return a difference along one axis, smoothed along each of the other axes."""
    x = _calls.image(input)
    if x is None:
        return None
    wanted, along, value = _calls.output(output, x), _calls.axis(axis, x.ndim), _calls.real(cval)
    modes = _calls.per_axis(mode, x.ndim)
    if wanted is None or along is None or value is None or modes is None:
        return None
    borders = [_calls.border(name) for name in modes]
    order = [*along, *(other for other in range(x.ndim) if other != along[0])]
    steps: list[Pass] = []
    for one in order:
        border = borders[one]
        if border is None:
            return None
        steps.append((DIFFERENCE if one == along[0] else np.array(across), one, border))
    return _linear.passes(x, steps, value, wanted)


@or_scipy
def prewitt(
    input: ArrayLike,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
) -> Found:
    """Prewitt's derivative along one axis: `scipy.ndimage.prewitt`."""
    return _difference(input, axis, output, mode, cval, (1.0, 1.0, 1.0))


@or_scipy
def sobel(
    input: ArrayLike,
    axis: SupportsIndex = -1,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
) -> Found:
    """Sobel's derivative along one axis: `scipy.ndimage.sobel`."""
    return _difference(input, axis, output, mode, cval, (1.0, 2.0, 1.0))


def _summed(
    x: NDArray[Any], wanted: Wanted, mode: Any, axes: Any, term: Callable[[int, Any], NDArray[Any] | None]
) -> NDArray[Any] | None:
    """Return the sum of one term for each axis, each with its border."""
    along = _calls.axes(axes, x.ndim)
    modes = _calls.per_axis(mode, len(along)) if along else None
    if not along or modes is None or any(_linear.is_narrow(x.shape, axis) for axis in along):
        return None
    total: NDArray[Any] | None = None
    for axis, name in zip(along, modes, strict=True):
        one = term(axis, name)
        if one is None:
            return None
        total = one if total is None else np.add(total, one, out=total)
    return None if total is None else _calls.stored(total, wanted)


@or_scipy
def laplace(
    input: ArrayLike,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    *,
    axes: Sizes | None = None,
) -> Found:
    """Sum of the second differences along the axes: `scipy.ndimage.laplace`."""
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    value = _calls.real(cval)
    if x is None or wanted is None or value is None:
        return None
    along, border = _calls.axes(axes, x.ndim), _calls.border(mode) if isinstance(mode, str) else None
    if along is not None and len(along) == 2 and border is not None:
        # One kernel is right for integers too, because a sum modulo the range is the sum of its terms modulo the range.
        kernel = np.zeros((3, 3))
        kernel[1] += SECOND_DIFFERENCE
        kernel[:, 1] += SECOND_DIFFERENCE
        first, last = sorted(along)
        result = _linear.ready(x, kernel, (first, last), (1, 1), border, value, wanted)
        if result is not None:
            return result

    def term(axis: int, name: Any) -> NDArray[Any] | None:
        border = _calls.border(name)
        if border is None:
            return None
        return _linear.correlate(x, SECOND_DIFFERENCE, (axis,), (1,), border, value, Wanted(wanted.dtype, None))

    return _summed(x, wanted, mode, axes, term)


def _gaussian_terms(
    x: NDArray[Any],
    sigma: Any,
    order: int,
    cval: Any,
    options: dict[str, Any],
    axes: tuple[int, ...],
    finish: Callable[[NDArray[Any]], NDArray[Any]],
) -> Callable[[int, Any], NDArray[Any] | None] | None:
    """Return the Gaussian's derivative of an order along one axis, smoothed along the others of `axes`."""
    if not options.keys() <= {"truncate", "radius"}:
        return None

    def term(axis: int, mode: Any) -> NDArray[Any] | None:
        orders = [order if one == axis else 0 for one in range(x.ndim)]
        result = _linear.done(gaussian(x, sigma, orders, Wanted(FLOAT32, None), mode, cval, **options), x)
        return None if result is None else finish(result)

    return term


@or_scipy
def gaussian_laplace(
    input: ArrayLike,
    sigma: Numbers,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    *,
    axes: Sizes | None = None,
    **kwargs: Any,
) -> Found:
    """Sum of a Gaussian's second derivatives along the axes: `scipy.ndimage.gaussian_laplace`."""
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    along = None if x is None else _calls.axes(axes, x.ndim)
    if x is None or wanted is None or wanted.dtype != FLOAT32 or not along:
        return None
    sigmas = _calls.per_axis(sigma, len(along))
    if sigmas is None:
        return None
    everywhere: list[Any] = [0] * x.ndim
    for axis, one in zip(along, sigmas, strict=True):
        everywhere[axis] = one
    term = _gaussian_terms(x, everywhere, 2, cval, kwargs, along, lambda y: y)
    return None if term is None else _summed(x, wanted, mode, along, term)


@or_scipy
def gaussian_gradient_magnitude(
    input: ArrayLike,
    sigma: Numbers,
    output: NDArray[Any] | DTypeLike | None = None,
    mode: NdimageMode | Sequence[NdimageMode] = "reflect",
    cval: complex = 0.0,
    *,
    axes: Sizes | None = None,
    **kwargs: Any,
) -> Found:
    """Length of the gradient of a Gaussian: `scipy.ndimage.gaussian_gradient_magnitude`."""
    x = _calls.image(input)
    wanted = None if x is None else _calls.output(output, x)
    along = None if x is None else _calls.axes(axes, x.ndim)
    if x is None or wanted is None or wanted.dtype != FLOAT32 or not along:
        return None
    term = _gaussian_terms(x, sigma, 1, cval, kwargs, along, lambda y: np.multiply(y, y, out=y))
    if term is None:
        return None
    squares = _summed(x, Wanted(wanted.dtype, None), mode, along, term)
    return None if squares is None else _calls.stored(np.sqrt(squares, out=squares), wanted)
