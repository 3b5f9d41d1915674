"""Broken and hostile pictures on the command line: one error line, no new file, no file lost."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, Image, Run, assert_refused, encoded, frames, noise, picture


def png_bytes(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated.png": (lambda: encoded(picture("RGB"), "PNG")[:300], "broken or cut short"),
    "header-only.png": (lambda: encoded(picture("RGB"), "PNG")[:33], "cannot read"),
    "flipped-bits.png": (
        lambda: encoded(picture("RGB"), "PNG")[:60] + b"\xff" * 80 + bytes(60),
        "broken or cut short",
    ),
    "truncated.jpg": (lambda: encoded(picture("RGB"), "JPEG")[:-200], "broken or cut short"),
    "truncated.tif": (lambda: encoded(picture("RGB"), "TIFF")[:-200], "cannot read"),
    "truncated-lzw.tif": (
        lambda: encoded(picture("RGB"), "TIFF", compression="tiff_lzw").replace(b"\x80", b"\xff"),
        "cannot read",
    ),
    "truncated.gif": (lambda: encoded(picture("P"), "GIF")[:-60], "broken or cut short"),
    "truncated.bmp": (lambda: encoded(picture("RGB"), "BMP")[:-200], "broken or cut short"),
    "truncated.ppm": (lambda: encoded(picture("RGB"), "PPM")[:-200], "broken or cut short"),
    "truncated.webp": (lambda: encoded(picture("RGB"), "WEBP")[:-60], "cannot read"),
    "bomb.png": (lambda: png_bytes(40_000, 40_000, 8, 0, b"\0" * 40_001), "pixels"),
    "warned.png": (lambda: png_bytes(40_000, 3_000, 8, 0, b"\0" * 40_001), "pixels"),
    "bomb.ppm": (lambda: b"P6 40000 40000 255\n", "pixels"),
    "empty.png": (lambda: b"", "not a picture"),
    "text.png": (lambda: b"this is no picture at all\n" * 20, "not a picture"),
    "zeros.png": (lambda: bytes(1000), "not a picture"),
    "animated.gif": (lambda: frames("GIF"), "more than one frame"),
    "animated.png": (lambda: frames("PNG"), "more than one frame"),
    "pages.tif": (lambda: frames("TIFF"), "more than one frame"),
    "inks.jpg": (lambda: encoded(picture("RGB").convert("CMYK"), "JPEG"), "CMYK"),
    "integers.tif": (
        lambda: encoded(Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.int32)), "TIFF"),
        "integers",
    ),
    "rgb16.png": (lambda: png_bytes(4, 2, 16, 2, bytes(50)), "16 bits per colour"),
    "rgba16.png": (lambda: png_bytes(4, 2, 16, 6, bytes(66)), "16 bits per colour"),
    "la16.png": (lambda: png_bytes(4, 2, 16, 4, bytes(34)), "16 bits per colour"),
    "rgb16.ppm": (lambda: b"P6 4 2 65535\n" + bytes(48), "16 bits per colour"),
    "transparent16.png": (
        lambda: encoded(picture("I;16"), "PNG", transparency=5), "16-bit grey with transparency",
    ),
    "postscript.png": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_get_one_line_and_leave_nothing(tmp_path: Path, run: Run, name: str) -> None:
    content, expected = HOSTILE[name]
    (tmp_path / name).write_bytes(content())
    for command in (["filter", "--filter", "edges"], ["pool"]):
        assert_refused(run(*command, tmp_path / name, tmp_path / "out.png"), expected, name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_every_cut_of_a_picture_is_refused_or_read(tmp_path: Path, run: Run) -> None:
    whole = encoded(picture("P"), "PNG")
    for length in range(0, len(whole), 3):
        (tmp_path / "in.png").write_bytes(whole[:length])
        result = run("pool", tmp_path / "in.png", tmp_path / "out.png")
        if result[0] != 0:
            assert_refused(result)
            assert not (tmp_path / "out.png").exists()
        (tmp_path / "out.png").unlink(missing_ok=True)


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.png").write_bytes(encoded(picture("RGB"), "PNG")[:300])
    (tmp_path / "out.png").write_bytes(b"what was there")
    assert_refused(run("pool", tmp_path / "in.png", tmp_path / "out.png"))
    assert (tmp_path / "out.png").read_bytes() == b"what was there"


def test_a_failure_while_encoding_leaves_nothing(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    picture("RGB").save(tmp_path / "in.png")

    def half(self: object, file: io.BytesIO, *_: object, **__: object) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    assert_refused(run("pool", tmp_path / "in.png", tmp_path / "out.png"), "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_size_that_the_format_does_not_support(tmp_path: Path, run: Run) -> None:
    Image.fromarray(np.zeros((1, 70_000, 3), np.uint8)).save(tmp_path / "in.png")
    for name in ("out.jpg", "out.webp"):
        assert_refused(run("filter", tmp_path / "in.png", tmp_path / name, "--kernel", "1"), "cannot write")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_phone_s_jpeg_with_a_second_picture_is_read(tmp_path: Path, run: Run) -> None:
    second = Image.fromarray(noise(HEIGHT, WIDTH, 3))
    picture("RGB").save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=[second])
    assert run("pool", tmp_path / "in.jpg", tmp_path / "out.png")[0] == 0
