"""A pytest plugin that breaks the kernels of one backend: `-p sabotage --sabotage avx2`. See test_sabotage.py."""

import functools

import numpy as np
import pytest

from convlab import _dispatch


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sabotage", required=True)


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("--sabotage")
    backend = _dispatch.NUMPY if name == "numpy" else _dispatch.compiled(name)
    for kernel in _dispatch.KERNELS:
        backend.functions[kernel] = _broken(backend.functions[kernel])


def _broken(function):
    """Wrong by one unit in one element of the result: the last array of pixels among the arguments."""

    @functools.wraps(function)
    def call(*arguments):
        result = function(*arguments)
        if len(arguments) > 1:
            y = arguments[1] if len(arguments) in (4, 6) else arguments[2]
            y[(-1,) * y.ndim] = y[(-1,) * y.ndim] + 1 if y.dtype != bool else ~y[(-1,) * y.ndim]
        elif result is not None:
            result = np.nan
        return result

    return call
