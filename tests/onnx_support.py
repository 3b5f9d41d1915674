"""Common parts of convlab.onnx's tests: small models, and ONNX's definitions of the operators as plain sums."""

import itertools
import math

import numpy as np
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import convlab.onnx

NEWEST = 22  # the last opset that changed one of the operators


def model(operator, inputs, *, opset=NEWEST, outputs=("y",), stored=(), **attributes):
    """Return a model of one node; `inputs` are arrays by name in the operator's order, `stored` names the weights."""
    node = helper.make_node(operator, list(inputs), list(outputs), name="node", **attributes)
    x = next(iter(inputs.values()))

    def declared(name, dtype, shape):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    graph = helper.make_graph(
        [node],
        "graph",
        [declared(name, array.dtype, array.shape) for name, array in inputs.items() if name not in stored],
        [declared(name, dtype, [None] * x.ndim) for name, dtype in zip(outputs, (x.dtype, np.int64), strict=False)],
        [numpy_helper.from_array(inputs[name], name) for name in stored],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def evaluate(made, inputs):
    """Return the outputs, and the kernel of the first node."""
    evaluator = ReferenceEvaluator(made, new_ops=convlab.onnx.ops())
    feeds = {name: array for name, array in inputs.items() if name in evaluator.input_names}
    return evaluator.run(None, feeds), convlab.onnx.report(evaluator)[0].served_by


def run(operator, *arrays, opset=NEWEST, outputs=("y",), **attributes):
    """Run one node on arrays."""
    inputs = dict(zip(("x", "w", "b"), arrays, strict=False))
    return evaluate(model(operator, inputs, opset=opset, outputs=outputs, **attributes), inputs)


def starts(n, span, stride, before, after, ceil):
    """Return the starts of the windows of one axis: those that fit, or in ceil mode also the last partial one."""
    found = [-before]
    while True:
        start = found[-1] + stride
        covered = found[-1] + span >= n + after
        if (covered or start >= n) if ceil else start + span > n + after:
            return found
        found.append(start)


def same_pads(sizes, kernel, strides, dilations, word):
    """Return the padding of SAME_UPPER or SAME_LOWER."""
    before, after = [], []
    for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        less, more = total // 2, total - total // 2
        before.append(less if word == "SAME_UPPER" else more)
        after.append(more if word == "SAME_UPPER" else less)
    return before + after


def pool(kind, x, kernel, strides, pads, dilations, ceil=0, count_include_pad=0, p=2):
    """Return the pools in float64, and the positions of maxima: (values, coordinates)."""
    axes = x.ndim - 2
    before, after, sizes = pads[:axes], pads[axes:], x.shape[2:]
    geometry = zip(sizes, kernel, strides, dilations, before, after, strict=True)
    places = [starts(n, (k - 1) * d + 1, s, b, a, ceil) for n, k, s, d, b, a in geometry]
    y = np.empty((*x.shape[:2], *map(len, places)))
    where = np.empty((*y.shape, axes), np.int64)
    for out in np.ndindex(y.shape):
        corner = [places[axis][i] for axis, i in enumerate(out[2:])]
        taps = [[c + i * d for i in range(k)] for c, k, d in zip(corner, kernel, dilations, strict=True)]
        real = [t for t in itertools.product(*taps) if all(0 <= c < n for c, n in zip(t, sizes, strict=True))]
        values = [float(x[(*out[:2], *t)]) for t in real]
        if kind == "MaxPool":
            y[out], where[out] = max(values), real[values.index(max(values))]
        elif kind == "LpPool":
            y[out] = sum(abs(v) ** p for v in values) ** (1 / p)
        else:
            inside = [[c for c in t if -b <= c < n + a] for t, b, a, n in zip(taps, before, after, sizes, strict=True)]
            y[out] = sum(values) / (math.prod(map(len, inside)) if count_include_pad else len(values))
    return y, where


def conv(x, w, b, strides, pads, dilations, group):
    """Conv in float64."""
    axes = x.ndim - 2
    padded = np.pad(x.astype(float), [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:], strict=True)])
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilations, strict=True)]
    out = [(n - span) // s + 1 for n, span, s in zip(padded.shape[2:], spans, strides, strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    each, per = w.shape[0] // group, w.shape[1]
    for m, tap in itertools.product(range(w.shape[0]), np.ndindex(w.shape[2:])):
        first = m // each * per
        window = tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilations, out, strides, strict=True)
        )
        for c in range(per):
            y[:, m] += float(w[(m, c, *tap)]) * padded[(slice(None), first + c, *window)]
    return y if b is None else y + b.astype(float).reshape(-1, *[1] * axes)


def conv_transpose(x, w, b, strides, dilations, group, before, outputs):
    """ConvTranspose in float64: add every input's products to the whole result, and crop it."""
    axes, (each, per) = x.ndim - 2, (w.shape[0] // group, w.shape[1])
    geometry = zip(x.shape[2:], w.shape[2:], strides, dilations, before, outputs, strict=True)
    whole = [max((n - 1) * s + (k - 1) * d + 1, p + o) for n, k, s, d, p, o in geometry]
    y = np.zeros((x.shape[0], per * group, *whole))
    for c, place in itertools.product(range(x.shape[1]), np.ndindex(x.shape[2:])):
        for m, tap in itertools.product(range(per), np.ndindex(w.shape[2:])):
            at = tuple(i * s + t * d for i, s, t, d in zip(place, strides, tap, dilations, strict=True))
            y[(slice(None), c // each * per + m, *at)] += x[(slice(None), c, *place)] * float(w[(c, m, *tap)])
    kept = y[(..., *(slice(p, p + o) for p, o in zip(before, outputs, strict=True)))]
    return kept if b is None else kept + b.astype(float).reshape(-1, *[1] * axes)
