"""TIFFs on the command line: the declared kind is kept, or the file is refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, Image, Run, assert_refused, noise, picture
from tiff_support import LAYOUTS, SIZE, raw_tiff, samples, tiff

tifffile = pytest.importorskip("tifffile")

import convlab  # noqa: E402

TAPS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 8
WORDS = ("--kernel", "0 1 0; 1 4 1; 0 1 0", "--scale", 1 / 8)


def declared(path: Path) -> dict[str, Any]:
    """A file's description of its samples, by the names of the tags."""
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
        page = file.pages[0]
        return {
            "bits": page.bitspersample,
            "format": int(page.sampleformat),
            "samples": page.samplesperpixel,
            "extras": tuple(map(int, page.extrasamples)),
            "photometric": page.photometric.name.lower(),
        }


def expected(values: np.ndarray) -> np.ndarray:
    """The filtered bands."""
    native = values.astype(values.dtype.newbyteorder("="))
    axis = 2 if values.ndim == 3 else None
    if native.dtype.kind == "f":
        return convlab.filter2d(native, TAPS, channel_axis=axis).astype(native.dtype)
    return convlab.filter2d(native, TAPS, channel_axis=axis, dtype=native.dtype)


DTYPES = ["u1", "u2", "i1", "i2", "f2", "f4"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_band_of_every_dtype_is_kept(tmp_path: Path, run: Run, layout: str, dtype: str) -> None:
    last, options, alpha = LAYOUTS[layout]
    values = samples(dtype, *SIZE, *last)
    (tmp_path / "in.tif").write_bytes(tiff(values, **options))
    status, _, err = run("filter", tmp_path / "in.tif", tmp_path / "out.tif", *WORDS)
    assert (status, err) == (0, "")
    assert declared(tmp_path / "out.tif") == declared(tmp_path / "in.tif")
    got = tifffile.imread(tmp_path / "out.tif")
    assert got.dtype == values.dtype
    if alpha:
        np.testing.assert_array_equal(got[..., -1], values[..., -1])
        got, values = got[..., :-1], values[..., :-1]
        got, values = (got[..., 0], values[..., 0]) if got.shape[-1] == 1 else (got, values)
    np.testing.assert_array_equal(got, expected(values))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", ["max", "avg", "min"])
def test_every_dtype_is_pooled(tmp_path: Path, run: Run, dtype: str, op: str) -> None:
    values = samples(dtype, *SIZE, 5)
    (tmp_path / "in.tif").write_bytes(tiff(values, **LAYOUTS["five bands"][1]))
    assert run("pool", tmp_path / "in.tif", tmp_path / "out.tif", "--op", op)[0] == 0
    assert declared(tmp_path / "out.tif") == declared(tmp_path / "in.tif")
    rows, columns = HEIGHT // 2, WIDTH // 2
    blocks = values[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 5).astype(np.float64)
    reduced = {"max": np.max, "avg": np.mean, "min": np.min}[op](blocks, (1, 3))
    reduced = np.rint(reduced) if values.dtype.kind != "f" else reduced
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), reduced.astype(dtype))


def test_minus_one_stays_minus_one(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.tif").write_bytes(tiff(np.full((4, 5), -1, np.int8)))
    assert run("filter", tmp_path / "in.tif", tmp_path / "out.tif", "--kernel", "1")[0] == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), np.full((4, 5), -1, np.int8))


def test_a_float16_that_would_overflow_is_refused(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.tif").write_bytes(tiff(np.full((4, 5), 60_000, np.float16)))
    words = ("filter", tmp_path / "in.tif", tmp_path / "out.tif", "--kernel", "2")
    assert_refused(run(*words), "16-bit float")
    assert not (tmp_path / "out.tif").exists()


WAYS: dict[str, dict[str, Any]] = {
    "little-endian": {"byteorder": "<"},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "big-endian BigTIFF": {"bigtiff": True, "byteorder": ">"},
    "strips": {"rowsperstrip": 4},
    "tiles": {"tile": (16, 16)},
    "Deflate": {"compression": "deflate"},
    "Adobe Deflate in strips": {"compression": "adobe_deflate", "rowsperstrip": 3},
    "PackBits": {"compression": "packbits"},
    "Deflate in tiles": {"compression": "deflate", "tile": (16, 16)},
    "predictor": {"compression": "deflate", "predictor": 2},
    "predictor, big-endian": {"compression": "deflate", "predictor": 2, "byteorder": ">"},
    "predictor in tiles": {"compression": "deflate", "predictor": 2, "tile": (16, 16)},
    "planes": {"planarconfig": "separate"},
    "planes in tiles, Deflate": {"planarconfig": "separate", "tile": (16, 16), "compression": "deflate"},
    "planes with predictor": {"planarconfig": "separate", "compression": "deflate", "predictor": 2},
}


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("bands", [3, 5])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_is_read(tmp_path: Path, run: Run, way: str, bands: int, dtype: str) -> None:
    options = {"planarconfig": "contig"} | WAYS[way]
    values = samples(dtype, *SIZE, bands)
    stored = np.moveaxis(values, -1, 0) if options["planarconfig"] == "separate" else values
    options["photometric"] = "rgb"
    if bands > 3:
        options["extrasamples"] = (0,) * (bands - 3)
    # tifffile writes PackBits only with its package of codecs.
    content = packbits(values) if way == "PackBits" else tiff(np.ascontiguousarray(stored), **options)
    (tmp_path / "in.tif").write_bytes(content)
    assert run("filter", tmp_path / "in.tif", tmp_path / "out.tif", "--kernel", "1")[0] == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), values)


def packbits(values: np.ndarray) -> bytes:
    """Return the pixels as PackBits: literal runs of up to 128 bytes, row by row."""
    height, width, bands = values.shape
    strip = b""
    for row in values:
        body = row.tobytes()
        strip += b"".join(bytes([len(body[i : i + 128]) - 1]) + body[i : i + 128] for i in range(0, len(body), 128))
    kind = {"u": 1, "i": 2}[values.dtype.kind]
    return raw_tiff(
        {
            256: (3, [width]), 257: (3, [height]), 258: (3, [8 * values.itemsize] * bands), 259: (3, [32773]),
            262: (3, [2]), 277: (3, [bands]), 278: (3, [height]), 339: (3, [kind] * bands),
        }
        | ({338: (3, [0] * (bands - 3))} if bands > 3 else {}),
        [strip],
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero_becomes_black_is_zero(tmp_path: Path, run: Run, dtype: str, order: str) -> None:
    values = samples(dtype, *SIZE)
    (tmp_path / "in.tif").write_bytes(tiff(values, photometric="miniswhite", byteorder=order))
    assert run("filter", tmp_path / "in.tif", tmp_path / "out.tif", *WORDS)[0] == 0
    got = declared(tmp_path / "out.tif")
    assert got["photometric"] == "minisblack"
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), expected(np.iinfo(dtype).max - values))


PILLOWS = [
    *((mode, "tiff_lzw") for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16", "F")),
    *((mode, "tiff_deflate") for mode in ("1", "P", "F", "I;16")),
    *((mode, "packbits") for mode in ("1", "P", "L", "RGB")),
    *(("1", name) for name in ("group3", "group4", "tiff_ccitt")),
]


@pytest.mark.parametrize(("mode", "compression"), PILLOWS)
def test_compressions_that_pillow_decodes(tmp_path: Path, run: Run, mode: str, compression: str) -> None:
    given = picture(mode)
    given.save(tmp_path / "in.tif", compression=compression)
    assert run("filter", tmp_path / "in.tif", tmp_path / "out.tif", "--kernel", "1")[0] == 0
    with Image.open(tmp_path / "out.tif") as result:
        assert result.mode == mode
        colours = [np.asarray(image.convert("RGB") if mode == "P" else image) for image in (result, given)]
    np.testing.assert_array_equal(*colours)


def test_jpeg_in_a_tiff(tmp_path: Path, run: Run) -> None:
    rows, columns = np.mgrid[:64, :96]
    for pixels in (rows + columns, np.dstack([rows, columns, rows + columns])):
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "in.tif", compression="jpeg", quality=95)
        assert run("pool", tmp_path / "in.tif", tmp_path / "out.tif", "--size", 1)[0] == 0
        got = tifffile.imread(tmp_path / "out.tif").astype(int)
        assert got.shape == pixels.shape
        assert np.abs(got - pixels).mean() < 2


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits(tmp_path: Path, run: Run, bits: int) -> None:
    values = noise(4, 8, high=2**bits)
    packed = [
        bytes(
            sum(int(v) << (8 - bits * (n + 1)) for n, v in enumerate(row[i : i + 8 // bits]))
            for i in range(0, 8, 8 // bits)
        )
        for row in values
    ]
    tags = {256: [8], 257: [4], 258: [bits], 259: [1], 262: [1], 277: [1], 278: [4]}
    (tmp_path / "in.tif").write_bytes(raw_tiff({code: (3, v) for code, v in tags.items()}, [b"".join(packed)]))
    assert run("pool", tmp_path / "in.tif", tmp_path / "out.tif", "--size", 1)[0] == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), values * (255 // (2**bits - 1)))


def test_colour_of_16_bits_is_not_written_as_a_png(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.tif").write_bytes(tiff(samples("u2", *SIZE, 3), photometric="rgb"))
    result = run("pool", tmp_path / "in.tif", tmp_path / "out.png")
    assert_refused(result, ".png does not support 16-bit RGB", ".tif")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_bands_is_applied(tmp_path: Path, run: Run, orientation: int) -> None:
    values = samples("i2", *SIZE, 5)
    tag = (274, "H", 1, orientation, True)
    options = LAYOUTS["five bands"][1] | {"resolution": (300, 150), "resolutionunit": "CENTIMETER"}
    (tmp_path / "in.tif").write_bytes(tiff(values, extratags=[tag], **options))
    assert run("filter", tmp_path / "in.tif", tmp_path / "out.tif", "--kernel", "1")[0] == 0
    upright = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: np.rot90,
    }[orientation](values)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), upright)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        tags = file.pages[0].tags
        assert tags.get(274) is None
        assert tags["XResolution"].value == ((150, 1) if orientation >= 5 else (300, 1))
        assert tags["ResolutionUnit"].value == 3
