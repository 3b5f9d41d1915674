"""Fixtures: every backend and instruction set of this machine, and a check that the right ones are tested."""

import hashlib
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from support import PROCESSOR_ISAS, backend_parameters

import convlab
from convlab import _dispatch


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kernels",
        choices=["any", "compiled", "fallback"],
        default="any",
        help="compiled: fail where no kernel was built; fallback: fail where one was",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background jobs ignore Ctrl-C, and so would the programs that the tests interrupt.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    built = _dispatch.built_isas()
    wanted = config.getoption("--kernels")
    if wanted == "compiled" and not built:
        raise pytest.UsageError("--kernels=compiled: this installation of convlab has no compiled kernels")
    if wanted == "fallback" and built:
        raise pytest.UsageError(f"--kernels=fallback: this installation of convlab has compiled kernels: {built}")
    expected = os.environ.get("CONVLAB_EXPECT_ISA")
    best = built[0] if built else "none"
    if expected and best != (numpys_word() if expected == "numpy" else expected):
        raise pytest.UsageError(f"CONVLAB_EXPECT_ISA={expected}: the best kernels here are those for {best}")


def numpys_word() -> str:
    """Return this CPU's instruction set according to NumPy, whose detection is independent."""
    from numpy._core._multiarray_umath import __cpu_features__ as has

    if has["ASIMD"]:
        return "neon"
    if not (has["AVX2"] and has["FMA3"]):
        return "baseline"
    return "avx512" if has["AVX512_SKX"] else "avx2"


def pytest_report_header() -> str:
    """Return a header line with the backends that do not run on this machine."""
    built = _dispatch.built_isas()
    lacking = [isa for isa in PROCESSOR_ISAS if isa not in built]
    return (
        f"convlab {convlab.__version__} at {convlab.__path__[0]}, compiled kernels: {', '.join(built) or 'none'}; "
        f"not run here: {', '.join(lacking) or 'none'}"
    )


@pytest.fixture(params=backend_parameters())
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Use each backend in turn; the value is the end of last_kernel()."""
    name, isa = request.param
    with convlab.use_backend(name, isa):
        yield f"[{name}/{isa}]" if isa != "auto" else f"[{name}]"


@pytest.fixture(params=backend_parameters(python=False))
def fast_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same without the plain Python loops, for sizes that would take them minutes."""
    name, isa = request.param
    with convlab.use_backend(name, isa):
        yield f"[{name}/{isa}]" if isa != "auto" else f"[{name}]"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A random generator for each test, the same in every run."""
    name = request.node.name.split("[")[0]
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


@pytest.fixture
def run(capfd):
    """Run the command line in this process; return its status and all output, also libtiff's."""
    from convlab.cli import main

    def run(*words):
        status = main([str(word) for word in words])
        return status, *capfd.readouterr()

    return run


@pytest.fixture
def folder(tmp_path):
    """Return a folder with one good picture, ``in.png``."""
    from PIL import Image

    values = np.random.default_rng(1).integers(0, 256, (12, 17), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "in.png")
    return tmp_path
