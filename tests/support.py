"""Common parts of test modules: the instruction sets to run, and new interpreters."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convlab import _dispatch

PROCESSOR_ISAS = ["neon"] if _dispatch.cpu_isas() == ("neon",) else ["avx512", "avx2", "baseline"]
BUILT_ISAS = [isa for isa in PROCESSOR_ISAS if isa in _dispatch.built_isas()]

# The options of a plan of filter2d: the mask's shape and dtype, border, cval, anchor, scale, offset, clip, nan,
# channel_axis, dtype, precision, algorithm, workspace_limit.

needs_kernels = pytest.mark.skipif(not _dispatch.built_isas(), reason="this installation has no compiled kernels")


def backend_parameters(*, python: bool = True) -> list[object]:
    """Return (backend, isa) for parametrize: those that this machine can run; the report's header names the others."""
    parameters = [pytest.param(("compiled", isa), id=isa) for isa in BUILT_ISAS]
    parameters.append(pytest.param(("numpy", "auto"), id="numpy"))
    if python:
        parameters.append(pytest.param(("python", "auto"), id="python"))
    return parameters


def run_python(code, *, check=True, timeout=120, beside=None, **environment):
    """Run code in a new interpreter with the same convlab and no other CONVLAB_ variables.

    The code can import the test modules in the folder of the file `beside`.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CONVLAB_")}
    folders = [] if beside is None else [str(Path(beside).parent)]
    clean["PYTHONPATH"] = os.pathsep.join([*folders, *(p for p in sys.path if p)])
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=clean | environment, capture_output=True, text=True, timeout=timeout, check=check,
    )  # fmt: skip


def least_seconds(call, rounds=5):
    """Return the least CPU time of some calls on this thread, after one call that fills the caches.

    Other processes do not count. The thread clock of Windows has steps of 16 ms.
    """
    clock = time.perf_counter if sys.platform == "win32" else time.thread_time
    call()
    times = []
    for _ in range(rounds):
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)
