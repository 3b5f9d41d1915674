"""Types and signatures for type checkers and help(), and mypy and basedpyright on an installed package."""

import importlib.util
import inspect
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import typing
from pathlib import Path
from types import UnionType

import numpy as np
import pytest

import convlab
from convlab import _borders, _dispatch, _operations, _subnormals, filters, ndimage, reference, signal
from convlab import typing as words
from convlab._operations import PLANNED
from convlab._plan import conv_choice
from convlab._spec import convolving as conv_spec
from convlab._spec import pooling as pool_spec
from convlab.translation.borders import NAMES

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/typing"
RESULTS, MISTAKES = "results.py", "mistakes.py"


@pytest.mark.parametrize(
    ("words_of_type", "checked"),
    [
        (words.Border, _borders.DIAGRAMS),
        (words.Border, reference.BORDERS),
        (words.PaddingMode, conv_spec.PADDING_MODES),
        (words.ActivationWord, [*conv_spec.ACTIVATIONS, "leaky_relu"]),
        (words.ConvAlgorithm, conv_choice.ALGORITHMS),
        (words.BackendWord, _dispatch.BACKEND_WORDS),
        (words.IsaWord, _dispatch.ISA_WORDS),
        (words.Subnormals, _subnormals.WORDS),
        (words.NdimageMode, NAMES["scipy.ndimage"]),
        (words.SignalBoundary, NAMES["scipy.signal"]),
    ],
)
def test_words_of_types_are_those_that_are_checked(words_of_type, checked):
    assert sorted(typing.get_args(words_of_type)) == sorted(checked)


@pytest.mark.parametrize(("axes", "layouts"), [(1, words.PoolLayout1d), (2, words.Layout2d), (3, words.Layout3d)])
def test_pools_take_the_layouts_of_the_types(axes, layouts):
    first, last = typing.get_args(layouts)
    shape = (2, 3, *(4,) * axes)
    assert pool_spec.grid(shape, axes, None, first).axes == tuple(range(2, axes + 2))
    assert pool_spec.grid(shape, axes, None, last).axes == tuple(range(1, axes + 1))


PUBLIC = [
    *(getattr(convlab, name) for name in convlab.__all__ if inspect.isfunction(getattr(convlab, name))),
    *(getattr(module, name) for module in (ndimage, signal) for name in module.SERVED),
    *(getattr(filters, name) for name in ("get", "info", "names")),
]


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: f"{function.__module__}.{function.__name__}")
def test_annotations_can_be_evaluated(function):
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    assert set(hints) == {parameter.name for parameter in parameters} | {"return"}
    if not function.__module__.startswith("convlab.filters"):
        bare = [name for name, hint in hints.items() if hint is typing.Any]
        assert bare == [name for name in ("arguments", "options", "kwargs") if name in hints]


def test_signatures_are_short():
    assert str(inspect.signature(convlab.maximum_filter)) == (
        "(image: 'ArrayLike', size: 'Sizes', *, border: 'Border' = 'mirror', cval: 'float' = 0.0, "
        "anchor: 'Anchor | None' = None, channel_axis: 'int | None' = None, out: 'NDArray[Any] | None' = None) "
        "-> 'NDArray[Any]'"
    )
    assert str(inspect.signature(ndimage.sobel)) == (
        "(input: 'ArrayLike', axis: 'SupportsIndex' = -1, output: 'NDArray[Any] | DTypeLike | None' = None, "
        "mode: 'NdimageMode | Sequence[NdimageMode]' = 'reflect', cval: 'complex' = 0.0) -> 'NDArray[Any]'"
    )
    assert max(len(str(inspect.signature(function))) for function in map(_operations.public, PLANNED)) < 600


def matches(value, wanted):
    """Return whether a value has a type of results.py; for arrays the dtype counts."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, UnionType):
        return any(matches(value, one) for one in arguments)
    if origin is tuple:
        return type(value) is tuple and all(map(matches, value, arguments))
    if origin is np.ndarray:
        (scalar,) = typing.get_args(arguments[1])
        return type(value) is np.ndarray and scalar in (typing.Any, value.dtype.type)
    if origin is typing.Literal:
        return value in arguments
    return isinstance(value, origin or wanted)


def test_the_types_of_results_are_true(monkeypatch):
    seen = []

    def check(value, wanted):
        assert matches(value, wanted), f"{getattr(value, 'dtype', value)!r} is not {wanted}"
        seen.append(wanted)
        return value

    monkeypatch.setattr(typing, "assert_type", check)
    runpy.run_path(str(SAMPLES / RESULTS))
    assert len(seen) > 80


def clean_environment():
    hidden = ("CONVLAB_", "PYTHONPATH", "MYPYPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def run(*command, cwd, **environment):
    return subprocess.run(
        command, cwd=cwd, env=clean_environment() | environment, capture_output=True, text=True, timeout=590,
        check=False,
    )  # fmt: skip


def tree(folder):
    """Return a copy of the sources of an installation without kernels."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(ROOT / "convlab", folder / "convlab", ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module", params=["wheel", "editable"])
def python(request, tmp_path_factory):
    """Return the interpreter of an environment with convlab installed, which sees this one's packages."""
    if not (ROOT / "setup.py").is_file():
        pytest.skip("the sources are not beside these tests")
    pytest.importorskip("setuptools", reason="installing needs setuptools")
    folder = tmp_path_factory.mktemp(request.param)
    assert run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=folder).returncode == 0
    interpreter = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "env")}))
    hook = {"wheel": "build_wheel", "editable": "build_editable"}[request.param]
    code = f"import setuptools.build_meta as backend; backend.{hook}({str(folder)!r})"
    built = run(sys.executable, "-c", code, cwd=tree(folder / "tree"), CONVLAB_BUILD="pure")
    assert built.returncode == 0, built.stderr[-2000:]
    (wheel,) = folder.glob("*.whl")
    pip = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel), cwd=folder)
    assert pip.returncode == 0, pip.stderr[-2000:]
    # Python does not read path files in a path file's folders, so an installation of convlab there is not found.
    (site / "packages.pth").write_text(str(Path(np.__file__).parent.parent) + "\n")
    return interpreter


def by_mypy(python, folder):
    """Return (file, line) -> mypy's error codes for the samples."""
    pytest.importorskip("mypy", reason="mypy is not installed: pip install --group lint")
    done = run(
        sys.executable, "-m", "mypy", "--config-file=", "--strict", "--no-pretty", "--show-error-codes",
        "--python-executable", str(python), RESULTS, MISTAKES, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    errors = re.findall(r"^([^:\n]+):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert len(errors) == done.stdout.count(": error: ")
    found = {}
    for file, line, code in errors:
        found.setdefault((file, int(line)), set()).add(code)
    return found


def by_basedpyright(python, folder):
    """Return (file, line) -> the rules of basedpyright's errors."""
    if importlib.util.find_spec("basedpyright") is None:
        pytest.skip("basedpyright is not installed: pip install --group lint")
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    done = run(
        sys.executable, "-m", "basedpyright", "--pythonpath", str(python), "--outputjson", RESULTS, MISTAKES, cwd=folder
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found = {}
    for error in json.loads(done.stdout)["generalDiagnostics"]:
        found.setdefault((Path(error["file"]).name, error["range"]["start"]["line"] + 1), set()).add(error["rule"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("checker", "place"), [(by_mypy, 0), (by_basedpyright, 1)])
def test_checkers_find_the_mistakes_and_nothing_else(python, checker, place, tmp_path):
    for name in (RESULTS, MISTAKES):
        shutil.copy(SAMPLES / name, tmp_path)
    found = checker(python, tmp_path)
    lines = (tmp_path / MISTAKES).read_text(encoding="utf-8").splitlines()
    marks = ((number, line.partition("  # E: ")[2].split(", ")) for number, line in enumerate(lines, 1))
    expected = {(MISTAKES, number): mark[place] for number, mark in marks if mark != [""]}
    assert len(expected) > 25
    assert found.keys() == expected.keys()
    assert {place: codes for place, codes in found.items() if expected[place] not in codes} == {}


@pytest.mark.skipif(not (ROOT / "Makefile").is_file(), reason="the Makefile is not beside these tests")
def test_make_lint_runs_both_checkers():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"\$\(BIN\)/(mypy|basedpyright)\b", lint[1]) == ["mypy", "mypy", "basedpyright"]
