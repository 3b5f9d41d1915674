"""Test the thread pool on other systems: `make platforms`.

tests/workers/pool.c is compiled and run for this machine, for aarch64 under QEMU, and for Windows under Wine. QEMU does
not test the memory order of aarch64; for this the pool relies on C11 atomics, which ThreadSanitizer checks
(`make sanitize`). For macOS zig compiles and links the test, but it does not run.
"""

import subprocess
import sys

from common import BUILD, ROOT, prepare, run, say, table

SOURCE = ROOT / "tests/workers/pool.c"
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", SOURCE]


def main():
    prepare("aarch64-linux-gnu-gcc", "qemu-aarch64-static", "x86_64-w64-mingw32-gcc", "wine")
    folder = BUILD / "platforms"
    folder.mkdir(parents=True, exist_ok=True)
    zig = [sys.executable, "-m", "ziglang", "cc"]
    # System: compiler, program, the command that runs it, and the divisor of the number of repetitions.
    systems = {
        "this machine": (["cc"], "pool", [], 1),
        "aarch64 under QEMU": (["aarch64-linux-gnu-gcc", "-static"], "pool-aarch64", ["qemu-aarch64-static"], 50),
        "Windows under Wine": (["x86_64-w64-mingw32-gcc", "-static"], "pool.exe", ["wine"], 50),
        "macOS, x86-64": ([*zig, "-target", "x86_64-macos"], "pool-macos-x86_64", None, 1),
        "macOS, aarch64": ([*zig, "-target", "aarch64-macos"], "pool-macos-aarch64", None, 1),
        "musl, x86-64": ([*zig, "-target", "x86_64-linux-musl", "-static"], "pool-musl", [], 10),
    }
    rows = []
    for name, (compiler, program, runner, scale) in systems.items():
        say(name)
        run(*compiler, *FLAGS, "-o", folder / program, log=folder / f"{program}.log")
        outcome = "compiled and linked"
        if runner is not None:
            done = subprocess.run(
                [*runner, folder / program, str(scale)], capture_output=True, text=True, timeout=600, check=False
            )
            print(done.stdout, end="", flush=True)
            lines = done.stdout.split("\n")
            outcome = "all good" if done.returncode == 0 and "all good" in done.stdout.replace("\r", "") else lines[-2:]
        rows.append([name, outcome])
    table(["system", "outcome"], rows)
    if any(outcome not in ("all good", "compiled and linked") for _, outcome in rows):
        sys.exit(1)


main()
