"""Build the sdist and from it the wheels, as for a release; test each and print a table: `make wheels`.

cibuildwheel runs in podman on a local replacement of a manylinux image (tools/image.sh): x86-64 with the CPythons of
this machine, aarch64 with Debian's CPython under an emulator. The pure wheel is built twice, with the same bytes.
"""

import hashlib
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from common import (
    BUILD,
    EMULATED,
    QUICK,
    ROOT,
    TEST_REQUIRES,
    WHEELS,
    copy_tests,
    fresh,
    outcome,
    prepare,
    run,
    say,
    table,
)

AIM = 1_500_000  # most bytes of a wheel
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
SUITES = {"x86_64": QUICK, "aarch64": EMULATED}
# The files of the build must not contain its time.
EPOCH = {"SOURCE_DATE_EPOCH": "1577836800"}


def check_identifiers():
    """Check that the settings in pyproject.toml build the wheels that RELEASING.md lists, on every platform."""
    tags = ["cp311", "cp312", "cp313", "cp314", "cp314t", "cp315"]
    platforms = {
        "linux": ["manylinux_x86_64", "manylinux_aarch64", "musllinux_x86_64", "musllinux_aarch64"],
        "macos": ["macosx_x86_64", "macosx_arm64"],
        "windows": ["win_amd64", "win_arm64"],
    }
    for system, names in platforms.items():
        asked = run(sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--platform", system).split()
        if sorted(asked) != sorted(f"{tag}-{name}" for name in names for tag in tags):
            sys.exit(f"cibuildwheel would build for {system}: {', '.join(asked)}")


def prefixes():
    """Return tag -> prefix of this machine's CPythons that can be copied into an image, the last release of each."""
    found = {}
    for python in sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin/python3")):
        version = re.match(r"3\.(1[1-9])\.\d+$", python.parent.parent.name)
        if version:
            found[f"cp3{version[1]}"] = python.parent.parent
    return found


def build(folder, what):
    shutil.rmtree(folder, ignore_errors=True)
    source = ROOT if what == "--sdist" else next(WHEELS.glob("*.tar.gz"))
    if what == "--wheel":
        shutil.unpack_archive(source, folder, filter="data")
        (source,) = folder.iterdir()
    run(sys.executable, "-m", "build", what, "--outdir", folder / "out", source, CONVLAB_BUILD="pure", **EPOCH)
    (built,) = (folder / "out").iterdir()
    return built


def same_twice(what):
    """Build twice, check that the bytes are the same, and keep one in WHEELS."""
    first, second = build(BUILD / "first", what), build(BUILD / "second", what)
    if first.read_bytes() != second.read_bytes():
        sys.exit(f"{first} and {second} differ")
    say(f"{first.name}: the same bytes twice, sha256 {hashlib.sha256(first.read_bytes()).hexdigest()[:16]}...")
    return shutil.copy(first, WHEELS)


def image(architecture, python_prefixes):
    containers = {"CONTAINERS_CONF": ROOT / "tools/containers.conf"}
    name = f"localhost/convlab-{architecture}"
    if not run("podman", "images", "--quiet", name, **containers).strip():
        say(f"The image {name} (minutes)")
        run(
            ROOT / "tools/image.sh",
            architecture,
            *python_prefixes,
            log=BUILD / f"image-{architecture}.log",
            **containers,
        )


def cibuildwheel(machine, tags):
    """Build the wheels for one processor; return the log of the build and the tests."""
    variable = f"CIBW_MANYLINUX_{machine.upper()}_IMAGE"
    (sdist,) = WHEELS.glob("*.tar.gz")
    return run(
        sys.executable, "-m", "cibuildwheel", "--platform", "linux", "--archs", machine, "--output-dir", WHEELS, sdist,
        log=BUILD / f"cibuildwheel-{machine}.log",
        CIBW_BUILD=" ".join(f"{tag}-manylinux_{machine}" for tag in tags),
        CIBW_AUDIT_COMMAND="",  # its default downloads a program; the wheel is audited below
        CIBW_CONTAINER_ENGINE="podman; create_args: --network=host",
        CIBW_TEST_COMMAND=f"python -m pytest --kernels=compiled {shlex.join(SUITES[machine])}",
        CONTAINERS_CONF=ROOT / "tools/containers.conf",
        **{variable: f"localhost/convlab-{ARCHITECTURES[machine]}:latest"},
    )  # fmt: skip


def rows_of(machine, log):
    """Return a row for each CPython that tested the wheel."""
    (wheel,) = WHEELS.glob(f"*abi3-*{machine}.whl")
    for section in re.split(r"Building (?=cp3\d+-)", log)[1:]:
        tag = section.split("-")[0]
        yield [wheel.name, f"{wheel.stat().st_size:,}", f"{tag}, {machine}", *outcome(section)]


def pure_row(wheel):
    folder = copy_tests(BUILD / "pure-tests")
    python = fresh(BUILD / "pure", sys.executable, wheel, *TEST_REQUIRES)
    text = run(python, "-m", "pytest", "--kernels=fallback", *QUICK, cwd=folder, check=False)
    return [wheel.name, f"{wheel.stat().st_size:,}", "any", *outcome(text)]


def main():
    prepare("podman", "runc", "debootstrap", "qemu-aarch64-static", "aarch64-linux-gnu-gcc")
    check_identifiers()
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    same_twice("--sdist")
    rows = [pure_row(Path(same_twice("--wheel")))]
    for machine, architecture in ARCHITECTURES.items():
        own = prefixes() if machine == "x86_64" else {}
        image(architecture, own.values())
        say(f"cibuildwheel for {machine} (many minutes; build/cibuildwheel-{machine}.log)")
        rows += rows_of(machine, cibuildwheel(machine, own or ["cp311"]))
    say("Only names of the stable ABI?")
    run(sys.executable, "-m", "abi3audit", "--strict", *WHEELS.glob("*abi3-*.whl"), log=BUILD / "abi3audit.log")
    table(["wheel", "bytes", "tested on", "kernels", "tests"], rows)
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(WHEELS.iterdir())]
    (WHEELS / "SHA256SUMS").write_text("".join(sums))
    for file in WHEELS.glob("*.whl"):
        if file.stat().st_size > AIM:
            print(f"larger than the aim of {AIM:,} bytes: {file.name}")


main()
