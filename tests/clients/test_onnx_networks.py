"""Small networks through convlab.onnx against the reference evaluator."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

import convlab.onnx  # noqa: E402


class Builder:
    """A builder of graphs with random stored weights, from input to output."""

    def __init__(self, rng, channels):
        self.rng, self.nodes, self.weights, self.channels, self.last = rng, [], [], channels, "x"

    def add(self, operator, *others, **attributes):
        name = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.last, *others], [name], name=name, **attributes))
        self.last = name
        return name

    def stored(self, *shape):
        name = f"w{len(self.weights)}"
        taps = np.prod(shape[1:]) if len(shape) > 1 else 1
        values = (self.rng.standard_normal(shape) * (2 / taps) ** 0.5).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, channels, size, group=1, **attributes):
        weights = self.stored(channels, self.channels // group, size, size), self.stored(channels)
        self.channels = channels
        return self.add("Conv", *weights, group=group, **attributes)

    def conv_transpose(self, channels, size, **attributes):
        weights = self.stored(self.channels, channels, size, size), self.stored(channels)
        self.channels = channels
        return self.add("ConvTranspose", *weights, **attributes)

    def model(self, shape, axes):
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(self.last, onnx.TensorProto.FLOAT, [None] * axes)],
            self.weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made, full_check=True)
        return made


def lenet(b):
    b.conv(6, 5, pads=[2, 2, 2, 2])
    b.add("Relu")
    b.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    b.conv(16, 5)
    b.add("Relu")
    b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    b.add("Flatten")
    b.add("Gemm", b.stored(10, 16 * 25), b.stored(10), transB=1)
    return (2, 1, 28, 28)


def residual(b):
    b.conv(8, 7, strides=[2, 2], pads=[3, 3, 3, 3])
    start = b.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    b.conv(16, 3, strides=[2, 2], pads=[1, 1, 1, 1])
    b.add("Relu")
    left = b.conv(16, 3, pads=[1, 1, 1, 1])
    b.last, b.channels = start, 8
    b.conv(16, 1, strides=[2, 2])
    b.add("Add", left)
    b.add("Relu")
    b.add("GlobalAveragePool")
    return (2, 3, 33, 32)


def separable(b):
    b.conv(12, 1)
    b.add("Clip")
    b.conv(12, 3, group=12, strides=[2, 2], auto_pad="SAME_UPPER")
    b.conv(12, 3, group=12, pads=[2, 2, 2, 2], dilations=[2, 2])
    b.conv(5, 1)
    b.add("GlobalMaxPool")
    return (2, 3, 17, 20)


def unet(b):
    b.conv(4, 3, pads=[1, 1, 1, 1])
    high = b.add("Relu")
    b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    b.conv(8, 3, pads=[1, 1, 1, 1])
    b.add("Relu")
    b.conv_transpose(4, 2, strides=[2, 2])
    b.add("Concat", high, axis=1)
    b.channels = 8
    b.conv(4, 3, pads=[1, 1, 1, 1])
    b.conv_transpose(4, 3, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    b.conv(2, 1)
    b.add("LpPool", kernel_shape=[2, 2], strides=[2, 2])
    return (1, 3, 16, 24)


@pytest.mark.parametrize("network", [lenet, residual, separable, unet])
def test_networks_against_the_reference_evaluator(network, rng, fast_backend):
    builder = Builder(rng, 1 if network is lenet else 3)
    shape = network(builder)
    made = builder.model(shape, 2 if network is lenet else 4)
    x = rng.standard_normal(shape).astype(np.float32)
    evaluator = ReferenceEvaluator(made, new_ops=convlab.onnx.ops())
    expected = ReferenceEvaluator(made).run(None, {"x": x})[0]
    for _ in range(2):  # the second run uses prepared weights
        y = evaluator.run(None, {"x": x})[0]
        assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    assert all(node.served_by.endswith(fast_backend) for node in convlab.onnx.report(evaluator))
