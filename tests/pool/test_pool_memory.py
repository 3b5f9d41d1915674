"""A pool's memory in addition to its arrays (wide, tall and square): at most that of `explain`, and 32 MiB."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support import needs_kernels, run_python

import convlab
from convlab._plan import pooling

pytestmark = pytest.mark.slow

SLACK = 4 << 20
SHAPES = {"wide": (1, 1 << 23), "tall": (1 << 21, 4), "square": (3000, 3000)}
POOLS = {
    "max_pool2d": "3, 2, 1",
    "max_pool2d of places": "3, 2, 1, return_indices=True",
    "max_pool2d of long windows": "(min(h, 900), min(w, 900)), (min(h, 3), min(w, 2))",
    "min_pool2d": "3, 1, 1",
    "avg_pool2d": "3, 2, 1",
    "avg_pool2d of long windows": "(min(h, 900), min(w, 900)), (min(h, 30), min(w, 20))",
    "avg_pool2d of windows that are cut": "5, 1, 2, count_include_pad=False",
    "lp_pool2d": "2, 3, 2, padding=1",
    "lp_pool2d of any power": "2.5, (min(h, 4), 4)",
    "lp_pool2d of the largest": "float('inf'), 3, 2, padding=1",
    "adaptive_avg_pool2d": "(min(h, 7), min(w, 5))",
    "adaptive_max_pool2d": "(min(h, 7), min(w, 5))",
    "adaptive_max_pool2d of places": "(min(h, 7), min(w, 5)), return_indices=True",
    "global_avg_pool": "",
    "global_max_pool": "",
    "global_lp_pool": "3",
}
CODE = """
import ctypes, json
import numpy as np, convlab
ctypes.CDLL(None).mallopt(-3, 1 << 16)  # what is freed goes back to the system, and counts when it is taken again
convlab.set_num_threads(2)
def resident(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
def arguments(text, h, w):
    return eval(f"(lambda *a, **k: (a, k))({{text}})", {{"h": h, "w": w}})
h, w = {shape!r}
x = np.ones((1, 1, h, w), {dtype!r}){layout}
small = np.ones((1, 1, min(h, 40), min(w, 40)), {dtype!r})
found = {{}}
for name, text in {pools!r}.items():
    function = getattr(convlab, name.split()[0])
    given, options = arguments(text, *small.shape[2:])
    function(small, *given, **options)  # what is loaded once
    given, options = arguments(text, h, w)
    plan = convlab.explain(function.__name__, x.shape, *given, dtype=x.dtype, threads=2, **options)
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
    before = resident("VmRSS")
    y = function(x, *given, **options)
    used = resident("VmHWM") - before
    used -= sum(a.nbytes for a in (y if isinstance(y, tuple) else (y,)))
    found[name] = used, plan.workspace_bytes
    del y
print(json.dumps(found))
"""


@needs_kernels
@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize("dtype", ["f4", "u1"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_pool_needs_much_memory(shape, dtype):
    code = CODE.format(pools=POOLS, shape=SHAPES[shape], dtype=dtype, layout="")
    found = json.loads(run_python(code).stdout)
    assert list(found) == list(POOLS)
    for name, (used, planned) in found.items():
        assert planned <= 32 << 20, name
        assert used <= min(planned, 32 << 20) + SLACK, (name, used, planned)


@needs_kernels
@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize("shape", [(1500, 1200), (1, 1 << 21), (1 << 19, 4)])
@pytest.mark.parametrize(("dtype", "layout"), [("f8", ""), (">f4", ""), ("f4", "[..., ::-1]"), ("?", ""), ("i4", "")])
def test_no_conversion_needs_much_memory(dtype, layout, shape):
    """The array of 2 million elements is cut into pieces; float64, whose maxima NumPy computes, into at least three."""
    pools = {name: text for name, text in POOLS.items() if "long" not in name}  # NumPy's maxima take minutes there
    code = CODE.format(pools=pools, shape=shape, dtype=dtype, layout=layout)
    for name, (used, planned) in json.loads(run_python(code, timeout=300).stdout).items():
        assert planned <= 32 << 20, name
        assert used <= (planned if not layout else 32 << 20) + SLACK, (name, used, planned)


@pytest.mark.parametrize("name", ["adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "max_pool1d"])
def test_a_plan_has_no_tables_as_long_as_the_input(name):
    x = np.zeros((1, 1, 1 << 20), np.float32)
    if name.startswith("adaptive"):
        plan = pooling.adaptive_pool(x, None, name.split("_")[1], 1, 99_999, None, None)
    else:
        plan = pooling.pool(x, None, name[:3], 1, 401, 160, 0, 1, False, True, None, None, None)
    assert sum(table.nbytes for table in plan.tables) < 1024
    assert convlab.explain(name, x.shape, *((99_999,) if name.startswith("adaptive") else (401, 160))).threads >= 1
