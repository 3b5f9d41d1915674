"""`convlab bench`: our own backends against each other, each in a process of its own."""

import statistics
from pathlib import Path

import convlab

from . import cases, machine
from .results import CaseRecord, Entrant, Results, hold, limits_of, save
from .rounds import ROUNDS
from .table import error, microseconds, percent, text_table


def run(threads: int | None, select: str | None, json_path: str | None) -> None:
    """Time our own backends on the benchmark's cases and print a table.

    Every build of the compiled kernels that this CPU can run, NumPy and plain Python are timed in
    turn in one run. Each case's results are compared with its float64 answer before it is timed.

    Parameters
    ----------
    threads : int or None
        For every backend; by default the CPUs that the process may use.
    select : str or None
        Only the cases whose name contains this.
    json_path : str or None
        A file for everything that was measured.

    Raises
    ------
    ValueError
        If no case has such a name.
    DisagreementError
        If a backend's result is not the float64 answer up to rounding.
    """
    chosen = cases.select(select)
    labels = next(iter(convlab.backend().values()))["available"]
    results = hold(
        chosen,
        [_entrant(label) for label in labels],
        ours=labels,
        yardsticks=[label for label in labels if label != "python"],
        threads=machine.cpu_count() if threads is None else threads,
        rounds=ROUNDS,
    )
    print(_text(results, labels))
    if json_path is not None:
        save(results, Path(json_path))


def _entrant(label: str) -> Entrant:
    backend, _, isa = label.partition("/")
    environment = {"CONVLAB_BACKEND": backend, "CONVLAB_ISA": isa or "auto"}
    return Entrant(label, ("-m", "convlab.bench.ours"), environment)


def _text(results: Results, labels: tuple[str, ...]) -> str:
    limits = limits_of(results)

    def cells(case: CaseRecord) -> list[str]:
        medians = {name: statistics.median(record["seconds"]) for name, record in case["contenders"].items()}
        limit = limits.seconds(case["flops"], case["bytes_moved"])
        return [
            case["name"],
            *(microseconds(medians[label]) if label in medians else "-" for label in labels),
            percent(None if limit is None else limit / medians[labels[0]]),
            error(max(record["error"] for record in case["contenders"].values())),
        ]

    header = ["us per call", *labels, "of limit", "error"]
    about = f"{results['machine']['cpu']}, threads: {results['threads']}"
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return f"{about}, {versions}\n\n" + text_table(header, [cells(c) for c in results["cases"]])
