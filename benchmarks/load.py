"""Time calls on one and on two threads, on an idle machine and beside busy processes: `python -m benchmarks.load`.

Each contender has a separate process: convlab on each number of threads, OpenCV on two, and another build of convlab
if `--other` names its interpreter. They are timed in turn, for a fifth of a second each, round after round. The figures
are the medians over the rounds of each turn's median and 95th percentile. With `--busy 2`, two more processes use the
CPUs all the time, as on a machine in production.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convlab.bench.table import text_table
from convlab.cli.machine import cpu_name

ROOT = Path(__file__).resolve().parent.parent
TURN_SECONDS = 0.2
ROUNDS = 3
# Limits beside busy processes: ratio of the median to one thread's, or ms more; 95th percentile divided by OpenCV's.
BARS = (1.2, 0.03, 1.3)

# Name: (size of the picture or the layer, size of the window).
CASES = {
    "filter 3x3, 512": (512, 3), "filter 3x3, 1024": (1024, 3), "filter 3x3, 2048": (2048, 3),
    "filter 5x5, 512": (512, 5), "filter 5x5, 1024": (1024, 5), "filter 5x5, 2048": (2048, 5),
    "filter 7x7, 171": (171, 7), "median 3x3, 1024": (1024, 3), "max pool 2x2, 2048": (2048, 2),
    "conv2d 64 channels, 56": (56, 3),
}  # fmt: skip


def ours(name: str, threads: int) -> Callable[[], Any]:
    """Return convlab's call of a case."""
    import numpy as np

    import convlab

    convlab.set_num_threads(threads)
    size, k = CASES[name]
    rng = np.random.default_rng(0)
    image = rng.standard_normal((size, size), dtype=np.float32)
    taps = rng.standard_normal((k, k), dtype=np.float32)
    if name.startswith("filter"):
        return lambda: convlab.filter2d(image, taps)
    if name.startswith("median"):
        return lambda: convlab.median_filter(image, k)
    if name.startswith("max pool"):
        return lambda: convlab.max_pool2d(image, k)
    layer = convlab.Conv2d(rng.standard_normal((64, 64, k, k), dtype=np.float32), padding=1)
    x = rng.standard_normal((1, 64, size, size), dtype=np.float32)
    return lambda: layer(x)


def opencv(name: str, threads: int) -> Callable[[], Any] | None:
    """Return OpenCV's call of a case, if it has the operation."""
    import cv2
    import numpy as np

    cv2.setNumThreads(threads)
    size, k = CASES[name]
    image = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    taps = np.random.default_rng(1).standard_normal((k, k), dtype=np.float32)
    if name.startswith("filter"):
        return lambda: cv2.filter2D(image, cv2.CV_32F, taps)
    return (lambda: cv2.medianBlur(image, k)) if name.startswith("median") else None


def work(contender: str, threads: int) -> None:
    """Read names of cases on standard input; write the times of a turn's calls, or nothing, on standard output."""
    make = opencv if contender == "opencv" else ours
    calls: dict[str, Callable[[], Any] | None] = {}
    for line in sys.stdin:
        name = line.strip()
        call = calls[name] = calls.get(name) or make(name, threads)
        times: list[float] = []
        end = time.perf_counter() + TURN_SECONDS
        while call is not None and (len(times) < 5 or time.perf_counter() < end):
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1e3)
        print(*times, flush=True)


class Contender:
    """A process that times one library."""

    def __init__(self, name: str, library: str, threads: int, python: str) -> None:
        self.name = name
        self.ours = library == "convlab" and python == sys.executable
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT) if self.ours else ""}
        self._process = subprocess.Popen(
            [python, str(Path(__file__)) if not self.ours else "-mbenchmarks.load", "--work", library, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT if self.ours else "/", env=environment,
        )  # fmt: skip

    def turn(self, case: str) -> list[float]:
        """Return the milliseconds of one turn's calls."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(case + "\n")
        self._process.stdin.flush()
        return [float(word) for word in self._process.stdout.readline().split()]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep this number of other processes computing."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def measure(contenders: list[Contender], case: str, rounds: int) -> dict[str, tuple[float, float]]:
    """Return each contender's median and 95th percentile in milliseconds."""
    for contender in contenders:
        contender.turn(case)  # to warm up
    turns: dict[str, list[list[float]]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            turns[contender.name].append(contender.turn(case))
    return {
        name: (
            statistics.median(statistics.median(times) for times in all_times),
            statistics.median(statistics.quantiles(times, n=20)[18] for times in all_times),
        )
        for name, all_times in turns.items()
        if all_times[0]
    }


def verdict(found: dict[str, tuple[float, float]]) -> str:
    """Report whether two threads beside busy processes meet the limits."""
    (one, _), (two, two_p95) = found["1 thread"], found["2 threads"]
    words = []
    if two > max(one * BARS[0], one + BARS[1]):
        words.append("median too slow")
    if "OpenCV, 2" in found and two_p95 > found["OpenCV, 2"][1] * BARS[2]:
        words.append("p95 above OpenCV's")
    return ", ".join(words) or "good"


def main() -> None:
    """Print a table for the idle machine and one for the machine with busy processes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 2], help="numbers of busy processes beside it")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2, 8])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--other", metavar="PYTHON", help="an interpreter with another build of convlab")
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.work:
        work(words.work[0], int(words.work[1]))
        return
    contenders = [Contender(f"{n} thread{'s'[: n > 1]}", "convlab", n, sys.executable) for n in words.threads]
    if words.other:
        contenders += [Contender(f"other, {n}", "convlab", n, words.other) for n in (1, 2)]
    contenders.append(Contender("OpenCV, 2", "opencv", 2, sys.executable))
    print(f"{cpu_name()}, {os.cpu_count()} CPUs; ms a call, median (95th percentile)")
    try:
        for processes in words.busy:
            rows = []
            with busy(processes):
                for case in CASES:
                    if words.only in case:
                        found = measure(contenders, case, words.rounds)
                        cells = [
                            f"{found[c.name][0]:.3f} ({found[c.name][1]:.3f})" if c.name in found else ""
                            for c in contenders
                        ]
                        rows.append([case, *cells, *([verdict(found)] if processes else [])])
            header = [
                f"beside {processes} busy processes",
                *(c.name for c in contenders),
                *(["verdict"] * (processes > 0)),
            ]
            print(text_table(header, rows), flush=True)
    finally:
        for contender in contenders:
            contender.close()


if __name__ == "__main__":
    main()
