"""`make sweep`: it calls every operation, measures correctly, and finds calls that take too much."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import convlab

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ is part of the repository alone", allow_module_level=True)
sys.path.append(str(ROOT))

from benchmarks import sweep, sweep_memory, sweep_worker  # noqa: E402
from benchmarks.sweep_calls import Call, memory_calls, pairs  # noqa: E402
from convlab._registry import OPERATIONS  # noqa: E402

NAMES = {operation.name for operation in OPERATIONS} - {"Conv2d"}  # the layer is measured as conv2d


def test_every_operation_is_measured():
    grown = {small.operation for small, _ in pairs(1000)}
    assert grown >= NAMES
    assert {f"ndimage.{name}" for name in convlab.ndimage.SERVED} <= grown
    assert {f"signal.{name}" for name in convlab.signal.SERVED} <= grown
    assert {call.operation for call in memory_calls(1000)} >= NAMES


def test_a_pair_differs_along_one_axis():
    for small, large in pairs(1000):
        longer = [n for n, (a, b) in enumerate(zip(small.shape, large.shape, strict=True)) if a != b]
        assert len(longer) == 1, (small, large)
        assert 6 <= large.shape[longer[0]] / small.shape[longer[0]] <= 8


def test_every_call_returns_the_predicted_shape():
    for call in memory_calls(1024):
        result = call.bind(call.image())()
        first = result[0] if isinstance(result, tuple) else result
        assert (first.shape, first.dtype) == (call.result[0], np.dtype(call.result[1])), str(call)


@pytest.mark.parametrize("index", range(60))
def test_drawn_calls_agree_with_scipy(index):
    drawn = sweep_worker.draw(0, index, 600)
    image = drawn.call.image()
    result = drawn.call.bind(image)()
    if "SciPy" in drawn.ways:
        assert sweep_worker._difference(result, drawn.ways["SciPy"](image)) <= sweep_worker._TOLERANCE, str(drawn.call)
    else:
        assert np.size(result[0] if isinstance(result, tuple) else result) > 0


def test_a_seed_draws_the_same_again():
    first, second = (str(sweep_worker.draw(1, 5, 10_000).call) for _ in range(2))
    assert first == second
    assert first != str(sweep_worker.draw(2, 5, 10_000).call)


@pytest.mark.parametrize(
    ("only", "cases", "rows"),
    [("growth/box", 0, 12), ("peers/", 3, 0), ("memory/wide: sobel", 0, 2)],
)
def test_each_part_prints_its_table(capfd, only, cases, rows):
    status = sweep.main(["--elements", "2000", "--cases", str(cases), "--only", only])
    out = capfd.readouterr().out
    assert status in (0, 1)
    assert out.count("failures, after") == 1
    assert len([line for line in out.splitlines() if line.startswith(only)]) >= rows


class Answering:
    """A worker with fixed answers."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, *_):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass

    def ask(self, question, *_):
        if question == "copies":
            return {"small": 1e-3, "large": 8e-3}
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


FOUND = {"kernel": "", "differing": {}, "refused": {}}


@pytest.mark.parametrize(
    ("only", "answer", "failures"),
    [
        ("growth/box", {"small": 1e-3, "large": 15.9e-3}, 0),
        ("growth/box", {"small": 1e-3, "large": 16e-3}, None),
        ("growth/box", sweep.FailedError("no answer"), None),
        ("peers/0:", {"seconds": {"convlab": 29e-6, "SciPy": 10e-6}} | FOUND, 0),
        ("peers/0:", {"seconds": {"convlab": 31e-6, "SciPy": 10e-6, "OpenCV": 50e-6}} | FOUND, 1),
        ("peers/0:", {"seconds": {"convlab": 19e-6, "SciPy": 1e-6}} | FOUND, 0),
        ("peers/0:", {"seconds": {}} | FOUND, 0),
        ("memory/wide: box", {"needed": 30 << 20, "planned": 30 << 20}, 0),
        ("memory/wide: box", {"needed": -(5 << 20), "planned": 30 << 20}, None),
        ("memory/wide: box", {"needed": 37 << 20, "planned": 40 << 20}, None),
        ("memory/wide: box", {"needed": 30 << 20, "planned": 20 << 20}, None),
        ("memory/wide: conv1d", {"needed": 60 << 20, "planned": 64 << 20}, 0),
        ("memory/wide: conv1d", {"needed": 69 << 20, "planned": 69 << 20}, None),
    ],
)
def test_too_much_time_or_memory_is_a_failure(capsys, monkeypatch, only, answer, failures):
    monkeypatch.setattr(sweep, "Worker", Answering(answer))
    status = sweep.main(["--elements", "500", "--cases", "1", "--only", only])
    out = capsys.readouterr().out
    assert status == (failures != 0)
    told = [line for line in out.splitlines() if line.startswith(f"  {only}")]
    assert told if failures is None else len(told) == failures


def test_memory_is_only_that_of_the_call():
    """Not the memory of the parent process, and not less if free memory can be reused."""
    few = sweep_memory.memory(Call("box", (1000, 1000), (3,)), 2)
    assert set(few) == {"needed", "planned"}
    assert few["needed"] <= few["planned"] + sweep.SLACK
    free = np.ones(1 << 24, np.uint8)
    del free
    # The result of an FFT by tiles needs several arrays of the size of a tile.
    many = sweep_memory.memory(Call("filter2d", (600, 600), (np.ones((30, 30), "f4"),), {"algorithm": "fft"}), 2)
    assert many["planned"] // 4 <= many["needed"] <= many["planned"] + sweep.SLACK
    with pytest.raises(RuntimeError, match="TypeError"):
        sweep_memory.memory(Call("gabor", (4, 4), (0.25, "no angle")), 2)
    with pytest.raises(RuntimeError, match="ended with status -9"):
        sweep_memory.memory(Killed("box", (40, 40), (3,)), 2)


@dataclass(frozen=True)
class Killed(Call):
    """A call that ends its process."""

    def bind(self, *_, **__):
        return lambda: os.kill(os.getpid(), signal.SIGKILL)


def test_a_call_that_fails_or_hangs_is_a_failure():
    wrong = Call("box", (4, 4), (-1,))
    with sweep.Worker({}) as worker:
        with pytest.raises(sweep.FailedError, match="ValueError: size"):
            worker.ask("growth", wrong, wrong)
        good = Call("box", (4, 4), (3,))
        assert set(worker.ask("growth", good, good)) == {"small", "large"}
        assert set(worker.ask("copies", 500)) == {"small", "large"}
    slow = Call("filter_bank", (3000, 3000), (np.ones((400, 5, 5), np.float32),))
    with sweep.Worker({}, patience=0.2) as worker, pytest.raises(sweep.FailedError, match="no answer"):
        worker.ask("growth", slow, slow)
