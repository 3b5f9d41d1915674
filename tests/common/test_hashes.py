"""Identical bytes for backends and instruction sets, threads, memory layouts, places in a batch and in a plane.

The hashes are valid on every machine; hashes.py describes and writes them.
"""

import json

import numpy as np
import pytest
from fuzz import every_call_threaded
from hashes import ALGORITHMS, EVERY, FILE, SHAPE, STEP, SUMMED, data, digest, entries

import convlab
from convlab import _dispatch

CORPUS = json.loads(FILE.read_text(encoding="utf-8"))
FUSED = [isa for isa in _dispatch.built_isas() if isa != "baseline"]
needs_fused = pytest.mark.skipif(not FUSED, reason="no kernels with fused multiply-adds are here")
KINDS = ("integers", "fractions")


def test_the_corpus_has_every_algorithm():
    assert list(CORPUS) == [key for key, *_ in entries()]


@pytest.mark.parametrize("key", [key for key, *_, exact in entries() if exact])
def test_integers_give_the_same_bytes_everywhere(fast_backend, key):
    call = EVERY[key.split(":")[0]]
    assert digest(call(data(SHAPE, "integers"), "integers")) == CORPUS[key]
    assert convlab.last_kernel().endswith(fast_backend)


@needs_fused
@pytest.mark.parametrize("isa", FUSED)
@pytest.mark.parametrize("key", CORPUS)
def test_fused_multiply_adds_give_the_same_bytes(isa, key):
    name, kind = key.split(": ")
    with convlab.use_backend("compiled", isa):
        assert digest(EVERY[name](data(SHAPE, kind), kind)) == CORPUS[key]
        assert convlab.last_kernel().endswith(f"[compiled/{isa}]")


@needs_fused
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_layouts_change_nothing(name, kind):
    x = data(SHAPE, kind)
    padded = np.zeros((*SHAPE[:-1], SHAPE[-1] + 5), np.float32)
    padded[..., : SHAPE[-1]] = x
    layouts = {
        "contiguous": x,
        "rows apart": padded[..., : SHAPE[-1]],
        "channels last": np.ascontiguousarray(np.moveaxis(x, 1, -1)).transpose(0, 3, 1, 2),
        "from below": x[:, :, ::-1].copy()[:, :, ::-1],
        "Fortran": np.asfortranarray(x),
        "float64": x.astype(np.float64),
    }
    with every_call_threaded():
        for threads in (1, 2, 5):
            with convlab.threads(threads):
                for layout, same in layouts.items():
                    if layout == "float64" and ("filter" in name and "2d" not in name):
                        continue  # order statistics keep the dtype
                    y = EVERY[name](same, kind)
                    assert y.dtype == np.float32 or layout == "float64"
                    assert digest(y.astype(np.float32)) == CORPUS[f"{name}: {kind}"], (threads, layout)


@needs_fused
@pytest.mark.parametrize("name", [name for name in EVERY if name not in SUMMED])
@pytest.mark.parametrize("kind", KINDS)
def test_the_place_in_a_batch_changes_nothing(name, kind):
    x = data(SHAPE, kind)
    y = EVERY[name](x, kind)
    for i in range(SHAPE[0]):
        assert digest(EVERY[name](x[i : i + 1], kind)) == digest(y[i : i + 1])


@needs_fused
@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_place_in_a_plane_changes_nothing(name, kind):
    """The same windows in a larger plane have the same results, for any position of tiles, blocks and vectors."""
    if (name, kind) == ("box", "fractions"):
        pytest.skip("blocks are counted from the image's edge: see docs/in-production.md")
    x = data(SHAPE, kind)
    y = EVERY[name](x, kind)
    larger = data((*SHAPE[:2], SHAPE[2] + 3 * STEP, SHAPE[3] + 5 * STEP), kind, salt=3)
    for down, along in ((0, 0), (STEP, 2 * STEP), (3 * STEP, STEP)):
        around = larger.copy()
        around[:, :, down : down + SHAPE[2], along : along + SHAPE[3]] = x
        found = EVERY[name](around, kind)
        step = 3 * STEP // (found.shape[-2] - y.shape[-2])  # the stride
        at = (..., slice(down // step, down // step + y.shape[-2]), slice(along // step, along // step + y.shape[-1]))
        assert digest(found[at]) == digest(y)
