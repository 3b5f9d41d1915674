"""convlab.translate with OpenCV, scikit-image and PyTorch: a call and its translation compute the same."""

import numpy as np
import pytest
from translation_cases import OPENCV, PYTORCH, SKIMAGE, arrays, assert_equivalent


@pytest.mark.parametrize("call", OPENCV)
def test_opencvs_calls(call):
    cv2 = pytest.importorskip("cv2")
    assert_equivalent(call, {**arrays(), "cv2": cv2})


@pytest.mark.parametrize("call", SKIMAGE)
def test_scikit_images_calls(call):
    skimage = pytest.importorskip("skimage")
    filters = pytest.importorskip("skimage.filters")
    assert_equivalent(call, {**arrays(), "skimage": skimage, "filters": filters})


@pytest.mark.parametrize("call", PYTORCH)
def test_pytorchs_calls(call):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(3)

    def tensor(*shape):
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))

    names = {**arrays(), "torch": torch, "F": functional, "b": tensor(4)}
    for axes, sizes in {1: (19,), 2: (9, 11), 3: (6, 8, 10)}.items():
        names[f"t{axes}"] = tensor(2, 2, *sizes)
        names[f"w{axes}"] = tensor(4, 2, *[3] * axes)
        pool = getattr(functional, f"max_pool{axes}d")
        names[f"pooled{axes}"], names[f"indices{axes}"] = pool(names[f"t{axes}"], 2, return_indices=True)
    if "conv_transpose" in call:  # its weights have their axes in the other order
        names |= {f"w{axes}": names[f"w{axes}"][:2] for axes in (1, 2, 3)}
    assert_equivalent(call, names)
