"""A process that calls convlab with changing shapes does not grow.

Some thousand calls by default, and 100,000 with CONVLAB_STRESS_CALLS=100000, as in `make stress`.
"""

import os
import sys

import pytest
from support import run_python

CALLS = int(os.environ.get("CONVLAB_STRESS_CALLS", "4000"))
CODE = """
import numpy as np, convlab
rng = np.random.default_rng(0)
memory = np.ones(1 << 20, np.float32)
def an(*shape):
    return memory[: int(np.prod(shape))].reshape(shape)
def side(most):
    return int(rng.integers(1, most))
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def call(i):
    h, w = side(300), side(300)
    which = i % 10
    if which == 0:
        convlab.filter2d(an(h, w), an(side(9), side(9)))
    elif which == 1:
        convlab.sep_filter2d(an(h, w), an(side(20)), an(side(20)), border="constant")
    elif which == 2:
        convlab.max_pool2d(an(side(4), side(4), h, w), 2, 1, 1)
    elif which == 3:
        convlab.median_filter(an(h, w), 3)
    elif which == 4:
        convlab.conv2d(an(side(3), 8, side(60), side(60)), an(side(20), 8, 3, 3), padding=1)
    elif which == 5:
        convlab.box(an(h, w), (side(30), side(30)))
    elif which == 6:
        convlab.avg_pool2d(an(h, w), 3, 2, 1)
    elif which == 7:
        convlab.filter2d(an(h, w).astype(np.float64), an(3, 3), border="wrap")
    elif which == 8:
        convlab.conv_transpose2d(an(1, 4, side(30), side(30)), an(4, 6, 3, 3), stride=2)
    else:
        convlab.gaussian(an(h, w), 1 + rng.random())
tenth = max(CALLS // 10, 2000)  # then the cache of plans is full
for i in range(CALLS):
    call(i)
    if i + 1 == tenth:
        first = resident()
print(first, resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's statm")
def test_changing_shapes_do_not_grow_the_process():
    code = CODE.replace("CALLS", str(CALLS))
    first, last = map(int, run_python(code, timeout=3000).stdout.split())
    print(f"{CALLS} calls: {first >> 20} MiB once the cache of plans is full, {last >> 20} MiB after the last")
    assert last <= 1.05 * first
