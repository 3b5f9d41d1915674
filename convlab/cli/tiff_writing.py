"""Write pictures as TIFF files, of every kind except palettes, with resolution and colour profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile

from convlab.cli.formats import Bands, Kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlab.cli.resolution import Resolution

__all__ = ["write_tiff"]

_ALPHA = 2
_UNITS = {None: 1, "inch": 2, "cm": 3}


def write_tiff(
    file: BinaryIO,
    kind: Kind,
    values: npt.NDArray[Any],
    alpha: npt.NDArray[Any] | None,
    bands: Bands | None,
    profile: bytes | None,
    resolution: Resolution | None,
) -> None:
    """Write one uncompressed picture."""
    if bands is None:
        bands = Bands("rgb" if values.ndim == 3 else "minisblack", ())
    extras = bands.extras if alpha is None else (*bands.extras, _ALPHA)
    pixels = values.astype(np.bool_) if kind is Kind.BIT else values
    if alpha is not None:
        pixels = np.dstack([pixels, alpha])
    options: dict[str, Any] = {}
    if pixels.ndim == 3:
        options = {"planarconfig": "contig", "extrasamples": extras}
    if resolution is not None:
        sizes = tuple((value.numerator, value.denominator) for value in (resolution.x, resolution.y))
        options |= {"resolution": sizes, "resolutionunit": _UNITS[resolution.unit]}
    tifffile.imwrite(
        file,
        np.ascontiguousarray(pixels),
        photometric=bands.photometric,
        iccprofile=profile,
        metadata=None,
        software=False,
        **options,
    )
