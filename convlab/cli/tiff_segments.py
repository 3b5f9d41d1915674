"""The strips and tiles of a TIFF: all there, and all as long as the picture needs.

tifffile and libtiff fill what is missing with zeros; such a file is broken, and is refused.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from tifffile import TiffPage

    from convlab.cli.tiff import Declared

__all__ = ["check_segments"]

_DEFLATE, _PACKBITS = (8, 32946), 32773


def check_segments(file: BinaryIO, page: TiffPage, declared: Declared) -> None:
    """Raise ValueError where a strip or tile is missing, reaches beyond the file, or holds too little or too much."""
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(counts) != len(offsets):
        raise ValueError(f"the lengths of {len(counts)} strips or tiles, and the places of {len(offsets)}")
    lengths = _lengths(page, declared)
    end = file.seek(0, 2)
    most = max(lengths)  # some writers fill up the last strip
    for number, (offset, count, length) in enumerate(zip(offsets, counts, lengths, strict=True)):
        if offset <= 0 or count <= 0 or offset + count > end:
            raise ValueError(f"strip or tile {number} is not in the file")
        if declared.compression == 1:
            found = count
        elif declared.compression in _DEFLATE or declared.compression == _PACKBITS:
            file.seek(offset)
            measured = _packbits if declared.compression == _PACKBITS else _deflate
            found = measured(file.read(count), most)
        else:
            continue
        if found < length or (found > most and declared.compression != 1):
            raise ValueError(f"strip or tile {number} holds {found} bytes in place of {length}")


def _lengths(page: TiffPage, declared: Declared) -> list[int]:
    """Return how many bytes each strip or tile holds when decoded."""
    together = 1 if declared.separate else declared.samples
    planes = declared.samples if declared.separate else 1
    width, height = page.imagewidth, page.imagelength

    def row(pixels: int) -> int:
        return -(-pixels * together * declared.bits // 8)

    if page.is_tiled:
        if page.tilewidth < 1 or page.tilelength < 1:
            raise ValueError("tiles without pixels")
        tiles = -(-width // page.tilewidth) * -(-height // page.tilelength)
        _check_count(page, tiles * planes)
        return [row(page.tilewidth) * page.tilelength] * tiles * planes
    rows = min(page.rowsperstrip, height)
    if rows < 1:
        raise ValueError("strips without rows")
    strips = -(-height // rows)
    _check_count(page, strips * planes)
    return [row(width) * (min(rows, height - n * rows)) for n in range(strips)] * planes


def _check_count(page: TiffPage, count: int) -> None:
    if len(page.dataoffsets) != count:
        raise ValueError(f"{len(page.dataoffsets)} strips or tiles in place of {count}")


def _deflate(data: bytes, most: int) -> int:
    """Return how many bytes Deflate data hold, counting no further than one beyond the most."""
    return len(zlib.decompressobj().decompress(data, most + 1))


def _packbits(data: bytes, most: int) -> int:
    """Return how many bytes PackBits data hold, counting no further than a run beyond the most."""
    found = place = 0
    while place < len(data) and found <= most:
        code = data[place]
        if code < 128:
            found += min(code + 1, len(data) - place - 1)
            place += code + 2
        elif code > 128:
            found += 257 - code if place + 1 < len(data) else 0
            place += 2
        else:
            place += 1
    return found
