"""The command line: what it prints, its exit status, and what it leaves on the disk."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_support import Image, Run, assert_one_line, names

import convlab
from convlab import bench, filters, reference
from convlab.cli import figure  # after cli_support: without the extra, these tests are skipped


def command(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a separate process."""
    line = [sys.executable, "-m", "convlab", *(str(word) for word in words)]
    return subprocess.run(line, capture_output=True, text=True, check=False, **options)


def pixels(path: Path, mode: str | None = None) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image if mode is None else image.convert(mode))


class TestProcess:
    """Tests that need a separate process."""

    def test_version_and_help(self) -> None:
        done = command("--version")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"convlab {convlab.__version__}\n"

    def test_a_good_run(self, folder: Path) -> None:
        done = command("filter", "in.png", "out.png", "--filter", "edges", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("out.png: 17 x 12 grey, by correlate2d_3x3[")

    def test_an_unreadable_picture(self, tmp_path: Path) -> None:
        (tmp_path / "in.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
        done = command("pool", "in.png", "out.png", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert_one_line(done.stderr, "in.png")
        assert names(tmp_path) == ["in.png"]

    def test_a_bad_argument(self) -> None:
        done = command("pool", "--no-such-option")
        assert (done.returncode, done.stdout) == (2, "")
        assert_one_line(done.stderr, "--no-such-option", "convlab pool --help")

    @pytest.mark.skipif(os.name != "posix", reason="closes a pipe as POSIX systems do")
    def test_a_closed_pipe(self) -> None:
        line = [sys.executable, "-m", "convlab", "filter", "--help"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 1

    @pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as POSIX systems do")
    def test_an_interrupt(self, tmp_path: Path) -> None:
        line = [sys.executable, "-u", "-m", "convlab", "demo", "--out", str(tmp_path)]
        pipe = subprocess.PIPE
        with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Timing")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate()
        assert process.returncode == 130
        assert err.strip() == ""
        assert names(tmp_path) == ["convlab-demo.png"]  # complete before the loops began

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_for_standard_output(self) -> None:
        with Path("/dev/full").open("w") as full:
            line = [sys.executable, "-m", "convlab", "--version"]
            done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 2
        assert_one_line(done.stderr, "No space left on device")

    def test_the_library_imports_none_of_the_extra(self) -> None:
        program = (
            "import sys, convlab; print(sorted({'click', 'rich', 'PIL', 'tifffile', 'matplotlib'} & set(sys.modules)))"
        )
        line = [sys.executable, "-c", program]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"

    def test_only_the_demo_imports_matplotlib(self) -> None:
        program = "import sys; from convlab.cli import main; main(['info']); sys.exit('matplotlib' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0

    @pytest.mark.parametrize(
        ("module", "name"),
        [("click", "click"), ("PIL", "Pillow"), ("tifffile", "tifffile"), ("matplotlib", "Matplotlib")],
    )
    def test_without_the_extra(self, module: str, name: str) -> None:
        program = f"import sys; sys.modules[{module!r}] = None; from convlab.cli import main; sys.exit(main(['info']))"
        line = [sys.executable, "-c", program]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert_one_line(done.stderr, name, 'pip install "convlab-kernels[cli]"')


BAD = [
    ([], "Missing command"),
    (["nonsense"], "nonsense"),
    (["filter"], "Missing argument"),
    (["filter", "in.png", "out.png"], "one of --filter NAME and --kernel"),
    (["filter", "in.png", "out.png", "--filter", "edges", "--kernel", "1"], "one of --filter"),
    (["filter", "in.png", "out.png", "--filter", "edgse"], "Did you mean 'edges'"),
    (["filter", "in.png", "out.png", "--filter", "gaussian", "--param", "sigma=-1"], "sigma"),
    (["filter", "in.png", "out.png", "--filter", "gaussian", "--param", "sigma=nan"], "sigma"),
    (["filter", "in.png", "out.png", "--filter", "gaussian", "--param", "sigma=x"], "sigma"),
    (["filter", "in.png", "out.png", "--filter", "gaussian", "--param", "sgma=1"], "sgma"),
    (["filter", "in.png", "out.png", "--filter", "gaussian", "--param", "sigma"], "NAME=VALUE"),
    (
        [
            "filter",
            "in.png",
            "out.png",
            "--filter",
            "box",
            "--param",
            "size=3",
            "--param",
            "size=5",
        ],
        "each name once",
    ),
    (["filter", "in.png", "out.png", "--kernel", "1", "--param", "size=3"], "--param"),
    (["filter", "in.png", "out.png", "--kernel", ""], "every row"),
    (["filter", "in.png", "out.png", "--kernel", "1 2; 3"], "same number of taps"),
    (["filter", "in.png", "out.png", "--kernel", "1e400 1"], "not a finite number"),
    (["filter", "in.png", "out.png", "--kernel", "0 1 0, 1 -4 1, 0 1 0"], "mixes spaces and commas"),
    (["filter", "in.png", "out.png", "--kernel", "1 2; 3 4;"], "same number of taps"),
    (["filter", "in.png", "out.png", "--kernel", "1 x"], "'x' is not a number"),
    (["filter", "in.png", "out.png", "--kernel", "1", "--border", "reflect"], "symmetric"),
    (["filter", "in.png", "out.png", "--kernel", "1", "--border", "nonsense"], "border"),
    (["filter", "in.png", "out.png", "--kernel", "1", "--clip", "nan", "1"], "clip"),
    (["filter", "in.png", "out.png", "--kernel", "1", "--clip", "9", "1"], "clip"),
    (["filter", "in.png", "out.png", "--kernel", "1", "--clip", "1"], "--clip"),
    (["filter", "in.png", "out.png", "--kernel", "1", "--scale", "much"], "--scale"),
    (
        ["filter", "in.png", "out.png", "--kernel", "1;" * 12 + "1", "--border", "valid"],
        "another border",
    ),
    (["filter", "missing.png", "out.png", "--kernel", "1"], "No such file"),
    (["filter", ".", "out.png", "--kernel", "1"], "directory"),
    (["filter", "in.png", "folder", "--kernel", "1"], "must end in one of .png"),
    (["filter", "in.png", "folder.png", "--kernel", "1"], "folder"),
    (["filter", "in.png", "out.xyz", "--kernel", "1"], "must end in one of .png"),
    (["filter", "in.png", "missing/out.png", "--kernel", "1"], "no folder"),
    (["filter", "in.png", "in.png/out.png", "--kernel", "1"], "no folder"),
    (["filter", "in.png", f"{'x' * 300}.png", "--kernel", "1"], "too long"),
    (["filter", f"{'x' * 300}.png", "out.png", "--kernel", "1"], "too long"),
    (["pool", "in.png", "out.png", "--op", "median"], "--op"),
    (["pool", "in.png", "out.png", "--size", "0"], "kernel_size"),
    (["pool", "in.png", "out.png", "--size", "-2"], "kernel_size"),
    (["pool", "in.png", "out.png", "--size", "2.5"], "--size"),
    (["pool", "in.png", "out.png", "--size", "13"], ""),
    (["pool", "in.png", "out.png", "--size", "99999999999999999999999"], ""),
    (["pool", "in.png", "out.png", "--stride", "0"], "stride"),
    (["pool", "in.png", "out.png", "--padding", "-1"], "padding"),
    (["pool", "in.png", "out.png", "--padding", "2"], "padding"),
    (["demo", "--out", "in.png"], "in.png"),
    (["demo", "--out", "in.png/below"], "in.png"),
    (["bench", "--threads", "0"], "--threads"),
    (["bench", "--case", "nonsense"], "nonsense"),
    (["bench", "--list", "--case", "nonsense"], "nonsense"),
    (["bench", "--json", "missing/results.json"], "no folder"),
    (["bench", "--json", "folder.png"], "folder"),
    (["info", "more"], "more"),
]


@pytest.mark.parametrize(
    ("words", "expected"),
    BAD,
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_arguments_get_one_line_and_status_2(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "folder.png").mkdir()
    before = (folder / "in.png").read_bytes()
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert_one_line(err, expected)
    assert names(folder) == ["folder.png", "in.png"]
    assert (folder / "in.png").read_bytes() == before


def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path: Path, run: Run) -> None:
    status, _, err = run("pool", tmp_path / "a\n\x1b[31mb.png", tmp_path / "out.png")
    assert status == 2
    assert_one_line(err, "x1b[31mb.png")


class TestFilter:
    def test_a_filter_of_the_catalogue_with_parameters(self, folder: Path, run: Run) -> None:
        run(
            "filter", folder / "in.png", folder / "out.png", "--filter", "gaussian",
            "--param", "sigma=0.8", "--param", "size=5", "--border", "wrap",
        )  # fmt: skip
        expected = convlab.filter2d(
            pixels(folder / "in.png"),
            filters.get("gaussian", sigma=0.8, size=5),
            border="wrap",
            dtype=np.uint8,
        )
        np.testing.assert_array_equal(pixels(folder / "out.png"), expected)

    def test_a_parameter_that_is_a_word(self, folder: Path, run: Run) -> None:
        words = ("--filter", "kirsch", "--param", "direction=east")
        assert run("filter", folder / "in.png", folder / "out.png", *words)[0] == 0

    def test_every_option(self, folder: Path, run: Run) -> None:
        run(
            "filter", folder / "in.png", folder / "out.png", "--kernel", "0, 1, 0; 1 -4 1; 0 1 0",
            "--border", "constant", "--cval", 9, "--scale", -0.5, "--offset", 99,
            "--clip", 30, 200,
        )  # fmt: skip
        expected = convlab.filter2d(
            pixels(folder / "in.png"),
            [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
            border="constant",
            cval=9,
            scale=-0.5,
            offset=99,
            clip=(30, 200),
            dtype=np.uint8,
        )
        np.testing.assert_array_equal(pixels(folder / "out.png"), expected)

    def test_help_lists_the_catalogue(self, run: Run) -> None:
        status, out, err = run("filter", "--help")
        assert (status, err) == (0, "")
        for name in filters.names():
            assert name in out


class TestPool:
    def test_every_option(self, folder: Path, run: Run) -> None:
        words = ("--op", "avg", "--size", 3, "--stride", 2, "--padding", 1)
        run("pool", folder / "in.png", folder / "out.png", *words)
        given = pixels(folder / "in.png")
        expected = np.rint(convlab.avg_pool2d(given, 3, 2, 1))
        np.testing.assert_array_equal(pixels(folder / "out.png"), expected)

    def test_the_default_is_the_lesson_s(self, folder: Path, run: Run) -> None:
        run("pool", folder / "in.png", folder / "out.png")
        expected = convlab.max_pool2d(pixels(folder / "in.png"), 2)
        np.testing.assert_array_equal(pixels(folder / "out.png"), expected)


class TestInfo:
    def test_the_kernels_are_listed(self, run: Run) -> None:
        status, out, err = run("info")
        assert (status, err) == (0, "")
        assert convlab.__version__ in out
        assert np.__version__ in out
        assert re.search(rf"Threads: +{convlab.get_num_threads()}\n", out)
        assert re.search(r"CPU: +\S", out)
        for name, kernel in convlab.backend().items():
            line = next(line for line in out.splitlines() if line.split()[:1] == [name])
            assert kernel["backend"] in line


class TestDemo:
    def test_the_figure_and_the_table(self, tmp_path: Path) -> None:
        done = command("demo", "--out", tmp_path / "new" / "folder", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        target = tmp_path / "new" / "folder" / "convlab-demo.png"
        assert f"The pictures: {target}" in done.stdout
        assert names(target.parent) == ["convlab-demo.png"]
        with Image.open(target) as image:
            assert image.size == (figure.WIDTH, figure.HEIGHT)
            assert image.mode in ("RGB", "RGBA")
            assert len(np.unique(np.asarray(image.convert("L")))) == 256
        rows = [line.split() for line in done.stdout.splitlines() if "identical" in line]
        assert [row[0] for row in rows] == [
            "edges", "2x2", "vertical_lines", "2x2", "horizontal_lines", "2x2",
        ]  # fmt: skip
        assert sum("512 x 512" in " ".join(row) for row in rows) == 3
        assert sum("256 x 256" in " ".join(row) for row in rows) == 3
        assert all("[" in " ".join(row) for row in rows)
        assert "times as fast" in done.stdout

    def test_the_pictures_are_in_the_figure_pixel_by_pixel(
        self, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.replace_the_loops(monkeypatch, error=0)
        assert run("demo", "--out", tmp_path)[0] == 0
        shown = pixels(tmp_path / "convlab-demo.png", "L").astype(int)
        picture = convlab.data.ascent()
        inner = picture[8:-8, 8:-8]
        found = [
            (top, left)
            for top in range(300, 420)
            for left in range(60, 130)
            # The grey of the figure is rounded again: one level up or down.
            if np.abs(shown[top : top + 496, left : left + 496] - inner).max() <= 1
        ]
        assert len(found) == 1

    def test_different_results_are_reported(self, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.replace_the_loops(monkeypatch, error=3)
        status, out, err = run("demo", "--out", tmp_path)
        assert status == 1
        assert "differ by 3" in out
        assert_one_line(err, "edges")

    @staticmethod
    def replace_the_loops(monkeypatch: pytest.MonkeyPatch, *, error: int) -> None:
        """Replace the plain loops, which take seconds, by the library."""
        filter2d, max_pool2d = convlab.filter2d, convlab.max_pool2d
        monkeypatch.setattr(reference, "filter2d", lambda *a, **k: filter2d(*a, **k) + error)
        monkeypatch.setattr(reference, "max_pool2d", lambda *a: max_pool2d(*a) + error)


class TestBench:
    def test_the_options_are_passed_on(self, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[tuple[object, ...]] = []
        monkeypatch.setattr(bench, "run", lambda *arguments: calls.append(arguments))
        file = tmp_path / "results.json"
        assert run("bench")[0] == 0
        assert run("bench", "--threads", 1, "--case", "3x3", "--json", file, "--quick")[0] == 0
        assert calls == [(None, None, None, False), (1, "3x3", str(file), True)]

    def test_the_cases_are_listed_and_not_run(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bench, "run", None)
        assert run("bench", "--list") == (0, "".join(f"{case.name}\n" for case in bench.CASES), "")
        status, out, _ = run("bench", "--list", "--case", "uint8")
        assert status == 0
        assert out.splitlines() == [case.name for case in bench.CASES if "uint8" in case.name]

    def test_different_results_are_reported(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def differing(*_: object) -> None:
            raise bench.DisagreementError("numpy differs")

        monkeypatch.setattr(bench, "run", differing)
        status, out, err = run("bench")
        assert (status, out) == (1, "")
        assert_one_line(err, "numpy differs")


def test_pool_keeps_the_largest(run: Run, folder: Path) -> None:
    values = np.asarray(Image.open(folder / "in.png"))
    assert run("pool", folder / "in.png", folder / "out.png")[0] == 0
    pooled = np.asarray(Image.open(folder / "out.png"))
    np.testing.assert_array_equal(pooled, values[:12, :16].reshape(6, 2, 8, 2).max((1, 3)))
