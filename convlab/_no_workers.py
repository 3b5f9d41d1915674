"""The settings of the pool of threads where its module, `_kernels.convlab_workers`, was not built."""

_cap = _cpus = 1


def set_cap(n: int) -> None:
    """Let a call use n threads, unless it says otherwise."""
    global _cap
    _cap = n


def get_cap() -> int:
    """Return what set_cap set last."""
    return _cap


def set_cpus(n: int) -> None:
    """Let at most n threads work at a time."""
    global _cpus
    _cpus = n


def get_cpus() -> int:
    """Return what set_cpus set last."""
    return _cpus


def set_main_thread() -> None:
    """Do nothing: no kernel asks for signals."""


def end() -> None:
    """Do nothing: no kernel asks for signals."""
