"""ONNX models in ONNX Runtime and through convlab.onnx: random attributes, known networks, PyTorch's exports.

The networks are those whose graphs come with the package onnx, with random weights: no weights are fetched.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, version_converter
from onnx.reference import ReferenceEvaluator

import convlab.onnx

onnxruntime = pytest.importorskip("onnxruntime")

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NETWORKS = ("densenet121", "inception_v2", "resnet50", "shufflenet", "squeezenet")


def peer(model, feeds):
    """Return ONNX Runtime's result."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, feeds)


def ours(model, feeds):
    """Return convlab's result and the kernel."""
    evaluator = ReferenceEvaluator(model, new_ops=convlab.onnx.ops())
    return evaluator.run(None, feeds), [node.served_by for node in convlab.onnx.report(evaluator)]


def assert_same(model, feeds, rtol=1e-5):
    results, by = ours(model, feeds)
    assert by
    assert not any(name.startswith("reference") for name in by)
    for result, expected in zip(results, peer(model, feeds), strict=True):
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol * np.abs(expected).max(initial=0))


def one_node(operator, inputs, opset, outputs=("y",), **attributes):
    graph = helper.make_graph(
        [helper.make_node(operator, list(inputs), list(outputs), **attributes)],
        "graph",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in inputs.items()
        ],
        [helper.make_tensor_value_info(n, t, None) for n, t in zip(outputs, (1, 7), strict=False)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def windows(rng, axes, *, dilated):
    """Return random attributes of a window, and sizes that contain it.

    With SAME, ONNX Runtime refuses or ignores dilations, and strides larger than the window.
    """
    kernel, strides = rng.integers(1, 5, axes), rng.integers(1, 5, axes)
    dilations = rng.integers(1, 4, axes) if dilated else np.ones(axes, int)
    sizes = (kernel - 1) * dilations + 1 + rng.integers(0, 8, axes)
    attributes = {"strides": strides.tolist()}
    if dilated:
        attributes["dilations"] = dilations.tolist()
    word = rng.choice(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
    if word.startswith("SAME") and ((dilations > 1).any() or (strides > kernel).any()):
        word = "VALID"
    if word == "NOTSET":
        attributes["pads"] = [int(rng.integers(0, k)) for k in np.tile(kernel, 2)]
    else:
        attributes["auto_pad"] = str(word)
    return sizes.tolist(), kernel.tolist(), attributes


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    ("operator", "opset", "options"),
    [
        ("MaxPool", 7, {}),
        ("MaxPool", 12, {"ceil_mode": 0}),
        ("MaxPool", 12, {"ceil_mode": 1}),
        ("AveragePool", 7, {"count_include_pad": 1}),
        ("AveragePool", 11, {"ceil_mode": 1}),
        ("AveragePool", 19, {"ceil_mode": 1, "count_include_pad": 0}),
        ("AveragePool", 19, {"ceil_mode": 0, "count_include_pad": 1}),
        ("LpPool", 11, {"p": 1}),
        ("LpPool", 18, {"p": 3, "ceil_mode": 1}),
    ],
)
def test_pools(operator, opset, options, axes, rng):
    since = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[operator]
    for _ in range(20):
        sizes, kernel, attributes = windows(rng, axes, dilated=opset >= since)
        x = {"x": rng.standard_normal((2, 3, *sizes)).astype(np.float32)}
        assert_same(one_node(operator, x, opset, kernel_shape=kernel, **attributes, **options), x)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_indices(axes, order, rng):
    for _ in range(10):
        sizes, kernel, attributes = windows(rng, axes, dilated=True)
        x = {"x": rng.standard_normal((2, 3, *sizes)).astype(np.float32)}
        model = one_node("MaxPool", x, 12, ("y", "i"), kernel_shape=kernel, storage_order=order, **attributes)
        assert_same(model, x)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("group", [1, 2, 4])
def test_convolutions(axes, group, rng):
    for _ in range(10):
        sizes, kernel, attributes = windows(rng, axes, dilated=True)
        shapes = {"x": (2, 4, *sizes), "w": (8, 4 // group, *kernel), "b": (8,)}
        feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        assert_same(one_node("Conv", feeds, 11, group=group, **attributes), feeds)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("way", ["pads", "output_shape", "SAME_UPPER", "SAME_LOWER"])
def test_transposes(axes, way, rng):
    """With SAME, ONNX Runtime's result is smaller than input times stride if the window is smaller than the stride."""
    for _ in range(15):
        strides = rng.integers(1, 4, axes)
        kernel = rng.integers(1, 4, axes) if way in ("pads", "output_shape") else strides + rng.integers(0, 3, axes)
        sizes = rng.integers(2, 6, axes)
        whole = (sizes - 1) * strides + kernel
        attributes = {"strides": strides.tolist()}
        if way == "pads":
            attributes["pads"] = [int(rng.integers(0, k)) for k in np.tile(kernel, 2)]
            attributes["output_padding"] = [int(rng.integers(0, s)) for s in strides]
            if (whole - np.reshape(attributes["pads"], (2, -1)).sum(0)).min() < 1:
                continue
        elif way == "output_shape":
            attributes["output_shape"] = [
                int(rng.integers(max(w - 3, 1), w + s)) for w, s in zip(whole, strides, strict=True)
            ]
        else:
            attributes["auto_pad"] = way
        shapes = {"x": (2, 4, *sizes), "w": (4, 3, *kernel), "b": (6,)}
        feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        assert_same(one_node("ConvTranspose", feeds, 11, group=2, **attributes), feeds)


@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_whole_planes(operator, rng):
    for sizes in ((9,), (7, 8), (3, 4, 5)):
        x = {"x": rng.standard_normal((2, 3, *sizes)).astype(np.float32)}
        assert_same(one_node(operator, x, 11), x)


def with_random_weights(model, rng):
    """Replace the constants of these graphs by stored weights."""
    known = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    shapes = {name: array.shape for name, array in known.items()}
    filled = [node for node in model.graph.node if node.op_type == "ConstantOfShape"]
    shapes |= {node.output[0]: tuple(known[node.input[0]]) for node in filled}
    for node in filled:
        model.graph.node.remove(node)
    made = {}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name not in shapes or name in made:
                continue
            shape = shapes[name]
            if node.op_type in ("Conv", "Gemm", "MatMul") and place == 1:
                taps = np.prod(shape[1:])
                made[name] = (rng.standard_normal(shape) * (2 / taps) ** 0.5).astype(np.float32)
            elif node.op_type == "BatchNormalization":  # scale and variance about 1, bias and mean about 0
                made[name] = (rng.random(shape) * 0.2 + (0.9 if place in (1, 4) else -0.1)).astype(np.float32)
            elif known.get(name, np.zeros(1, np.float32)).dtype == np.float32:
                made[name] = (rng.random(shape) * 0.1).astype(np.float32)
    for name, array in made.items():
        if name in known:
            model.graph.initializer.remove(next(w for w in model.graph.initializer if w.name == name))
        model.graph.initializer.append(numpy_helper.from_array(array, name))
        if name not in known:  # in old opsets weights are inputs too
            model.graph.input.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape))
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_known_networks(name, rng):
    """In opset 17, because in opset 9 the reference evaluator normalises by the batch, as in training."""
    model = version_converter.convert_version(with_random_weights(onnx.load(LIGHT / f"light_{name}.onnx"), rng), 17)
    # Compare the input of a last softmax, whose largest number would hide the others.
    for node in model.graph.node:
        if node.op_type == "Softmax":
            model.graph.output[0].CopyFrom(helper.make_tensor_value_info(node.input[0], onnx.TensorProto.FLOAT, None))
    stored = {weight.name for weight in model.graph.initializer}
    (data,) = (value for value in model.graph.input if value.name not in stored)
    shape = [d.dim_value for d in data.type.tensor_type.shape.dim]
    assert_same(model, {data.name: rng.standard_normal(shape).astype(np.float32)}, rtol=1e-4)


def modules(torch):
    nn = torch.nn

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.low = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
            self.up, self.last = nn.ConvTranspose2d(32, 16, 2, stride=2), nn.Conv2d(32, 4, 3, padding="same")
            self.pool, self.more = nn.MaxPool2d(2), nn.ConvTranspose2d(4, 2, 3, 2, 1, output_padding=1, groups=2)

        def forward(self, x):
            high = torch.relu(self.down(x))
            low = torch.relu(self.low(self.pool(high)))
            return self.more(self.last(torch.cat([high, self.up(low)], 1)))

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.MaxPool2d(3, 2, 1))
            self.one, self.two = nn.Conv2d(64, 128, 3, 2, 1), nn.Conv2d(128, 128, 3, 1, 1)
            self.side, self.mean = nn.Conv2d(64, 128, 1, 2), nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            x = self.stem(x)
            return self.mean(torch.relu(self.two(torch.relu(self.one(x))) + self.side(x))).flatten(1)

    def depthwise(channels, out, stride):
        return [
            nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU6(), nn.Conv2d(channels, out, 1), nn.ReLU6(),
        ]  # fmt: skip

    return {
        "lenet": (
            nn.Sequential(
                nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
                nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 10),
            ),
            (2, 1, 28, 28),
        ),
        "residual": (Residual(), (1, 3, 97, 96)),
        "mobilenet": (
            nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), *depthwise(16, 32, 1), *depthwise(32, 64, 2), nn.LPPool2d(2, 3)),
            (1, 3, 64, 66),
        ),
        "unet": (UNet(), (1, 3, 48, 64)),
        "volumes": (
            nn.Sequential(
                nn.Conv3d(2, 8, 3, padding=1), nn.MaxPool3d(2, ceil_mode=True), nn.ConvTranspose3d(8, 4, 2, 2),
                nn.AvgPool3d(3, 2, 1, count_include_pad=False),
            ),
            (1, 2, 7, 9, 8),
        ),
        "signals": (
            nn.Sequential(
                nn.Conv1d(2, 8, 5, dilation=2), nn.MaxPool1d(3, 2, 1), nn.ConvTranspose1d(8, 4, 4, 2),
                nn.AvgPool1d(3, 2, 1, ceil_mode=True),
            ),
            (2, 2, 100),
        ),
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["lenet", "residual", "mobilenet", "unet", "volumes", "signals"])
def test_models_that_pytorch_exports(name, rng):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    module, shape = modules(torch)[name]
    module.eval()
    x = rng.standard_normal(shape).astype(np.float32)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.from_numpy(x),), file, dynamo=False, input_names=["x"])
    model = onnx.load_from_string(file.getvalue())
    assert_same(model, {"x": x}, rtol=1e-5)
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours(model, {"x": x})[0][0], expected, rtol=1e-4, atol=1e-5)
