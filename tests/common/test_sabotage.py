"""A broken kernel makes every suite fail."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import BUILT_ISAS

from convlab import _dispatch

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parents[1]
BACKENDS = [*BUILT_ISAS, "numpy"]

# Each suite runs the kernels of one family on every backend.
SUITES = [
    "filter/test_filter2d.py",
    "filter/test_filter2d_arrays.py",
    "filter/test_filter_bank.py",
    "filter/test_filter_masked.py",
    "filter/test_filter_rank1.py",
    "pool/test_pool2d.py",
    "pool/test_pool_kernels.py",
    "pool/test_pool_options.py",
    "filter/test_separable.py",
    "filter/test_imaging.py",
    "filter/test_box.py",
    "rank/test_ranking.py",
    "rank/test_ranking_calls.py",
    "clients/test_ndimage.py",
    "clients/test_signal.py",
    "conv/test_conv2d.py",
    "conv/test_conv_axes.py",
    "conv/test_conv_algorithms.py",
    "grad/test_grad_convolving.py",
    "grad/test_grad_filtering.py",
    "grad/test_grad_pooling.py",
    "clients/test_onnx.py",
    "clients/test_onnx_networks.py",
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
    """Only the tests of the broken backend run: a suite that used another backend's kernels would pass."""
    done = run_suite(suite, backend, "-k", f"{backend} and not any_shape")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-2000:]
    assert "1 failed" in done.stdout


@pytest.mark.parametrize(
    "suite",
    [
        "common/test_bits.py", "common/test_hashes.py", "common/test_fuzz.py", "common/test_hostile_inputs.py",
        "common/test_threads.py", "clients/test_cli.py", "packaging/test_bench.py",
        "packaging/test_benchmarks.py", "clients/test_translation.py",
    ],
)  # fmt: skip
def test_the_other_suites(suite):
    served = _dispatch._default.isa or _dispatch._default.name
    if suite == "common/test_bits.py" and not _dispatch.built_isas():
        pytest.skip("this installation has no compiled kernels")
    done = run_suite(suite, served)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-2000:]
