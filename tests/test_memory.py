"""What a call needs beside its arguments and its result: no more than its plan says, and 32 MiB at the most."""

import sys
from pathlib import Path

import pytest
from support import run_python

# Pages that the kernel counts for a process and that no array is in: stacks, the allocator's rounding.
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
