"""Settings that ``with`` blocks change for one thread or task: the backend, the number of threads."""

from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Generic, TypeVar

from convlab import _errors

T = TypeVar("T")
changed = False  # whether any setting was ever other than the default: before that, calls need not ask


def note_change() -> None:
    """Let calls ask for settings from now on."""
    global changed
    changed = True


class _Block(Generic[T]):
    """One entered ``with`` block."""

    __slots__ = ("manager", "open", "token", "value")

    def __init__(self, manager: "Using[T]", value: T) -> None:
        self.manager, self.value, self.open = manager, value, True
        self.token: Token[tuple[_Block[T], ...]] | None = None


class Setting(Generic[T]):
    """A value with a default, which the innermost open block of the thread or task replaces."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.blocks: ContextVar[tuple[_Block[T], ...]] = ContextVar(name, default=())

    def get(self, default: T) -> T:
        """Return the value of the innermost open block, or the default."""
        blocks = self.blocks.get()
        if blocks:
            for block in reversed(blocks):
                if block.open:
                    return block.value
        return default

    def using(self, value: T) -> "Using[T]":
        return Using(self, value)


class Using(ContextDecorator, Generic[T]):
    """A context manager that sets a value; it may be entered again, inside its own block or after it.

    A context holds its open blocks from the outermost to the innermost, and leaving one takes that one out, wherever it
    stands: so blocks may be left in any order. A task that is started in a block keeps its own copy. A generator may be
    closed in another context than it ran in (by the garbage collector, or by an event loop); then the block is marked
    as closed, since the context that holds it cannot be reached.
    """

    def __init__(self, setting: Setting[T], value: T) -> None:
        self._setting, self._value = setting, value
        self._entered: dict[_Block[T], None] = {}  # by all contexts

    def __enter__(self) -> None:
        note_change()
        blocks = self._setting.blocks
        block = _Block(self, self._value)
        self._entered[block] = None
        block.token = blocks.set((*(other for other in blocks.get() if other.open), block))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        blocks = self._setting.blocks
        held = blocks.get()
        mine = [block for block in held if block.manager is self and block.open] or list(self._entered)
        if not mine:
            raise _errors.not_entered(self._setting.name)
        block = mine[-1]
        self._entered.pop(block, None)
        assert block.token is not None
        try:
            blocks.reset(block.token)
        except ValueError:  # it was entered in another context
            block.open = False
        blocks.set(tuple(other for other in held if other is not block))
