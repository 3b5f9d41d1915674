"""The picture of the package."""

from __future__ import annotations

import hashlib
from importlib import resources

import numpy as np

from convlab import data

SHA256 = "c7777d46c3f4e3119ddbec92ad28c09193202a7a4aab08622bc7e4b4a3ba88e6"


def test_ascent_is_the_picture() -> None:
    picture = data.ascent()
    assert picture.shape == (512, 512)
    assert picture.dtype == np.uint8
    assert hashlib.sha256(picture.tobytes()).hexdigest() == SHA256


def test_ascent_returns_a_new_array() -> None:
    picture = data.ascent()
    assert type(picture) is np.ndarray
    assert picture.flags.c_contiguous
    assert picture.flags.writeable
    assert picture.flags.aligned
    picture[:] = 0
    assert data.ascent().any()


def test_the_origin_of_the_picture_is_documented() -> None:
    provenance = resources.files(data).joinpath("README.md").read_text(encoding="utf-8")
    assert "public domain" in provenance
    assert SHA256 in provenance
