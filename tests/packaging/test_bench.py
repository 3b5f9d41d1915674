"""`convlab bench`: its cases, its comparison of the backends, its table and its progress."""

import json
import re
import sys

import numpy as np
import pytest

import convlab
from convlab.bench import CASES, Case, DisagreementError, run, select
from convlab.bench.process import Process

TINY = "max pool 2x2 stride 2 28x28"
LABELS = next(iter(convlab.backend().values()))["available"]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request):
    """Return a case, its image, and NumPy's result."""
    case = request.param
    image = case.image()
    with convlab.use_backend("numpy"):
        return case, image, case.call(image)()


def test_names_are_unique_and_selected_by_parts():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert [case.name for case in select("uint8")] == [name for name in names if "uint8" in name]
    assert select(None) == CASES
    with pytest.raises(ValueError, match="no benchmark case has 'nothing'"):
        select("nothing")


def test_every_family_has_a_case():
    modules = {getattr(convlab, case.operation).__module__ for case in CASES if "." not in case.operation}
    assert {f"convlab.{name}" for name in (
        "adaptive_pooling", "average_pooling", "convolving", "edges", "filtering", "imaging", "layers", "pooling",
        "ranking", "separable", "transposing", "unpooling",
    )} == modules  # fmt: skip
    assert {case.operation.split(".")[0] for case in CASES if "." in case.operation} == {"ndimage", "signal"}


def test_the_backend_in_force_agrees_with_numpy(case):
    case, image, expected = case
    np.testing.assert_array_equal(image, case.image())
    found = case.difference("this one", case.call(image)(), expected)
    assert found == 0 or case.terms


def test_a_limit_comes_from_explain(case):
    limit = case[0].limit(1)
    assert limit is None if "." in case[0].operation else 0 < limit < 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: y[1:], r"this one gives float32 \(13, 14\), numpy float32 \(14, 14\)"),
        (lambda y: y.astype(np.float64), "this one gives float64"),
        (lambda y: y * np.float32(np.nan), "this one differs from numpy by nan, allowed 0"),
        (lambda y: np.nextafter(y, np.float32(2)), "this one differs from numpy by .*e-08, allowed 0"),
    ],
)
def test_spoiled_results_are_a_disagreement(spoil, message):
    (case,) = select(TINY)
    result = case.call(case.image())()
    with pytest.raises(DisagreementError, match=f"{TINY}: {message}"):
        case.difference("this one", spoil(result), result)


def test_sums_may_differ_only_by_their_rounding():
    (case,) = select("filter 3x3 512x512")
    result = case.call(case.image())()
    allowed = 2 * 4 * 9 * float(np.finfo(np.float32).eps)
    assert 0 < case.difference("this one", result * np.float32(1 + allowed / 2), result) < allowed
    with pytest.raises(DisagreementError):
        case.difference("this one", result * np.float32(1 + 2 * allowed), result)


@pytest.mark.parametrize("label", LABELS)
def test_a_process_runs_its_backend(label):
    (case,) = select(TINY)
    process = Process(label, 1)
    try:
        result, kernel, seconds = process.ask(case)
        assert kernel.startswith("max_pool2d")
        assert kernel.endswith(f"[{label}]")
        np.testing.assert_array_equal(result, case.call(case.image())())
        assert 0 < seconds < 1
        assert 0 < process.ask(None) < 1
    finally:
        process.close()


def test_a_process_that_fails_says_so(capfd):
    process = Process("numpy", 1)
    try:
        with pytest.raises(RuntimeError, match="numpy: its process ended with status 1"):
            process.ask(Case("wrong", "max_pool2d", (4, 4), (-1,)))
        with pytest.raises(RuntimeError, match="status 1"):
            process.ask(None)  # the process has ended
    finally:
        process.close()
    assert "ValueError: kernel_size" in capfd.readouterr().err


def test_backends_compared(capsys, tmp_path):
    path = tmp_path / "results.json"
    run(1, TINY, str(path), quick=True)
    out, err = capsys.readouterr()
    assert err == f"[1/1] {TINY}\n"
    about, _, header, _, row = out.splitlines()
    assert about.endswith(f", threads: 1, convlab {convlab.__version__}")
    assert re.split("  +", header) == ["us per call", *LABELS, "of limit", "difference"]
    assert re.split("  +", row)[0] == TINY
    results = json.loads(path.read_text(encoding="utf-8"))
    assert (results["threads"], results["rounds"]) == (1, 5)
    (record,) = results["cases"]
    assert record["difference"] == 0
    assert list(record["backends"]) == list(LABELS)
    for label, backend in record["backends"].items():
        assert backend["served_by"].endswith(f"[{label}]")
        assert len(backend["seconds"]) == 5
        assert all(0 < seconds < 1 for seconds in backend["seconds"])


def test_a_terminal_shows_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run(1, "stride 2 1x64x112x112", None, quick=True)
    assert "left" not in capsys.readouterr().err  # unknown during the first case
    run(1, "uint8", None, quick=True)
    assert re.search(r"\r\033\[K\[2/2\] median 15x15 uint8 256x256, \d+ s left\r\033\[K$", capsys.readouterr().err)


def test_unknown_cases_are_refused():
    with pytest.raises(ValueError, match="no benchmark case"):
        run(1, "nothing", None)
