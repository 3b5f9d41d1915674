"""A pytest plugin that breaks the kernels of one backend: `-p sabotage --sabotage avx2`. See test_sabotage.py."""

import functools

import numpy as np
import pytest

from convlab import _dispatch
from convlab._registry import KERNELS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sabotage", required=True)


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("--sabotage")
    backend = _dispatch.NUMPY if name == "numpy" else _dispatch.compiled(name)
    for kernel in KERNELS:
        backend.functions[kernel.name] = _broken(backend.functions[kernel.name], kernel.writes)


def _broken(function, place):
    """Make one element of the result wrong by one."""

    @functools.wraps(function)
    def call(*arguments):
        result = function(*arguments)
        if place is not None:
            y = arguments[place]
            y[(-1,) * y.ndim] = y[(-1,) * y.ndim] + 1 if y.dtype != bool else ~y[(-1,) * y.ndim]
        elif result is not None:
            result = np.nan
        return result

    return call
