"""A small network of layers, each with its gradient."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

import convlab
from convlab import _errors, grad

from ._optimisers import Array, Optimiser, check_count


class Layer(Protocol):
    """What `Network` needs of a layer.

    `forward` keeps what `backward` needs of the last call. `backward` stores the gradients of the parameters in
    `gradients` and returns that of the input, or `gradient` itself if that is not wanted.
    """

    parameters: list[Array]
    gradients: list[Array]

    def forward(self, x: Array) -> Array: ...
    def backward(self, gradient: Array, wanted: bool = True) -> Array: ...


class Convolution:
    """`conv2d` with a bias, zero padding that keeps the size, and ReLU.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, and filters.
    size : int
        Rows and columns of a filter: odd.
    seed : int
        Of the random taps, normal with a variance of 2 / (in_channels * size**2).

    Notes
    -----
    The variance: K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", IEEE International Conference on
    Computer Vision, 2015.
    """

    def __init__(self, in_channels: int, out_channels: int, size: int = 3, *, seed: int = 0) -> None:
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("size", size)):
            check_count(name, value)
        if size % 2 == 0:
            raise _errors.wrong_value("size", size, "an odd number, so that the padding is the same on both sides")
        taps = in_channels * size * size
        weight = np.random.default_rng(seed).standard_normal((out_channels, in_channels, size, size), np.float32)
        weight *= np.float32((2 / taps) ** 0.5)
        self.parameters: list[Array] = [weight, np.zeros(out_channels, np.float32)]
        self.gradients: list[Array] = []
        self._padding = size // 2

    def forward(self, x: Array) -> Array:
        """Filter pictures of shape (N, in_channels, H, W); the result has the shape (N, out_channels, H, W)."""
        weight, bias = self.parameters
        self._x = x
        self._y = convlab.conv2d(x, weight, bias, padding=self._padding, activation="relu")
        return self._y

    def backward(self, gradient: Array, wanted: bool = True) -> Array:
        """Compute the gradients of taps and bias, and of the input."""
        weight = self.parameters[0]
        gradient = grad.relu(gradient, self._y)
        self.gradients = [
            grad.conv2d_weight(self._x, weight.shape, gradient, padding=self._padding),
            grad.conv_bias(gradient),
        ]
        return grad.conv2d_input(self._x.shape, weight, gradient, padding=self._padding) if wanted else gradient


class MaxPool:
    """`max_pool2d`: the largest of each window of `size` x `size`."""

    def __init__(self, size: int = 2) -> None:
        check_count("size", size)
        self.parameters: list[Array] = []
        self.gradients: list[Array] = []
        self._size = size

    def forward(self, x: Array) -> Array:
        """Pool pictures of shape (N, C, H, W)."""
        self._shape = x.shape
        y, self._indices = convlab.max_pool2d(x, self._size, return_indices=True)
        return y

    def backward(self, gradient: Array, wanted: bool = True) -> Array:
        """Put each gradient where its window's largest element was."""
        return grad.max_pool2d(gradient, self._indices, self._shape, self._size) if wanted else gradient


class Dense:
    """A matrix product with a bias, on pictures as long vectors; with ReLU unless it is the last layer.

    Parameters
    ----------
    inputs, outputs : int
        Numbers that come in and go out, for each picture.
    relu : bool
        Whether negative outputs become 0.
    seed : int
        Of the random weights, normal with a variance of 2 / inputs.
    """

    def __init__(self, inputs: int, outputs: int, *, relu: bool = True, seed: int = 0) -> None:
        check_count("inputs", inputs)
        check_count("outputs", outputs)
        weight = np.random.default_rng(seed).standard_normal((inputs, outputs), np.float32)
        weight *= np.float32((2 / inputs) ** 0.5)
        self.parameters: list[Array] = [weight, np.zeros(outputs, np.float32)]
        self.gradients: list[Array] = []
        self._relu = relu

    def forward(self, x: Array) -> Array:
        """Multiply vectors of shape (N, inputs), or pictures of as many numbers; the result is (N, outputs)."""
        self._shape = x.shape
        self._x = x.reshape(len(x), -1)
        y = self._x @ self.parameters[0]
        y += self.parameters[1]
        self._y = np.maximum(y, 0, out=y) if self._relu else y
        return self._y

    def backward(self, gradient: Array, wanted: bool = True) -> Array:
        """Compute the gradients of weights and bias, and of the input."""
        if self._relu:
            gradient = grad.relu(gradient, self._y)
        self.gradients = [self._x.T @ gradient, gradient.sum(0)]
        return (gradient @ self.parameters[0].T).reshape(self._shape) if wanted else gradient


class Network:
    """Layers, one behind the other, that end in a score for each class.

    Parameters
    ----------
    layers : sequence of Layer

    Examples
    --------
    >>> import numpy as np
    >>> from convlab import learn
    >>> lines = np.zeros((40, 1, 6, 6), np.float32)  # horizontal lines, then vertical ones, anywhere
    >>> for i in range(20):
    ...     lines[i, 0, i % 6] = lines[20 + i, 0, :, i % 6] = 1
    >>> labels = np.repeat([0, 1], 20)
    >>> network = learn.Network([learn.Convolution(1, 4), learn.MaxPool(), learn.Dense(4 * 3 * 3, 2, relu=False)])
    >>> network.train(lines, labels, learn.SGD(0.1, 0.9), epochs=20, batch=8)
    >>> network.accuracy(lines, labels)
    1.0
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    @property
    def parameters(self) -> list[Array]:
        """All layers' parameters."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    def scores(self, x: ArrayLike) -> Array:
        """Compute the scores of pictures of shape (N, C, H, W): one for each class, shape (N, classes)."""
        y = np.ascontiguousarray(x, np.float32)
        for layer in self.layers:
            y = layer.forward(y)
        return y

    def classes(self, x: ArrayLike) -> NDArray[np.intp]:
        """Return the class with the largest score for each picture."""
        result: NDArray[np.intp] = self.scores(x).argmax(1)
        return result

    def accuracy(self, x: ArrayLike, labels: ArrayLike) -> float:
        """Return the part of the pictures whose class is right."""
        return float(np.mean(self.classes(x) == np.asarray(labels)))

    def gradients(self, x: ArrayLike, labels: NDArray[np.integer]) -> tuple[float, list[Array]]:
        """Compute the mean cross entropy of some pictures, and its gradient for each parameter."""
        scores = self.scores(x)
        scores = scores - scores.max(1, keepdims=True)
        logarithms = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        rows = np.arange(len(scores))
        loss = -float(logarithms[rows, labels].mean())
        gradient = np.exp(logarithms)
        gradient[rows, labels] -= 1
        gradient *= np.float32(1 / len(scores))
        for layer in self.layers[:0:-1]:
            gradient = layer.backward(gradient)
        self.layers[0].backward(gradient, wanted=False)
        return loss, [one for layer in self.layers for one in layer.gradients]

    def train(
        self,
        x: ArrayLike,
        labels: ArrayLike,
        optimiser: Optimiser,
        *,
        epochs: int,
        batch: int = 32,
        seed: int = 0,
        watch: Callable[[int, float], object] | None = None,
    ) -> None:
        """Train on labelled pictures: all of them in each epoch, in a new random order, `batch` at a time.

        Parameters
        ----------
        x : array_like, shape (N, C, H, W)
            The pictures.
        labels : array_like of int, shape (N,)
            The class of each.
        optimiser : SGD, Adam or alike
            Changes the parameters.
        epochs, batch : int
            How often all pictures are seen, and how many are seen together.
        seed : int
            Of the order.
        watch : callable, optional
            Called as ``watch(epoch, mean_loss)`` after each epoch.

        Raises
        ------
        TypeError, ValueError
            Labels that do not fit the pictures or the last layer.
        """
        pictures, classes = np.ascontiguousarray(x, np.float32), self._labels(x, labels)
        check_count("epochs", epochs)
        check_count("batch", batch)
        rng = np.random.default_rng(seed)
        for epoch in range(epochs):
            order, losses = rng.permutation(len(pictures)), []
            for first in range(0, len(order), batch):
                some = order[first : first + batch]
                loss, gradients = self.gradients(pictures[some], classes[some])
                optimiser.step(self.parameters, gradients)
                losses.append(loss)
            if watch is not None:
                watch(epoch, float(np.mean(losses)))

    def _labels(self, x: ArrayLike, labels: ArrayLike) -> NDArray[np.integer]:
        count, classes = len(np.asarray(x)), np.asarray(labels)
        if classes.dtype.kind not in "iu":
            raise _errors.wrong_type("labels", classes.dtype, "whole numbers")
        if classes.shape != (count,):
            raise _errors.wrong_value("labels", classes.shape, f"one for each of the {count} pictures")
        most = len(self.layers[-1].parameters[-1]) if self.layers and self.layers[-1].parameters else 0
        if not count or classes.min() < 0 or classes.max() >= most:
            found = f"{classes.min()} to {classes.max()}" if count else "none"
            raise _errors.wrong_value("labels", found, f"numbers from 0 to {most - 1}, the last layer's outputs")
        return classes
