"""The corpus of hashes: `python tests/hashes.py` writes tests/hashes.json, tests/common/test_hashes.py checks it.

Every algorithm that promises identical bytes has two entries. Sums of small integers are exact in any order, so all
backends, instruction sets and machines must give the same bytes. Sums of fractions round, so all instruction sets with
fused multiply-adds must give the same bytes. All data are (N, C, H, W); filters use the channels as planes.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

import convlab

FILE = Path(__file__).with_name("hashes.json")
SHAPE = (3, 8, 37, 53)
# A multiple of all Winograd tiles and strides.
STEP = 12


def data(shape, kind, salt=0):
    """Return numbers that depend on no library: integers from -8 to 8, or these divided by 7."""
    n = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(1000 * salt + 1)
    mixed = (n * np.uint64(2654435761) % np.uint64(1 << 32)) >> np.uint64(15)
    x = (mixed % np.uint64(17)).astype(np.float32) - 8
    return (x if kind == "integers" else x / np.float32(7)).reshape(shape)


def images(function):
    """Return a function that applies a filter of one picture to every picture of a batch."""
    return lambda x, kind: np.stack([function(planes, kind) for planes in x])


def correlate(height, width, **options):
    return images(
        lambda x, kind: convlab.filter2d(
            x, data((height, width), kind, 1), channel_axis=0, border="valid", algorithm="direct", **options
        )
    )


def separable(height, width):
    return images(
        lambda x, kind: convlab.sep_filter2d(
            x, data(height, kind, 1), data(width, kind, 2), channel_axis=0, border="valid"
        )
    )


def of_images(name, *arguments, **options):
    return images(lambda x, _: getattr(convlab, name)(x, *arguments, channel_axis=0, border="valid", **options))


def pool(name, *arguments, **options):
    return lambda x, _: getattr(convlab, name)(x, *arguments, **options)


def convolve(algorithm, size=3, groups=1, out_channels=16, **options):
    return lambda x, kind: convlab.conv2d(
        x, data((out_channels, SHAPE[1] // groups, size, size), kind, 1), data(out_channels, kind, 2),
        groups=groups, algorithm=algorithm, **options,
    )  # fmt: skip


def bank(x, kind):
    return convlab.filter_bank(x, data((3, 5, 5), kind, 1), channel_axis=0, border="valid").swapaxes(0, 1)


ALGORITHMS = {
    "filter2d 3x3": correlate(3, 3),
    "filter2d 5x5": correlate(5, 5),
    "filter2d 7x7": correlate(7, 7),
    "filter2d 4x4": correlate(4, 4),
    "filter2d 2x9": correlate(2, 9),
    "filter2d 11x11": correlate(11, 11),
    "filter2d finished": correlate(3, 3, scale=0.5, offset=3, clip=(-40, 40)),
    "filter2d without NaN": correlate(3, 3, nan="omit"),
    "filter_bank": images(bank),
    "sep_filter2d 3x3": separable(3, 3),
    "sep_filter2d 5x9": separable(5, 9),
    "sep_filter2d 17x11": separable(17, 11),
    "box": of_images("box", (12, 15), normalize=False),
    "sobel": of_images("sobel"),
    "gaussian": of_images("gaussian", 1.5),
    "maximum_filter": of_images("maximum_filter", (5, 9)),
    "minimum_filter": of_images("minimum_filter", 3),
    "median_filter 3x3": of_images("median_filter", 3),
    "median_filter 5x5": of_images("median_filter", 5),
    "median_filter 9x7": of_images("median_filter", (9, 7)),
    "max_pool2d 2x2": pool("max_pool2d", 2),
    "max_pool2d 3x3": pool("max_pool2d", 3, 2),
    "min_pool2d": pool("min_pool2d", 3, 1),
    "avg_pool2d 2x2": pool("avg_pool2d", 2),
    "avg_pool2d 3x3": pool("avg_pool2d", 3, 3),
    "avg_pool2d 5x4": pool("avg_pool2d", (5, 4), (4, 4)),
    "lp_pool2d": pool("lp_pool2d", 2, 3, 3),
    "conv2d gemm": convolve("gemm"),
    "conv2d gemm of stride 2": convolve("gemm", 5, stride=2),
    "conv2d depthwise": convolve("depthwise", groups=8, out_channels=8),
    "conv2d depthwise 5x5": convolve("depthwise", 5, groups=8, out_channels=8),
    "conv2d winograd2": convolve("winograd2"),
    "conv2d winograd4": convolve("winograd4"),
}
# Cases that cannot be part of a larger plane: whole planes, small ones, larger results.
WHOLE = {
    "conv2d narrow": lambda x, kind: convolve("narrow")(x[:, :, :9, :11], kind),
    "global_avg_pool": pool("global_avg_pool"),
    "global_max_pool": pool("global_max_pool"),
    "adaptive_avg_pool2d": pool("adaptive_avg_pool2d", (5, 7)),
    "conv_transpose2d": lambda x, kind: convlab.conv_transpose2d(x, data((SHAPE[1], 5, 3, 3), kind, 1), stride=2),
}


def layer_gradient(kind, size=3, groups=1, out_channels=16, stride=1, padding=1):
    """A gradient of a layer of x, whose output's gradient are other numbers."""

    def gradient(x, kind_of_data):
        weight_shape = (out_channels, SHAPE[1] // groups, size, size)
        pixels = (*((n + 2 * padding - size) // stride + 1 for n in x.shape[2:]),)
        options = {"stride": stride, "padding": padding, "groups": groups}
        if kind == "input":  # x serves as the output's gradient, whose layout and place in a batch are to be its own
            g = x[:, :out_channels, : pixels[0], : pixels[1]]
            weight = data(weight_shape, kind_of_data, 1)
            return convlab.grad.conv2d_input(x.shape, weight, g, precision="exact", **options)
        g = np.concatenate([data((1, out_channels, *pixels), kind_of_data, 2)] * len(x))
        return convlab.grad.conv2d_weight(x, weight_shape, g, **options)

    return gradient


def pool_gradient(x, _):
    rows = x[:, :, :18, :26]
    places = np.arange(rows[0, 0].size, dtype=np.int64).reshape(rows.shape[2:]) * 7 % (SHAPE[2] * SHAPE[3] // 9)
    return convlab.grad.max_pool2d(rows, np.array(np.broadcast_to(places, rows.shape)), SHAPE[2:])


GRADIENTS = {
    "grad conv2d_weight": layer_gradient("weight"),
    "grad conv2d_weight of stride 2": layer_gradient("weight", 5, stride=2),
    "grad conv2d_weight depthwise": layer_gradient("weight", 5, groups=8, out_channels=8),
    "grad conv2d_input": layer_gradient("input", out_channels=8),
    "grad conv2d_input of stride 2": layer_gradient("input", groups=8, out_channels=8, stride=2),
    "grad conv2d_input depthwise": layer_gradient("input", groups=8, out_channels=8),
    "grad max_pool2d": pool_gradient,
    "grad avg_pool2d": lambda x, _: convlab.grad.avg_pool2d(x[:, :, :18, :26], SHAPE[2:], 3, 2),
    "grad filter2d_image": images(
        lambda x, kind: convlab.grad.filter2d_image(x.shape, data((5, 4), kind, 1), x, channel_axis=0)
    ),
    "grad filter2d_kernel": images(lambda x, kind: convlab.grad.filter2d_kernel(x, (5, 4), x, channel_axis=0)),
    "grad relu": lambda x, _: convlab.grad.relu(x, x),
}
EVERY = ALGORITHMS | WHOLE | GRADIENTS
# Sums over the batch.
SUMMED = [name for name in GRADIENTS if name.startswith("grad conv2d_weight")]
# Cases whose sums of integers round, because transforms or weights are fractions.
NEVER_EXACT = {"conv2d winograd4", "gaussian", "grad avg_pool2d"}


def digest(y):
    return hashlib.sha256(repr(y.shape).encode() + np.ascontiguousarray(y).tobytes()).hexdigest()[:32]


def entries():
    for name, call in EVERY.items():
        for kind in ("integers", "fractions"):
            yield f"{name}: {kind}", call, kind, kind == "integers" and name not in NEVER_EXACT


if __name__ == "__main__":
    corpus = {key: digest(call(data(SHAPE, kind), kind)) for key, call, kind, _ in entries()}
    FILE.write_text(json.dumps(corpus, indent=1) + "\n", encoding="utf-8")
    print(f"{len(corpus)} hashes, of {convlab.last_kernel()}")
