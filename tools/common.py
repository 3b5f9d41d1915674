"""Common parts of the tools: running programs, new environments, the tests' outcome, tables."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
WHEELS = BUILD / "wheels"
# For environments that are too many or too slow for all tests: each family of operations on each backend, the bytes
# that every instruction set must give (tests/hashes.py), and the choice of the backend.
FAMILIES = ("conv/test_conv2d", "pool/test_pool2d", "filter/test_separable")
QUICK = [f"tests/{name}.py" for name in ("common/test_hashes", "common/test_dispatch", "rank/test_ranking", *FAMILIES)]
# Tests that take minutes on an emulator: the corpus, the order of sums, random calls of every operation, and all tests
# of three families. Not tests that start another interpreter, because it would not be emulated, and not the fallback,
# which runs the same code everywhere.
EMULATED = [f"tests/{name}.py" for name in ("common/test_hashes", "common/test_bits", "common/test_fuzz", *FAMILIES)]
EMULATED += ["-k", "not numpy and not python"]
TEST_REQUIRES = ["pytest>=8.0", "hypothesis>=6.100", "threadpoolctl>=3.5"]


def run(*command, log=None, check=True, cwd=ROOT, **environment):
    """Run a program; write its output to `log` and return it as text."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CONVLAB_", "PYTHON"))}
    clean |= {k: str(v) for k, v in environment.items()}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=clean,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    if log is not None:
        Path(log).write_text(done.stdout)
    if check and done.returncode:
        sys.exit(f"{done.stdout[-3000:]}\nfailed ({done.returncode}): {' '.join(map(str, command))}; all in {log}")
    return done.stdout


def say(text):
    print(f"==> {text}", flush=True)


def prepare(*programs):
    """Install the programs that are not on this machine, or exit with one line that lists them."""
    if subprocess.run([ROOT / "tools/prepare.sh", *programs], check=False).returncode:
        sys.exit(1)


def wheel(machine):
    """Return the wheel that `make wheels` built for a processor."""
    found = sorted(WHEELS.glob(f"*abi3-*{machine}.whl"))
    if not found:
        sys.exit(f"no wheel for {machine} in {WHEELS}; run `make wheels` first")
    return found[-1]


def fresh(folder, python, *requirements):
    """Create a virtual environment with the requirements and return its interpreter."""
    shutil.rmtree(folder, ignore_errors=True)
    if Path(python).resolve() == Path(sys.executable).resolve():
        venv.create(folder, with_pip=True)
    else:
        run(python, "-m", "venv", folder)
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", *requirements)
    return folder / "bin/python"


def copy_tests(folder):
    """Copy the tests to a folder outside the source tree, so that they do not import its package."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def outcome(text):
    """Return the best instruction set and the last line's numbers of pytest's output; exit if a test failed."""
    isa = re.findall(r"compiled kernels: (\w+)", text)
    last = re.findall(r"=+ (.*(?:passed|failed|error).*) =+", text)
    if not isa or not last or "failed" in last[-1] or "error" in last[-1]:
        sys.exit(f"{text[-5000:]}\nthe tests did not pass")
    return isa[-1], last[-1]


def table(head, rows):
    """Print a table in Markdown."""
    rows = [head, *rows]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(head))]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
