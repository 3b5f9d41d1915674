"""The choice of the build: the table, the environment variables, the context manager, and their errors."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from support import needs_kernels, run_python

import convlab
from convlab import _dispatch
from convlab._registry import BY_NAME

PRINT_SERVED = """
import numpy as np, convlab
convlab.filter2d(np.ones((9, 9), np.float32), np.ones((3, 3), np.float32))
print(convlab.last_kernel())
"""


@needs_kernels
def test_the_best_kernels_are_the_default():
    best = _dispatch.cpu_isas()[0]
    assert run_python(PRINT_SERVED).stdout.strip() == f"correlate2d_3x3[compiled/{best}]"


@needs_kernels
@pytest.mark.parametrize("isa", _dispatch.built_isas())
def test_isa_by_environment(isa):
    assert run_python(PRINT_SERVED, CONVLAB_ISA=isa).stdout.strip() == f"correlate2d_3x3[compiled/{isa}]"
    served = run_python(PRINT_SERVED, CONVLAB_ISA=isa, CONVLAB_BACKEND="compiled").stdout.strip()
    assert served == f"correlate2d_3x3[compiled/{isa}]"


@pytest.mark.parametrize(("backend", "served"), [("numpy", "correlate2d_3x3[numpy]"), ("python", "filter2d[python]")])
def test_backend_by_environment(backend, served):
    assert run_python(PRINT_SERVED, CONVLAB_BACKEND=backend).stdout.strip() == served


@pytest.mark.parametrize(
    ("variable", "value", "choices"),
    [
        ("CONVLAB_BACKEND", "fast", "auto, compiled, numpy, python"),
        ("CONVLAB_BACKEND", "", "auto, compiled, numpy, python"),
        ("CONVLAB_BACKEND", "0", "auto, compiled, numpy, python"),
        ("CONVLAB_ISA", "sse9", "auto, baseline, avx2, avx512, neon"),
        ("CONVLAB_ISA", "AVX2", "auto, baseline, avx2, avx512, neon"),
        ("CONVLAB_NUM_THREADS", "0", "from 1 to 1024"),
        ("CONVLAB_NUM_THREADS", "1025", "from 1 to 1024"),
        ("CONVLAB_NUM_THREADS", "two", "from 1 to 1024"),
        ("CONVLAB_NUM_THREADS", "1.0", "from 1 to 1024"),
        ("CONVLAB_NUM_THREADS", "-1", "from 1 to 1024"),
        ("CONVLAB_NUM_THREADS", "", "from 1 to 1024"),
        ("CONVLAB_NUM_THREADS", "9" * 60, "from 1 to 1024"),
    ],
)
def test_other_words_are_errors_at_import(variable, value, choices):
    done = run_python("import convlab", check=False, **{variable: value})
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ValueError: " + variable)
    assert repr(value) in last
    assert choices in last


@needs_kernels
@pytest.mark.skipif(_dispatch.cpu_isas() == ("neon",), reason="this processor has one instruction set")
def test_an_isa_of_another_processor_is_an_error_at_import():
    done = run_python("import convlab", check=False, CONVLAB_ISA="neon")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "CONVLAB_ISA: got 'neon', which this CPU lacks; expected one of: auto" in last


def test_threads_by_environment():
    code = "import convlab; print(convlab.get_num_threads())"
    assert run_python(code, CONVLAB_NUM_THREADS="3").stdout.strip() == "3"
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    assert run_python(code).stdout.strip() == str(len(affinity))


@needs_kernels
def test_kernels_of_this_cpu_are_imported_at_the_first_call():
    code = """
import sys, numpy, convlab
def loaded():
    return sorted(name for name in sys.modules if name.startswith("convlab._kernels.") and name.count(".") > 2)
print(loaded())
convlab.max_pool2d(numpy.ones((4, 4), numpy.float32), 2)
print(loaded())
"""
    expected = [[], [f"convlab._kernels.{_dispatch.cpu_isas()[0]}.kernels"]]
    assert run_python(code).stdout.splitlines() == list(map(str, expected))


@needs_kernels
def test_a_cpu_without_avx_gets_the_baseline(monkeypatch):
    from convlab._kernels import cpu

    isas = {0: ("baseline",), 1: ("avx2", "baseline"), 2: ("avx512", "avx2", "baseline")}
    if _dispatch.cpu_isas() == ("neon",):
        pytest.skip("this processor has one instruction set")
    for level, expected in isas.items():
        monkeypatch.setattr(cpu, "x86_level", lambda level=level: level)
        assert _dispatch.cpu_isas.__wrapped__() == expected


def test_backend_describes_every_kernel():
    described = convlab.backend()
    assert list(described) == list(BY_NAME)
    for entry in described.values():
        assert entry["backend"] in ("compiled", "numpy", "python")
        assert entry["available"][-2:] == ("numpy", "python")
        assert (entry["backend"] == "compiled") == bool(entry["isa"])
    with convlab.use_backend("numpy"):
        assert {entry["backend"] for entry in convlab.backend().values()} == {"numpy"}
        first, last = repr(convlab.backend()).splitlines()
        assert first.startswith("numpy: correlate2d_3x3, ")
        assert last.endswith("numpy, python")


def test_backend_names_operations_without_loops():
    with convlab.use_backend("python"):
        loops, rest, _ = repr(convlab.backend()).splitlines()
    assert loops.startswith("python: correlate2d_3x3, ")
    assert rest.startswith("numpy: maximum_filter, median_filter, ")
    assert rest.endswith(", of which convlab.reference has no loops")


def test_dir_lists_public_names():
    assert [name for name in dir(convlab) if not name.startswith("__")] == sorted(
        {name for name in convlab.__all__ if not name.startswith("__")} | {"onnx"}
    )
    assert convlab.onnx.__name__ == "convlab.onnx"


@needs_kernels
def test_every_build_has_every_kernel():
    for isa in _dispatch.built_isas():
        functions = _dispatch.compiled(isa).functions
        assert all(callable(functions[name]) for name in BY_NAME)
        assert set(functions) == set(BY_NAME)


def test_multiply_add_counts_its_operations(fast_backend):
    kernel = _dispatch.active().functions["multiply_add"]
    assert kernel(10) == 10 * kernel(1) > 0


def test_use_backend_nests_and_restores():
    before = convlab.backend()["max_pool2d"]
    with convlab.use_backend("numpy"):
        with pytest.raises(RuntimeError, match="inside"), convlab.use_backend("python"):
            raise RuntimeError("inside")
        assert convlab.backend()["max_pool2d"]["backend"] == "numpy"
    assert convlab.backend()["max_pool2d"] == before


def test_use_backend_applies_to_one_thread():
    seen = {}

    def other():
        seen["backend"] = convlab.backend()["max_pool2d"]["backend"]
        seen["last"] = convlab.last_kernel()

    convlab.max_pool2d(np.zeros((4, 4)), 2)
    with convlab.use_backend("python"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == {"backend": _dispatch._default.name, "last": None}


@needs_kernels
def test_kernels_that_were_not_built_raise_import_error(monkeypatch):
    monkeypatch.setattr(_dispatch, "is_built", lambda isa: False)
    monkeypatch.setattr(_dispatch, "built_isas", tuple)
    with pytest.raises(ImportError, match="backend: got 'compiled', which this installation was built without"):
        convlab.use_backend("compiled")
    with pytest.raises(ImportError, match=r"isa: got '\w+', which this installation was built without"):
        convlab.use_backend("auto", _dispatch.cpu_isas()[0])
    with convlab.use_backend("auto"):
        assert convlab.backend()["max_pool2d"]["backend"] == "numpy"


def test_a_run_that_expects_other_kernels_ends_at_once():
    config = Path(__file__).parents[2] / "pyproject.toml"
    code = f"import sys, pytest; sys.exit(pytest.main(['--collect-only', '-qc', {str(config)!r}, {__file__!r}]))"
    done = run_python(code, check=False, CONVLAB_EXPECT_ISA="sse9")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "CONVLAB_EXPECT_ISA=sse9: the best kernels here are those for " in done.stderr


@pytest.mark.skipif(bool(_dispatch.built_isas()), reason="this installation has compiled kernels")
@pytest.mark.parametrize("variable", [{"CONVLAB_ISA": "avx2"}, {"CONVLAB_BACKEND": "compiled"}])
def test_asking_for_kernels_that_were_not_built_is_an_error_at_import(variable):
    done = run_python("import convlab", check=False, **variable)
    assert done.returncode != 0
    (name,) = variable
    assert f"ImportError: {name}: got {variable[name]!r}, which this installation was built without" in done.stderr
