"""The benchmark against other libraries: its cases, its comparison of results, its rounds, and its pages."""

import ast
import sys
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ is part of the repository alone", allow_module_level=True)
# Last in the path, so that an installed package is tested instead of the sources.
sys.path.append(str(ROOT))

from benchmarks import peers, report  # noqa: E402
from benchmarks.cases import CASES, select, without_case  # noqa: E402
from benchmarks.cases.case import Case, Filter, Pool  # noqa: E402
from benchmarks.cases.gradients import Gradient  # noqa: E402
from benchmarks.cases.pools import Pooling  # noqa: E402
from benchmarks.compare import compare, text  # noqa: E402
from benchmarks.contender import UnsupportedError  # noqa: E402
from benchmarks.machine import Limits  # noqa: E402
from benchmarks.oracle import DisagreementError, expected  # noqa: E402
from benchmarks.rounds import (  # noqa: E402
    ContenderError,
    MissingError,
    Outcome,
    Process,
    Timing,
    compete,
    in_the_running,
)
from benchmarks.runs import Results, load, save  # noqa: E402
from benchmarks.summary import summarise  # noqa: E402

TINY = Case("tiny filter", "Filters", (20, 24), filter=Filter(3), required=1.0)
LIBRARIES = {
    "OpenCV": "cv2",
    "scikit-image": "skimage",
    "PyTorch": "torch",
    "ONNX Runtime": "onnxruntime",
    "Numba": "numba",
    "OpenVINO": "openvino",
}


def small(case: Case) -> Case:
    """Return the same case with fewer pixels."""
    if case.picture == "ascent":
        return case
    shape = tuple(36 if side > 36 else side for side in case.shape)
    work = case.work
    if isinstance(work, Pooling):
        work = replace(work, sizes=shape[-work.axes :])
    if isinstance(work, Gradient):
        conv = replace(work.conv, out_channels=min(12, work.conv.out_channels))
        work = replace(work, size=tuple(min(12, n) for n in work.size), conv=conv)
        shape = work.output_shape
    return replace(case, shape=shape, work=work)


def imports_of(path):
    """Return the modules of the benchmarks that a file imports, also in functions."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            base = [*(package if node.level else ()), *(node.module.split(".") if node.module else ())]
            names = [base, *([*base, alias.name] for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        for parts in names:
            file = ROOT.joinpath(*parts)
            for found in (file.with_suffix(".py"), file / "__init__.py"):
                if parts[0] == "benchmarks" and found.is_file() and found != path:
                    yield found


def test_no_import_cycles():
    files = sorted((ROOT / "benchmarks").rglob("*.py"))
    assert len(files) > 40
    graph = {path: set(imports_of(path)) for path in files}
    assert graph[ROOT / "benchmarks/report.py"] >= {
        ROOT / "benchmarks/compare.py",
        ROOT / "benchmarks/cases/__init__.py",
    }
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


def test_every_operation_has_a_case():
    assert without_case() == set()


def test_names_are_unique_and_selected_by_parts():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert {case.name for case in select("RGB")} == {name for name in names if "RGB" in name}
    assert select(None) == CASES
    with pytest.raises(ValueError, match="no benchmark case has 'nothing'"):
        select("nothing")


def test_cases_of_a_group_are_adjacent():
    groups = [case.group for case in CASES]
    changes = [group for before, group in zip([None, *groups], groups, strict=False) if group != before]
    assert len(set(changes)) == len(changes)


def test_cases_in_plain_python_are_short():
    lessons = [case for case in CASES if case.yardstick == "python"]
    assert lessons
    assert all(case.bearable_in_python for case in lessons)


def test_operations_are_counted():
    case = Case("", "", (10, 12), filter=Filter(3))
    assert case.flops == 2 * 9 * 120
    assert case.bytes_moved == 4 * 240
    valid = replace(case, filter=Filter(3, "valid"), pool=Pool("max", 2, 2))
    assert valid.flops == 2 * 9 * 80 + 3 * 20
    assert valid.bytes_moved == 4 * (120 + 20)
    batch = Case("", "", (2, 3, 8, 8), pool=Pool("avg", 3, 2, 1))
    assert batch.flops == 6 * 9 * 16
    assert batch.bytes_moved == 4 * 6 * (64 + 16)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_run_and_agree(case):
    case = small(case)
    inputs = case.inputs()
    again = case.inputs()
    assert inputs.image.dtype == (np.float32 if case.work is None else case.work.dtype)
    assert inputs.image.shape == case.shape
    np.testing.assert_array_equal(inputs.image, again.image)
    answer = expected(case, inputs)
    result = case.ours(inputs)()
    answer.check("convlab", result, ours=True)
    weights = inputs.kernel.nbytes if case.conv is not None else 0
    assert case.bytes_moved == inputs.image.nbytes + weights + result.nbytes


@pytest.mark.slow
@pytest.mark.parametrize("name", peers.NAMES)
def test_peers_agree(name):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    peer = peers.load(name)(1)
    served = 0
    for case in {small(case): None for case in CASES}:
        inputs = case.inputs()
        answer = expected(case, inputs)
        try:
            calls = peer.calls(case, inputs)
        except UnsupportedError:
            continue
        for variant, call in calls.items():
            served += 1
            result = peer.to_array(case, call())
            answer.check(f"{name} ({variant}) on {case.name}", result, ours=False)
    assert served >= (3 if name == "scikit-image" else 21)


@pytest.mark.parametrize("wrong", [Filter(3, "nearest"), Filter(3, "symmetric"), Filter(3, "wrap")])
def test_another_border_is_a_disagreement(wrong):
    inputs = TINY.inputs()
    result = replace(TINY, filter=wrong).ours(inputs)()
    with pytest.raises(DisagreementError, match="somebody: the error is"):
        expected(TINY, inputs).check("somebody", result, ours=False)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: y[1:], "expected float32"),
        (lambda y: y.astype(np.float64), "is float64"),
        (lambda y: y * np.float32(np.nan), "the error is nan"),
    ],
)
def test_spoiled_results_are_a_disagreement(spoil, message):
    inputs = TINY.inputs()
    result = spoil(TINY.ours(inputs)())
    with pytest.raises(DisagreementError, match=message):
        expected(TINY, inputs).check("somebody", result, ours=True)


def test_a_maximum_must_be_exact():
    case = Case("tiny pool", "Max pooling", (8, 8), pool=Pool("max", 2, 2))
    inputs = case.inputs()
    result = np.nextafter(case.ours(inputs)(), np.float32(2))
    with pytest.raises(DisagreementError):
        expected(case, inputs).check("somebody", result, ours=False)


CONTENDER = """
from benchmarks.contender import UnsupportedError, serve


class Contender:
    def describe(self):
        return {{"contender": "1"}}

    def calls(self, case, inputs):
        call = case.ours(inputs)
        {calls}

    def to_array(self, case, result):
        print("a library that talks")
        return result

    def served_by(self):
        return "itself"


serve({make})
"""


@pytest.fixture
def contender(tmp_path):
    """Start a contender with the given code for its calls or its constructor."""
    started = []

    def start(name, calls="return {'': call}", make="Contender"):
        script = tmp_path / f"{name}.py"
        script.write_text(CONTENDER.format(calls=calls, make=make), encoding="utf-8")
        started.append(Process(name, [str(script)], 1))
        return started[-1]

    yield start
    for process in started:
        process.close()


def held(*contenders, rounds=3):
    names = [contender.name for contender in contenders]
    return compete(TINY, contenders, ours=names[:1], yardsticks=names[1:], rounds=rounds)


def test_contenders_are_timed_in_rounds(contender):
    outcome = held(contender("first"), contender("second", "return {'a': call, 'b': call}"))
    assert not outcome.missing
    assert outcome.timings["second"].variant in ("a", "b")
    for timing in outcome.timings.values():
        assert len(timing.samples) == 3
        assert all(0 < seconds < 1 for seconds in timing.samples)
        assert timing.served_by == "itself"


def test_a_wrong_contender_stops_everything(contender):
    with pytest.raises(DisagreementError, match=r"tiny filter: wrong \(b\)"):
        held(contender("right"), contender("wrong", "return {'a': call, 'b': lambda: -call()}"))


def test_a_contender_may_be_unable(contender):
    unable = "raise UnsupportedError('has no such border')"
    outcome = held(contender("able"), contender("unable", unable))
    assert outcome.missing == {"unable": "has no such border"}
    assert list(outcome.timings) == ["able"]


def test_a_library_that_is_not_installed_is_missing(contender):
    with pytest.raises(MissingError, match="no_such_library"):
        contender("absent", make="lambda: __import__('no_such_library')")


def test_a_failure_is_reported_with_its_traceback(contender):
    with pytest.raises(ContenderError, match=r"(?s)broken:.*ZeroDivisionError"):
        held(contender("broken", "1 / 0"))
    with pytest.raises(ContenderError, match="dead: its process ended with status 3"):
        held(contender("dead", "import os; os._exit(3)"))


def test_only_slow_contenders_stop():
    def outcome(*samples):
        timings = {"fast": Timing("", "", 0.0, [0.01] * 3), "slow": Timing("", "", 0.0, [*samples])}
        return Outcome(TINY, timings, {})

    assert in_the_running(outcome(0.09, 0.09, 0.09), "slow", ["fast"])
    assert in_the_running(outcome(0.2, 0.2), "slow", ["fast"])
    assert not in_the_running(outcome(0.2, 0.2, 0.2), "slow", ["fast"])
    assert not in_the_running(outcome(2.0), "slow", ["fast"])
    assert in_the_running(outcome(2.0), "slow", ["not there"])


def test_limits():
    limits = Limits(100.0, {10: 5.0, 40: 20.0, 80: 10.0})
    assert limits.seconds(400, 10) == 4
    # A larger copy was faster, so a small one can be too.
    assert limits.seconds(1, 10) == 0.5
    assert limits.seconds(1, 80) == 8
    assert Limits(None, {10: 5.0}).seconds(1, 10) is None
    better = limits.merged(Limits(200.0, {80: 40.0}))
    assert better == Limits(200.0, {10: 5.0, 40: 20.0, 80: 40.0})


@pytest.fixture(scope="module")
def results() -> Results:
    """Return a real run of two libraries that are always installed."""
    lesson = replace(
        TINY,
        name="tiny lesson",
        group="The lesson",
        filter=Filter(3, "keep", (0, 255)),
        pool=Pool("max", 2, 2),
        yardstick="python",
        required=1e9,
    )
    return compare([lesson, TINY], ["NumPy", "SciPy", "Python"], threads=1, rounds=3)


def test_comparison_end_to_end(results, tmp_path):
    assert set(results["versions"]) == {"convlab", "NumPy", "SciPy", "Python"}
    lesson, tiny = summarise(results)
    assert lesson.python is not None
    assert lesson.missed
    assert lesson.judged == lesson.python
    assert tiny.peer is not None
    assert tiny.peer.to in ("NumPy", "SciPy")
    assert tiny.judged == tiny.peer
    assert tiny.peer.low <= tiny.peer.median <= tiny.peer.high
    assert tiny.lost == (tiny.peer.median < 1)
    printed = text(results)
    assert "tiny lesson" in printed
    assert "MISSED" in printed
    save(results, tmp_path / "run.json")
    assert load(tmp_path / "run.json") == results


def test_losses_are_shown(results):
    slow = {**results, "cases": [dict(case) for case in results["cases"]]}
    for case in slow["cases"]:
        ours = case["contenders"]["convlab"]
        slower = {**ours, "seconds": [1000 * seconds for seconds in ours["seconds"]]}
        case["contenders"] = {**case["contenders"], "convlab": slower}
    assert all(row.lost for row in summarise(slow))
    assert "LOST" in text(slow)
    assert "**lost**" in report.page(slow)
    block = report.readme_block([slow])
    assert [line.split(" | ")[-1] for line in block.splitlines() if line.startswith("| ")][2:] == ["1 |", "1 |"]
    assert "Of these 2 cases, a peer was faster in: tiny lesson (" in block
    assert "Cases below the project's target: tiny lesson (Python " in block
    assert "target 1e+09x)" in block


def test_another_schema_is_refused(results, tmp_path):
    save({**results, "schema": 0}, tmp_path / "run.json")
    with pytest.raises(ValueError, match="schema 0, expected 1"):
        load(tmp_path / "run.json")


def test_report_is_written(results, tmp_path):
    pytest.importorskip("matplotlib")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n", encoding="utf-8")
    save(results, tmp_path / "run.json")
    report.write(tmp_path, readme)
    written = readme.read_text(encoding="utf-8")
    assert written.startswith(f"before\n{report.START}\n")
    assert written.endswith(f"\n{report.END}\nafter\n")
    assert "old" not in written
    assert "| Filters | 1 of " in written
    name = report.name_of(results)
    assert name.endswith("-1-thread")
    chart = (tmp_path / f"{name}.svg").read_bytes()
    assert b"</svg>" in chart
    assert "## The lesson" in (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    report.write(tmp_path, readme)
    assert readme.read_text(encoding="utf-8") == written
    assert (tmp_path / f"{name}.svg").read_bytes() == chart


@pytest.mark.parametrize("text", ["", report.START, f"{report.END}{report.START}", report.START * 2])
def test_readme_without_its_markers_is_refused(text):
    with pytest.raises(ValueError, match="the README must contain"):
        report.replaced(text, "block")


def test_readme_shows_the_committed_results():
    runs = report.committed()
    if not runs:
        pytest.skip("no results are committed")
    readme = report.README.read_text(encoding="utf-8")
    assert report.replaced(readme, report.readme_block(runs)) == readme
    for results in runs:
        path = report.RESULTS / f"{report.name_of(results)}.md"
        assert path.read_text(encoding="utf-8") == report.page(results)


def test_the_lesson_is_as_fast_as_the_readme_says():
    """Check "more than 1,000 times" in the README, the target of the lesson's cases, in every committed run."""
    assert "more than 1,000 times" in report.README.read_text(encoding="utf-8")
    for results in report.committed():
        lessons = [row for row in summarise(results) if row.group == "The lesson"]
        assert lessons
        for row in lessons:
            assert row.python is not None
            assert row.python.median > 1000
