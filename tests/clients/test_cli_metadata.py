"""Metadata of picture files: resolution, colour profile, orientation, further frames."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, Image, Run, assert_refused, encoded, noise, picture

tifffile = pytest.importorskip("tifffile")

FORMATS = [".tif", ".png", ".jpg", ".bmp"]
COMMANDS = [("filter", "--kernel", "1"), ("pool",)]


@pytest.mark.parametrize("given", FORMATS)
@pytest.mark.parametrize("asked", FORMATS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_resolution_is_kept(tmp_path: Path, run: Run, given: str, asked: str, command: tuple[str, ...]) -> None:
    picture("RGB").save(tmp_path / f"in{given}", dpi=(300, 150))
    status, out, _ = run(*command, tmp_path / f"in{given}", tmp_path / f"out{asked}")
    assert status == 0
    assert ", without" not in out
    with Image.open(tmp_path / f"out{asked}") as result:
        assert result.info["dpi"] == pytest.approx((300, 150), abs=0.02)  # whole pixels per metre


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "F"])
def test_resolution_of_a_tiff_of_every_kind(tmp_path: Path, run: Run, mode: str) -> None:
    picture(mode).save(tmp_path / "in.tif", dpi=(72, 96))
    assert run("pool", tmp_path / "in.tif", tmp_path / "out.tif")[0] == 0
    with Image.open(tmp_path / "out.tif") as result:
        assert result.info["dpi"] == (72, 96)


@pytest.mark.parametrize(("unit", "number"), [("INCH", 2), ("CENTIMETER", 3), ("NONE", 1)])
def test_a_tiff_s_resolution_is_kept_to_the_digit(tmp_path: Path, run: Run, unit: str, number: int) -> None:
    sizes = ((1_000_001, 7), (123, 1))
    tifffile.imwrite(tmp_path / "in.tif", noise(HEIGHT, WIDTH), resolution=sizes, resolutionunit=unit, metadata=None)
    assert run("pool", tmp_path / "in.tif", tmp_path / "out.tif")[0] == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        tags = file.pages[0].tags
        assert (tags["XResolution"].value, tags["YResolution"].value) == sizes
        assert tags["ResolutionUnit"].value == number


def test_resolution_without_a_unit(tmp_path: Path, run: Run) -> None:
    tifffile.imwrite(tmp_path / "in.tif", noise(HEIGHT, WIDTH, 3), resolution=(2, 1), resolutionunit=1, metadata=None)
    for name in ("out.png", "out.jpg", "out.webp"):
        status, out, _ = run("pool", tmp_path / "in.tif", tmp_path / name)
        assert status == 0
        assert ", without" not in out
        assert run("pool", tmp_path / name, tmp_path / "back.tif")[0] == 0
        with tifffile.TiffFile(tmp_path / "back.tif") as file:
            tags = file.pages[0].tags
            assert [tags[name].value for name in ("XResolution", "YResolution", "ResolutionUnit")] == [
                (2, 1),
                (1, 1),
                1,
            ]
    assert "without its resolution" in run("pool", tmp_path / "in.tif", tmp_path / "out.bmp")[1]


@pytest.mark.parametrize("name", ["out.ppm", "out.webp"])
def test_formats_without_a_header_for_it(tmp_path: Path, run: Run, name: str) -> None:
    picture("RGB").save(tmp_path / "in.png", dpi=(300, 150))
    out = run("pool", tmp_path / "in.png", tmp_path / name)[1]
    assert ("without its resolution" in out) == (name == "out.ppm")


def test_no_resolution_is_invented(tmp_path: Path, run: Run) -> None:
    for given in (".png", ".jpg", ".tif"):
        picture("RGB").save(tmp_path / f"in{given}")
        for asked in (".png", ".jpg", ".tif"):
            assert run("pool", tmp_path / f"in{given}", tmp_path / f"out{asked}")[0] == 0
            with Image.open(tmp_path / f"out{asked}") as result:
                assert "dpi" not in result.info


@pytest.mark.parametrize("extension", [".jpg", ".webp", ".png"])
def test_resolution_in_exif_is_rotated_with_the_picture(tmp_path: Path, run: Run, extension: str) -> None:
    exif = Image.Exif()
    exif[0x112], exif[0x11A], exif[0x11B], exif[0x128] = 6, 200.0, 100.0, 2
    picture("RGB").save(tmp_path / f"in{extension}", exif=exif)
    for name in ("out.tif", "out.jpg"):
        assert run("filter", tmp_path / f"in{extension}", tmp_path / name, "--kernel", "1")[0] == 0
        with Image.open(tmp_path / name) as result:
            assert result.size == (HEIGHT, WIDTH)
            assert result.info["dpi"] == (100, 200)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16", "F", "P"])
def test_a_profile_is_kept_or_its_loss_reported(tmp_path: Path, run: Run, mode: str) -> None:
    picture(mode).save(tmp_path / "in.tif", icc_profile=b"a profile")
    assert ", without" not in run("pool", tmp_path / "in.tif", tmp_path / "out.tif")[1]
    with Image.open(tmp_path / "out.tif") as result:
        assert result.info["icc_profile"] == b"a profile"
    name = {"1": "out.pbm", "L": "out.bmp", "RGB": "out.ppm", "I;16": "out.pgm", "F": "out.pfm", "P": "out.gif"}[mode]
    status, out, _ = run("pool", tmp_path / "in.tif", tmp_path / name)
    assert status == 0
    assert "without its colour profile" in out


@pytest.mark.parametrize("maximum", [255, 65535])
@pytest.mark.parametrize("magic", [b"P4", b"P5", b"P6"])
def test_a_second_picture_behind_a_ppm_is_refused(tmp_path: Path, run: Run, magic: bytes, maximum: int) -> None:
    if magic == b"P4":
        content = b"P4 9 2\n" + bytes([7, 0, 9, 128])
    else:
        bands, size = (3 if magic == b"P6" else 1), (1 if maximum == 255 else 2)
        content = magic + b" 3 2 %d\n" % maximum + bytes(6 * bands * size)
    for tail, fine in ((b"", True), (b"\n", True), (content, False)):
        (tmp_path / "in.pnm").write_bytes(content + tail)
        result = run("pool", tmp_path / "in.pnm", tmp_path / "out.png", "--size", 1)
        if magic == b"P6" and maximum > 255:
            assert_refused(result, "16 bits per colour")
        elif fine:
            assert result[0] == 0
        else:
            assert_refused(result, "more than one frame")


def test_a_single_float_pfm_is_read(tmp_path: Path, run: Run) -> None:
    values = noise(HEIGHT, WIDTH, dtype=np.float32)
    content = b"Pf\n%d %d\n-1.0\n" % (WIDTH, HEIGHT) + struct.pack(f"<{values.size}f", *values[::-1].ravel())
    (tmp_path / "in.pfm").write_bytes(content)
    assert run("filter", tmp_path / "in.pfm", tmp_path / "out.tif", "--kernel", "1")[0] == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), values)


def test_animations_are_refused(tmp_path: Path, run: Run) -> None:
    frames = [Image.fromarray(noise(HEIGHT, WIDTH, 3) // n) for n in (1, 2, 3)]
    for name in ("GIF", "PNG", "WEBP", "TIFF"):
        (tmp_path / "in").write_bytes(encoded(frames[0], name, save_all=True, append_images=frames[1:]))
        assert_refused(run("pool", tmp_path / "in", tmp_path / "out.png"), "more than one frame")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
