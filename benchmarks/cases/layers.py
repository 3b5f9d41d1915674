"""Cases of network convolutions: layers of known networks, transposes, signals, volumes, small calls."""

from dataclasses import replace

from .case import Case
from .conv import Conv


def _both(group: str, name: str, shape: tuple[int, ...], required: float, conv: Conv) -> tuple[Case, Case]:
    """Return a case of the layer with prepared weights, and one of the function."""
    return (
        Case(f"layer {name}", group, shape, conv=replace(conv, prepared=True), required=required),
        Case(f"conv2d {name}", f"{group}, conv2d", shape, conv=conv, required=required),
    )


def layer_cases() -> list[Case]:
    """Return the layers of known networks, by kind."""
    kinds: dict[str, tuple[float, list[tuple[str, tuple[int, ...], Conv]]]] = {
        "Convolution 3x3": (1.0, [
            (f"3x3 {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, 3, padding=1))
            for c, m, side in (
                (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 512, 28),
                (512, 512, 28), (512, 512, 14), (64, 64, 56), (128, 128, 28), (256, 256, 14), (512, 512, 7),
            )
        ]),
        "Convolution 3x3 strided and 7x7": (0.95, [
            ("7x7/2 3-64 224x224", (1, 3, 224, 224), Conv(64, 7, 2, 3)),
            *(
                (f"3x3/2 {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, 3, 2, 1))
                for c, m, side in ((64, 128, 56), (128, 256, 28), (256, 512, 14))
            ),
        ]),
        "Convolution 1x1": (0.95, [
            (f"1x1{'/2' if s == 2 else ''} {c}-{m} {side}x{side}", (1, c, side, side), Conv(m, 1, s))
            for c, m, side, s in (
                (64, 256, 56, 1), (256, 64, 56, 1), (128, 512, 28, 1), (512, 128, 28, 1), (256, 1024, 14, 1),
                (1024, 256, 14, 1), (512, 2048, 7, 1), (2048, 512, 7, 1), (256, 512, 56, 2), (512, 1024, 28, 2),
                (1024, 2048, 14, 2),
            )
        ]),
        "Depthwise": (1.0, [
            (f"depthwise {k}x{k}{'/2' if s == 2 else ''} {c} {side}x{side}", (1, c, side, side),
             Conv(c, k, s, k // 2, groups=0))
            for c, k, side, s in (
                (32, 3, 112, 1), (64, 3, 112, 2), (96, 3, 112, 2), (144, 3, 56, 1), (256, 3, 28, 2), (512, 3, 14, 1),
                (512, 3, 14, 2), (960, 3, 7, 1),
                (72, 5, 56, 2), (120, 5, 28, 1), (672, 5, 14, 1), (672, 5, 14, 2), (960, 5, 7, 1),
                (96, 7, 56, 1), (192, 7, 28, 1), (384, 7, 14, 1), (768, 7, 7, 1),
            )
        ]),
        "Few channels": (1.0, [
            ("3x3 1-32 512x512", (1, 1, 512, 512), Conv(32, 3, padding=1)),
            ("3x3 3-64 224x224", (1, 3, 224, 224), Conv(64, 3, padding=1)),
            ("LeNet 5x5 1-6 28x28 batch 32", (32, 1, 28, 28), Conv(6, 5, padding=2)),
            ("LeNet 5x5 6-16 14x14 batch 32", (32, 6, 14, 14), Conv(16, 5)),
            ("MNIST 3x3 1-32 28x28 batch 64", (64, 1, 28, 28), Conv(32, 3)),
            ("MNIST 3x3 32-64 26x26 batch 64", (64, 32, 26, 26), Conv(64, 3)),
        ]),
        "Dilated and grouped": (1.0, [
            ("3x3 dilation 2 256-256 32x32", (1, 256, 32, 32), Conv(256, 3, 1, 2, 2)),
            ("3x3 dilation 12 512-256 32x32", (1, 512, 32, 32), Conv(256, 3, 1, 12, 12)),
            *(
                (f"3x3 32 groups {c} {side}x{side}", (1, c, side, side), Conv(c, 3, 1, 1, groups=32))
                for c, side in ((128, 56), (256, 28), (512, 14), (1024, 7))
            ),
        ]),
    }  # fmt: skip
    made: list[Case] = []
    for group, (required, entries) in kinds.items():
        pairs = [_both(group, name, shape, required, conv) for name, shape, conv in entries]
        made += [layer for layer, _ in pairs] + [function for _, function in pairs]
    made += [
        Case(name, "Transposes, signals, volumes", shape, conv=conv, required=1.0)
        for name, shape, conv in (
            ("conv_transpose2d DCGAN 4x4/2 512-256 8x8", (1, 512, 8, 8), Conv(256, 4, 2, 1, transposed=True)),
            ("conv_transpose2d DCGAN 4x4/2 128-64 32x32", (1, 128, 32, 32), Conv(64, 4, 2, 1, transposed=True)),
            ("conv_transpose2d U-Net 2x2/2 128-64 56x56", (1, 128, 56, 56), Conv(64, 2, 2, transposed=True)),
            ("conv_transpose1d 16/8 64-32 2000", (1, 64, 2000), Conv(32, 16, 8, 4, transposed=True)),
            ("conv_transpose3d 2x2x2/2 64-32 12x12x12", (1, 64, 12, 12, 12), Conv(32, 2, 2, transposed=True)),
            ("conv1d 9 64-64 16000", (1, 64, 16000), Conv(64, 9, 1, 4)),
            ("conv1d 25/4 1-32 64000", (1, 1, 64000), Conv(32, 25, 4, 12)),
            ("conv3d 3x3x3 3-64 16x112x112", (1, 3, 16, 112, 112), Conv(64, 3, 1, 1)),
            ("conv3d 3x3x3 64-64 8x28x28", (1, 64, 8, 28, 28), Conv(64, 3, 1, 1)),
            ("conv3d 3x3x3 1-16 64x64x64", (1, 1, 64, 64, 64), Conv(16, 3, 1, 1)),
        )
    ]
    made += [
        Case(f"conv2d {k}x{k} {c}-{m} {side}x{side}", "Small convolutions", (1, c, side, side), conv=Conv(m, k, 1, p),
             required=1.5)
        for c, m, side, k, p in (
            (1, 1, 8, 3, 1), (8, 16, 8, 1, 0), (3, 8, 16, 3, 1), (8, 8, 16, 3, 1), (4, 8, 28, 3, 1), (1, 4, 28, 5, 0),
        )
    ]  # fmt: skip
    return made
