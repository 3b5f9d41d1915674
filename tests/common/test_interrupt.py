"""Ctrl-C during a call that would take minutes: it stops between two tasks, after about a second."""

import os
import signal
import subprocess
import sys
import time

import pytest
from support import needs_kernels

pytestmark = [
    pytest.mark.slow,
    needs_kernels,
    pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one process there"),
]

# Each call would take from some seconds to an hour, with at most a gigabyte.
CALLS = {
    "filter2d": "convlab.filter2d(plane(6000, 6000), plane(101, 101), algorithm='direct')",
    "filter_bank": "convlab.filter_bank(plane(5000, 5000), plane(4, 61, 61), algorithm='direct')",
    "masked": "convlab.filter2d(plane(6000, 6000), plane(61, 61), mask=plane(6000, 6000) > 0)",
    "median": "convlab.median_filter(plane(6000, 6000), 101)",
    "indices": "convlab.max_pool2d(plane(6000, 6000), 101, 1, return_indices=True)",
    "averages": "convlab.avg_pool2d(plane(6000, 6000), 1501, 1)",
    "norms of one row": "convlab.lp_pool1d(plane(1, 1, 1 << 25), 3.5, 1 << 20, 1 << 14)",
    "gemm": "convlab.conv2d(plane(1, 512, 224, 224), plane(512, 512, 9, 9))",
    "depthwise": "convlab.conv2d(plane(32, 256, 128, 128), plane(256, 1, 63, 63), padding=31, groups=256)",
    "winograd": "convlab.conv2d(plane(4, 2048, 128, 128), plane(2048, 2048, 3, 3), padding=1, algorithm='winograd4')",
    "transpose": "convlab.conv_transpose2d(plane(8, 64, 256, 256), plane(64, 256, 9, 9))",
}
CODE = """
import sys, time, numpy as np, convlab
from convlab import _threads
convlab.set_num_threads({threads})
def plane(*shape):
    return np.ones(shape, np.float32)
def call():
    {call}
small = convlab.filter2d(plane(40, 40), plane(3, 3))
for name in convlab.__all__:  # CPython may ignore a signal that comes while a module is imported
    getattr(convlab, name)
print("ready", flush=True)
start = time.monotonic()
try:
    call()
except KeyboardInterrupt:
    exec("pass")  # CPython exits as if interrupted where the signal met a string's code, as of a dataclass on import
    assert np.array_equal(convlab.filter2d(plane(40, 40), plane(3, 3)), small)
    assert _threads._beside == 0
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(name, threads):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    code = CODE.format(call=CALLS[name], threads=threads)
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.8)
        assert process.poll() is None, "the call was not long enough"
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        try:
            said, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert said == "interrupted\n"
    assert process.returncode == 0
    assert time.monotonic() - start < 20  # two seconds on an idle machine
