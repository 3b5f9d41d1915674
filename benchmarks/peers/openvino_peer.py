"""OpenVINO: one compiled model per layer, built before the measurement, which is an advantage."""

from typing import Any

import openvino

from benchmarks.cases.case import Array
from benchmarks.cases.conv import Conv
from benchmarks.contender import Call, UnsupportedError

from .base import Peer
from .onnx_peer import convolution, graph, pooled


class OpenVino(Peer):
    """Only convolutions and pools, in float32 on its CPU device, tuned for latency."""

    name = "OpenVINO"

    def describe(self) -> dict[str, str]:
        return {"OpenVINO": openvino.__version__.split("-")[0]}

    def calls(self, case: Any, inputs: Any) -> dict[str, Call]:
        if pooled(case):
            image = inputs.image
            return self._infer(graph(case, None), image.reshape((1,) * (4 - image.ndim) + image.shape))
        if case.conv is None:
            raise UnsupportedError("only its convolutions and pools are compared")
        return super().calls(case, inputs)

    def to_array(self, case: Any, result: Any) -> Array:
        array: Array = result
        return array.reshape(*case.shape[:-2], *array.shape[2:]) if pooled(case) else super().to_array(case, result)

    def convolutions(self, conv: Conv, image: Array, kernel: Array) -> dict[str, Call]:
        if not conv.prepared:
            raise UnsupportedError("its weights are part of the model")
        return self._infer(convolution(conv, image, kernel), image)

    def _infer(self, onnx_model: Any, image: Array) -> dict[str, Call]:
        core = openvino.Core()
        model = core.read_model(onnx_model.SerializeToString())
        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        request.set_input_tensor(0, openvino.Tensor(image, shared_memory=True))

        def call(_source: Array = image) -> Any:  # the result is the request's memory
            request.infer()
            return request.get_output_tensor(0).data

        return {"infer": call}
