"""Test the wheel with each CPython of this machine, with the oldest NumPy and the newest: `make matrix`.

Each new environment runs `convlab info`, `convlab demo`, and the operations' tests; the first one runs all tests.
"""

import re
import shutil
from pathlib import Path

from common import BUILD, QUICK, TEST_REQUIRES, copy_tests, fresh, outcome, run, say, table, wheel

PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
OLDEST = {"3.11": "2.0", "3.12": "2.0", "3.13": "2.1"}  # the first NumPy with a wheel for it, from 2.0 on


def pythons():
    """Return version -> interpreter, of the system and of pyenv."""
    for version in PYTHONS:
        candidates = [
            *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")),
            shutil.which(f"python{version}"),
        ]
        for python in filter(None, reversed(candidates)):
            if re.fullmatch(version + r"\n", run(python, "-c", VERSION, check=False)):
                yield version, python
                break


VERSION = "import sys, venv; print('%d.%d' % sys.version_info[:2])"


def main():
    rows, folder = [], copy_tests(BUILD / "matrix/tests")
    for version, python in pythons():
        numpys = [f"numpy=={OLDEST[version]}.*"] if version in OLDEST else []
        for numpy in [*numpys, "numpy"]:
            say(f"CPython {version}, {numpy}")
            place = BUILD / f"matrix/{version}-{'newest' if numpy == 'numpy' else 'oldest'}"
            own = fresh(place, python, f"{wheel('x86_64')}[cli]", numpy, *TEST_REQUIRES, "pytest-xdist>=3.6")
            info = run(own.parent / "convlab", "info", cwd=folder)
            run(own.parent / "convlab", "demo", "--out", place / "demo", cwd=folder)
            tests = [] if not rows else QUICK
            text = run(
                own, "-m", "pytest", "--kernels=compiled", "-p", "no:cacheprovider", "-n", "auto", *tests, cwd=folder,
                log=place / "tests.log", check=False, CONVLAB_EXPECT_ISA="numpy",
            )  # fmt: skip
            with_numpy = run(own, "-c", "import numpy; print(numpy.__version__)").strip()
            pictures = len(list((place / "demo").iterdir()))
            rows.append([version, with_numpy, len(info.splitlines()), pictures, *outcome(text)])
    table(["CPython", "NumPy", "lines of info", "pictures of demo", "kernels", "tests"], rows)


main()
