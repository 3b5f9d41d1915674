"""Parse a call as text: its library, its function and its arguments."""

import ast
from dataclasses import dataclass
from typing import Any

# The usual names of the libraries' modules in imports.
MODULES = {
    "cv2": "cv2",
    "cv": "cv2",
    "scipy.ndimage": "scipy.ndimage",
    "ndimage": "scipy.ndimage",
    "ndi": "scipy.ndimage",
    "nd": "scipy.ndimage",
    "scipy.signal": "scipy.signal",
    "signal": "scipy.signal",
    "skimage.filters": "skimage.filters",
    "filters": "skimage.filters",
    "torch.nn.functional": "torch.nn.functional",
    "nn.functional": "torch.nn.functional",
    "functional": "torch.nn.functional",
    "F": "torch.nn.functional",
    "torch": "torch.nn.functional",
    "numpy": "numpy",
    "np": "numpy",
}


class NoEquivalent(Exception):  # noqa: N818
    """The reason why a call has no equivalent."""


@dataclass(frozen=True)
class Bound:
    """The arguments of a call, with defaults, by the names of the function's parameters."""

    values: dict[str, ast.expr]
    defaults: dict[str, ast.expr]

    def text(self, name: str) -> str:
        return ast.unparse(self.values[name])

    def operand(self, name: str) -> str:
        """Return an argument as text to which `.shape` or `[...]` can be added."""
        value = self.values[name]
        simple = isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
        return ast.unparse(value) if simple else f"np.asarray({ast.unparse(value)})"

    def is_default(self, name: str) -> bool:
        if name not in self.defaults:
            return False
        value, default = self.values[name], self.defaults[name]
        if ast.dump(value) == ast.dump(default):
            return True
        try:
            return bool(ast.literal_eval(value) == ast.literal_eval(default))
        except (ValueError, TypeError):
            return False

    def is_none(self, name: str) -> bool:
        value = self.values[name]
        return isinstance(value, ast.Constant) and value.value is None

    def literal(self, name: str) -> Any:
        """Return the value of a literal number, word or tuple."""
        try:
            return ast.literal_eval(self.values[name])
        except (ValueError, TypeError):
            raise NoEquivalent(f"it depends on {name}: write its value instead of `{self.text(name)}`") from None

    def word(self, name: str) -> Any:
        """Return a string, a whole number, or the last part of a dotted name."""
        value = self.values[name]
        return value.attr if isinstance(value, ast.Attribute) else self.literal(name)


def parameters(signature: str) -> tuple[str, list[str], list[str], dict[str, ast.expr]]:
    """Parse a signature into its name, its positional and keyword-only parameters, and their defaults."""
    name, rest = signature.split("(", 1)
    function = ast.parse(f"def f({rest}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    positional = [a.arg for a in arguments.args]
    keyword = [a.arg for a in arguments.kwonlyargs]
    defaults = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    defaults |= {name: d for name, d in zip(keyword, arguments.kw_defaults, strict=True) if d is not None}
    return name, positional, keyword, defaults


def bind(signature: str, call: ast.Call) -> Bound:
    """Bind a call's arguments to the parameters of a signature, as Python does."""
    name, positional, keyword, defaults = parameters(signature)
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        raise NoEquivalent("arguments after * or ** are unknown; write them out")
    if len(call.args) > len(positional):
        raise NoEquivalent(f"{name} takes {len(positional)} positional arguments, but the call has {len(call.args)}")
    values = dict(zip(positional, call.args, strict=False))
    for given in call.keywords:
        assert given.arg is not None
        if given.arg in values or given.arg not in (*positional, *keyword):
            why = "twice" if given.arg in values else "which it does not know"
            raise NoEquivalent(f"{name} got the argument {given.arg} {why}")
        values[given.arg] = given.value
    missing = [p for p in (*positional, *keyword) if p not in values and p not in defaults]
    if missing:
        raise NoEquivalent(f"{name}: the argument {missing[0]} is missing")
    return Bound({**defaults, **values}, defaults)


def parsed(call: str) -> tuple[str | None, str, ast.Call]:
    """Return (library, function, call); the library is None if the call does not name it."""
    expected = 'one call as text, such as "cv2.blur(image, (3, 3))"'
    if not isinstance(call, str):
        raise TypeError(f"call: got {type(call).__name__}; expected {expected}")
    try:
        node = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"call: got {call[:80]!r}, which is not valid Python ({error}); expected {expected}") from None
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        raise ValueError(f"call: got {call[:80]!r}; expected {expected}")
    module, _, function = ast.unparse(node.func).rpartition(".")
    if module and module not in MODULES:
        raise NoEquivalent(f"{module} is not one of the known modules: {', '.join(MODULES)}")
    return (MODULES[module] if module else None), function, node
