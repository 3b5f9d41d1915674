"""The lesson in plain Python: filters and pools as loops over the pixels, and nothing else.

This is the module to read first. Every line does what it says, one number at a time, in double
precision; the fast kernels are tested against it and timed against it. No NumPy: an array that
comes in is turned into nested lists, and nested lists come out.

The lesson itself, on a picture of bytes, is two calls:

>>> picture = [[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]]
>>> vertical_lines = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
>>> filtered = filter2d(picture, vertical_lines, border="keep", clip=(0, 255))
>>> filtered
[[0.0, 0.0, 9.0, 9.0], [0.0, 36.0, 36.0, 9.0], [0.0, 36.0, 36.0, 9.0], [0.0, 0.0, 9.0, 9.0]]
>>> max_pool2d(filtered, 2)
[[36.0, 36.0], [36.0, 36.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args

__all__ = ["avg_pool2d", "conv2d", "filter2d", "max_pool2d", "min_pool2d"]


class _Array(Protocol):
    def tolist(self) -> Any: ...


Image: TypeAlias = _Array | Sequence[Sequence[float]]
Rows: TypeAlias = list[list[float]]
Pair: TypeAlias = int | Sequence[int]

Border: TypeAlias = Literal["valid", "constant", "nearest", "symmetric", "mirror", "wrap", "keep"]
BORDERS: tuple[Border, ...] = get_args(Border)


def filter2d(
    image: Image,
    kernel: Image,
    border: Border = "mirror",
    cval: float = 0.0,
    anchor: tuple[int, int] | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    clip: tuple[float | None, float | None] | None = None,
) -> Rows:
    """Slide a kernel over an image; each output pixel is the weighted sum of those beneath it.

    Parameters
    ----------
    image : array or nested list, shape (H, W)
        The pixels, of any real type.
    kernel : array or nested list, shape (kh, kw)
        The weights, or taps. They are used as they stand (correlation): not flipped.
    border : str
        What lies beyond the image: ``"constant"`` (`cval`), ``"nearest"``, ``"symmetric"``,
        ``"mirror"`` or ``"wrap"``, each going round as often as needed; or what to do where the
        window would leave the image: ``"valid"`` leaves those pixels out, ``"keep"`` copies the
        image's own pixel, untouched by scale, offset and clip.
    cval : float
        The pixel beyond the image for ``"constant"``.
    anchor : (int, int), optional
        Row and column of the tap that lies on the output pixel; the middle, (kh // 2, kw // 2),
        unless given.
    scale, offset : float
        The output is ``scale * sum + offset``, ...
    clip : (low, high), optional
        ... then brought within these two, either of which may be None. NaN stays NaN.

    Returns
    -------
    list of list of float
        H rows of W; for ``"valid"`` H - kh + 1 rows of W - kw + 1.

    Raises
    ------
    ValueError
        If the image or kernel is empty or not two-dimensional, the border has no such name, the
        anchor lies outside the kernel, or no window fits a ``"valid"`` border.

    Notes
    -----
    The lesson is L. Moroney, dlaicourse, Course 1 - Part 6 - Lesson 3. Its notebook indexes the
    kernel [column][row]; here it is [row][column].

    Examples
    --------
    >>> filter2d([[1, 2, 3]], [[1, 1, 1]], border="constant")
    [[3.0, 6.0, 5.0]]
    >>> filter2d([[1, 2, 3]], [[1, 1, 1]], border="valid", scale=0.5, offset=1)
    [[4.0]]
    """
    pixels = _float_rows(image, "image")
    taps = _float_rows(kernel, "kernel")
    height, width = len(pixels), len(pixels[0])
    kernel_height, kernel_width = len(taps), len(taps[0])
    if anchor is None:
        anchor = (kernel_height // 2, kernel_width // 2)
    above, left = anchor
    if not (0 <= above < kernel_height and 0 <= left < kernel_width):
        raise ValueError(f"anchor: got {anchor}; expected a tap of the {kernel_height} x {kernel_width} kernel")
    if border not in BORDERS:
        raise ValueError(f"border: got {border!r}; expected one of: {', '.join(BORDERS)}")
    if border == "valid" and (kernel_height > height or kernel_width > width):
        raise ValueError(
            f"kernel: got {kernel_height} x {kernel_width}; expected one that fits the image of "
            f"{height} x {width}, or another border than 'valid'"
        )

    low, high = (None, None) if clip is None else clip
    if border in ("valid", "keep"):
        framed = pixels
    else:
        below, right = kernel_height - 1 - above, kernel_width - 1 - left
        framed = _frame(pixels, above, below, left, right, border, float(cval))

    filtered = []
    for row in range(len(framed) - kernel_height + 1):
        output = []
        for column in range(len(framed[0]) - kernel_width + 1):
            total = 0.0
            for i in range(kernel_height):
                for j in range(kernel_width):
                    total += taps[i][j] * framed[row + i][column + j]
            value = scale * total + offset
            if low is not None and value < low:
                value = float(low)
            if high is not None and value > high:
                value = float(high)
            output.append(value)
        filtered.append(output)

    if border == "keep":
        for row, output in enumerate(filtered):
            for column, value in enumerate(output):
                pixels[row + above][column + left] = value
        return pixels
    return filtered


def conv2d(
    image: Any,
    weight: Any,
    bias: Any = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> list[Rows]:
    """Convolve an image of several channels with several kernels, as a layer of a network does.

    Each output channel has a kernel for each input channel of its group, and is the sum of what they give.

    Parameters
    ----------
    image : array or nested list, shape (C, H, W)
        The channels, of any real type.
    weight : array or nested list, shape (M, C / groups, kh, kw)
        The kernels, used as they stand (correlation).
    bias : array or list of M numbers, optional
        Added to the sums.
    stride, padding, dilation : int or (int, int)
        From window to window, zeros around the image, from tap to tap.
    groups : int
        Into how many parts the channels are cut, which do not see each other.

    Returns
    -------
    list of list of list of float
        M channels of (H + 2 padding - (kh - 1) dilation - 1) // stride + 1 rows, and columns likewise.

    Examples
    --------
    >>> conv2d([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[[[1]], [[10]]]])
    [[[51.0, 62.0], [73.0, 84.0]]]
    """
    channels = [_float_rows(channel, "image") for channel in image]
    kernels = [[_float_rows(taps, "weight") for taps in kernel] for kernel in weight]
    step_down, step_right = _pair(stride, "stride", 1)
    pad_rows, pad_columns = _pair(padding, "padding", 0)
    apart_down, apart_right = _pair(dilation, "dilation", 1)
    framed = [_frame(c, pad_rows, pad_rows, pad_columns, pad_columns, "constant", 0.0) for c in channels]
    output = []
    for m, kernel in enumerate(kernels):
        first = m // (len(kernels) // groups) * len(kernel)
        height, width = (len(kernel[0]) - 1) * apart_down + 1, (len(kernel[0][0]) - 1) * apart_right + 1
        rows = []
        for top in range(0, len(framed[0]) - height + 1, step_down):
            row = []
            for left in range(0, len(framed[0][0]) - width + 1, step_right):
                total = 0.0 if bias is None else float(bias[m])
                for c, taps in enumerate(kernel):
                    for i, tap_row in enumerate(taps):
                        for j, tap in enumerate(tap_row):
                            total += tap * framed[first + c][top + i * apart_down][left + j * apart_right]
                row.append(total)
            rows.append(row)
        output.append(rows)
    return output


def max_pool2d(image: Image, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Rows:
    """Keep the largest pixel of each window.

    Parameters
    ----------
    image : array or nested list, shape (H, W)
        The pixels, of any real type.
    kernel_size : int or (int, int)
        Height and width of the window.
    stride : int or (int, int), optional
        Steps down and to the right from window to window; the window's own size unless given.
    padding : int or (int, int)
        Rows above and below, columns left and right, that windows may reach beyond the image:
        fewer than the window has. Padding is never the largest.

    Returns
    -------
    list of list
        (H + 2 padding - kernel_size) // stride + 1 rows, and columns likewise: what is left over
        at the end is dropped. Integers stay integers. A window with a NaN gives NaN.

    Raises
    ------
    ValueError
        If the image is empty or not two-dimensional, a size, stride or padding does not fit, or
        no window does.

    Notes
    -----
    The rules, and the names, are those of PyTorch's ``max_pool2d``.

    Examples
    --------
    >>> max_pool2d([[1, 2, 5, 6], [3, 4, 7, 8]], 2)
    [[4, 8]]
    """
    return _pool2d(image, kernel_size, stride, padding, _largest)


def min_pool2d(image: Image, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Rows:
    """Keep the smallest pixel of each window: `max_pool2d` with the order turned round.

    Examples
    --------
    >>> min_pool2d([[1, 2, 5, 6], [3, 4, 7, 8]], 2)
    [[1, 5]]
    """
    return _pool2d(image, kernel_size, stride, padding, _smallest)


def avg_pool2d(image: Image, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Rows:
    """Take the mean of each window: `max_pool2d` with a mean for the maximum.

    Padding counts as zeros: the sum is divided by the area of the whole window (PyTorch's
    ``count_include_pad=True``). The output is float.

    Examples
    --------
    >>> avg_pool2d([[1, 2, 5, 6], [3, 4, 7, 8]], 2)
    [[2.5, 6.5]]
    """
    height, width = _pair(kernel_size, "kernel_size", 1)

    def mean(window: list[float]) -> float:
        total = 0.0
        for pixel in window:
            total += float(pixel)
        return total / (height * width)

    return _pool2d(image, kernel_size, stride, padding, mean)


def _pool2d(
    image: Image,
    kernel_size: Pair,
    stride: Pair | None,
    padding: Pair,
    reduce: Callable[[list[float]], float],
) -> Rows:
    """Reduce the pixels of each window to one number."""
    pixels = _rows(image, "image")
    height, width = len(pixels), len(pixels[0])
    kernel_height, kernel_width = _pair(kernel_size, "kernel_size", 1)
    step_down, step_right = _pair(kernel_size if stride is None else stride, "stride", 1)
    pad_rows, pad_columns = _pair(padding, "padding", 0)
    if pad_rows >= kernel_height or pad_columns >= kernel_width:
        raise ValueError(f"padding: got {padding!r}; expected less than the window's size")
    if height + 2 * pad_rows < kernel_height or width + 2 * pad_columns < kernel_width:
        raise ValueError(
            f"kernel_size: got {kernel_size!r}; expected a window that fits the padded image of "
            f"{height + 2 * pad_rows} x {width + 2 * pad_columns}"
        )

    pooled = []
    for top in range(-pad_rows, height + pad_rows - kernel_height + 1, step_down):
        output = []
        for left in range(-pad_columns, width + pad_columns - kernel_width + 1, step_right):
            window = [
                pixels[row][column]
                for row in range(max(top, 0), min(top + kernel_height, height))
                for column in range(max(left, 0), min(left + kernel_width, width))
            ]
            output.append(reduce(window))
        pooled.append(output)
    return pooled


def _largest(window: list[float]) -> float:
    largest = window[0]
    for pixel in window:
        if pixel > largest or pixel != pixel:  # only NaN differs from itself, and it stays
            largest = pixel
    return largest


def _smallest(window: list[float]) -> float:
    smallest = window[0]
    for pixel in window:
        if pixel < smallest or pixel != pixel:
            smallest = pixel
    return smallest


def _frame(pixels: Rows, above: int, below: int, left: int, right: int, border: str, cval: float) -> Rows:
    """Copy an image with extra rows and columns around it, filled as the border says."""
    rows = [_source(row, len(pixels), border) for row in range(-above, len(pixels) + below)]
    columns = [_source(x, len(pixels[0]), border) for x in range(-left, len(pixels[0]) + right)]
    return [[cval if row is None or column is None else pixels[row][column] for column in columns] for row in rows]


def _source(index: int, length: int, border: str) -> int | None:
    """The pixel of a row of `length` that shows at `index`; None for the constant."""
    if 0 <= index < length:
        return index
    if border == "constant":
        return None
    if border == "nearest":
        return 0 if index < 0 else length - 1
    if border == "wrap":
        return index % length
    if border == "symmetric":  # there and back again, both ends shown twice
        index %= 2 * length
        return index if index < length else 2 * length - 1 - index
    if length == 1:
        return 0
    index %= 2 * length - 2  # mirror: there and back again, both ends shown once
    return index if index < length else 2 * length - 2 - index


def _rows(array: Image, name: str) -> Rows:
    """Any two-dimensional input as nested lists of Python numbers, which cannot overflow."""
    rows = array if isinstance(array, Sequence) else array.tolist()
    if not isinstance(rows, Sequence) or not all(isinstance(row, Sequence) for row in rows):
        raise ValueError(f"{name}: expected two dimensions, as rows of numbers")
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(f"{name}: expected at least one number, and rows of one length")
    return [list(row) for row in rows]


def _float_rows(array: Image, name: str) -> Rows:
    return [[float(number) for number in row] for row in _rows(array, name)]


def _pair(value: Pair, name: str, least: int) -> tuple[int, int]:
    """An int for both axes, or one for each, none below `least`."""
    rows, columns = value if isinstance(value, Sequence) else (value, value)
    if rows < least or columns < least:
        raise ValueError(f"{name}: got {value!r}; expected {least} or more")
    return rows, columns
