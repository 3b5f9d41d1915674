"""Common parts of the command line's tests: the check of an error, and pictures of every mode."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for _package in ("click", "rich", "matplotlib", "tifffile"):
    pytest.importorskip(_package)
Image = pytest.importorskip("PIL.Image")

HEIGHT, WIDTH = 13, 18

Run = Callable[..., tuple[int, str, str]]


def assert_refused(result: tuple[int, str, str], *expected: str) -> None:
    status, out, err = result
    assert status == 2
    assert out == ""
    assert err.startswith("convlab: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    for words in expected:
        assert words in err


def assert_one_line(err: str, *expected: str) -> None:
    assert re.fullmatch(r"convlab: error: [^\n]+\n", err)
    for words in expected:
        assert words in err


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def noise(*shape: int, dtype: Any = np.uint8, high: int = 256) -> np.ndarray:
    return np.random.default_rng(7).integers(0, high, shape).astype(dtype)


def picture(mode: str) -> Image.Image:
    if mode == "1":
        return Image.fromarray(noise(HEIGHT, WIDTH, high=2).astype(bool))
    if mode == "I;16":
        return Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.uint16, high=65536))
    if mode == "F":
        return Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.float32) / np.float32(7))
    if mode == "P":
        return Image.fromarray(noise(HEIGHT, WIDTH, 3) // 128 * 100).quantize(8)
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(noise(HEIGHT, WIDTH, *channels))


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def frames(name: str) -> bytes:
    others = [Image.fromarray(noise(HEIGHT, WIDTH) // n) for n in (2, 3)]
    return encoded(picture("L"), name, save_all=True, append_images=others)
