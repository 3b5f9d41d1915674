"""Measure each kernel's costs and write the table that `explain` reads: `python -m benchmarks.costs --write`.

Calls of every family and of many sizes are timed on one thread. For each kernel and backend the terms of
`convlab._costs.Cost` are fitted to their times. Without `--write` the program compares the calls with `explain`, prints
those that differ by more than a factor of two, and fails if these are more than one in twenty with compiled kernels.
"""

import argparse
import datetime
import platform
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

import convlab
from benchmarks.machine import describe
from convlab import _costs, _explain, _operations
from convlab._dispatch import active
from convlab.bench.worker import calibrated

TABLE = Path(_costs.__file__)
MOST_OUTSIDE = 0.05
MOST_NUMPY = 1 << 15  # most elements of the fallback's inputs
MOST_CALL = {"compiled": 20e-6, "numpy": 1e-3}  # highest fixed cost of a call, in seconds

Call = tuple[str, NDArray[Any], tuple[Any, ...], dict[str, Any]]


@dataclass
class Timed:
    """A call, the terms of its cost, and its time."""

    name: str
    row: str  # of the table
    terms: list[float]
    seconds: float
    expected: float | None
    compiled: bool  # whether it could run on compiled kernels


def images(random: np.random.Generator) -> Iterator[Call]:
    """Filters, order statistics and pools of pictures."""
    for n in (32, 128, 512, 1024):
        for dtype in ("float32", "uint8", "uint16", "float64"):
            x = (np.abs(random.standard_normal((n, n))) * 40).astype(dtype)
            for k in (3, 5, 7, 9, 15, 31):
                yield "filter2d", x, (random.standard_normal((k, k)),), {}
                if dtype != "float64" or n < 1024:
                    yield "median_filter", x, (k,), {}
            for k in (5, 9, 31):
                yield "filter2d", x, (np.ones((k, k)),), {}
            if dtype == "float32":
                for k in (41, 63):
                    yield "filter2d", x, (random.standard_normal((k, k)),), {}
            for k in (3, 5, 9, 21):
                yield "sep_filter2d", x, (np.arange(1.0, k + 1), np.ones(k)), {}
            for k in (3, 9, 31):
                yield "box", x, (k,), {}
                yield "maximum_filter", x, (k,), {}
            yield "gaussian", x, (2.0,), {}
            yield "sobel", x, (), {}
            yield "gradient_magnitude", x, (1.0,), {}
            for k, stride in ((2, 2), (3, 2), (3, 1), (5, 1), (4, 4), (8, 8), (7, 3), (15, 1)):
                yield "max_pool2d", x, (k, stride), {}
                yield "avg_pool2d", x, (k, stride), {}
            yield "max_pool2d", x, (2, 2), {"return_indices": True}
            yield "adaptive_avg_pool2d", x, (7,), {}
            yield "global_avg_pool", x[None, None], (), {}
            yield "lp_pool2d", x, (2, 3), {}
        mask = np.ones((n, n), bool)
        yield "filter2d", np.ones((n, n), np.float32), (np.ones((3, 3)),), {"mask": mask}
        bank = random.standard_normal((16, 3, 3))
        yield "filter_bank", np.ones((n, n), np.float32), (bank,), {}


# Channels, image side, output channels, window side, stride.
LAYERS = [
    (3, 224, 32, 3, 2), (64, 56, 64, 3, 1), (64, 56, 128, 1, 1), (128, 28, 128, 3, 1), (256, 14, 256, 3, 1),
    (512, 7, 512, 3, 1), (512, 7, 2048, 1, 1), (64, 56, 64, 3, 2), (3, 224, 64, 7, 2), (1, 28, 6, 5, 1),
    (6, 14, 16, 5, 1), (1, 512, 32, 3, 1), (16, 20, 16, 3, 1), (32, 112, 32, 3, 1), (24, 40, 24, 3, 1),
    (256, 14, 1024, 1, 1), (1024, 14, 256, 1, 1), (64, 14, 64, 1, 1), (8, 28, 8, 3, 1), (512, 14, 512, 3, 1),
    (8, 10, 8, 3, 1), (128, 7, 128, 3, 1), (3, 640, 16, 3, 1),
]  # fmt: skip
# Channels, image side, window side, stride.
DEPTHWISE = [
    (64, 56, 3, 1), (64, 56, 3, 2), (128, 28, 5, 1), (512, 7, 3, 1), (32, 112, 9, 1), (8, 56, 3, 1), (16, 28, 9, 1),
    (4, 200, 11, 1), (32, 112, 3, 1), (960, 7, 3, 1), (8, 40, 4, 1), (64, 28, 9, 2),
]  # fmt: skip


def tensors(random: np.random.Generator) -> Iterator[Call]:
    """Layers of networks, and pools of their results."""
    for channels, n, out, k, stride in LAYERS:
        x = random.standard_normal((1, channels, n, n), dtype=np.float32)
        w = random.standard_normal((out, channels, k, k), dtype=np.float32)
        options = {"stride": stride, "padding": k // 2}
        yield "conv2d", x, (w,), options
        yield "Conv2d", x, (w,), options
    for channels, n, k, stride in DEPTHWISE:
        x = random.standard_normal((1, channels, n, n), dtype=np.float32)
        w = random.standard_normal((channels, 1, k, k), dtype=np.float32)
        options = {"stride": stride, "padding": k // 2, "groups": channels}
        yield "conv2d", x, (w,), options
        yield "conv2d", np.ascontiguousarray(np.moveaxis(x, 1, -1)), (w,), {**options, "layout": "NHWC"}
    for shape in ((1, 64, 56, 56), (32, 64, 7, 7), (8, 64, 14, 14), (64, 256, 7, 7)):
        x = random.standard_normal(shape, dtype=np.float32)
        for k, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1)):
            yield "max_pool2d", x, (k, stride, padding), {}
            yield "avg_pool2d", x, (k, stride, padding), {}
        yield "global_avg_pool", x, (), {}
    for n in (20_000, 100_000, 400_000):
        yield "conv1d", random.standard_normal((1, 1, n), dtype=np.float32), (np.ones((1, 1, 2049)),), {}
        yield "conv1d", random.standard_normal((1, 16, n // 16), dtype=np.float32), (np.ones((16, 16, 9)),), {}
    for n in (8, 16, 32):
        volume = random.standard_normal((1, 8, n, n, n), dtype=np.float32)
        yield "conv3d", volume, (np.ones((8, 8, 3, 3, 3)),), {}


def timed(call: Call) -> Timed:
    """Time a call, and compute its terms."""
    operation, x, arguments, options = call
    plan = _operations.plan_of(operation, _explain.stand_in(x.shape, x.dtype), arguments, options)
    if operation == "Conv2d":
        run = partial(convlab.Conv2d(*arguments, **options), x)
    else:
        run = partial(getattr(convlab, operation), x, *arguments, **options)
    run()
    _, seconds = calibrated(run)
    explained = convlab.explain(operation, x.shape, *arguments, dtype=x.dtype, threads=1, **options)
    sizes = [np.shape(a) or a for a in arguments]
    return Timed(
        f"{operation} {x.shape} {x.dtype} {sizes} {'' if not options else list(options)}",
        _costs.row_of(plan, explained.backend),
        [*_costs.terms(plan, x)],
        seconds,
        explained.expected_seconds,
        active().name == "compiled",
    )


def fitted(rows: list[Timed]) -> list[float]:
    """Return the non-negative costs of the terms that fit the logarithms of the times best."""
    terms, seconds = np.array([row.terms for row in rows]), np.array([row.seconds for row in rows])
    scale = seconds.min() / np.where(terms.max(axis=0) > 0, terms.max(axis=0), 1)
    start, _ = optimize.nnls(terms * scale / seconds[:, None], np.ones(len(rows)))

    def error(costs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(np.maximum(terms @ (costs * scale), 1e-9) / seconds)

    most = np.full(len(scale), np.inf)
    most[0] = MOST_CALL[rows[0].row.rpartition(" ")[2]] / scale[0]
    start = np.clip(start + 1e-3, 0, most)
    found = optimize.least_squares(error, start, bounds=(0, most + 1e-12), loss="soft_l1", f_scale=0.2)
    costs = found.x * scale
    counts = costs * terms.max(axis=0) > 1e-3 * seconds.min()
    return [float(f"{cost:.3g}") if count else 0.0 for cost, count in zip(costs, counts, strict=True)]


def write(rows: list[Timed]) -> None:
    """Write the table into convlab/_costs.py."""
    by_row: dict[str, list[Timed]] = defaultdict(list)
    for row in rows:
        by_row[row.row].append(row)
    lines = [f'    "{key}": Cost({", ".join(map(repr, fitted(by_row[key])))}),\n' for key in sorted(by_row)]
    machine = f"{describe()['cpu']}, {platform.python_compiler()}, {datetime.date.today()}"
    with convlab.use_backend("compiled"):
        flops = _explain.multiply_adds(active())
    head, mark, _ = TABLE.read_text(encoding="utf-8").partition("# Written by `python -m benchmarks.costs --write`.\n")
    text = f'MACHINE = "{machine}"\nFLOPS = {flops:.3g}  # multiplications and additions a second of one thread there\n'
    TABLE.write_text(f"{head}{mark}{text}COSTS: dict[str, Cost] = {{\n{''.join(lines)}}}\n", encoding="utf-8")


def main() -> None:
    """Measure, and write or compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the table")
    words = parser.parse_args()
    convlab.set_num_threads(1)
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for backend in ("compiled", "numpy"):
            random = np.random.default_rng(0)
            with convlab.use_backend(backend):
                calls = (call for make in (images, tensors) for call in make(random))
                rows += [timed(call) for call in calls if backend == "compiled" or call[1].size <= MOST_NUMPY]
    if words.write:
        write(rows)
        return
    rows = [row for row in rows if row.compiled]
    known = [row for row in rows if row.expected is not None]
    outside = [row for row in known if not 0.5 <= (row.expected or 0) / row.seconds <= 2]
    for row in outside:
        print(f"{row.name}: {row.seconds * 1e6:.0f} us, expected {(row.expected or 0) * 1e6:.0f} ({row.row})")
    print(f"{len(rows)} calls, {len(rows) - len(known)} unknown, {len(outside)} of the others outside a factor of two")
    if len(outside) > MOST_OUTSIDE * len(rows) or len(rows) - len(known) > MOST_OUTSIDE * len(rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
