"""Which filters help? The same training with and without a convolution and a 2x2 maximum before a dense network."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._layers import Convolution, Dense, MaxPool, Network
from ._optimisers import Adam, Array

TRAINING = 1347  # pictures; the other 450 are the test
HIDDEN = 32  # outputs of the first dense layer
EPOCHS, BATCH, RATE = 20, 32, 0.003
SHIFT = 2  # pixels, in each direction
FILTERS = (0, 2, 4, 8)
SEEDS = 5


@dataclass(frozen=True)
class Task:
    """Labelled pictures, of which the first are for training."""

    name: str
    pictures: Array
    labels: NDArray[np.intp]

    @property
    def training(self) -> tuple[Array, NDArray[np.intp]]:
        return self.pictures[:TRAINING], self.labels[:TRAINING]

    @property
    def test(self) -> tuple[Array, NDArray[np.intp]]:
        return self.pictures[TRAINING:], self.labels[TRAINING:]


@dataclass(frozen=True)
class Trained:
    """Networks of one kind, one for each seed."""

    task: Task
    filters: int  # of the convolution; 0 for the dense network alone
    passed: int  # numbers that enter the first dense layer
    networks: list[Network]
    seconds: float  # the median training
    accuracies: list[float]  # on the test

    @property
    def parameters(self) -> int:
        return sum(parameter.size for parameter in self.networks[0].parameters)


def tasks() -> list[Task]:
    """Return the handwritten digits of scikit-learn, 8 x 8 pixels from 0 to 1, and the same at random places.

    E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998: the
    test part, 1,797 digits. The order is random, so that training and test have the same writers.
    """
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    pictures = (digits.images[order, np.newaxis] / 16).astype(np.float32)
    labels: NDArray[np.intp] = digits.target[order]
    return [Task("digits", pictures, labels), Task("shifted digits", _shifted(pictures), labels)]


def _shifted(pictures: Array) -> Array:
    """Put each picture at a random place of a larger one, up to SHIFT pixels from the middle."""
    count, _, height, width = pictures.shape
    result = np.zeros((count, 1, height + 2 * SHIFT, width + 2 * SHIFT), np.float32)
    places = np.random.default_rng(1).integers(0, 2 * SHIFT + 1, (count, 2))
    for target, picture, (row, column) in zip(result, pictures, places, strict=True):
        target[0, row : row + height, column : column + width] = picture[0]
    return result


def network(size: int, filters: int, seed: int) -> Network:
    """Return an untrained network for pictures of `size` x `size`."""
    inputs = size * size if filters == 0 else filters * (size // 2) ** 2
    dense = [Dense(inputs, HIDDEN, seed=seed), Dense(HIDDEN, 10, relu=False, seed=seed + 1)]
    return Network(dense if filters == 0 else [Convolution(1, filters, seed=seed + 2), MaxPool(), *dense])


def trainings(task: Task) -> Iterator[Trained]:
    """Train each kind of network, with several seeds."""
    size = task.pictures.shape[-1]
    for filters in FILTERS:
        networks, seconds, accuracies = [], [], []
        for seed in range(SEEDS):
            one = network(size, filters, 10 * seed)
            start = time.perf_counter()
            one.train(*task.training, Adam(RATE), epochs=EPOCHS, batch=BATCH, seed=seed)
            seconds.append(time.perf_counter() - start)
            networks.append(one)
            accuracies.append(one.accuracy(*task.test))
        passed = size * size if filters == 0 else filters * (size // 2) ** 2
        yield Trained(task, filters, passed, networks, float(np.median(seconds)), accuracies)
