"""scikit-image's filters: convlab's have the same names and parameters."""

from ._calls import Bound, NoEquivalent
from ._rules import Rule, border, fixed, given, same, text

MODE = border("scikit-image", "mode")
RANGE = "scikit-image first divides integers by their range; convlab does not"
MASK = {"mask": "convlab's derivatives have no mask; set the result to 0 outside it, as scikit-image does"}


def edge(name: str) -> Rule:
    return Rule(
        f"skimage.filters.{name}(image, mask=None, *, axis=None, mode='reflect', cval=0.0)",
        f"convlab.{name}",
        (text("image"),),
        {"axis": given("axis"), "border": MODE, "cval": given("cval")},
        MASK,
        note=RANGE,
    )


def square(b: Bound) -> str:
    """Return the size of a literal footprint of ones; default 3 x 3."""
    if b.is_none("footprint"):
        return "3"
    call = b.text("footprint").replace(" ", "")
    for start in ("np.ones((", "numpy.ones((", "footprint_rectangle((", "skimage.morphology.footprint_rectangle(("):
        parts = call[len(start) :].split(")")[0].split(",")
        if call.startswith(start) and len(parts) == 2 and all(p.isdigit() for p in parts):
            return f"({parts[0]}, {parts[1]})"
    raise NoEquivalent("the footprint must be a rectangle, written out as np.ones((rows, columns))")


def unsharp_clip(b: Bound) -> str | None:
    """Return scikit-image's limits, which depend on the image."""
    if b.literal("preserve_range"):
        return None
    return f"(-1 if np.any({b.operand('image')} < 0) else 0, 1)"


RULES = (
    Rule(
        "skimage.filters.gaussian(image, sigma=1.0, *, mode='nearest', cval=0, preserve_range=False, truncate=4.0, "
        "channel_axis=None, out=None)",
        "convlab.gaussian",
        (text("image"), text("sigma")),
        {"border": MODE, **same("cval", "truncate", "channel_axis", "out")},
        note=RANGE + ", as with preserve_range=True",
    ),
    edge("sobel"),
    edge("prewitt"),
    edge("scharr"),
    Rule(
        "skimage.filters.laplace(image, ksize=3, mask=None)",
        "convlab.laplacian",
        (text("image"),),
        {"border": fixed("'symmetric'")},
        {**MASK, "ksize": "convlab's Laplacian has the kernel of ksize=3"},
        note=RANGE,
    ),
    Rule(
        "skimage.filters.median(image, footprint=None, out=None, mode='nearest', cval=0.0, behavior='ndimage')",
        "convlab.median_filter",
        (text("image"), square),
        {"border": MODE, **same("cval", "out")},
        {"behavior": "behavior='rank' is a filter of 8 and 16-bit images with other borders"},
    ),
    Rule(
        "skimage.filters.unsharp_mask(image, radius=1.0, amount=1.0, preserve_range=False, *, channel_axis=None)",
        "convlab.unsharp",
        (text("image"), text("radius"), text("amount")),
        {"clip": unsharp_clip, **same("channel_axis")},
        note=RANGE,
    ),
    Rule(
        "skimage.filters.gabor(image, frequency, theta=0, bandwidth=1, sigma_x=None, sigma_y=None, n_stds=3, offset=0, "
        "mode='reflect', cval=0)",
        "convlab.gabor",
        (text("image"), text("frequency")),
        {
            **same("theta", "bandwidth", "sigma_x", "sigma_y", "n_stds", "offset"),
            "border": MODE,
            "cval": given("cval"),
        },
    ),
)
