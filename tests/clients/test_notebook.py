"""The notebook runs from top to bottom, draws its figures, and is stored with the same outputs."""

import ast
import base64
import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convlab

nbclient = pytest.importorskip("nbclient", reason="the notebook runs with nbclient, of the dependency group test")

import nbformat  # noqa: E402
from IPython.core.inputtransformer2 import TransformerManager  # noqa: E402
from nbformat.v4 import new_code_cell  # noqa: E402
from PIL import Image  # noqa: E402

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_spec = importlib.util.spec_from_file_location("store", NOTEBOOKS / "store.py")
assert _spec is not None
assert _spec.loader is not None
store = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(store)

# Cells with one figure each, in order, and the panels of each figure.
FIGURES = {
    "picture": 1,
    "closer": 3,
    "pixel": 4,
    "whole": 2,
    "three": 6,
    "square": 5,
    "borders": 5,
    "pooling": 2,
    "pooled": 6,
    "maximum": 3,
    "play-name": 3,
    "play-taps": 3,
}


def outputs(notebook: Any) -> dict[str, list[Any]]:
    """Return the outputs of each code cell, by the cell's id."""
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def printed(notebook: Any) -> dict[str, str]:
    """Return the printed text of each code cell, by the cell's id."""
    return {
        name: "".join(output.text for output in cell if output.output_type == "stream")
        for name, cell in outputs(notebook).items()
    }


def figures(notebook: Any) -> dict[str, str]:
    """Return all figures as base64, by the cell's id, with a number for a second one in a cell."""
    return {
        f"{name}{'' if i == 0 else f' ({i + 1})'}": figure
        for name, cell in outputs(notebook).items()
        for i, figure in enumerate(output.data["image/png"] for output in cell if "image/png" in output.get("data", {}))
    }


@pytest.fixture(scope="module")
def stored() -> Any:
    return nbformat.read(store.NOTEBOOK, as_version=nbformat.NO_CONVERT)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the notebook in a new folder; a cell that fails, also by an assertion, fails every test that uses it."""
    notebook = nbformat.read(store.NOTEBOOK, as_version=nbformat.NO_CONVERT)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.cells.append(new_code_cell("print(convlab.__file__)", id="imported"))
    store.run(notebook, tmp_path_factory.mktemp("notebook"))
    return notebook


def test_no_cell_fails_or_warns(executed: Any) -> None:
    for name, cell in outputs(executed).items():
        for output in cell:
            assert output.output_type != "error", name
            assert output.get("name") != "stderr" or "Warning" not in output.text, name


def test_kernel_imports_this_convlab(executed: Any) -> None:
    assert printed(executed)["imported"].strip() == convlab.__file__


def test_figures(executed: Any) -> None:
    shown = figures(executed)
    assert list(shown) == list(FIGURES)
    panels = {}
    for name in shown:
        (text,) = (output.data["text/plain"] for output in outputs(executed)[name] if "data" in output)
        panels[name] = int(re.fullmatch(r"<Figure size \d+x\d+ with (\d+) Axes>", text)[1])
        with Image.open(io.BytesIO(base64.b64decode(shown[name]))) as image:
            assert image.width > 400
            assert np.asarray(image.convert("L")).std() > 20, f"{name}: next to nothing is drawn"
    assert panels == FIGURES


def test_every_way_is_timed_and_named(executed: Any) -> None:
    lines = printed(executed)["time"].splitlines()
    with convlab.use_backend("auto"):
        best = convlab.backend()["correlate2d_3x3"]
    served = f"{best['backend']}/{best['isa']}" if best["isa"] else best["backend"]
    expected = [
        "filter2d[python], max_pool2d[python]",
        "correlate2d_3x3[numpy], max_pool2d_2x2[numpy]",
        f"correlate2d_3x3[{served}], max_pool2d_2x2[{served}]",
    ]
    for line, by in zip(lines, expected, strict=False):
        assert re.fullmatch(rf" *[\d.]+ ms by {re.escape(by)}", line)
    assert re.fullmatch(r"The last is [\d,]+ times as fast as the plain loops\.", lines[-1])


def test_stored_outputs_are_what_it_prints(executed: Any, stored: Any) -> None:
    now, then = printed(executed), printed(stored)
    for cell in stored.cells:
        if cell.cell_type == "code" and "varies" not in cell.metadata.get("tags", []):
            assert then[cell.id] == now[cell.id], f"{cell.id}: run notebooks/store.py"
    assert list(figures(stored)) == list(figures(executed))


def test_stored_form(stored: Any) -> None:
    nbformat.validate(stored)
    assert stored.metadata.kernelspec.name == "python3"
    assert store.NOTEBOOK.stat().st_size < 1_500_000
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run from top to bottom"
    tidied = nbformat.from_dict(stored)
    store.tidy(tidied)
    assert tidied == stored, "run notebooks/store.py"


def test_sources_are_valid(stored: Any) -> None:
    for cell in stored.cells:
        assert cell.source.strip(), cell.id
        assert cell.source == cell.source.strip("\n"), cell.id
        if cell.cell_type == "code":
            ast.parse(TransformerManager().transform_cell(cell.source), filename=cell.id)


def test_no_path_of_a_machine(stored: Any) -> None:
    texts = [cell.source for cell in stored.cells] + list(printed(stored).values())
    texts += [str(output.get("data", {}).get("text/plain")) for cell in outputs(stored).values() for output in cell]
    texts.append(str(stored.metadata) + "".join(str(cell.metadata) for cell in stored.cells))
    path = re.compile(r"(?<![\w.:/])/[a-z_]+/|[A-Za-z]:\\|\\Users\\|/Users/|site-packages|\.venv|file://|0x[0-9a-f]{6}")
    for text in texts:
        assert not path.search(text), text
