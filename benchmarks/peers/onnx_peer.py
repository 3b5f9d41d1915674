"""ONNX Runtime: one session per case, built before the measurement, which is an advantage."""

from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from benchmarks.cases.case import Array, Case, Filter, Inputs, Pool
from benchmarks.cases.conv import Conv
from benchmarks.cases.pools import Pooling
from benchmarks.cases.separables import Separable
from benchmarks.contender import Call, UnsupportedError

from .base import Peer, colour, interior

_PAD_MODES = {"mirror": "reflect", "nearest": "edge", "wrap": "wrap"}

# The opset that introduced `wrap`, and a format version of the same time.
_OPSET, _FORMAT = 19, 9


_POOLS = ("max_pool2d", "avg_pool2d", "global_max_pool", "global_avg_pool")


def pooled(case: Case) -> bool:
    """Return whether a case is a network's pool that one node computes."""
    return isinstance(case.work, Pooling) and case.work.function in _POOLS and not case.work.indices


class OnnxRuntime(Peer):
    """The whole case as one graph, so that ONNX Runtime can optimise all of it."""

    name = "ONNX Runtime"

    def describe(self) -> dict[str, str]:
        return {"ONNX Runtime": onnxruntime.__version__}

    def to_array(self, case: Case, result: Any) -> Array:
        array: Array = result
        if case.conv is not None:
            return array
        return array if colour(case) else array.reshape(*case.shape[:-2], *array.shape[2:])

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        work = case.work
        served = (
            isinstance(work, Separable)
            and work.result == "float32"
            and work.join == "first"
            and work.function != "gabor"
            and work.border in _PAD_MODES
        ) or pooled(case)
        if work is not None and not served:
            raise UnsupportedError("no comparable graph")
        image = inputs.image
        if case.conv is not None and inputs.kernel is not None:
            if not case.conv.prepared:
                raise UnsupportedError("its weights are part of the graph")
            run = self._session(convolution(case.conv, image, inputs.kernel)).run
            return {"session.run": lambda: run(None, {"x": image})[0]}
        if not colour(case):
            image = image.reshape((1,) * (4 - image.ndim) + image.shape)
        run = self._session(graph(case, inputs.kernel)).run
        feed = {"x": image}
        return {"session.run": lambda: run(None, feed)[0]}

    def _session(self, model: Any) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def convolution(conv: Conv, image: Array, kernel: Array) -> Any:
    """Return a model of one convolution with constant weights."""
    axes = image.ndim - 2
    floats = TensorProto.FLOAT
    node = helper.make_node(
        "ConvTranspose" if conv.transposed else "Conv",
        ["x", "w"],
        ["y"],
        strides=[conv.stride] * axes,
        pads=[conv.padding] * (2 * axes),
        dilations=[conv.dilation] * axes,
        group=conv.parts(image.shape),
    )
    graph = helper.make_graph(
        [node],
        "convolution",
        [helper.make_tensor_value_info("x", floats, image.shape)],
        [helper.make_tensor_value_info("y", floats, None)],
        [numpy_helper.from_array(kernel, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_FORMAT)


def graph(case: Case, kernel: Array | None) -> Any:
    """Return a model of a case that is not a convolution."""
    return _Graph(case, kernel).model()


class _Graph:
    """The nodes of a case, in a chain."""

    def __init__(self, case: Case, kernel: Array | None) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._last = "x"
        self._shape = case.shape if colour(case) else (1,) * (4 - len(case.shape)) + case.shape
        if colour(case):
            # One picture of three channels, in the layout of the graph's operators.
            self._add("Unsqueeze", self._constant(np.array([0])))
            self._add("Transpose", perm=[0, 3, 1, 2])
        if case.filter is not None and kernel is not None:
            self._filter(case, case.filter, kernel)
        if case.pool is not None:
            self._pool(case.pool)
        if isinstance(case.work, Pooling):
            self._pooling(case.work)
        if isinstance(case.work, Separable):
            self._separable(case, case.work)
        if colour(case):
            self._add("Transpose", perm=[0, 2, 3, 1])
            self._add("Squeeze", self._constant(np.array([0])))

    def model(self) -> Any:
        floats = TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "case",
            [helper.make_tensor_value_info("x", floats, self._shape)],
            [helper.make_tensor_value_info(self._last, floats, None)],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_FORMAT)

    def _filter(self, case: Case, spec: Filter, kernel: Array) -> None:
        margin = spec.size // 2
        channels = case.planes if colour(case) else 1
        weights = self._constant(np.broadcast_to(kernel, (channels, 1, *kernel.shape)))
        source = self._last
        if spec.border in _PAD_MODES:
            around = self._constant(np.array([0, 0, margin, margin] * 2))
            self._add("Pad", around, mode=_PAD_MODES[spec.border])
        elif spec.border == "symmetric":
            raise UnsupportedError("ONNX has no border 'symmetric'")
        pads = [margin if spec.border in ("constant", "keep") else 0] * 4
        self._add("Conv", weights, pads=pads, group=channels)
        if spec.clip is not None:
            self._add("Clip", *(self._constant(np.float32(limit)) for limit in spec.clip))
        if spec.border == "keep":
            inside = np.zeros((1, 1, *case.spatial), dtype=bool)
            inside[interior(margin, False)] = True
            self._nodes.append(helper.make_node("Where", [self._constant(inside), self._last, source], ["kept"]))
            self._last = "kept"

    def _separable(self, case: Case, work: Separable) -> None:
        channels = case.planes if colour(case) else 1
        down, along = (np.array(taps, np.float32) for taps in work.kernels[0])
        before, after = (len(down) // 2, len(along) // 2), ((len(down) - 1) // 2, (len(along) - 1) // 2)
        if max(before) >= min(case.spatial):
            raise UnsupportedError("a border wider than the image")
        around = self._constant(np.array([0, 0, *before, 0, 0, *after]))
        self._add("Pad", around, mode=_PAD_MODES[work.border])
        for taps in (down[:, None], along[None, :]):
            weights = self._constant(np.broadcast_to(taps, (channels, 1, *taps.shape)))
            self._add("Conv", weights, group=channels)

    def _pooling(self, work: Pooling) -> None:
        if work.function.startswith("global"):
            self._add("GlobalMaxPool" if "max" in work.function else "GlobalAveragePool")
        else:
            self._pool(Pool("max" if "max" in work.function else "avg", work.size, work.stride, work.padding))

    def _pool(self, spec: Pool) -> None:
        window: dict[str, Any] = {
            "kernel_shape": [spec.size] * 2,
            "strides": [spec.stride] * 2,
            "pads": [spec.padding] * 4,
        }
        if spec.kind == "avg":
            self._add("AveragePool", count_include_pad=1, **window)
        elif spec.kind == "max":
            self._add("MaxPool", **window)
        else:
            self._add("Neg")
            self._add("MaxPool", **window)
            self._add("Neg")

    def _add(self, operator: str, *constants: str, **attributes: Any) -> None:
        result = f"{operator}{len(self._nodes)}"
        inputs = [self._last, *constants]
        self._nodes.append(helper.make_node(operator, inputs, [result], **attributes))
        self._last = result

    def _constant(self, value: Any) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name
