"""TIFFs of all kinds, for the tests of the command line."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, noise

tifffile = pytest.importorskip("tifffile")

SIZE = (HEIGHT, WIDTH)
LAYOUTS: dict[str, tuple[tuple[int, ...], dict[str, Any], int]] = {
    # shape, options of the writer, number of transparency bands
    "grey": ((), {"photometric": "minisblack"}, 0),
    "RGB": ((3,), {"photometric": "rgb"}, 0),
    "five bands": ((5,), {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": (0,) * 4}, 0),
    "grey and an extra band": ((2,), {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": (0,)}, 0),
    "RGB and an extra band": ((4,), {"photometric": "rgb", "extrasamples": (0,)}, 0),
    "grey with alpha": ((2,), {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": (2,)}, 1),
    "RGB with alpha": ((4,), {"photometric": "rgb", "extrasamples": (2,)}, 1),
    "RGB, near infrared and alpha": ((5,), {"photometric": "rgb", "extrasamples": (0, 2)}, 1),
}


def samples(dtype: str, *shape: int) -> np.ndarray:
    values = noise(*shape, dtype=np.int64, high=65536)
    if dtype.endswith("f2") or dtype.endswith("f4"):
        return ((values - 30_000) / 256).astype(dtype)
    info = np.iinfo(dtype)
    return (values % (int(info.max) - int(info.min) + 1) + info.min).astype(dtype)


def tiff(data: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    byteorder = options.pop("byteorder", None)
    bigtiff = options.pop("bigtiff", False)
    with tifffile.TiffWriter(file, byteorder=byteorder, bigtiff=bigtiff) as writer:
        writer.write(data, **{"metadata": None, "software": False} | options)
    return file.getvalue()


def raw_tiff(tags: dict[int, tuple[int, list[int]]], data: list[bytes], order: str = "<") -> bytes:
    """Return a TIFF of these tags (type, values) and strips, which may be invalid."""
    offset, offsets = 8, []
    for strip in data:
        offsets.append(offset)
        offset += len(strip)
    tags = {273: (4, offsets), 279: (4, [len(strip) for strip in data])} | tags
    letters = {1: "B", 3: "H", 4: "I", 5: "I", 7: "B"}
    entries, beyond = b"", b""
    place = offset + 2 + 12 * len(tags) + 4
    for code, (kind, values) in sorted(tags.items()):
        body = struct.pack(f"{order}{len(values)}{letters[kind]}", *values)
        count = len(values) // (2 if kind == 5 else 1)
        if len(body) > 4:
            pointer = struct.pack(order + "I", place + len(beyond))
            beyond += body
        else:
            pointer = body.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", code, kind, count) + pointer
    begin = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, offset)
    return begin + b"".join(data) + struct.pack(order + "H", len(tags)) + entries + bytes(4) + beyond
