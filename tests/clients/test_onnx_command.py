"""`python -m convlab.onnx`: its output, and one line for each error."""

import re
import subprocess
import sys

import numpy as np
import pytest

import convlab

for _package in ("click", "rich", "matplotlib", "PIL"):
    pytest.importorskip(_package)
onnx = pytest.importorskip("onnx")

from onnx import parser  # noqa: E402

import convlab.onnx  # noqa: E402
from convlab.onnx import _command, _report  # noqa: E402

GOOD = """
    <ir_version: 10, opset_import: ["": 22]>
    net (float[N, 2, M, 8] x, float[3, 2, 3, 3] w) => (float[N, 3, A, B] y) {
        [convolve] c = Conv <pads = [1, 1, 1, 1]> (x, w)
        r = Relu (c)
        [pool] y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
    }
"""


@pytest.fixture
def run(capsys):
    """Run the command in this process; return its status, standard output and standard error."""

    def run(*words):
        status = _command.run([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def write(tmp_path):
    """Write a model from its text."""

    def write(text, name="model.onnx", **fields):
        made = parser.parse_model(text)
        for field, value in fields.items():
            setattr(made, field, value)
        path = tmp_path / name
        path.write_bytes(made.SerializeToString())
        return path

    return write


def rows(out):
    """Return the table's rows, in cells."""
    lines = [line for line in out.splitlines() if " ms" in line and not line.startswith("The whole model")]
    return [re.split(r"\s{2,}", line.strip()) for line in lines]


def test_report(run, write):
    status, out, err = run(write(GOOD), "--dim", "N=2", "--dim", "M=6", "--repeat", "2")
    assert (status, err) == (0, "")
    convolve, pool = rows(out)
    assert convolve[:3] == ["convolve", "Conv", "2x3x6x8"]
    assert pool[:4] == ["pool", "MaxPool", "2x3x3x4", convlab.last_kernel()]
    for row in (convolve, pool):
        ours, theirs, ratio, gap = row[4:]
        assert float(ours.split()[0]) > 0
        assert float(ratio.rstrip("x")) == pytest.approx(float(theirs.split()[0]) / float(ours.split()[0]), rel=0.1)
        assert float(gap) < 1e-5
    assert "convlab has operators for 2 of 3 nodes." in out
    assert re.search(r"The whole model: [\d.]+ ms instead of [\d.]+ ms \([\d.]+x\); the outputs differ by \d", out)


def test_without_the_reference(run, write):
    status, out, err = run(write(GOOD), "--dim", "N=1", "--dim", "M=2", "--alone")
    assert (status, err) == (0, "")
    assert [row[-3:] for row in rows(out)] == [["-", "-", "-"]] * 2
    assert "instead of" not in out


def test_a_process_of_its_own(write):
    words = [sys.executable, "-m", "convlab.onnx", str(write(GOOD)), "--dim", "N=1", "--dim", "M=2"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "MaxPool" in done.stdout
    done = subprocess.run(words[:3], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "convlab: error: Missing argument 'MODEL' (see python -m convlab.onnx --help)\n"


def test_models_that_the_reference_evaluator_cannot_run(run, write):
    text = (
        '<ir_version: 10, opset_import: ["": 22]> g (float[1, 1, 3] x) => (float[1, 1, 1] y) { y = GlobalLpPool (x) }'
    )
    status, out, _ = run(write(text))
    assert status == 0
    assert "avg_pool2d" in out
    assert "The reference evaluator cannot run it" in out


def test_float64_falls_back_to_the_reference(run, write):
    head = '<ir_version: 10, opset_import: ["": 22]>'
    text = f"{head} g (double[1, 1, 3] x) => (double[1, 1, 1] y) {{ y = GlobalAveragePool (x) }}"
    _, out, _ = run(write(text))
    assert rows(out)[0][3] == "reference: float64"


def test_branches_that_are_not_taken_and_functions(run, write):
    """Inputs of bool are random, so either branch may run."""
    text = """
        <ir_version: 10, opset_import: ["": 22, "local": 1]>
        g (bool cond, float[1, 1, 4, 4] x) => (float[1, 1, 3, 3] y) {
            y = If (cond) <
                then_branch = large () => (float[1, 1, 3, 3] a) { a = MaxPool <kernel_shape = [2, 2]> (x) },
                else_branch = mean () => (float[1, 1, 3, 3] b) { b = local.mean (x) }
            >
        }
        <opset_import: ["": 22], domain: "local">
        mean (x) => (y) { y = AveragePool <kernel_shape = [2, 2]> (x) }
    """
    status, out, err = run(write(text))
    assert (status, err) == (0, "")
    assert out.count("not reached") == 1
    assert len(re.findall(r"(max|avg)_pool2d_registers\[", out)) == 1


def one_line(run, *words):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"convlab: error: [^\n]+\n", err)
    return err


class TestErrors:
    """Each error is one line with the status 2."""

    def test_no_file(self, run, tmp_path):
        assert "there is no such file" in one_line(run, tmp_path / "none.onnx")
        assert "there is no such file" in one_line(run, tmp_path)

    @pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x0a\x12\x04\x74\x65", bytes(range(256))])
    def test_no_model(self, run, tmp_path, content):
        path = tmp_path / "bad.onnx"
        path.write_bytes(content)
        assert "is not an ONNX model" in one_line(run, path)

    def test_a_model_cut_short(self, run, write):
        path = write(GOOD)
        path.write_bytes(path.read_bytes()[:-20])
        assert "is not an ONNX model" in one_line(run, path)

    @pytest.mark.parametrize("opset", [0, 9999])
    def test_unknown_opset(self, run, write, opset):
        path = write(GOOD.replace('"": 22', f'"": {opset}'))
        newest = onnx.defs.onnx_opset_version()
        assert f"is of opset {opset}: onnx {onnx.__version__} knows those up to {newest}" in one_line(run, path)

    def test_a_model_that_is_not_good(self, run, write):
        err = one_line(run, write(GOOD.replace("(r)\n", "(q)\n")))
        assert "is not a good model: ValidationError" in err
        assert "is not a good model" in one_line(run, write(GOOD, ir_version=999))

    def test_missing_external_data(self, run, tmp_path):
        made = parser.parse_model(GOOD)
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((3, 2, 3, 3), np.float32), "w"))
        onnx.save(made, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
        dims = ("--dim", "N=1", "--dim", "M=2")
        assert run(tmp_path / "model.onnx", *dims)[0] == 0
        (tmp_path / "weights.bin").unlink()
        assert "weights.bin" in one_line(run, tmp_path / "model.onnx", *dims)

    def test_missing_sizes(self, run, write):
        err = one_line(run, write(GOOD))
        assert "the input 'x' has sizes without a number: give them, as in --dim N=1 --dim M=1" in err
        text = GOOD.replace("float[N, 2, M, 8] x", "float[N, 2, , 8] x").replace(
            "float[N, 2, , 8]", "float[N, 2, ?, 8]"
        )
        path = write(text)
        assert "--dim x.2=1" in one_line(run, path, "--dim", "N=1")
        assert run(path, "--dim", "N=1", "--dim", "x.2=4")[0] == 0

    @pytest.mark.parametrize("word", ["N", "N=", "=1", "N=0", "N=-1", "N=1.5", "N=x"])
    def test_wrong_sizes(self, run, write, word):
        assert f"--dim: got '{word}'; expected NAME=SIZE" in one_line(run, write(GOOD), "--dim", word)

    def test_unknown_sizes(self, run, write):
        err = one_line(run, write(GOOD), "--dim", "N=1", "--dim", "M=1", "--dim", "K=1")
        assert "--dim: no input has a size called K" in err

    def test_sizes_that_do_not_fit(self, run, write):
        err = one_line(run, write(GOOD), "--dim", "N=1", "--dim", "M=1")
        assert "cannot run" in err
        assert "MaxPool node 'pool': X: got sizes of (1, 8) with padding for a window of (2, 2)" in err

    def test_sizes_beyond_any_memory(self, run, write):
        assert one_line(run, write(GOOD), "--dim", "N=1000000000", "--dim", "M=100000000000")

    def test_inputs_that_cannot_be_made(self, run, write):
        text = '<ir_version: 10, opset_import: ["": 22]> g ({}) => (string[1] y) {{ y = Identity (x) }}'
        assert "an input of strings" in one_line(run, write(text.format("string[1] x")))
        assert "no tensor of a known number of axes" in one_line(run, write(text.format("seq(string[1]) x")))

    def test_an_unknown_operator(self, run, write):
        text = (
            '<ir_version: 10, opset_import: ["": 22, "other": 1]> g (float[1] x) => (float[1] y) { y = other.Op (x) }'
        )
        assert "cannot run" in one_line(run, write(text))

    def test_extras_that_are_missing(self, monkeypatch, capsys):
        from convlab import cli

        found = cli.find_spec
        monkeypatch.setattr(cli, "find_spec", lambda name: None if name == "onnx" else found(name))
        assert cli.launch("convlab.onnx._command", "cli,onnx", needed={"onnx": "onnx"}) == 2
        assert capsys.readouterr().err == (
            'convlab: error: the command line needs onnx: pip install "convlab-kernels[cli,onnx]"\n'
        )


def test_difference():
    nan = np.array([np.nan, 1.0])
    assert _report.difference([nan], [nan]) == 0
    assert _report.difference([nan], [np.ones(2)]) == np.inf
    assert _report.difference([np.ones((2, 1))], [np.ones(2)]) == np.inf
    assert _report.difference([np.array([np.inf, 2.0])], [np.array([np.inf, 1.5])]) == 0.5
    assert _report.difference([np.zeros(0)], [np.zeros(0)]) == 0
    assert _report.difference([np.array([3], np.uint8)], [np.array([5], np.uint8)]) == 2
    assert _report.difference([[np.ones(1)], np.ones(1)], [[np.ones(1)], np.zeros(1)]) == 1


def test_time_of_a_node_that_runs_several_times():
    """The time of a loop's body is the sum of all its runs, and the model's time includes them."""
    made = parser.parse_model("""
        <ir_version: 10, opset_import: ["": 22]>
        g (float[1, 1, 8] x) => (y) {
            turns = Constant <value_int = 3> ()
            again = Constant <value = bool {1}> ()
            y = Loop (turns, again, x) <body = b (int64 i, bool c, float[1, 1, 8] v) => (bool d, float[1, 1, 8] w) {
                d = Identity (c)
                w = MaxPool <kernel_shape = [3], pads = [1, 1]> (v)
            }>
        }
    """)
    x = {"x": np.arange(8, dtype=np.float32).reshape(1, 1, 8)}
    measured = _report.measure(made, x, 2, convlab.onnx.ops())
    (watch,) = measured.watches
    assert 0 < watch.best < measured.seconds
    assert watch.best <= watch.seconds
    np.testing.assert_array_equal(measured.outputs[0], convlab.max_pool1d(x["x"], 7, 1, 3))
