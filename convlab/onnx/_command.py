"""The command line of `python -m convlab.onnx`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnx.checker
import onnx.inliner
from google.protobuf.message import DecodeError
from rich.table import Table

from convlab.cli import app
from convlab.cli.failures import Failure, quoted
from convlab.cli.tables import console, table

from ._inputs import sizes_by_name, tensors
from ._operators import OPERATORS
from ._report import Measured, difference, measure, served

_LONGEST = 300  # characters of another library's error message that are shown


def _first(error: Exception) -> str:
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    text = " ".join(f"{kind}{error}".split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _load(path: Path) -> Any:
    """Read a model with its external data, and check it."""
    if not path.is_file():
        raise Failure(f"cannot read {quoted(path)}: there is no such file")
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise Failure(f"cannot read {quoted(path)}: {error.strerror}") from error
    except DecodeError as error:
        raise Failure(f"{quoted(path)} is not an ONNX model: {error}") from error
    if not model.HasField("graph"):
        raise Failure(f"{quoted(path)} is not an ONNX model: it has no graph")
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and not 1 <= opset.version <= newest:
            known = f"onnx {onnx.__version__} knows those up to {newest}"
            raise Failure(f"{quoted(path)} is of opset {opset.version}: {known}")
    try:
        onnx.checker.check_model(str(path))
        onnx.load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        raise Failure(f"{quoted(path)} is not a good model: {_first(error)}") from error
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.3f} ms"


def _rows(ours: Measured, theirs: Measured | None) -> Table:
    columns = ("node", "operator", "output", "served by", "convlab", "reference", "ratio", "difference")
    rows = table("Nodes", *columns, numbers=columns[4:])
    for place, watch in enumerate(ours.watches):
        about = served(watch.node)
        if not watch.outputs:  # a branch that was not taken
            rows.add_row(about.name, about.operator, "-", "not reached", *["-"] * 4)
            continue
        shape = "x".join(map(str, watch.outputs[0].shape))
        cells = [about.name, about.operator, shape, str(about.served_by), _milliseconds(watch.best)]
        if theirs is None:
            rows.add_row(*cells, *["-"] * 3)
            continue
        other = theirs.watches[place]
        gap = difference(watch.outputs, other.outputs) if other.outputs else np.inf
        rows.add_row(*cells, _milliseconds(other.best), f"{other.best / watch.best:,.1f}x", f"{gap:.1e}")
    return rows


@click.command()
@click.argument("path", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--dim", "dims", multiple=True, metavar="NAME=SIZE", help="The size of a symbolic dimension.")
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Runs after a first one; the fastest is reported.",
)
@click.option("--alone", is_flag=True, help="Do not run the reference evaluator, which is slow.")
def report(path: Path, dims: tuple[str, ...], repeat: int, alone: bool) -> None:
    """Run MODEL with its convolutions and pools in convlab; print kernel, time and difference of each node.

    Inputs are random numbers of the declared shapes. Set the size of an axis that has a name, or
    has none (then it is called INPUT.AXIS), with --dim. Times and differences are relative to ONNX's
    reference evaluator. Both run the whole model, so differences of earlier nodes propagate.
    """
    model = _load(path)
    feeds = tensors(model.graph, sizes_by_name(dims))
    try:
        ours = measure(model, feeds, repeat, list(OPERATORS))
    except Exception as error:  # of any of the evaluator's operators
        raise Failure(f"cannot run {quoted(path)}: {_first(error)}") from error
    theirs, note = None, ""
    if not alone:
        try:
            theirs = measure(model, feeds, repeat, None)
        except Exception as error:
            note = f"The reference evaluator cannot run it: {_first(error)}"
    out = console()
    out.print(_rows(ours, theirs))
    out.print(f"convlab has operators for {len(ours.watches)} of {len(model.graph.node)} nodes.", soft_wrap=True)
    if theirs is None:
        out.print(f"The whole model: {_milliseconds(ours.seconds)}. {note}".rstrip(), soft_wrap=True)
    else:
        gap = difference(ours.outputs, theirs.outputs)
        out.print(
            f"The whole model: {_milliseconds(ours.seconds)} instead of {_milliseconds(theirs.seconds)} "
            f"({theirs.seconds / ours.seconds:,.1f}x); the outputs differ by {gap:.1e} at most.",
            soft_wrap=True,
        )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    return app.run(arguments, report, "python -m convlab.onnx")
