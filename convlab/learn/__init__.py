"""Learn filters from examples: gradient descent with NumPy and `convlab.grad`.

`find_filter` learns the taps of an unknown filter from a picture and its filtered version. `Network`, of the layers
`Convolution`, `MaxPool` and `Dense`, learns to classify pictures. `SGD` and `Adam` change the parameters.
``convlab learn`` shows both.
"""

from ._filters import Found, find_filter
from ._layers import Convolution, Dense, Layer, MaxPool, Network
from ._optimisers import SGD, Adam

__all__ = ["SGD", "Adam", "Convolution", "Dense", "Found", "Layer", "MaxPool", "Network", "find_filter"]
