"""Look for calls that take too much time or memory for their size: `make sweep`, or `python -m benchmarks.sweep`.

Three parts, on one thread, except the memory, which is measured on two:

* growth: every public operation must take less than 16 times as long on eight times a million elements along one axis;
  the limit is higher in proportion if a copy takes more than 8 times as long, because of the caches;
* peers: random calls of all kinds of shapes; no call above 20 us may take more than three times as long as the fastest
  of SciPy, OpenCV and PyTorch, if these compute the same;
* memory: every operation, on a wide, a tall and a square array, may need no more memory in addition to its arguments
  and its result than `explain` states and the documentation promises.

Failures of the first two parts are measured again separately. The exit status is 1 if a failure remains.
"""

import argparse
import math
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.sweep_calls import Call, memory_calls, pairs
from benchmarks.sweep_worker import ROUNDS, draw
from convlab.bench.process import KEEP_MEMORY
from convlab.bench.table import microseconds, ratio, text_table

ELEMENTS = 10**6
CASES = 1500
WORST = 20
OURS = "convlab"

MOST_GROWTH = 16.0
MOST_RATIO = 3.0
SHORT = 20e-6  # seconds; shorter calls are dominated by the fixed cost of a call
PROMISE, PROMISE_CONV = 32 << 20, 64 << 20
# Pages of a process that belong to no array: stacks, the allocator's rounding.
SLACK = 4 << 20
THREADS_OF_MEMORY = 2

_PATIENCE = 300.0  # seconds for one answer, and for the peers' imports before the first: other processes may be busy
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "CONVLAB")} | {
    "OPENCV_FOR_THREADS_NUM": "1"
}


class FailedError(Exception):
    """A call raised an error, took too long, or ended its process; see the message."""


class Worker:
    """A process that answers requests; it is started again after a request that it did not answer."""

    def __init__(self, environment: dict[str, str], patience: float = _PATIENCE) -> None:
        self._environment = (
            os.environ | environment | {"PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
        )
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, *question: Any) -> Any:
        """Return the answer.

        Raises
        ------
        FailedError
            If there is none.
        """
        if self._process is None:
            command = [sys.executable, "-m", "benchmarks.sweep_worker"]
            pipe = subprocess.PIPE
            # In a separate process group, so that its forked processes end with it.
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, env=self._environment, start_new_session=True
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        pickle.dump(question, stdin)
        stdin.flush()
        if not select.select([stdout], [], [], self._patience)[0]:
            self.close()
            raise FailedError(f"no answer within {self._patience:.0f} s")
        try:
            kind, value = pickle.load(stdout)
        except EOFError:
            status = self._process.wait()
            self.close()
            raise FailedError(f"its process ended with status {status}") from None
        if kind == "failed":
            raise FailedError(str(value).strip().splitlines()[-1])
        return value

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Part:
    """The results of a part of the sweep: rows sorted by their first item, and a line for each failure."""

    title: str
    header: list[str]
    most: int | None = None  # rows shown
    rows: list[tuple[float, list[str]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [cells for _, cells in sorted(self.rows, key=lambda row: -row[0])[: self.most]]
        lines = [f"{self.title}: {len(rows)} of {len(self.rows)}", "", text_table(self.header, rows), *self.notes]
        return "\n".join(lines)


def growth(part: Part, elements: int, only: str) -> None:
    """Time every operation at one size and at eight times that size along each axis."""
    with Worker(_ONE_THREAD | KEEP_MEMORY) as worker:
        copied = worker.ask("copies", elements)
        by_caches = copied["large"] / copied["small"]
        limit = MOST_GROWTH * max(1.0, by_caches / 8)
        part.notes.append(f"A copy takes {ratio(by_caches)} as long: the limit is {ratio(limit)}.")
        for small, large in pairs(elements):
            words = f"growth/{small} along {small.axis}"
            if only not in words:
                continue
            try:
                times = worker.ask("growth", small, large)
                if times["large"] >= limit * times["small"]:
                    worker.close()
                    times = worker.ask("growth", small, large)
            except FailedError as error:
                part.failures.append(f"{words}: {error}")
                part.rows.append((math.inf, [words, "-", "-", "-"]))
                continue
            grown = times["large"] / times["small"]
            part.rows.append((grown, [words, *map(microseconds, (times["small"], times["large"])), ratio(grown)]))
            if grown >= limit:
                part.failures.append(f"{words}: eight times the pixels take {ratio(grown)} as long")


def compared(part: Part, elements: int, only: str, seed: int, cases: int) -> None:
    """Time random calls and their peers."""
    alone = refused = 0
    differing: list[str] = []
    with Worker(_ONE_THREAD | KEEP_MEMORY) as worker:
        lone = re.match(r"peers/(\d+):", only)
        for index in [int(lone[1])] if lone else range(cases):
            part.notes[:] = [
                f"Of {index} calls {alone} have no peer that computes the same and is installed. "
                f"Peers refused {refused}, and computed something else in {len(differing)}, which do not count:",
                *differing[:WORST],
            ]
            words = f"peers/{index}: {draw(seed, index, elements).call}"
            if only not in words:
                continue
            try:
                found = worker.ask("compared", seed, index, elements)
                if _lead(found["seconds"]) > MOST_RATIO:
                    worker.close()
                    found = worker.ask("compared", seed, index, elements, 2 * ROUNDS)
            except FailedError as error:
                part.failures.append(f"{words}: {error}")
                continue
            differing += [f"  {words}: {name} by {error:.2g}" for name, error in found["differing"].items()]
            refused += len(found["refused"])
            seconds = found["seconds"]
            alone += not seconds
            if not seconds:
                continue
            best = min((name for name in seconds if name != OURS), key=seconds.__getitem__)
            lead = _lead(seconds)
            theirs = f"{best} {microseconds(seconds[best])}"
            part.rows.append((lead, [words, microseconds(seconds[OURS]), theirs, found["kernel"], ratio(lead)]))
            if lead > MOST_RATIO:
                part.failures.append(f"{words}: {ratio(lead)} {best}'s time")


def _lead(seconds: dict[str, float]) -> float:
    """Return convlab's time divided by the fastest peer's; 0 for a call that is too short."""
    if not seconds or seconds[OURS] <= SHORT:
        return 0.0
    return seconds[OURS] / min(time for name, time in seconds.items() if name != OURS)


def memory(part: Part, elements: int, only: str) -> None:
    """Measure the memory of every operation in a separate process, whose peak memory the kernel reports."""
    if not Path("/proc/self/clear_refs").exists():
        part.notes.append("The peak memory of a call is measured only on Linux.")
        return
    with Worker(_ONE_THREAD) as worker:
        for call in memory_calls(elements):
            words = f"memory/{call.axis}: {call}"
            if only not in words:
                continue
            try:
                found = worker.ask("memory", call, THREADS_OF_MEMORY)
            except FailedError as error:
                part.failures.append(f"{words}: {error}")
                part.rows.append((math.inf, [words, "-", "-", "-", str(error)[:80]]))
                continue
            faults = judged(call, found["needed"], found["planned"])
            part.failures += [f"{words}: {fault}" for fault in faults]
            planned = "-" if found["planned"] is None else _mebibytes(found["planned"])
            sizes = [_mebibytes(found["needed"]), planned, _mebibytes(_promise(call))]
            part.rows.append((found["needed"], [words, *sizes, "; ".join(faults)]))


def judged(call: Call, needed: int, planned: int | None) -> list[str]:
    """Return the failure of a call's memory, if any."""
    faults = []
    if needed < -SLACK:
        faults.append("the system swapped pages during the call: measure again")
    if needed > _promise(call) + SLACK:
        faults.append(f"needs {_mebibytes(needed)} MiB, more than promised")
    if planned is not None and needed > planned + SLACK:
        faults.append(f"needs {_mebibytes(needed)} MiB, explain says {_mebibytes(planned)}")
    return faults


def _promise(call: Call) -> int:
    return PROMISE_CONV if call.operation.startswith("conv") else PROMISE


def _mebibytes(size: int) -> str:
    return f"{max(size, 0) / 2**20:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen parts; return 1 if there is a failure."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="benchmarks.sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random calls (default: 0)")
    parser.add_argument("--cases", type=int, default=CASES, help=f"how many random calls (default: {CASES:,})")
    parser.add_argument(
        "--only",
        default="",
        metavar="WORDS",
        help="only calls whose line contains this: growth/, peers/, memory/, growth/box, peers/17:, uint8, ...",
    )
    parser.add_argument(
        "--elements",
        type=int,
        default=ELEMENTS,
        help=f"of an array (default: {ELEMENTS:,}); the memory is measured with 16 times this number",
    )
    chosen = parser.parse_args(arguments)
    # A shell's background jobs ignore Ctrl-C, and would not print their results.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begin = time.perf_counter()
    size, only = chosen.elements, chosen.only
    parts: dict[str, tuple[Part, Callable[[Part], None]]] = {
        "growth": (
            Part("Growth, the worst", ["call", "us", "us, 8 times as long", "ratio"], WORST),
            lambda part: growth(part, size, only),
        ),
        "peers": (
            Part("Peers, the worst", ["case and call", "us", "fastest peer, us", "kernel", "ratio"], WORST),
            lambda part: compared(part, size, only, chosen.seed, chosen.cases),
        ),
        "memory": (
            Part("Memory beside arguments and result, 2 threads", ["call", "MiB", "explain", "promise", ""]),
            lambda part: memory(part, 16 * size, only),
        ),
    }
    named = only.partition("/")[0]
    failures: list[str] = []
    for name, (part, run) in parts.items():
        if named in parts and named != name:
            continue
        interrupted = False
        try:
            run(part)
        except KeyboardInterrupt:  # print the results so far
            interrupted = True
        print(f"{part}\n", flush=True)
        failures += part.failures
        if interrupted:
            print("Interrupted.")
            break
    print(f"{len(failures)} failures, after {(time.perf_counter() - begin) / 60:.1f} minutes")
    for failure in failures:
        print(f"  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
