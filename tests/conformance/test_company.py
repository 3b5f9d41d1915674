"""In one process with PyTorch, Numba, OpenCV and scikit-learn: `make conformance`.

Imported in any order, with threads on all sides; in data loaders that fork; with tensors for images.
"""

import itertools
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support import run_python

import convlab

torch = pytest.importorskip("torch")
for name in ("numba", "cv2", "sklearn"):
    pytest.importorskip(name)

WORK = {
    "convlab": """
import convlab
image, kernel = np.arange(1_000_000, dtype=np.float32).reshape(1000, 1000) % 17, np.ones((3, 3), np.float32)
def work_convlab():
    return convlab.filter2d(image, kernel)
""",
    "torch": """
import torch
tensor, weight = torch.ones(8, 16, 64, 64), torch.ones(16, 16, 3, 3)
def work_torch():
    with torch.inference_mode():
        return torch.nn.functional.conv2d(tensor, weight)
""",
    "numba": """
import numba
@numba.njit(parallel=True)
def total(a):
    s = 0.0
    for i in numba.prange(a.shape[0]):
        s += a[i].sum()
    return s
ones = np.ones((1000, 1000))
def work_numba():
    return total(ones)
""",
    "cv2": """
import cv2
pixels = np.ones((1000, 1000), np.float32)
def work_cv2():
    return cv2.GaussianBlur(pixels, (7, 7), 1.5)
""",
    "sklearn": """
from sklearn.cluster import KMeans
points = np.arange(2000.0).reshape(500, 4) % 7
def work_sklearn():
    return KMeans(3, n_init=1, max_iter=5, random_state=0).fit(points).inertia_
""",
}
# Each library is first once and last once, in both directions.
ORDERS = [tuple(list(WORK)[i:] + list(WORK)[:i]) for i in range(len(WORK))] + [tuple(WORK)[::-1]]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_any_order_of_import_and_threads_on_all_sides(order):
    code = "import warnings, numpy as np\nwarnings.simplefilter('ignore')\n" + "".join(WORK[name] for name in order)
    code += """
from concurrent.futures import ThreadPoolExecutor
convlab.set_num_threads(2)
works = [globals()["work_" + name] for name in ORDER]
first = [work() for work in works]
expected = work_convlab()
import threading
# Numba's own default threading layer may not be called from two threads at once: it serves one of them.
one_at_a_time = threading.Lock()
def one(i):
    work = works[i % len(works)]
    if work is globals()["work_numba"]:
        with one_at_a_time:
            work()
    else:
        result = work()
        if work is work_convlab:
            assert np.array_equal(result, expected)
with ThreadPoolExecutor(8) as pool:
    list(pool.map(one, range(200)))
assert convlab.last_kernel().startswith("correlate2d_3x3[compiled/")
print("done")
""".replace("ORDER", repr(order))
    assert run_python(code).stdout.strip() == "done"


LOADER = """
import warnings; warnings.simplefilter("ignore")
import multiprocessing, numpy as np, torch, convlab
convlab.set_num_threads(2)
image, kernel = np.arange(360_000, dtype=np.float32).reshape(600, 600) % 11, np.ones((3, 3), np.float32)
expected = convlab.filter2d(image, kernel)  # a region of two threads before any fork

class Pictures(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, i):
        assert np.array_equal(convlab.filter2d(image, kernel), expected)
        return torch.from_numpy(convlab.max_pool2d(image, 2) + i)

if __name__ == "__main__":
    for _ in range({times}):
        loader = torch.utils.data.DataLoader(
            Pictures(), batch_size=2, num_workers=2, multiprocessing_context="{start}", timeout=60)
        batches = [batch for batch in loader]
        assert [tuple(batch.shape) for batch in batches] == [(2, 300, 300)] * 2
        assert np.array_equal(convlab.filter2d(image, kernel), expected)
    print("done")
"""


def test_a_data_loader_with_two_workers_a_hundred_times(tmp_path):
    """The parent runs threads before and after each fork."""
    script = tmp_path / "loader.py"
    script.write_text(LOADER.format(times=100, start="fork"))
    run_script(script)


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_a_data_loader_of_other_kinds(tmp_path, start):
    script = tmp_path / "loader.py"
    script.write_text(LOADER.format(times=1, start=start))
    run_script(script)


def run_script(script):
    import os
    import subprocess

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.stdout.strip() == "done", done.stderr[-2000:]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(60.0).reshape(6, 10),
        torch.arange(60.0).reshape(10, 6).T,
        torch.arange(120.0).reshape(6, 20)[:, ::2],
        torch.ones(1, 1).expand(6, 10),
        torch.arange(60, dtype=torch.uint8).reshape(6, 10),
        torch.arange(60.0, dtype=torch.float64).reshape(6, 10),
    ],
    ids=["float32", "transposed", "strided", "expanded", "uint8", "float64"],
)
def test_tensors_are_images(tensor):
    """convlab reads the memory of a CPU tensor with its strides, and does not change it."""
    values = tensor.numpy().copy()
    kernel = torch.tensor([[1.0, 2, 1]])
    assert_array_equal(convlab.filter2d(tensor, kernel), convlab.filter2d(values, kernel.numpy()))
    assert_array_equal(convlab.max_pool2d(tensor, 2), convlab.max_pool2d(values, 2))
    assert_array_equal(convlab.median_filter(tensor, 3), convlab.median_filter(values, 3))
    four = tensor.float()[None, None]
    weight = torch.ones(2, 1, 3, 3)
    assert_array_equal(convlab.conv2d(four, weight), convlab.conv2d(four.numpy(), weight.numpy()))
    assert_array_equal(tensor.numpy(), values)


def test_threads_of_both_are_limited_together():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    convlab.register_threadpoolctl()
    image = np.ones((900, 900), np.float32)
    expected = convlab.filter2d(image, np.ones((3, 3)))
    for limit in itertools.chain((1, 2), (1,)):
        with threadpoolctl.threadpool_limits(limit):
            pools = {pool["user_api"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
            assert pools["convlab"] == limit
            assert pools["openmp"] <= limit
            assert_array_equal(convlab.filter2d(image, np.ones((3, 3))), expected)
