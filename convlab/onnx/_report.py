"""Report the kernel of each node of a graph, and its time and difference relative to the reference evaluator."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from ._node import Node
from ._operators import OPERATORS

NAMES = tuple(operator.__name__ for operator in OPERATORS)


class Served(NamedTuple):
    """The kernel of one node's last call, or "reference: " and the reason; None before the first call."""

    name: str
    operator: str
    served_by: str | None


def nodes(evaluator: Any) -> Iterator[Any]:
    """Find an evaluator's nodes of convlab's operators, also in subgraphs and functions."""
    for node in evaluator.rt_nodes_:
        if node.op_type in NAMES and not node.domain:
            yield node
        for attribute in node.onnx_node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nodes(getattr(node, attribute.name))
        if hasattr(node, "impl_"):
            yield from nodes(node.impl_)


def served(node: Any) -> Served:
    """Return what ran a node."""
    by = node.served_by if isinstance(node, Node) else "reference: the evaluator does not use new_ops in functions"
    return Served(node.onnx_node.name or ", ".join(node.output), node.op_type, by)


@dataclass
class Watch:
    """A timer of a node: its seconds in the current run of the model and in the fastest one, and its outputs."""

    node: Any
    seconds: float = 0.0
    best: float = np.inf
    outputs: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        self.run, self.node.run = self.node.run, self

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        start = time.perf_counter()
        self.outputs = self.run(*inputs, **options)
        self.seconds += time.perf_counter() - start
        return self.outputs


@dataclass
class Measured:
    """An evaluator's runs over one model."""

    watches: list[Watch]
    seconds: float  # of the fastest run
    outputs: list[Any]


def measure(model: Any, feeds: dict[str, Any], repeat: int, operators: list[Any] | None) -> Measured:
    """Run a model once without timing, then `repeat` times, with these operators or those of the evaluator."""
    evaluator = ReferenceEvaluator(model, new_ops=operators)
    watches = [Watch(node) for node in nodes(evaluator)]
    best = np.inf
    outputs: list[Any] = []
    for turn in range(repeat + 1):
        for watch in watches:
            watch.seconds = 0.0
        start = time.perf_counter()
        with np.errstate(all="ignore"):
            outputs = evaluator.run(None, feeds)
        elapsed = time.perf_counter() - start
        if turn:  # the first run prepares weights and allocates memory
            best = min(best, elapsed)
            for watch in watches:
                watch.best = min(watch.best, watch.seconds)
    return Measured(watches, best, outputs)


def difference(ours: Any, theirs: Any) -> float:
    """Return the largest absolute difference of two lists of tensors; infinite if NaN or shapes differ."""
    largest = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
            continue  # sequences and the like, which convlab's operators do not output
        if a.shape != b.shape:
            return np.inf
        if a.size:
            x, y = a.astype(np.float64), b.astype(np.float64)
            with np.errstate(invalid="ignore"):
                gaps = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0.0, np.abs(x - y))
            largest = max(largest, float(np.nan_to_num(gaps, nan=np.inf).max()))
    return largest
