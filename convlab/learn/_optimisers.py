"""Optimisers: they change parameters in place, against their gradients."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from convlab import _errors

Array = NDArray[np.float32]


class Optimiser(Protocol):
    """What `Network.train` and `find_filter` need of an optimiser."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None: ...


def check_number(name: str, value: float, low: float, high: float, expected: str) -> float:
    """Return a number as a float, or raise the error that says what was expected."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise _errors.wrong_type(name, value, expected)
    if not (low <= value < high and math.isfinite(value)):
        raise _errors.wrong_value(name, value, expected)
    return float(value)


def check_count(name: str, value: int, expected: str = "a whole number of at least 1") -> int:
    """Return a whole number of at least 1, or raise the error that says what was expected."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise _errors.wrong_type(name, value, expected)
    if value < 1:
        raise _errors.wrong_value(name, value, expected)
    return int(value)


class SGD:
    """Stochastic gradient descent with momentum.

    Each step computes ``velocity = momentum * velocity - rate * gradient`` and adds the velocity to the parameter.

    Parameters
    ----------
    rate : float
        The learning rate, above 0.
    momentum : float
        From 0 to below 1.

    Raises
    ------
    TypeError, ValueError
        A rate or a momentum that is not such a number.

    Notes
    -----
    B. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Computational Mathematics and
    Mathematical Physics 4(5), 1964, pp. 1-17.

    Examples
    --------
    >>> import numpy as np
    >>> from convlab.learn import SGD
    >>> parameter = np.array([1.0, -2.0], np.float32)
    >>> SGD(0.5).step([parameter], [np.array([1.0, 1.0], np.float32)])
    >>> parameter
    array([ 0.5, -2.5], dtype=float32)
    """

    def __init__(self, rate: float, momentum: float = 0.0) -> None:
        self.rate = check_number("rate", rate, math.ulp(0.0), math.inf, "a number above 0")
        self.momentum = check_number("momentum", momentum, 0, 1, "a number from 0 to below 1")
        self._velocities: list[Array] = []

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place; the same ones at each call."""
        if not self._velocities:
            self._velocities = [np.zeros_like(parameter) for parameter in parameters]
        for parameter, velocity, gradient in zip(parameters, self._velocities, gradients, strict=True):
            velocity *= self.momentum
            velocity -= self.rate * gradient
            parameter += velocity


class Adam:
    """Adam: each parameter has a step of its own, by running means of its gradient and of its gradient's square.

    Parameters
    ----------
    rate : float
        The learning rate, above 0: about the size of a step.
    decays : (float, float)
        How much of the two running means each step keeps.

    Raises
    ------
    TypeError, ValueError
        A rate or decays that are not such numbers.

    Notes
    -----
    D. Kingma and J. Ba, "Adam: a method for stochastic optimization", International Conference on Learning
    Representations, 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from convlab.learn import Adam
    >>> parameter = np.array([1.0, -2.0], np.float32)
    >>> Adam(0.5).step([parameter], [np.array([100.0, -0.01], np.float32)])
    >>> parameter.round(3)
    array([ 0.5, -1.5], dtype=float32)
    """

    def __init__(self, rate: float, decays: tuple[float, float] = (0.9, 0.999)) -> None:
        self.rate = check_number("rate", rate, math.ulp(0.0), math.inf, "a number above 0")
        expected = "two numbers from 0 to below 1"
        if not isinstance(decays, tuple) or len(decays) != 2:
            raise _errors.wrong_type("decays", decays, expected)
        self.decays = tuple(check_number("decays", decay, 0, 1, expected) for decay in decays)
        self._means: list[tuple[Array, Array]] = []
        self._steps = 0

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place; the same ones at each call."""
        if not self._means:
            self._means = [(np.zeros_like(parameter), np.zeros_like(parameter)) for parameter in parameters]
        self._steps += 1
        first, second = self.decays
        rate = self.rate * math.sqrt(1 - second**self._steps) / (1 - first**self._steps)
        for parameter, (mean, square), gradient in zip(parameters, self._means, gradients, strict=True):
            mean += (1 - first) * (gradient - mean)
            square += (1 - second) * (gradient * gradient - square)
            parameter -= rate * mean / (np.sqrt(square) + np.float32(1e-8))
