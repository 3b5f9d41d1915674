"""The parts of random calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from oracles import EPS


@dataclass
class Case:
    """`call(*arrays, out=...)`, and the answer in double with its allowed error, or several answers."""

    name: str
    said: str  # the description of the case
    arrays: tuple[np.ndarray, ...]
    call: Callable[..., Any]
    expected: Callable[[], Any]  # (answer, allowed error) or a list of these
    exact: bool  # whether the dtype of the arrays must stay


def tolerance(terms, magnitude):
    return 4 * terms * EPS * magnitude


def number(rng, most):
    """Draw a number from 1 to most, small ones more often."""
    return int(min(rng.integers(1, most + 1), rng.integers(1, most + 1)))


def shape(rng, axes, most=70):
    most = {1: 300, 2: most, 3: 14}[axes]
    return tuple(number(rng, most) for _ in range(axes))


def values(rng, sizes, dtype="f4", special=0.15):
    """Draw small integers, or floats, sometimes with NaN or infinity."""
    if np.dtype(dtype).kind != "f":
        return rng.integers(0, 9, sizes).astype(dtype)
    x = rng.integers(-8, 9, sizes).astype(dtype)
    if rng.random() < 0.3:
        x = rng.standard_normal(sizes).astype(dtype)
    if x.size and rng.random() < special:
        x.ravel()[rng.integers(0, x.size, 1 + x.size // 50)] = rng.choice([np.nan, np.inf, -np.inf])
    return x


def taps(rng, sizes):
    return rng.integers(-4, 5, sizes).astype("f4")


def said(**options):
    return ", ".join(f"{k}={v!r}" for k, v in options.items())
