"""What the tools share: running programs, fresh environments, the tests' outcome, tables."""

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
# For environments too many or too slow for all tests: each family of operations on each backend, the bytes that every
# instruction set must give (tests/hashes.py), and what chooses among backends.
FAMILIES = ("conv/test_conv2d", "pool/test_pool2d", "filter/test_separable")
QUICK = [f"tests/{name}.py" for name in ("common/test_hashes", "common/test_dispatch", "rank/test_ranking", *FAMILIES)]
# What an emulator does in minutes: the corpus, the order of sums, random calls of every operation, and three families
# whole. Tests that start an interpreter of their own are not among them, since it would not be emulated, and the
# fallback would prove nothing.
EMULATED = [f"tests/{name}.py" for name in ("common/test_hashes", "common/test_bits", "common/test_fuzz", *FAMILIES)]
EMULATED += ["-k", "not numpy and not python"]
TEST_REQUIRES = ["pytest>=8.0", "hypothesis>=6.100", "threadpoolctl>=3.5"]


def run(*command, log=None, check=True, cwd=ROOT, **environment):
    """Run a program; what it prints goes to `log` and comes back as text."""
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
    """Programs that must be on this machine: installed, or one line that says what is missing."""
    if subprocess.run([ROOT / "tools/prepare.sh", *programs], check=False).returncode:
        sys.exit(1)


def wheel(machine):
    """The wheel that `make wheels` left for a processor."""
    found = sorted(WHEELS.glob(f"*abi3-*{machine}.whl"))
    if not found:
        sys.exit(f"no wheel for {machine} in {WHEELS}: `make wheels` first")
    return found[-1]


def fresh(folder, python, *requirements):
    """A new virtual environment with the requirements; its interpreter."""
    shutil.rmtree(folder, ignore_errors=True)
    if Path(python).resolve() == Path(sys.executable).resolve():
        venv.create(folder, with_pip=True)
    else:
        run(python, "-m", "venv", folder)
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", *requirements)
    return folder / "bin/python"


def tests_beside(folder):
    """The tests away from the source tree, whose package must not be what they import."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def outcome(text):
    """From what pytest printed: the best instruction set, and the last line's numbers. Failures end the program."""
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
