"""The gradients of the lesson's operations in plain Python, each a loop that runs the operation backwards.

If a loss depends on an operation's output, then ``grad_output[i][j]`` says how fast the loss grows with the output
``[i][j]``. The functions here say how fast it grows with each number that went into the operation: by the chain rule,
each product of the forward loops gives one product here. As in `convlab.reference`, nested lists come in or out, one
number at a time, in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convlab.reference import BORDERS, Border, Image, Pair, Rows, _float_rows, _pair, _rows, _source

__all__ = [
    "avg_pool2d", "conv2d_input", "conv2d_weight", "filter2d_image", "filter2d_kernel", "max_pool2d", "max_unpool2d",
]  # fmt: skip


def conv2d_input(
    input_size: Sequence[int], weight: Any, grad_output: Any, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1,
    groups: int = 1,
) -> list[Rows]:  # fmt: skip
    """Compute the gradient of `reference.conv2d` with respect to its image.

    Parameters
    ----------
    input_size : (int, int, int)
        Channels, rows and columns of the image.
    weight : array or nested list, shape (M, C / groups, kh, kw)
        The kernels.
    grad_output : array or nested list, shape (M, H', W')
        The gradient with respect to the output.
    stride, padding, dilation, groups
        As `reference.conv2d`.

    Returns
    -------
    list of list of list of float
        C channels of H rows of W numbers.

    Examples
    --------
    >>> conv2d_input((1, 2, 2), [[[[10, 20]]]], [[[1], [2]]])
    [[[10.0, 20.0], [20.0, 40.0]]]
    """
    kernels = [[_float_rows(taps, "weight") for taps in kernel] for kernel in weight]
    size = len(kernels), len(kernels[0]), len(kernels[0][0]), len(kernels[0][0][0])
    result = [_zeros(input_size[1], input_size[2]) for _ in range(input_size[0])]

    def product(m: int, c: int, i: int, j: int, channel: int, row: int, column: int, grad: float) -> None:
        result[channel][row][column] += kernels[m][c][i][j] * grad

    _each_product(size, input_size, grad_output, stride, padding, dilation, groups, product)
    return result


def conv2d_weight(
    image: Any, weight_size: Sequence[int], grad_output: Any, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1,
    groups: int = 1,
) -> list[list[Rows]]:  # fmt: skip
    """Compute the gradient of `reference.conv2d` with respect to its weights.

    Parameters
    ----------
    image : array or nested list, shape (C, H, W)
        The image.
    weight_size : (int, int, int, int)
        M, C / groups, kh and kw.
    grad_output : array or nested list, shape (M, H', W')
        The gradient with respect to the output.
    stride, padding, dilation, groups
        As `reference.conv2d`.

    Returns
    -------
    list of list of list of list of float
        The shape of the weights.

    Examples
    --------
    >>> conv2d_weight([[[1, 2], [3, 4]]], (1, 1, 1, 2), [[[1], [10]]])
    [[[[31.0, 42.0]]]]
    """
    channels = [_float_rows(channel, "image") for channel in image]
    result = [[_zeros(weight_size[2], weight_size[3]) for _ in range(weight_size[1])] for _ in range(weight_size[0])]

    def product(m: int, c: int, i: int, j: int, channel: int, row: int, column: int, grad: float) -> None:
        result[m][c][i][j] += channels[channel][row][column] * grad

    input_size = len(channels), len(channels[0]), len(channels[0][0])
    _each_product(weight_size, input_size, grad_output, stride, padding, dilation, groups, product)
    return result


def _each_product(
    weight_size: Sequence[int], input_size: Sequence[int], grad_output: Any, stride: Pair, padding: Pair,
    dilation: Pair, groups: int, product: Callable[..., None],
) -> None:  # fmt: skip
    """Call `product` for each weight and each pixel that the convolution multiplies it with; those of zeros count not.

    A product with a zero of the padding has no pixel, and gives a weight nothing.
    """
    outputs, per_group, kernel_height, kernel_width = weight_size
    _, height, width = input_size
    step_down, step_right = _pair(stride, "stride", 1)
    pad_rows, pad_columns = _pair(padding, "padding", 0)
    apart_down, apart_right = _pair(dilation, "dilation", 1)
    for m, grads in enumerate(grad_output):
        first = m // (outputs // groups) * per_group
        for top, grad_row in enumerate(_float_rows(grads, "grad_output")):
            for left, grad in enumerate(grad_row):
                for c in range(per_group):
                    for i in range(kernel_height):
                        for j in range(kernel_width):
                            row = top * step_down - pad_rows + i * apart_down
                            column = left * step_right - pad_columns + j * apart_right
                            if 0 <= row < height and 0 <= column < width:
                                product(m, c, i, j, first + c, row, column, grad)


def filter2d_image(
    image_shape: tuple[int, int], kernel: Image, grad_output: Image, border: Border = "mirror",
    anchor: tuple[int, int] | None = None,
) -> Rows:  # fmt: skip
    """Compute the gradient of `reference.filter2d` with respect to its image.

    Parameters
    ----------
    image_shape : (int, int)
        Rows and columns of the image.
    kernel : array or nested list, shape (kh, kw)
        The taps.
    grad_output : array or nested list
        The gradient with respect to the output.
    border, anchor
        As `reference.filter2d`. What repeats a pixel in the border gives that pixel its share.

    Returns
    -------
    list of list of float
        H rows of W numbers.

    Examples
    --------
    >>> filter2d_image((1, 3), [[1, 2, 4]], [[1, 10, 100]], border="constant")
    [[12.0, 124.0, 240.0]]
    """
    taps = _float_rows(kernel, "kernel")
    result = _zeros(*image_shape)

    def product(i: int, j: int, row: int | None, column: int | None, grad: float) -> None:
        if row is not None and column is not None:
            result[row][column] += taps[i][j] * grad

    grads = _float_rows(grad_output, "grad_output")
    _each_tap(image_shape, (len(taps), len(taps[0])), grads, border, anchor, product)
    if border == "keep":
        row, column = anchor or (len(taps) // 2, len(taps[0]) // 2)
        inside_rows = range(row, row + image_shape[0] - len(taps) + 1)
        inside_columns = range(column, column + image_shape[1] - len(taps[0]) + 1)
        for y, grad_row in enumerate(grads):
            for x, grad in enumerate(grad_row):
                if y not in inside_rows or x not in inside_columns:
                    result[y][x] += grad
    return result


def filter2d_kernel(
    image: Image, kernel_shape: tuple[int, int], grad_output: Image, border: Border = "mirror", cval: float = 0.0,
    anchor: tuple[int, int] | None = None,
) -> Rows:  # fmt: skip
    """Compute the gradient of `reference.filter2d` with respect to its kernel.

    Parameters
    ----------
    image : array or nested list, shape (H, W)
        The pixels.
    kernel_shape : (int, int)
        Rows and columns of the kernel.
    grad_output : array or nested list
        The gradient with respect to the output.
    border, cval, anchor
        As `reference.filter2d`.

    Returns
    -------
    list of list of float
        kh rows of kw numbers.

    Examples
    --------
    >>> filter2d_kernel([[1, 2, 3]], (1, 3), [[1, 10, 100]], border="constant")
    [[210.0, 321.0, 32.0]]
    """
    pixels = _float_rows(image, "image")
    result = _zeros(*kernel_shape)

    def product(i: int, j: int, row: int | None, column: int | None, grad: float) -> None:
        result[i][j] += (cval if row is None or column is None else pixels[row][column]) * grad

    shape = len(pixels), len(pixels[0])
    _each_tap(shape, kernel_shape, _float_rows(grad_output, "grad_output"), border, anchor, product)
    return result


def _each_tap(
    shape: tuple[int, int], kernel_shape: tuple[int, int], grads: Rows, border: Border,
    anchor: tuple[int, int] | None, product: Callable[..., None],
) -> None:  # fmt: skip
    """Call `product` for each tap and each pixel under it; None stands for the constant's row or column."""
    if border not in BORDERS:
        raise ValueError(f"border: got {border!r}; expected one of: {', '.join(BORDERS)}")
    height, width = shape
    kernel_height, kernel_width = kernel_shape
    above, left = anchor or (kernel_height // 2, kernel_width // 2)
    inside = border in ("valid", "keep")
    for y in range(height - kernel_height + 1 if inside else height):
        for x in range(width - kernel_width + 1 if inside else width):
            grad = grads[y + above][x + left] if border == "keep" else grads[y][x]
            for i in range(kernel_height):
                for j in range(kernel_width):
                    row, column = (y + i, x + j) if inside else (y + i - above, x + j - left)
                    product(i, j, _source(row, height, border), _source(column, width, border), grad)


def max_pool2d(grad_output: Image, indices: Image, input_size: tuple[int, int]) -> Rows:
    """Compute the gradient of a maximum pool: each element goes to where the maximum stood, and they add up.

    Parameters
    ----------
    grad_output : array or nested list, shape (H', W')
        The gradient with respect to the maxima.
    indices : array or nested list of int, shape (H', W')
        Where each maximum stands in the image, counted row by row.
    input_size : (int, int)
        Rows and columns of the image.

    Returns
    -------
    list of list of float
        H rows of W numbers.

    Examples
    --------
    >>> max_pool2d([[1, 10]], [[2, 2]], (2, 2))
    [[0.0, 0.0], [11.0, 0.0]]
    """
    result = _zeros(*input_size)
    for grad_row, places in zip(_float_rows(grad_output, "grad_output"), _rows(indices, "indices"), strict=True):
        for grad, place in zip(grad_row, places, strict=True):
            row, column = divmod(int(place), input_size[1])
            result[row][column] += grad
    return result


def max_unpool2d(grad_output: Image, indices: Image) -> Rows:
    """Compute the gradient of a max unpool: each element is taken from where its value was put.

    Examples
    --------
    >>> max_unpool2d([[1, 2], [3, 4]], [[3, 0]])
    [[4.0, 1.0]]
    """
    grads = [grad for row in _float_rows(grad_output, "grad_output") for grad in row]
    return [[grads[int(place)] for place in row] for row in _rows(indices, "indices")]


def avg_pool2d(
    grad_output: Image, input_size: tuple[int, int], kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0
) -> Rows:
    """Compute the gradient of `reference.avg_pool2d`: each element is shared out evenly over its window.

    Examples
    --------
    >>> avg_pool2d([[4, 8]], (2, 4), 2)
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    height, width = _pair(kernel_size, "kernel_size", 1)
    step_down, step_right = _pair(kernel_size if stride is None else stride, "stride", 1)
    pad_rows, pad_columns = _pair(padding, "padding", 0)
    result = _zeros(*input_size)
    for y, grad_row in enumerate(_float_rows(grad_output, "grad_output")):
        for x, grad in enumerate(grad_row):
            top, left = y * step_down - pad_rows, x * step_right - pad_columns
            for row in range(max(top, 0), min(top + height, input_size[0])):
                for column in range(max(left, 0), min(left + width, input_size[1])):
                    result[row][column] += grad / (height * width)
    return result


def _zeros(height: int, width: int) -> Rows:
    return [[0.0] * width for _ in range(height)]
