"""The catalogue of filters: taps as published, sums, symmetries, orientations, errors."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from convlab import filters

SUM_IS_ONE = {"gaussian", "box", "motion_blur", "sharpen", "unsharp", "emboss"}


SUM_IS_ZERO = set(filters.names()) - SUM_IS_ONE - {"gabor"}


DIRECTIONS = (
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
)


PUBLISHED = {
    "edges": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "vertical_lines": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "horizontal_lines": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "sobel_vertical": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_horizontal": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "scharr_vertical": [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]],
    "scharr_horizontal": [[-3, -10, -3], [0, 0, 0], [3, 10, 3]],
    "prewitt_vertical": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "prewitt_horizontal": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "roberts_diagonal": [[0, 1], [-1, 0]],
    "roberts_antidiagonal": [[1, 0], [0, -1]],
    "laplacian_4": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "laplacian_8": [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}


Array = npt.NDArray[np.generic]


def response(name: str, image: npt.ArrayLike, **parameters: object) -> float:
    """Return the largest result of a filter on an image, away from its border."""
    answer = ndimage.correlate(np.asarray(image, np.float64), filters.get(name, **parameters))
    return float(np.abs(answer[8:-8, 8:-8]).max())


def test_names_are_unique_and_begin_with_the_lesson() -> None:
    names = filters.names()
    assert len(names) == len(set(names))
    assert names[:3] == ("edges", "vertical_lines", "horizontal_lines")


def test_the_catalogue_is_complete() -> None:
    families = (
        "edges vertical_lines horizontal_lines sobel scharr prewitt roberts kirsch robinson "
        "laplacian_4 laplacian_8 laplacian_of_gaussian difference_of_gaussians gaussian box "
        "sharpen unsharp emboss motion_blur gabor"
    )
    for family in families.split():
        assert any(name.startswith(family) for name in filters.names()), family


@pytest.mark.parametrize("name", filters.names())
def test_taps_are_a_fresh_contiguous_float32_array(name: str) -> None:
    taps = filters.get(name)
    assert taps.dtype == np.float32
    assert taps.ndim == 2
    assert taps.flags.c_contiguous
    assert taps.flags.writeable
    assert np.isfinite(taps).all()
    assert taps.any()
    before = taps.copy()
    taps[:] = 99
    np.testing.assert_array_equal(filters.get(name), before)


@pytest.mark.parametrize("name", filters.names())
def test_entries_are_complete(name: str) -> None:
    entry = filters.info(name)
    assert entry.name == name
    assert entry.description
    assert entry.formula
    assert entry.source
    assert entry.scale > 0
    assert "\n" not in entry.description
    assert hash(entry) == hash(filters.info(name))
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.scale = 2.0  # type: ignore[misc]


@pytest.mark.parametrize("name", PUBLISHED)
def test_taps_are_those_published(name: str) -> None:
    np.testing.assert_array_equal(filters.get(name), PUBLISHED[name])
    np.testing.assert_array_equal(filters.info(name).taps, PUBLISHED[name])
    assert filters.info(name).parameters == ()


@pytest.mark.parametrize("name", sorted(SUM_IS_ONE))
def test_smoothing_and_sharpening_keep_a_flat_image(name: str) -> None:
    assert filters.get(name).sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert filters.info(name).scale == 1


@pytest.mark.parametrize("name", sorted(SUM_IS_ZERO))
def test_differences_are_zero_on_a_flat_image(name: str) -> None:
    assert filters.get(name).sum(dtype=np.float64) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["edges", "vertical_lines", "horizontal_lines"])
def test_the_lesson_applies_no_scale(name: str) -> None:
    assert filters.info(name).scale == 1


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in filters.names()
        if name.startswith(("sobel", "scharr", "prewitt", "roberts", "kirsch", "robinson"))
        or name in ("laplacian_4", "laplacian_8")
    ],
)
def test_scale_gives_unit_gain(name: str) -> None:
    taps = filters.get(name)
    assert filters.info(name).scale * taps[taps > 0].sum(dtype=np.float64) == pytest.approx(1)


@pytest.mark.parametrize(
    "name",
    [
        "edges",
        "laplacian_4",
        "laplacian_8",
        "laplacian_of_gaussian",
        "difference_of_gaussians",
        "gaussian",
        "box",
        "sharpen",
        "unsharp",
    ],
)
def test_filters_without_orientation_are_symmetric(name: str) -> None:
    taps = filters.get(name)
    for same in (taps.T, taps[::-1], taps[:, ::-1]):
        np.testing.assert_array_equal(same, taps)


@pytest.mark.parametrize("family", ["sobel", "scharr", "prewitt"])
def test_gradients_are_antisymmetric_one_way_and_symmetric_the_other(family: str) -> None:
    vertical = filters.get(f"{family}_vertical")
    np.testing.assert_array_equal(vertical[:, ::-1], -vertical)
    np.testing.assert_array_equal(vertical[::-1], vertical)
    np.testing.assert_array_equal(filters.get(f"{family}_horizontal"), vertical.T)


@pytest.mark.parametrize(
    ("vertical", "horizontal"),
    [
        ("vertical_lines", "horizontal_lines"),
        ("sobel_vertical", "sobel_horizontal"),
        ("scharr_vertical", "scharr_horizontal"),
        ("prewitt_vertical", "prewitt_horizontal"),
    ],
)
def test_a_filter_is_named_after_the_lines_that_it_finds(vertical: str, horizontal: str) -> None:
    vertical_line = np.zeros((32, 32))
    vertical_line[:, 16] = 1
    horizontal_line = vertical_line.T
    assert response(vertical, vertical_line) > 1
    assert response(vertical, horizontal_line) == 0
    assert response(horizontal, horizontal_line) > 1
    assert response(horizontal, vertical_line) == 0


def test_roberts_is_named_after_the_lines_that_it_finds() -> None:
    diagonal_edge = np.tri(32)  # its edge runs along the main diagonal
    antidiagonal_edge = diagonal_edge[:, ::-1]
    assert response("roberts_diagonal", diagonal_edge) == 1
    assert response("roberts_diagonal", np.eye(32)) == 1
    assert response("roberts_antidiagonal", antidiagonal_edge) == 1
    assert response("roberts_antidiagonal", np.eye(32)[::-1]) == 1
    # Along the other diagonal the filter crosses the whole step.
    assert response("roberts_diagonal", np.add.outer(np.arange(32), -np.arange(32))) == 2
    assert response("roberts_antidiagonal", np.add.outer(np.arange(32), -np.arange(32))) == 0


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("vertical_lines", np.tile(np.arange(32.0), (32, 1))),
        ("sobel_vertical", np.tile(np.arange(32.0), (32, 1))),
        ("sobel_horizontal", np.tile(np.arange(32.0), (32, 1)).T),
    ],
)
def test_gradients_are_positive_towards_the_brighter_side(name: str, image: Array) -> None:
    assert ndimage.correlate(image, filters.get(name))[16, 16] > 0


@pytest.mark.parametrize(
    ("name", "north", "northeast"),
    [
        (
            "kirsch",
            [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]],
            [[-3, 5, 5], [-3, 0, 5], [-3, -3, -3]],
        ),
        (
            "robinson",
            [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
            [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]],
        ),
    ],
)
def test_compass_taps(name: str, north: list[list[float]], northeast: list[list[float]]) -> None:
    np.testing.assert_array_equal(filters.get(name), north)
    for turns, direction in enumerate(DIRECTIONS[::2]):
        taps = filters.get(name, direction=direction)
        np.testing.assert_array_equal(taps, np.rot90(north, -turns))
    for turns, direction in enumerate(DIRECTIONS[1::2]):
        taps = filters.get(name, direction=direction)
        np.testing.assert_array_equal(taps, np.rot90(northeast, -turns))


@pytest.mark.parametrize("name", ["kirsch", "robinson"])
def test_a_compass_is_largest_in_its_direction(name: str) -> None:
    rows, columns = np.mgrid[-8:9, -8:9]
    for index, direction in enumerate(DIRECTIONS):
        angle = index * math.pi / 4
        brighter = (columns * math.sin(angle) - rows * math.cos(angle)).round(6) > 0
        answers = {other: (filters.get(name, direction=other) * brighter[7:10, 7:10]).sum() for other in DIRECTIONS}
        assert max(answers, key=lambda other: answers[other]) == direction


@pytest.mark.parametrize("sigma", [0.5, 1, 2.5])
def test_gaussian_follows_its_formula(sigma: float) -> None:
    taps = filters.get("gaussian", sigma=sigma).astype(np.float64)
    reach = int(4 * sigma + 0.5)
    assert taps.shape == (2 * reach + 1, 2 * reach + 1)
    assert taps[reach, reach + 1] / taps[reach, reach] == pytest.approx(math.exp(-0.5 / sigma**2))
    assert taps[reach - 2, reach - 1] / taps[reach, reach] == pytest.approx(math.exp(-2.5 / sigma**2))
    impulse = np.zeros((31, 31))
    impulse[15, 15] = 1
    smoothed = ndimage.gaussian_filter(impulse, sigma, truncate=4)
    middle = slice(15 - reach, 16 + reach)
    np.testing.assert_allclose(taps, smoothed[middle, middle], rtol=1e-6, atol=1e-12)


def test_gaussian_is_rounded_once() -> None:
    profile = np.exp(-0.5 * (np.arange(-2, 3) / 1.3) ** 2)
    expected = np.outer(profile / profile.sum(), profile / profile.sum())
    np.testing.assert_array_equal(filters.get("gaussian", sigma=1.3, size=5), expected.astype(np.float32))


@pytest.mark.parametrize("name", ["gaussian", "laplacian_of_gaussian", "difference_of_gaussians", "unsharp", "gabor"])
def test_size_and_truncate_set_the_extent(name: str) -> None:
    assert filters.get(name, size=7).shape == (7, 7)
    assert filters.get(name, size=7, truncate=100).shape == (7, 7)
    assert len(filters.get(name, truncate=6)) > len(filters.get(name, truncate=2))
    assert filters.get(name, sigma=0.01).shape >= (3, 3)


def test_laplacian_of_gaussian_is_what_scipy_computes() -> None:
    impulse = np.zeros((41, 41))
    impulse[20, 20] = 1
    expected = ndimage.gaussian_laplace(impulse, 3, truncate=5)[5:36, 5:36]
    taps = filters.get("laplacian_of_gaussian", sigma=3, truncate=5)
    np.testing.assert_allclose(taps, expected, atol=2e-5)
    assert taps[15, 15] == pytest.approx(-1 / (math.pi * 3**4), rel=2e-3)


def test_difference_of_gaussians_is_a_difference_of_gaussians() -> None:
    taps = filters.get("difference_of_gaussians", sigma=1.5, ratio=2, size=21)
    narrow = filters.get("gaussian", sigma=1.5, size=21).astype(np.float64)
    wide = filters.get("gaussian", sigma=3, size=21).astype(np.float64)
    np.testing.assert_allclose(taps, narrow - wide, atol=1e-7)


def test_unsharp_adds_what_smoothing_removes() -> None:
    image = np.random.default_rng(0).normal(size=(40, 40))
    sharpened = ndimage.correlate(image, filters.get("unsharp", sigma=2, amount=0.7))
    smoothed = ndimage.correlate(image, filters.get("gaussian", sigma=2))
    np.testing.assert_allclose(sharpened, image + 0.7 * (image - smoothed), atol=1e-5)


def test_unsharp_of_nothing_is_the_identity() -> None:
    taps = filters.get("unsharp", amount=0, size=3)
    np.testing.assert_array_equal(taps, [[0, 0, 0], [0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_box_is_a_mean(size: int) -> None:
    taps = filters.get("box", size=size)
    assert taps.shape == (size, size)
    assert (taps == np.float32(1 / size**2)).all()


def test_motion_blur_along_the_axes() -> None:
    np.testing.assert_array_equal(filters.get("motion_blur"), np.full((1, 9), np.float32(1 / 9)))
    np.testing.assert_array_equal(filters.get("motion_blur", length=5, angle=90), np.full((5, 1), np.float32(1 / 5)))
    np.testing.assert_array_equal(filters.get("motion_blur", length=4), [[0.125, 0.25, 0.25, 0.25, 0.125]])
    np.testing.assert_array_equal(filters.get("motion_blur", length=1, angle=30), [[1]])


def test_motion_blur_rotates_anticlockwise() -> None:
    taps = filters.get("motion_blur", length=3, angle=45)
    assert taps.shape == (3, 3)
    assert taps[0, 2] == taps[2, 0] > 0.1  # it rises from left to right
    assert taps[0, 0] == taps[2, 2] == 0
    # Distances to the segment: 0 at the middle, sqrt(2) - 1 at the ends, sqrt(1/2) beside it.
    weights = np.array([[0, 1 - 0.5**0.5, 2 - 2**0.5], [0, 1, 0], [0, 0, 0]])
    weights = np.maximum(weights, np.rot90(weights, 2))
    weights[1, 0] = weights[1, 2] = weights[0, 1]
    np.testing.assert_allclose(taps, weights / weights.sum(), rtol=1e-6)


def test_gabor_follows_its_formula() -> None:
    wavelength, theta, sigma, gamma, psi = 5.0, 0.6, 2.0, 0.8, 0.4
    taps = filters.get("gabor", wavelength=wavelength, theta=theta, sigma=sigma, gamma=gamma, psi=psi, size=9)
    assert taps[4, 4] == pytest.approx(math.cos(psi))
    for x, y in ((1, 0), (0, 1), (3, -2), (-4, 4)):
        across = x * math.cos(theta) + y * math.sin(theta)
        along = -x * math.sin(theta) + y * math.cos(theta)
        envelope = math.exp(-(across**2 + (gamma * along) ** 2) / (2 * sigma**2))
        wave = math.cos(2 * math.pi * across / wavelength + psi)
        assert taps[4 + y, 4 + x] == pytest.approx(envelope * wave, abs=1e-6)


def test_gabor_finds_its_stripes() -> None:
    vertical_stripes = np.tile(np.cos(2 * np.pi * np.arange(64) / 6), (64, 1))
    assert response("gabor", vertical_stripes, wavelength=6, sigma=3) > 10 * response(
        "gabor", vertical_stripes.T, wavelength=6, sigma=3
    )
    assert response("gabor", vertical_stripes.T, wavelength=6, sigma=3, theta=math.pi / 2) == pytest.approx(
        response("gabor", vertical_stripes, wavelength=6, sigma=3), rel=1e-5
    )


def test_gabor_rotates_clockwise_on_the_screen() -> None:
    rows, columns = np.mgrid[:64, :64]
    rising = np.cos(2 * np.pi * (columns + rows) / math.sqrt(2) / 6)  # stripes that rise: "/"
    normal = response("gabor", rising, wavelength=6, sigma=3, theta=math.pi / 4)
    assert normal > 10 * response("gabor", rising, wavelength=6, sigma=3, theta=-math.pi / 4)
