"""PyTorch in inference mode; inputs and outputs are tensors."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses

from benchmarks.cases.case import Array, Case, Filter, Pool
from benchmarks.cases.conv import Conv
from benchmarks.cases.gradients import Gradient
from benchmarks.cases.pools import Pooling
from benchmarks.contender import Call, UnsupportedError

from .base import Peer, Step, colour, copy_frame, interior, steps

_PAD_MODES = {"mirror": "reflect", "nearest": "replicate", "wrap": "circular"}

# NNPACK supports no larger ones.
_NNPACK_TAPS = 16


class PyTorch(Peer):
    """`conv2d` by the fastest engine; `max_pool2d`, `avg_pool2d`, or slices."""

    name = "PyTorch"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        torch.set_num_threads(threads)
        # For the whole process, because entering it in each call would cost PyTorch time.
        torch.inference_mode().__enter__()

    def describe(self) -> dict[str, str]:
        return {"PyTorch": torch.__version__}

    def load(self, case: Case, image: Array) -> Any:
        tensor = torch.from_numpy(image)
        if isinstance(case.work, (Pooling, Gradient)) and len(case.shape) > 2:
            return tensor
        if colour(case):
            return tensor.permute(2, 0, 1)[None]
        return tensor.reshape((1,) * (4 - len(case.shape)) + case.shape)

    def to_array(self, case: Case, result: Any) -> Array:
        array: Array = result.numpy()
        if case.conv is not None or (isinstance(case.work, (Pooling, Gradient)) and len(case.shape) > 2):
            return array
        if colour(case):
            return np.moveaxis(array.reshape(case.planes, *array.shape[2:]), 0, -1)
        return array.reshape(*case.shape[:-2], *array.shape[2:])

    def convolutions(self, conv: Conv, image: Array, kernel: Array) -> dict[str, Call]:
        axes = image.ndim - 2
        x, weight = torch.from_numpy(image), torch.from_numpy(kernel)
        stride, padding, groups, dilation = conv.stride, conv.padding, conv.parts(image.shape), conv.dilation
        if conv.transposed:
            transpose: Any = getattr(F, f"conv_transpose{axes}d")
            return {"": lambda: transpose(x, weight, None, stride, padding, 0, groups, dilation)}
        convolve: Any = getattr(F, f"conv{axes}d")
        return {"": lambda: convolve(x, weight, None, stride, padding, dilation, groups)}

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        margin = spec.size // 2
        zeros = margin if spec.border == "constant" else 0
        weight = torch.from_numpy(kernel)[None, None]

        def gemm(image: Any) -> Any:
            return torch.ops.aten.thnn_conv2d(image, weight, [spec.size] * 2, None, [1, 1], [zeros] * 2)

        def nnpack(image: Any) -> Any:
            return torch.ops.aten._nnpack_spatial_convolution(image, weight, None, [zeros] * 2)

        nnpack_available: Any = torch.backends.nnpack.is_available
        # By default conv2d uses oneDNN, even if another engine is faster.
        engines: dict[str, Step] = {
            "conv2d": lambda image: F.conv2d(image, weight, padding=zeros),
            "conv2d by GEMM": gemm,
        }
        if nnpack_available() and spec.size <= _NNPACK_TAPS:
            engines["conv2d by NNPACK"] = nnpack
        if colour(case):
            # The channels are a batch of grey images, or groups.
            engines = {
                f"{name}, as a batch": lambda image, engine=engine: engine(image.transpose(0, 1))  # type: ignore[misc]
                for name, engine in engines.items()
            }
            weights = weight.expand(case.planes, 1, -1, -1).contiguous()
            engines["conv2d, groups"] = lambda image: F.conv2d(image, weights, padding=zeros, groups=case.planes)
        return {name: self._bordered(engine, spec, margin) for name, engine in engines.items()}

    def _bordered(self, engine: Step, spec: Filter, margin: int) -> Step:
        if spec.border in ("valid", "constant"):
            return engine
        if spec.border in _PAD_MODES:
            mode = _PAD_MODES[spec.border]
            around = (margin,) * 4
            return lambda image: engine(F.pad(image, around, mode=mode))
        if spec.border != "keep":
            raise UnsupportedError(f"PyTorch's padding has no border {spec.border!r}")

        def keep(image: Any) -> Any:
            result = torch.empty_like(image)
            filtered = engine(image)
            if spec.clip is not None:
                filtered.clamp_(*spec.clip)
            result[interior(margin, False)] = filtered
            copy_frame(image, result, margin, False)
            return result

        return keep

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        size, stride, padding = spec.size, spec.stride, spec.padding
        ways: dict[str, Step] = {
            "max": {"max_pool2d": lambda image: F.max_pool2d(image, size, stride, padding)},
            "min": {"max_pool2d": lambda image: F.max_pool2d(-image, size, stride, padding).neg_()},
            "avg": {"avg_pool2d": lambda image: F.avg_pool2d(image, size, stride, padding)},
        }[spec.kind]
        if not padding:
            ways["slices"] = self._slices(case, spec)
        return ways

    def _slices(self, case: Case, spec: Pool) -> Step:
        """Pool as in NumPy, rows first, because `max_pool2d` also computes the indices."""
        combine: Any = {"max": torch.maximum, "min": torch.minimum, "avg": torch.add}[spec.kind]
        rows, columns = (steps(spec, side) for side in case.spatial)

        def reduced(views: list[Any]) -> Any:
            result = combine(views[0], views[1])
            for view in views[2:]:
                combine(result, view, out=result)
            return result

        def pooled(image: Any) -> Any:
            folded = reduced([image[..., i, :] for i in rows])
            result = reduced([folded[..., j] for j in columns])
            return result.mul_(1 / spec.size**2) if spec.kind == "avg" else result

        return pooled
