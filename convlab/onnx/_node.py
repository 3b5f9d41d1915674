"""Common parts of the operators: attributes by the model's opset, errors that name the node, the fallback."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun
from onnx.reference.ops import load_op

import convlab

Array = NDArray[Any]

BFLOAT16 = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.BFLOAT16))
# Dtypes whose elements are exact in float32, so that sums in float32 have the precision of the dtype.
SUMMED = (np.dtype(np.float32), np.dtype(np.float16), BFLOAT16)


class Node(OpRun):
    """One node of a graph; the evaluator creates it.

    `served_by` names what computed the last call: convlab's kernel, or the reference operator and the reason.
    """

    op_domain = ""
    served_by: str | None = None

    def __init__(self, onnx_node: Any, run_params: dict[str, Any], schema: Any = None) -> None:
        kind, opset = onnx_node.op_type, run_params["opsets"][onnx_node.domain]
        self._called = f"{kind} node {onnx_node.name or ', '.join(onnx_node.output)!r}"
        self._opset = opset
        try:
            schema = onnx.defs.get_schema(kind, opset, onnx_node.domain)
        except onnx.defs.SchemaError:
            raise ValueError(f"{self._called}: opset {opset} has no operator of this name") from None
        given = {attribute.name: attribute.type for attribute in onnx_node.attribute}
        for name, attribute in schema.attributes.items():
            if attribute.required and name not in given:
                raise ValueError(f"{self._called}: the attribute {name} is missing")
        for name, found in given.items():
            known = schema.attributes.get(name)
            if known is None:
                raise ValueError(f"{self._called}: opset {opset} has no attribute {name} of {kind}")
            if found != int(known.type):
                word = onnx.AttributeProto.AttributeType.Name(found)
                raise ValueError(f"{self._called}: {name}: got the type {word}; expected {known.type.name}")
        super().__init__(onnx_node, run_params, schema)

    def _run(self, *inputs: Array | None, **attributes: Any) -> tuple[Array, ...]:
        try:
            for value in inputs:
                if value is not None and not isinstance(value, np.ndarray):
                    raise ValueError(f"got a {type(value).__name__} for an input; expected a tensor")
            return self._compute(*inputs, **attributes)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self._called}: {error}") from error

    @abstractmethod
    def _compute(self, *inputs: Any, **attributes: Any) -> tuple[Array, ...]:
        """Compute the node's outputs."""

    def _served(self, y: Array, dtype: Any) -> Array:
        """Record the kernel of convlab's last call, and convert its result y to the input's dtype."""
        self.served_by = convlab.last_kernel()
        with np.errstate(over="ignore"):  # of float16
            return y if y.dtype == dtype else y.astype(dtype)

    def _reference(self, reason: str, *inputs: Any, **attributes: Any) -> Array:
        """Let the reference operator compute the first output, with only the attributes given here."""
        self.served_by = f"reference: {reason}"
        operator: Any = load_op(self.onnx_node.domain, self.op_type, self._opset)
        run: Callable[..., Any] = operator(self.onnx_node, self.run_params)._run
        try:
            result: Array = run(*inputs, **attributes)[0]
        except Exception as error:
            raise ValueError(f"the reference operator, which has this call ({reason}), fails: {error}") from error
        return result


def summable(x: Array) -> bool:
    """Return whether sums in float32 are precise enough for its dtype."""
    return x.dtype in SUMMED or not x.size


def in_float32(x: Array) -> Array:
    """Convert bfloat16, which convlab does not support, to float32."""
    return x.astype(np.float32) if x.dtype == BFLOAT16 else x
