"""The tests under sanitizers: `python tests/sanitizers/run.py address thread valgrind`.

Each builds a copy of the sources for itself, all instruction sets that this processor has, and runs tests on it:

address   every operation's tests of compiled kernels, with AddressSanitizer and UndefinedBehaviorSanitizer: no access
          beyond what was allocated, none after it was freed, no overflow, no misaligned or null pointer.
thread    calls of every operation on several threads, from several threads at once, with ThreadSanitizer.
valgrind  a few calls of each kernel of the baseline, which runs on the synthetic CPU: nothing uninitialised decides.

Each must first find errors made on purpose (planted.py). The interpreter and its libraries are not built for a
sanitizer: what they do among themselves is not looked at.
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
# The compiled backends of tests that run on each; a name may say "numpys".
COMPILED = ["-k", "not python and not (numpy and not numpys)"]
REPORT = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|ERROR: LeakSanitizer")


def suites(*names):
    """Files of tests, by name."""
    return [next((ROOT / "tests").glob(f"*/test_{name}.py")).relative_to(ROOT) for name in names]


def library(name):
    """The path of a sanitizer's runtime, which must be loaded before all else."""
    done = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()).resolve()
    if not path.is_file():
        sys.exit(f"{name}: the compiler has no such library")
    return str(path)


def build(name, flags):
    """A copy of the package and its tests with kernels built for a sanitizer."""
    start = time.monotonic()
    folder = BUILDS / name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "build", ".*")
    for part in ("convlab", "src", "tests", "build/cython"):  # what is translated already is not again
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
    """Run tests to their end, whatever is found: findings, tests, and what was said of them, or "" of all that passed.

    Sanitizers report into files, of whatever process. UndefinedBehaviorSanitizer beside AddressSanitizer knows standard
    error alone, which tests must not capture.
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
    """Whether these tests failed, or the errors made on purpose were not found."""
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
    # It looks for what throws C++'s exceptions when it starts: other packages' modules bring that later.
    runtime = f"{library('libasan.so')} {library('libstdc++.so')}"
    # What is found is reported, and the tests go on.
    folder = build("address", "-fsanitize=address,undefined -fsanitize-recover=address")
    return tests(
        "AddressSanitizer, UndefinedBehaviorSanitizer", ("address", "undefined"), pytest("--numprocesses", JOBS, "-s"),
        [*suites(*OPERATIONS), *COMPILED], folder,
        # Leaks: the interpreter keeps what it allocated until the process ends.
        LD_PRELOAD=runtime, ASAN_OPTIONS=f"detect_leaks=0:halt_on_error=0:log_path={folder / 'report'}",
        UBSAN_OPTIONS="print_stacktrace=1", CONVLAB_EXPECT_ISA="numpy",
    )  # fmt: skip


def thread():
    flags = "-fsanitize=thread"
    folder = build("thread", flags)
    # Addresses that are not random, where the kernel lets a process say so: the shadow memory wants some of them.
    fixed = ["setarch", os.uname().machine, "-R"] if shutil.which("setarch") else []
    options = f"halt_on_error=0:exitcode=66:log_path={folder / 'report'}:suppressions={HERE / 'thread.supp'}"
    if pool_under(folder, fixed, flags, options):
        return True
    # Not what is about processes, or about time.
    chosen = ["-k", "not fork and not several and not environment and not threadpoolctl and not spins and not daemon"]
    return tests(
        "ThreadSanitizer", ("thread",), [*fixed, *pytest()], [*suites("threads", "stress"), *chosen],
        folder, LD_PRELOAD=library("libtsan.so"), CONVLAB_EXPECT_ISA="numpy", TSAN_OPTIONS=options,
    )  # fmt: skip


def pool_under(folder, fixed, flags, options):
    """Run the test of the pool of threads alone; ThreadSanitizer knows no child of a process with threads."""
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
        # Reports are paragraphs; the interpreter's and NumPy's own are none of ours.
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
