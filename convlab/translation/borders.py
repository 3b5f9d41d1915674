"""The borders' names in other libraries: the table of the drop-ins, `convlab.translate` and docs/borders.md."""

from convlab.typing import Border

# Library -> its word -> convlab's word; None if convlab has no such border.
NAMES: dict[str, dict[str, Border | None]] = {
    "scipy.ndimage": {
        "reflect": "symmetric",
        "grid-mirror": "symmetric",
        "mirror": "mirror",
        "nearest": "nearest",
        "wrap": "wrap",
        "grid-wrap": "wrap",
        "constant": "constant",
        "grid-constant": "constant",
    },
    "scipy.signal": {
        "fill": "constant",
        "pad": "constant",
        "wrap": "wrap",
        "circular": "wrap",
        "symm": "symmetric",
        "symmetric": "symmetric",
    },
    "scikit-image": {
        "reflect": "symmetric",
        "mirror": "mirror",
        "nearest": "nearest",
        "wrap": "wrap",
        "constant": "constant",
    },
    "OpenCV": {
        "BORDER_DEFAULT": "mirror",
        "BORDER_REFLECT_101": "mirror",
        "BORDER_REFLECT101": "mirror",
        "BORDER_REFLECT": "symmetric",
        "BORDER_REPLICATE": "nearest",
        "BORDER_WRAP": "wrap",
        "BORDER_CONSTANT": "constant",
        "BORDER_TRANSPARENT": None,
        "BORDER_ISOLATED": None,
    },
    "numpy.pad": {
        "reflect": "mirror",
        "symmetric": "symmetric",
        "edge": "nearest",
        "wrap": "wrap",
        "constant": "constant",
        "linear_ramp": None,
        "maximum": None,
        "mean": None,
        "median": None,
        "minimum": None,
        "empty": None,
    },
    "PyTorch": {
        "reflect": "mirror",
        "replicate": "nearest",
        "circular": "wrap",
        "constant": "constant",
        "zeros": "constant",
    },
}

# convlab's borders as docs/borders.md draws them, like `filter2d`'s docstring.
PICTURES = {
    "mirror": "d c b | a b c d | c b a",
    "symmetric": "c b a | a b c d | d c b",
    "nearest": "a a a | a b c d | d d d",
    "wrap": "b c d | a b c d | a b c",
    "constant": "k k k | a b c d | k k k",
    "valid": "| a b c d |",
    "keep": "| a b c d |",
}
# Libraries with another argument instead of a border's name.
OTHER_WORDS = {
    ("valid", "scipy.signal"): 'mode="valid"',
    ("valid", "PyTorch"): "padding=0",
}
# The libraries' default borders.
DEFAULTS = {
    "scipy.ndimage": "reflect",
    "scipy.signal": "fill",
    "scikit-image": "reflect (derivatives), nearest (gaussian, median)",
    "OpenCV": "BORDER_DEFAULT; dilate and erode ignore pixels outside",
    "numpy.pad": "constant",
    "PyTorch": "constant, of 0",
}


def ours(library: str, word: object) -> Border | None:
    """Return convlab's word for a library's word, or None."""
    return NAMES[library].get(word) if isinstance(word, str) else None


def theirs(library: str, border: str) -> list[str]:
    """Return a library's words for one of convlab's borders."""
    return [word for word, our in NAMES[library].items() if our == border]


def table() -> str:
    """docs/borders.md."""
    libraries = list(NAMES)
    lines = [
        "# Borders and their names in other libraries",
        "",
        "`convlab.translate`, `convlab.ndimage` and `convlab.signal` use the same table. The command",
        "`python -m convlab.translation docs/borders.md` writes this page.",
        "",
        f"| `border=` | pixels outside the image | {' | '.join(libraries)} |",
        "| :-- | :-- |" + " :-- |" * len(libraries),
    ]
    for border, picture in PICTURES.items():
        cells = [f"`{border}`", f"`{picture}`".replace("|", "\\|")]
        for library in libraries:
            words = theirs(library, border) or [OTHER_WORDS.get((border, library), "")]
            cells.append(", ".join(f"`{word}`" for word in words if word) or "-")
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"| the default | `mirror` | {' | '.join(DEFAULTS[library] for library in libraries)} |")
    without = [
        f"`{word}` ({library})" for library in libraries for word in NAMES[library] if ours(library, word) is None
    ]
    lines += [
        "",
        "`reflect` means two different borders: `mirror` in NumPy and PyTorch, `symmetric` in SciPy, scikit-image and",
        "OpenCV. convlab's own functions therefore refuse the word; the drop-ins use it as SciPy does. `keep` is the",
        "border of the lesson: if the window is partly outside the image, the output is the pixel of the image.",
        "",
        f"Names without an equivalent in convlab: {', '.join(without)}.",
    ]
    return "\n".join(lines) + "\n"
