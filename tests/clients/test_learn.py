"""Learning: optimisers, the descent to a filter, networks, and ``convlab learn``."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab import data, filters, learn


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    picture = data.ascent()[100:228, 100:228].astype(np.float32) / 255
    return picture - picture.mean()


def test_sgd_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    parameter, other = rng.standard_normal((2, 3), np.float32), rng.standard_normal(4, np.float32)
    expected = [parameter.astype(np.float64), other.astype(np.float64)]
    velocities = [np.zeros((2, 3)), np.zeros(4)]
    optimiser = learn.SGD(0.1, 0.9)
    for _ in range(5):
        gradients = [rng.standard_normal((2, 3), np.float32), rng.standard_normal(4, np.float32)]
        optimiser.step([parameter, other], gradients)
        for i, gradient in enumerate(gradients):
            velocities[i] = 0.9 * velocities[i] - 0.1 * gradient
            expected[i] += velocities[i]
    np.testing.assert_allclose(parameter, expected[0], rtol=1e-5)
    np.testing.assert_allclose(other, expected[1], rtol=1e-5)


def test_adam_is_the_formula() -> None:
    rng = np.random.default_rng(1)
    parameter = rng.standard_normal(6, np.float32)
    expected, mean, square = parameter.astype(np.float64), np.zeros(6), np.zeros(6)
    optimiser = learn.Adam(0.01)
    for step in range(1, 8):
        gradient = rng.standard_normal(6, np.float32)
        optimiser.step([parameter], [gradient])
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        expected -= 0.01 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(parameter, expected, rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in filters.names() if filters.get(name).shape == (3, 3)])
def test_every_small_filter_is_found(picture: np.ndarray, name: str) -> None:
    secret = filters.get(name)
    found = learn.find_filter(picture, convlab.filter2d(picture, secret), secret.shape)
    assert np.abs(found.taps - secret).max() <= 1e-3 * np.abs(secret).max()
    assert found.losses[-1] <= 1e-12 * found.losses[0]


@pytest.mark.parametrize("border", ["mirror", "symmetric", "nearest", "wrap", "constant"])
@pytest.mark.parametrize("shape", [(2, 3), (1, 5), (4, 4)])
def test_any_shape_and_border(picture: np.ndarray, shape: tuple[int, int], border: str) -> None:
    secret = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    target = convlab.filter2d(picture, secret, border=border)
    found = learn.find_filter(picture, target, shape, border=border, tolerance=1e-13, most_steps=10_000)
    np.testing.assert_allclose(found.taps, secret, atol=2e-3)


def test_each_step_is_watched(picture: np.ndarray) -> None:
    seen: list[tuple[int, float]] = []
    target = convlab.filter2d(picture, filters.get("edges"))
    found = learn.find_filter(
        picture, target, (3, 3), most_steps=7, watch=lambda step, taps, loss: seen.append((step, loss))
    )
    assert seen == list(enumerate(found.losses))
    assert len(seen) == 7


def test_adam_finds_it_too(picture: np.ndarray) -> None:
    secret = filters.get("edges")
    target = convlab.filter2d(picture, secret)
    found = learn.find_filter(picture, target, (3, 3), optimiser=learn.Adam(0.05), most_steps=20_000)
    assert np.abs(found.taps - secret).max() <= 1e-3 * np.abs(secret).max()


def test_gradients_are_differences_of_the_loss() -> None:
    """Of every parameter: the loss with the parameter moved a little in a random direction, and against it."""
    rng = np.random.default_rng(5)
    network = learn.Network(
        [
            learn.Convolution(2, 3, seed=1), learn.MaxPool(), learn.Convolution(3, 4, 5, seed=2), learn.MaxPool(),
            learn.Dense(16, 6, seed=3), learn.Dense(6, 3, relu=False, seed=4),
        ]
    )  # fmt: skip
    x, labels = rng.standard_normal((5, 2, 8, 8), np.float32), np.array([0, 1, 2, 1, 0])
    _, gradients = network.gradients(x, labels)
    assert [g.shape for g in gradients] == [p.shape for p in network.parameters]
    for parameter, gradient in zip(network.parameters, gradients, strict=True):
        direction = rng.standard_normal(parameter.shape).astype(np.float32)
        direction /= np.linalg.norm(direction)
        kept = parameter.copy()
        losses = []
        for side in (1, -1):
            parameter[...] = kept + side * np.float32(1e-3) * direction
            losses.append(network.gradients(x, labels)[0])
        parameter[...] = kept
        assert (losses[0] - losses[1]) / 2e-3 == pytest.approx(float(np.vdot(gradient, direction)), rel=0.03, abs=2e-3)


def test_training_is_repeatable_and_learns() -> None:
    rng = np.random.default_rng(0)
    lines = 0.1 * rng.standard_normal((60, 1, 6, 6)).astype(np.float32)
    labels = np.repeat([0, 1], 30)
    for i in range(30):
        lines[i, 0, i % 6] += 1
        lines[30 + i, 0, :, i % 6] += 1
    losses: list[list[float]] = []
    for _ in range(2):
        network = learn.Network([learn.Convolution(1, 4), learn.MaxPool(), learn.Dense(36, 2, relu=False)])
        seen: list[float] = []
        network.train(
            lines, labels, learn.Adam(0.01), epochs=15, batch=8, watch=lambda _, loss, seen=seen: seen.append(loss)
        )
        losses.append(seen)
        assert network.accuracy(lines, labels) == 1
    assert losses[0] == losses[1]
    assert losses[0][-1] < 0.1 * losses[0][0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: learn.SGD(0), ValueError, "rate: got 0"),
        (lambda: learn.SGD("fast"), TypeError, "rate"),
        (lambda: learn.SGD(0.1, 1), ValueError, "momentum"),
        (lambda: learn.Adam(float("nan")), ValueError, "rate"),
        (lambda: learn.Adam(0.1, (0.9,)), TypeError, "decays"),
        (lambda: learn.Convolution(1, 0), ValueError, "out_channels"),
        (lambda: learn.Convolution(1, 2, 4), ValueError, "odd"),
        (lambda: learn.Dense(1.5, 2), TypeError, "inputs"),
        (lambda: learn.MaxPool(0), ValueError, "size"),
        (lambda: learn.find_filter(np.ones(3), np.ones(3), (3, 3)), ValueError, "picture"),
        (lambda: learn.find_filter(np.ones((3, 4)), np.ones((4, 3)), (3, 3)), ValueError, "target"),
        (lambda: learn.find_filter(np.full((3, 3), np.nan), np.ones((3, 3)), (3, 3)), ValueError, "finite"),
        (lambda: learn.find_filter(np.zeros((3, 3)), np.ones((3, 3)), (3, 3)), ValueError, "zeros"),
        (lambda: learn.find_filter(np.ones((3, 3)), np.ones((3, 3)), (3, 0)), ValueError, "shape"),
        (lambda: learn.find_filter(np.ones((3, 3)), np.ones((3, 3)), 3), TypeError, "shape"),
        (lambda: learn.find_filter(np.ones((3, 3)), np.ones((3, 3)), (3, 3), border="valid"), ValueError, "border"),
        (lambda: learn.find_filter(np.ones((3, 3)), np.ones((3, 3)), (3, 3), most_steps=0), ValueError, "most_steps"),
    ],
)  # fmt: skip
def test_wrong_arguments(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    ("labels", "error"),
    [([0.5, 1], TypeError), ([0], ValueError), ([0, 2], ValueError), ([0, -1], ValueError), ([[0, 1]], ValueError)],
)
def test_wrong_labels(labels: object, error: type[Exception]) -> None:
    network = learn.Network([learn.Dense(4, 2, relu=False)])
    with pytest.raises(error, match="labels"):
        network.train(np.ones((2, 1, 2, 2)), labels, learn.SGD(0.1), epochs=1)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two filters, few steps and epochs: what is printed and written is the same."""
    pytest.importorskip("matplotlib")
    from convlab.cli.commands import learn as command

    some = [(name, filters.get(name)) for name in (command.SHOWN, "box")]
    monkeypatch.setattr(command, "catalogue", lambda: iter(some))


def test_the_command_finds_filters_and_reads_digits(
    tmp_path: Path, short: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    from convlab.cli.app import run
    from convlab.learn import _digits

    monkeypatch.setattr(_digits, "EPOCHS", 2)
    monkeypatch.setattr(_digits, "SEEDS", 1)
    assert run(["learn", "--out", str(tmp_path / "new")]) == 0
    out = capsys.readouterr().out
    assert "vertical_lines" in out
    rows = re.findall(r"^(digits|shifted digits) +(dense alone|\d filters, maximum, dense) +(\d+)", out, re.M)
    assert len(rows) == 8
    assert rows[4:6] == [
        ("shifted digits", "dense alone", "144"),
        ("shifted digits", "2 filters, maximum, dense", "72"),
    ]
    for name in ("convlab-learn-filter.png", "convlab-learn-digits.png"):
        with (tmp_path / "new" / name).open("rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_without_scikit_learn_the_command_says_what_is_missing(
    tmp_path: Path, short: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from convlab.cli.app import run

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert run(["learn", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "scikit-learn" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["convlab-learn-filter.png"]
