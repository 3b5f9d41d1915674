"""Pictures as arrays: read at full depth, and written back as the same kind.

The commands process the picture as a viewer shows it: with its EXIF orientation applied, transparency
as a separate array, and palette indices replaced by colours. A picture that cannot be kept whole is
refused in one line, which says what to do: 16-bit colour except in TIFFs (Pillow drops half of the
bits), more than one frame, inks (CMYK), and integers with more bits than float32 holds. The colour
profile and the resolution are kept if the output format supports them; else the output line says so.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from convlab.cli import tiff
from convlab.cli.failures import Failure, codecs_silenced, quoted
from convlab.cli.files import replacing
from convlab.cli.formats import READ, Bands, Format, Kind, extensions_for, format_of
from convlab.cli.palettes import indexed
from convlab.cli.resolution import Resolution, of_image, pillow_options
from convlab.cli.tiff_writing import write_tiff

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Picture", "read", "write"]

_GREY16_MODES = ("I;16", "I;16L", "I;16B")
_ORIENTATION, _QUARTER_TURN = 0x0112, 5  # EXIF's tag, and its first value that swaps width and height
_BYTE = 255
_DEPTHS: dict[Kind, type[np.generic]] = {Kind.GREY16: np.uint16, Kind.FLOAT: np.float32}


@dataclass(frozen=True)
class Picture:
    """One picture in memory.

    Attributes
    ----------
    values
        (H, W), or (H, W, 3) for RGB and palette pictures, or (H, W, bands). The file's dtype;
        0 and 1 in uint8 for 1-bit pictures.
    alpha
        (H, W), of the same dtype: the transparency, or None.
    kind
        The kind of picture, in the file that is read and in the one that is written.
    profile
        The ICC colour profile, copied unchanged.
    resolution
        The size of a pixel, copied unchanged, also after pooling.
    bands
        The description of the samples of a multi-band picture.
    """

    values: npt.NDArray[np.generic]
    alpha: npt.NDArray[np.generic] | None
    kind: Kind
    profile: bytes | None = None
    resolution: Resolution | None = None
    bands: Bands | None = None

    @property
    def channel_axis(self) -> int | None:
        """The axis of the colours, in the form that the public functions accept."""
        return 2 if self.values.ndim == 3 else None

    def __str__(self) -> str:
        height, width = self.values.shape[:2]
        return f"{width} x {height} {_named(self.kind, alpha=self.alpha is not None)}"


def read(path: Path) -> Picture:
    """Read a picture.

    Raises
    ------
    Failure
        If the file cannot be read, is not a complete picture, or is of an unsupported kind.
    """
    with warnings.catch_warnings():
        # Standard error is only for the one line of the error.
        warnings.simplefilter("ignore")
        # Pillow warns from 89 million pixels on, and raises from twice that: make both one error.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            # Given a name, Pillow would map an uncompressed file into memory, and then it reads TIFFs
            # wrongly whose orientation swaps width and height.
            with path.open("rb") as file, codecs_silenced():
                if tiff.is_tiff(file):
                    return _of_tiff(file, path)
                with Image.open(file, formats=READ) as image:
                    return _converted(image, path)
        except (Failure, MemoryError):
            raise
        except tiff.UnsupportedError as error:
            raise Failure(f"cannot read {quoted(path)}: {error}") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise Failure(f"cannot read {quoted(path)}: more than {Image.MAX_IMAGE_PIXELS:,} pixels") from error
        except UnidentifiedImageError as error:
            raise Failure(
                f"cannot read {quoted(path)}: not a picture, or a broken one (supported formats: {', '.join(READ)})"
            ) from error
        # A broken file makes Pillow's decoders raise almost anything: SyntaxError, struct.error,
        # EOFError, KeyError ... All of it means the same.
        except Exception as error:
            if isinstance(error, OSError) and error.strerror is not None:
                raise Failure(f"cannot read {quoted(path)}: {error.strerror}") from error
            raise Failure(f"cannot read {quoted(path)}: broken or cut short ({error})") from error


def write(picture: Picture, path: Path) -> str:
    """Write a picture atomically, and return a description of the written file.

    A palette picture keeps a palette: of its exact colours if they are at most 256, else of the best
    256 colours. In a format without palettes it becomes RGB.

    Raises
    ------
    Failure
        If the format of the file name does not support this picture, or writing fails.
    """
    target = format_of(path)
    alpha = picture.alpha is not None
    words = str(picture)
    kind = picture.kind
    if kind is Kind.PALETTE and not target.holds(kind, alpha=alpha):
        kind = Kind.RGB
        words += f", written as {_named(kind, alpha=alpha)}"
    if not target.holds(kind, alpha=alpha):
        raise Failure(
            f"cannot write {quoted(path)}: {path.suffix} does not support {_named(kind, alpha=alpha)} "
            f"pictures; choose one of {' '.join(extensions_for(kind, alpha=alpha))}"
        )
    if picture.profile is not None and not target.profile:
        words += ", without its colour profile"
    tagged = target.name == "TIFF" and kind is not Kind.PALETTE
    options: dict[str, Any] = dict(target.options)
    if picture.resolution is not None:
        sizes = pillow_options(picture.resolution, target.name)
        options |= sizes
        if not sizes and not tagged:
            words += ", without its resolution"
    if tagged:
        with replacing(path) as file:
            write_tiff(file, kind, picture.values, picture.alpha, picture.bands, picture.profile, picture.resolution)
        return words
    if picture.profile is not None:
        options["icc_profile"] = picture.profile
    if kind is Kind.PALETTE:
        opacity = None if picture.alpha is None else picture.alpha.astype(np.uint8, copy=False)
        reduced = indexed(picture.values.astype(np.uint8, copy=False), opacity)
        image = reduced.image
        if reduced.alphas is not None:
            options |= _transparency(reduced.alphas, target, path)
        if not reduced.exact:
            words += ", reduced to 256 colours"
    else:
        image = _plain(picture)
    with replacing(path) as file:
        try:
            with codecs_silenced():
                image.save(file, target.name, **options)
        # Sizes that a format does not support raise one of these.
        except (ValueError, OverflowError, struct.error) as error:
            raise Failure(f"cannot write {quoted(path)}: {error}") from error
    return words


def _named(kind: Kind, *, alpha: bool) -> str:
    if not alpha:
        return kind.value
    return "RGBA" if kind is Kind.RGB else f"{kind.value} with alpha"


def _of_tiff(file: BinaryIO, path: Path) -> Picture:
    """Read a TIFF completely: Pillow must decode what the file declares."""
    declared, pixels = tiff.read(file)
    if pixels is None:
        file.seek(0)
        try:
            with Image.open(file, formats=("TIFF",)) as image:
                mode = image.mode
                picture = _converted(image, path)
        except UnidentifiedImageError as error:
            raise tiff.UnsupportedError(f"{declared}, is not supported; save it with Deflate") from error
        expected = _GREY16_MODES if declared.mode == "I;16" else (declared.mode,)
        if mode not in expected or picture.kind is not declared.kind or (picture.alpha is None) is declared.alpha:
            raise tiff.UnsupportedError(f"{declared}, is not supported; save it with Deflate")
        return replace(picture, profile=declared.profile, resolution=declared.resolution)
    alpha = None
    if declared.alpha:
        pixels, alpha = pixels[..., :-1], np.ascontiguousarray(pixels[..., -1])
        pixels = np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return Picture(pixels, alpha, declared.kind, declared.profile, declared.resolution, declared.bands)


def _converted(image: Image.Image, path: Path) -> Picture:
    # Phone cameras append thumbnails and depth maps to a JPEG: only its first picture counts.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise Failure(f"cannot read {quoted(path)}: more than one frame; extract one first")
    _check_depth(image, path)
    _check_alone(image, path)
    kind, mode = _kind(image, path)
    profile = image.info.get("icc_profile")
    resolution = of_image(image)
    if resolution is not None and image.getexif().get(_ORIENTATION, 1) >= _QUARTER_TURN:
        resolution = resolution.rotated
    ImageOps.exif_transpose(image, in_place=True)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    if pixels.size == 0:
        raise Failure(f"cannot read {quoted(path)}: it has no pixels")
    alpha = None
    if mode in ("LA", "RGBA"):
        pixels, alpha = pixels[..., :-1], pixels[..., -1]
        if mode == "LA":
            pixels = pixels[..., 0]
    return Picture(
        pixels.astype(_DEPTHS.get(kind, np.uint8)),
        alpha,
        kind,
        profile if isinstance(profile, bytes) else None,
        resolution,
    )


def _check_depth(image: Image.Image, path: Path) -> None:
    """Refuse pictures that Pillow would silently decode into fewer bits than the file has."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return
    arguments = image.tile[0].args
    layout, *rest = arguments if isinstance(arguments, tuple) else (arguments,)
    in_sixteen = ";16" in str(layout) or (image.format == "PPM" and rest and rest[0] > 255)
    if in_sixteen and image.mode not in (*_GREY16_MODES, "I"):
        raise Failure(
            f"cannot read {quoted(path)}: 16 bits per colour are not supported; "
            "convert it to 8 bits per colour, or to 16-bit grey"
        )
    if ";64" in str(layout):
        raise Failure(f"cannot read {quoted(path)}: 64-bit float; convert it to 32-bit float")


def _check_alone(image: Image.Image, path: Path) -> None:
    """Refuse a binary PPM with more than one picture, of which Pillow reads only the first."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "PPM" or image.tile[0].codec_name == "ppm_plain":
        return
    arguments = image.tile[0].args
    wide = isinstance(arguments, tuple) and isinstance(arguments[-1], int) and arguments[-1] > _BYTE
    row = -(-image.width // 8) if image.mode == "1" else image.width * len(image.getbands())
    length = row * image.height * (4 if image.mode == "F" else 2 if wide or "16" in str(arguments) else 1)
    assert image.fp is not None  # it is set while the picture is loaded
    place = image.fp.tell()
    image.fp.seek(image.tile[0].offset + length)
    more = image.fp.read(1024).strip()
    image.fp.seek(place)
    if more:
        raise Failure(f"cannot read {quoted(path)}: more than one frame; extract one first")


def _kind(image: Image.Image, path: Path) -> tuple[Kind, str]:
    """Return a picture's kind, and the Pillow mode in which its pixels are read."""
    alpha = image.has_transparency_data
    mode = image.mode
    if mode in ("P", "PA"):
        return Kind.PALETTE, "RGBA" if alpha else "RGB"
    if mode in ("RGB", "RGBA"):
        return Kind.RGB, "RGBA" if alpha else "RGB"
    # A 1-bit picture with a transparent colour becomes a grey one: no format has 1-bit alpha.
    if mode in ("L", "LA") or (mode == "1" and alpha):
        return Kind.GREY, "LA" if alpha else "L"
    if mode == "1":
        return Kind.BIT, mode
    # Pillow reads 16-bit PGM files as integers.
    sixteen = mode in _GREY16_MODES or (mode == "I" and image.format == "PPM")
    if sixteen and not alpha:
        return Kind.GREY16, mode
    if mode == "F":
        return Kind.FLOAT, mode
    what = {
        "I": "32-bit or signed integers are not supported; convert it to 16-bit grey or to float",
        "CMYK": "CMYK is not supported; convert it to RGB",
    }.get(mode, f"pictures of mode {mode} are not supported; convert it to grey or RGB")
    if sixteen:
        what = "16-bit grey with transparency is not supported; remove the transparency"
    raise Failure(f"cannot read {quoted(path)}: {what}")


def _transparency(alphas: bytes, target: Format, path: Path) -> dict[str, object]:
    """Return the option with the transparency of a palette's colours."""
    if target.name != "GIF":
        return {"transparency": alphas}
    if set(alphas) - {0, 255}:
        raise Failure(f"cannot write {quoted(path)}: GIF does not support half-transparent colours; choose .png")
    return {"transparency": alphas.index(0)} if 0 in alphas else {}


def _plain(picture: Picture) -> Image.Image:
    pixels = picture.values
    if picture.kind is Kind.BIT:
        pixels = pixels.astype(np.bool_)
    if picture.alpha is not None:
        pixels = np.dstack([pixels, picture.alpha])
    return Image.fromarray(pixels)
