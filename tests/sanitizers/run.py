"""The tests under sanitizers: `python tests/sanitizers/run.py address thread valgrind`.

Each builds a copy of the sources for itself, all instruction sets that this processor has, and runs tests on it:

address   every operation's tests of compiled kernels, with AddressSanitizer and UndefinedBehaviorSanitizer: no access
          beyond what was allocated, none after it was freed, no overflow, no misaligned or null pointer.
thread    calls of every operation on several threads, from several threads at once, with ThreadSanitizer.
valgrind  a few calls of each kernel of the baseline, which runs on the synthetic CPU: nothing uninitialised decides.

The interpreter and its libraries are not built for a sanitizer: what they do among themselves is not looked at.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUILDS = ROOT / "build" / "sanitize"
OPERATIONS = [
    "test_filter2d.py", "test_filter_bank.py", "test_filter_masked.py", "test_filter_fft.py", "test_separable.py",
    "test_box.py", "test_imaging.py", "test_ranking.py", "test_pool2d.py", "test_pool_options.py", "test_conv2d.py",
    "test_conv_axes.py", "test_conv_algorithms.py", "test_fuzz.py",
]  # fmt: skip
REPORT = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|ERROR: LeakSanitizer")


def library(name):
    """The path of a sanitizer's runtime, which must be loaded before all else."""
    done = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()).resolve()
    if not path.is_file():
        sys.exit(f"{name}: the compiler has no such library")
    return str(path)


def build(name, flags):
    """A copy of the package and its tests with kernels built for a sanitizer."""
    folder = BUILDS / name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "build", ".*")
    for part in ("convlab", "src", "tests"):
        shutil.copytree(ROOT / part, folder / part, dirs_exist_ok=True, ignore=ignore)
    for part in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / part, folder)
    environment = os.environ | {
        "CC": str(HERE / "cc"), "SANITIZE": flags, "CONVLAB_BUILD": "require", "PYTHONPATH": str(folder),
    }  # fmt: skip
    jobs = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    log = folder / "build.log"
    with log.open("w") as out:
        done = subprocess.run(
            [sys.executable, "setup.py", "build_ext", "--inplace", "--parallel", jobs],
            cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(log.read_text()[-3000:])
    return folder


def run(name, command, folder, **environment):
    """Run tests to their end, whatever is found, and count."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CONVLAB_")}
    log = folder / "run.log"
    with log.open("w") as out:
        done = subprocess.run(
            command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, check=False,
            env=clean | {"PYTHONPATH": f"{folder}{os.pathsep}{folder / 'tests'}"} | environment,
        )  # fmt: skip
    text = log.read_text(errors="replace")
    findings = len(REPORT.findall(text))
    passed = sum(int(n) for n in re.findall(r"(\d+) (?:passed|calls)\b", text.splitlines()[-1] if text else ""))
    print(f"{name}: {findings} findings in {passed} tests", flush=True)
    if findings or done.returncode or not passed:
        print(text[-6000:])
    return bool(findings or done.returncode or not passed)


def pytest(*arguments):
    return [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--kernels=compiled",
        *arguments,
    ]  # fmt: skip


def address():
    flags = "-fsanitize=address,undefined"  # what is undefined is reported, and the tests go on
    folder = build("address", flags)
    tests = [f"tests/{name}" for name in OPERATIONS]
    # Leaks: the interpreter keeps what it allocated until the process ends.
    return run(
        "address and undefined behaviour", pytest("-s", *tests, "-k", "not python and not numpy"), folder,
        LD_PRELOAD=library("libasan.so"), ASAN_OPTIONS="detect_leaks=0:abort_on_error=0",
        UBSAN_OPTIONS="print_stacktrace=1", OMP_NUM_THREADS="2",
    )  # fmt: skip


def thread():
    flags = "-fsanitize=thread"
    folder = build("thread", flags)
    runtime = folder / "libgomp.so"
    subprocess.run(
        ["cc", "-O1", "-g", "-fPIC", "-shared", "-pthread", flags, str(HERE / "gomp.c"), "-o", str(runtime)], check=True
    )
    # Addresses that are not random, where the kernel lets a process say so: the shadow memory wants some of them.
    fixed = ["setarch", os.uname().machine, "-R"] if shutil.which("setarch") else []
    # Not what is about processes, or about GNU's OpenMP itself.
    chosen = ["-k", "not fork and not several and not limits and not spins"]
    return run(
        "threads", [*fixed, *pytest("-s", "tests/test_threads.py", "tests/test_stress.py", *chosen)], folder,
        LD_PRELOAD=f"{library('libtsan.so')} {runtime}", TSAN_OPTIONS="halt_on_error=0:exitcode=66",
        OMP_NUM_THREADS="4",
    )  # fmt: skip


def valgrind():
    if shutil.which("valgrind") is None:
        sys.exit("valgrind: not found; install it, for example by: apt-get install valgrind")
    folder = BUILDS / "valgrind"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "valgrind.log"
    command = [
        "valgrind", "--error-limit=no", f"--log-file={log}", "--num-callers=30", sys.executable,
        str(HERE / "calls.py"), "130",
    ]  # fmt: skip
    failed = run(
        "valgrind, calls", command, folder, CONVLAB_ISA="baseline", PYTHONMALLOC="malloc", OMP_NUM_THREADS="2",
        PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    )  # fmt: skip
    # Reports are paragraphs; the interpreter's and NumPy's own are none of ours.
    reports = re.split(r"\n==\d+== \n", log.read_text(errors="replace"))
    ours = [report for report in reports if "_kernels" in report and " at 0x" in report]
    print(f"valgrind: {len(ours)} findings in the kernels")
    print("\n\n".join(ours[:5]))
    return failed or bool(ours)


if __name__ == "__main__":
    tools = {"address": address, "thread": thread, "valgrind": valgrind}
    failed = [name for name in sys.argv[1:] if tools[name]()]
    sys.exit(f"failed: {failed}" if failed else 0)
