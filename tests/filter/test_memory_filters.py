"""A filter's memory in addition to its arguments and result: at most what `explain` states, and 32 MiB.

For wide, tall and square images of floats and of bytes. Rows longer than the caches, columns narrower than a vector,
and conversions of the whole image once needed more.
"""

import json
import sys
from pathlib import Path

import pytest
from support import run_python

pytestmark = pytest.mark.slow

# Pages of a process that belong to no array: stacks, the allocator's rounding.
SLACK = 4 << 20
# Operation -> the other arguments.
CALLS = {
    "filter2d": "np.eye(5)",
    "filter2d of rank 1": "np.ones((9, 9))",
    "filter2d to int32": "np.eye(3), result_dtype='i4'",
    "filter2d to uint8": "np.eye(7), result_dtype='u1', border='constant', cval=0.5",
    "filter2d without NaN": "np.ones((3, 3)), nan='omit'",
    "filter2d by transforms": "np.eye(41), algorithm='fft'",
    "filter2d within 1 MB": "np.eye(5), workspace_limit=10**6",
    "filter_bank": "np.stack([np.eye(5), np.ones((5, 5))])",
    "sep_filter2d": "np.ones(7), np.ones(9)",
    "sep_filter2d within 1 MB": "np.ones(7), np.ones(9), workspace_limit=10**6",
    "gaussian": "3",
    "gaussian to int16": "2, result_dtype='i2'",
    "box": "31",
    "box to int32": "12, result_dtype='i4'",
    "unsharp": "2, 0.5",
    "unsharp to uint8": "2, 0.5, result_dtype='u1'",
    "laplacian": "",
    "sobel": "",
    "scharr": "axis=0",
    "gradient_magnitude": "2",
}
SHAPES = {"wide": (2, 1_500_000), "tall": (1_500_000, 2), "square": (1750, 1750)}
CODE = """
import json, math, numpy as np, convlab
convlab.set_num_threads(2)
def resident(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) << 10
def given(*arguments, **options):
    return arguments, options
def measured(source, shape):
    arguments, options = given({arguments})
    planned = convlab.explain({name!r}, shape, *arguments, dtype=source, **options).workspace_bytes
    target = options.pop("result_dtype", "f4")
    options |= dict(dtype=target) if target != "f4" else dict()
    lead = (len(arguments[0]),) if {name!r} == "filter_bank" else ()
    call = getattr(convlab, {name!r})
    call(np.ones((300, 300), source), *arguments, **options)  # what is loaded once
    image, out = np.ones(shape, source), np.ones((*lead, *shape), target)
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
    before = resident("VmRSS")
    call(image, *arguments, out=out, **options)
    return resident("VmHWM") - before, planned
print(json.dumps([(kind, source, *measured(source, shape)) for kind, shape in {shapes!r}.items()
                  for source in ("f4", "u1")]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or not Path("/proc/self/clear_refs").exists(), reason="Linux")
@pytest.mark.parametrize("name", CALLS)
def test_a_filter_needs_what_its_plan_says(name):
    code = CODE.format(name=name.split(" ")[0], arguments=CALLS[name], shapes=SHAPES)
    limit = 10**6 if "within 1 MB" in name else 32 << 20
    for kind, source, used, planned in json.loads(run_python(code, timeout=600).stdout):
        assert planned <= limit, (kind, source, planned)
        assert used <= planned + SLACK, (kind, source, used, planned)


def test_a_limit_that_cannot_be_kept_is_an_error_before_any_work():
    code = """
import numpy as np, convlab
for shape in ((2, 500_000), (500_000, 2), (700, 700)):
    for dtype in ("f4", "u1", "f8"):
        image, out = np.ones(shape, dtype), np.full(shape, 7, np.float32)
        for call in (lambda **o: convlab.filter2d(image, np.eye(5), **o),
                     lambda **o: convlab.sep_filter2d(image, np.ones(7), np.ones(9), **o),
                     lambda **o: convlab.filter_bank(image, np.ones((1, 3, 3)), **o | {"out": out[None]})):
            try:
                call(workspace_limit=100, out=out)
            except ValueError as error:
                assert "workspace_limit: got 100 bytes; expected at least" in str(error), error
            else:
                raise AssertionError("no error")
            assert (out == 7).all()
print("ok")
"""
    assert run_python(code).stdout == "ok\n"


def test_threads_keep_the_limit():
    """If each thread has a workspace, fewer threads run."""
    code = """
import numpy as np, convlab
for n in (1, 2, 64):
    for limit in (200_000, 10**6, 10**7):
        for shape in ((4, 100_000), (100_000, 4), (1000, 1000)):
            for name, given in (("filter2d", (np.eye(5),)), ("sep_filter2d", (np.ones(7), np.ones(9)))):
                plan = convlab.explain(name, shape, *given, threads=n, workspace_limit=limit)
                assert plan.workspace_bytes <= limit, (n, limit, shape, name, plan.workspace_bytes)
print("ok")
"""
    assert run_python(code).stdout == "ok\n"
