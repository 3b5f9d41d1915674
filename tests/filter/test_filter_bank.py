"""filter_bank: the bits of filter2d with each kernel."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support import least_seconds

import convlab


@pytest.mark.parametrize("border", ["mirror", "constant", "valid", "keep", "wrap"])
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (4, 2), (9, 9)])
@pytest.mark.parametrize("shape", [(12, 10), (37, 130)])
def test_each_kernel_separately(backend, rng, border, size, shape):
    image = rng.standard_normal(shape, dtype=np.float32)
    kernels = rng.standard_normal((4, *size))
    options = {"border": border, "cval": 2.0, "scale": 0.5, "offset": 1.0, "clip": (-3, 3), "algorithm": "direct"}
    actual = convlab.filter_bank(image, kernels, **options)
    assert actual.dtype == np.float32
    assert_array_equal(actual, [convlab.filter2d(image, kernel, **options) for kernel in kernels])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("target", [None, "u1", "i4"])
def test_channels_and_dtypes(fast_backend, rng, axis, dtype, target):
    image = np.moveaxis(rng.integers(0, 100, (20, 33, 3)).astype(dtype), -1, axis)
    kernels = rng.integers(-2, 5, (5, 3, 3))
    options = {"channel_axis": axis, "dtype": target, "algorithm": "direct"}
    expected = [convlab.filter2d(image, kernel, **options) for kernel in kernels]
    assert_array_equal(convlab.filter_bank(image, kernels, **options), expected)
    out = np.empty(np.shape(expected), target or np.float32)
    assert convlab.filter_bank(image, kernels, out=out, **options) is out
    assert_array_equal(out, expected)


def test_masks(fast_backend, rng):
    image, kernels = rng.random((20, 40), dtype=np.float32), rng.random((3, 3, 3))
    mask = rng.random(image.shape) < 0.5
    expected = [convlab.filter2d(image, kernel, mask=mask) for kernel in kernels]
    assert_array_equal(convlab.filter_bank(image, kernels, mask=mask), expected)


def test_an_empty_image_part_of_keep_is_the_picture(backend):
    image = np.arange(6.0).reshape(2, 3)
    assert_array_equal(convlab.filter_bank(image, np.ones((2, 5, 5)), border="keep"), [image, image])


@pytest.mark.parametrize(
    ("kernels", "error", "message"),
    [
        (np.ones((3, 3)), ValueError, r"kernels: got shape \(3, 3\); expected three axes"),
        (np.ones((0, 3, 3)), ValueError, "kernels: got shape"),
        (np.ones((2, 0, 3)), ValueError, "kernels: got shape"),
        (np.ones((2, 3, 3), complex), TypeError, "kernels: got dtype complex128"),
        ([[[1e300]]], ValueError, "kernels: got 1e[+]300"),
    ],
)
def test_errors(kernels, error, message):
    with pytest.raises(error, match=message):
        convlab.filter_bank(np.zeros((5, 5)), kernels)


def test_unsupported_algorithms_are_refused_with_the_reason(rng):
    with pytest.raises(ValueError, match="algorithm: got 'separable'.*the kernel is not of rank 1"):
        convlab.filter_bank(np.zeros((5, 5)), rng.random((2, 3, 3)), algorithm="separable")
    with pytest.raises(ValueError, match="out: got shape"):
        convlab.filter_bank(np.zeros((5, 5)), np.ones((2, 3, 3)), out=np.empty((5, 5), np.float32))


def mixed(rng, size):
    """Kernels of rank 1 and others, neighbours and not."""
    height, width = size
    kernels = rng.standard_normal((7, *size))
    for n in (0, 1, 4):
        kernels[n] = np.outer(rng.standard_normal(height), rng.standard_normal(width))
    kernels[5] = 0
    return kernels


@pytest.mark.parametrize("options", [{}, {"precision": "exact"}, {"dtype": "u1"}, {"border": "keep"}, {"nan": "omit"}])
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (11, 8), (31, 31), (1, 60)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
def test_each_kernel_has_its_algorithm(fast_backend, rng, size, dtype, options):
    """With the bits of a loop of filter2d, for any choice."""
    image = rng.integers(0, 200, (260, 300)).astype(dtype)
    kernels = mixed(rng, size)
    if options.get("nan") == "omit":
        kernels = np.abs(kernels) + 0.1
    expected = np.stack([convlab.filter2d(image, kernel, **options) for kernel in kernels])
    actual = convlab.filter_bank(image, kernels, **options)
    assert actual.dtype == expected.dtype
    assert actual.tobytes() == expected.tobytes()
    out = np.empty_like(expected)
    assert convlab.filter_bank(image, kernels, out=out, **options) is out
    assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("algorithm", ["direct", "separable", "fft"])
def test_one_algorithm_for_all(fast_backend, rng, algorithm):
    image = rng.random((40, 50), dtype=np.float32)
    kernels = [np.outer(rng.random(5), rng.random(4)) for _ in range(3)]
    expected = np.stack([convlab.filter2d(image, kernel, algorithm=algorithm) for kernel in kernels])
    actual = convlab.filter_bank(image, kernels, algorithm=algorithm)
    assert actual.tobytes() == expected.tobytes()
    assert convlab.explain("filter_bank", image.shape, kernels, algorithm=algorithm).algorithm == algorithm


def test_explain_names_the_algorithm_of_each_kernel(rng):
    plan = convlab.explain("filter_bank", (512, 512), mixed(rng, (31, 31)))
    assert plan.reason == "each kernel as filter2d takes it: 3 separable, 4 fft"
    loop = [convlab.explain("filter2d", (512, 512), kernel) for kernel in mixed(rng, (31, 31))]
    assert plan.workspace_bytes == max(one.workspace_bytes for one in loop)


def test_a_bank_is_never_slower_than_the_loop(rng):
    """16 kernels of rank 1, which once took 8 times as long as a bank."""
    image = rng.random((512, 512), dtype=np.float32)
    kernels = np.stack([np.outer(rng.random(31), rng.random(31)) for _ in range(16)]).astype(np.float32)

    with convlab.threads(1):
        bank = least_seconds(lambda: convlab.filter_bank(image, kernels))
        loop = least_seconds(lambda: [convlab.filter2d(image, kernel) for kernel in kernels])
    assert bank < 2 * loop
