"""A call's memory in addition to its arguments and its result: at most that of its plan, and 32 MiB."""

import sys
from pathlib import Path

import pytest
from support import run_python

pytestmark = pytest.mark.slow

# Pages of a process that belong to no array: stacks, the allocator's rounding.
SLACK = 4 << 20

CALLS = {
    "float64 3x3": ("f8", "f4", "convlab.filter2d(image, np.eye(3), out=out)"),
    "strided 3x3": ("f4", "f4", "convlab.filter2d(image[:, ::-1], np.eye(3), out=out)"),
    "uint8 5x5": ("u1", "u1", "convlab.filter2d(image, np.eye(5), dtype='u1', out=out)"),
    "int32 to int32": ("i4", "i4", "convlab.filter2d(image, np.eye(3), dtype='i4', out=out)"),
    "large kernel": ("f4", "f4", "convlab.filter2d(image, np.eye(41), out=out)"),
    "rank 1": ("f8", "f4", "convlab.filter2d(image, np.ones((9, 9)), out=out)"),
    "gaussian": ("f4", "f4", "convlab.gaussian(image, 3, out=out)"),
    "box": ("f8", "f4", "convlab.box(image, 31, out=out)"),
    "NaN left out": ("f4", "f4", "convlab.filter2d(image, np.ones((3, 3)), nan='omit', out=out)"),
    "maximum": ("f4", "f4", "convlab.maximum_filter(image, 15, out=out)"),
    "median": ("u1", "u1", "convlab.median_filter(image, 5, out=out)"),
    "maximum of int32": ("i4", "i4", "convlab.maximum_filter(image, 3, out=out)"),
    "maximum of float64": ("f8", "f8", "convlab.maximum_filter(image, 201, out=out)"),
    "median of int8": ("i1", "i1", "convlab.median_filter(image, 3, out=out)"),
    "max pool": ("f4", "f4", "convlab.max_pool2d(image, 3, 1, 1, out=out)"),
}

CODE = """
import numpy as np, convlab
convlab.set_num_threads(2)
def resident(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
def call(image, out):
    {call}
call(np.ones((300, 300), {source!r}), np.ones((300, 300), {target!r}))  # what is loaded once
image, out = np.ones((4000, 3000), {source!r}), np.ones((4000, 3000), {target!r})
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before = resident("VmRSS")
call(image, out)
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize("name", CALLS)
def test_no_call_needs_much_memory(name):
    source, target, call = CALLS[name]
    used = int(run_python(CODE.format(call=call, source=source, target=target)).stdout)
    assert used <= (32 << 20) + SLACK


@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize(
    ("source", "target", "kernel", "options"),
    [
        ("f4", "f4", "np.eye(3)", ""),
        ("f8", "f4", "np.eye(3)", ""),
        ("u1", "u1", "np.eye(7)", "dtype='u1'"),
        ("f4", "f4", "np.eye(41)", ""),
        ("f4", "f4", "np.ones((9, 9))", ""),
        ("f4", "f4", "np.eye(41)", "workspace_limit=2_000_000"),
        ("f8", "f4", "np.eye(5)", "workspace_limit=1_500_000"),
    ],
)
def test_a_filter_needs_what_its_plan_says(source, target, kernel, options):
    call = f"convlab.filter2d(image, {kernel}, out=out, {options})"
    used = int(run_python(CODE.format(call=call, source=source, target=target)).stdout)
    kind = options.replace("dtype", "result_dtype")
    code = (
        f"import numpy as np, convlab; convlab.set_num_threads(2); "
        f"print(convlab.explain('filter2d', (4000, 3000), {kernel}, dtype={source!r}, {kind}).workspace_bytes)"
    )
    planned = int(run_python(code).stdout)
    assert planned <= 32 << 20
    assert used <= planned + SLACK, (used, planned)


@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize("algorithm", [None, "gemm", "winograd2", "winograd4"])
def test_a_convolution_needs_what_its_plan_says(algorithm):
    """64 channels of rows of 2048; the plan states the same memory for 2048 such rows."""
    used, planned, planned_for_all = map(int, run_python(CONV.format(algorithm=algorithm)).stdout.split())
    assert planned <= 64 << 20
    assert planned_for_all <= 64 << 20
    assert used <= planned + SLACK, (used, planned)


RANKED = """
import numpy as np, convlab
convlab.set_num_threads(2)
def resident(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
function = getattr(convlab, {operation!r})
function(np.ones((300, 300), {dtype!r}), {size})  # what is loaded once
for shape in (1, 1 << 23), (1 << 22, 2), (1 << 23, 1), (4000, 2000):
    image, out = np.ones(shape, {dtype!r}), np.ones(shape, np.dtype({dtype!r}).newbyteorder("="))
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
    before = resident("VmRSS")
    function(image, {size}, out=out)
    used = resident("VmHWM") - before
    print(used, convlab.explain({operation!r}, shape, {size}, dtype={dtype!r}).workspace_bytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize("dtype", ["f4", "u1", "i4", "f8", ">f4"])
@pytest.mark.parametrize(
    ("operation", "size"), [("maximum_filter", 5), ("median_filter", 3), ("minimum_filter", (1, 99))]
)
def test_order_statistics_need_what_their_plans_say(operation, size, dtype):
    """For a wide, two tall and a square image."""
    if operation == "median_filter" and dtype in ("i4", "f8"):
        size = (1, 2)  # NumPy partitions every window, which needs memory
    lines = run_python(RANKED.format(operation=operation, size=size, dtype=dtype), timeout=300).stdout.splitlines()
    assert len(lines) == 4
    for used, planned in (map(int, line.split()) for line in lines):
        assert planned <= 32 << 20
        assert used <= planned + SLACK, (used, planned)


CONV = """
import numpy as np, convlab
from convlab._plan import convolving
from convlab._plan.plan import Machine
from convlab._spec import convolving as specs
convlab.set_num_threads(2)
def resident(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
def planned(height):
    spec = specs.conv((1, 64, height, 2048), specs.ConvOptions(2, w.shape, padding=1))
    plan = convolving.plan_conv(spec, None, convolving.Request({algorithm!r}), Machine())
    return plan.workspace * (1 if plan.kernel.startswith("conv_winograd") else 2)  # threads
w = np.ones((64, 64, 3, 3), np.float32)
convlab.conv2d(np.ones((1, 64, 8, 64), np.float32), w, padding=1, algorithm={algorithm!r})  # what is loaded once
x, out = np.ones((1, 64, 32, 2048), np.float32), np.ones((1, 64, 32, 2048), np.float32)
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before = resident("VmRSS")
convlab.conv2d(x, w, padding=1, out=out, algorithm={algorithm!r})
print(resident("VmHWM") - before, planned(32), planned(2048))
"""

SHAPES = """
import gc, numpy as np, convlab
def resident():
    gc.collect()
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) << 10
w = np.ones((8, 4, 3, 3), np.float32)
depthwise = np.ones((4, 1, 3, 3), np.float32)
layer = convlab.Conv2d(w, padding=1)
def calls(first, n):
    for i in range(first, first + n):
        x = np.ones((1, 4, 5 + i % 20, 30 + i // 20), np.float32)
        layer(x), convlab.conv2d(x, w), convlab.conv2d(x, depthwise, groups=4)
        convlab.conv2d(x, w, algorithm="winograd4")
calls(0, 500)  # more plans than are kept: four a shape
before = resident()
calls(500, 300)
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux")
def test_hundreds_of_shapes_do_not_grow_the_process():
    assert int(run_python(SHAPES).stdout) <= 1 << 20
