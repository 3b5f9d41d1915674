"""Building and installing: CONVLAB_BUILD, no compiler, a compiler that fails, sdist and wheels."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "src").is_dir(), reason="the kernels' sources are not beside these tests"),
    pytest.mark.skipif(sys.platform == "win32", reason="uses shell scripts as compilers"),
]
pytest.importorskip("Cython", reason="building needs Cython")

WHEEL = ("-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation", "-w", "out", ".")


@pytest.fixture
def tree(tmp_path):
    """Return a copy of a build's sources without compiled files, with the C files of this tree, if any."""
    copy = tmp_path / "tree"
    built = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    for name in ("convlab", "src"):
        shutil.copytree(ROOT / name, copy / name, ignore=built)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, copy / name)
    if (ROOT / "build/cython").is_dir():
        shutil.copytree(ROOT / "build/cython", copy / "build/cython")
    return copy


def build(tree, *command, check=True, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CONVLAB_")}
    done = subprocess.run(
        [sys.executable, *(command or WHEEL)],
        cwd=tree, env=clean | environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if check:
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done


def compiled_modules(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if name.endswith((".so", ".pyd")))


def served_by(wheel, tmp_path):
    """Run code with the installed wheel, in a folder from which no source tree can be imported."""
    site = tmp_path / "site"
    build(tmp_path, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel))
    code = "import convlab; convlab.filter2d(convlab.data.ascent(), [[1.0]]); print(convlab.last_kernel())"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CONVLAB_")} | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def compiler(tmp_path, body):
    script = tmp_path / "cc"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize("word", ["yes", "", "REQUIRE", "0"])
def test_other_words_are_errors(tree, word):
    done = build(tree, "setup.py", "--version", check=False, CONVLAB_BUILD=word)
    assert done.returncode != 0
    assert f"CONVLAB_BUILD: got {word!r}; expected one of: auto, require, pure" in done.stderr


def test_pure_builds_a_wheel_for_every_platform(tree, tmp_path):
    build(tree, CONVLAB_BUILD="pure")
    (wheel,) = (tree / "out").glob("*.whl")
    assert wheel.name.endswith("py3-none-any.whl")
    assert compiled_modules(wheel) == []
    assert served_by(wheel, tmp_path) == "correlate2d[numpy]"


def test_without_a_compiler_the_fallback_is_installed_with_a_notice(tree, tmp_path):
    done = build(tree, CC=str(tmp_path / "nothing"))
    framed = [line for line in (done.stdout + done.stderr).splitlines() if line.strip().startswith("* ")]
    assert any("WARNING: convlab is installed WITHOUT its compiled kernels." in line for line in framed)
    assert len({len(line.strip()) for line in framed}) == 1
    (wheel,) = (tree / "out").glob("*.whl")
    assert compiled_modules(wheel) == []
    assert served_by(wheel, tmp_path) == "correlate2d[numpy]"


def test_a_compiler_that_breaks_half_way_leaves_no_kernels(tree, tmp_path):
    """For the other kernels the compiler makes empty objects, to save time."""
    body = """case "$*" in
        *filter2d*) echo "internal error" >&2; exit 1;;
        *build/cython*) exec cc -c -x c /dev/null $(echo "$*" | grep -o -e "-o [^ ]*");;
    esac
    exec cc "$@\""""
    done = build(tree, CC=compiler(tmp_path, body))
    assert "WITHOUT its compiled kernels" in done.stdout + done.stderr
    (wheel,) = (tree / "out").glob("*.whl")
    assert compiled_modules(wheel) == []


@pytest.mark.parametrize("body", ["exit 1", 'case "$*" in *-mavx512f*) exit 1;; esac\nexec cc "$@"'])
def test_require_is_an_error_where_anything_is_missing(tree, tmp_path, body):
    if "avx512" in body and os.uname().machine not in ("x86_64", "amd64"):
        pytest.skip("this processor has one instruction set")
    done = build(tree, check=False, CC=compiler(tmp_path, body), CONVLAB_BUILD="require")
    assert done.returncode != 0
    assert "CONVLAB_BUILD=require:" in done.stdout + done.stderr


SDIST = "from setuptools.build_meta import build_sdist; build_sdist('out')"


def test_two_builds_give_the_same_bytes(tree):
    """The sdist and the pure wheel from files with other dates."""
    results = []
    for date in (10**9, 10**9 + 4321):
        for path in tree.rglob("*"):
            os.utime(path, (date, date))
        for made in ("out", "build", "convlab_kernels.egg-info"):
            shutil.rmtree(tree / made, ignore_errors=True)
        build(tree, "-c", SDIST, CONVLAB_BUILD="pure")
        build(tree, CONVLAB_BUILD="pure", SOURCE_DATE_EPOCH="1577836800")
        results.append({path.name: path.read_bytes() for path in (tree / "out").iterdir()})
    assert len(results[0]) == 2
    assert results[0] == results[1]


@pytest.mark.skipif(shutil.which("cc") is None, reason="this machine has no C compiler")
@pytest.mark.skipif(os.name == "posix" and os.uname().machine != "x86_64", reason="about the x86-64 table")
def test_the_sdist_builds_what_the_compiler_supports(tree, tmp_path):
    """Build without optimisation and inlining; the compiler refuses two instruction sets, which are left out."""
    build(tree, "-c", SDIST, CONVLAB_BUILD="pure")
    (sdist,) = (tree / "out").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
        archive.extractall(tmp_path / "unpacked", filter="data")
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.*") if path.is_file()}
    assert sources <= names
    assert {"LICENSE", "pyproject.toml", "setup.py", "convlab/data/ascent.npz", "convlab/py.typed"} <= names
    files = {name for name in names if not any(other.startswith(f"{name}/") for other in names)}
    assert not [name for name in files - sources if name.endswith(".so") or name.startswith("src/")]
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    body = 'case "$*" in *-mavx512f*|*-mavx2*) exit 1;; esac\nexec cc "$@" -O0 -UCYTHON_INLINE -DCYTHON_INLINE=inline'
    build(unpacked, CC=compiler(tmp_path, body))
    (wheel,) = (unpacked / "out").glob("*.whl")
    folders = {name.split("/")[2] for name in compiled_modules(wheel) if name.count("/") == 3}
    assert folders == {"baseline"}
    assert served_by(wheel, tmp_path) == "correlate2d[compiled/baseline]"


SCALAR_TEST = """
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
typedef ptrdiff_t Py_ssize_t;
#include "lanes.h"
#include "pool_vector.h"
#define BYTES 4096
int main(void)
{
    static char a[BYTES], b[BYTES], n[BYTES], y[BYTES];
    static const uint32_t odd[] = {0, 0x80000000u, 0x7f800000u, 0xff800000u, 1, 0x80000001u, 0x3f800000u, 0x007fffffu};
    unsigned state = 1, sum = 0;
    for (int round = 0; round < 200; round++)
        for (int kind = FLOAT32; kind <= UINT16; kind++) {
            for (int i = 0; i < BYTES; i++) {
                a[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
                b[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
                n[i] = (char)(i % (kind == FLOAT32 ? 4 : kind == UINT8 ? 1 : 2) ? 0 : i % 7);
            }
            for (int i = 0; i < BYTES && round % 2; i += 32)
                memcpy((round & 2 ? a : b) + i, &odd[(i / 32) % 8], 4);
            if (kind == FLOAT32)  /* no NaN: its bits may be either's */
                for (int i = 3; i < BYTES; i += 4) {
                    a[i] = (char)(a[i] & 0xbf);
                    b[i] = (char)(b[i] & 0xbf);
                }
            for (int i = 0; i < BYTES; i += VBYTES) {
                vraw v = raw_load(a + i), w = raw_load(b + i), c = raw_load(n + i), most, least;
                most = raw_max(v, w, kind, round & 1);
                least = raw_min(v, w, kind, round & 1);
                c = raw_count(c, most, w, kind);
                c = raw_count(c, least, v, kind);
                v = raw_if_enough(c, 3, most, least, kind);
                v = raw_max(v, raw_value(raw_with_bit(kind == FLOAT32 ? raw_zero() : w, 5, kind), kind), kind, 0);
                raw_store(y + i, v);
            }
            for (int i = 0; i < BYTES; i++)
                sum = sum * 31 + (unsigned char)y[i];
        }
    for (int i = 0; i < BYTES / 4 - 16; i += LANES) {
        vfloat v = vload((float *)a + i), w = vload((float *)b + i);
        vstore((float *)y + i, vselect_negative(v, vmax(v, w), vmin(v, w)) + vvalid(v) + vsqrt(v * v) * vwhere(w, v));
        vstore_u8((uint8_t *)n + i, vload_i16((int16_t *)b + i));
        vstore_i16((int16_t *)a + i, vload_u8((uint8_t *)n + i) * vsplat(-3.5f));
    }
    for (int i = 0; i < 1000; i++)
        sum = sum * 31 + (unsigned char)n[i] + (unsigned char)a[i];
    printf("%u", sum);
    return 0;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="this machine has no C compiler")
def test_vectors_are_the_same_without_a_compilers_extensions(tmp_path):
    """CONVLAB_SCALAR selects the code for compilers without vectors: it compiles and gives the same bits."""
    source = tmp_path / "lanes.c"
    source.write_text(SCALAR_TEST)
    results = []
    for name, flags in (("vectors", []), ("scalars", ["-DCONVLAB_SCALAR"])):
        program = tmp_path / name
        command = [
            "cc",
            "-O2",
            "-ffp-contract=off",
            *(f"-I{ROOT / room}" for room in ("src/common", "src/pool", "build/generated")),
            *flags,
            str(source),
            "-o",
            str(program),
            "-lm",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "implicit declaration" not in done.stderr
        results.append(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout)
    assert results[0] == results[1] != "0"
