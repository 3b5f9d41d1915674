"""Cases of `filter2d`: sizes, borders, colour images, and the lesson (a filter and a pool)."""

from .case import Case, Filter, Pool

# If a peer's call takes less than 5 us, the target is lower.
_FILTER_REQUIRED = {(3, 28): 1.0, (3, 512): 1.8, (3, 2048): 1.5, (3, 64): 0.7} | {
    (size, side): 1.7 for size in (5, 7) for side in (512, 2048)
}


def _filter_required(size: int, shape: tuple[int, ...]) -> float:
    return _FILTER_REQUIRED.get((size, shape[0]), 1.0 if size < 21 else 0.9)


def filter_cases() -> list[Case]:
    """Return the plain filters and the borders."""
    # The sides of 511x769 are no multiples of a vector; those of the other sizes are.
    shapes = ((28, 28), (64, 64), (512, 512), (2048, 2048), (511, 769), (1080, 1920, 3))
    cases = [
        Case(
            name=f"filter {size}x{size} {'x'.join(map(str, shape))}",
            group="Filters",
            shape=shape,
            channel_axis=-1 if len(shape) == 3 else None,
            filter=Filter(size),
            required=_filter_required(size, shape),
        )
        for size in (3, 5, 7, 9, 11, 15, 21, 31)
        for shape in shapes
    ]
    cases += [
        Case(f"filter 3x3 512x512 {border}", "Borders", (512, 512), filter=Filter(3, border))
        for border in ("valid", "constant", "nearest", "symmetric", "wrap", "keep")
    ]
    return cases


def colour_cases() -> list[Case]:
    """Return filters and a pool of RGB images."""
    return [
        Case(
            name=f"{name} 512x512 RGB",
            group="Colour",
            shape=(512, 512, 3),
            filter=spec if isinstance(spec, Filter) else None,
            pool=spec if isinstance(spec, Pool) else None,
            channel_axis=-1,
        )
        for name, spec in (
            ("filter 3x3", Filter(3)),
            ("filter 5x5", Filter(5)),
            ("max pool 2x2 stride 2", Pool("max", 2, 2)),
        )
    ]


def lesson_cases() -> list[Case]:
    """Return the filters of the lesson, each followed by its pool."""
    return [
        Case(
            name=f"lesson {name} 512x512",
            group="The lesson",
            shape=(512, 512),
            filter=Filter(3, "keep", (0, 255), name),
            pool=Pool("max", 2, 2),
            picture="ascent",
            required=1000.0,
            yardstick="python",
        )
        for name in ("edges", "vertical_lines", "horizontal_lines")
    ]
