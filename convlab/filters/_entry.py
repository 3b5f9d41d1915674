"""An entry of the catalogue, and the checks of a filter's parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

MAX_SIDE = 2047
"""The longest side of a computed kernel: 2047 x 2047 taps are 32 MiB in float64."""

Rows: TypeAlias = tuple[tuple[float, ...], ...]
Taps: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Number:
    """A parameter that is a finite number from `low` to `high`."""

    name: str
    default: float
    meaning: str
    low: float = -sys.float_info.max
    high: float = sys.float_info.max

    @property
    def expected(self) -> str:
        if self.high == sys.float_info.max:
            return "a finite number"
        return f"a number from {self.low:g} to {self.high:g}"

    def check(self, value: object) -> float:
        # A bool is an integer in Python, but True is not a length, angle or weight.
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(_refusal(self, value))
        # A float16 would be compared in float16, where the bounds overflow.
        number = value.item() if isinstance(value, np.generic) else value
        if not self.low <= number <= self.high:  # written so that NaN is refused too
            raise ValueError(_refusal(self, value))
        return float(number)


@dataclass(frozen=True)
class Size:
    """A parameter that is the number of taps along a side; None, if it is the default, computes it."""

    name: str
    default: int | None
    meaning: str
    odd: bool

    @property
    def expected(self) -> str:
        kind = "an odd whole number" if self.odd else "a whole number"
        otherwise = " or None" if self.default is None else ""
        return f"{kind} from 1 to {MAX_SIDE}{otherwise}"

    def check(self, value: object) -> int | None:
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(_refusal(self, value))
        if not 1 <= value <= MAX_SIDE or (self.odd and value % 2 == 0):
            raise ValueError(_refusal(self, value))
        return int(value)


@dataclass(frozen=True)
class Choice:
    """A parameter that is one of a few words."""

    name: str
    default: str
    meaning: str
    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"one of: {', '.join(self.choices)}"

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(_refusal(self, value))
        if value not in self.choices:
            raise ValueError(_refusal(self, value))
        return value


Parameter: TypeAlias = Number | Size | Choice


def shown(value: object) -> str:
    """Return a value's repr, short enough for one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _refusal(parameter: Parameter, value: object) -> str:
    return f"{parameter.name}: got {shown(value)}; expected {parameter.expected}"


@dataclass(frozen=True)
class Filter:
    """One entry of the catalogue.

    Attributes
    ----------
    name : str
        The argument of `get` and `info`. A filter with an orientation is named after the lines
        and edges that it finds: ``sobel_vertical`` finds vertical ones.
    description : str
        The effect of the filter, in one line.
    taps : tuple of tuple of float, or callable
        The taps, row by row, as the source prints them and as a correlation (no flip) uses them;
        or, for a filter with parameters, the function that computes them.
    formula : str
        The formula of the taps.
    source : str
        The publication of the filter.
    scale : float
        The factor that gives a difference filter unit gain, one over the sum of its positive taps:
        the result at an edge of one grey level is then at most one grey level. It is *not* applied
        to the taps; pass it to ``filter2d(..., scale=...)`` if needed. It is 1 for filters that
        need no factor, and for the lesson's filters.
    parameters : tuple of Parameter
        The parameters of `get` besides the name: each has a name, a default, a meaning, and a text
        `expected` with the accepted values.
    """

    name: str
    description: str
    taps: Rows | Callable[..., Taps]
    formula: str
    source: str
    scale: float = 1.0
    parameters: tuple[Parameter, ...] = ()
