"""Output files of the command line, also after failures."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cli_support import Image, Run, assert_one_line, names

from convlab.cli import pictures


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


class TestTarget:
    """The location of OUT, and how it is written."""

    @pytest.mark.parametrize("link", ["same", "dotted", "symbolic", "hard", "both"])
    def test_the_input_is_overwritten_only_with_force(self, folder: Path, run: Run, link: str) -> None:
        given = folder / "in.png"
        before = given.read_bytes()
        source, target = given, folder / "other.png"
        if link == "same":
            target = given
        elif link == "dotted":
            (folder / "below").mkdir()
            target = folder / "below" / ".." / "in.png"
        elif link == "hard":
            target.hardlink_to(given)
        else:
            target.symlink_to(given)
            if link == "both":
                source = folder / "another.png"
                source.symlink_to(given)
        status, out, err = run("pool", source, target)
        assert (status, out) == (2, "")
        assert_one_line(err, "is the input itself", "--force")
        assert given.read_bytes() == before
        assert run("pool", source, target, "--force")[0] == 0
        assert size(target) == (8, 6)

    def test_another_file_is_overwritten(self, folder: Path, run: Run) -> None:
        (folder / "out.png").write_text("something else")
        assert run("pool", folder / "in.png", folder / "out.png")[0] == 0
        assert size(folder / "out.png") == (8, 6)
        assert names(folder) == ["in.png", "out.png"]

    def test_a_symbolic_link_stays_one(self, folder: Path, run: Run) -> None:
        (folder / "below").mkdir()
        (folder / "out.png").symlink_to(folder / "below" / "real.png")
        assert run("pool", folder / "in.png", folder / "out.png")[0] == 0
        assert (folder / "out.png").is_symlink()
        assert names(folder / "below") == ["real.png"]

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    def test_permissions(self, folder: Path, run: Run) -> None:
        before = os.umask(0o027)
        try:
            run("pool", folder / "in.png", folder / "new.png")
        finally:
            os.umask(before)
        assert stat.S_IMODE((folder / "new.png").stat().st_mode) == 0o640
        (folder / "new.png").chmod(0o604)
        run("pool", folder / "in.png", folder / "new.png")
        assert stat.S_IMODE((folder / "new.png").stat().st_mode) == 0o604

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_not_replaced(self, folder: Path, run: Run) -> None:
        os.mkfifo(folder / "out.png")
        status, _, err = run("pool", folder / "in.png", folder / "out.png")
        assert status == 2
        assert_one_line(err, "not a regular file")
        assert stat.S_ISFIFO((folder / "out.png").stat().st_mode)

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions bind")
    def test_a_folder_that_may_not_be_written(self, folder: Path, run: Run) -> None:
        (folder / "locked").mkdir(mode=0o500)
        status, _, err = run("pool", folder / "in.png", folder / "locked" / "out.png")
        assert status == 2
        assert_one_line(err, "Permission denied")

    def test_an_interrupt_leaves_nothing(self, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Image.Image, "save", interrupted)
        status, out, err = run("pool", folder / "in.png", folder / "out.png")
        assert (status, out) == (130, "")
        assert err.strip() == ""
        assert names(folder) == ["in.png"]

    def test_too_little_memory(self, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(_: Path) -> None:
            raise MemoryError

        monkeypatch.setattr(pictures, "read", failing)
        status, _, err = run("pool", folder / "in.png", folder / "out.png")
        assert status == 2
        assert_one_line(err, "not enough memory")
