"""OpenVINO: one compiled model per layer, built ahead, which favours it."""

from typing import Any

import openvino

from convlab.bench.cases import Array
from convlab.bench.conv_cases import Conv
from convlab.bench.worker import Call, UnsupportedError

from .base import Peer
from .onnx_peer import convolution


class OpenVino(Peer):
    """Convolutions alone, in float32 on its CPU device, tuned for latency."""

    name = "OpenVINO"

    def describe(self) -> dict[str, str]:
        return {"OpenVINO": openvino.__version__.split("-")[0]}

    def calls(self, case: Any, inputs: Any) -> dict[str, Call]:
        if case.conv is None:
            raise UnsupportedError("only its convolutions are compared")
        return super().calls(case, inputs)

    def convolutions(self, conv: Conv, image: Array, kernel: Array) -> dict[str, Call]:
        if not conv.prepared:
            raise UnsupportedError("its weights are part of the model")
        core = openvino.Core()
        model = core.read_model(convolution(conv, image, kernel).SerializeToString())
        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        request.set_input_tensor(0, openvino.Tensor(image, shared_memory=True))

        def call() -> Any:
            request.infer()
            return request.get_output_tensor(0).data

        return {"infer": call}
