"""Unsupported or broken TIFFs: one line with the reason, and no output file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, Run, assert_refused, encoded, noise, picture
from tiff_support import LAYOUTS, SIZE, raw_tiff, samples, tiff

tifffile = pytest.importorskip("tifffile")


def pages(*arrays: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for array in arrays:
            writer.write(array, **{"metadata": None, "software": False} | options)
    return file.getvalue()


def with_sub_picture() -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(noise(*SIZE), subifds=1, metadata=None)
        writer.write(noise(4, 4), metadata=None)
    return file.getvalue()


def stack() -> bytes:
    """An ImageJ file: three pictures, one directory."""
    file = io.BytesIO()
    tifffile.imwrite(file, noise(3, *SIZE), imagej=True)
    return file.getvalue()


def declaring(**changed: tuple[int, list[int]]) -> bytes:
    """Return a TIFF of 8 x 4 pixels with some changed tags (an underscore and the number)."""
    tags = {256: (3, [8]), 257: (3, [4]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1]), 278: (3, [4])}
    tags |= {int(name[1:]): value for name, value in changed.items()}
    return raw_tiff(tags, [bytes(4096)])


REFUSED: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "float64": (lambda: tiff(samples("f4", *SIZE).astype("f8")), ("64-bit float",)),
    "float64, RGB": (lambda: tiff(samples("f4", *SIZE, 3).astype("f8"), photometric="rgb"), ("64-bit float",)),
    "float64, Deflate": (lambda: tiff(samples("f4", *SIZE).astype("f8"), compression="deflate"), ("64-bit float",)),
    "int32": (lambda: tiff(noise(*SIZE, dtype=np.int32)), ("32-bit signed integers",)),
    "uint32": (lambda: tiff(noise(*SIZE, dtype=np.uint32)), ("32-bit unsigned integers",)),
    "int64": (lambda: tiff(noise(*SIZE, dtype=np.int64)), ("64-bit signed integers",)),
    "complex": (lambda: tiff(samples("f4", *SIZE).astype("c8")), ("complex",)),
    "CMYK": (lambda: tiff(noise(*SIZE, 4), photometric="separated"), ("CMYK",)),
    "CMYK by LZW": (lambda: encoded(picture("RGB").convert("CMYK"), "TIFF", compression="tiff_lzw"), ("CMYK",)),
    "CMYK of 16 bits": (lambda: tiff(samples("u2", *SIZE, 4), photometric="separated"), ("CMYK",)),
    "Lab": (lambda: tiff(noise(*SIZE, 3), photometric="cielab"), ("CIE L*a*b*",)),
    "YCbCr": (lambda: declaring(_262=(3, [6]), _277=(3, [3]), _258=(3, [8, 8, 8])), ("YCbCr",)),
    "mask": (lambda: declaring(_262=(3, [4])), ("transparency mask",)),
    "colour filter array": (lambda: declaring(_262=(3, [32803])), ("colour filter array",)),
    "no photometric": (lambda: declaring(_262=(3, [999])), ("number 999",)),
    "12 bits": (lambda: declaring(_258=(3, [12])), ("12-bit unsigned integers",)),
    "bits that differ": (lambda: declaring(_262=(3, [2]), _277=(3, [3]), _258=(3, [5, 6, 5])), ("different bits",)),
    "formats that differ": (
        lambda: declaring(_277=(3, [2]), _258=(3, [8, 8]), _338=(3, [0]), _339=(3, [1, 2])), ("different formats",),
    ),
    "float WhiteIsZero": (lambda: tiff(samples("f4", *SIZE), photometric="miniswhite"), ("WhiteIsZero",)),
    "signed WhiteIsZero": (lambda: tiff(samples("i2", *SIZE), photometric="miniswhite"), ("WhiteIsZero",)),
    "premultiplied": (lambda: tiff(noise(*SIZE, 4), photometric="rgb", extrasamples=(1,)), ("premultiplied",)),
    "alpha first": (lambda: tiff(noise(*SIZE, 5), photometric="rgb", extrasamples=(2, 0)), ("alpha before",)),
    "two pages": (lambda: pages(noise(*SIZE), noise(*SIZE)), ("more than one frame",)),
    "a page of another kind": (lambda: pages(noise(*SIZE), samples("f4", 4, 4)), ("more than one frame",)),
    "sub-picture": (with_sub_picture, ("SubIFDs",)),
    "stack": (stack, ("more than one frame",)),
    "volume": (lambda: tiff(noise(16, 16, 16), volumetric=True, tile=(16, 16, 16)), ("volumes",)),
    "JPEG 2000": (lambda: declaring(_259=(3, [34712])), ("JPEG 2000", "Deflate")),
    "LERC": (lambda: declaring(_259=(3, [34887])), ("LERC",)),
    "old JPEG": (lambda: declaring(_259=(3, [6])), ("JPEG",)),
    "unknown compression": (lambda: declaring(_259=(3, [60000])), ("number 60000",)),
    "LZW of int16": (lambda: declaring(_259=(3, [5]), _258=(3, [16]), _339=(3, [2])), ("16-bit signed grey", "LZW")),
    "LZW of 16-bit RGB": (
        lambda: declaring(_259=(3, [5]), _262=(3, [2]), _277=(3, [3]), _258=(3, [16] * 3)), ("16-bit unsigned RGB",),
    ),
    "LZW of five bands": (
        lambda: declaring(_259=(3, [5]), _277=(3, [5]), _258=(3, [8] * 5), _338=(3, [0] * 4)), ("4 extra samples",),
    ),
    "LZW of 16-bit WhiteIsZero": (
        lambda: declaring(_259=(3, [5]), _262=(3, [0]), _258=(3, [16])), ("WhiteIsZero", "LZW"),
    ),
    "palette of 16-bit colours": (
        lambda: declaring(_262=(3, [3]), _320=(3, [(i * 77 + 5) % 65536 for i in range(768)])), ("16-bit colours",),
    ),
    "palette with an extra band": (
        lambda: declaring(_262=(3, [3]), _320=(3, [0] * 768), _277=(3, [2]), _258=(3, [8] * 2)), ("palette",),
    ),
    "floating-point predictor": (
        lambda: declaring(_259=(3, [8]), _258=(3, [32]), _339=(3, [3]), _317=(3, [3])), ("floating-point predictor",),
    ),
    "too many pixels": (lambda: declaring(_256=(4, [40_000]), _257=(4, [40_000])), ("pixels",)),
    "no width": (lambda: declaring(_256=(3, [0])), ("cannot read",)),
    "fewer samples than colours": (lambda: declaring(_262=(3, [2]), _277=(3, [1])), ("cannot read",)),
    "strip beyond the end": (lambda: declaring(_273=(4, [8000])), ("broken or cut short",)),
    "strip at zero": (lambda: declaring(_273=(4, [0])), ("broken or cut short",)),
    "strip too short": (lambda: declaring(_279=(4, [31])), ("broken or cut short",)),
    "strip of no bytes": (lambda: declaring(_279=(4, [0])), ("broken or cut short",)),
    "a strip missing": (lambda: declaring(_278=(3, [2])), ("broken or cut short",)),
    "strips of no rows": (lambda: declaring(_278=(3, [0])), ("cannot read",)),
    "Deflate that is none": (lambda: declaring(_259=(3, [8])), ("broken or cut short",)),
    "PackBits too short": (lambda: declaring(_259=(3, [32773]), _279=(4, [9])), ("broken or cut short",)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_files_are_refused_with_the_reason(tmp_path: Path, run: Run, name: str) -> None:
    content, words = REFUSED[name]
    (tmp_path / "in.tif").write_bytes(content())
    for command in (("filter", "--kernel", "1"), ("pool",)):
        assert_refused(run(*command, tmp_path / "in.tif", tmp_path / "out.tif"), "in.tif", *words)
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


CUT = {
    "uncompressed": lambda: tiff(noise(*SIZE, 3), photometric="rgb", rowsperstrip=4),
    "Deflate": lambda: tiff(samples("i2", *SIZE), compression="deflate", rowsperstrip=4),
    "five bands in planes": lambda: tiff(
        samples("u2", 5, *SIZE), photometric="minisblack", planarconfig="separate", compression="deflate"
    ),
    "tiles": lambda: tiff(noise(HEIGHT, WIDTH), tile=(16, 16)),
    "LZW": lambda: encoded(picture("RGB"), "TIFF", compression="tiff_lzw"),
    "Group 4": lambda: encoded(picture("1"), "TIFF", compression="group4"),
    "two pages": lambda: pages(noise(*SIZE), noise(*SIZE)),
}


@pytest.mark.parametrize("name", CUT)
def test_every_cut_of_a_file_is_refused_or_read_whole(tmp_path: Path, run: Run, name: str) -> None:
    content = CUT[name]()
    (tmp_path / "in.tif").write_bytes(content)
    whole = run("pool", tmp_path / "in.tif", tmp_path / "whole.tif", "--size", 1)[0] == 0
    assert whole == (name != "two pages")
    for length in range(0, len(content), max(len(content) // 60, 1)):
        (tmp_path / "in.tif").write_bytes(content[:length])
        result = run("pool", tmp_path / "in.tif", tmp_path / "out.tif", "--size", 1)
        if result[0] != 0:
            assert_refused(result)
            assert not (tmp_path / "out.tif").exists()
        else:
            assert whole
            same = tifffile.imread(tmp_path / "whole.tif")
            np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), same)
            (tmp_path / "out.tif").unlink()


@pytest.mark.parametrize("layout", ["grey", "RGB with alpha", "five bands"])
def test_bytes_changed_at_random_never_fail_in_another_way(tmp_path: Path, run: Run, layout: str) -> None:
    last, options, _ = LAYOUTS[layout]
    content = tiff(samples("u1", *SIZE, *last), compression="deflate", **options)
    random = np.random.default_rng(3)
    for _ in range(60):
        broken = bytearray(content)
        for place in random.integers(0, len(broken), 3):
            broken[place] = int(random.integers(256))
        (tmp_path / "in.tif").write_bytes(bytes(broken))
        result = run("pool", tmp_path / "in.tif", tmp_path / "out.tif")
        if result[0] != 0:
            assert_refused(result)
            assert not (tmp_path / "out.tif").exists()
        else:
            assert result[2] == ""
        (tmp_path / "out.tif").unlink(missing_ok=True)
