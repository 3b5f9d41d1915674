"""The modules that `import convlab` imports, and its time."""

import ast
import importlib
from pathlib import Path

import pytest
from support import run_python

import convlab
from convlab._registry import OPERATIONS

MEASURE = """
import numpy, time
before = time.process_time()
import convlab
print(time.process_time() - before)
"""


def test_import_takes_less_than_thirty_milliseconds_more_than_numpys():
    """CPU time of the fastest of some runs, with existing bytecode, as after an installation."""
    seconds = [float(run_python(MEASURE, PYTHONDONTWRITEBYTECODE="").stdout) for _ in range(9)]
    assert min(seconds) < 0.030, seconds


def test_import_loads_neither_scipy_nor_an_extra():
    code = """if True:
    import sys, convlab
    for name in set(convlab.__all__) - {"ndimage", "signal"}:
        getattr(convlab, name)
    print(sorted({"scipy", "matplotlib", "PIL", "click", "rich"} & set(sys.modules)))
    """
    assert run_python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("name", convlab.__all__)
def test_every_public_name_is_there(name):
    assert getattr(convlab, name) is getattr(convlab, name)
    assert name in dir(convlab)


def test_every_operation_of_a_facade_has_its_row():
    rows = {}
    for operation in OPERATIONS:
        rows.setdefault(operation.facade, set()).add(operation.name)
    for facade, names in rows.items():
        assert set(importlib.import_module(f"convlab.{facade}").__all__) == names


def test_type_checkers_see_every_facade():
    """Their names are imported with a star, which mypy and basedpyright follow (test_typing)."""
    tree = ast.parse(Path(convlab.__file__).read_text(encoding="utf-8"))
    stars = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"}
    assert stars == {f"convlab.{operation.facade}" for operation in OPERATIONS}


def test_other_names_are_errors():
    with pytest.raises(AttributeError, match="module 'convlab' has no attribute 'filter3d'"):
        convlab.filter3d  # noqa: B018
