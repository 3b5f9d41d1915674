"""The tests under sanitizers: `python tests/sanitizers/run.py address thread valgrind`.

Each builds a copy of the sources for all instruction sets of this processor, and runs tests on it:

address   every operation's tests of compiled kernels, with AddressSanitizer and UndefinedBehaviorSanitizer: no access
          outside allocated memory or after it was freed, no overflow, no misaligned or null pointer.
thread    calls of every operation on several threads, from several threads at once, with ThreadSanitizer.
valgrind  a few calls of each baseline kernel on valgrind's synthetic CPU: no decision depends on uninitialised memory.

Each must first find deliberate errors (planted.py). The interpreter and its libraries are not built with a sanitizer,
so their errors are not checked.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUILDS = ROOT / "build" / "sanitize"
JOBS = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
OPERATIONS = [
    "bits", "box", "conv2d", "conv_algorithms", "conv_axes", "filter2d", "filter2d_arrays", "filter_bank",
    "filter_fft", "filter_masked", "filter_rank1", "filters", "float_state", "fuzz", "hashes", "imaging", "ndimage",
    "ndimage_calls", "onnx", "onnx_models", "onnx_networks", "pool2d", "pool_kernels", "pool_options", "ranking",
    "ranking_calls", "separable", "signal", "translation",
]  # fmt: skip
# Selects the compiled backends of tests that run on every backend; a name may contain "numpys".
COMPILED = ["-k", "not python and not (numpy and not numpys)"]
REPORT = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|ERROR: LeakSanitizer")


def suites(*names):
    """Return files of tests by name."""
    return [next((ROOT / "tests").glob(f"*/test_{name}.py")).relative_to(ROOT) for name in names]


def library(name):
    """Return the path of a sanitizer's runtime, which must be loaded first."""
    done = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()).resolve()
    if not path.is_file():
        sys.exit(f"{name}: the compiler has no such library")
    return str(path)


def build(name, flags):
    """Return a copy of the package and its tests with kernels built for a sanitizer."""
    start = time.monotonic()
    folder = BUILDS / name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "build", ".*")
    for part in ("convlab", "src", "tests", "build/cython"):  # C files are not translated again
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, dirs_exist_ok=True, ignore=ignore)
    for part in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / part, folder)
    environment = os.environ | {
        "CC": str(HERE / "cc"), "SANITIZE": flags, "CONVLAB_BUILD": "require", "PYTHONPATH": str(folder),
    }  # fmt: skip
    log = folder / "build.log"
    with log.open("w") as out:
        done = subprocess.run(
            [sys.executable, "setup.py", "build_ext", "--inplace", "--parallel", JOBS],
            cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(log.read_text()[-3000:])
    print(f"{name}: built in {time.monotonic() - start:.0f} s", flush=True)
    return folder


def run(command, folder, **environment):
    """Run tests to their end, even after findings; return findings, tests, and the output, or "" if all passed.

    Sanitizers of all processes report into files. UndefinedBehaviorSanitizer together with AddressSanitizer reports
    only on standard error, which tests must not capture.
    """
    for old in folder.glob("report.*"):
        old.unlink()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CONVLAB_")}
    log = folder / "run.log"
    with log.open("w") as out:
        done = subprocess.run(
            command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, check=False,
            env=clean | {"PYTHONPATH": f"{folder}{os.pathsep}{folder / 'tests'}"} | environment,
        )  # fmt: skip
    said = log.read_text(errors="replace")
    reports = "\n".join(file.read_text(errors="replace") for file in sorted(folder.glob("report.*")))
    findings = len(REPORT.findall(reports)) + len(REPORT.findall(said))
    passed = int((re.findall(r"(\d+) (?:passed|calls)\b", said) or [0])[-1])
    failed = findings or done.returncode or not passed
    return findings, passed, f"{reports[:6000]}\n{said[-6000:]}" if failed else ""


def tests(name, kinds, command, chosen, folder, **environment):
    """Return whether these tests failed, or the deliberate errors were not found."""
    for kind in kinds:
        findings, planted, text = run([*command, f"tests/sanitizers/planted.py::test_{kind}"], folder, **environment)
        if not 0 < planted <= findings:
            print(f"{name}: of {planted} planted errors ({kind}) {findings} were found\n{text}", flush=True)
            return True
    start = time.monotonic()
    findings, passed, text = run([*command, *chosen], folder, **environment)
    print(f"{name}: {findings} findings in {passed} tests, {time.monotonic() - start:.0f} s\n{text}", flush=True)
    return bool(text)


def pytest(*arguments):
    return [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--kernels=compiled",
        *arguments,
    ]  # fmt: skip


def address():
    # At its start it searches for the C++ exception runtime, which other packages' modules load later.
    runtime = f"{library('libasan.so')} {library('libstdc++.so')}"
    # Findings are reported, and the tests continue.
    folder = build("address", "-fsanitize=address,undefined -fsanitize-recover=address")
    return tests(
        "AddressSanitizer, UndefinedBehaviorSanitizer", ("address", "undefined"), pytest("--numprocesses", JOBS, "-s"),
        [*suites(*OPERATIONS), *COMPILED], folder,
        # No leak check: the interpreter keeps its memory until the process ends.
        LD_PRELOAD=runtime, ASAN_OPTIONS=f"detect_leaks=0:halt_on_error=0:log_path={folder / 'report'}",
        UBSAN_OPTIONS="print_stacktrace=1", CONVLAB_EXPECT_ISA="numpy",
    )  # fmt: skip


def thread():
    flags = "-fsanitize=thread"
    folder = build("thread", flags)
    # Turn off random addresses, if the kernel allows it, because the shadow memory needs fixed ones.
    fixed = ["setarch", os.uname().machine, "-R"] if shutil.which("setarch") else []
    options = f"halt_on_error=0:exitcode=66:log_path={folder / 'report'}:suppressions={HERE / 'thread.supp'}"
    if pool_under(folder, fixed, flags, options):
        return True
    # Without tests of processes or of time.
    chosen = ["-k", "not fork and not several and not environment and not threadpoolctl and not spins and not daemon"]
    return tests(
        "ThreadSanitizer", ("thread",), [*fixed, *pytest()], [*suites("threads", "stress"), *chosen],
        folder, LD_PRELOAD=library("libtsan.so"), CONVLAB_EXPECT_ISA="numpy", TSAN_OPTIONS=options,
    )  # fmt: skip


def pool_under(folder, fixed, flags, options):
    """Run the C test of the thread pool; ThreadSanitizer does not support forks of a process with threads."""
    program = folder / "pool"
    source = folder / "tests/workers/pool.c"
    command = ["cc", "-std=gnu11", "-O1", "-g", "-pthread", "-DNO_FORK", flags, source, "-o", program]
    subprocess.run(command, check=True)
    findings, _, text = run([*fixed, str(program), "50"], folder, TSAN_OPTIONS=options)
    good = not findings and "all good" in text
    print(f"ThreadSanitizer, the pool alone: {findings} findings\n{'' if good else text}", flush=True)
    return not good


def valgrind():
    if shutil.which("valgrind") is None:
        sys.exit("valgrind: not found; install it, for example by: apt-get install valgrind")
    folder = BUILDS / "valgrind"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "valgrind.log"

    def found(script, *arguments):
        start = time.monotonic()
        _, calls, text = run(
            [
                "valgrind", "--error-limit=no", f"--log-file={log}", "--num-callers=30", sys.executable,
                str(HERE / script), *arguments,
            ],
            folder, CONVLAB_ISA="baseline", PYTHONMALLOC="malloc",
            PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        )  # fmt: skip
        # Reports are paragraphs; ignore those about the interpreter and NumPy.
        reports = re.split(r"\n==\d+== \n", log.read_text(errors="replace"))
        ours = [report for report in reports if "_kernels" in report and " at 0x" in report]
        print(f"valgrind, {script}: {len(ours)} findings in {calls} calls, {time.monotonic() - start:.0f} s")
        return ours, text

    if not found("planted.py")[0]:
        print("valgrind: the planted error was not found")
        return True
    ours, text = found("calls.py", "130")
    print("\n\n".join([*ours[:5], text]), flush=True)
    return bool(ours or text)


if __name__ == "__main__":
    tools = {"address": address, "thread": thread, "valgrind": valgrind}
    failed = [name for name in sys.argv[1:] if tools[name]()]
    sys.exit(f"failed: {failed}" if failed else 0)
