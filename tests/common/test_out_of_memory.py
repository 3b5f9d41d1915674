"""Without memory a call raises MemoryError and frees all; sizes beyond any memory are errors."""

import sys

import numpy as np
import pytest
from support import run_python

import convlab
from convlab import _dispatch
from convlab._geometry import FilterGeometry
from convlab._plan import filtering

pytestmark = pytest.mark.slow

CALLS = {
    "filter2d": "convlab.filter2d(image, np.eye(3), out=out)",
    "float64": "convlab.filter2d(image.astype('f8'), np.eye(3), out=out)",
    "masked": "convlab.filter2d(image, np.ones((3, 3)), mask=image > 0, out=out)",
    "fft": "convlab.filter2d(image, np.eye(41), out=out)",
    "filter_bank": "convlab.filter_bank(image, np.ones((1, 5, 5)))",
    "gaussian": "convlab.gaussian(image, 2, out=out)",
    "box": "convlab.box(image, 31, out=out)",
    "maximum_filter": "convlab.maximum_filter(image, 7, out=out)",
    "median_filter": "convlab.median_filter(image, 7, out=out)",
    "max_pool2d": "convlab.max_pool2d(image, 3, 1, 1, out=out)",
    "lp_pool2d": "convlab.lp_pool2d(image, 2, 3, 1, padding=1, out=out)",
    "indices": "convlab.max_pool2d(image, 3, 1, 1, return_indices=True)[0]",
    "conv2d": "convlab.conv2d(image[None], weight, padding=1)",
    "winograd": "convlab.conv2d(image[None], weight, padding=1, algorithm='winograd4')",
    "conv_transpose2d": "convlab.conv_transpose2d(image[None], weight)",
}
# Large blocks come from the system and return to it when they are freed, so each one is a new request.
FRESH = {"MALLOC_MMAP_THRESHOLD_": "65536"}
CODE = """
import resource, numpy as np, convlab
from convlab import _threads
convlab.set_num_threads({threads})
def status(name):
    with open("/proc/self/status") as file:
        lines = file.read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
image = np.ones((2500, 2000), np.float32)
weight = np.ones((1, 1, 3, 3), np.float32)
def call(out=None):
    return {call}
outs = [None]
if {takes_out}:
    outs.append(np.ones_like(call()))
expected = call().copy()
failed, before = 0, status("VmRSS")
for room in (0, 1, 4, 12, 24, 48, 96):
    for out in 2 * outs:
        y = None
        resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + (room << 20), resource.RLIM_INFINITY))
        try:
            y = call(out)
        except MemoryError:
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert y is None or np.array_equal(y, expected)
y = None
assert _threads._beside == 0
assert np.array_equal(call(), expected)
print(failed, (status("VmRSS") - before) >> 20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's limits")
@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_left_behind(name):
    # FFTs start Python threads, whose arenas may still have memory when the system has none.
    code = CODE.format(call=CALLS[name], takes_out="out=out" in CALLS[name], threads=1 if name == "fft" else 2)
    failed, grown = map(int, run_python(code, **FRESH).stdout.split())
    assert failed > 0
    assert grown <= 8


ONE = np.ones((1, 1, 4, 4), np.float32)
HUGE = {
    "filter2d": lambda: convlab.filter2d(np.broadcast_to(np.float32(1), (1 << 30, 1 << 30)), np.eye(3)),
    "of bytes": lambda: convlab.filter2d(np.broadcast_to(np.uint8(1), (1 << 31, 1 << 31)), np.eye(3)),
    "filter_bank": lambda: convlab.filter_bank(
        np.broadcast_to(np.float32(1), (1 << 20, 1 << 20)), np.ones((1 << 10, 3, 3))
    ),
    "box": lambda: convlab.box(ONE[0, 0], 1 << 40),
    "gaussian": lambda: convlab.gaussian(ONE[0, 0], 1e12),
    "median_filter": lambda: convlab.median_filter(ONE[0, 0], 10**9),
    "padding": lambda: convlab.conv2d(ONE, ONE, padding=1 << 62),
    "padding's product": lambda: convlab.conv2d(ONE, ONE, padding=10**9),
    "stride": lambda: convlab.conv_transpose2d(ONE, ONE, stride=(1 << 31) - 1),
    "dilation": lambda: convlab.max_pool2d(ONE, 2, dilation=1 << 62),
    "window": lambda: convlab.max_pool2d(ONE, 1 << 62, padding=1 << 61),
    "output_size": lambda: convlab.adaptive_avg_pool2d(ONE, (1 << 31) - 1),
}


@pytest.mark.parametrize("name", HUGE)
def test_products_that_overflow_are_errors(name):
    with pytest.raises(ValueError, match="expected"):
        HUGE[name]()


def test_a_workspace_that_overflows_is_an_error():
    """A table of sizes whose products exceed any memory, which plans never request."""

    if not _dispatch.built_isas():
        pytest.skip("this installation has no compiled kernels")
    image, kernel = ONE[0, 0], np.ones((3, 3), np.float32)
    plan = filtering.filter2d(image, kernel)
    y = np.empty((4, 4), np.float32)
    for words in (1 << 60, (1 << 61) - 1, -1):
        geometry = plan.tables[0].copy()
        geometry[FilterGeometry._fields.index("workspace")] = words
        for isa in _dispatch.built_isas():
            function = _dispatch.compiled(isa).functions[plan.kernel]
            with pytest.raises(MemoryError, match="workspace"):
                function(image, plan.taps, y, geometry, *plan.tables[1:], 1)
