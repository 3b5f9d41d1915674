"""ONNX models whose convolutions and pools run in convlab, through ONNX's reference evaluator.

``ReferenceEvaluator(model, new_ops=convlab.onnx.ops())`` computes Conv, ConvTranspose, MaxPool, AveragePool, LpPool,
GlobalMaxPool, GlobalAveragePool, GlobalLpPool and MaxUnpool in convlab, with every attribute of every opset, and all
other operators itself. ``python -m convlab.onnx MODEL.onnx`` prints for each node the kernel that ran it, its time and
its difference from the reference. The package onnx is needed: ``pip install "convlab-kernels[onnx]"``.

float16, bfloat16 and float32 are summed in float32 and rounded once to the input's dtype; maxima keep every dtype. The
sums of float64 and of other dtypes, and windows over more than three axes, fall back to the reference operators, as
`report` shows. NaN propagates through maxima; the reference operator ignores it.

ONNX's text, its shape inference and its reference operators contradict each other in some cases. convlab's rules:

* A window that would start in the padding behind the input does not exist, in every opset; windows that reach beyond
  the padding use only elements inside it. ``ceil_mode`` applies with ``auto_pad="VALID"`` too, as in shape inference.
* Padding that ConvTranspose computes from ``output_shape`` or SAME is never negative: missing elements are added at
  the end.
* LpPool is the norm of the elements of a window, and padding counts as zeros.
* MaxUnpool's indices refer to the tensor of the size without ``output_shape``, which adds zeros behind it, as in
  ONNX's tests.
* ``pads`` that contradict ``auto_pad`` are an error.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._report import Served

__all__ = ["ops", "report"]


def ops() -> list[type[Any]]:
    """Return the operators, for the argument `new_ops` of onnx.reference.ReferenceEvaluator.

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
    use these operators inside a model's functions: inline them first with onnx.inliner.inline_local_functions.

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
    """Return which library ran each node of an evaluator made with `ops`, in the order of the graph.

    Parameters
    ----------
    evaluator : onnx.reference.ReferenceEvaluator
        An evaluator made with `ops`; nodes of its subgraphs and functions are found too.

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
