"""Palette pictures: convert full colour to at most 256 colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Indexed", "indexed"]

_MOST = 256


@dataclass(frozen=True)
class Indexed:
    """A picture as indices into a list of colours."""

    image: Image.Image  # mode P
    alphas: bytes | None  # one per colour; None if all are opaque
    exact: bool  # every pixel has its original colour


def indexed(values: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8] | None) -> Indexed:
    """Convert an (H, W, 3) picture to a palette: exact up to 256 colours, else the best 256 colours.

    Fully transparent pixels share one colour, because it is invisible. If colours must be dropped,
    fully opaque and fully transparent pixels stay so, and nothing is dithered: dithering would add a
    pattern that the filter did not make.
    """
    opacity = np.full(values.shape[:2], 255, np.uint8) if alpha is None else alpha
    rgba = np.dstack([np.where(opacity[..., None] > 0, values, 0), opacity])
    if Image.fromarray(rgba).getcolors(_MOST) is not None:
        packed = rgba.view(np.uint32)[..., 0]
        found, places = np.unique(packed, return_inverse=True)
        palette = found[:, None].view(np.uint8)
        image = Image.fromarray(places.reshape(packed.shape).astype(np.uint8))
        exact = True
    else:
        # Median cut looks better, but Pillow has it only for opaque pictures.
        source, method = (
            (Image.fromarray(values), Image.Quantize.MEDIANCUT)
            if alpha is None
            else (Image.fromarray(rgba), Image.Quantize.FASTOCTREE)
        )
        image = source.quantize(_MOST, method, dither=Image.Dither.NONE)
        palette = np.array(image.getpalette("RGBA"), np.uint8).reshape(-1, 4)
        exact = False
    image.putpalette(palette[:, :3].tobytes())
    return Indexed(image, None if alpha is None else palette[:, 3].tobytes(), exact)
