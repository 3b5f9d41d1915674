"""Build the kernels: one C file per .pyx, compiled once per instruction set.

CONVLAB_BUILD=auto     (default) build what the compiler can; without one, install the pure-Python package
CONVLAB_BUILD=require  every kernel must be built, or the installation fails
CONVLAB_BUILD=pure     build none

What a compiler can do is found out by compiling, never by looking at this machine's CPU.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, CompileError, ExecError, LinkError, PlatformError

# Built for each instruction set.
KERNELS = [
    "filter2d", "sepfilter2d", "box2d", "pool2d", "pool_indices", "pool_global", "extremum2d", "median2d", "median_histogram",
    "conv_gemm", "conv_depthwise", "conv_narrow", "conv_winograd", "machine",
]  # fmt: skip
WIDE = KERNELS[:-1]  # of those, the ones that gain from 16 lanes with AVX-512: see src/vector.h
BASELINE = ["cpu", "signature"]  # built once, for every CPU

# Instruction set -> flags for GCC and Clang, flags for MSVC. The flags go on that set's modules alone.
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

# Never -ffast-math. The two parameters, GCC's alone, let it unroll a block of taps whole.
UNIX_FLAGS = ["-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
PROBED_FLAGS = [
    ["--param", "max-completely-peeled-insns=4000", "--param", "max-completely-peel-times=64"],
    ["-fvisibility=hidden"],
    ["-Wno-unused-function"],
]
MSVC_FLAGS = ["/O2", "/fp:precise"]

BUILD_FAILURES = (CCompilerError, CompileError, ExecError, LinkError, PlatformError, OSError)


def build_mode():
    mode = os.environ.get("CONVLAB_BUILD", "auto")
    if mode not in ("auto", "require", "pure"):
        sys.exit(f"CONVLAB_BUILD: got {mode!r}; expected one of: auto, require, pure")
    return mode


def processor():
    """The processor that is built for: `ARCHFLAGS` and a cross build's `_PYTHON_HOST_PLATFORM` win over the host."""
    target = os.environ.get("_PYTHON_HOST_PLATFORM", "") + os.environ.get("ARCHFLAGS", "")
    target = (target or os.environ.get("VSCMD_ARG_TGT_ARCH", "") or platform.machine()).lower()
    if any(word in target for word in ("aarch64", "arm64")):
        return "aarch64"
    if any(word in target for word in ("x86_64", "amd64", "x64")):
        return "x86-64"
    return "other"


def extensions():
    import numpy
    from Cython.Build import cythonize

    # The full name, or each module would enter itself in sys.modules under a bare one that may be a user's own.
    sources = [Extension(f"convlab._kernels.{name}", [f"src/{name}.pyx"]) for name in [*KERNELS, *BASELINE]]
    translated = cythonize(
        sources,
        build_dir="build/cython",
        include_path=["src"],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "embedsignature": False,
            "freethreading_compatible": True,
        },
    )
    c_file = {extension.name.split(".")[-1]: extension.sources for extension in translated}

    def module(name, kernel):
        return Extension(
            name,
            c_file[kernel],
            include_dirs=["src", numpy.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
            depends=sorted(map(str, [*Path("src").glob("*.h"), *Path("src").glob("*.pxd")])),
        )

    modules = [module(f"convlab._kernels.{name}", name) for name in BASELINE]
    for isa in ISAS[processor()]:
        modules += [module(f"convlab._kernels.{isa}.{kernel}", kernel) for kernel in KERNELS]
    return modules


class BuildKernels(build_ext):
    """Probes the compiler, builds each instruction set in a folder of its own, and says what came of it."""

    def build_extensions(self):
        self.mode = build_mode()
        self.msvc = self.compiler.compiler_type == "msvc"
        # A block of taps is fast only when it is inlined with its sizes as constants.
        inline = "__forceinline" if self.msvc else "inline __attribute__((always_inline))"
        self.flags = MSVC_FLAGS if self.msvc else UNIX_FLAGS.copy()
        if not self.compiles([]):
            self.give_up("no working C compiler was found")
            return
        for flags in [] if self.msvc else PROBED_FLAGS:
            self.flags += flags if self.compiles(flags) else []
        openmp = "/openmp" if self.msvc else "-fopenmp"
        code = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
        self.openmp = [openmp] if self.compiles([openmp], code, link=True) else []
        print(f"convlab: OpenMP: {'yes' if self.openmp else 'no: one thread'}")

        isas = ISAS[processor()]
        built = {isa: self.compiles(isas[isa][self.msvc]) for isa in isas}
        for isa, good in built.items():
            print(f"convlab: {isa}: {'yes' if good else 'the compiler refuses it'}")
        if not all(built.values()) and self.mode == "require":
            sys.exit("CONVLAB_BUILD=require: the compiler refuses an instruction set, see above")
        kept = []
        for extension in self.extensions:
            isa = extension.name.split(".")[2]
            if not built.get(isa, True):
                continue
            extension.extra_compile_args = [*self.flags, *isas.get(isa, ([], []))[self.msvc], *self.openmp]
            extension.extra_link_args = [] if self.msvc else self.openmp
            extension.define_macros = [*extension.define_macros, ("CYTHON_INLINE", inline)]
            if isa == "avx512" and extension.name.split(".")[-1] in WIDE:
                extension.define_macros.append(("CONVLAB_WIDE", "1"))
            kept.append(extension)
        self.extensions[:] = kept
        try:
            super().build_extensions()
        except BUILD_FAILURES as error:
            self.give_up(str(error))

    def build_extension(self, extension):
        folder, self.build_temp = self.build_temp, str(Path(self.build_temp, extension.name))
        try:
            super().build_extension(extension)
        finally:
            self.build_temp = folder

    def compiles(self, flags, code="int main(void) { return 0; }\n", link=False):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(code)
            flags = flags if self.msvc else [*flags, "-Werror"]
            try:
                objects = self.compiler.compile([str(source)], folder, extra_postargs=flags)
                if link:
                    self.compiler.link_executable(objects, str(Path(folder, "probe")), extra_postargs=flags)
            except BUILD_FAILURES:
                return False
        return True

    def give_up(self, reason):
        if self.mode == "require":
            sys.exit(f"CONVLAB_BUILD=require: {reason}")
        # What was built so far goes too: a package with half its kernels is nobody's wish.
        for extension in self.extensions:
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
        self.extensions[:] = []
        lines = [
            "WARNING: convlab is installed WITHOUT its compiled kernels.",
            reason,
            "Everything works, on the NumPy fallback, many times slower.",
            "With a C compiler, CONVLAB_BUILD=require makes this an error.",
        ]
        width = max(map(len, lines))
        frame = "*" * (width + 4)
        print("\n".join([frame, *(f"* {line.ljust(width)} *" for line in lines), frame]), file=sys.stderr)


setup(
    ext_modules=[] if build_mode() == "pure" else extensions(),
    cmdclass={"build_ext": BuildKernels},
)
