"""The parts of a translation table: a rule for each function, and functions that translate its arguments."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._calls import Bound, NoEquivalent
from .borders import NAMES

# Makes an argument of the translated call: text, or None if it is convlab's default.
Say = Callable[[Bound], str | None]


@dataclass(frozen=True)
class Rule:
    """The translation of one function's calls.

    `signature` is the function's, with its module; `refused` gives the reason for each parameter without equivalent.
    """

    signature: str
    target: str
    positional: tuple[Say, ...]
    keywords: dict[str, Say] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    note: str = ""
    after: str = ""  # text after the call that changes its result

    @property
    def name(self) -> str:
        return self.signature.split("(")[0]

    def translated(self, b: Bound) -> str:
        for parameter, reason in self.refused.items():
            if not (b.is_default(parameter) or b.is_none(parameter)):
                raise NoEquivalent(reason)
        arguments = [say(b) or "None" for say in self.positional]
        for name, keyword in self.keywords.items():
            value = keyword(b)
            if value is not None:
                arguments.append(f"{name}={value}")
        note = f"  # {self.note}" if self.note else ""
        return f"{self.target}({', '.join(arguments)}){self.after}{note}"


def text(name: str) -> Say:
    return lambda b: b.text(name)


def given(name: str) -> Say:
    """Return the argument if it is not the default."""
    return lambda b: None if b.is_default(name) else b.text(name)


def fixed(words: str) -> Say:
    return lambda b: words


def same(*names: str) -> dict[str, Say]:
    """Translate parameters that have the same name and meaning in convlab."""
    return {name: given(name) for name in names}


def border(library: str, name: str, refused: dict[str, str] | None = None) -> Say:
    """Translate the border, also a default one, because the defaults differ."""

    def say(b: Bound) -> str:
        word = b.word(name)
        if library == "OpenCV" and isinstance(word, int):
            numbers = {number: name for name, number in OPENCV_BORDERS.items()}
            word = numbers.get(word, word)
        if refused and word in refused:
            raise NoEquivalent(refused[word])
        if word not in NAMES[library] or NAMES[library][word] is None:
            raise NoEquivalent(f"convlab has no border like {name}={b.text(name)}")
        return repr(NAMES[library][word])

    return say


OPENCV_BORDERS = {
    "BORDER_CONSTANT": 0,
    "BORDER_REPLICATE": 1,
    "BORDER_REFLECT": 2,
    "BORDER_WRAP": 3,
    "BORDER_REFLECT_101": 4,
    "BORDER_TRANSPARENT": 5,
    "BORDER_ISOLATED": 16,
}
OPENCV_DEPTHS: dict[str | int, str | None] = {
    "CV_8U": "'uint8'", "CV_8S": "'int8'", "CV_16U": "'uint16'", "CV_16S": "'int16'", "CV_32S": "'int32'",
    "CV_32F": None,
    0: "'uint8'", 1: "'int8'", 2: "'uint16'", 3: "'int16'", 4: "'int32'", 5: None,
}  # fmt: skip


def depth(name: str, source: str) -> Say:
    """Translate OpenCV's depth of the result to a dtype; -1 is the image's."""

    def say(b: Bound) -> str | None:
        word = b.word(name)
        if word == -1:
            return f"{b.operand(source)}.dtype"
        if word not in OPENCV_DEPTHS:
            raise NoEquivalent(f"convlab computes in float32, but {name}={b.text(name)} is another precision")
        return OPENCV_DEPTHS[word]

    return say


def pair_xy(b: Bound, name: str) -> tuple[Any, Any]:
    """Translate OpenCV's literal (x, y) to (row, column)."""
    value = b.literal(name)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise NoEquivalent(f"{name} is not a pair (x, y): {b.text(name)}")
    return value[1], value[0]


def anchor_xy(name: str, size: Callable[[Bound], tuple[Any, Any]]) -> Say:
    """Translate OpenCV's anchor (x, y), in which -1 is the centre."""

    def say(b: Bound) -> str | None:
        row, column = pair_xy(b, name)
        if (row, column) == (-1, -1):
            return None
        sizes = size(b)
        one, other = (
            n // 2 if place == -1 and isinstance(n, int) else f"{n} // 2" if place == -1 else place
            for place, n in zip((row, column), sizes, strict=True)
        )
        return f"({one}, {other})"

    return say


def shape_of(name: str) -> Callable[[Bound], tuple[str, str]]:
    return lambda b: (f"{b.operand(name)}.shape[0]", f"{b.operand(name)}.shape[1]")


def numbers(values: Any) -> str:
    """Return taps as a literal: whole numbers as integers, others rounded to float32."""
    array = np.asarray(values, np.float64)
    if np.all(array == np.rint(array)):
        return str(array.astype(int).tolist())
    return str(np.array([float(f"{v:.9g}") for v in array.ravel()]).reshape(array.shape).tolist())


def no_padding(library: str, name: str) -> Say:
    """Refuse a padding function: convlab's filters have a border= instead."""

    def say(b: Bound) -> str:
        word = b.literal(name)
        ours = NAMES[library].get(word) if isinstance(word, str) else None
        if ours is None:
            raise NoEquivalent(f"convlab has no border like {name}={b.text(name)}")
        raise NoEquivalent(
            f"convlab has no padding function, because its filters have borders: for {name}={b.text(name)} give "
            f"them border={ours!r}"
        )

    return say
