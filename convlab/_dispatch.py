"""Which build of a kernel serves a call, and the words that choose among them.

A backend is a set of functions, one for each of _registry.KERNELS: compiled, a folder of _kernels for each instruction
set, in it one module with all kernels; or numpy, the module _fallback. The third word, python, means the lesson's own
loops (convlab.reference), which serve whole operations and no kernels. No compiled module is imported before the CPU
has been asked.
"""

import importlib
import os
import platform
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, TypedDict, get_args

from convlab import _errors, _importing
from convlab._blocks import Setting
from convlab._registry import BY_NAME, OPERATIONS
from convlab.typing import BackendWord, IsaWord

BACKEND_WORDS: tuple[BackendWord, ...] = get_args(BackendWord)
ISA_WORDS: tuple[IsaWord, ...] = get_args(IsaWord)


class Functions(dict[str, Callable[..., Any]]):
    """Kernel name -> function, of an instruction set or the fallback; its module is imported when first needed."""

    def __init__(self, isa: str) -> None:
        self.isa = isa

    def __missing__(self, kernel: str) -> Callable[..., Any]:
        with _importing.lock:
            fallback = f"convlab._fallback.{BY_NAME[kernel].fallback}"
            module = _library(self.isa) if self.isa else importlib.import_module(fallback)
        self[kernel] = getattr(module, kernel)
        return self[kernel]


@dataclass(frozen=True, eq=False)
class Backend:
    """Functions of one origin. `isa` is empty for those that no compiler made."""

    name: str
    isa: str
    functions: dict[str, Callable[..., Any]]

    def label(self, kernel: str) -> str:
        return f"{kernel}[{self.name}/{self.isa}]" if self.isa else f"{kernel}[{self.name}]"


NUMPY = Backend("numpy", "", Functions(""))
PYTHON = Backend("python", "", {})
SCIPY = Backend("scipy", "", {})  # what the drop-ins hand over to


@cache
def cpu_isas() -> tuple[str, ...]:
    """The instruction sets that this CPU and its system can run, best first."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return ("neon",)
    try:
        cpu = importlib.import_module("convlab._kernels.cpu")
    except ImportError:
        return ("baseline",)
    return ("avx512", "avx2", "baseline")[2 - cpu.x86_level() :]


@cache
def is_built(isa: str) -> bool:
    """Whether this installation has the kernels for an instruction set. Imports none of them."""
    return find_spec(f"convlab._kernels.{isa}.kernels") is not None


@cache
def built_isas() -> tuple[str, ...]:
    """The instruction sets that this installation has kernels for and this CPU can run, best first."""
    return tuple(filter(is_built, cpu_isas()))


def _library(isa: str) -> ModuleType:
    """The module of an instruction set's kernels. It is entered in sys.modules when it is whole, not before.

    A signal's handler that comes in between imports it once more, which does no harm.
    """
    name = f"convlab._kernels.{isa}.kernels"
    if name not in sys.modules:
        spec = find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


@cache
def compiled(isa: str) -> Backend:
    """The kernels built for one of built_isas()."""
    return Backend("compiled", isa, Functions(isa))


def _choose(backend: Any, isa: Any, backend_name: str, isa_name: str) -> Backend:
    """The backend that two words ask for, or the error that names them as the user knows them."""
    if not isinstance(backend, str) or backend not in BACKEND_WORDS:
        raise _errors.wrong_word(backend_name, backend, BACKEND_WORDS)
    if not isinstance(isa, str) or isa not in ISA_WORDS:
        raise _errors.wrong_word(isa_name, isa, ISA_WORDS)
    if isa == "baseline" and cpu_isas() == ("neon",):
        isa = "neon"
    if isa != "auto" and isa not in cpu_isas():
        if not built_isas():  # then nothing could ask the CPU either
            raise _errors.not_built(isa_name, isa, ("auto",))
        raise _errors.not_on_this_cpu(isa_name, isa, ("auto", *cpu_isas()))
    if backend == "python":
        return PYTHON
    if backend == "numpy":
        return NUMPY
    if isa != "auto":
        if not is_built(isa):
            raise _errors.not_built(isa_name, isa, ("auto", *built_isas()))
        return compiled(isa)
    best = next(filter(is_built, cpu_isas()), None)  # no look at the others: each takes a millisecond of the import
    if best is not None:
        return compiled(best)
    if backend == "compiled":
        raise _errors.not_built(backend_name, backend, ("auto", "numpy", "python"))
    return NUMPY


_default = _choose(
    os.environ.get("CONVLAB_BACKEND", "auto"),
    os.environ.get("CONVLAB_ISA", "auto"),
    "CONVLAB_BACKEND",
    "CONVLAB_ISA",
)
_backends: Setting[Backend] = Setting("use_backend")
_blocks = _backends.blocks.get


def active() -> Backend:
    """The backend of the innermost block, or the process's: most calls are in no block, which is asked first."""
    return _backends.get(_default) if _blocks() else _default


def serving(compiled: bool, in_lesson: bool) -> Backend:
    """The active backend, or numpy for what has no compiled kernel or no plain loops."""
    backend = active()
    return backend if (in_lesson if backend is PYTHON else compiled) else NUMPY


By = tuple[Backend, str]
_pairs: dict[By, By] = {}

try:
    from convlab._kernels.calls import serve as _serve
    from convlab._kernels.calls import served as _served
except ImportError:  # not built
    _thread = threading.local()

    def _serve(by: By) -> None:
        _thread.by = by

    def _served() -> By | None:
        return getattr(_thread, "by", None)


def pair(backend: Backend, kernel: str) -> By:
    """The one object, never freed, that names what serves a call."""
    return _pairs.setdefault((backend, kernel), (backend, kernel))


def serve(backend: Backend, kernel: str) -> None:
    """Note what serves the calling thread's call."""
    _serve(pair(backend, kernel))


def last_kernel() -> str | None:
    """What served the calling thread's last call.

    Returns
    -------
    str or None
        The kernel's name, then its backend and instruction set in brackets; SciPy's function and ``[scipy]`` where a
        drop-in handed the call over; None before the first call.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> with convlab.use_backend("numpy"):
    ...     y = convlab.max_pool2d(np.zeros((4, 4), np.float32), 2)
    >>> convlab.last_kernel()
    'max_pool2d_2x2[numpy]'
    """
    by: By | None = _served()
    return None if by is None else by[0].label(by[1])


class KernelInfo(TypedDict):
    """What `backend()` says of one kernel."""

    backend: str
    isa: str
    available: tuple[str, ...]


class Backends(dict[str, KernelInfo]):
    """What `backend()` returns: a dict that prints as one line for each backend in force."""

    def __repr__(self) -> str:
        served: dict[str, list[str]] = {}
        for name, entry in self.items():
            served.setdefault("/".join(filter(None, (entry["backend"], entry["isa"]))), []).append(name)
        if PYTHON.name in served:
            without = ", ".join(operation.name for operation in OPERATIONS if operation.loops is None)
            served[NUMPY.name] = [f"{without}, of which convlab.reference has no loops"]
        available = ", ".join(next(iter(self.values()))["available"]) if self else "none"
        return "\n".join([*(f"{way}: {', '.join(names)}" for way, names in served.items()), f"available: {available}"])


def backend() -> dict[str, KernelInfo]:
    """Which backend and instruction set serve each kernel now, and which could.

    Returns
    -------
    dict of str to dict
        For each kernel: ``backend`` ("compiled", "numpy" or "python"), ``isa`` ("avx512", "avx2", "baseline", "neon";
        empty where nothing is compiled) and ``available``, best first. It prints as a short table.

    Examples
    --------
    >>> import convlab
    >>> with convlab.use_backend("numpy"):
    ...     convlab.backend()["max_pool2d"]["backend"]
    'numpy'
    """
    now = active()
    available = (*(f"compiled/{isa}" for isa in built_isas()), "numpy", "python")
    return Backends((name, {"backend": now.name, "isa": now.isa, "available": available}) for name in BY_NAME)


def use_backend(backend: BackendWord, isa: IsaWord = "auto") -> AbstractContextManager[None]:
    """Choose what serves the calls of a ``with`` block, in this thread or task alone.

    The object may be kept and used again, also inside its own block. Blocks may be left in any order: the innermost
    that is still open counts. A task that is started inside a block keeps the block's choice.

    Parameters
    ----------
    backend : {"auto", "compiled", "numpy", "python"}
        "auto" is compiled where this installation has kernels, else numpy; "python" is the lesson's own loops.
    isa : {"auto", "baseline", "avx2", "avx512", "neon"}
        The instruction set of compiled kernels; "auto" is the best that this CPU has.

    Raises
    ------
    ValueError
        A word that is none of these, or an instruction set that this CPU lacks.
    ImportError
        Kernels that this installation was built without.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> with convlab.use_backend("numpy"):
    ...     convlab.max_pool2d(np.eye(4), 2)
    array([[1., 0.],
           [0., 1.]])
    """
    return _backends.using(_choose(backend, isa, "backend", "isa"))
