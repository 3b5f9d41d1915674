"""The picture formats that the commands read and write, and the kinds of picture that each supports."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from convlab.cli.failures import Failure, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["READ", "Bands", "Format", "Kind", "extensions_for", "format_of"]


class Kind(Enum):
    """The samples of a pixel, without transparency, which is a separate flag."""

    BIT = "1-bit"
    GREY = "grey"
    GREY16 = "16-bit grey"
    FLOAT = "32-bit float"
    PALETTE = "palette"
    RGB = "RGB"
    SIGNED8 = "8-bit signed grey"
    SIGNED16 = "16-bit signed grey"
    HALF = "16-bit float"
    RGB16 = "16-bit RGB"
    BANDS = "multi-band"


@dataclass(frozen=True)
class Bands:
    """How a multi-band TIFF describes its samples."""

    photometric: str  # "minisblack" or "rgb"
    extras: tuple[int, ...]  # TIFF's numbers of the extra samples, without transparency


@dataclass(frozen=True)
class Format:
    """A format to write pictures in, found by file name extension."""

    name: str  # Pillow's name
    extensions: tuple[str, ...]
    opaque: frozenset[Kind]
    with_alpha: frozenset[Kind] = frozenset()
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    profile: bool = False  # whether it can hold a colour profile

    def holds(self, kind: Kind, *, alpha: bool) -> bool:
        """Return whether a picture of this kind can be written without changing its kind."""
        return kind in (self.with_alpha if alpha else self.opaque)


def _kinds(*kinds: Kind) -> frozenset[Kind]:
    return frozenset(kinds)


_FORMATS = (
    Format(
        "PNG",
        (".png",),
        _kinds(Kind.BIT, Kind.GREY, Kind.GREY16, Kind.PALETTE, Kind.RGB),
        _kinds(Kind.GREY, Kind.PALETTE, Kind.RGB),
        profile=True,
    ),
    Format(
        "TIFF",
        (".tif", ".tiff"),
        frozenset(Kind),
        frozenset(Kind) - {Kind.BIT, Kind.PALETTE},
        profile=True,
    ),
    # Lossy: the best quality that the JPEG library's guide recommends, and colour at full resolution.
    Format(
        "JPEG",
        (".jpg", ".jpeg"),
        _kinds(Kind.GREY, Kind.RGB),
        options=MappingProxyType({"quality": 95, "subsampling": 0}),
        profile=True,
    ),
    Format("BMP", (".bmp",), _kinds(Kind.BIT, Kind.GREY, Kind.PALETTE, Kind.RGB)),
    Format("GIF", (".gif",), _kinds(Kind.PALETTE), _kinds(Kind.PALETTE)),
    # "exact" keeps the colours of transparent pixels, which a later filter may make visible.
    Format(
        "WEBP",
        (".webp",),
        _kinds(Kind.RGB),
        _kinds(Kind.RGB),
        options=MappingProxyType({"lossless": True, "exact": True}),
        profile=True,
    ),
    Format("PPM", (".pbm",), _kinds(Kind.BIT)),
    Format("PPM", (".pgm",), _kinds(Kind.GREY, Kind.GREY16)),
    Format("PPM", (".ppm",), _kinds(Kind.RGB)),
    Format("PPM", (".pfm",), _kinds(Kind.FLOAT)),
    Format("PPM", (".pnm",), _kinds(Kind.BIT, Kind.GREY, Kind.GREY16, Kind.RGB)),
)

# Pillow's names of the formats that may be opened. The list is closed: a malicious file must reach no other decoder.
READ = tuple(dict.fromkeys(entry.name for entry in _FORMATS))

_BY_EXTENSION = {extension: entry for entry in _FORMATS for extension in entry.extensions}


def format_of(path: Path) -> Format:
    """Return the format of a file name's extension."""
    entry = _BY_EXTENSION.get(path.suffix.lower())
    if entry is None:
        raise Failure(f"cannot write {quoted(path)}: its name must end in one of {' '.join(_BY_EXTENSION)}")
    return entry


def extensions_for(kind: Kind, *, alpha: bool) -> list[str]:
    """Return the extensions of the formats that support a picture of this kind."""
    return [e for e, entry in _BY_EXTENSION.items() if entry.holds(kind, alpha=alpha)]
