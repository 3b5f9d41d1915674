"""The lesson in plain Python, compared with SciPy, NumPy's pad, and sums computed by hand."""

from __future__ import annotations

import ast
import inspect
import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from convlab import data, filters, reference

SCIPY_BORDER = {
    "constant": "constant",
    "nearest": "nearest",
    "symmetric": "reflect",
    "mirror": "mirror",
    "wrap": "wrap",
}
NUMPY_PAD = {
    "constant": "constant",
    "nearest": "edge",
    "symmetric": "symmetric",
    "mirror": "reflect",
    "wrap": "wrap",
}
LESSON = ("edges", "vertical_lines", "horizontal_lines")
NAN = math.nan

Array = npt.NDArray[np.float64]


def whole_numbers(seed: int, *shape: int) -> Array:
    """Integers, so sums are exact in any order and results can be compared by ==."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float64)


def correlate_valid(image: Array, kernel: Array) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("rcij,ij->rc", windows, kernel)


def test_it_is_plain_python() -> None:
    tree = ast.parse(inspect.getsource(reference))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported == {"__future__", "collections", "typing"}


# The lesson


@pytest.mark.parametrize("name", LESSON)
def test_the_lesson_on_its_picture(name: str) -> None:
    picture = data.ascent()
    taps = filters.get(name)
    filtered = reference.filter2d(picture, taps, border="keep", clip=(0, 255))
    expected = picture.astype(np.float64)
    whole = correlate_valid(picture.astype(np.float64), taps.astype(np.float64))
    expected[1:-1, 1:-1] = np.clip(whole, 0, 255)
    np.testing.assert_array_equal(filtered, expected)

    pooled = reference.max_pool2d(filtered, 2)
    np.testing.assert_array_equal(pooled, expected.reshape(256, 2, 256, 2).max(axis=(1, 3)))


def test_the_lesson_by_hand() -> None:
    picture = np.array([[10, 10, 200, 200]] * 4, dtype=np.uint8)
    filtered = reference.filter2d(picture, filters.get("vertical_lines"), border="keep", clip=(0, 255))
    frame = [10.0, 10.0, 200.0, 200.0]
    inside = [10.0, 255.0, 255.0, 200.0]  # 4 * 190, more than white
    assert filtered == [frame, inside, inside, frame]
    assert reference.max_pool2d(filtered, 2) == [[255.0, 255.0], [255.0, 255.0]]
    rows = reference.filter2d(picture, filters.get("horizontal_lines"), border="keep", clip=(0, 255))
    assert rows[1] == [10.0, 0.0, 0.0, 200.0]


# Borders


@pytest.mark.parametrize("border", SCIPY_BORDER)
@pytest.mark.parametrize("kernel_shape", [(1, 1), (3, 3), (2, 2), (4, 3), (1, 5), (5, 5), (3, 8)])
def test_borders_are_scipys(border: str, kernel_shape: tuple[int, int]) -> None:
    image, kernel = whole_numbers(1, 6, 9), whole_numbers(2, *kernel_shape)
    expected = ndimage.correlate(image, kernel, mode=SCIPY_BORDER[border], cval=7)
    filtered = reference.filter2d(image, kernel, border=border, cval=7)
    np.testing.assert_array_equal(filtered, expected)


@pytest.mark.parametrize("border", NUMPY_PAD)
@pytest.mark.parametrize("image_shape", [(1, 1), (1, 2), (2, 3), (3, 1), (4, 5)])
@pytest.mark.parametrize("kernel_shape", [(9, 9), (10, 4), (1, 13), (14, 1)])
def test_borders_repeat_as_often_as_needed(
    border: str, image_shape: tuple[int, int], kernel_shape: tuple[int, int]
) -> None:
    image, kernel = whole_numbers(3, *image_shape), whole_numbers(4, *kernel_shape)
    before = [side // 2 for side in kernel_shape]
    after = [side - 1 - side // 2 for side in kernel_shape]
    value = {"constant_values": 7} if border == "constant" else {}
    padded = np.pad(image, tuple(zip(before, after, strict=True)), NUMPY_PAD[border], **value)
    filtered = reference.filter2d(image, kernel, border=border, cval=7)
    np.testing.assert_array_equal(filtered, correlate_valid(padded, kernel))


@pytest.mark.parametrize(
    ("border", "shown"),
    [
        ("constant", "k k k k a b c d k k k k"),
        ("nearest", "a a a a a b c d d d d d"),
        ("symmetric", "d c b a a b c d d c b a"),
        ("mirror", "c d c b a b c d c b a b"),
        ("wrap", "a b c d a b c d a b c d"),
    ],
)
def test_borders_are_as_drawn(border: str, shown: str) -> None:
    row = [[1.0, 2.0, 3.0, 4.0]]
    drawn = [0.0 if letter == "k" else 1.0 + "abcd".index(letter) for letter in shown.split()]
    for place, pixel in enumerate(drawn):
        # A kernel with one tap, which reads this place for the first pixel.
        kernel = [[float(tap == place) for tap in range(len(drawn))]]
        assert reference.filter2d(row, kernel, border=border, anchor=(0, 4))[0][0] == pixel


@pytest.mark.parametrize("border", ["mirror", "symmetric", "nearest", "wrap"])
def test_a_single_pixel_is_repeated(border: str) -> None:
    assert reference.filter2d([[5]], [[1] * 7] * 3, border=border) == [[105.0]]


def test_valid_gives_the_windows_that_fit() -> None:
    image, kernel = whole_numbers(5, 7, 6), whole_numbers(6, 4, 3)
    filtered = reference.filter2d(image, kernel, border="valid")
    assert (len(filtered), len(filtered[0])) == (4, 4)
    np.testing.assert_array_equal(filtered, correlate_valid(image, kernel))
    assert reference.filter2d(image, image, border="valid") == [[(image**2).sum()]]
    # The anchor only moves a window's sum; the windows that fit are the same.
    assert reference.filter2d(image, kernel, border="valid", anchor=(0, 0)) == filtered


@pytest.mark.parametrize("anchor", [None, (0, 0), (3, 2), (1, 0)])
def test_keep_copies_the_frame(anchor: tuple[int, int] | None) -> None:
    image, kernel = whole_numbers(7, 7, 6), whole_numbers(8, 4, 3)
    above, left = anchor or (2, 1)
    expected = image.copy()
    expected[above : above + 4, left : left + 4] = np.clip(2 * correlate_valid(image, kernel) + 1, -20, 20)
    filtered = reference.filter2d(image, kernel, "keep", anchor=anchor, scale=2, offset=1, clip=(-20, 20))
    np.testing.assert_array_equal(filtered, expected)


def test_keep_leaves_the_frame_untouched_by_scale_offset_and_clip() -> None:
    filtered = reference.filter2d([[-300, 900]] * 3, np.ones((3, 3)), "keep", scale=9, offset=9, clip=(0, 255))
    assert filtered == [[-300.0, 900.0]] * 3


def test_keep_with_a_kernel_larger_than_the_image_copies_it() -> None:
    assert reference.filter2d([[1, 2], [3, 4]], np.ones((3, 1)), "keep") == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("anchor", [(0, 0), (0, 3), (2, 0), (2, 3), (1, 1)])
@pytest.mark.parametrize("border", SCIPY_BORDER)
def test_the_anchor_is_the_tap_on_the_output_pixel(anchor: tuple[int, int], border: str) -> None:
    image, kernel = whole_numbers(9, 5, 6), whole_numbers(10, 3, 4)
    origin = (anchor[0] - 1, anchor[1] - 2)
    expected = ndimage.correlate(image, kernel, mode=SCIPY_BORDER[border], origin=origin)
    np.testing.assert_array_equal(reference.filter2d(image, kernel, border, anchor=anchor), expected)


# Arithmetic


def test_kernels_are_not_flipped() -> None:
    impulse = np.zeros((3, 3))
    impulse[1, 1] = 1
    kernel = np.arange(9).reshape(3, 3)
    # The impulse response is the kernel rotated by 180 degrees: correlation, not convolution.
    np.testing.assert_array_equal(reference.filter2d(impulse, kernel, "constant"), kernel[::-1, ::-1])


def test_taps_are_summed_row_by_row_in_double_precision() -> None:
    ones = [[1, 1], [1, 1]]
    assert reference.filter2d([[1e16, 1.0], [-1e16, 1.0]], ones, "valid") == [[1.0]]
    assert reference.filter2d([[1e16, 2.0], [-1e16, 1.0]], ones, "valid") == [[3.0]]
    assert reference.filter2d([[0.1, 0.2]], [[1, 1]], "valid") == [[0.1 + 0.2]]


def test_bytes_do_not_overflow() -> None:
    image = np.full((3, 3), 255, dtype=np.uint8)
    assert reference.filter2d(image, np.full((3, 3), -1, dtype=np.int8), "valid") == [[-2295.0]]
    assert reference.avg_pool2d(image, 3) == [[255.0]]


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "uint16", "int16", "int32", "int64", "f2", "f4", "f8", ">f4", ">u2"],
)
def test_every_real_type_is_accepted(dtype: str) -> None:
    image = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    filtered = reference.filter2d(image, [[1, 1]], "constant")
    assert filtered == [[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]


def test_arrays_and_lists_are_the_same_and_stay_as_they_were() -> None:
    image, kernel = whole_numbers(11, 5, 6), whole_numbers(12, 3, 3)
    lists = image.tolist()
    for border in reference.BORDERS:
        filtered = reference.filter2d(lists, kernel.tolist(), border)
        assert filtered == reference.filter2d(np.asfortranarray(image), kernel, border)
        assert filtered == reference.filter2d(tuple(map(tuple, lists)), kernel, border)
    assert lists == image.tolist()


def test_the_output_is_lists_of_python_floats() -> None:
    for border, clip in itertools.product(reference.BORDERS, [(0, 9), (2, 3), (-1, 0)]):
        filtered = reference.filter2d(np.ones((4, 4), np.uint8), [[1]], border, clip=clip)
        assert type(filtered) is list
        assert all(type(row) is list for row in filtered)
        assert all(type(pixel) is float for row in filtered for pixel in row)


def test_scale_then_offset_then_clip() -> None:
    row = [[-10, 0, 10, 20]]
    assert reference.filter2d(row, [[1]], scale=2, offset=3) == [[-17.0, 3.0, 23.0, 43.0]]
    assert reference.filter2d(row, [[1]], scale=2, clip=(-5, 30)) == [[-5.0, 0.0, 20.0, 30.0]]
    assert reference.filter2d(row, [[1]], clip=(0, None)) == [[0.0, 0.0, 10.0, 20.0]]
    assert reference.filter2d(row, [[1]], clip=(None, 0)) == [[-10.0, 0.0, 0.0, 0.0]]
    assert reference.filter2d(row, [[1]], clip=(None, None)) == [[-10.0, 0.0, 10.0, 20.0]]


def test_every_tap_counts() -> None:
    filtered = reference.filter2d([[NAN, 1, 2, 3]], [[0, 1, 0]], "nearest", clip=(0, 1))
    assert np.isnan(filtered[0][:2]).all()  # 0 * NaN is NaN, and clip does not change it
    assert filtered[0][2:] == [1.0, 1.0]
    infinite = reference.filter2d([[math.inf, 1, 2, 3]], [[0, 1, 0]], "nearest")
    assert np.isnan(infinite[0][:2]).all()  # 0 * infinity is NaN too
    assert infinite[0][2:] == [2.0, 3.0]
    assert np.isnan(reference.filter2d([[1, 1]], [[0, 1]], "constant", cval=NAN)[0][0])


@given(
    image_shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel_shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    border=st.sampled_from(sorted(NUMPY_PAD)),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_any_shape_border_and_anchor(
    image_shape: tuple[int, int],
    kernel_shape: tuple[int, int],
    border: str,
    where: tuple[float, float],
    seed: int,
) -> None:
    image, kernel = whole_numbers(seed, *image_shape), whole_numbers(seed + 1, *kernel_shape)
    above, left = (int(place * (side - 1)) for place, side in zip(where, kernel_shape, strict=True))
    reach = ((above, kernel_shape[0] - 1 - above), (left, kernel_shape[1] - 1 - left))
    padded = np.pad(image, reach, NUMPY_PAD[border])
    filtered = reference.filter2d(image, kernel, border, anchor=(above, left))
    np.testing.assert_array_equal(filtered, correlate_valid(padded, kernel))


# Pools

SQUARE = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]


def test_pools_by_hand() -> None:
    assert reference.max_pool2d(SQUARE, 2) == [[6, 8], [14, 16]]
    assert reference.min_pool2d(SQUARE, 2) == [[1, 3], [9, 11]]
    assert reference.avg_pool2d(SQUARE, 2) == [[3.5, 5.5], [11.5, 13.5]]


def test_incomplete_windows_are_dropped() -> None:
    assert reference.max_pool2d(SQUARE, 3) == [[11]]
    assert reference.min_pool2d(SQUARE, (1, 3)) == [[1], [5], [9], [13]]
    assert reference.max_pool2d([[1, 2, 9]], (1, 2)) == [[2]]


def test_stride() -> None:
    assert reference.max_pool2d(SQUARE, 2, stride=1) == [[6, 7, 8], [10, 11, 12], [14, 15, 16]]
    assert reference.max_pool2d(SQUARE, 2, stride=(2, 1)) == [[6, 7, 8], [14, 15, 16]]
    assert reference.max_pool2d(SQUARE, (2, 1), stride=3) == [[5, 8]]
    assert reference.max_pool2d(SQUARE, np.int64(2), stride=np.int64(2)) == [[6, 8], [14, 16]]


def test_padding_never_wins_but_counts_in_a_mean() -> None:
    negative = [[-1, -2], [-3, -4]]
    assert reference.max_pool2d(negative, 2, padding=1) == [[-1, -2], [-3, -4]]
    assert reference.min_pool2d([[1, 2], [3, 4]], 2, padding=1) == [[1, 2], [3, 4]]
    assert reference.avg_pool2d(negative, 2, padding=1) == [[-0.25, -0.5], [-0.75, -1.0]]
    assert reference.avg_pool2d(negative, (1, 2), padding=(0, 1)) == [[-0.5, -1.0], [-1.5, -2.0]]
    assert reference.max_pool2d([[-math.inf]], 3, padding=1) == [[-math.inf]]


@pytest.mark.parametrize(
    ("kernel_size", "padding"),
    [
        ((1, 1), (0, 0)),
        ((2, 2), (0, 0)),
        ((2, 2), (0, 1)),
        ((3, 2), (2, 1)),
        ((4, 4), (0, 3)),
        ((4, 4), (2, 1)),
    ],
)
@pytest.mark.parametrize("stride", [None, (1, 1), (2, 3), (5, 1)])
def test_pools_are_reductions_of_padded_windows(
    kernel_size: tuple[int, int], padding: tuple[int, int], stride: tuple[int, int] | None
) -> None:
    image = whole_numbers(13, 7, 9)
    down, right = stride or kernel_size
    for pool, fill, reduce in (
        (reference.max_pool2d, -math.inf, np.max),
        (reference.min_pool2d, math.inf, np.min),
        (reference.avg_pool2d, 0, np.mean),
    ):
        padded = np.pad(image, [(side, side) for side in padding], constant_values=fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel_size)[::down, ::right]
        pooled = pool(image, kernel_size, stride, padding)
        np.testing.assert_allclose(pooled, reduce(windows, axis=(2, 3)), rtol=1e-15)


@pytest.mark.parametrize("window", [[NAN, 1, 2], [1, NAN, 2], [1, 2, NAN], [NAN, NAN, NAN]])
def test_nan_spreads_only_in_its_window(window: list[float]) -> None:
    for pool in (reference.max_pool2d, reference.min_pool2d, reference.avg_pool2d):
        pooled = pool([[*window, 4, 4, 4]], (1, 3))
        assert math.isnan(pooled[0][0])
        assert pooled[0][1] == 4


def test_integers_stay_integers_in_max_and_min() -> None:
    large = np.array([[2**63 - 1, 2**63 - 2]])
    assert reference.max_pool2d(large, (1, 2)) == [[2**63 - 1]]
    assert reference.min_pool2d(large, (1, 2)) == [[2**63 - 2]]
    assert type(reference.max_pool2d(large, (1, 2))[0][0]) is int
    assert type(reference.avg_pool2d(SQUARE, 1)[0][0]) is float
    assert reference.max_pool2d(np.array([[False, True]]), (1, 2)) == [[True]]


# Errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"border": "reflect"}, "border: got 'reflect'; expected one of: valid, .*keep"),
        ({"anchor": (3, 0)}, r"anchor: got \(3, 0\); expected a tap of the 3 x 3 kernel"),
        ({"anchor": (0, -1)}, "anchor: got"),
        ({"kernel": []}, "kernel: expected at least one number"),
        ({"kernel": [[]]}, "kernel: expected at least one number"),
        ({"kernel": [1, 2, 3]}, "kernel: expected two dimensions"),
        ({"kernel": [[1, 2], [3]]}, "kernel: expected .* rows of one length"),
        ({"image": np.zeros((0, 4))}, "image: expected at least one number"),
        ({"image": np.float32(3)}, "image: expected two dimensions"),
        (
            {"border": "valid", "kernel": np.ones((6, 2))},
            "kernel: got 6 x 2; expected one that fits the image of 5 x 5",
        ),
    ],
)
def test_filter2d_refuses_what_a_loop_would_get_wrong(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reference.filter2d(**({"image": np.ones((5, 5)), "kernel": np.ones((3, 3))} | arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernel_size": 0}, "kernel_size: got 0; expected 1 or more"),
        ({"kernel_size": (2, -1)}, r"kernel_size: got \(2, -1\); expected 1 or more"),
        ({"kernel_size": 6}, "kernel_size: got 6; expected .* the padded image of 5 x 5"),
        ({"stride": 0}, "stride: got 0; expected 1 or more"),
        ({"padding": -1}, "padding: got -1; expected 0 or more"),
        ({"padding": (0, 2)}, r"padding: got \(0, 2\); expected less than the window"),
        ({"image": []}, "image: expected at least one number"),
        ({"image": [1, 2]}, "image: expected two dimensions"),
    ],
)
def test_pools_refuse_what_a_loop_would_get_wrong(arguments: dict[str, object], words: str) -> None:
    for pool in (reference.max_pool2d, reference.min_pool2d, reference.avg_pool2d):
        with pytest.raises(ValueError, match=words):
            pool(**({"image": np.ones((5, 5)), "kernel_size": 2} | arguments))
