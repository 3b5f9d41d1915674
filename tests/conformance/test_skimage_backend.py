"""convlab as a backend of scikit-image: its entry points, its answers and its results."""

import functools
import inspect
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import convlab
import convlab.skimage as backend

filters = pytest.importorskip("skimage.filters")
_backends = pytest.importorskip("skimage.util._backends", reason="this scikit-image has no backends")
PROJECT = Path(__file__).resolve().parent.parent.parent / "pyproject.toml"


@pytest.fixture
def dispatched(monkeypatch):
    """Return scikit-image's functions in their dispatchable form, as if convlab were installed."""
    groups = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]
    found = {
        group: [EntryPoint(name, value, group) for name, value in entries.items()] for group, entries in groups.items()
    }
    (implementation,), (info,) = found["skimage_backends"], found["skimage_backend_infos"]
    installed = {implementation.name: {"implementation": implementation, "info": info.load()()}}
    monkeypatch.setattr(_backends, "all_backends", lambda: installed)
    monkeypatch.delenv("SKIMAGE_NO_DISPATCHING", raising=False)

    def decorated(name):
        @functools.wraps(getattr(filters, name))
        def function(*args, **kwargs):
            return getattr(filters, name)(*args, **kwargs)

        function.__module__ = "skimage.filters._filter"  # gaussian is defined in another module
        return _backends.dispatchable(function)

    return decorated


@pytest.mark.parametrize("name", backend.SERVED)
def test_signatures_are_scikit_images(name):
    theirs = inspect.signature(getattr(filters, name.split(":")[1])).parameters
    mine = inspect.signature(backend._CALLS[name]).parameters
    assert [(p.name, p.kind, p.default) for p in mine.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]


CALLS = [
    ("gaussian", (), {}),
    ("gaussian", ((2, 1.5),), {"mode": "reflect", "truncate": 3.0}),
    ("sobel", (), {}),
    ("sobel", (), {"axis": 1, "mode": "wrap"}),
    ("prewitt", (), {"axis": 0}),
    ("scharr", (), {"mode": "constant", "cval": 0.5}),
    ("laplace", (), {}),
    ("median", (), {}),
    ("median", (np.ones((5, 3)),), {"mode": "mirror"}),
    ("unsharp_mask", (2.0, 1.5), {}),
    ("unsharp_mask", (), {"preserve_range": True}),
    ("gabor", (0.3,), {"theta": 0.5}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_supported_calls(dispatched, name, args, kwargs):
    image = np.random.default_rng(5).random((31, 45), np.float32)
    expected = getattr(filters, name)(image, *args, **kwargs)
    with pytest.warns(_backends.DispatchNotification, match=f"{name}' was dispatched to the 'convlab' backend"):
        result = dispatched(name)(image, *args, **kwargs)
    assert convlab.last_kernel()
    for mine, theirs in zip(*(r if isinstance(r, tuple) else (r,) for r in (result, expected)), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=3e-6)


def test_colours_and_integers(dispatched):
    rng = np.random.default_rng(6)
    colours, integers = rng.random((20, 30, 3), np.float32), rng.integers(0, 255, (20, 30), np.uint8)
    for name, image, kwargs in [
        ("gaussian", colours, {"channel_axis": -1}),
        ("unsharp_mask", colours - 0.5, {"channel_axis": 2}),
        ("median", integers, {}),
    ]:
        with pytest.warns(_backends.DispatchNotification):
            result = dispatched(name)(image, **kwargs)
        expected = getattr(filters, name)(image, **kwargs)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("name", "image", "kwargs"),
    [
        ("gaussian", np.ones((8, 9)), {}),
        ("gaussian", np.ones((8, 9), np.uint8), {}),
        ("gaussian", np.ones((8, 9, 3), np.float32), {}),
        ("gaussian", np.full((8, 9), np.nan, np.float32), {}),
        ("sobel", np.ones((8, 9), np.float32), {"mask": np.ones((8, 9), bool)}),
        ("sobel", np.ones((8, 9), np.float32), {"axis": True}),
        ("laplace", np.ones((8, 9), np.float32), {"ksize": 5}),
        ("median", np.ones((8, 9), np.float32), {"footprint": np.eye(3)}),
    ],
)
def test_unsupported_calls_are_refused(dispatched, name, image, kwargs):
    assert not backend.can_has(f"skimage.filters:{name}", image, **kwargs)
    np.testing.assert_array_equal(dispatched(name)(image, **kwargs), getattr(filters, name)(image, **kwargs))
    with pytest.raises(ValueError, match=f"{name}: got an unsupported call"):
        backend.get_implementation(f"skimage.filters:{name}")(image, **kwargs)


def test_other_functions_are_not_supported():
    assert not backend.can_has("skimage.filters:gabor", np.ones((8, 9), np.float32), 0)
    assert not backend.can_has("skimage.metrics:mean_squared_error", 1, 2)
