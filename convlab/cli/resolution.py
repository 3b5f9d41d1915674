"""How large a picture's pixels are, as its file says, from one format to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Resolution", "of_image", "pillow_options"]

# Fine enough for each whole number of pixels per metre, the unit of PNG and BMP.
_DENOMINATOR = 100_000
_INCHES = Fraction(254, 100)


@dataclass(frozen=True)
class Resolution:
    """Pixels per unit along the rows and down the columns; without a unit only their ratio means anything."""

    x: Fraction
    y: Fraction
    unit: str | None  # "inch" or "cm"

    @property
    def turned(self) -> Resolution:
        """The resolution of the picture turned by a quarter."""
        return replace(self, x=self.y, y=self.x)

    @property
    def per_inch(self) -> tuple[float, float] | None:
        """Pixels per inch, where the file names a unit."""
        if self.unit is None:
            return None
        factor = _INCHES if self.unit == "cm" else 1
        return float(self.x * factor), float(self.y * factor)


def of_image(image: Image.Image) -> Resolution | None:
    """Return the resolution that Pillow has read, if the file says one."""
    info: dict[Any, Any] = image.info
    # Where a JPEG says none, Pillow takes that of its EXIF data, and 72 where that has none either.
    if image.format in ("JPEG", "MPO") and not info.get("jfif_unit") and 0x011A not in image.getexif():
        density = info.get("jfif_density", (1, 1))
        return None if density[0] == density[1] else _made(density, None)
    if "dpi" in info:
        return _made(info["dpi"], "inch")
    return _made(info["aspect"], None) if "aspect" in info else None


def _made(pair: tuple[Any, Any], unit: str | None) -> Resolution | None:
    x, y = (Fraction(float(value)).limit_denominator(_DENOMINATOR) for value in pair)
    return Resolution(x, y, unit) if x > 0 and y > 0 else None


def pillow_options(resolution: Resolution) -> dict[str, Any] | None:
    """Return the options with which Pillow writes a resolution, or None where it cannot."""
    return None if resolution.per_inch is None else {"dpi": resolution.per_inch}
