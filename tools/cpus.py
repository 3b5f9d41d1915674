"""Test the wheels on their processors: `make cpus`, after `make wheels`.

QEMU's user mode emulates older x86-64 processors and aarch64. Each must choose the instruction set named here and pass
the operations' tests, including the corpus of hashes: the same bytes from AVX2, AVX-512 and NEON.
"""

import platform
import shlex
import sys

from common import (
    BUILD,
    EMULATED,
    QUICK,
    ROOT,
    TEST_REQUIRES,
    copy_tests,
    fresh,
    outcome,
    prepare,
    run,
    say,
    table,
    wheel,
)

# Emulated processor -> the instruction set that it must choose (QEMU has no AVX-512).
X86 = {"Nehalem": "baseline", "SandyBridge": "baseline", "Haswell": "avx2"}


def x86():
    python = fresh(BUILD / "cpus/x86", sys.executable, wheel("x86_64"), *TEST_REQUIRES)
    folder = copy_tests(BUILD / "cpus/tests")
    for cpu, expected in [*X86.items(), ("this machine", "numpy")]:
        say(cpu)
        emulator = ["qemu-x86_64-static", "-cpu", cpu] if cpu in X86 else []
        # NumPy's maximum with AVX2, which the tests compare with, is wrong under QEMU 7.2.
        numpy = {"NPY_DISABLE_CPU_FEATURES": "X86_V3"} if expected == "avx2" else {}
        text = run(
            *emulator, python, "-m", "pytest", "--kernels=compiled", "-p", "no:cacheprovider",
            *(EMULATED if cpu in X86 else QUICK), cwd=folder,
            log=BUILD / f"cpus/{cpu.replace(' ', '-')}.log", check=False, CONVLAB_EXPECT_ISA=expected, **numpy,
        )  # fmt: skip
        yield [cpu, *outcome(text)]


def aarch64():
    """Test in the image of `make wheels`, because the emulator needs the libraries of a whole system."""
    say("aarch64")
    folder = copy_tests(BUILD / "cpus/tests-aarch64")
    built = wheel("aarch64")
    steps = [
        "python3 -m venv /tmp/fresh",
        f"/tmp/fresh/bin/pip install --quiet /wheels/{built.name} {' '.join(map(repr, TEST_REQUIRES))}",
        "cd /tests",
        f"/tmp/fresh/bin/python -m pytest --kernels=compiled -p no:cacheprovider {shlex.join(EMULATED)}",
    ]
    text = run(
        "podman", "run", "--rm", "--network=host", "--arch", "arm64", "--env", "CONVLAB_EXPECT_ISA=neon",
        "--volume", f"{folder}:/tests", "--volume", f"{built.parent}:/wheels", "localhost/convlab-arm64",
        "sh", "-c", " && ".join(steps),
        log=BUILD / "cpus/aarch64.log", check=False, CONTAINERS_CONF=ROOT / "tools/containers.conf",
    )  # fmt: skip
    return ["aarch64", *outcome(text)]


def main():
    if platform.machine() != "x86_64":
        sys.exit("needs an x86-64 machine, on which QEMU's user mode emulates older x86-64 processors and aarch64")
    prepare("podman", "runc", "qemu-x86_64-static", "qemu-aarch64-static")
    (BUILD / "cpus").mkdir(parents=True, exist_ok=True)
    table(["processor", "kernels chosen", "tests"], [*x86(), aarch64()])


main()
