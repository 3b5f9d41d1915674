"""The C test of the thread pool (pool.c), native; `make platforms` runs it on other processors and systems."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src/common/workers.c"


@pytest.mark.skipif(not SOURCE.is_file(), reason="the sources are not beside these tests")
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_pool(tmp_path):
    program = tmp_path / "pool"
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    subprocess.run(["cc", *flags, str(HERE / "pool.c"), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.splitlines()[-1] == "all good", done.stdout
    assert done.returncode == 0
