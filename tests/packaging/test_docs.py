"""Docstrings: examples that run, and the sections that a user needs."""

import doctest
import importlib
import inspect
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import convlab

README = Path(__file__).resolve().parents[2] / "README.md"
MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(convlab.__path__, "convlab.")
    if not name.startswith(("convlab._kernels", "convlab.cli", "convlab.__main__", "convlab.onnx._"))
    and (name != "convlab.onnx" or find_spec("onnx"))
    and (not name.startswith("convlab.torch") or find_spec("torch"))
]
FUNCTIONS = [name for name in convlab.__all__ if inspect.isfunction(getattr(convlab, name))]


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_documented(name):
    function = getattr(convlab, name)
    text = inspect.getdoc(function)
    assert text
    assert "Examples\n--------" in text
    assert ">>> " in text
    parameters = inspect.signature(function).parameters
    for parameter in parameters:
        assert parameter in text.split("Returns\n")[0], f"{name}: {parameter} is not described"
    if parameters:
        assert "Raises\n------" in text
    if "kernel" in parameters or "x" in parameters:
        assert "Source:" in text
        assert "shape" in text


def test_the_borders_of_the_docstring_are_those_of_the_code():
    from convlab import _borders

    text = inspect.getdoc(convlab.filter2d)
    for name, diagram in _borders.DIAGRAMS.items():
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name} "))
        assert " ".join(line.split()) == " ".join(f"{name} {diagram}".split())


def test_all_lists_existing_names():
    assert sorted(convlab.__all__) == sorted(set(convlab.__all__))
    for name in convlab.__all__:
        assert hasattr(convlab, name)


@pytest.mark.skipif(not README.is_file(), reason="the README is not beside these tests")
def test_the_readmes_examples_run():
    pytest.importorskip("onnx")
    assert doctest.testfile(str(README), module_relative=False).failed == 0


@pytest.mark.skipif(not README.is_file(), reason="the documents are not beside these tests")
@pytest.mark.parametrize(
    "page", [*README.parent.glob("*.md"), *README.parent.glob("docs/*.md")], ids=lambda page: page.name
)
def test_links_exist(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.skipif(not README.is_file(), reason="the documents are not beside these tests")
def test_measurements_name_files():
    """Every row of a table of decisions ends with a file that exists."""
    page = (README.parent / "docs" / "measurements.md").read_text(encoding="utf-8")
    named = re.findall(r"\| `?([\w/]+\.(?:pyx|pxd|py|h|c))`? \|$", page, re.MULTILINE)
    assert len(named) > 80
    for file in named:
        assert (README.parent / file).is_file(), file
