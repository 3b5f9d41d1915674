"""The catalogue: every filter by name, as data.

Signs: a gradient is positive where the image gets brighter to the right, downwards, or towards the
given compass point; Roberts' two filters keep the signs of his formula. A Laplacian has a negative
middle tap, so it is positive at a dark spot.
"""

from __future__ import annotations

import math
from functools import partial

from . import _formulas
from ._entry import MAX_SIDE, Choice, Filter, Number, Rows, Size

_LESSON = "L. Moroney, dlaicourse, Course 1 - Part 6 - Lesson 3 - Notebook (github.com/lmoroney/dlaicourse)"
_SOBEL = (
    "I. Sobel and G. Feldman, A 3x3 isotropic gradient operator for image processing, Stanford "
    "Artificial Intelligence Project, 1968; printed in R. Duda and P. Hart, Pattern "
    "Classification and Scene Analysis, Wiley, 1973, 271-272"
)
_SCHARR = (
    "B. Jaehne, H. Scharr and S. Koerkel, Principles of filter design, in Handbook of Computer "
    "Vision and Applications 2, Academic Press, 1999, 125-151"
)
_PREWITT = (
    "J. Prewitt, Object enhancement and extraction, in Picture Processing and Psychopictorics, "
    "Academic Press, 1970, 75-149"
)
_ROBERTS = (
    "L. Roberts, Machine perception of three-dimensional solids, PhD thesis, Massachusetts "
    "Institute of Technology, 1963"
)
_KIRSCH = (
    "R. Kirsch, Computer determination of the constituent structure of biological images, "
    "Computers and Biomedical Research 4(3), 1971, 315-328"
)
_ROBINSON = (
    "G. Robinson, Edge detection by compass gradient masks, Computer Graphics and Image Processing 6(5), 1977, 492-501"
)
_MARR_HILDRETH = (
    "D. Marr and E. Hildreth, Theory of edge detection, Proceedings of the Royal Society of London B 207, 1980, 187-217"
)
_GONZALEZ_SMOOTHING = "R. Gonzalez and R. Woods, Digital Image Processing, 4th edition, Pearson, 2018, section 3.5"
_GONZALEZ_SHARPENING = "R. Gonzalez and R. Woods, Digital Image Processing, 4th edition, Pearson, 2018, section 3.6"
_SCHREIBER = "W. Schreiber, Wirephoto quality improvement by unsharp masking, Pattern Recognition 2(2), 1970, 117-120"
_GIMP = "GNU Image Manipulation Program, user manual, Convolution Matrix filter, example Emboss"
_FSPECIAL = "MathWorks, Image Processing Toolbox, fspecial, filter type motion"
_GABOR = (
    "J. Daugman, Uncertainty relation for resolution in space, spatial frequency, and "
    "orientation optimized by two-dimensional visual cortical filters, Journal of the Optical "
    "Society of America A 2(7), 1985, 1160-1169; parameters as in N. Petkov and P. Kruizinga, "
    "Biological Cybernetics 76, 1997, 83-96 (OpenCV's getGaborKernel is rotated by 180 degrees, "
    "which is different if psi is odd)"
)


def _sigma(default: float = 1.0) -> Number:
    return Number("sigma", default, "standard deviation of the Gaussian, in pixels", 1e-3, 1e6)


def _extent(truncate: float = 4.0) -> tuple[Size, Number]:
    return (
        Size("size", None, "taps along a side; None lets truncate decide", odd=True),
        Number("truncate", truncate, "where to cut off, in standard deviations", 1e-3, 1e3),
    )


_DIRECTION = Choice("direction", "north", "where the image grows brighter", _formulas.DIRECTIONS)


def _oriented(family: str, vertical: Rows, scale: float, formula: str, source: str) -> list[Filter]:
    """Return the two filters of a gradient; the horizontal one is the transpose of the vertical one."""
    horizontal = tuple(zip(*vertical, strict=True))
    return [
        Filter(
            f"{family}_vertical",
            "vertical lines and edges: brightness changing from left to right",
            vertical,
            formula,
            source,
            scale,
        ),
        Filter(
            f"{family}_horizontal",
            "horizontal lines and edges: brightness changing from top to bottom",
            horizontal,
            f"({formula}) transposed",
            source,
            scale,
        ),
    ]


def _compass(name: str, north: Rows, scale: float, source: str) -> Filter:
    printed = " / ".join(" ".join(f"{tap:g}" for tap in row) for row in north)
    return Filter(
        name,
        "edges of one orientation out of eight: brighter towards the compass point",
        partial(_formulas.compass, north),
        f"north: {printed}; each next point clockwise rotates the outer ring by one tap",
        source,
        scale,
        (_DIRECTION,),
    )


_ENTRIES = (
    Filter(
        "edges",
        "outlines of every orientation, and nothing where the image is flat",
        ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
        "up + down + left + right - 4 middle",
        _LESSON,
    ),
    Filter(
        "vertical_lines",
        "vertical lines and edges: brightness changing from left to right",
        ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
        "[1 2 1] down the rows, [-1 0 1] along the columns",
        _LESSON,
    ),
    Filter(
        "horizontal_lines",
        "horizontal lines and edges: brightness changing from top to bottom",
        ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
        "[-1 0 1] down the rows, [1 2 1] along the columns",
        _LESSON,
    ),
    *_oriented(
        "sobel",
        ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
        1 / 4,
        "[1 2 1] down the rows, [-1 0 1] along the columns",
        _SOBEL,
    ),
    *_oriented(
        "scharr",
        ((-3, 0, 3), (-10, 0, 10), (-3, 0, 3)),
        1 / 16,
        "[3 10 3] down the rows, [-1 0 1] along the columns",
        _SCHARR,
    ),
    *_oriented(
        "prewitt",
        ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
        1 / 3,
        "[1 1 1] down the rows, [-1 0 1] along the columns",
        _PREWITT,
    ),
    Filter(
        "roberts_diagonal",
        "lines and edges along the main diagonal, falling from left to right",
        ((0, 1), (-1, 0)),
        "upper right - lower left; the output pixel is under the lower right tap",
        _ROBERTS,
    ),
    Filter(
        "roberts_antidiagonal",
        "lines and edges along the other diagonal, rising from left to right",
        ((1, 0), (0, -1)),
        "upper left - lower right; the output pixel is under the lower right tap",
        _ROBERTS,
    ),
    _compass("kirsch", ((5, 5, 5), (-3, 0, -3), (-3, -3, -3)), 1 / 15, _KIRSCH),
    _compass("robinson", ((1, 2, 1), (0, 0, 0), (-1, -2, -1)), 1 / 4, _ROBINSON),
    Filter(
        "laplacian_4",
        "outlines and spots, from the four nearest neighbours",
        ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
        "d2/dx2 + d2/dy2, each as [1 -2 1]",
        _GONZALEZ_SHARPENING,
        1 / 4,
    ),
    Filter(
        "laplacian_8",
        "outlines and spots, from all eight neighbours: diagonals count as much",
        ((1, 1, 1), (1, -8, 1), (1, 1, 1)),
        "sum of the eight neighbours - 8 middle",
        _GONZALEZ_SHARPENING,
        1 / 8,
    ),
    Filter(
        "laplacian_of_gaussian",
        "outlines and spots about sigma wide, with finer noise smoothed away",
        _formulas.laplacian_of_gaussian,
        "G (x^2 + y^2 - 2 sigma^2) / sigma^4 with G the normalised Gaussian, minus the mean tap, "
        "so that the taps sum to 0",
        _MARR_HILDRETH,
        parameters=(_sigma(), *_extent()),
    ),
    Filter(
        "difference_of_gaussians",
        "spots and lines of a width between the two Gaussians' (bright ones positive)",
        _formulas.difference_of_gaussians,
        "G(sigma) - G(ratio sigma); a ratio of 1.6 approximates the negated Laplacian of Gaussian",
        _MARR_HILDRETH,
        parameters=(
            _sigma(),
            Number("ratio", 1.6, "the wider standard deviation over the narrower", 1.01, 100),
            *_extent(),
        ),
    ),
    Filter(
        "gaussian",
        "the image smoothed, the same in every direction",
        _formulas.gaussian,
        "exp(-(x^2 + y^2) / (2 sigma^2)), divided by its sum",
        _GONZALEZ_SMOOTHING,
        parameters=(_sigma(), *_extent()),
    ),
    Filter(
        "box",
        "the image smoothed: the mean of a square",
        _formulas.box,
        "1 / size^2 everywhere",
        _GONZALEZ_SMOOTHING,
        parameters=(Size("size", 3, "taps along a side", odd=False),),
    ),
    Filter(
        "sharpen",
        "the image with its outlines strengthened",
        ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
        "identity - laplacian_4",
        _GONZALEZ_SHARPENING,
    ),
    Filter(
        "unsharp",
        "the image with its details strengthened: what smoothing removes is added once more",
        _formulas.unsharp,
        "identity + amount (identity - G(sigma))",
        _SCHREIBER,
        parameters=(
            _sigma(),
            Number("amount", 1.0, "how much of the detail is added", 0, 1e6),
            *_extent(),
        ),
    ),
    Filter(
        "emboss",
        "the image as a relief lit from the upper left",
        ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
        "identity + a difference along the main diagonal",
        _GIMP,
    ),
    Filter(
        "motion_blur",
        "the image as a camera moving along a straight line sees it",
        _formulas.motion_blur,
        "max(0, 1 - distance to a segment of the given length and angle), divided by its sum",
        _FSPECIAL,
        parameters=(
            Number("length", 9, "length of the path, in pixels", 1, MAX_SIDE),
            Number("angle", 0.0, "degrees anticlockwise from the horizontal"),
        ),
    ),
    Filter(
        "gabor",
        "stripes of one width and one orientation",
        _formulas.gabor,
        "exp(-(x'^2 + gamma^2 y'^2) / (2 sigma^2)) cos(2 pi x' / wavelength + psi) with "
        "x' = x cos(theta) + y sin(theta), y' = y cos(theta) - x sin(theta); x to the right, "
        "y downwards; not normalised",
        _GABOR,
        parameters=(
            Number("wavelength", 4.0, "pixels from stripe to stripe", 1e-3, 1e6),
            Number(
                "theta",
                0.0,
                "radians from the x axis to the stripes' normal: 0 is vertical stripes",
            ),
            _sigma(2.0),
            Number("gamma", 0.5, "width of the envelope over its length", 1e-3, 1e3),
            Number("psi", 0.0, f"phase in radians: 0 is even, {math.pi / 2:.4f} odd"),
            *_extent(3.0),
        ),
    ),
)

CATALOGUE = {entry.name: entry for entry in _ENTRIES}
