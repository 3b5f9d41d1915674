"""SciPy's tests, run with convlab's functions instead of SciPy's.

The tests of ndimage also use float32 and small integers. The tests of signal use only float64 and lists: they test the
fallback to SciPy; test_signal.py tests the supported calls.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Tests that are skipped, and tests that fail, each with the reason.
NOT_RUN = {
    "ndimage": {},
    "signal": {
        "test_large_array": "convolves more than 2^31 pixels, in ten seconds and 4 GB",
        "test_real_manylens": "calls oaconvolve with 9,730 pairs of lengths, for a minute; others do with hundreds",
    },
}
EXCEPTIONS = {
    "ndimage": {
        "TestNdimageFilters::test_gauss03[numpy]": "wants the sum of 10,000 float32 pixels to 3e-8 of it, half of "
        "float32's own step: the taps are rounded to float32 here",
    },
    "signal": {},
}
# The functions that convlab ran in SciPy's tests, without the fallback.
SERVED_TOO = {"correlate", "convolve", "correlate1d", "convolve1d", "uniform_filter", "sobel", "gaussian_filter"}
# The tests of a module that concern convlab's functions.
TESTS = {
    "ndimage": ["scipy.ndimage.tests.test_filters"],
    "signal": ["scipy.signal.tests.test_signaltools", "-k", "(Convolve or Convolves or Correlate2d or MedFilt)"],
}


@pytest.mark.parametrize("module", ["ndimage", "signal"])
def test_scipys_own_tests(module, tmp_path):
    if importlib.util.find_spec(f"scipy.{module}.tests") is None:
        pytest.skip("this SciPy was installed without its tests")
    served = importlib.import_module(f"convlab.{module}").SERVED
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "scipy_tests", f"--in-place={module}",
        f"--report={tmp_path / 'report.json'}", f"--rootdir={tmp_path}", "-c", str(tmp_path / "pytest.ini"),
        "--pyargs", *TESTS[module],
    ]  # fmt: skip
    command[-1] += "".join(f" and not {name}" for name in NOT_RUN[module])
    path = [str(Path(__file__).resolve().parents[1]), *(p for p in sys.path if p)]
    run = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": os.pathsep.join(path)}, cwd=tmp_path,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode in (0, 1), run.stdout[-2000:] + run.stderr[-2000:]
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(report["failed"]) == set(EXCEPTIONS[module]), run.stdout[-4000:]
    assert len(report["passed"]) > 1000
    # SciPy's tests mostly use float64, which falls back to SciPy, so check that convlab ran some calls.
    for name in SERVED_TOO & set(served):
        assert report["calls"][name] > report["handed on"].get(name, 0), name
