"""Cached plans: found only by content, bounded, and pure functions of the spec and the machine."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support import needs_kernels, run_python

import convlab
from convlab._geometry import FilterGeometry
from convlab._plan import cache, filtering, filtering_direct
from convlab._plan.plan import WORKSPACE_LIMIT, Machine
from convlab._run import entry
from convlab._spec import filtering as specs

SIGNATURES = list(dict.fromkeys([cache.signature, cache._signature]))


@pytest.fixture(params=SIGNATURES, ids=lambda s: "python" if s is cache._signature else "compiled")
def signature(request, monkeypatch):
    """Make a key in both ways."""
    monkeypatch.setattr(cache, "signature", request.param)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_cache", cache.Cache())
        entry.set_up()
        yield request.param
    entry.set_up()


def plans():
    """Return the keys of plans, without those of calls that are ready to be run."""
    return [key for key in cache._cache.plans if isinstance(key, tuple)]


def test_the_same_call_finds_its_plan(signature):
    x, w = np.zeros((9, 9), np.float32), np.ones((3, 3))
    first = filtering.filter2d(x, w)
    assert filtering.filter2d(x.copy(), w.copy()) is first
    assert filtering.filter2d(x, 2 * w) is not first
    assert filtering.filter2d(x.astype(">f4"), w) is not first
    assert filtering.filter2d(x, w.astype(np.float32)) is not first
    assert filtering.filter2d(x.T.copy().T, w) is not first
    assert filtering.filter2d(x, w.reshape(1, 9)) is not first


@pytest.mark.parametrize(
    ("good", "bad"), [(2, 2.0), (1, True), ((2, 2), (2, 2.0)), ((1, 1), (1, True)), (np.int64(2), np.float64(2))]
)
def test_equal_values_of_other_types_have_other_plans(signature, good, bad):
    x = np.zeros((8, 8), np.float32)
    for _ in range(2):
        convlab.max_pool2d(x, good)
        with pytest.raises(TypeError, match="kernel_size: got"):
            convlab.max_pool2d(x, bad)


def test_signs_of_zero_have_other_plans(signature):
    image, kernel = [[-1.0, 2.0]], [[1.0]]
    for _ in range(2):
        assert np.signbit(convlab.filter2d(image, kernel, clip=(-0.0, None))[0, 0])
        assert not np.signbit(convlab.filter2d(image, kernel, clip=(0.0, None))[0, 0])
        assert not np.signbit(convlab.filter2d(image, kernel, clip=(np.float32(0.0), None))[0, 0])
        assert np.signbit(convlab.filter2d(image, kernel, clip=(np.float32(-0.0), None))[0, 0])


def test_a_mutable_option_is_read_again(signature):
    class Size:
        value = 2

        def __index__(self):
            return self.value

    size, x = Size(), np.zeros((6, 6), np.float32)
    assert convlab.max_pool2d(x, size).shape == (3, 3)
    size.value = 3
    assert convlab.max_pool2d(x, size).shape == (2, 2)
    assert not cache._cache.plans


def test_lists_are_options_too(signature, rng):
    x, w = rng.random((9, 9), np.float32), rng.random((3, 3))
    assert_array_equal(
        convlab.filter2d(x, w, clip=[0, 1], anchor=[0, 1]), convlab.filter2d(x, w, clip=(0, 1), anchor=(0, 1))
    )


def test_foreign_dtypes_never_find_a_plan(signature):
    """Their type numbers start at 256, so one byte of them is the number of another dtype."""
    strings = np.array([["a", "b"]], np.dtypes.StringDType())
    for dtype in (np.uint8, np.uint64, np.float32):
        convlab.filter2d(np.zeros((1, 2), dtype), [[1.0]])
    with pytest.raises(TypeError, match="image: got dtype StringDType"):
        convlab.filter2d(strings, [[1.0]])
    with pytest.raises(TypeError, match="kernel: got dtype StringDType"):
        convlab.filter2d(np.zeros((1, 2)), strings)


def test_the_cache_is_bounded_in_bytes(signature):
    for n in range(100):
        convlab.filter2d(np.zeros((1, n + 1), np.float32), np.ones((1, 1)))
    kept = cache._cache
    assert len(plans()) == 100
    assert kept.bytes == sum(kept.sizes.values())
    assert all(1000 < size < 5000 for size in kept.sizes.values()), kept.sizes
    before = set(kept.plans)
    convlab.filter2d(np.zeros((40, 40), np.float32), np.ones((200, 200)))  # a kernel too large for a key
    assert set(kept.plans) == before
    for n in range(400):  # kernels with plans and keys of 40 KB and more
        convlab.filter2d(np.zeros((1, 2), np.float32), np.full((70, 70), n + 1.0))
        assert kept.bytes <= cache.CACHE_BYTES
    assert before.isdisjoint(kept.plans)
    assert kept.bytes > cache.CACHE_BYTES - 150_000
    kept.clear()
    assert not kept.plans
    assert not kept.sizes
    assert kept.bytes == 0


def test_a_plan_counts_all_its_memory():
    """Tables, taps, plans of tiles and inner plans count once; shared types and functions do not count."""
    taps = np.ones(1000, np.float32)
    assert 4000 < cache.size_of(taps) < 4200
    assert cache.size_of((taps, taps[:10], (taps,))) < 4600
    assert cache.size_of({"a": taps, "b": b"x" * 500}) > 4500
    assert cache.size_of((np.float32, np.dtype("f4"), cache.size_of, None)) == cache.size_of((None,) * 4)
    image, kernel = np.zeros((300, 300)), np.ones((9, 9))
    plan = filtering.filter2d(image, kernel)
    assert plan.inner is not None
    assert cache.size_of(plan) > cache.size_of(plan.inner) + cache.size_of(plan.spec)


def test_the_largest_plans_are_not_cached(signature, monkeypatch):
    monkeypatch.setattr(cache, "CACHE_BYTES", 4000)
    convlab.filter2d(np.zeros((3, 3), np.float32), np.ones((3, 3)))
    assert not cache._cache.plans


def test_a_plan_for_another_machine():
    spec = specs.filter2d((2048, 2048), (3, 3), specs.FilterOptions())
    taps = np.ones((1, 3, 3), np.float32)

    def plan(**facts):
        return filtering_direct.plan_direct(spec, np.dtype(np.float32), (0, 2048), Machine(**facts), taps)

    assert plan(region_seconds=1.0).threads == 1
    most = plan(region_seconds=1e-9)
    assert most.threads == (WORKSPACE_LIMIT - most.buffers) // most.workspace  # they share the limit
    names = FilterGeometry._fields
    assert plan(cache_bytes=1 << 40).tables[0][names.index("stream")] == 0
    assert plan(cache_bytes=1 << 20).tables[0][names.index("stream")] == 1


@pytest.mark.parametrize("size", [(3, 3), (5, 5), (9, 2), (101, 7)])
def test_the_workspace_stays_small(size):
    """The workspace has a bounded number of rows for any height of the image."""
    one = filtering.filter2d(np.zeros((1000, 3000), np.float32), np.ones(size))
    other = filtering.filter2d(np.zeros((4000, 3000), np.float32), np.ones(size))
    assert one.workspace == other.workspace < 2**20


@needs_kernels
def test_no_bare_module_names_are_taken():
    code = """
import sys
before = set(sys.modules)
import convlab
print(sorted({name.split(".")[0] for name in set(sys.modules) - before} & {"cpu", "calls", "kernels", "filter2d",
                                                                           "pool2d", "vector"}))
"""
    assert run_python(code).stdout.strip() == "[]"
