"""TIFF files: read the declaration and the picture, or refuse it with a reason.

tifffile reads the tags, and the samples of uncompressed, Deflate and PackBits files. Pillow decodes the other
compressions, but only for the kinds that it reads correctly: for others it drops samples or reads them wrongly,
without an error.
"""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from tifffile import TiffFile, TiffFileError, TiffPage

from convlab.cli.formats import Bands, Kind
from convlab.cli.resolution import Resolution
from convlab.cli.tiff_segments import check_segments

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Declared", "UnsupportedError", "is_tiff", "read"]

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_PHOTOMETRICS = {
    _WHITE_IS_ZERO: "grey",
    _BLACK_IS_ZERO: "grey",
    _RGB: "RGB",
    _PALETTE: "palette",
    4: "transparency mask",
    5: "CMYK",
    _YCBCR: "YCbCr",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "colour filter array",
    32844: "LogL",
    32845: "LogLuv",
    34892: "linear raw",
}  # fmt: skip
_COMPRESSIONS = {
    1: "no compression", 2: "CCITT RLE", 3: "CCITT Group 3", 4: "CCITT Group 4", 5: "LZW", 6: "old-style JPEG",
    7: "JPEG", 8: "Deflate", 32773: "PackBits", 32946: "Deflate", 34712: "JPEG 2000", 34887: "LERC",
    34892: "lossy JPEG", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 52546: "JPEG XL",
}  # fmt: skip
_OURS = (1, 8, 32773, 32946)
_PILLOWS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000, 50001)
_JPEG = 7
_UNSPECIFIED, _PREMULTIPLIED, _ALPHA = 0, 1, 2
_SAMPLES = {(1, 8): "u1", (1, 16): "u2", (2, 8): "i1", (2, 16): "i2", (3, 16): "f2", (3, 32): "f4"}
_FORMATS = {1: "unsigned", 2: "signed", 3: "float", 5: "complex integer", 6: "complex"}
_GREYS = {
    "u1": Kind.GREY,
    "u2": Kind.GREY16,
    "f4": Kind.FLOAT,
    "i1": Kind.SIGNED8,
    "i2": Kind.SIGNED16,
    "f2": Kind.HALF,
}
_COLOURS = {"u1": Kind.RGB, "u2": Kind.RGB16}


class UnsupportedError(Exception):
    """The file declares an unsupported kind; the message says which, and what to do."""


@dataclass(frozen=True)
class Declared:
    """The description of the picture in a TIFF's tags."""

    photometric: int
    bits: int
    format: int
    samples: int
    extras: tuple[int, ...]
    separate: bool
    compression: int
    predictor: int
    orientation: int
    profile: bytes | None
    resolution: Resolution | None

    @property
    def colours(self) -> int:
        """The number of samples of a pixel that are not extra samples."""
        return self.samples - len(self.extras)

    @property
    def dtype(self) -> str | None:
        """The NumPy dtype of the samples, or None for samples of fewer than 8 bits."""
        return _SAMPLES.get((self.format, self.bits))

    @property
    def alpha(self) -> bool:
        """Whether the last sample is transparency."""
        return self.extras[-1:] == (_ALPHA,)

    @property
    def bands(self) -> Bands | None:
        """The description of the samples to write back, if the kind of picture does not imply it."""
        rest = self.extras[:-1] if self.alpha else self.extras
        listed = self.colours == 3 and self.dtype in _COLOURS
        if not rest and (self.colours == 1 or listed):
            return None
        return Bands("rgb" if self.colours == 3 else "minisblack", rest)

    @property
    def kind(self) -> Kind:
        """The kind of picture."""
        if self.photometric == _PALETTE:
            return Kind.PALETTE
        if self.dtype is None:
            return Kind.BIT if self.bits == 1 else Kind.GREY
        if self.bands is not None:
            return Kind.BANDS
        return _GREYS[self.dtype] if self.colours == 1 else _COLOURS[self.dtype]

    @property
    def mode(self) -> str | None:
        """Pillow's mode for the picture, if Pillow reads this kind correctly."""
        if self.extras not in ((), (_ALPHA,)) or (self.photometric == _WHITE_IS_ZERO and self.bits > 8):
            return None
        if self.alpha:
            return {Kind.GREY: "LA", Kind.RGB: "RGBA"}.get(self.kind) if self.bits == 8 else None
        return {
            Kind.BIT: "1", Kind.GREY: "L", Kind.GREY16: "I;16", Kind.FLOAT: "F", Kind.RGB: "RGB", Kind.PALETTE: "P",
        }.get(self.kind)  # fmt: skip

    def __str__(self) -> str:
        words = f"{self.bits}-bit {_FORMATS.get(self.format, 'unknown')} {_named(_PHOTOMETRICS, self.photometric)}"
        if self.photometric == _WHITE_IS_ZERO:
            words += " (WhiteIsZero)"
        if self.extras:
            words += f" with {len(self.extras)} extra sample{'s' * (len(self.extras) > 1)}"
        return f"{words}, {_named(_COMPRESSIONS, self.compression)}"


def _named(names: dict[int, str], number: int) -> str:
    return names.get(number, f"number {number}")


def is_tiff(file: BinaryIO) -> bool:
    """Return whether a file begins like a TIFF or BigTIFF, and seek back to its beginning."""
    begin = file.read(4)
    file.seek(0)
    return begin in _SIGNATURES


def read(file: BinaryIO) -> tuple[Declared, npt.NDArray[Any] | None]:
    """Return a TIFF's declaration and its pixels, with the orientation applied: (H, W) or (H, W, samples).

    The pixels are None if Pillow has to decode them, in the mode that the declaration names.

    Raises
    ------
    UnsupportedError
        If the file declares an unsupported kind.
    Exception
        Almost any, if it is broken or cut short.
    """
    with _errors_raised(), _opened(file) as tiff:
        if len(tiff.pages) > 1:
            raise UnsupportedError("more than one frame; extract one first")
        page = tiff.pages.first
        if page.imagewidth < 1 or page.imagelength < 1:
            raise ValueError("it has no pixels")
        if page.imagewidth * page.imagelength > (Image.MAX_IMAGE_PIXELS or math.inf):
            raise UnsupportedError(f"more than {Image.MAX_IMAGE_PIXELS:,} pixels")
        declared = _declared(page)
        _check_kind(declared)
        check_segments(file, page, declared)
        if math.prod(tiff.series[0].shape) != math.prod(page.shape) or len(tiff.series) != 1:
            raise UnsupportedError("more than one frame; extract one first")
        if declared.compression not in _OURS or declared.bits < 8 or declared.photometric == _PALETTE:
            _check_pillow(declared, page)
            return declared, None
        pixels = page.asarray()
    shape = (page.imagelength, page.imagewidth, declared.samples)
    pixels = np.moveaxis(pixels.reshape(declared.samples, *shape[:2]), 0, -1) if declared.separate else pixels
    pixels = _upright(pixels.reshape(shape), declared.orientation)
    if declared.photometric == _WHITE_IS_ZERO:
        pixels[..., 0] = np.iinfo(pixels.dtype).max - pixels[..., 0]
    assert declared.dtype is not None
    return declared, np.ascontiguousarray(pixels[..., 0] if declared.samples == 1 else pixels, declared.dtype)


def _opened(file: BinaryIO) -> TiffFile:
    try:
        return TiffFile(file, is_ome=False)
    except TypeError as error:  # tifffile expects one number as the first page's sample format
        raise UnsupportedError("samples of different formats, or malformed tags, are not supported") from error


@contextmanager
def _errors_raised() -> Iterator[None]:
    """Raise the errors that tifffile only logs: a missing page, tag or segment."""
    found: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("tifffile")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
    if found:
        raise TiffFileError(found[0])


def _declared(page: TiffPage) -> Declared:
    def tag(code: int, default: Any = None) -> Any:
        found = page.tags.get(code)
        return default if found is None else found.value

    def one(name: str, code: int, default: int) -> int:
        values = tag(code, default)
        different = set(values) if isinstance(values, tuple) else {values}
        if len(different) != 1:
            raise UnsupportedError(f"samples of different {name}, {values}, are not supported; convert it")
        return int(different.pop())

    if 262 not in page.tags:
        raise UnsupportedError("the tag PhotometricInterpretation is missing; save it again with it")
    photometric, samples = int(tag(262)), int(tag(277, 1))
    colours = {_RGB: 3, _YCBCR: 3, 5: 4, 8: 3, 9: 3, 10: 3}.get(photometric, 1)
    named = tag(338, ())
    extras = tuple(int(extra) for extra in (named if isinstance(named, tuple) else (named,)))
    # Files of many bands often lack the tag.
    extras += (_UNSPECIFIED,) * (samples - colours - len(extras))
    if samples - len(extras) != colours:
        raise UnsupportedError(
            f"{samples} samples a pixel, {len(extras)} of them extra, are no {_PHOTOMETRICS.get(photometric)}"
        )
    if 330 in page.tags:
        raise UnsupportedError("pictures within the picture (SubIFDs) are not supported; extract one first")
    if page.imagedepth != 1:
        raise UnsupportedError("volumes are not supported; extract one slice first")
    profile = tag(34675)
    orientation = int(tag(274, 1))
    resolution = _resolution(tag(282), tag(283), tag(296, 2))
    return Declared(
        photometric=photometric,
        bits=one("bits", 258, 1),
        format=one("formats", 339, 1),
        samples=samples,
        extras=extras,
        separate=int(tag(284, 1)) == 2 and samples > 1,
        compression=int(tag(259, 1)),
        predictor=int(tag(317, 1)),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        profile=bytes(profile) if profile is not None else None,
        resolution=resolution.rotated if resolution is not None and orientation >= 5 else resolution,
    )


def _resolution(x: Any, y: Any, unit: Any) -> Resolution | None:
    try:
        across, down = Fraction(*map(int, x)), Fraction(*map(int, y))
    except (TypeError, ValueError, ZeroDivisionError):  # missing or meaningless
        return None
    named = {2: "inch", 3: "cm"}.get(unit)
    if across <= 0 or down <= 0 or (named is None and across == down):
        return None
    return Resolution(across, down, named)


def _check_kind(declared: Declared) -> None:
    """Refuse the kinds that `Picture` does not support."""
    photometric, bits = declared.photometric, declared.bits
    name = _named(_PHOTOMETRICS, photometric)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE) and not (
        photometric == _YCBCR and declared.compression == _JPEG
    ):
        raise UnsupportedError(f"{name} is not supported; convert it to grey or RGB")
    if declared.dtype is None and not (declared.format == 1 and bits in (1, 2, 4) and declared.colours == 1):
        if declared.format == 3:
            raise UnsupportedError(f"{bits}-bit float is not supported; convert it to 32-bit float")
        what = f"{bits}-bit {_FORMATS.get(declared.format, 'unknown')}"
        what += " samples" if declared.format not in (1, 2) else " integers"
        raise UnsupportedError(f"{what} are not supported; convert it to 16-bit integers or 32-bit float")
    if photometric == _PALETTE and (declared.extras or bits > 8 or declared.format != 1):
        raise UnsupportedError(
            f"a palette of {bits}-bit indices with {len(declared.extras)} extra samples is not supported; "
            "convert it to RGB"
        )
    if set(declared.extras) - {_UNSPECIFIED, _PREMULTIPLIED, _ALPHA}:
        raise UnsupportedError(f"extra samples of the kinds {declared.extras} are not supported; remove them")
    if _PREMULTIPLIED in declared.extras:
        raise UnsupportedError("premultiplied (associated) alpha is not supported; save it with unassociated alpha")
    if _ALPHA in declared.extras[:-1]:
        raise UnsupportedError("alpha before other extra samples is not supported; put it last, or remove it")
    if declared.dtype is None and declared.extras:
        raise UnsupportedError(f"extra samples of {bits} bits are not supported; convert it to 8 bits")
    if photometric == _WHITE_IS_ZERO and (declared.format != 1 or any(e == _UNSPECIFIED for e in declared.extras)):
        raise UnsupportedError(f"{declared} is not supported; convert it to BlackIsZero")
    if declared.predictor not in (1, 2) and declared.compression in _OURS:
        raise UnsupportedError("Deflate with the floating-point predictor is not supported; save it without predictor")


def _check_pillow(declared: Declared, page: TiffPage) -> None:
    """Refuse the kinds that Pillow does not decode correctly."""
    compression = _named(_COMPRESSIONS, declared.compression)
    if declared.compression not in _PILLOWS:
        raise UnsupportedError(f"compression {compression} is not supported; save it with Deflate")
    if declared.mode is None or declared.separate:
        planes = " in separate planes" if declared.separate else ""
        raise UnsupportedError(f"{declared}{planes}, is not supported; save it with Deflate or uncompressed")
    if declared.photometric == _PALETTE:
        colours = np.asarray(page.colormap)
        if np.any((colours % 257 != 0) & (colours % 256 != 0)):
            raise UnsupportedError("a palette of 16-bit colours is not supported; convert it to RGB")


def _upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Apply the file's orientation to the pixels."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    vertical, horizontal = {
        1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1),
    }[orientation]  # fmt: skip
    return pixels[::vertical, ::horizontal].copy()
