"""The controller's side of a backend's process."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

# These make glibc keep freed memory in the process. Otherwise some calls would get their output from
# the system and others would not, and the measured time would be that of the page faults.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    # The highest allowed threshold is 32 MiB, and some results are larger.
    "MALLOC_MMAP_MAX_": "0",
}

# Libraries read these variables when they are imported.
_POOLS = ("OMP", "MKL", "OPENBLAS", "BLIS", "VECLIB", "NUMBA", "CONVLAB")


def environment_of(threads: int) -> dict[str, str]:
    """Return the environment of a process with this number of threads, which imports the same modules as this one."""
    paths = {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path), "PYTHONSAFEPATH": "1"}
    return os.environ | {f"{name}_NUM_THREADS": str(threads) for name in _POOLS} | KEEP_MEMORY | paths


class Process:
    """A process of one backend, which runs `worker.main`."""

    def __init__(self, label: str, threads: int) -> None:
        self.label = label
        backend, _, isa = label.partition("/")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "convlab.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_of(threads) | {"CONVLAB_BACKEND": backend, "CONVLAB_ISA": isa or "auto"},
        )

    def ask(self, question: Any) -> Any:
        """Return the answer: result, kernel and seconds of a case, or for None the seconds of one more sample."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(question, self._process.stdin)
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError):  # the process printed its traceback
            raise RuntimeError(f"{self.label}: its process ended with status {self._process.wait()}") from None

    def close(self) -> None:
        """End the process, even in the middle of a long call."""
        self._process.kill()
        self._process.communicate()
