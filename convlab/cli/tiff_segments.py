"""Check the strips and tiles of a TIFF: none is missing, and each has the length that the picture needs.

tifffile and libtiff replace missing data by zeros; such a file is broken, and is refused.
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
    """Raise ValueError if a strip or tile is missing, is partly outside the file, or is too short or too long."""
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(counts) != len(offsets):
        raise ValueError(f"strips or tiles: got {len(counts)} lengths and {len(offsets)} offsets")
    lengths = _lengths(page, declared)
    end = file.seek(0, 2)
    most = max(lengths)  # some writers pad the last strip
    for number, (offset, count, length) in enumerate(zip(offsets, counts, lengths, strict=True)):
        if offset <= 0 or count <= 0 or offset + count > end:
            raise ValueError(f"strip or tile {number} is missing or not in the file")
        if declared.compression == 1:
            found = count
        elif declared.compression in _DEFLATE or declared.compression == _PACKBITS:
            file.seek(offset)
            measured = _packbits if declared.compression == _PACKBITS else _deflate
            found = measured(file.read(count), most)
        else:
            continue
        if found < length or (found > most and declared.compression != 1):
            raise ValueError(f"strip or tile {number}: got {found} bytes; expected {length}")


def _lengths(page: TiffPage, declared: Declared) -> list[int]:
    """Return the number of decoded bytes of each strip or tile."""
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
        raise ValueError(f"strips or tiles: got {len(page.dataoffsets)}; expected {count}")


def _deflate(data: bytes, most: int) -> int:
    """Return the number of decoded bytes of Deflate data; stop counting one byte after the most."""
    return len(zlib.decompressobj().decompress(data, most + 1))


def _packbits(data: bytes, most: int) -> int:
    """Return the number of decoded bytes of PackBits data; stop counting one run after the most."""
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
