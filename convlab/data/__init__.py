"""The lesson's picture, part of the package. README.md in this folder describes its origin."""

from __future__ import annotations

from importlib import resources

import numpy as np
import numpy.typing as npt

__all__ = ["ascent"]


def ascent() -> npt.NDArray[np.uint8]:
    """Return the lesson's picture: people climbing an outdoor staircase, in grey.

    Returns
    -------
    ndarray of uint8, shape (512, 512)
        A new, C-contiguous, writeable array at each call.

    Notes
    -----
    The same image as ``scipy.datasets.ascent()``; public domain.

    Examples
    --------
    >>> from convlab import data
    >>> picture = data.ascent()
    >>> picture.shape, picture.dtype
    ((512, 512), dtype('uint8'))
    """
    file = resources.files(__package__).joinpath("ascent.npz")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        picture: npt.NDArray[np.uint8] = np.cumsum(archive["differences"], axis=0, dtype=np.uint8)
    return picture
