"""ONNX's tests of the operators, and random attributes against plain sums: in convlab and by fallback."""

import importlib
import itertools
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

import ml_dtypes  # noqa: E402
import onnx_support as support  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from onnx.backend.test.case import node as node_cases  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

import convlab.onnx  # noqa: E402

OPERATORS = [operator.__name__ for operator in convlab.onnx.ops()]
for _name in OPERATORS:
    if _name != "GlobalLpPool":  # it has no case
        importlib.import_module(f"onnx.backend.test.case.node.{_name.lower()}")
# Their modules also contain cases of other operators.
NODE_CASES = [
    pytest.param(case, id=case.name)
    for case in node_cases._NodeTestCases
    if {node.op_type for node in case.model.graph.node} <= set(OPERATORS)
]
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"


def stored_cases():
    """Models of opsets 6 to 12 that PyTorch wrote, with inputs and outputs."""
    for path in sorted(DATA.glob("*/*/model.onnx")):
        made = onnx.load(path)
        operators = {node.op_type for node in made.graph.node} & set(OPERATORS)
        if operators and len(made.graph.node) < 4:
            yield pytest.param(path.parent, made, id=path.parent.name)


STORED_CASES = list(stored_cases())


def tensors(folder, name):
    for i in range(len(list(folder.glob(f"{name}_*.pb")))):
        tensor = onnx.TensorProto()
        tensor.ParseFromString((folder / f"{name}_{i}.pb").read_bytes())
        yield numpy_helper.to_array(tensor)


def assert_gives(made, inputs, expected, backend, rtol=1e-3, atol=1e-7):
    evaluator = ReferenceEvaluator(made, new_ops=convlab.onnx.ops())
    # Old models list stored weights after the inputs.
    results = evaluator.run(None, dict(zip(evaluator.input_names, inputs, strict=False)))
    for result, wanted in zip(results, expected, strict=True):
        assert (result.dtype, result.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(result, wanted, rtol=rtol, atol=atol)
    served = convlab.onnx.report(evaluator)
    assert served
    assert all(node.served_by.endswith(backend) for node in served)


def test_there_are_as_many_cases_as_onnx_has():
    """At least as many as in onnx 1.23: 70 of single nodes, 46 that PyTorch wrote."""
    assert len(NODE_CASES) >= 70
    assert {node.op_type for case in NODE_CASES for node in case.values[0].model.graph.node} == {*OPERATORS} - {
        "GlobalLpPool"
    }
    assert len(STORED_CASES) >= 46


@pytest.mark.parametrize("case", NODE_CASES)
def test_onnx_node_cases(case, fast_backend):
    for inputs, expected in case.data_sets:
        assert_gives(case.model, inputs, expected, fast_backend, case.rtol, case.atol)


@pytest.mark.parametrize(("folder", "made"), STORED_CASES)
def test_onnx_stored_cases(folder, made, fast_backend):
    for data in sorted(folder.glob("test_data_set_*")):
        assert_gives(made, tensors(data, "input"), list(tensors(data, "output")), fast_backend, atol=1e-6)


def assert_served(by, backend):
    """Assert that the backend, or for float64 the reference operator, ran the node."""
    assert by.endswith(backend) if backend else by == "reference: float64"


def assert_close(result, expected, dtype):
    """Sums of integers are exact in float32, so the error is one rounding to float32 and one to the dtype."""
    assert result.dtype == dtype
    assert result.shape == expected.shape
    eps = {2: 2.0**-8, 4: 2.0**-22, 8: 2.0**-48}[np.dtype(dtype).itemsize]
    np.testing.assert_allclose(result.astype(float), expected, rtol=eps, atol=0)


def whole_numbers(rng, shape, dtype):
    """Small integers, which are exact in every dtype."""
    return rng.integers(-4, 5, shape).astype(dtype)


def geometry(rng, axes, *, ceil):
    """Random attributes with explicit padding: (sizes, attributes, pads, strides, dilations)."""
    while True:
        kernel, dilations = rng.integers(1, 5, axes).tolist(), rng.integers(1, 4, axes).tolist()
        strides = rng.integers(1, 5, axes).tolist()
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        sizes = [int(rng.integers(max(d, 2), 12)) for d in dilations]
        word = str(rng.choice(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
        pads = [int(rng.integers(0, span)) for span in spans * 2] if word == "NOTSET" else [0] * 2 * axes
        if word.startswith("SAME"):
            pads = support.same_pads(sizes, kernel, strides, dilations, word)
        room = [n + b + a for n, b, a in zip(sizes, pads[:axes], pads[axes:], strict=True)]
        if all(r >= span for r, span in zip(room, spans, strict=True)):
            break
    attributes = {"strides": strides, "dilations": dilations}
    if word == "NOTSET":
        attributes |= {"pads": pads}
    else:
        attributes |= {"auto_pad": word}
    # With SAME the number of outputs is that of floor mode with the padding.
    ceil = int(ceil and word in ("NOTSET", "VALID"))
    return sizes, kernel, attributes, (strides, pads, dilations, ceil)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool", "LpPool"])
class TestPools:
    """Compare random windows with the definitions."""

    def check(self, rng, operator, axes, dtype, backend, rounds):
        for ceil, count in itertools.product((0, 1), (0, 1)):
            for _ in range(rounds):
                sizes, kernel, attributes, (strides, pads, dilations, ceils) = geometry(rng, axes, ceil=ceil)
                x = whole_numbers(rng, (2, 3, *sizes), dtype)
                options = {"MaxPool": {}, "AveragePool": {"count_include_pad": count}, "LpPool": {"p": 1 + count}}
                extra = options[operator]
                result, by = support.run(operator, x, kernel_shape=kernel, ceil_mode=ceil, **attributes, **extra)
                assert_served(by, backend)
                expected, _ = support.pool(operator, x, kernel, strides, pads, dilations, ceils, **extra)
                assert_close(result[0], expected, dtype)

    def test_float32(self, rng, operator, axes, fast_backend):
        self.check(rng, operator, axes, np.float32, fast_backend, 4)

    @pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
    def test_short_floats(self, rng, operator, axes, dtype, fast_backend):
        self.check(rng, operator, axes, dtype, fast_backend, 1)

    def test_float64(self, rng, operator, axes):
        self.check(rng, operator, axes, np.float64, "[numpy]" if operator == "MaxPool" else None, 4)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_max_pool_of_bytes(rng, dtype, fast_backend):
    x = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (2, 3, 9, 8)).astype(dtype)
    (y,), by = support.run("MaxPool", x, opset=12, kernel_shape=[3, 2], pads=[2, 1, 1, 0], strides=[2, 1])
    expected, _ = support.pool("MaxPool", x, [3, 2], [2, 1], [2, 1, 1, 0], [1, 1])
    assert by.endswith(fast_backend)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16, np.float64, np.uint8])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_indices(rng, axes, order, dtype, fast_backend):
    """Indices refer to the whole tensor; within a plane they count by rows or by columns."""
    for _ in range(3):
        sizes, kernel, attributes, (strides, pads, dilations, ceil) = geometry(rng, axes, ceil=True)
        count = 6 * int(np.prod(sizes))
        x = rng.permutation(count).astype(np.uint8).reshape(2, 3, *sizes).astype(dtype)
        (y, places), by = support.run(
            "MaxPool", x, outputs=("y", "i"), kernel_shape=kernel, ceil_mode=ceil, storage_order=order, **attributes
        )
        expected, where = support.pool("MaxPool", x, kernel, strides, pads, dilations, ceil)
        np.testing.assert_array_equal(y.astype(float), expected)
        weights = np.cumprod([1, *(sizes[:-1] if order else sizes[:0:-1])])
        flat = (where * (weights if order else weights[::-1])).sum(-1)
        planes = np.arange(6).reshape(2, 3, *[1] * axes) * int(np.prod(sizes))
        assert places.dtype == np.int64
        np.testing.assert_array_equal(places, flat + planes)
        assert by.endswith("[numpy]" if dtype == np.float64 else fast_backend)


@pytest.mark.parametrize("axes", [1, 2, 3])
class TestConvolutions:
    """Compare random windows and groups with the definitions."""

    def conv(self, rng, axes, dtype, backend, rounds):
        for group, bias, stored in itertools.product((1, 2, 3), (False, True), (False, True)):
            for _ in range(rounds):
                sizes, kernel, attributes, (strides, pads, dilations, _) = geometry(rng, axes, ceil=False)
                x = whole_numbers(rng, (2, 6, *sizes), dtype)
                inputs = {"x": x, "w": whole_numbers(rng, (6, 6 // group, *kernel), dtype)}
                if bias:
                    inputs["b"] = whole_numbers(rng, 6, dtype)
                weights = tuple(inputs)[1:] if stored else ()
                made = support.model("Conv", inputs, stored=weights, group=group, **attributes)
                (y,), by = support.evaluate(made, inputs)
                assert_served(by, backend)
                expected = support.conv(x, inputs["w"], inputs.get("b"), strides, pads, dilations, group)
                assert_close(y, expected, dtype)

    def transpose(self, rng, axes, dtype, backend, rounds):
        for group, bias, way in itertools.product((1, 2), (False, True), ("pads", "output_shape", "SAME")):
            for _ in range(rounds):
                x = whole_numbers(rng, (2, 4, *rng.integers(1, 6, axes)), dtype)
                w = whole_numbers(rng, (4, 3, *rng.integers(1, 5, axes)), dtype)
                b = whole_numbers(rng, 3 * group, dtype) if bias else None
                strides, dilations = rng.integers(1, 5, axes).tolist(), rng.integers(1, 4, axes).tolist()
                made = spread(rng, way, x.shape[2:], w.shape[2:], strides, dilations)
                if made is None:
                    continue
                attributes, before, outputs = made
                arrays = (x, w) if b is None else (x, w, b)
                (y,), by = support.run(
                    "ConvTranspose", *arrays, strides=strides, dilations=dilations, group=group, **attributes
                )
                assert_served(by, backend)
                assert_close(y, support.conv_transpose(x, w, b, strides, dilations, group, before, outputs), dtype)

    def test_conv_float32(self, rng, axes, fast_backend):
        self.conv(rng, axes, np.float32, fast_backend, 2)

    @pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
    def test_conv_short_floats(self, rng, axes, dtype, fast_backend):
        self.conv(rng, axes, dtype, fast_backend, 1)

    def test_conv_float64(self, rng, axes):
        self.conv(rng, axes, np.float64, None, 2)

    def test_transpose_float32(self, rng, axes, fast_backend):
        self.transpose(rng, axes, np.float32, fast_backend, 2)

    @pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
    def test_transpose_short_floats(self, rng, axes, dtype, fast_backend):
        self.transpose(rng, axes, dtype, fast_backend, 1)

    def test_transpose_float64(self, rng, axes):
        self.transpose(rng, axes, np.float64, None, 2)


def spread(rng, way, sizes, kernel, strides, dilations):
    """Random padding of a transpose: its attributes, the elements cropped at the start, the sizes; or None."""
    before, outputs, pads, extra = [], [], [], []
    word = str(rng.choice(["SAME_UPPER", "SAME_LOWER"]))
    for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        whole, more = (n - 1) * s + (k - 1) * d + 1, int(rng.integers(0, max(s, d)))
        if way == "pads":
            pads.append(rng.integers(0, whole, 2).tolist())
            before.append(pads[-1][0])
            outputs.append(whole + more - sum(pads[-1]))
        else:
            outputs.append(n * s if way == "SAME" else int(rng.integers(1, whole + max(s, d))))
            total = max(whole + more - outputs[-1], 0)
            before.append(total // 2 if (way, word) == ("SAME", "SAME_UPPER") else total - total // 2)
        extra.append(more)
    if min(outputs) < 1:
        return None
    attributes = {"output_padding": extra}
    if way == "SAME":
        attributes["auto_pad"] = word
    elif way == "pads":
        attributes["pads"] = [p[0] for p in pads] + [p[1] for p in pads]
    else:
        attributes["output_shape"] = outputs
    return attributes, before, outputs


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16, np.float64])
@pytest.mark.parametrize("sizes", [(9,), (5, 7), (3, 4, 5), (2, 3, 2, 3)])
def test_global_pools(rng, sizes, dtype, fast_backend):
    x = whole_numbers(rng, (2, 3, *sizes), dtype)
    axes = tuple(range(2, x.ndim))
    float64 = dtype == np.float64
    exact = x.astype(float)
    (y,), by = support.run("GlobalMaxPool", x)
    assert_close(y, exact.max(axes, keepdims=True), dtype)
    assert by.endswith("[numpy]" if float64 else fast_backend)
    (y,), by = support.run("GlobalAveragePool", x)
    assert_close(y, exact.mean(axes, keepdims=True), dtype)
    assert by == "reference: float64" if float64 else by.endswith(fast_backend)
    for p in (1, 2, 3):
        (y,), by = support.run("GlobalLpPool", x, p=p)
        assert_close(y, (np.abs(exact) ** p).sum(axes, keepdims=True) ** (1 / p), dtype)
        assert by == "NumPy: float64" if float64 else by.endswith(fast_backend)
