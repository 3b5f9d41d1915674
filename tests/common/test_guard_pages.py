"""No filter kernel accesses memory outside its arrays: pages without access are directly before and behind them.

A kernel that does ends its process, so each instruction set runs in a separate process, which names the case.
"""

import faulthandler
import itertools

import numpy as np
import pytest
from guarding import BACKENDS, Guarded, guard_marks, picture, said, taps
from support import run_python

import convlab

pytestmark = guard_marks

# Widths of a few pixels, around vectors and blocks, and with a middle between two packed segments.
WIDTHS = (1, 5, 17, 33, 64, 67, 100, 131, 199)
KERNELS = [(1, 2), (1, 5), (1, 9), (1, 24), (3, 1), (9, 1), (3, 3), (5, 5), (7, 7), (4, 4), (9, 9), (2, 6), (5, 24)]
# Border columns of about a block's width and more: an earlier kernel read beyond the middle there.
WIDE_KERNELS = [(5, 41), (5, 65), (4, 80), (1, 109), (3, 127), (1, 131)]


def filters():
    """Return (name, image's shape and dtype, function of image, out and mask, whether there is a mask)."""

    def correlate(kernel, **options):
        return lambda x, out, mask: convlab.filter2d(x, kernel, algorithm="direct", out=out, mask=mask, **options)

    for size, width in itertools.product(KERNELS, WIDTHS):
        for border in ("mirror", "valid", "keep"):
            shape = 2 + max(size), width
            if border != "valid" or size[1] <= width:
                yield shape, np.float32, correlate(taps(size), border=border), False
        for anchor in ((0, 0), (size[0] - 1, size[1] - 1)):
            yield shape, np.float32, correlate(taps(size), border="constant", anchor=anchor), False
    for size, before in itertools.product(WIDE_KERNELS, (0, 0.2, 0.5, 0.8, 1)):
        column = min(int(before * size[1]), size[1] - 1)
        for width in (150, 199, 300, 420):
            yield (7, width), np.float32, correlate(taps(size), anchor=(size[0] // 2, column)), False
    for channels, size, width in itertools.product((2, 3, 4), ((3, 3), (5, 5), (7, 7), (2, 9)), (3, 11, 33, 70)):
        for border in ("mirror", "valid", "keep"):
            for anchor in (None, (0, 0)):
                if border != "valid" or size[1] <= width:
                    call = correlate(taps(size), border=border, channel_axis=-1, anchor=anchor)
                    yield (9, width, channels), np.float32, call, False
    for dtype, size, width in itertools.product(("u1", "i2", "u2"), ((3, 3), (5, 5), (1, 9), (9, 9)), WIDTHS):
        for target in ("f4", dtype):
            yield (11, width), dtype, correlate(taps(size), dtype=target), False
            yield (11, width // 3 + 1, 3), dtype, correlate(taps(size), dtype=target, channel_axis=-1), False
    for dtype, size, width in itertools.product(("f4", "u1"), ((3, 3), (5, 5), (1, 9)), WIDTHS):
        yield (11, width), dtype, correlate(abs(taps(size))), True
        yield (11, width), dtype, correlate(abs(taps(size)), nan="omit", border="constant"), True
    for size, width, border in itertools.product(((3, 3), (5, 5), (2, 7)), WIDTHS, ("mirror", "keep")):
        bank = taps((3, *size))
        yield (
            (9, width),
            np.float32,
            lambda x, out, _, w=bank, b=border: convlab.filter_bank(x, w, border=b, out=out),
            0,
        )
    for dtype, length, width in itertools.product(("f4", "u1", "i2"), (1, 2, 3, 4, 5, 7, 9, 12), WIDTHS):
        options = {"dtype": dtype, "border": ("valid" if length <= width else "mirror")}
        for border in (options["border"], "constant", "keep"):
            pair = taps(length), taps(length)[::-1].copy()
            yield (
                (13, width), dtype,
                lambda x, out, _, p=pair, o=options | {"border": border}: convlab.sep_filter2d(x, *p, out=out, **o), 0,
            )  # fmt: skip
        yield (
            (9, width, 3), dtype,
            lambda x, out, _, p=pair, d=dtype: convlab.sep_filter2d(x, *p, channel_axis=-1, dtype=d, out=out), 0,
        )  # fmt: skip
        yield (9, width), dtype, lambda x, out, _, n=length, d=dtype: convlab.box(x, n, dtype=d, out=out), 0
    for dtype, width in itertools.product(("f4", "u1", "i2"), WIDTHS):
        yield (9, width), dtype, lambda x, out, _, d=dtype: convlab.sobel(x, dtype=d, out=out), 0
        yield (9, width), dtype, lambda x, out, _, d=dtype: convlab.gaussian(x, 1.2, dtype=d, out=out), 0
    statistics = (convlab.maximum_filter, convlab.minimum_filter, convlab.median_filter)
    for function, dtype, size, width in itertools.product(statistics, ("f4", "u1", "u2"), (3, 4, 5, 9), WIDTHS):
        for border in ("mirror", "keep"):
            yield (11, width), dtype, lambda x, out, _, f=function, k=size, b=border: f(x, k, border=b, out=out), 0
        yield (
            (10, width // 3 + 1, 3), dtype,
            lambda x, out, _, f=function, k=size: f(x, k, channel_axis=-1, out=out), 0,
        )  # fmt: skip


def given(call):
    return [cell.cell_contents for cell in call.__closure__ or ()] + list(call.__defaults__ or ())


def run(backend):
    """Run all filters on guarded arrays; compare with the results on NumPy's arrays."""
    faulthandler.enable()
    name, isa = ("numpy", "auto") if backend == "numpy" else ("compiled", backend)
    images, results, masks = Guarded(), Guarded(), Guarded()
    count = 0
    with convlab.use_backend(name, isa):
        for shape, dtype, call, with_mask in filters():
            x = picture(shape, dtype)
            mask = np.arange(x.size).reshape(shape) % 5 != 1 if with_mask else None
            expected = call(x, None, mask)
            for at_end, pad in ((False, 0), (True, 0), (False, 3), (True, 3)):
                print(shape, np.dtype(dtype), at_end, pad, *(said(value) for value in given(call)), flush=True)
                image = images.copy(x, at_end, pad)
                guarded = None if mask is None else masks.copy(mask, at_end)
                out = results.array(expected.shape, expected.dtype, at_end)
                assert call(image, out, guarded) is out
                np.testing.assert_array_equal(out, expected)
                count += 1
    print(count)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_kernel_leaves_its_arrays(backend):
    done = run_python(f"import test_guard_pages; test_guard_pages.run({backend!r})", check=False, beside=__file__)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[:500])
    assert int(lines[-1]) > 1000


@pytest.mark.parametrize(("at_end", "place"), [(True, 8), (False, -1)])
def test_a_read_outside_an_array_ends_the_process(at_end, place):
    """Else the test above would prove nothing."""
    code = (
        "import ctypes, guarding, numpy as np\n"
        "guarded = guarding.Guarded()\n"
        f"x = guarded.array((8,), 'u1', {at_end})\n"
        "x[...] = 1\n"
        "print(x.sum(), flush=True)\n"
        f"ctypes.string_at(x.ctypes.data + {place}, 1)\n"
    )
    done = run_python(code, check=False)
    assert done.stdout == "8\n"
    assert done.returncode < 0
