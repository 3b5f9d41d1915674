"""The time of a convolution grows in proportion to its work, along each axis separately."""

import numpy as np
import pytest
from support import least_seconds, needs_kernels

import convlab

# Most times as long for eight times the work, because of caches and busy machines.
MOST = 30
OPTIONS = {
    "gemm": ((1, 4, 24, 24), (8, 4, 3, 3), {"precision": "exact", "stride": 2}),
    "winograd": ((1, 16, 24, 24), (16, 16, 3, 3), {"padding": 1}),
    "direct": ((1, 2, 24, 24), (4, 2, 3, 3), {"padding": 1}),
    "depthwise": ((1, 4, 24, 24), (4, 1, 3, 3), {"padding": 1, "groups": 4}),
    "depthwise of any taps": ((1, 4, 24, 24), (4, 1, 2, 9), {"padding": 4, "groups": 4}),
    "one channel of 1025 taps": ((1, 1, 1, 40_000), (1, 1, 1, 1025), {}),
}


@needs_kernels
@pytest.mark.parametrize("dtype", ["f4", "u1"])
@pytest.mark.parametrize("axis", [0, 2, 3])
@pytest.mark.parametrize("name", OPTIONS)
def test_time_grows_in_proportion_to_each_axis(name, axis, dtype):
    shape, weight_shape, options = OPTIONS[name]
    if shape[2] == 1 and axis == 2:
        options = options | {"algorithm": "fft"}  # for one row, direct sums would be chosen
    w = np.ones(weight_shape, "f4")

    def call(factor):
        x = np.ones([n * factor if i == axis else n for i, n in enumerate(shape)], dtype)
        out = convlab.conv2d(x, w, **options)  # reused, else the system's page faults are measured
        return lambda: convlab.conv2d(x, w, out=out, **options)

    with convlab.threads(1):
        for _ in range(3):  # a failure is measured again
            one, eight = least_seconds(call(1)), least_seconds(call(8))
            if eight < MOST * one:
                break
    assert eight < MOST * one


@needs_kernels
@pytest.mark.parametrize("shape", [(1, 32, 5, 91), (1, 32, 91, 5), (1, 32, 455, 1), (1, 32, 1, 455)])
def test_depthwise_of_thin_planes(shape):
    """Planes of any form take about as long as a square one with as many pixels and products."""
    w = np.ones((32, 1, 11, 11), "f4")
    options = {"padding": 5, "groups": 32}
    square, thin = np.ones((1, 32, 21, 21), "f4"), np.ones(shape, "f4")
    with convlab.threads(1):
        for _ in range(3):
            one = least_seconds(lambda: convlab.conv2d(square, w, **options))
            other = least_seconds(lambda: convlab.conv2d(thin, w, **options))
            if other < 3 * one:
                break
    assert other < 3 * one


@needs_kernels
@pytest.mark.parametrize("shape", [(4000, 1, 1), (1, 4000, 1), (4000, 1)])
def test_columns_cost_what_rows_do(shape):
    """An image of one pixel along its last axis: vectors run along a longer one."""
    w = np.ones((16, 16, *(3,) * len(shape)), "f4")
    function = convlab.conv2d if len(shape) == 2 else convlab.conv3d
    row, column = np.ones((1, 16, *sorted(shape)), "f4"), np.ones((1, 16, *shape), "f4")
    with convlab.threads(1):
        for _ in range(3):
            one = least_seconds(lambda: function(row, w, padding=1))
            other = least_seconds(lambda: function(column, w, padding=1))
            if other < 3 * one:
                break
    assert other < 3 * one
