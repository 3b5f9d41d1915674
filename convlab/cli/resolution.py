"""The resolution of a picture, converted from one format to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import PIL.Image
from PIL.TiffImagePlugin import IFDRational

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Resolution", "of_image", "pillow_options"]

# Precise enough for each whole number of pixels per metre, the unit of PNG and BMP.
_DENOMINATOR = 100_000
_INCHES = Fraction(254, 100)
_X, _Y, _UNIT = 0x011A, 0x011B, 0x0128  # EXIF's tags


@dataclass(frozen=True)
class Resolution:
    """Pixels per unit along the rows and down the columns; without a unit only their ratio has a meaning."""

    x: Fraction
    y: Fraction
    unit: str | None  # "inch" or "cm"

    @property
    def rotated(self) -> Resolution:
        """The resolution of the picture rotated by 90 degrees."""
        return replace(self, x=self.y, y=self.x)

    @property
    def per_inch(self) -> tuple[float, float] | None:
        """Pixels per inch, if the file names a unit."""
        if self.unit is None:
            return None
        factor = _INCHES if self.unit == "cm" else 1
        return float(self.x * factor), float(self.y * factor)


def of_image(image: Image.Image) -> Resolution | None:
    """Return the resolution of the file's header, else that of its EXIF data, else None."""
    info: dict[Any, Any] = image.info
    jpeg = image.format in ("JPEG", "MPO")
    # If a JPEG's header has no resolution, Pillow invents one.
    if "dpi" in info and not (jpeg and not info.get("jfif_unit")):
        return _made(info["dpi"], "inch")
    exif = image.getexif()
    if _X in exif and _Y in exif:
        return _made((exif[_X], exif[_Y]), {2: "inch", 3: "cm"}.get(exif.get(_UNIT, 2)))
    return _made(info.get("jfif_density", (1, 1)) if jpeg else info.get("aspect", (1, 1)), None)


def _made(pair: tuple[Any, Any], unit: str | None) -> Resolution | None:
    try:
        x, y = (Fraction(float(value)).limit_denominator(_DENOMINATOR) for value in pair)
    except (ValueError, OverflowError, ZeroDivisionError):  # 0/0, which cameras write for "unknown"
        return None
    return Resolution(x, y, unit) if x > 0 and y > 0 and (unit is not None or x != y) else None


def pillow_options(resolution: Resolution, name: str) -> dict[str, Any]:
    """Return Pillow's options that write a resolution in a format; empty if the format has none."""
    if resolution.per_inch is not None and name in ("PNG", "JPEG", "BMP", "TIFF"):
        return {"dpi": resolution.per_inch}
    if name not in ("PNG", "JPEG", "WEBP"):
        return {}
    exif = PIL.Image.Exif()
    exif[_X], exif[_Y] = (IFDRational(value.numerator, value.denominator) for value in (resolution.x, resolution.y))
    exif[_UNIT] = {None: 1, "inch": 2, "cm": 3}[resolution.unit]
    return {"exif": exif}
