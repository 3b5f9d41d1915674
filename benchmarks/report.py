"""Write pages from measurements: `python -m benchmarks.report [FILE]`.

FILE, written by `python -m benchmarks.compare --json FILE`, is copied to `benchmarks/results/` with
a name made of its machine and threads. Then the page and the chart of every run in that folder and
the README's block are written again.
"""

import argparse
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks import peers
from benchmarks.cases import CASES
from benchmarks.compare import ROOT
from benchmarks.runs import Results, load, save
from benchmarks.summary import OURS, Row, summarise
from convlab.bench.table import error, microseconds, percent, ratio

RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
START, END = "<!-- benchmark start -->", "<!-- benchmark end -->"


def name_of(results: Results) -> str:
    """Return the name of a run's files: its CPU and its threads."""
    cpu = re.sub(r"\((r|tm)\)|cpu|@", " ", results["machine"]["cpu"].lower())
    words = re.findall(r"[a-z0-9]+", cpu)
    return "-".join([*words, _threads(results).replace(" ", "-")])


def readme_block(runs: Iterable[Results]) -> str:
    """Return the README's summary of these runs by family, without the markers."""
    return "\n\n".join(_summary(results) for results in runs)


def replaced(text: str, block: str) -> str:
    """Return the text with a new block between its markers.

    Raises
    ------
    ValueError
        If each marker is not there exactly once, in order.
    """
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"the README must contain {START} and then {END}, once each")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{block}\n{END}{after}"


def page(results: Results) -> str:
    """Return the whole run as Markdown."""
    rows = summarise(results)
    names = [name for name in (OURS, *peers.NAMES) if any(name in row.times for row in rows)]
    lines = [
        f"# {results['machine']['cpu']}, {_threads(results)}",
        "",
        _about(results),
        "",
        f"![The ratios of all cases]({name_of(results)}.svg)",
        "",
        'Times are medians in microseconds per call; every call allocates its output. "ratio": the '
        "fastest peer's time divided by convlab's, the median and the quartiles of up to "
        f'{results["rounds"]} interleaved rounds. "of the limit": the least time that the machine '
        "needs for the multiplications, or for reading the input and writing the output, divided by "
        'convlab\'s time. "error": the largest difference from float64, relative to the sum of '
        "|w| |x|. Every result was compared with the float64 answer before it was timed. Numba (a "
        "user's loop) and plain Python do not count as peers. ONNX Runtime's sessions and PyTorch's "
        'tensors are prepared before and not timed. "demanded": the project\'s target for the ratio, '
        "with the measured ratio to OpenCV, NumPy, SciPy and PyTorch (the lesson: to plain Python). "
        "**missed** marks a ratio below the target, **lost** a case in which a peer was faster.",
    ]
    for name, reason in results["missing"].items():
        lines += ["", f"{name} was missing: {reason}"]
    head = ["case", *names, "ratio", "to Python", "of the limit", "error", "demanded"]
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += ["", f"## {group}", "", *_table(head, [_full(row, names) for row in members])]
    lines += ["", "## The variant of each library", ""]
    lines += _table(["case", *names[1:]], [_ways(row, names[1:]) for row in rows])
    return "\n".join(lines) + "\n"


def write(folder: Path, readme: Path) -> None:
    """Write the page and chart of every run in a folder, and the README's block."""
    from benchmarks.chart import draw

    runs = committed(folder)
    for results in runs:
        target = folder / name_of(results)
        target.with_name(f"{target.name}.md").write_text(page(results), encoding="utf-8")
        draw(results, target.with_name(f"{target.name}.svg"))
    text = readme.read_text(encoding="utf-8")
    readme.write_text(replaced(text, readme_block(runs)), encoding="utf-8")


def committed(folder: Path = RESULTS) -> list[Results]:
    """Return the runs in a folder, in the order of their names."""
    return [load(path) for path in sorted(folder.glob("*.json"))]


def _summary(results: Results) -> str:
    rows = summarise(results)
    head = ["work", "cases", "slowest", "median", "fastest", "losses"]
    cells = [_family(group, list(members)) for group, members in groupby(rows, key=lambda row: row.group)]
    lost = [f"{row.name} ({ratio(row.peer.median)}, {row.peer.to})" for row in rows if row.peer and row.lost]
    missed = [
        f"{row.name} ({row.judged or 'not measured'}, target {row.required:,g}x)"
        for row in rows
        if row.missed and row.required is not None
    ]
    measured = {row.group for row in rows}
    absent = [case.group.removesuffix(", conv2d") for case in CASES if case.group not in measured]
    return "\n".join(
        [
            f"{_about(results)} Compiler: not recorded.",
            "",
            *_table(head, cells),
            "",
            f"* Of these {len(rows)} cases, a peer was faster in: {'; '.join(lost) or 'none'}.",
            f"* Cases below the project's target: {'; '.join(missed) or 'none'}.",
            f"* Not measured in this run: {'; '.join(dict.fromkeys(absent)) or 'none'}.",
            f"* [All cases, all libraries, chart](benchmarks/results/{name_of(results)}.md).",
        ]
    )


def _family(group: str, rows: Sequence[Row]) -> list[str]:
    """Return the README's cells for the cases of one group."""
    known = {case.name for case in CASES if case.group == group} | {row.name for row in rows}
    cases = str(len(rows)) if len(rows) == len(known) else f"{len(rows)} of {len(known)}"
    ratios = [row.peer.median for row in rows if row.peer]
    figures = [ratio(f(ratios)) for f in (min, statistics.median, max)] if ratios else ["-"] * 3
    return [group, cases, *figures, str(sum(row.lost for row in rows))]


def _about(results: Results) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    machine = results["machine"]
    return f"{machine['cpu']}, {machine['system']}, {_threads(results)}, {results['date']}: {versions}."


def _threads(results: Results) -> str:
    return "1 thread" if results["threads"] == 1 else f"{results['threads']} threads"


def _us(row: Row, name: str) -> str:
    return f"{microseconds(row.times[name])} us"


def _ratio(row: Row) -> str:
    if row.peer is None:
        return "-"
    return ratio(row.peer.median) + (" **lost**" if row.lost else "")


def _full(row: Row, names: Sequence[str]) -> list[str]:
    peer = row.peer
    return [
        row.name,
        *(microseconds(row.times[name]) if name in row.times else "-" for name in names),
        "-" if peer is None else f"{_ratio(row)} ({ratio(peer.low)} to {ratio(peer.high)})",
        "-" if row.python is None else ratio(row.python.median),
        percent(row.of_limit),
        error(row.error),
        row.demand + (" **missed**" if row.missed else ""),
    ]


def _ways(row: Row, names: Sequence[str]) -> list[str]:
    return [row.name, *(row.variants.get(name) or row.missing.get(name, "-") for name in names)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    ruler = [":--", *["--:"] * (len(head) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in (head, ruler, *rows)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="a run to add")
    options = parser.parse_args(arguments)
    if options.file is not None:
        results = load(options.file)
        RESULTS.mkdir(exist_ok=True)
        save(results, RESULTS / f"{name_of(results)}.json")
    write(RESULTS, README)
    return 0


if __name__ == "__main__":
    sys.exit(main())
