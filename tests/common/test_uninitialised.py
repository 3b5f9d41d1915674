"""No kernel computes with unwritten memory, which may contain subnormal numbers that cost a hundred cycles each.

The tests' allocator returns subnormal numbers, and an x86 processor sets a flag for each such operand. With NaN and
infinities instead, results would show that unwritten memory counts.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import BUILT_ISAS, needs_kernels, run_python

HERE = Path(__file__).resolve().parents[1]
COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = [
    needs_kernels,
    pytest.mark.skipif(not sys.platform.startswith("linux") or COMPILER is None, reason="Linux with a C compiler"),
]
# Kernels that compare and copy pixels: comparing subnormal numbers sets the flag but costs no time.
COMPARE = re.compile(r"(max_pool|min_pool|maximum|minimum|median)")

CODE = """
import ctypes, ctypes.util, hashlib, json, sys
sys.path.insert(0, {here!r})
import numpy as np, operations, convlab
convlab.set_num_threads(1)
libm, state = ctypes.CDLL(ctypes.util.find_library("m")), (ctypes.c_uint32 * 16)()
def noted():
    libm.fegetenv(state)
    was = state[7] & 2  # MXCSR: an operand was subnormal
    state[7] &= ~63
    libm.fesetenv(state)
    return was
noted()
assert (np.full(8, 1e-40, "f4") * np.ones(8, "f4"))[0] > 0
assert noted() or {pattern!r} != "1"
found, hashes = [], hashlib.sha256()
with convlab.use_backend("compiled", {isa!r}):
    for name in {names!r}:
        for seed in range({seeds}):
            case = operations.draw(seed, name)
            noted()
            result = case.call(*case.arrays)
            if noted():
                found.append((case.name, case.said, convlab.last_kernel()))
            for y in result if isinstance(result, tuple) else [result]:
                hashes.update(np.ascontiguousarray(y).tobytes())
print(json.dumps((found, hashes.hexdigest())))
"""


@pytest.fixture(scope="module")
def allocator(tmp_path_factory):
    library = tmp_path_factory.mktemp("garbage") / "garbage.so"
    subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", HERE / "garbage.c", "-o", library], check=True)
    return str(library)


def called(allocator, pattern, isa, names, seeds):
    code = CODE.format(here=str(HERE), pattern=pattern, isa=isa, names=names, seeds=seeds)
    done = run_python(code, LD_PRELOAD=allocator, GARBAGE=pattern)
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86's register of what was noted")
@pytest.mark.parametrize("isa", BUILT_ISAS)
def test_no_sum_reads_unwritten_memory(allocator, isa):
    import operations

    found, _ = called(allocator, "1", isa, list(operations.DRAWN), 60)
    assert not [case for case in found if not COMPARE.match(case[2])]


@pytest.mark.parametrize("isa", BUILT_ISAS)
def test_results_do_not_depend_on_unwritten_memory(allocator, isa):
    import operations

    results = {called(allocator, pattern, isa, list(operations.DRAWN), 20)[1]
               for pattern in ("0", "1", "7fc00000", "7f800000", "ff800000", "7f7fffff")}  # fmt: skip
    assert len(results) == 1
