"""How many CPUs this process may use: its affinity, and the limit of its control group, as containers set it."""

import os
from collections.abc import Iterator
from pathlib import Path


def available(root: str = "/") -> int:
    """CPUs of the affinity, or as many as the control groups below `root` let run at once, rounded up."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *(int(-(-quota // period)) for quota, period in _limits(Path(root)))]))


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """(microseconds of CPU, of each so many microseconds) of the process's groups and of those that hold them."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        group = Path(path.strip("/"))
        for place in (group, *group.parents):  # within a container the path may be one of the host's
            if controllers == "":
                yield from _numbers(root / "sys/fs/cgroup" / place, "cpu.max")
            elif "cpu" in controllers.split(","):
                yield from _numbers(root / "sys/fs/cgroup/cpu" / place, "cpu.cfs_quota_us", "cpu.cfs_period_us")


def _numbers(folder: Path, *names: str) -> Iterator[tuple[int, int]]:
    """Nothing where there is no such file, or no limit: "max" in version 2, -1 in version 1."""
    try:
        quota, period = map(int, " ".join((folder / name).read_text(encoding="utf-8") for name in names).split())
    except (OSError, ValueError):
        return
    if quota > 0 and period > 0:
        yield quota, period
