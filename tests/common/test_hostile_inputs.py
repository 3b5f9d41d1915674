"""Unusual arrays: read-only, mapped from a file, of the other byte order, unaligned, of any strides."""

import os
import sys

import numpy as np
import operations
import pytest
from numpy.testing import assert_array_equal
from support import run_python

import convlab

SEEDS = range(3 * len(operations.DRAWN))


def read_only(a, _):
    a = a.copy()
    a.flags.writeable = False
    return a


def mapped(a, tmp_path):
    path = tmp_path / f"{len(os.listdir(tmp_path))}.npy"  # noqa: PTH208
    np.save(path, a)
    return np.load(path, mmap_mode="r")


def swapped(a, _):
    return a.astype(a.dtype.newbyteorder())


def unaligned(a, _):
    memory = np.zeros(a.nbytes + 1, np.uint8)
    shifted = memory[1:].view(a.dtype).reshape(a.shape)
    shifted[...] = a
    return shifted


def fortran(a, _):
    return np.asfortranarray(a)


def backwards(a, _):
    whole = (slice(None, None, -1),) * a.ndim
    return a[whole].copy()[whole]


def every_third(a, _):
    wide = np.zeros((*a.shape[:-1], 3 * a.shape[-1]), a.dtype)
    wide[..., ::3] = a
    return wide[..., ::3]


def subclass(a, _):
    class Named(np.ndarray):
        pass

    return a.view(Named)


@pytest.mark.parametrize(
    "lay", [read_only, mapped, swapped, unaligned, fortran, backwards, every_third, subclass], ids=lambda f: f.__name__
)
def test_every_operation_takes_them(fast_backend, tmp_path, lay):
    for seed in SEEDS:
        case = operations.draw(seed)
        arrays = [lay(a, tmp_path) for a in case.arrays]
        before = [a.tobytes() for a in arrays]
        operations.compare(case.call(*arrays), case)
        assert [a.tobytes() for a in arrays] == before, case.said
        if lay is read_only:
            assert not any(a.flags.writeable for a in arrays)


CALLS = {
    "filter2d": lambda x: convlab.filter2d(x, np.ones((3, 3))),
    "gaussian": lambda x: convlab.gaussian(x, 1),
    "box": lambda x: convlab.box(x, 15),
    "maximum_filter": lambda x: convlab.maximum_filter(x, 3),
    "median_filter": lambda x: convlab.median_filter(x, 5),
    "max_pool2d": lambda x: convlab.max_pool2d(x, 2),
    "avg_pool2d": lambda x: convlab.avg_pool2d(x, 3, 2),
    "lp_pool2d": lambda x: convlab.lp_pool2d(x, 2, 2),
    "global_avg_pool": lambda x: convlab.global_avg_pool(x[None, None]),
    "conv2d": lambda x: convlab.conv2d(x[None, None], np.ones((2, 1, 3, 3), np.float32)),
    "depthwise": lambda x: convlab.conv2d(x[None, None], np.ones((1, 1, 3, 3), np.float32), padding=1),
    "conv_transpose2d": lambda x: convlab.conv_transpose2d(x[None, None], np.ones((1, 2, 3, 3), np.float32)),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (40, 1)])
def test_strides_of_zero(fast_backend, name, shape):
    """One element, row or column that is repeated."""
    few = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    x = np.broadcast_to(few, (40, 50))
    assert 0 in x.strides
    assert_array_equal(CALLS[name](x), CALLS[name](x.copy()))


class Lender:
    """An array of a library with only DLPack."""

    def __init__(self, a):
        self.a = a

    def __dlpack__(self, **options):
        return self.a.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


class Elsewhere(Lender):
    def __dlpack__(self, **options):
        raise BufferError("this memory is not the CPU's")


def test_dlpack_arrays():
    image = np.arange(60, dtype=np.float32).reshape(6, 10)
    assert_array_equal(convlab.max_pool2d(Lender(image), 2), convlab.max_pool2d(image, 2))
    assert_array_equal(convlab.filter2d(Lender(image), Lender(image[:3, :3])), convlab.filter2d(image, image[:3, :3]))
    with pytest.raises(TypeError, match="x: "):
        convlab.max_pool2d(Elsewhere(image), 2)


TRY = """
import sys, convlab, numpy as np
y = convlab.filter2d(np.ones((300, 300), np.float32), np.ones((3, 3)))
if not (y == 9).all(): sys.exit("wrong")
print(convlab.last_kernel())
"""


def test_without_docstrings_and_asserts():
    code = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-OO', '-c', {TRY!r}]).returncode)"
    convlab.filter2d(np.ones((300, 300), np.float32), np.ones((3, 3)))
    assert run_python(code).stdout.strip() == convlab.last_kernel()


def test_as_a_frozen_program_imports_it(tmp_path):
    """Programs of PyInstaller have the package in a folder, without sources, site-packages or metadata."""
    import compileall
    import shutil
    from pathlib import Path

    package = Path(convlab.__file__).parent
    shutil.copytree(package, tmp_path / "convlab", ignore=shutil.ignore_patterns("__pycache__"))
    for libraries in package.parent.glob("convlab_kernels.libs"):  # libraries in the wheel, which PyInstaller collects
        shutil.copytree(libraries, tmp_path / libraries.name)
    assert compileall.compile_dir(tmp_path / "convlab", quiet=2, legacy=True)
    for source in (tmp_path / "convlab").rglob("*.py"):
        source.unlink()
    libraries = [str(Path(module.__path__[0]).parent) for module in (np, __import__("scipy"))]
    code = f"import sys; sys.frozen = True; sys.path[:0] = {[str(tmp_path), *libraries]!r}\n{TRY}"
    run = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-I', '-S', '-c', {code!r}]).returncode)"
    convlab.filter2d(np.ones((300, 300), np.float32), np.ones((3, 3)))
    assert run_python(run).stdout.strip() == convlab.last_kernel()


@pytest.mark.skipif(sys.platform == "win32", reason="spawn is all that there is")
@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_pools_of_processes(tmp_path, start):
    script = tmp_path / "pool.py"
    script.write_text(f"""
import multiprocessing
import numpy as np, convlab
image = np.ones((1000, 1000), np.float32)
def work(i):
    return float(convlab.filter2d(image * i, np.ones((3, 3)))[5, 5])
if __name__ == "__main__":
    convlab.set_num_threads(2)
    convlab.filter2d(image, np.ones((3, 3)))
    with multiprocessing.get_context("{start}").Pool(2) as pool:
        assert pool.map(work, range(6)) == [9.0 * i for i in range(6)]
    print("done")
""")
    code = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, {str(script)!r}]).returncode)"
    assert run_python(code).stdout.strip() == "done"
