"""SciPy's filters: convlab's own functions if the arguments have an equivalent, else the drop-in's."""

from ._calls import Bound, NoEquivalent
from ._rules import Rule, Say, border, fixed, given, same, text

FLOAT = "the result is float32; convlab.ndimage.{} keeps SciPy's dtypes"
SIGNAL = "the result is float32; convlab.signal.{} keeps SciPy's dtypes"
DROP_IN = "the drop-in has the same arguments"
MODE = border("scipy.ndimage", "mode")
BOUNDARY = border("scipy.signal", "boundary")
COMMON = "output=None, mode='reflect', cval=0.0"
NO_OUTPUT = {"output": DROP_IN}


def origin(b: Bound, name: str, sizes: tuple[str, ...], flip: bool) -> str | None:
    """Translate SciPy's origin to the index of the tap on the output's pixel."""
    value = b.literal(name)
    shifts = tuple(value) if isinstance(value, (tuple, list)) else (value,) * len(sizes)
    if len(shifts) != len(sizes):
        raise NoEquivalent(DROP_IN)
    if not any(shifts) and not flip:
        return None
    taps = []
    for shift, size in zip(shifts, sizes, strict=True):
        if flip:  # flipping moves the centre of an even window
            taps.append(f"({size} - 1) // 2" + (f" - {shift}" if shift else ""))
        else:
            taps.append(f"{size} // 2" + (f" + {shift}" if shift else ""))
    return f"({', '.join(taps)})"


def kernel(flip: bool) -> Say:
    return lambda b: f"np.flip({b.text('weights')})" if flip else b.text("weights")


def anchor(flip: bool) -> Say:
    def say(b: Bound) -> str | None:
        w = b.operand("weights")
        return origin(b, "origin", (f"{w}.shape[0]", f"{w}.shape[1]"), flip)

    return say


def line(flip: bool) -> Say:
    """Translate 1-D weights to a kernel along one of an image's two axes."""

    def say(b: Bound) -> str:
        w = kernel(flip)(b)
        return f"np.reshape({w}, (1, -1))" if is_last(b) else f"np.reshape({w}, (-1, 1))"

    return say


def is_last(b: Bound) -> bool:
    axis = b.literal("axis")
    if axis not in (-2, -1, 0, 1):
        raise NoEquivalent(DROP_IN)
    return axis in (-1, 1)


def line_anchor(flip: bool) -> Say:
    def say(b: Bound) -> str | None:
        taps = origin(b, "origin", (f"np.size({b.text('weights')})",), flip)
        if taps is None:
            return None
        return f"(0, {taps[1:-1]})" if is_last(b) else f"({taps[1:-1]}, 0)"

    return say


def correlation(name: str, flip: bool) -> Rule:
    return Rule(
        f"scipy.ndimage.{name}(input, weights, {COMMON}, origin=0, *, axes=None)",
        "convlab.filter2d",
        (text("input"), kernel(flip)),
        {"border": MODE, "cval": given("cval"), "anchor": anchor(flip)},
        {**NO_OUTPUT, "axes": DROP_IN},
        note=FLOAT.format(name),
    )


def correlation_1d(name: str, flip: bool) -> Rule:
    return Rule(
        f"scipy.ndimage.{name}(input, weights, axis=-1, {COMMON}, origin=0)",
        "convlab.filter2d",
        (text("input"), line(flip)),
        {"border": MODE, "cval": given("cval"), "anchor": line_anchor(flip)},
        NO_OUTPUT,
        note=FLOAT.format(name),
    )


def derivative(name: str, smooth: str) -> Rule:
    def down(b: Bound) -> str:
        return smooth if is_last(b) else "[-1, 0, 1]"

    def along(b: Bound) -> str:
        return "[-1, 0, 1]" if is_last(b) else smooth

    return Rule(
        f"scipy.ndimage.{name}(input, axis=-1, {COMMON})",
        "convlab.sep_filter2d",
        (text("input"), down, along),
        {"border": MODE},
        {**NO_OUTPUT, "cval": DROP_IN},
        note=FLOAT.format(name),
    )


def sizes(b: Bound) -> str:
    if b.is_none("size") or not b.is_none("footprint"):
        raise NoEquivalent(DROP_IN)
    return b.text("size")


def size_anchor(b: Bound) -> str | None:
    if b.is_default("origin"):
        return None
    size = b.literal("size")
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    shifts = b.literal("origin")
    both = tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts, shifts)
    return str(tuple(n // 2 + o for n, o in zip(pair, both, strict=True)))


def rank(name: str) -> Rule:
    return Rule(
        f"scipy.ndimage.{name}(input, size=None, footprint=None, {COMMON}, origin=0, *, axes=None)",
        f"convlab.{name}",
        (text("input"), sizes),
        {"border": MODE, "cval": given("cval"), "anchor": size_anchor},
        {**NO_OUTPUT, "axes": DROP_IN},
    )


def mode_2d(b: Bound) -> str:
    mode = b.literal("mode")
    if mode == "valid":
        return "'valid'"
    if mode == "same":
        return str(BOUNDARY(b))
    raise NoEquivalent(DROP_IN)  # full, which is larger than the image


def fill(b: Bound) -> str | None:
    return given("fillvalue")(b) if b.literal("mode") == "same" else None


def middle(b: Bound) -> str | None:
    """Return the middle of a kernel that is not flipped: one tap earlier if its size is even."""
    w = b.operand("in2")
    return f"(({w}.shape[0] - 1) // 2, ({w}.shape[1] - 1) // 2)" if b.literal("mode") == "same" else None


def signal_2d(name: str, flip: bool) -> Rule:
    return Rule(
        f"scipy.signal.{name}(in1, in2, mode='full', boundary='fill', fillvalue=0)",
        "convlab.filter2d",
        (text("in1"), (lambda b: f"np.flip({b.text('in2')})") if flip else text("in2")),
        {"border": mode_2d, "cval": fill, **({} if flip else {"anchor": middle})},
        note=SIGNAL.format(name),
    )


RULES = (
    correlation("correlate", flip=False),
    correlation("convolve", flip=True),
    correlation_1d("correlate1d", flip=False),
    correlation_1d("convolve1d", flip=True),
    Rule(
        f"scipy.ndimage.gaussian_filter(input, sigma, order=0, {COMMON}, truncate=4.0, *, radius=None, axes=None)",
        "convlab.gaussian",
        (text("input"), text("sigma")),
        {"border": MODE, **same("cval", "truncate")},
        {**NO_OUTPUT, "order": DROP_IN, "radius": DROP_IN, "axes": DROP_IN},
        note=FLOAT.format("gaussian_filter"),
    ),
    derivative("sobel", "[1, 2, 1]"),
    derivative("prewitt", "[1, 1, 1]"),
    Rule(
        f"scipy.ndimage.laplace(input, {COMMON}, *, axes=None)",
        "convlab.filter2d",
        (text("input"), fixed("[[0, 1, 0], [1, -4, 1], [0, 1, 0]]")),
        {"border": MODE, "cval": given("cval")},
        {**NO_OUTPUT, "axes": DROP_IN},
        note=FLOAT.format("laplace"),
    ),
    Rule(
        f"scipy.ndimage.uniform_filter(input, size=3, {COMMON}, origin=0, *, axes=None)",
        "convlab.box",
        (text("input"), text("size")),
        {"border": MODE, "cval": given("cval"), "anchor": size_anchor},
        {**NO_OUTPUT, "axes": DROP_IN},
        note=FLOAT.format("uniform_filter"),
    ),
    rank("maximum_filter"),
    rank("minimum_filter"),
    rank("median_filter"),
    signal_2d("convolve2d", flip=True),
    signal_2d("correlate2d", flip=False),
    Rule(
        "scipy.signal.medfilt2d(input, kernel_size=3)",
        "convlab.median_filter",
        (text("input"), text("kernel_size")),
        {"border": fixed("'constant'")},
    ),
)
