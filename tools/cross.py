"""Compile and link every kernel for other systems with zig: `make cross`.

macOS, Windows and musl, x86-64 and aarch64, each instruction set. The whole library is linked against the stable ABI,
on Windows with an import library made from the names in Python's headers. Nothing is run. Python's headers are this
machine's, except a few sizes that differ on Windows; NumPy's headers are those of its wheel for each target. The code
is compiled without optimisation and inlining, which takes a tenth of the time.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import BUILD, ROOT, run, say, table

# zig's name of a target -> the platform of NumPy's wheel for it.
TARGETS = {
    "x86_64-macos": "macosx_14_0_x86_64",
    "aarch64-macos": "macosx_14_0_arm64",
    "x86_64-windows-gnu": "win_amd64",
    "aarch64-windows-gnu": "win_arm64",
    "x86_64-linux-musl": "musllinux_1_2_x86_64",
    "aarch64-linux-musl": "musllinux_1_2_aarch64",
}
# The definitions of pyconfig.h for 64-bit Windows that Python's headers need.
WINDOWS = """
#define MS_WINDOWS
#define MS_WIN64
#define MS_COREDLL
#define HAVE_DECLSPEC_DLL
#define Py_ENABLE_SHARED
#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_VOID_P 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_WCHAR_T 2
#define SIZEOF_TIME_T 8
#define SIZEOF_OFF_T 4
#define ALIGNOF_MAX_ALIGN_T 16
#define ALIGNOF_SIZE_T 8
#define HAVE_STDARG_PROTOTYPES
#define HAVE_UINTPTR_T 1
#define PLATLIBDIR "lib"
#define HAVE_SSIZE_T 1
"""


def settings():
    """Return setup.py's definitions: the kernels, instruction sets and flags."""
    names = {}
    source = (ROOT / "setup.py").read_text()
    exec(source[: source.index("def extensions")], names)
    return names


def zig(*words):
    caches = {f"ZIG_{name}_CACHE_DIR": str(BUILD / "zig") for name in ("GLOBAL", "LOCAL")}
    return subprocess.run(
        [sys.executable, "-m", "ziglang", *map(str, words)],
        env=os.environ | caches, capture_output=True, text=True, check=False,
    )  # fmt: skip


def build(folder, target, flags, files):
    """Compile C files and link them into one library; return the failed files, whose logs are in the folder."""
    objects = [folder / f"{file.stem}.o" for file in files]

    def compiled(file, obj):
        return zig("cc", "-target", target, *flags, "-c", file, "-o", obj)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        done = list(pool.map(compiled, files, objects))
    failed = {file.stem: each.stderr for file, each in zip(files, done, strict=True) if each.returncode}
    if not failed:
        words = ["cc", "-target", target, "-shared", *objects, "-o", folder / "kernels.out"]
        if "macos" in target:
            words.append("-Wl,-undefined,dynamic_lookup")
        if "windows" in target:
            words.append(folder.parent / f"{target}.lib")
        linked = zig(*words)
        failed = {"kernels": linked.stderr} if linked.returncode else {}
    for name, text in failed.items():
        (folder / f"{name}.log").write_text(text)
    return list(failed)


def import_library(folder, target):
    """Make a library for the linker with every name that Python's headers declare."""
    include = Path(sysconfig.get_path("include"))
    text = "".join(path.read_text(errors="replace") for path in include.rglob("*.h"))
    data = set(re.findall(r"PyAPI_DATA\([^)]*\)\s*(\w+)", text))
    functions = set(re.findall(r"PyAPI_FUNC\([^)]*\)\s*(\w+)", text)) - data
    lines = ["LIBRARY python3.dll", "EXPORTS", *sorted(functions), *(f"{name} DATA" for name in sorted(data))]
    definition = folder / "python3.def"
    definition.write_text("\n".join(lines))
    machine = {"x86_64": "i386:x86-64", "aarch64": "arm64"}[target.split("-")[0]]
    done = zig("dlltool", "-m", machine, "-d", definition, "-l", folder / f"{target}.lib")
    if done.returncode:
        sys.exit(done.stderr)


def main():
    setup = settings()
    folder = BUILD / "cross"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "windows").mkdir(parents=True)
    (folder / "windows/pyconfig.h").write_text(WINDOWS)
    for header in Path(sysconfig.get_path("include")).rglob("*.h"):
        if header.name != "pyconfig.h":
            copy = folder / "windows" / header.relative_to(sysconfig.get_path("include"))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(header.read_bytes())
    say("Translating the kernels")
    run(sys.executable, "setup.py", "--quiet", "build_ext", "--help", CONVLAB_BUILD="auto")
    rows = []
    for target, platform in TARGETS.items():
        headers = folder / "windows" if "windows" in target else sysconfig.get_path("include")
        if "windows" in target:
            import_library(folder, target)
        numpy = folder / f"numpy-{platform}"
        run(
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", numpy, "--platform", platform,
            "--python-version", "3.13", "--only-binary=:all:", "numpy",
        )  # fmt: skip
        for isa, (isa_flags, _) in setup["ISAS"][target.split("-")[0].replace("_", "-")].items():
            out = folder / f"{target}-{isa}"
            out.mkdir()
            flags = [
                *setup["UNIX_FLAGS"], "-O0", "-g0", "-fno-sanitize=undefined", *isa_flags, "-w", "-fPIC",
                "-DPy_LIMITED_API=0x030B0000", "-DNPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION",
                *(["-DCONVLAB_WIDE=1"] if isa == "avx512" else []),
                *(f"-I{ROOT / room}" for room in setup["rooms"]()),
                f"-I{headers}", f"-I{numpy / 'numpy/_core/include'}",
            ]  # fmt: skip
            registry = setup["registry"]
            sources = registry.SOURCES + (registry.BASELINE if isa in ("baseline", "neon") else ())
            files = [ROOT / f"build/cython/src/{source.path}.c" for source in sources]
            failed = build(out, target, flags, files)
            rows.append([target, isa, len(files), ", ".join(failed) or "none"])
            print(rows[-1], flush=True)
    table(["target", "kernels", "files", "failed"], rows)
    if any(row[3] != "none" for row in rows):
        sys.exit(f"the compiler's output is in {folder}")


main()
