"""No pool kernel accesses memory outside its arrays: see common/test_guard_pages.py."""

import faulthandler
import itertools
import warnings

import numpy as np
import pytest
from guarding import BACKENDS, Guarded, guard_marks, picture, said
from support import run_python

import convlab

pytestmark = guard_marks

WIDTHS = (1, 3, 7, 14, 16, 33, 50, 64, 70, 131)
WINDOWS = [(1, 1, 0), (2, 2, 0), (2, 1, 1), (3, 1, 1), (3, 2, 0), (3, 2, 1), (5, 1, 2), (4, 3, 1), (7, 1, 3), (9, 2, 4)]
KINDS = ("max", "min", "avg")


def pools():
    """Return (x's shape and dtype, function of x and out, or only of x)."""
    for (window, stride, padding), width, kind in itertools.product(WINDOWS, WIDTHS, KINDS):
        pool = getattr(convlab, f"{kind}_pool2d")

        def call(x, out, pool=pool, arguments=(window, stride, padding), **options):
            return pool(x, *arguments, out=out, **options)

        for dtype in ("f4", "u1", "i2"):
            if width + 2 * padding >= window:
                yield (11, width), dtype, call
                yield (3, 9, width), dtype, call
            if width // 3 + 1 + 2 * padding >= window:
                yield (9, width // 3 + 1, 3), dtype, lambda x, out, call=call: call(x, out, channel_axis=-1)
        if width <= 50 and width + 2 * padding >= window:  # many planes
            yield (19, 7 if window < 9 else 9, width), "f4", call
    for width, output, kind in itertools.product(WIDTHS, (1, 3, 7), ("max", "avg")):
        for shape, dtype in (((3, 9, width), "f4"), ((17, 8, width), "f4"), ((2, 9, width), "u1")):
            name = f"adaptive_{kind}_pool2d"
            yield shape, dtype, lambda x, out, n=name, o=output: getattr(convlab, n)(x, o, out=out)
            yield (
                shape,
                dtype,
                lambda x, out, n=f"global_{kind}_pool": getattr(convlab, n)(x, channel_axis=0, out=out),
            )
    for (window, stride, padding), width in itertools.product(WINDOWS, WIDTHS):
        if width + 2 * padding >= window:
            options = {"return_indices": True}
            yield (
                (9, width), "f4",
                lambda x, _, a=(window, stride, padding), o=options: convlab.max_pool2d(x, *a, **o)[0],
            )  # fmt: skip


def run(backend):
    """Run all pools on guarded arrays; compare with the results on NumPy's arrays."""
    faulthandler.enable()
    warnings.filterwarnings("ignore", "x: got three axes", UserWarning)  # planes of few columns
    name, isa = ("numpy", "auto") if backend == "numpy" else ("compiled", backend)
    arrays, results = Guarded(), Guarded()
    count = 0
    with convlab.use_backend(name, isa):
        for shape, dtype, call in pools():
            x = picture(shape, dtype)
            expected = call(x, None)
            for at_end, pad in ((False, 0), (True, 0), (False, 3), (True, 3)):
                print(shape, dtype, at_end, pad, *map(said, call.__defaults__ or ()), flush=True)
                out = results.array(expected.shape, expected.dtype, at_end)
                actual = call(arrays.copy(x, at_end, pad), out)
                np.testing.assert_array_equal(actual, expected)
                count += 1
    print(count)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_kernel_leaves_its_arrays(backend):
    done = run_python(
        f"import test_pool_guard_pages; test_pool_guard_pages.run({backend!r})", check=False, beside=__file__
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[:500])
    assert int(lines[-1]) > 1000
