"""`convlab bench`: convlab's backends against each other, each in a separate process."""

import datetime
import json
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import convlab
from convlab.cli.machine import cpu_name

from .cases import Case, select
from .process import Process
from .table import error, microseconds, percent, text_table

ROUNDS = 15
QUICK_ROUNDS = 5

# Seconds after which a backend is no longer timed: the median of slow calls needs no more of them.
_ENOUGH_SECONDS = 0.5

# A case takes about this many times as long if plain Python is timed too.
_PYTHON_PARTS = 5

# Seconds between backends: idle threads may spin before they sleep, which would slow down the next one.
_SETTLE_SECONDS = 0.03


def run(threads: int | None, substring: str | None, json_path: str | None, quick: bool = False) -> None:
    """Time convlab's backends and print a table.

    Every build of the compiled kernels that this CPU can run, NumPy and plain Python are timed in turn, round after
    round, in one run. The results of a case are compared before its rounds. Progress is printed on standard error.

    Parameters
    ----------
    threads : int or None
        Threads of every backend; default: as many as convlab uses.
    substring : str or None
        Only the cases whose name contains this.
    json_path : str or None
        A file for all measurements.
    quick : bool
        Fewer rounds.

    Raises
    ------
    ValueError
        If no case has such a name.
    DisagreementError
        If a backend's result is not NumPy's up to rounding.
    """
    chosen = select(substring)
    labels = next(iter(convlab.backend().values()))["available"]
    threads = convlab.get_num_threads() if threads is None else threads
    rounds = QUICK_ROUNDS if quick else ROUNDS
    records = []
    with ExitStack() as stack:
        stack.callback(_tell, "", None)  # an error message starts on a new line
        contenders = []
        for label in labels:
            contenders.append(Process(label, threads))
            stack.callback(contenders[-1].close)
        start, done, parts = time.monotonic(), 0, [_PYTHON_PARTS if case.in_python else 1 for case in chosen]
        for number, case in enumerate(chosen):
            left = (time.monotonic() - start) / done * (sum(parts) - done) if done else None
            _tell(f"[{number + 1}/{len(chosen)}] {case.name}", left)
            records.append(_record(case, contenders, threads, rounds))
            done += parts[number]
    results = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": cpu_name(),
        "convlab": convlab.__version__,
        "threads": threads,
        "rounds": rounds,
        "cases": records,
    }
    print(f"{results['cpu']}, threads: {threads}, convlab {convlab.__version__}\n")
    print(text_table(["us per call", *labels, "of limit", "difference"], [_cells(r, labels) for r in records]))
    if json_path is not None:
        Path(json_path).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _tell(line: str, left: float | None) -> None:
    """Show the progress on standard error; on a terminal in one line, with the remaining seconds."""
    if sys.stderr.isatty():
        seconds = "" if left is None else f", {left:.0f} s left"
        print(f"\r\033[K{line}{seconds}", end="", file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)


def _record(case: Case, contenders: Sequence[Process], threads: int, rounds: int) -> dict[str, Any]:
    """Compare the backends' results of a case, then time each once a round."""
    active = [contender for contender in contenders if contender.label != "python" or case.in_python]
    answers = {contender.label: contender.ask(case) for contender in active}
    differences = [case.difference(label, answer[0], answers["numpy"][0]) for label, answer in answers.items()]
    samples: dict[str, list[float]] = {label: [] for label in answers}
    for number in range(rounds):
        first = number % max(len(active), 1)  # so that no backend always runs after the same one
        for contender in active[first:] + active[:first]:
            if threads > 1:
                time.sleep(_SETTLE_SECONDS)
            samples[contender.label].append(float(f"{contender.ask(None):.4g}"))
        active = [contender for contender in active if sum(samples[contender.label]) < _ENOUGH_SECONDS]
    return {
        "name": case.name,
        "limit": case.limit(threads),
        "difference": max(differences),
        "backends": {label: {"served_by": answers[label][1], "seconds": seconds} for label, seconds in samples.items()},
    }


def _cells(record: dict[str, Any], labels: Sequence[str]) -> list[str]:
    medians = {name: statistics.median(backend["seconds"]) for name, backend in record["backends"].items()}
    limit = record["limit"]
    return [
        record["name"],
        *(microseconds(medians[label]) if label in medians else "-" for label in labels),
        percent(None if limit is None else limit / medians[labels[0]]),
        error(record["difference"]),
    ]
