"""Build the kernels: one C file per .pyx, compiled once per instruction set and linked into one module.

CONVLAB_BUILD=auto     (default) build what the compiler can; without one, install the pure-Python package
CONVLAB_BUILD=require  every kernel must be built, or the installation fails
CONVLAB_BUILD=pure     build none

CONVLAB_DEBUG=1        keep debugging information, which doubles the time of a build and is most of its size

The build tests the compiler by compiling, and never looks at this machine's CPU.
"""

import gzip
import itertools
import os
import platform
import re
import shutil
import sys
import sysconfig
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CCompilerError, CompileError, ExecError, LinkError, PlatformError
from setuptools.modified import newer_group

SRC = Path("src")
GENERATED = Path("build/generated")  # files made from convlab/_geometry.py and _registry.py, which kernels include
# Cython writes each kernel's file as a module, but Python imports none of them. With a static function instead of an
# exported one, the compiler leaves out what only a module needs. kernels.c is the module of an instruction set.
NO_MODULE = ("PyMODINIT_FUNC", "static PyObject *")

# One build of the modules works on every later CPython. CPython without a GIL has no stable ABI yet; PyPy has none.
ABI3 = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

# Instruction set -> flags for GCC and Clang (clang-cl too), flags for MSVC. Only the modules of the set get the flags.
ISAS = {
    "x86-64": {
        "baseline": ([], []),
        "avx2": (["-mavx2", "-mfma"], ["/arch:AVX2"]),
        "avx512": (
            ["-mavx2", "-mfma", "-mavx512f", "-mavx512cd", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
            ["/arch:AVX512"],
        ),
    },
    "aarch64": {"neon": ([], [])},
    "other": {"baseline": ([], [])},
}

# Never -ffast-math. The last two flags are CPython's, but CFLAGS in the environment replaces them: without -fwrapv
# pools are up to 10 % slower.
UNIX_FLAGS = [
    "-O3",
    *([] if os.environ.get("CONVLAB_DEBUG") == "1" else ["-g0"]),
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fwrapv",
    "-DNDEBUG",
]
PROBED_FLAGS = [
    # Only GCC has these two parameters, which let it unroll a block of taps completely.
    ["--param", "max-completely-peeled-insns=4000", "--param", "max-completely-peel-times=64"],
    ["-fvisibility=hidden"],
    ["-Wno-unused-function", "-Wno-tautological-compare"],  # from Cython's code, and from x != x, the test for NaN
]
MSVC_FLAGS = ["/O2", "/fp:precise"]
MSVC_ATOMICS = ["/std:c11", "/experimental:c11atomics"]  # cl needs them for the atomics of workers.c
CLANG_CL_FLAGS = ["/O2", *(f"/clang:{flag}" for flag in UNIX_FLAGS), "-Wno-unused-function", "-Wno-unused-variable"]
CLANG_CL_TARGETS = {"win-amd64": "x86_64-pc-windows-msvc", "win-arm64": "aarch64-pc-windows-msvc"}

BUILD_FAILURES = (CCompilerError, CompileError, ExecError, LinkError, PlatformError, OSError)


def build_mode():
    mode = os.environ.get("CONVLAB_BUILD", "auto")
    if mode not in ("auto", "require", "pure"):
        sys.exit(f"CONVLAB_BUILD: got {mode!r}; expected one of: auto, require, pure")
    return mode


def processor():
    """Return the target processor: `ARCHFLAGS` and a cross build's `_PYTHON_HOST_PLATFORM` override the host."""
    target = os.environ.get("_PYTHON_HOST_PLATFORM", "") + os.environ.get("ARCHFLAGS", "")
    target = (target or os.environ.get("VSCMD_ARG_TGT_ARCH", "") or platform.machine()).lower()
    if any(word in target for word in ("aarch64", "arm64")):
        return "aarch64"
    if any(word in target for word in ("x86_64", "amd64", "x64")):
        return "x86-64"
    return "other"


def load(name):
    """Load a module of the package that imports nothing from it, without importing the package."""
    spec = spec_from_file_location(name, Path("convlab", f"{name}.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


registry = load("_registry")


def generate():
    """Write the structs and enums of convlab/_geometry.py and the table of kernels if they changed."""
    geometry = load("_geometry")
    enums = geometry.enums()
    names = ", ".join(name for words in enums.values() for name in words)
    lines = [f"enum {{ {', '.join(words)} }};  /* {name} */" for name, words in enums.items()]
    rows = [
        f"    K({kernel.name}, {len(kernel.arrays)}, {len(kernel.numbers)}, "
        f"{' '.join(f'PLACE({name})' for name in (*kernel.arrays, *kernel.numbers))})"
        for kernel in registry.KERNELS
    ]
    files = {
        "geometry.h": "\n".join(["#pragma once", *lines, ""]),
        "kernels.h": " \\\n".join(["#pragma once\n#define KERNELS(K)", *rows]) + "\n",
        "geometry.pxd": "\n\n".join(
            [f'cdef extern from "geometry.h" nogil:\n    const int {names}\n', *map(struct, geometry.TABLES)]
        ),
    }
    GENERATED.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = GENERATED / name
        origin = "_registry" if name == "kernels.h" else "_geometry"
        text = f"{'#' if name.endswith('pxd') else '//'} Written by setup.py from convlab/{origin}.py.\n{text}"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def struct(table):
    """Return the Cython struct of a table."""
    types = {int: "Py_ssize_t", float: "float"}
    fields = "".join(f"    {types[kind]} {name}\n" for name, kind in table.__annotations__.items())
    return f"cdef struct {table.__name__}:\n{fields}"


def source_folders():
    """Return the folders of the sources."""
    return [str(GENERATED), *sorted(str(path) for path in SRC.iterdir() if path.is_dir())]


def read_files(source):
    """Return the files that a source includes, directly or indirectly, and the source; each is found by its name."""
    files = {file.name: file for folder in source_folders() for file in Path(folder).iterdir()}
    found, waiting = set(), [f"{source}.pyx", f"{source}.c"]
    while waiting:
        name = waiting.pop()
        if name in files and name not in found:
            found.add(name)
            text = files[name].read_text(encoding="utf-8")
            waiting += re.findall(r'"(\w+\.(?:c|h|pxd))"', text)
            waiting += [f"{name}.pxd" for name in re.findall(r"^(?:from|cimport) (\w+)", text, re.MULTILINE)]
    return sorted(str(files[name]) for name in found)


def extensions():
    import numpy
    from Cython.Build import cythonize
    from Cython.Compiler import Options

    Options.docstrings = False  # a kernel's docstrings are for readers of its source
    # The full name: with a bare one each module would enter sys.modules under a name that may be a user's.
    generate()
    sources = [
        Extension(f"convlab._kernels.{source.module}", [f"src/{source.path}.pyx"])
        for source in (*registry.SOURCES, *registry.BASELINE)
    ]
    translated = cythonize(
        sources,
        build_dir="build/cython",
        include_path=source_folders(),
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "embedsignature": False,
            "binding": False,  # plain functions: modules of half the size, and faster calls
            "freethreading_compatible": True,
        },
    )
    c_file = {extension.name.split(".")[-1]: extension.sources for extension in translated}

    def module(name, sources, *more):
        return Extension(
            name,
            [*(file for source in sources for file in c_file[source.module]), *more],
            include_dirs=[*source_folders(), numpy.get_include()],
            define_macros=[
                ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
                *([("Py_LIMITED_API", "0x030B0000")] if ABI3 else []),
            ],
            py_limited_api=ABI3,
        )

    modules = [module(f"convlab._kernels.{source.module}", [source]) for source in registry.BASELINE]
    return modules + [
        module(f"convlab._kernels.{isa}.kernels", registry.SOURCES, "src/common/kernels.c") for isa in ISAS[processor()]
    ]


def isa_of(extension):
    """Return the instruction set of a module of kernels; for a module of BASELINE, its name."""
    return extension.name.split(".")[2]


class BuildKernels(build_ext):
    """Probe the compiler, build each instruction set in a separate folder, and report the result."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        self.mode = build_mode()
        self.msvc = self.compiler.compiler_type == "msvc"
        self.clang_cl = self.msvc and self.use_clang_cl()
        # A block of taps is fast only if it is inlined with its sizes as constants.
        inline = "__forceinline" if self.msvc else "inline __attribute__((always_inline))"
        self.flags = CLANG_CL_FLAGS if self.clang_cl else MSVC_FLAGS if self.msvc else UNIX_FLAGS.copy()
        if not self.compiles([]):
            self.give_up("no working C compiler was found")
            return
        for flags in [] if self.msvc else PROBED_FLAGS:
            self.flags += flags if self.compiles(flags) else []
        cheap = ["-fvect-cost-model=very-cheap"]
        cheap = [] if self.msvc or not self.compiles(cheap) else cheap
        threads = [] if self.msvc else ["-pthread"]
        # Link the C library even to modules that do not use it: auditwheel finds its kind in the first module.
        libc = ["-Wl,--push-state,--no-as-needed,-lc,--pop-state"] if sys.platform == "linux" else []

        isas = {isa: flags[self.msvc and not self.clang_cl] for isa, flags in ISAS[processor()].items()}
        built = {isa: self.compiles(flags) for isa, flags in isas.items()}
        for isa, good in built.items():
            print(f"convlab: {isa}: {'yes' if good else 'the compiler refuses it'}")
        if not all(built.values()) and self.mode == "require":
            sys.exit("CONVLAB_BUILD=require: the compiler refuses an instruction set, see above")
        self.extensions[:] = [extension for extension in self.extensions if built.get(isa_of(extension), True)]

        kernels = {source.module: source for source in registry.SOURCES}
        total, numbers = sum(len(extension.sources) for extension in self.extensions), itertools.count(1)

        def compiled(extension, source):
            isa, kernel, number = isa_of(extension), Path(source).stem, next(numbers)
            row = kernels.get(kernel)
            module = [NO_MODULE] if row else []
            wide = [("CONVLAB_WIDE", "1")] if isa == "avx512" and row and row.wide else []
            folder = Path(self.build_temp, extension.name)
            (made,) = self.compiler.object_filenames([source], output_dir=str(folder))
            if self.force or newer_group(["setup.py", source, *read_files(kernel)], made):
                print(f"[{number}/{total}] {isa} {kernel}", flush=True)
                self.compiler.compile(
                    [source], str(folder), [*extension.define_macros, ("CYTHON_INLINE", inline), *wide, *module],
                    extension.include_dirs, self.debug,
                    extra_postargs=[
                        *self.flags, *([] if row and row.vectorize else cheap), *isas.get(isa, []),
                        *threads,
                        *(MSVC_ATOMICS if self.msvc and not self.clang_cl else []),
                    ],
                )  # fmt: skip
            return made

        pool = ThreadPoolExecutor(self.parallel)
        try:
            for extension in self.extensions:
                extension.extra_objects = [pool.submit(compiled, extension, file) for file in extension.sources]
            for extension in self.extensions:
                extension.extra_objects = [made.result() for made in extension.extra_objects]
            for extension in self.extensions:
                extension.sources, extension.depends = [], extension.extra_objects
                extension.extra_link_args = [] if self.msvc else [*threads, *libc]
            super().build_extensions()
        except BUILD_FAILURES as error:
            self.give_up(str(error))
        finally:
            pool.shutdown(cancel_futures=True)

    def copy_extensions_to_source(self):
        """Copy the modules, and delete those of earlier builds with other names, which Python could import instead."""
        super().copy_extensions_to_source()
        for extension in self.extensions:
            built = Path(self.get_ext_filename(extension.name))
            for suffix in EXTENSION_SUFFIXES:
                other = built.with_name(built.name.split(".")[0] + suffix)
                if other != built:
                    other.unlink(missing_ok=True)

    def use_clang_cl(self):
        """Use clang-cl, if it is installed, instead of cl, which has no vector type; return whether it is used."""
        program = shutil.which("clang-cl")
        if program is None:
            return False
        self.compiler.initialize(self.plat_name)
        self.compiler.cc = program
        self.compiler.compile_options.remove("/GL")  # cl's link-time optimisation, which clang-cl does not have
        self.compiler.compile_options.append(f"--target={CLANG_CL_TARGETS[self.plat_name]}")
        return True

    def compiles(self, flags):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("int main(void) { return 0; }\n")
            flags = flags if self.msvc else [*flags, "-Werror"]
            try:
                self.compiler.compile([str(source)], folder, extra_postargs=flags)
            except BUILD_FAILURES:
                return False
        return True

    def give_up(self, reason):
        if self.mode == "require":
            sys.exit(f"CONVLAB_BUILD=require: {reason}")
        # Delete the modules built so far: a package must not have only some of its kernels.
        for extension in self.extensions:
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
        self.extensions[:] = []
        lines = [
            "WARNING: convlab is installed WITHOUT its compiled kernels.",
            reason,
            "Everything works with the NumPy fallback, but many times slower.",
            "With a C compiler, CONVLAB_BUILD=require makes this an error.",
        ]
        width = max(map(len, lines))
        frame = "*" * (width + 4)
        print("\n".join([frame, *(f"* {line.ljust(width)} *" for line in lines), frame]), file=sys.stderr)


class SameBytes(sdist):
    """A reproducible sdist: files are sorted, without owners, and have one date."""

    def make_archive(self, base_name, _format, _root_dir=None, base_dir=None, **_):
        date = int(os.environ.get("SOURCE_DATE_EPOCH", "1577836800"))

        def plain(member):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = date
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            return member

        archive = f"{base_name}.tar.gz"
        with (
            Path(archive).open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=date) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            tar.add(base_dir, filter=plain)  # in sorted order
        return archive


setup(
    ext_modules=[] if build_mode() == "pure" else extensions(),
    cmdclass={"build_ext": BuildKernels, "sdist": SameBytes},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
