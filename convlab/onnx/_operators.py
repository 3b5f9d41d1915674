"""The list of operators for an evaluator."""

from typing import Any

from ._convolutions import Conv, ConvTranspose
from ._pools import AveragePool, GlobalAveragePool, GlobalLpPool, GlobalMaxPool, LpPool, MaxPool, MaxUnpool

OPERATORS: tuple[type[Any], ...] = (
    AveragePool,
    Conv,
    ConvTranspose,
    GlobalAveragePool,
    GlobalLpPool,
    GlobalMaxPool,
    LpPool,
    MaxPool,
    MaxUnpool,
)
