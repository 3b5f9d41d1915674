"""Which algorithm a convolution takes, and why."""

import math
from dataclasses import dataclass

from convlab import _errors
from convlab._spec.convolving import Conv
from convlab.typing import ConvAlgorithm

from . import conv_fft
from .conv_blocks import DIRECT_TERMS, DIRECT_WIDTH, LANES, NARROW_WIDTH, WORKSPACE
from .plan import rounded_up

# Pixels of a plane that may be called narrow.
NARROWEST = 128
# The algorithms that take tiles of so many rows and columns.
WINOGRAD: dict[ConvAlgorithm, int] = {"winograd2": 2, "winograd4": 4}
# What each algorithm has for itself.
REASONS: dict[ConvAlgorithm, str] = {
    "gemm": "a product of matrices serves all taps, strides and groups",
    "depthwise": "each channel alone: rows of the image in registers",
    "narrow": "planes that fill few vectors: vectors of channels",
    "winograd2": "fewer multiplications, in tiles of 2 x 2",
    "winograd4": "fewer multiplications, in tiles of 4 x 4",
    "fft": "a product of transforms, tile by tile",
}
ALGORITHMS = tuple(REASONS)
# The plain product has a way of its own, which is not to be asked for, since the sums are the same.
DIRECT = "few terms: rows of the image as they lie"


@dataclass(frozen=True, slots=True)
class Request:
    """How the caller wants it done."""

    algorithm: str | None = None
    workspace_limit: int | None = None
    prepared: bool = False  # whether weights may be transformed ahead
    reserved: int = 0  # bytes beside those that are planned here

    @property
    def limit(self) -> int:
        """The most bytes beside the arrays."""
        return (WORKSPACE if self.workspace_limit is None else self.workspace_limit) - self.reserved

    def check(self, needed: int) -> None:
        """An error where a limit that was given cannot be kept."""
        if self.workspace_limit is not None and needed > self.limit:
            raise _errors.workspace_too_small(self.workspace_limit, self.reserved + needed)


Choice = tuple[str, str, dict[str, str]]


def _impossible(spec: Conv) -> dict[str, str]:
    """The algorithms that cannot do it, and why."""
    why_not = {}
    if spec.channels != spec.groups:
        why_not["depthwise"] = "its sums run over one channel alone"
    elif len(spec.size) > 2 or (spec.groups == 1 and spec.out_channels > 3):
        why_not["depthwise"] = "it is for few outputs of a channel, and not for volumes"
    if math.prod(spec.out_size[-2:]) > NARROWEST:
        why_not["narrow"] = f"it is for planes of at most {NARROWEST} output pixels"
    if (spec.kernel, spec.stride) != ((3, 3), (1, 1)):
        why_not["winograd2"] = why_not["winograd4"] = "it is for 3 x 3 taps at stride 1"
    elif spec.exact:
        why_not["winograd2"] = why_not["winograd4"] = "it rounds otherwise than the sum, which is to be exact"
    if spec.exact:
        why_not["fft"] = "it rounds otherwise than the sum, which is to be exact"
    return why_not


def choose(spec: Conv, request: Request) -> Choice:
    """The algorithm, the reason, and why not the others: the one that is asked for if it can serve, else the fastest.

    Of the batch, the machine and the threads it knows nothing: what they are must not change a result.
    """
    why_not = _impossible(spec)
    if request.algorithm is not None:
        if request.algorithm in why_not:
            able = [name for name in ALGORITHMS if name not in why_not]
            raise _errors.cannot_serve(request.algorithm, why_not[request.algorithm], able)
        if request.algorithm == "fft" and request.workspace_limit is None and conv_fft.memory(spec) > WORKSPACE:
            able = [name for name in ALGORITHMS if name not in why_not and name != "fft"]
            raise _errors.cannot_serve("fft", f"its transforms need more than {WORKSPACE} bytes", able)
        return request.algorithm, "it was asked for", dict.fromkeys(ALGORITHMS, "another was asked for") | why_not
    if "fft" not in why_not:
        if conv_fft.pays(spec) and conv_fft.memory(spec) <= request.limit:
            fewer = "its products are more than transforms cost"
            return "fft", REASONS["fft"], dict.fromkeys(ALGORITHMS, fewer) | why_not
        why_not["fft"] = "so few products need no transforms"
    if "depthwise" not in why_not:
        others = "one channel a group shares no input between its outputs"
        return "depthwise", REASONS["depthwise"], dict.fromkeys(ALGORITHMS, others) | why_not
    pixels = math.prod(spec.out_size[-2:])
    if not request.prepared:
        why_not.setdefault("narrow", "its weights are turned round ahead, for a layer")
    elif spec.out_channels // spec.groups < NARROW_WIDTH:
        why_not.setdefault("narrow", f"it is for at least {NARROW_WIDTH} output channels a group")
    elif 10 * pixels >= 9 * rounded_up(pixels, LANES):
        why_not.setdefault("narrow", "whole vectors of pixels are filled")
    # Of groups, each is transformed by itself: with 16 or 32 channels that takes longer than their products.
    fewest = 16 if spec.groups == 1 else 48
    if min(spec.channels, spec.out_channels) // spec.groups < fewest:
        for name in WINOGRAD:
            why_not.setdefault(name, f"transforms of less than {fewest} channels cost more than they save")
    plain: ConvAlgorithm = "gemm" if "narrow" in why_not else "narrow"
    if plain == "narrow":
        why_not["gemm"] = "its vectors of pixels would be filled badly"
    tiles: dict[ConvAlgorithm, int] = {plain: -1 if plain == "narrow" else 0, **WINOGRAD}
    seconds = {name: _seconds(spec, request, tile) for name, tile in tiles.items() if name not in why_not}
    best = min(seconds, key=lambda name: seconds[name])
    for name in seconds:
        if name != best:
            slower, faster = (f"{1e6 * seconds[n]:,.0f} us" for n in (name, best))
            why_not[name] = f"by the model {slower} an image, in place of {faster}"
    return best, REASONS[best], why_not


def summed_directly(spec: Conv) -> bool:
    """Whether the plain product is better off without a panel: few terms, and lanes that a row leaves empty cost less.

    Making a panel takes as long as eight output channels' products.
    """
    width = spec.out_size[-1]
    empty = rounded_up(width, LANES) - width
    return (
        len(spec.size) < 3
        and spec.stride[-1] == 1
        and math.prod(spec.kernel) > 1
        and spec.kernel[-1] <= DIRECT_WIDTH
        and math.prod(spec.kernel) * spec.channels // spec.groups <= DIRECT_TERMS
        and empty * spec.out_channels // spec.groups <= 8 * width
    )


def tiles_of(spec: Conv, tile: int) -> int:
    """Tiles of an image: dilated taps see every d-th row and column alone, so many images."""
    images = [(min(d, n), -(-n // d)) for n, d in zip(spec.out_size, spec.dilation, strict=True)]
    return math.prod(number * -(-size // tile) for number, size in images)


def _seconds(spec: Conv, request: Request, tile: int) -> float:
    """What one image would take, by the model that was fitted to measurements.

    A tile of 0 is the plain product, of -1 that of narrow planes.
    """
    channels, out_channels, out = spec.channels // spec.groups, spec.out_channels // spec.groups, spec.out_size
    weights = channels * out_channels
    if tile < 0:
        return 2 * 9 * weights * rounded_up(math.prod(out), 8) / 190e9
    if tile == 0:
        vectors = -(-math.prod(out) // LANES)
        return 2 * 9 * weights * vectors * LANES / 210e9
    elements = (tile + 2) ** 2
    vectors = -(-tiles_of(spec, tile) // LANES)
    products = 2 * elements * weights * vectors * LANES / (180e9 if vectors == 1 else 230e9)
    # Of dilated taps, element by element.
    apart = channels * LANES * 0.5e-9 if spec.dilation[1] > 1 else 0
    transforms = ((channels + out_channels) * 1.5e-9 + apart) * vectors * elements
    # What the second-level cache does not hold comes from the third; what that does not hold, from memory.
    size = 4 * elements * weights
    reading = size / (20e9 if size > 24e6 else 60e9)
    making = 0.0 if request.prepared else size / 8e9
    return max(products, reading) + transforms + making
