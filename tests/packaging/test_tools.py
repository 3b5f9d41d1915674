"""The output of these tests that the programs in tools/ read."""

import importlib
from pathlib import Path

import conftest
import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.mark.skipif(not TOOLS.is_dir(), reason="the tools are not beside these tests")
def test_the_outcome_of_a_suite_is_read(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    outcome = importlib.import_module("common").outcome
    header = conftest.pytest_report_header()
    isa, counts = outcome(f"{header}\n====== 3 passed, 1 skipped in 0.1s ======\n")
    assert isa == header.partition("compiled kernels: ")[2].partition(";")[0].partition(",")[0]
    assert "3 passed" in counts
    with pytest.raises(SystemExit, match="did not pass"):
        outcome(f"{header}\n====== 1 failed, 3 passed in 0.1s ======\n")
