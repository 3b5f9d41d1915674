"""The path of a call has one direction: the allowed imports of each module."""

import ast
from pathlib import Path

import pytest

import convlab

PACKAGE = Path(convlab.__file__).parent
SOURCES = PACKAGE.parent / "src"

# Module -> its allowed imports. The order is facade -> _spec -> _plan -> _run -> _dispatch -> fallback.
MAY_IMPORT = {
    "_errors": set(),
    "_geometry": set(),
    "_registry": set(),
    "_version": set(),
    "typing": set(),
    "_borders": {"_errors", "typing"},
    "reference": set(),
    "reference_gradients": {"reference"},
    "_spec": {"_borders", "_errors", "typing"},
    "_plan": {"_borders", "_errors", "_geometry", "_spec", "_kernels", "_importing", "typing"},
    "_fallback": {"_borders", "_geometry"},
    "_cpus": set(),
    "_no_workers": set(),
    "_blocks": {"_errors"},
    "_subnormals": {"_blocks", "_errors", "typing"},
    "_threads": {"_subnormals", "_blocks", "_cpus", "_errors", "_kernels", "_no_workers", "_version"},
    "_importing": set(),
    "_dispatch": {"_blocks", "_errors", "_fallback", "_importing", "_kernels", "_registry", "typing"},
    "_run": {
        "_blocks",
        "_borders",
        "_dispatch",
        "_errors",
        "_geometry",
        "_importing",
        "_kernels",
        "_plan",
        "_spec",
        "_subnormals",
        "_threads",
        "reference",
        "reference_gradients",
    },
    "_costs": {"_geometry", "_plan", "_registry", "_spec"},
    "_operations": {"_errors", "_importing", "_plan", "_registry"},
    "_explain": {"_costs", "_dispatch", "_errors", "_operations", "_plan", "_spec", "_threads"},
    "filtering": {"_plan", "_run", "_spec", "typing"},
    "ranking": {"_plan", "_run", "_spec", "typing"},
    "separable": {"_plan", "_run", "_spec", "filtering", "typing"},
    "edges": {"_plan", "_run", "_spec", "filtering", "typing"},
    "gradients": {"_plan", "_run", "_spec", "edges", "typing"},
    "imaging": {"_plan", "_run", "_spec", "filtering", "typing"},
    "convolving": {"_plan", "_run", "_spec", "typing"},
    "layers": {"_errors", "_plan", "_run", "_spec", "typing"},
    "transposing": {"_plan", "_run", "_spec", "typing"},
    "_docstrings": set(),
    "pooling": {"_docstrings", "_plan", "_run", "_spec", "typing"},
    "average_pooling": {"_docstrings", "_plan", "_run", "_spec", "typing"},
    "lp_pooling": {"_docstrings", "_plan", "_run", "_spec", "typing"},
    "adaptive_pooling": {"_docstrings", "_plan", "_run", "_spec", "typing"},
    "global_pooling": {"_docstrings", "_plan", "_run", "_spec", "typing"},
    "unpooling": {"_docstrings", "_plan", "_run", "_spec", "typing"},
    "grad": {"_docstrings", "_plan", "_run", "_spec", "grad", "typing"},
}
# Private modules that clients may import: wording of errors, keys of cached calls, the last kernel, border arithmetic.
PRIVATE = {"learn": {"_errors"}, "ndimage": {"_plan", "_borders", "_dispatch"}}
CLIENTS = ["cli", "bench", "filters", "data", "learn", "ndimage", "onnx", "signal", "skimage", "torch", "translation"]


def imported(path):
    """Return convlab's modules that a file imports, and the names that it imports from the package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("convlab.")}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "convlab":
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
    return found


def test_every_module_of_the_path_has_its_place():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"_kernels", *CLIENTS}
    assert modules | packages == set(MAY_IMPORT)


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_imports_run_one_way(module):
    package = PACKAGE / module
    for path in sorted(package.glob("*.py")) if package.is_dir() else [package.with_suffix(".py")]:
        assert imported(path) <= MAY_IMPORT[module], path.name


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_use_the_public_api(client):
    for path in (PACKAGE / client).rglob("*.py"):
        private = {name for name in imported(path) if name.startswith("_")} - {"_version"}
        assert private <= PRIVATE.get(client, set()), f"{path.name} imports {private}"


def test_no_file_is_too_long():
    files = [*PACKAGE.rglob("*.py"), *(path for path in SOURCES.rglob("*.*") if path.is_file())]
    long = {path.name: lines for path in files if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long
