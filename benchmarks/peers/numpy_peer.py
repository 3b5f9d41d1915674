"""NumPy, as an expert writes it: shifted whole arrays."""

from typing import Any

import numpy as np

from benchmarks.cases.case import Array, Case, Filter, Pool

from .base import Peer, Step, colour, copy_frame, interior, steps, widths, window

PAD_MODES: dict[str, Any] = {
    "constant": "constant",
    "mirror": "reflect",
    "nearest": "edge",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


class NumPy(Peer):
    """Sums of shifted slices, or sliding windows and einsum; pooling by slices or by reshaping."""

    name = "NumPy"

    def describe(self) -> dict[str, str]:
        return {"NumPy": np.__version__}

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        size, margin, last = spec.size, spec.size // 2, colour(case)
        axes = (0, 1) if last else (-2, -1)
        subscripts = "hwcij,ij->hwc" if last else "...ij,ij->..."
        taps = list(np.ndenumerate(kernel))

        def slices(padded: Array) -> Array:
            rows, columns = (padded.shape[axis] - size + 1 for axis in axes)

            def shifted(i: int, j: int) -> Any:
                return padded[window(slice(i, i + rows), slice(j, j + columns), last)]

            (place, weight), *others = taps
            total: Array = shifted(*place) * weight
            product = np.empty_like(total)
            for place, weight in others:
                np.multiply(shifted(*place), weight, out=product)
                total += product
            return total

        def windows(padded: Array) -> Array:
            views = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axes)
            total: Array = np.einsum(subscripts, views, kernel)
            return total

        def bordered(inner: Step) -> Step:
            if spec.border == "valid":
                return inner
            if spec.border == "keep":
                return lambda image: kept(image, inner(image))
            mode = PAD_MODES[spec.border]
            padding = widths(case, margin)
            return lambda image: inner(np.pad(image, padding, mode))

        def kept(image: Array, filtered: Array) -> Array:
            result = np.empty_like(image)
            low, high = spec.clip or (None, None)
            np.clip(filtered, low, high, out=result[interior(margin, last)])
            copy_frame(image, result, margin, last)
            return result

        return {"slices": bordered(slices), "sliding windows": bordered(windows)}

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        combine = {"max": np.maximum, "min": np.minimum, "avg": np.add}[spec.kind]
        outside = {"max": -np.inf, "min": np.inf, "avg": 0.0}[spec.kind]
        share = np.float32(1 / spec.size**2)
        last = colour(case)
        axes = (0, 1) if last else (-2, -1)
        padding = widths(case, spec.padding)
        whole = slice(None)

        def padded(image: Array) -> Array:
            return np.pad(image, padding, constant_values=outside) if spec.padding else image

        def averaged(result: Array) -> Array:
            if spec.kind == "avg":
                result *= share
            return result

        def reduced(views: list[Array]) -> Array:
            result: Array = combine(views[0], views[1])
            for view in views[2:]:
                combine(result, view, out=result)
            return result

        def slices(image: Array) -> Array:
            image = padded(image)
            rows, columns = (steps(spec, image.shape[axis]) for axis in axes)
            return averaged(reduced([image[window(i, j, last)] for i in rows for j in columns]))

        def rows_first(image: Array) -> Array:
            image = padded(image)
            rows, columns = (steps(spec, image.shape[axis]) for axis in axes)
            folded = reduced([image[window(i, whole, last)] for i in rows])
            return averaged(reduced([folded[window(whole, j, last)] for j in columns]))

        ways: dict[str, Step] = {"slices": slices, "slices, rows first": rows_first}
        height, width = case.spatial
        if spec.size == spec.stride and height % spec.size == width % spec.size == 0:
            method = {"max": "max", "min": "min", "avg": "mean"}[spec.kind]
            before, after = ((), case.shape[2:]) if last else (case.shape[:-2], ())
            blocks = (height // spec.size, spec.size, width // spec.size, spec.size)
            shape = (*before, *blocks, *after)
            within = (len(before) + 1, len(before) + 3)
            ways["reshaped"] = lambda image: getattr(image.reshape(shape), method)(within)
        return ways
