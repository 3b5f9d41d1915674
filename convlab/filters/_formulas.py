"""The filters with a formula: each function returns the taps in float64.

Rows count downwards and columns to the right, as in an image, with the origin on the middle tap.
The caller has checked the arguments.
"""

from __future__ import annotations

import math

import numpy as np

from ._entry import MAX_SIDE, Rows, Taps

DIRECTIONS = (
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
)
_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # clockwise


def compass(north: Rows, direction: str) -> Taps:
    """Rotate the ring of a 3x3 filter clockwise, in steps of 45 degrees, from north to `direction`."""
    steps = DIRECTIONS.index(direction)
    taps = np.array(north, dtype=np.float64)
    for place, (row, column) in enumerate(_RING):
        taps[_RING[(place + steps) % len(_RING)]] = north[row][column]
    return taps


def box(size: int) -> Taps:
    return np.full((size, size), 1.0 / size**2)


def gaussian(sigma: float, size: int | None, truncate: float) -> Taps:
    profile = np.exp(-0.5 * (_offsets(sigma, size, truncate) / sigma) ** 2)
    profile /= profile.sum()
    return np.outer(profile, profile)


def laplacian_of_gaussian(sigma: float, size: int | None, truncate: float) -> Taps:
    x = _offsets(sigma, size, truncate)
    squared_distance = x**2 + x[:, None] ** 2
    taps = gaussian(sigma, size, truncate) * (squared_distance - 2 * sigma**2) / sigma**4
    # Sampled and truncated, the taps do not sum exactly to zero, so a flat image would not give zero.
    taps -= taps.mean()
    return taps


def difference_of_gaussians(sigma: float, ratio: float, size: int | None, truncate: float) -> Taps:
    side = len(_offsets(ratio * sigma, size, truncate))
    return gaussian(sigma, side, truncate) - gaussian(ratio * sigma, side, truncate)


def unsharp(sigma: float, amount: float, size: int | None, truncate: float) -> Taps:
    taps = -amount * gaussian(sigma, size, truncate)
    middle = len(taps) // 2
    taps[middle, middle] += 1 + amount
    return taps


def gabor(
    wavelength: float,
    theta: float,
    sigma: float,
    gamma: float,
    psi: float,
    size: int | None,
    truncate: float,
) -> Taps:
    x = _offsets(max(sigma, sigma / gamma), size, truncate)
    y = x[:, None]
    across = x * math.cos(theta) + y * math.sin(theta)
    along = y * math.cos(theta) - x * math.sin(theta)
    envelope = np.exp(-0.5 * ((across / sigma) ** 2 + (gamma * along / sigma) ** 2))
    return envelope * np.cos(2 * math.pi * across / wavelength + psi)


def motion_blur(length: float, angle: float) -> Taps:
    # The path is the straight segment from -end to +end. It is rounded because the computed cosine of
    # 90 degrees is 6e-17, and a vertical path must give a single column.
    half = (length - 1) / 2
    end_x = round(half * math.cos(math.radians(angle)), 9)
    end_y = round(-half * math.sin(math.radians(angle)), 9)  # rows count downwards
    reach_x, reach_y = math.ceil(abs(end_x)), math.ceil(abs(end_y))
    x = np.arange(-reach_x, reach_x + 1, dtype=np.float64)
    y = np.arange(-reach_y, reach_y + 1, dtype=np.float64)[:, None]
    squared_half = end_x**2 + end_y**2
    # The position on the segment, from -1 to 1, of the point nearest to each tap.
    nearest = (x * end_x + y * end_y) / squared_half if squared_half else np.zeros_like(x + y)
    nearest = np.clip(nearest, -1, 1)
    taps: Taps = np.maximum(1 - np.hypot(x - nearest * end_x, y - nearest * end_y), 0)
    taps /= taps.sum()
    return taps


def _offsets(spread: float, size: int | None, truncate: float) -> Taps:
    """Return -r ... r of the given length, or else up to `truncate` times `spread`."""
    reach = size // 2 if size is not None else max(1, int(truncate * spread + 0.5))
    side = 2 * reach + 1
    if side > MAX_SIDE:
        raise ValueError(
            f"sigma: got {spread:g} pixels at the widest, cut off at truncate={truncate:g} times "
            f"that, which needs {side} x {side} taps; expected at most {MAX_SIDE} x {MAX_SIDE}: "
            "pass a smaller sigma or truncate, or a size"
        )
    return np.arange(-reach, reach + 1, dtype=np.float64)
