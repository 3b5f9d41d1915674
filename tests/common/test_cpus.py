"""The default number of threads: the CPUs of the affinity and the limit of the control group."""

import os

import pytest
from support import run_python

from convlab import _cpus

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def system(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path)


V2 = {"proc/self/cgroup": "0::/kubepods/pod1/box\n"}
V1 = {"proc/self/cgroup": "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n"}


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        (V2, None),
        (V2 | {"sys/fs/cgroup/kubepods/pod1/box/cpu.max": "max 100000\n"}, None),
        (V2 | {"sys/fs/cgroup/kubepods/pod1/box/cpu.max": "100000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/kubepods/pod1/box/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/kubepods/pod1/box/cpu.max": "1000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/kubepods/cpu.max": "50000 100000\n"}, 1),  # of a parent group
        (V2 | {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),  # as seen inside a container
        (V2 | {"sys/fs/cgroup/cpu.max": "no number\n"}, None),
        (V1, None),
        (V1 | {"sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "-1\n",
               "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n"}, None),
        (V1 | {"sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "120000\n",
               "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n"}, 2),
        (V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "20000\n",
               "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 99),
    ],
)  # fmt: skip
def test_limits(tmp_path, files, limit):
    assert _cpus.available(system(tmp_path, files)) == min(HERE, limit or HERE)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity to set")
def test_affinity():
    code = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
import convlab
print(convlab.get_num_threads())
"""
    assert run_python(code).stdout.strip() == "1"
