"""The time of a pool grows in proportion to its work, along each axis separately."""

import numpy as np
import pytest
from support import least_seconds, needs_kernels

import convlab

pytestmark = needs_kernels


def ones(*shape):
    return np.ones(shape, np.float32)


def called(function, *arguments, **options):
    return lambda: function(*arguments, **options)


def unpooled(*shape):
    values, places = convlab.max_pool2d(ones(*shape), 2, return_indices=True)
    return lambda: convlab.max_unpool2d(values, places, 2)


# Name -> (a call for a size, the smaller size).
CASES = {
    "adaptive average, columns": (lambda n: called(convlab.adaptive_avg_pool1d, ones(1, 1, n), 8), 1 << 15),
    "adaptive maximum, columns": (lambda n: called(convlab.adaptive_max_pool1d, ones(1, 1, n), 8), 1 << 15),
    "adaptive average, rows": (lambda n: called(convlab.adaptive_avg_pool2d, ones(n, 16), 4), 1 << 12),
    "average, window of a seventh": (lambda n: called(convlab.avg_pool1d, ones(1, 1, n), n // 7), 1 << 15),
    "average, window of half, stride 1": (lambda n: called(convlab.avg_pool1d, ones(1, n), n // 2, 1), 1 << 14),
    "maximum, window of a seventh": (lambda n: called(convlab.max_pool1d, ones(1, 1, n), n // 7), 1 << 15),
    "average, rows": (lambda n: called(convlab.avg_pool2d, ones(n, 16), (64, 1)), 1 << 12),
    "average, narrow columns": (lambda n: called(convlab.avg_pool2d, ones(n, 2), (9, 1), 1), 1 << 13),
    "maximum, narrow columns": (lambda n: called(convlab.max_pool2d, ones(n, 2), (9, 1), 1), 1 << 13),
    "average, batch": (lambda n: called(convlab.avg_pool2d, ones(n, 4, 16, 16), (1, 16)), 1 << 5),
    "average, channels": (lambda n: called(convlab.avg_pool2d, ones(n, 16, 16), 9, 1), 1 << 6),
    "average, channels inside": (lambda n: called(convlab.avg_pool2d, ones(16, 16, n), 9, 1, channel_axis=2), 64),
    "norm": (lambda n: called(convlab.lp_pool1d, ones(1, n), 2, n // 5), 1 << 15),
    "global average": (lambda n: called(convlab.global_avg_pool, ones(1, 1, n, 64)), 1 << 9),
    "global maximum": (lambda n: called(convlab.global_max_pool, ones(1, 1, 64, n)), 1 << 9),
    "places": (lambda n: called(convlab.max_pool1d, ones(1, n), 3, return_indices=True), 1 << 14),
    "unpool, batch": (lambda n: unpooled(n, 4, 8, 8), 1 << 5),
    "unpool, columns": (lambda n: unpooled(4, n), 1 << 12),
    "few of many columns": (lambda n: called(convlab.avg_pool2d, ones(64, n), (1, 2), (1, n // 16)), 1 << 12),
}


@pytest.mark.parametrize("name", CASES)
def test_eight_times_the_work(name):
    make, n = CASES[name]
    with convlab.threads(1):
        small, large = make(n), make(8 * n)
        ratio = min(least_seconds(large) / least_seconds(small) for _ in range(2))
        if ratio >= 30:  # another process may have disturbed it
            ratio = least_seconds(large) / least_seconds(small)
    assert ratio < 30


def test_unused_elements_cost_nothing():
    """Two columns of each 65,536; the columns between cost no time."""
    x = ones(64, 1 << 16)
    with convlab.threads(1):
        assert (
            least_seconds(lambda: convlab.avg_pool2d(x, (1, 2), (1, 1 << 15)))
            < least_seconds(lambda: convlab.avg_pool2d(x, 2)) / 4
        )


@pytest.mark.parametrize("threads", [1, 2])
def test_one_long_row_is_several_tasks(threads):
    for name, arguments in (("adaptive_avg_pool1d", (8,)), ("avg_pool1d", (149_796,)), ("max_pool1d", (9, 1))):
        plan = convlab.explain(name, (1, 1, 1 << 20), *arguments, threads=2)
        assert plan.tile[1] < max(8, 1 << 20)
        with convlab.threads(threads):
            getattr(convlab, name)(ones(1, 1, 1 << 20), *arguments)
    plan = convlab.explain("adaptive_avg_pool1d", (1, 1, 1 << 20), 8, threads=2)
    assert (plan.threads, plan.tile) == (2, (1, 1))
