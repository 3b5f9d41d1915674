"""A convolution's memory in addition to its arrays is that of its plan, on wide, tall and square inputs."""

import sys
from pathlib import Path

import pytest
from support import needs_kernels, run_python

pytestmark = [
    pytest.mark.slow,
    needs_kernels,
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux"
    ),
]
# Pages of a process that belong to no array.
SLACK = 2 << 20
CODE = """
import numpy as np, convlab
convlab.set_num_threads(2)
def resident(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
def filled(shape, dtype):
    array = np.empty(shape, dtype)
    array.fill(1)  # not np.ones, which may leave a page that is read first
    return array
for operation, shape, small, weight_shape, options in {cases!r}:
    function, w = getattr(convlab, operation), np.ones(weight_shape, "f4")
    function(filled(small, {dtype!r}), w, **options)  # what is loaded once
    x = filled(shape, {dtype!r})
    explained = convlab.explain(operation, shape, w, dtype={dtype!r}, **options)
    plan = convlab.explain(operation, shape, w, **options)
    out = filled({shape_of}, "f4")
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
    before = resident("VmRSS")
    function(x, w, out=out, **options)
    print(resident("VmHWM") - before, explained.workspace_bytes, operation, shape, options)
    del x, out
"""


def cases(height, width):
    """Cases of every algorithm with about a million elements."""
    pad = {"padding": 1}
    return [
        ("conv2d", (1, 1, height, width), (1, 1, 30, 30), (1, 1, 3, 3), pad),
        ("conv2d", (1, 1, height, width), (1, 1, 30, 30), (1, 1, 4, 9), {"padding": 4, "padding_mode": "wrap"}),
        ("conv2d", (1, 2, height, width), (1, 2, 30, 30), (4, 2, 3, 3), pad),
        ("conv2d", (1, 16, height // 2, width // 2), (1, 16, 30, 30), (4, 16, 3, 3), pad | {"stride": 2}),
        ("conv2d", (1, 16, height // 2, width // 2), (1, 16, 30, 30), (16, 16, 3, 3), pad),
        (
            "conv2d",
            (1, height // 2, width // 2, 8),
            (1, 30, 30, 8),
            (8, 1, 3, 3),
            pad | {"groups": 8, "layout": "NHWC"},
        ),
        ("conv1d", (1, 1, height * width), (1, 1, 5000), (1, 1, 9), {}),
        ("conv1d", (1, 1, height * width), (1, 1, 5000), (1, 1, 1025), {"padding": 512}),
        ("conv3d", (1, 2, 4, height // 2, width // 2), (1, 2, 4, 9, 9), (2, 2, 3, 3, 3), pad),
        (
            "conv_transpose2d",
            (1, 4, height // 2, width // 2),
            (1, 4, 30, 30),
            (4, 2, 3, 3),
            {"stride": 2, "padding": 1},
        ),
    ]


@pytest.mark.parametrize("dtype", ["f4", "u1"])
@pytest.mark.parametrize("size", [(16, 1 << 18), (1 << 18, 16), (2048, 2048)])
def test_a_convolution_needs_what_its_plan_says(size, dtype):
    shape_of = "function(np.broadcast_to(np.ones(1, 'f4'), shape), w, **options).shape"
    done = run_python(CODE.format(cases=cases(*size), dtype=dtype, shape_of=shape_of), timeout=600)
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert len(lines) == len(cases(*size))
    for used, planned, what in lines:
        assert int(planned) <= 64 << 20, what
        assert int(used) <= int(planned) + SLACK, what
