"""OpenCV: `filter2D`, and poolings composed of its morphology, boxes and resizing."""

from typing import Any

import cv2
import numpy as np

from benchmarks.cases.case import Array, Case, Filter, Pool

from .base import Peer, Step, colour, copy_frame, interior, taken

_BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "mirror": cv2.BORDER_REFLECT_101,
    "nearest": cv2.BORDER_REPLICATE,
    "symmetric": cv2.BORDER_REFLECT,
}


class OpenCV(Peer):
    """OpenCV has no pooling, but every second pixel of a dilation is a maximum pool."""

    name = "OpenCV"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        cv2.setNumThreads(threads)

    def describe(self) -> dict[str, str]:
        return {"OpenCV": cv2.__version__}

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        margin = spec.size // 2
        inside = interior(margin, colour(case))

        border = _BORDERS.get(spec.border, cv2.BORDER_REPLICATE)

        def wrap(image: Array) -> Any:
            # filter2D does not support this border.
            around = (margin, margin, margin, margin)
            return cv2.filter2D(cv2.copyMakeBorder(image, *around, cv2.BORDER_WRAP), -1, kernel)[inside]

        def keep(image: Array) -> Any:
            result = cv2.filter2D(image, -1, kernel, borderType=border)
            if spec.clip is not None:
                np.clip(result, *spec.clip, out=result)
            copy_frame(image, result, margin, colour(case))
            return result

        def valid(image: Array) -> Any:
            return cv2.filter2D(image, -1, kernel, borderType=border)[inside]

        special: dict[str, Step] = {"wrap": wrap, "keep": keep, "valid": valid}
        if spec.border in special:
            return {"filter2D": special[spec.border]}
        return {"filter2D": lambda image: cv2.filter2D(image, -1, kernel, borderType=border)}

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        size, stride = spec.size, spec.stride
        height, width = case.spatial
        blocks = size == stride and not spec.padding and height % size == width % size == 0
        rows, columns = taken(spec, height, width)

        def sampled(image: Array) -> Any:
            return self._spread(spec, image)[rows, columns]

        ways: dict[str, Step]
        name = {"max": "dilate", "min": "erode", "avg": "blur"}[spec.kind]
        if len(case.shape) < 4:
            ways = {name: sampled}
        else:

            def each_plane(image: Array) -> Any:
                planes = image.reshape(-1, height, width)
                return np.stack([sampled(plane) for plane in planes])

            ways = {f"{name}, plane by plane": each_plane}
        if blocks and case.channel_axis is None:
            # If no window overlaps two planes, all planes form one tall picture.
            if spec.kind == "avg":
                ways["resize"] = lambda image: _shrunk(image.reshape(-1, width), size)
            elif size == 2:
                ways[spec.kind] = lambda image: _halved(image.reshape(-1, width), spec.kind)
        elif blocks and spec.kind == "avg":
            ways["resize"] = lambda image: _shrunk(image, size)
        shape = (*case.shape[:-2], -1, len(range(width)[columns]))
        if len(case.shape) < 4:
            return ways
        return {
            way: lambda image, step=step: step(image).reshape(shape)  # type: ignore[misc]
            for way, step in ways.items()
        }

    def _spread(self, spec: Pool, image: Array) -> Any:
        """Reduce the window around every pixel."""
        if spec.kind == "avg":
            return cv2.blur(image, (spec.size, spec.size), borderType=cv2.BORDER_CONSTANT)
        window = np.ones((spec.size, spec.size), np.uint8)
        return (cv2.dilate if spec.kind == "max" else cv2.erode)(image, window)


def _shrunk(image: Array, size: int) -> Any:
    rows, columns = image.shape[:2]
    return cv2.resize(image, (columns // size, rows // size), interpolation=cv2.INTER_AREA)


def _halved(image: Array, kind: str) -> Any:
    combine = cv2.max if kind == "max" else cv2.min
    # Neighbouring columns are two channels, which OpenCV splits fast; strided slices would be copied.
    pairs = combine(image[::2], image[1::2]).reshape(len(image) // 2, -1, 2)
    return combine(cv2.extractChannel(pairs, 0), cv2.extractChannel(pairs, 1))
