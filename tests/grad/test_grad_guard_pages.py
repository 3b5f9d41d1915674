"""Gradients touch no memory beside their arrays: pages without access lie right before and behind them."""

import faulthandler

import numpy as np
import pytest
from guarding import BACKENDS, PAGE, Guarded, guard_marks, picture, taps
from support import run_python

import convlab
from convlab import grad

pytestmark = guard_marks
ROOM = 160 * PAGE
LAYERS = [
    ((2, 3, 9, 11), (5, 3, 3, 3), {"padding": 1}),
    ((3, 4, 7, 7), (13, 4, 1, 1), {}),
    ((2, 4, 12, 9), (6, 2, 3, 2), {"stride": 2, "groups": 2}),
    ((2, 5, 8, 17), (5, 1, 3, 3), {"padding": 1, "groups": 5}),
    ((2, 5, 9, 33), (10, 1, 5, 5), {"padding": 2, "groups": 5, "stride": 2}),
    ((1, 1, 20, 16), (1, 1, 4, 7), {"padding": 3, "padding_mode": "mirror"}),
    ((2, 17, 5, 5), (33, 17, 3, 3), {"dilation": 2}),
]


def check(places, call, arrays):
    """The same bytes, wherever the arrays lie."""
    expected = call(*arrays)
    for at_end in (False, True):
        guarded = [place.copy(a, at_end) for place, a in zip(places, arrays, strict=False)]
        out = places[-1].array(expected.shape, np.float32, at_end)
        assert call(*guarded, out=out) is out
        np.testing.assert_array_equal(out, expected)


def run(backend, isa):
    faulthandler.enable()
    places = [Guarded(ROOM) for _ in range(4)]
    with convlab.use_backend(backend, isa), convlab.threads(2):
        for shape, weight_shape, options in LAYERS:
            print(shape, weight_shape, options, flush=True)
            x, w = picture(shape, np.float32), taps(weight_shape)
            g = picture(convlab.conv2d(x, w, **options).shape, np.float32)
            check(places, lambda w, g, s=shape, o=options, **k: grad.conv2d_input(s, w, g, **o, **k), (w, g))
            check(places, lambda x, g, s=weight_shape, o=options, **k: grad.conv2d_weight(x, s, g, **o, **k), (x, g))
            check(places, lambda g, **k: grad.conv_bias(g, **k), (g,))
            check(places, lambda g, x, **k: grad.relu(g, x, **k), (g, g[::-1].copy()))
        for kernel, stride in ((2, 2), (3, 2), (5, 3)):
            x = picture((2, 3, 13, 19), np.float32)
            y, at = convlab.max_pool2d(x, kernel, stride, return_indices=True)
            check(places, lambda g, at, **k: grad.max_pool2d(g, at, (13, 19), **k), (y, at))
            check(places, lambda g, at, **k: grad.max_unpool2d(g, at, **k), (x, at))
            check(places, lambda g, a=(kernel, stride), **k: grad.avg_pool2d(g, (13, 19), *a, **k), (y,))
    print("done")


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_gradient_leaves_its_arrays(backend):
    name = ("numpy", "auto") if backend == "numpy" else ("compiled", backend)
    done = run_python(f"from test_grad_guard_pages import run; run(*{name!r})", check=False, beside=__file__)
    assert done.stdout.endswith("done\n"), (done.stdout[-300:], done.stderr[-1500:])
