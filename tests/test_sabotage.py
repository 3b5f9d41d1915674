"""A broken kernel turns every suite red."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import BUILT_ISAS

from convlab import _dispatch

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent
BACKENDS = [*BUILT_ISAS, "numpy"]

# Each runs every backend's kernels of one family.
SUITES = [
    "test_filter2d.py",
    "test_filter2d_arrays.py",
    "test_filter_bank.py",
    "test_filter_masked.py",
    "test_filter_rank1.py",
    "test_pool2d.py",
    "test_pool_kernels.py",
    "test_pool_options.py",
    "test_separable.py",
    "test_imaging.py",
    "test_box.py",
    "test_ranking.py",
    "test_ranking_calls.py",
    "test_ndimage.py",
    "test_signal.py",
    "test_conv2d.py",
    "test_conv_axes.py",
    "test_conv_algorithms.py",
    "test_onnx.py",
    "test_onnx_networks.py",
]


def run_suite(suite, backend, *options):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-p", "sabotage", f"--sabotage={backend}",
         *options, str(TESTS / suite)],
        capture_output=True, text=True, timeout=300, check=False, cwd=TESTS,
    )  # fmt: skip
    skipped = re.fullmatch(r"SKIPPED \[1\] (.*)\n1 skipped in .*", "\n".join(done.stdout.splitlines()[-2:]))
    if done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED and skipped:
        pytest.skip(f"as a whole: {skipped[1]}")
    return done


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("suite", SUITES)
def test_operations(suite, backend):
    """Each backend's own tests: a suite that ran another backend's kernels would stay green."""
    done = run_suite(suite, backend, "-k", f"{backend} and not any_shape")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-2000:]
    assert "1 failed" in done.stdout


@pytest.mark.parametrize(
    "suite",
    [
        "test_bits.py", "test_hashes.py", "test_fuzz.py", "test_hostile_inputs.py", "test_threads.py", "test_cli.py",
        "test_bench.py", "test_benchmarks.py", "test_translation.py",
    ],
)  # fmt: skip
def test_the_rest(suite):
    served = _dispatch._default.isa or _dispatch._default.name
    if suite == "test_bits.py" and not _dispatch.built_isas():
        pytest.skip("this installation has no compiled kernels")
    done = run_suite(suite, served)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-2000:]
