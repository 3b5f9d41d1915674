"""ONNX models whose convolutions and pools run in convlab, through ONNX's reference evaluator.

``ReferenceEvaluator(model, new_ops=convlab.onnx.ops())`` computes Conv, ConvTranspose, MaxPool, AveragePool, LpPool,
GlobalMaxPool, GlobalAveragePool, GlobalLpPool and MaxUnpool in convlab, with every attribute of every opset, and all
other operators itself. ``python -m convlab.onnx MODEL.onnx`` says what served each node, how fast, and how far it is
from the reference. The package onnx is needed: ``pip install "convlab-kernels[onnx]"``.

float16, bfloat16 and float32 are summed in float32 and rounded once to the input's dtype; maxima keep every dtype. The
sums of float64 and of other dtypes, and windows over more than three axes, go to the reference operators, which
`report` tells. NaN propagates through maxima, where the reference operator leaves it out.

Where ONNX's text, its shape inference and its reference operators disagree:

* A window that would start in the padding behind the input is none, in every opset; windows that reach beyond the
  padding count what they hold. ``ceil_mode`` counts with ``auto_pad="VALID"`` too, as in shape inference.
* Padding that ConvTranspose works out from ``output_shape`` or SAME is never negative: what lacks is added at the end.
* LpPool is the norm of what a window holds, and padding counts as zeros.
* MaxUnpool's indices are places in the tensor without ``output_shape``, which puts zeros behind it, as in ONNX's tests.
* ``pads`` that say something else than ``auto_pad`` are an error.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._report import Served

__all__ = ["ops", "report"]


def ops() -> list[type[Any]]:
    """Give the operators, for the argument `new_ops` of onnx.reference.ReferenceEvaluator.

    Returns
    -------
    list of type
        Classes derived from onnx.reference.op_run.OpRun, named as the operators.

    Raises
    ------
    ImportError
        The package onnx is not installed.

    Notes
    -----
    Weights of two axes that are stored in the model are prepared once, as by `convlab.Conv2d`. The evaluator does not
    give these operators to a model's own functions: inline them first, by onnx.inliner.inline_local_functions.

    Examples
    --------
    >>> import numpy as np, onnx, convlab.onnx
    >>> from onnx.reference import ReferenceEvaluator
    >>> model = onnx.parser.parse_model('''
    ...     <ir_version: 10, opset_import: ["": 22]>
    ...     halve (float[1, 1, 4, 4] x) => (y) { y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x) }
    ... ''')
    >>> evaluator = ReferenceEvaluator(model, new_ops=convlab.onnx.ops())
    >>> evaluator.run(None, {"x": np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)})
    [array([[[[ 5.,  7.],
             [13., 15.]]]], dtype=float32)]
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError('convlab.onnx needs the package onnx: pip install "convlab-kernels[onnx]"') from error
    from ._operators import OPERATORS

    return list(OPERATORS)


def report(evaluator: Any) -> "list[Served]":
    """Say what served each node of an evaluator that was given `ops`, in the order of the graph.

    Parameters
    ----------
    evaluator : onnx.reference.ReferenceEvaluator
        One that was given `ops`; nodes of its subgraphs and functions are found too.

    Returns
    -------
    list of named tuples
        ``name`` (or the outputs of a node that has none), ``operator`` and ``served_by``: convlab's kernel, or
        "reference: " and the reason, or None before the first run.

    Examples
    --------
    >>> import numpy as np, onnx, convlab.onnx
    >>> from onnx.reference import ReferenceEvaluator
    >>> model = onnx.parser.parse_model('''
    ...     <ir_version: 10, opset_import: ["": 22]>
    ...     mean (double[1, 1, N, N] x) => (y) { y = GlobalAveragePool (x) }
    ... ''')
    >>> evaluator = ReferenceEvaluator(model, new_ops=convlab.onnx.ops())
    >>> y = evaluator.run(None, {"x": np.ones((1, 1, 4, 4))})
    >>> convlab.onnx.report(evaluator)
    [Served(name='y', operator='GlobalAveragePool', served_by='reference: float64')]
    """
    from ._report import nodes, served

    return [served(node) for node in nodes(evaluator)]
