"""Deliberate errors: if a sanitizer does not report each of them, its other results prove nothing.

The kernels make these errors because they get wrong sizes of their arrays.
"""

from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest

import convlab
from convlab import _dispatch
from convlab._geometry import PoolGeometry
from convlab._registry import BY_NAME
from convlab._threads import _workers


@contextmanager
def told(threads=1, **sizes):
    """Call the kernels of maximum pools with these sizes."""
    functions = _dispatch.active().functions

    def lied_to(kernel):
        def call(x, y, geometry, _):
            geometry = geometry.copy()
            for name, size in sizes.items():
                geometry[PoolGeometry._fields.index(name)] = size
            kernel(x, y, geometry, threads)

        return call

    names = [name for name in BY_NAME if name.startswith("max_pool") and "indices" not in name]
    with mock.patch.dict(functions, {name: lied_to(functions[name]) for name in names}):
        yield


@pytest.fixture(params=_dispatch.built_isas())
def isa(request):
    with convlab.use_backend("compiled", request.param):
        yield request.param
    assert convlab.last_kernel().endswith(f"[compiled/{request.param}]")


def test_address(isa):
    """A plane is read beyond its end, because its row stride is too large."""
    with told(x_row=101):
        convlab.max_pool2d(np.ones((50, 100), np.float32), 2)


def test_undefined(isa):
    """The next plane's address overflows."""
    with told(x_plane=2**62):
        convlab.global_max_pool(np.ones((1, 2, 5, 10), np.float32))


def test_thread(isa):
    """Threads overwrite each other's planes."""
    _workers.set_cpus(4)
    with told(threads=4, y_plane=0):
        for _ in range(20):  # a worker may come too late
            convlab.max_pool2d(np.ones((4, 300, 300), np.float32), 3, 1)


def test_memory():
    """Unwritten memory is compared. Without pytest, which takes a minute under valgrind."""
    with convlab.use_backend("compiled", "baseline"), told():
        convlab.max_pool2d(np.empty((200, 200), np.float32), 2)


if __name__ == "__main__":
    test_memory()
