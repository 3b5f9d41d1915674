"""The benchmark: its list, its judgement of results, its rounds, and the pages made from them."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convlab.bench import CASES, Case, DisagreementError, run
from convlab.bench.cases import Filter, Pool, operations, select, without_case
from convlab.bench.machine import Limits
from convlab.bench.oracle import expected
from convlab.bench.results import Results, load, save
from convlab.bench.rounds import (
    ContenderError,
    MissingError,
    Outcome,
    Process,
    Timing,
    _in_the_running,
    compete,
)
from convlab.bench.worker import UnsupportedError

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ is part of the repository alone", allow_module_level=True)
# Last, so that an installed package is tested and not the sources beside it.
sys.path.append(str(ROOT))

from benchmarks import peers, report  # noqa: E402
from benchmarks.compare import compare, text  # noqa: E402
from benchmarks.summary import summarise  # noqa: E402

TINY = Case("tiny filter", "Filters", (20, 24), filter=Filter(3), required=1.0)


def small(case: Case) -> Case:
    """The same case on few pixels, none of its sides a multiple of a vector."""
    if case.picture == "ascent":
        return case
    return replace(case, shape=tuple(min(side, 45 if side % 2 else 37 + place) if side > 3 else side for place, side in enumerate(case.shape)))
