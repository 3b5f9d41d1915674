"""A whole run: start the contenders, time every case, and store the measurements as JSON.

The JSON contains only measurements, and nothing that can be computed from them.
"""

import datetime
import json
import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from benchmarks import machine
from benchmarks.cases.case import Case
from benchmarks.rounds import MissingError, Outcome, Process, compete

SCHEMA = 1


class ContenderRecord(TypedDict):
    """One contender's measurements of a case."""

    variant: str  # the fastest of its ways to do the work, which was timed
    served_by: str  # the kernel, if the library names it
    error: float  # largest error against float64, relative to the sum of |w| |x| of its pixel
    seconds: list[float]  # of one call in each round; slow contenders stop after a few rounds


class CaseRecord(TypedDict):
    """One case: its work, its target, and its contenders."""

    name: str
    group: str
    flops: int
    bytes_moved: int
    required: float | None  # the least ratio that the project accepts, on one thread
    yardstick: str  # "peers": the fastest of them; "python": plain Python
    contenders: dict[str, ContenderRecord]
    missing: dict[str, str]  # contenders that took no part, and the reason


class LimitsRecord(TypedDict):
    """The machine's limits."""

    multiply_add: float | None  # flops per second; null if it was not measured
    copies: dict[str, float]  # bytes read and written per second, by the bytes of the case


class Results(TypedDict):
    """A run."""

    schema: int
    date: str
    commit: str | None  # of the sources, if they are a checkout
    threads: int
    rounds: int
    machine: machine.Description
    versions: dict[str, str]
    missing: dict[str, str]  # contenders that are not installed, and the reason
    limits: LimitsRecord
    cases: list[CaseRecord]


@dataclass(frozen=True)
class Entrant:
    """The command that starts a contender's process."""

    name: str
    command: Sequence[str]


def hold(
    cases: Sequence[Case],
    entrants: Sequence[Entrant],
    *,
    ours: Collection[str],
    yardsticks: Collection[str],
    threads: int,
    rounds: int,
) -> Results:
    """Time every case on every contender; see `rounds.compete` for the arguments.

    Progress is printed on standard error.
    """
    limits = machine.measure(cases, threads)
    missing: dict[str, str] = {}
    versions: dict[str, str] = {}
    records = []
    with ExitStack() as stack:
        contenders = []
        for entrant in entrants:
            try:
                process = Process(entrant.name, entrant.command, threads)
            except MissingError as reason:
                missing[entrant.name] = str(reason)
                continue
            contenders.append(stack.enter_context(process))
            versions |= process.versions
        for number, case in enumerate(cases, 1):
            print(f"[{number}/{len(cases)}] {case.name}", file=sys.stderr, flush=True)
            outcome = compete(case, contenders, ours=ours, yardsticks=yardsticks, rounds=rounds)
            records.append(_record(outcome))
    # Measure again, because a limit is the best rate of all measurements.
    limits = limits.merged(machine.measure(cases, threads))
    return {
        "schema": SCHEMA,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": None,
        "threads": threads,
        "rounds": rounds,
        "machine": machine.describe(),
        "versions": versions,
        "missing": missing,
        "limits": {
            "multiply_add": limits.multiply_add,
            "copies": {str(size): rate for size, rate in limits.copies.items()},
        },
        "cases": records,
    }


def limits_of(results: Results) -> machine.Limits:
    """Return the machine's limits that a run measured."""
    record = results["limits"]
    copies = {int(size): rate for size, rate in record["copies"].items()}
    return machine.Limits(record["multiply_add"], copies)


def load(path: Path) -> Results:
    """Read a run's JSON; raise ValueError if it has another schema."""
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    if results.get("schema") != SCHEMA:
        raise ValueError(f"{path}: schema {results.get('schema')!r}, expected {SCHEMA}")
    return results


def save(results: Results, path: Path) -> None:
    """Write a run's JSON."""
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _record(outcome: Outcome) -> CaseRecord:
    case = outcome.case
    return {
        "name": case.name,
        "group": case.group,
        "flops": case.flops,
        "bytes_moved": case.bytes_moved,
        "required": case.required,
        "yardstick": case.yardstick,
        "contenders": {
            name: {
                "variant": timing.variant,
                "served_by": timing.served_by,
                "error": timing.error,
                # No more digits than the clock has.
                "seconds": [float(f"{sample:.4g}") for sample in timing.samples],
            }
            for name, timing in outcome.timings.items()
        },
        "missing": outcome.missing,
    }
