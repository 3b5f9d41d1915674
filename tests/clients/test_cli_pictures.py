"""Pictures on the command line: every kind is kept in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, Image, Run, assert_refused, noise, picture

import convlab
from convlab import filters

KEPT = [
    *((mode, ".png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *((mode, ".tif") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F")),
    *((mode, ".bmp") for mode in ("1", "L", "P", "RGB")),
    *((mode, ".webp") for mode in ("RGB", "RGBA")),
    ("P", ".gif"),
    ("1", ".pbm"),
    ("L", ".pgm"),
    ("RGB", ".ppm"),
    ("F", ".pfm"),
]


@pytest.mark.parametrize(("mode", "extension"), KEPT)
def test_filter_keeps_the_kind_and_computes_as_the_library_does(
    tmp_path: Path, run: Run, mode: str, extension: str
) -> None:
    given = picture(mode)
    given.save(
        tmp_path / f"in{extension}",
        **({"lossless": True, "exact": True} if extension == ".webp" else {}),
    )
    taps = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    status, out, err = run(
        "filter", tmp_path / f"in{extension}", tmp_path / f"out{extension}",
        "--kernel", "1 2 1; 2 4 2; 1 2 1", "--scale", 1 / 16, "--offset", 0.25,
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "correlate2d" in out
    with Image.open(tmp_path / f"out{extension}") as result:
        assert result.mode == mode
        assert result.size == given.size
        got = np.asarray(result.convert("RGB") if mode == "P" else result)
    pixels = np.asarray(given.convert("RGB") if mode == "P" else given)
    if mode == "1":
        expected = convlab.filter2d(pixels, taps, offset=0.25, dtype=np.uint8) > 0
    elif mode == "F":
        expected = convlab.filter2d(pixels, taps, offset=0.25)
    else:
        colours = pixels[..., :-1] if mode in ("LA", "RGBA") else pixels
        axis = 2 if colours.ndim == 3 else None
        expected = convlab.filter2d(colours, taps, offset=0.25, channel_axis=axis, dtype=pixels.dtype)
        if mode in ("LA", "RGBA"):
            np.testing.assert_array_equal(got[..., -1], pixels[..., -1])  # alpha kept
            got = got[..., :-1]
    if mode != "F":
        np.testing.assert_array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize(("mode", "extension"), KEPT)
@pytest.mark.parametrize("op", ["max", "avg", "min"])
def test_pool_keeps_the_kind(tmp_path: Path, run: Run, mode: str, extension: str, op: str) -> None:
    given = picture(mode)
    given.save(
        tmp_path / f"in{extension}",
        **({"lossless": True, "exact": True} if extension == ".webp" else {}),
    )
    status, _, err = run("pool", tmp_path / f"in{extension}", tmp_path / f"out{extension}", "--op", op, "--size", 2)
    assert (status, err) == (0, "")
    with Image.open(tmp_path / f"out{extension}") as result:
        assert result.mode == mode
        got = np.asarray(result.convert("RGB") if mode == "P" else result)
    pixels = np.asarray(given.convert("RGB") if mode == "P" else given)
    rows, columns = HEIGHT // 2, WIDTH // 2
    blocks = pixels[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, *pixels.shape[2:])
    reduced = {"max": np.max, "avg": np.mean, "min": np.min}[op](blocks.astype(np.float64), (1, 3))
    if mode == "F":
        np.testing.assert_allclose(got, reduced, rtol=1e-6)
    else:
        np.testing.assert_array_equal(got, np.rint(reduced).astype(pixels.dtype))


def test_sixteen_bits_are_exact_and_saturate(tmp_path: Path, run: Run) -> None:
    pixels = noise(HEIGHT, WIDTH, dtype=np.uint16, high=65536)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    for scale in (1, 3):
        run("filter", tmp_path / "in.png", tmp_path / "out.png", "--kernel", "1", "--scale", scale)
        with Image.open(tmp_path / "out.png") as result:
            assert result.mode == "I;16"
            expected = np.minimum(pixels.astype(int) * scale, 65535)
            np.testing.assert_array_equal(np.asarray(result), expected)


def test_sixteen_bit_pgm_is_sixteen_bit_grey(tmp_path: Path, run: Run) -> None:
    pixels = noise(HEIGHT, WIDTH, dtype=np.uint16, high=65536)
    Image.fromarray(pixels).save(tmp_path / "in.pgm")
    for out in ("out.pgm", "out.png"):
        assert run("pool", tmp_path / "in.pgm", tmp_path / out, "--size", 1)[0] == 0
        with Image.open(tmp_path / out) as result:
            np.testing.assert_array_equal(np.asarray(result), pixels)


def test_results_round_half_to_even(tmp_path: Path, run: Run) -> None:
    Image.fromarray(np.array([[1, 3, 5, 7]], np.uint8)).save(tmp_path / "in.png")
    run("filter", tmp_path / "in.png", tmp_path / "out.png", "--kernel", "0.5")
    with Image.open(tmp_path / "out.png") as result:
        assert np.asarray(result).tolist() == [[0, 2, 2, 4]]
    Image.fromarray(np.array([[0, 1, 1, 2]], np.uint8)).save(tmp_path / "in.png")
    run("pool", tmp_path / "in.png", tmp_path / "out.png", "--op", "avg", "--size", 1)
    with Image.open(tmp_path / "out.png") as result:
        assert np.asarray(result).tolist() == [[0, 1, 1, 2]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("mode", "extension"), [("RGB", ".png"), ("I;16", ".tif"), ("L", ".tif"), ("P", ".png")])
def test_exif_orientation_is_obeyed_once(tmp_path: Path, run: Run, orientation: int, mode: str, extension: str) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    given = picture(mode)
    given.save(tmp_path / f"in{extension}", exif=exif)
    pixels = np.asarray(given.convert("RGB") if mode == "P" else given)
    upright = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: np.rot90,
    }[orientation](pixels)
    assert run("filter", tmp_path / f"in{extension}", tmp_path / f"out{extension}", "--kernel", "1")[0] == 0
    with Image.open(tmp_path / f"out{extension}") as result:
        assert result.getexif().get(0x112, 1) == 1
        got = np.asarray(result.convert("RGB") if mode == "P" else result)
    np.testing.assert_array_equal(got, upright)


def test_colour_profile_is_copied(tmp_path: Path, run: Run) -> None:
    picture("RGB").save(tmp_path / "in.png", icc_profile=b"a profile")
    for name in ("out.png", "out.tif", "out.jpg", "out.webp"):
        run("filter", tmp_path / "in.png", tmp_path / name, "--kernel", "1")
        with Image.open(tmp_path / name) as result:
            assert result.info["icc_profile"] == b"a profile"


def test_jpeg_in_and_out(tmp_path: Path, run: Run) -> None:
    rows, columns = np.mgrid[:64, :96]
    for mode, pixels in (
        ("L", (rows + columns).astype(np.uint8)),
        ("RGB", np.dstack([rows, columns, rows + columns]).astype(np.uint8)),
    ):
        Image.fromarray(pixels).save(tmp_path / "in.jpg", quality=95)
        with Image.open(tmp_path / "in.jpg") as given:
            pixels = np.asarray(given)
        assert run("pool", tmp_path / "in.jpg", tmp_path / "out.jpeg", "--size", 1)[0] == 0
        with Image.open(tmp_path / "out.jpeg") as result:
            assert (result.mode, result.size) == (mode, (96, 64))
            assert np.abs(np.asarray(result).astype(int) - pixels).mean() < 2


class TestPalettes:
    def test_many_colours_are_reduced_and_reported(self, tmp_path: Path, run: Run) -> None:
        rows, columns = np.mgrid[:64, :64] * 4
        colours = Image.fromarray(np.dstack([rows, columns, rows // 2]).astype(np.uint8))
        colours.quantize(256).save(tmp_path / "in.png")
        status, out, _ = run("filter", tmp_path / "in.png", tmp_path / "out.png", "--filter", "gaussian")
        assert status == 0
        assert "reduced to 256 colours" in out
        with Image.open(tmp_path / "out.png") as result, Image.open(tmp_path / "in.png") as given:
            assert result.mode == "P"
            expected = convlab.filter2d(np.asarray(given.convert("RGB")), filters.get("gaussian"), channel_axis=2)
            assert np.abs(np.asarray(result.convert("RGB")) - expected).mean() < 6

    def test_few_colours_stay_exact(self, tmp_path: Path, run: Run) -> None:
        picture("P").save(tmp_path / "in.gif")
        _, out, _ = run("pool", tmp_path / "in.gif", tmp_path / "out.gif")
        assert "reduced" not in out

    @pytest.mark.parametrize("extension", [".png", ".gif"])
    @pytest.mark.parametrize("colours", [4, 4000])
    def test_transparency_is_kept(self, tmp_path: Path, run: Run, extension: str, colours: int) -> None:
        given = Image.fromarray(noise(64, 64, high=3))
        given.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        given.save(tmp_path / f"in{extension}", transparency=1)
        kernel = "1" if colours == 4 else "1 2 3; 4 5 6; 7 8 9"
        status, out, err = run(
            "filter", tmp_path / f"in{extension}", tmp_path / f"out{extension}",
            "--kernel", kernel, "--scale", 1 if colours == 4 else 1 / 45,
        )  # fmt: skip
        assert (status, err) == (0, "")
        assert ("reduced" in out) == (colours > 256)
        with Image.open(tmp_path / f"out{extension}") as result:
            assert result.mode == "P"
            alpha = np.asarray(result.convert("RGBA"))[..., 3]
        np.testing.assert_array_equal(alpha, np.where(np.asarray(given) == 1, 0, 255))

    def test_half_transparent_colours(self, tmp_path: Path, run: Run) -> None:
        given = Image.fromarray(noise(HEIGHT, WIDTH, high=3))
        given.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        given.save(tmp_path / "in.png", transparency=bytes([0, 100, 255]))
        assert run("filter", tmp_path / "in.png", tmp_path / "out.png", "--kernel", "1")[0] == 0
        with Image.open(tmp_path / "out.png") as result:
            alpha = np.asarray(result.convert("RGBA"))[..., 3]
        np.testing.assert_array_equal(alpha, np.array([0, 100, 255])[np.asarray(given)])
        assert_refused(
            run("filter", tmp_path / "in.png", tmp_path / "out.gif", "--kernel", "1"),
            "half-transparent",
        )

    def test_an_unused_transparent_colour(self, tmp_path: Path, run: Run) -> None:
        given = Image.fromarray(np.zeros((4, 4), np.uint8))
        given.putpalette([255, 0, 0, 0, 255, 0])
        given.save(tmp_path / "in.png", transparency=1)
        assert run("pool", tmp_path / "in.png", tmp_path / "out.gif")[0] == 0
        with Image.open(tmp_path / "out.gif") as result:
            assert np.asarray(result.convert("RGBA")).reshape(-1, 4).tolist() == [[255, 0, 0, 255]] * 4

    def test_becomes_rgb_where_the_format_has_no_palettes(self, tmp_path: Path, run: Run) -> None:
        picture("P").save(tmp_path / "in.png")
        _, out, _ = run("pool", tmp_path / "in.png", tmp_path / "out.ppm")
        assert "palette, written as RGB" in out
        with Image.open(tmp_path / "out.ppm") as result:
            assert result.mode == "RGB"


@pytest.mark.parametrize(("mode", "kind"), [("1", "LA"), ("L", "LA"), ("RGB", "RGBA")])
def test_a_transparent_colour_becomes_alpha(tmp_path: Path, run: Run, mode: str, kind: str) -> None:
    given = picture(mode)
    given.save(tmp_path / "in.png", transparency=given.getpixel((0, 0)))
    assert run("filter", tmp_path / "in.png", tmp_path / "out.png", "--kernel", "1")[0] == 0
    with Image.open(tmp_path / "out.png") as result, Image.open(tmp_path / "in.png") as before:
        assert result.mode == kind
        np.testing.assert_array_equal(np.asarray(result), np.asarray(before.convert(kind)))


def test_alpha_under_a_valid_border(tmp_path: Path, run: Run) -> None:
    given = picture("RGBA")
    given.save(tmp_path / "in.png")
    run(
        "filter", tmp_path / "in.png", tmp_path / "out.png",
        "--kernel", "1 1; 1 1; 1 1; 1 1", "--border", "valid", "--scale", "0.125",
    )  # fmt: skip
    with Image.open(tmp_path / "out.png") as result:
        got = np.asarray(result)
    np.testing.assert_array_equal(got[..., 3], np.asarray(given)[2:-1, 1:, 3])


HOLDS_NOT = [
    ("RGBA", "png", "jpg"),
    ("LA", "png", "bmp"),
    ("I;16", "png", "jpg"),
    ("I;16", "png", "webp"),
    ("F", "tif", "png"),
    ("1", "png", "jpg"),
    ("L", "png", "ppm"),
    ("RGB", "png", "gif"),
]


@pytest.mark.parametrize(("mode", "given", "asked"), HOLDS_NOT)
def test_a_format_that_cannot_hold_the_kind_is_refused(
    tmp_path: Path, run: Run, mode: str, given: str, asked: str
) -> None:
    picture(mode).save(tmp_path / f"in.{given}")
    out = tmp_path / f"out.{asked}"
    assert_refused(run("pool", tmp_path / f"in.{given}", out), f".{asked} does not support", ".tif")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"in.{given}"]
