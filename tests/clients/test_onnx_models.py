"""Opsets, wrong nodes, stored weights, subgraphs and functions through convlab.onnx."""

import numpy as np
import pytest
from support import run_python

import convlab

onnx = pytest.importorskip("onnx")

import onnx_support as support  # noqa: E402
from onnx import inliner, numpy_helper, parser  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

import convlab.onnx  # noqa: E402

OPERATORS = {operator.__name__: operator for operator in convlab.onnx.ops()}


def image(*shape):
    """An image of distinct numbers."""
    return np.random.default_rng(7).permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)


# A call of each operator with every attribute since opset 7, and the opset that introduced each attribute.
CALLS = {
    "Conv": (
        [image(1, 2, 6, 7), image(4, 1, 3, 2), image(4)],
        {"group": (1, 2), "kernel_shape": (1, [3, 2]), "pads": (1, [1, 0, 2, 1]), "strides": (1, [2, 1]),
         "dilations": (1, [1, 2]), "auto_pad": (1, "NOTSET")},
    ),
    "ConvTranspose": (
        [image(1, 2, 4, 3), image(2, 2, 3, 2), image(4)],
        {"group": (1, 2), "kernel_shape": (1, [3, 2]), "pads": (1, [1, 0, 2, 1]), "strides": (1, [2, 2]),
         "dilations": (1, [1, 2]), "output_padding": (1, [1, 0]), "output_shape": (1, [8, 7]),
         "auto_pad": (1, "NOTSET")},
    ),
    "MaxPool": (
        [image(1, 2, 6, 7)],
        {"kernel_shape": (1, [3, 2]), "pads": (1, [1, 0, 2, 1]), "strides": (1, [2, 3]), "auto_pad": (1, "NOTSET"),
         "storage_order": (8, 1), "ceil_mode": (10, 1), "dilations": (10, [1, 2])},
    ),
    "AveragePool": (
        [image(1, 2, 6, 7)],
        {"kernel_shape": (1, [3, 2]), "pads": (1, [1, 0, 2, 1]), "strides": (1, [2, 3]), "auto_pad": (1, "NOTSET"),
         "count_include_pad": (7, 1), "ceil_mode": (10, 1), "dilations": (19, [1, 2])},
    ),
    "LpPool": (
        [image(1, 2, 6, 7)],
        {"kernel_shape": (1, [3, 2]), "pads": (1, [1, 0, 2, 1]), "strides": (1, [2, 3]), "auto_pad": (1, "NOTSET"),
         "p": (2, 3), "ceil_mode": (18, 1), "dilations": (18, [1, 2])},
    ),
    "GlobalAveragePool": ([image(1, 2, 6, 7)], {}),
    "GlobalMaxPool": ([image(1, 2, 6, 7)], {}),
    "GlobalLpPool": ([image(1, 2, 6, 7)], {"p": (2, 3)}),
    "MaxUnpool": (
        [image(1, 2, 2, 2), np.arange(0, 32, 4).reshape(1, 2, 2, 2)],
        {"kernel_shape": (9, [2, 2]), "strides": (9, [2, 2]), "pads": (9, [0, 0, 0, 0])},
    ),
}  # fmt: skip


def test_calls_are_of_every_operator_and_attribute():
    assert set(CALLS) == set(OPERATORS)
    for name, (_, attributes) in CALLS.items():
        assert set(attributes) == set(onnx.defs.get_schema(name).attributes)


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
@pytest.mark.parametrize("operator", CALLS)
def test_every_opset(operator, opset):
    """An attribute has the same meaning in all opsets that have it; in the others it is an error."""
    arrays, attributes = CALLS[operator]
    if opset < 9 and operator == "MaxUnpool":
        with pytest.raises(ValueError, match=f"MaxUnpool node 'node': opset {opset} has no operator of this name"):
            support.run(operator, *arrays, opset=opset)
        return
    known = {name: value for name, (since, value) in attributes.items() if since <= opset}
    onnx.checker.check_model(support.model(operator, dict(zip("xwb", arrays, strict=False)), opset=opset, **known))
    (y,), by = support.run(operator, *arrays, opset=opset, **known)
    assert by.startswith(("conv", "max", "avg"))
    (newest,), _ = support.run(operator, *arrays, opset=onnx.defs.onnx_opset_version(), **known)
    np.testing.assert_array_equal(y, newest)
    for name in set(attributes) - set(known):
        with pytest.raises(ValueError, match=f"opset {opset} has no attribute {name} of {operator}"):
            support.run(operator, *arrays, opset=opset, **known, **{name: attributes[name][1]})


X, W = image(1, 2, 6, 6), image(4, 2, 3, 3)
POOL = {"kernel_shape": [3, 3]}
WRONG = {
    "two axes": ("MaxPool", [image(2, 6)], POOL, "X: got shape (2, 6); expected (N, C, D1, ...)"),
    "window of another rank": ("MaxPool", [X], {"kernel_shape": [3]}, "kernel_shape: got [3]; expected 2 numbers"),
    "window of nothing": ("MaxPool", [X], {"kernel_shape": [0, 3]}, "kernel_shape: got [0, 3]; expected 2 numbers"),
    "no window": ("MaxPool", [X], {}, "the attribute kernel_shape is missing"),
    "window larger than the image": ("AveragePool", [X], {"kernel_shape": [3, 7]}, "which leaves no output"),
    "negative padding": ("LpPool", [X], POOL | {"pads": [0, -1, 0, 0]}, "pads: got [0, -1, 0, 0]; expected 4 numbers"),
    "padding of half the axes": ("MaxPool", [X], POOL | {"pads": [1, 1]}, "pads: got [1, 1]; expected 4 numbers"),
    "padding as large as the window": ("MaxPool", [X], POOL | {"pads": [3, 0, 0, 0]}, "expected less than the window"),
    "padding twice": ("Conv", [X, W], {"pads": [2, 1, 1, 1], "auto_pad": "SAME_UPPER"}, "together with auto_pad"),
    "padding and none": ("MaxPool", [X], POOL | {"pads": [1, 1, 1, 1], "auto_pad": "VALID"}, "together with auto_pad"),
    "unknown padding": ("MaxPool", [X], POOL | {"auto_pad": "SAME"}, "auto_pad: got 'SAME'; expected one of: NOTSET"),
    "stride of nothing": ("MaxPool", [X], POOL | {"strides": [0, 1]}, "strides: got [0, 1]; expected 2 numbers"),
    "dilation of nothing": ("MaxPool", [X], POOL | {"dilations": [1, 0]}, "dilations: got [1, 0]; expected 2 numbers"),
    "ceil_mode of 2": ("MaxPool", [X], POOL | {"ceil_mode": 2}, "ceil_mode: got 2; expected 0 or 1"),
    "storage_order of 2": ("MaxPool", [X], POOL | {"storage_order": 2}, "storage_order: got 2; expected 0 or 1"),
    "count of 2": ("AveragePool", [X], POOL | {"count_include_pad": 2}, "count_include_pad: got 2; expected 0 or 1"),
    "norm of 0": ("LpPool", [X], POOL | {"p": 0}, "p: got 0; expected a number above 0"),
    "global norm of 0": ("GlobalLpPool", [X], {"p": -1}, "p: got -1; expected a number above 0"),
    "no plane": ("GlobalMaxPool", [image(2, 6)], {}, "X: got shape (2, 6)"),
    "no channel": ("GlobalAveragePool", [image(1, 0, 3)], {}, "X: got shape (1, 0, 3); expected at least one channel"),
    "wrong type": ("MaxPool", [X], {"kernel_shape": [3.5, 3.5]}, "kernel_shape: got the type FLOATS; expected INTS"),
    "unknown attribute": ("Conv", [X, W], {"padding": 1}, "has no attribute padding of Conv"),
    "kernel of another rank": ("Conv", [X, image(4, 2, 3)], {}, "W: got shape (4, 2, 3); expected as many axes as X"),
    "kernel that is not kernel_shape": ("Conv", [X, W], {"kernel_shape": [3, 2]}, "kernel_shape: got [3, 2]"),
    "kernel of other channels": ("Conv", [X, image(4, 3, 3, 3)], {}, "W: got shape (4, 3, 3, 3) with group 1"),
    "groups that do not fit": ("Conv", [X, image(3, 1, 3, 3)], {"group": 2}, "W: got shape (3, 1, 3, 3) with group 2"),
    "no group": ("ConvTranspose", [X, image(2, 1, 3, 3)], {"group": 0}, "with group 0"),
    "kernel of another dtype": ("Conv", [X, W.astype(np.float64)], {}, "W: got dtype float64; expected float32, as X"),
    "bias of another size": ("Conv", [X, W, image(1)], {}, "B: got shape (1,); expected (4,)"),
    "nothing left": ("ConvTranspose", [X, image(2, 1, 3, 3)], {"pads": [4, 0, 4, 0]}, "they leave an output of (0, 8)"),
    "too much more": ("ConvTranspose", [X, image(2, 1, 3, 3)], {"output_padding": [1, 0]}, "output_padding: got [1"),
    "too large": ("ConvTranspose", [X, image(2, 1, 3, 3)], {"output_shape": [8, 9]}, "output_shape: got [8, 9]"),
    "transposed padding twice": ("ConvTranspose", [X, image(2, 1, 3, 3)], {"pads": [1] * 4, "auto_pad": "VALID"},
                                 "together with auto_pad"),
    "indices of another shape": ("MaxUnpool", [X, np.zeros((1, 2, 6, 5), np.int64)], POOL, "I: got shape (1, 2, 6, 5)"),
    "indices outside": ("MaxUnpool", [X, np.full(X.shape, 128)], POOL, "indices: got 128"),
    "negative indices": ("MaxUnpool", [X, np.full(X.shape, -1)], POOL, "indices: got -1"),
    "smaller than unpooled": ("MaxUnpool", [X, np.zeros(X.shape, np.int64), np.array([1, 2, 8, 7])], POOL,
                              "output_shape: got [1, 2, 8, 7]; expected 4 sizes of at least [1, 2, 8, 8]"),
    "indices of four axes": ("MaxPool", [image(1, 1, 3, 3, 3, 3)], {"kernel_shape": [2] * 4},
                             "Indices are not supported"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_nodes(name):
    operator, arrays, attributes, expected = WRONG[name]
    outputs = ("y", "i") if "Indices" in expected else ("y",)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        support.run(operator, *arrays, outputs=outputs, **attributes)
    text = str(caught.value)
    assert text.startswith(f"{operator} node 'node': ")
    assert expected in text
    assert "\n" not in text


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1]])
def test_padding_that_agrees_with_auto_pad(pads):
    (y,), _ = support.run("MaxPool", X, kernel_shape=[3, 3], auto_pad="SAME_UPPER", pads=pads)
    np.testing.assert_array_equal(y, convlab.max_pool2d(X, 3, 1, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operator", CALLS)
def test_an_empty_batch(operator, dtype):
    arrays, attributes = CALLS[operator]
    options = {name: value for name, (_, value) in attributes.items()}
    x, *others = (array.astype(dtype) if array.dtype == np.float32 else array for array in arrays)
    (full,), _ = support.run(operator, x, *others, **options)
    if operator == "MaxUnpool":
        others = [others[0][:0]]
    (empty,), _ = support.run(operator, x[:0], *others, **options)
    assert empty.shape == (0, *full.shape[1:])
    assert empty.dtype == dtype


def test_nan_propagates():
    x = X.copy()
    x[0, 0, 2, 2] = np.nan
    (y,), _ = support.run("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    assert np.isnan(y[0, 0, 1, 1])
    assert np.isnan(y).sum() == 1


def test_more_axes_than_convlab_has(rng):
    """Windows over four axes fall back to the reference operators; global pools of any number of axes do not."""
    x, w = image(1, 2, 3, 4, 3, 4), image(3, 2, 2, 2, 2, 2) % 5
    one = [1] * 4
    (y,), by = support.run("Conv", x, w)
    assert by == "reference: 4 axes"
    np.testing.assert_allclose(y, support.conv(x, w, None, one, [0] * 8, one, 1), rtol=1e-5)
    for operator in ("MaxPool", "AveragePool", "LpPool"):
        (y,), by = support.run(operator, x, kernel_shape=[2] * 4, pads=[1, 0, 0, 0, 0, 0, 0, 1])
        assert by == "reference: 4 axes"
        expected, _ = support.pool(operator, x, [2] * 4, one, [1, 0, 0, 0, 0, 0, 0, 1], one)
        np.testing.assert_allclose(y, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="the reference operator, which has this call"):
        support.run("MaxPool", x, kernel_shape=[2] * 4, strides=[2] * 4)


def test_unpooling_restores_the_positions(rng):
    """The indices refer to the whole tensor, here a batch of several channels."""
    x = rng.random((2, 3, 8, 6)).astype(np.float32)
    (y, places), _ = support.run("MaxPool", x, outputs=("y", "i"), kernel_shape=[2, 2], strides=[2, 2])
    (back,), by = support.run("MaxUnpool", y, places, kernel_shape=[2, 2], strides=[2, 2])
    assert by.startswith("max_unpool")
    np.testing.assert_array_equal(back, np.where(back > 0, x, 0))
    np.testing.assert_array_equal(back.ravel()[places.ravel()], y.ravel())


class TestWeights:
    """Stored weights of a model are prepared once, and not used after they changed."""

    @pytest.fixture
    def made(self, monkeypatch):
        made = []

        def layer(*arguments, **options):
            made.append(options)
            return convlab_layer(*arguments, **options)

        convlab_layer = convlab.Conv2d
        monkeypatch.setattr(convlab, "Conv2d", layer)
        return made

    def evaluator(self, **attributes):
        inputs = {"x": X, "w": W}
        return ReferenceEvaluator(
            support.model("Conv", inputs, stored=("w",), **attributes), new_ops=convlab.onnx.ops()
        )

    def test_once(self, made):
        evaluator = self.evaluator()
        for x in (X, X[:, :, :5], X):
            np.testing.assert_array_equal(evaluator.run(None, {"x": x})[0], convlab.conv2d(x, W))
        assert len(made) == 1

    def test_again_where_the_padding_depends_on_the_size(self, made):
        evaluator = self.evaluator(auto_pad="SAME_UPPER", strides=[2, 2])
        for x in (X, X[:, :, :5], X):
            expected = convlab.conv2d(x, W, padding="same", stride=2)
            np.testing.assert_array_equal(evaluator.run(None, {"x": x})[0], expected)
        assert len(made) == 3

    def test_another_array(self, made):
        evaluator = self.evaluator()
        evaluator.run(None, {"x": X})
        evaluator.rt_inits_["w"] = numpy_helper.to_array(numpy_helper.from_array(W + 1))
        np.testing.assert_array_equal(evaluator.run(None, {"x": X})[0], convlab.conv2d(X, W + 1))
        assert len(made) == 2

    def test_an_array_that_can_be_written_to(self, made):
        evaluator = self.evaluator()
        weights = evaluator.rt_inits_["w"] = W.copy()
        evaluator.run(None, {"x": X})
        weights += 1
        np.testing.assert_array_equal(evaluator.run(None, {"x": X})[0], convlab.conv2d(X, W + 1))
        weights.flags.writeable = False  # its owner may allow writing again
        evaluator.run(None, {"x": X})
        assert not made


def served(evaluator):
    return {node.name: node.served_by for node in convlab.onnx.report(evaluator)}


def test_nodes_of_subgraphs_run_in_convlab():
    made = parser.parse_model("""
        <ir_version: 10, opset_import: ["": 22]>
        chooses (bool cond, float[1, 1, 4, 4] x) => (y) {
            y = If (cond) <
                then_branch = large () => (a) { a = MaxPool <kernel_shape = [2, 2]> (x) },
                else_branch = mean () => (b) { b = AveragePool <kernel_shape = [2, 2]> (x) }
            >
        }
    """)
    evaluator = ReferenceEvaluator(made, new_ops=convlab.onnx.ops())
    x = image(1, 1, 4, 4)
    y = evaluator.run(None, {"cond": np.array(True), "x": x})[0]
    np.testing.assert_array_equal(y, convlab.max_pool2d(x, 2, 1))
    by = served(evaluator)
    assert by["a"] == convlab.last_kernel()
    assert by["b"] is None


FUNCTION = """
    <ir_version: 10, opset_import: ["": 22, "local": 1]>
    calls (float[1, 1, 4, 4] x) => (y) { y = local.halve <size = [2, 2]> (x) }
    <opset_import: ["": 22], domain: "local">
    halve <size> (x) => (y) { y = MaxPool <kernel_shape: ints = @size, strides: ints = @size> (x) }
"""


def test_nodes_of_functions_are_reported_and_run_in_convlab_once_inlined():
    made, x = parser.parse_model(FUNCTION), image(1, 1, 4, 4)
    evaluator = ReferenceEvaluator(made, new_ops=convlab.onnx.ops())
    evaluator.run(None, {"x": x})
    assert served(evaluator) == {"y": "reference: the evaluator does not use new_ops in functions"}
    evaluator = ReferenceEvaluator(inliner.inline_local_functions(made), new_ops=convlab.onnx.ops())
    np.testing.assert_array_equal(evaluator.run(None, {"x": x})[0], convlab.max_pool2d(x, 2))
    assert list(served(evaluator).values()) == [convlab.last_kernel()]


def test_attributes_that_a_function_is_called_with():
    """If nodes of functions used convlab's operators, each call would pass attributes."""
    function = parser.parse_model(FUNCTION).functions[0]
    evaluator = ReferenceEvaluator(function, new_ops=convlab.onnx.ops())
    for size in (2, 3):
        y = evaluator.run(None, {"x": X}, attributes={"size": [size, size]})[0]
        np.testing.assert_array_equal(y, convlab.max_pool2d(X, size))


def test_convlab_does_not_import_onnx():
    run_python("import sys, convlab, convlab.onnx; assert 'onnx' not in sys.modules")


def test_onnx_is_missing():
    done = run_python("import sys; sys.modules['onnx'] = None; import convlab.onnx; convlab.onnx.ops()", check=False)
    assert 'ImportError: convlab.onnx needs the package onnx: pip install "convlab-kernels[onnx]"' in done.stderr
