"""Compare convlab with other libraries: `python -m benchmarks.compare`.

Every library runs in a separate process with the same number of threads. Before any timing, results
are compared with the float64 answer, and so with each other. Then the libraries are timed in turn,
round after round. The ratio of a case is the median over the rounds of the fastest peer's time
divided by convlab's. Every call writes a new output. ONNX Runtime's sessions and PyTorch's tensors
are prepared before and not measured, which is an advantage for them. Losses are printed too.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, peers
from benchmarks.cases import select
from benchmarks.cases.case import Case
from benchmarks.oracle import DisagreementError
from benchmarks.rounds import QUICK_ROUNDS, ROUNDS
from benchmarks.runs import Entrant, Results, hold, save
from benchmarks.summary import OURS, Ratio, Row, summarise
from convlab.bench.table import error, microseconds, percent, ratio, text_table

ROOT = Path(__file__).resolve().parent.parent


def compare(cases: Sequence[Case], names: Sequence[str] = peers.NAMES, *, threads: int, rounds: int) -> Results:
    """Time the cases on convlab and the peers of these names.

    Raises
    ------
    DisagreementError
        If a result differs from the float64 answer by more than rounding.
    """
    entrants = [Entrant(OURS, ("-m", "benchmarks.ours"))]
    entrants += [Entrant(name, ("-m", "benchmarks.worker", name, str(threads))) for name in names]
    results = hold(
        cases,
        entrants,
        ours=(OURS,),
        yardsticks=peers.YARDSTICKS,
        threads=threads,
        rounds=rounds,
    )
    return results | {"commit": _commit()}


def text(results: Results) -> str:
    """Return the run as text for the terminal."""
    rows = summarise(results)
    names = [name for name in (OURS, *peers.NAMES) if any(name in row.times for row in rows)]
    header = ["us per call", *names, "spread", "to the fastest peer", "to Python", "of limit"]
    lines = [
        ", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        f"{results['machine']['cpu']}, threads: {results['threads']}, rounds: {results['rounds']}",
        *(f"{name} is missing: {reason}" for name, reason in results["missing"].items()),
        "",
        text_table([*header, "error", ""], [_cells(row, names) for row in rows]),
        "",
        f"{sum(row.lost for row in rows)} of {len(rows)} cases lost, "
        f"{sum(row.missed for row in rows)} below the target",
    ]
    return "\n".join(lines)


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    def between(quartiles: Ratio | None) -> str:
        if quartiles is None:
            return "-"
        low, high = ratio(quartiles.low), ratio(quartiles.high)
        return f"{quartiles} ({low}-{high})"

    return [
        row.name,
        *(microseconds(row.times[name]) if name in row.times else "-" for name in names),
        percent(row.spread),
        between(row.peer),
        "-" if row.python is None else ratio(row.python.median),
        percent(row.of_limit),
        error(row.error),
        row.verdict,
    ]


def _commit() -> str | None:
    """Return the commit of the sources, marked if they differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("-modified" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--threads", type=int, default=machine.cpu_count(), metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    parser.add_argument("--case", metavar="SUBSTRING", help="only cases whose names contain this")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, not {ROUNDS}")
    options = parser.parse_args(arguments)
    if options.threads < 1:
        parser.error("--threads must be 1 or more")
    try:
        cases = select(options.case)
    except ValueError as unknown:
        parser.error(str(unknown))
    try:
        results = compare(cases, threads=options.threads, rounds=QUICK_ROUNDS if options.quick else ROUNDS)
    except DisagreementError as disagreement:
        print(f"the results disagree, so nothing was timed: {disagreement}", file=sys.stderr)
        return 1
    print(text(results))
    if options.json is not None:
        save(results, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
