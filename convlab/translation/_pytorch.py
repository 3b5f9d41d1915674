"""PyTorch's functions: convlab's convolutions and pools have the same names and arguments."""

from ._rules import Rule, given, no_padding, same, text

F = "torch.nn.functional."


def conv(axes: int) -> Rule:
    return Rule(
        f"{F}conv{axes}d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)",
        f"convlab.conv{axes}d",
        (text("input"), text("weight")),
        same("bias", "stride", "padding", "dilation", "groups"),
    )


def conv_transpose(axes: int) -> Rule:
    return Rule(
        f"{F}conv_transpose{axes}d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, "
        "dilation=1)",
        f"convlab.conv_transpose{axes}d",
        (text("input"), text("weight")),
        same("bias", "stride", "padding", "output_padding", "groups", "dilation"),
    )


def max_pool(axes: int) -> Rule:
    return Rule(
        f"{F}max_pool{axes}d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, "
        "return_indices=False)",
        f"convlab.max_pool{axes}d",
        (text("input"), text("kernel_size")),
        same("stride", "padding", "dilation", "ceil_mode", "return_indices"),
    )


def avg_pool(axes: int) -> Rule:
    divisor = "" if axes == 1 else ", divisor_override=None"
    return Rule(
        f"{F}avg_pool{axes}d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"
        f"{divisor})",
        f"convlab.avg_pool{axes}d",
        (text("input"), text("kernel_size")),
        same("stride", "padding", "ceil_mode", "count_include_pad", *(["divisor_override"] if divisor else [])),
    )


def lp_pool(axes: int) -> Rule:
    return Rule(
        f"{F}lp_pool{axes}d(input, norm_type, kernel_size, stride=None, ceil_mode=False)",
        f"convlab.lp_pool{axes}d",
        (text("input"), text("norm_type"), text("kernel_size")),
        same("stride", "ceil_mode"),
        note="convlab takes absolute values; PyTorch does not: an odd norm of negative numbers is NaN there",
    )


def adaptive(kind: str, axes: int) -> Rule:
    indices = ", return_indices=False" if kind == "max" else ""
    return Rule(
        f"{F}adaptive_{kind}_pool{axes}d(input, output_size{indices})",
        f"convlab.adaptive_{kind}_pool{axes}d",
        (text("input"), text("output_size")),
        {"return_indices": given("return_indices")} if indices else {},
    )


def unpool(axes: int) -> Rule:
    return Rule(
        f"{F}max_unpool{axes}d(input, indices, kernel_size, stride=None, padding=0, output_size=None)",
        f"convlab.max_unpool{axes}d",
        (text("input"), text("indices"), text("kernel_size")),
        same("stride", "padding", "output_size"),
    )


RULES = (
    Rule(f"{F}pad(input, pad, mode='constant', value=None)", "", (no_padding("PyTorch", "mode"),)),
    *(
        rule
        for axes in (1, 2, 3)
        for rule in (
            conv(axes),
            conv_transpose(axes),
            max_pool(axes),
            avg_pool(axes),
            lp_pool(axes),
            adaptive("avg", axes),
            adaptive("max", axes),
            unpool(axes),
        )
    ),
)
