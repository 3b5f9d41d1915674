"""The name of this machine's processor."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

__all__ = ["cpu_name"]


def cpu_name() -> str:
    """Return the processor's product name, or the architecture if the system gives no name."""
    name = {"Linux": _linux, "Darwin": _macos}.get(platform.system(), platform.processor)()
    return name or platform.machine() or "unknown"


def _linux() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")  # Linux on ARM gives no name here


def _macos() -> str:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        return run.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
