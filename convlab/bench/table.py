"""Plain text tables and numbers, for the terminal."""

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows below their header, with the first column left-aligned and the others right-aligned."""
    lengths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * length for length in lengths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(length) if place else cell.ljust(length)
            for place, (cell, length) in enumerate(zip(line, lengths, strict=True))
        ).rstrip()
        for line in lines
    )


def microseconds(seconds: float) -> str:
    """Return a time in microseconds, with three significant digits."""
    value = seconds * 1e6
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float) -> str:
    """Return a ratio with its significant digits."""
    return f"{value:,.0f}x" if value >= 100 else f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"


def error(value: float) -> str:
    """Return a relative error."""
    return "0" if value == 0 else f"{value:.0e}"


def percent(fraction: float | None) -> str:
    """Return a fraction of a limit in percent, or a dash if there is no limit."""
    return "not measured" if fraction is None else f"{100 * fraction:.0f} %"
