"""How kernels are compiled: the only file that decorates with Numba.

Numba's own cache can run an old kernel after its source changed: it does not see edits in other files, and a kill
between its two writes leaves the new index pointing at old code. Its cache is pickle, and a file
``.numba_config.yaml`` in the working directory may redirect it. So compiled code goes into a private folder whose
name is a digest of every kernel source and of the versions and the CPU that shaped it; whatever cannot be read
there is compiled again.

What is ours hangs on our own dispatchers: their cache, the width of their vectors, and the settings that hold while
they are compiled (`_guest`). Functions that others compile are compiled and cached as without us.
"""

from __future__ import annotations

import atexit
import hashlib
import inspect
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from ._guest import UNCOMPILED, numba, our_settings, quick_imports  # before anything of Numba's

from numba.core import caching, compiler, lowering, registry, typed_passes  # isort: skip
from numba.core.compiler_machinery import register_pass  # isort: skip

#: No licence to the compiler at all. With `contract` it chooses which products to fuse with which sums, and chooses
#: differently in a loop's vector and scalar forms, for other vector widths, and even for the order in which kernels
#: happened to be compiled: bits then depend on it. Where fusing pays, the source says `fma`.
FASTMATH = False

#: Functions that Python never calls need no wrapper for it: a third of the compile time.
_UNWRAPPED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

#: Processors on which the compiler keeps to 256-bit vectors though 512 bits hardly slow their clock.
_WIDE = frozenset({"icelake-server", "rocketlake", "tigerlake", "sapphirerapids", "emeraldrapids", "graniterapids"})
VECTOR_WIDTHS = ("auto", "256", "512")

_SETTINGS_IN_KEY = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_OPT", "NUMBA_BOUNDSCHECK",
                    "NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE", "NUMBA_DEBUG", "NUMBA_DEBUGINFO")


def source_digest() -> str:
    """Digest of all kernel sources, library versions, CPU and compiler settings: the key of the cache."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("numba", "llvmlite", "numpy"):
        digest.update(f"{package}={version(package)};".encode())
    digest.update(f"{sys.version_info[:3]}{platform.machine()}{_cpu()}{FASTMATH}{VECTOR_WIDTH}{LEVEL}".encode())
    digest.update(";".join(f"{k}={os.environ.get(k, '')}" for k in _SETTINGS_IN_KEY).encode())
    return digest.hexdigest()[:24]


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            lines = [line for line in file if line.startswith(("model name", "flags"))]
    except OSError:
        return platform.processor()
    return "".join(lines[:2])


def _private(folder: Path) -> bool:
    """Whether ``folder`` is a real directory of ours that nobody else can write to."""
    status = folder.lstat()
    mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return stat.S_ISDIR(status.st_mode) and mine and not status.st_mode & 0o022


def cache_folder() -> Path:
    """A private folder for compiled kernels; a temporary one where the user's cache cannot be used.

    ``TIERCAP_CACHE`` names another parent. The folder and its parent are refused if they are links, belong to
    somebody else or are writable by others.
    """
    try:
        parent = Path(os.environ.get("TIERCAP_CACHE") or _user_cache() / "tiercap")
        folder = parent / f"kernels-{source_digest()}"
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if _private(parent) and _private(folder) and os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        pass
    stand_in = tempfile.mkdtemp(prefix="tiercap-kernels-")
    atexit.register(shutil.rmtree, stand_in, ignore_errors=True)
    return Path(stand_in)


def _user_cache() -> Path:
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg)
    home = Path.home()
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def _vector_width() -> str | None:
    """How wide the compiler is told that vectors may be [bit]; None leaves it to it, as ``NUMBA_CPU_FEATURES`` does.

    ``TIERCAP_VECTOR_WIDTH`` is 256, 512 or auto: the compiler's own choice for the processor, but for those of _WIDE.
    The width changes no bit of a result.
    """
    width = os.environ.get("TIERCAP_VECTOR_WIDTH") or "auto"
    if width not in VECTOR_WIDTHS:
        raise ValueError(f"TIERCAP_VECTOR_WIDTH must be one of {', '.join(VECTOR_WIDTHS)}, not {width[:40]!r}")
    if os.environ.get("NUMBA_CPU_FEATURES") is not None or os.environ.get("NUMBA_CPU_NAME") is not None:
        return None
    name, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features()
    if not features.get("avx512f") or (width == "auto" and name not in _WIDE):
        return None
    return "256" if width == "256" else "512"


VECTOR_WIDTH = _vector_width()
#: The level at which Numba's one code generator works in this process.
LEVEL = str(numba.config.OPT)
DIGEST = source_digest()
CACHE = cache_folder()


#: What tiles are called with: rows of a tile, a table of such rows, whole numbers, real ones.
ROWS, TABLE, WHOLE, REAL = numba.float64[::1], numba.float64[:, ::1], numba.int64, numba.float64
#: Every `part`, and the types it is compiled for.
PARTS: list[tuple[Any, tuple[Any, ...]]] = []


class _Locator(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    """Where the compiled form of one function lies: below our own folder, a folder a folder of sources."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file, self._lineno = file, function.__code__.co_firstlineno
        self._path = str(CACHE / self.get_suitable_cache_subpath(file))

    def get_cache_path(self) -> str:
        """The folder."""
        return self._path


class _Entry(caching.CompileResultCacheImpl):
    """The form and the name of an entry. Neither depends on settings that others can change."""

    def __init__(self, function: Callable[..., Any]) -> None:
        file = inspect.getfile(function)
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(function, file)
        name = f"{Path(file).stem}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, getattr(sys, "abiflags", ""))


class _Cache(caching.FunctionCache):
    """The cache of one kernel, where an unreadable entry means compile and a failed save means go on."""

    _impl_class = _Entry

    def load_overload(self, *args: Any) -> Any:
        """The compiled form for a signature, None where there is none that can be read."""
        try:
            with quick_imports():
                return super().load_overload(*args)
        except Exception:  # noqa: BLE001 - truncated, emptied, foreign: pickle may raise anything
            return None

    def save_overload(self, *args: Any) -> None:
        """Keep the compiled form for a signature, if that is possible."""
        if source_digest() != DIGEST:
            return  # a source changed while it was being read: this code may not be what the folder's name says
        try:
            super().save_overload(*args)
        except Exception:  # noqa: BLE001 - a full disk, or an index of which nothing can be read
            with suppress(Exception):
                self.flush()


class _Dispatcher(registry.CPUDispatcher):
    """A function that is compiled when it is first called, under our settings."""

    def compile(self, signature: Any) -> Any:
        """Compile for one signature, or load what lies in the cache."""
        with our_settings():
            return super().compile(signature)


class _Lower(lowering.Lower):
    """Numba's code generation with vectors of a width of our own.

    The attribute belongs to the function, so the processor that others compile for stays what it is.
    """

    def setup_function(self, description: Any) -> None:
        """Declare the function and say how wide its vectors may be."""
        super().setup_function(description)
        set.add(self.function.attributes, f'"prefer-vector-width"="{VECTOR_WIDTH}"')  # llvmlite knows no such names


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):
    _name = "lowering_to_vectors"

    @property
    def lowering_class(self) -> Any:
        return _Lower


class _Compiler(compiler.CompilerBase):
    """Numba's compiler with another last stage."""

    def define_pipelines(self) -> list[Any]:
        """The stages, one after the other."""
        stages = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        ours = {typed_passes.NativeLowering: _Lowering}
        stages.passes[:] = [(ours.get(stage, stage), text) for stage, text in stages.passes]
        stages.finalize()
        return [stages]


if UNCOMPILED:

    def fma(a: float, b: float, c: float) -> float:
        """a * b + c; rounded twice where kernels are not compiled."""
        return a * b + c

else:

    @numba.extending.intrinsic  # type: ignore[untyped-decorator]
    def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, rounded once."""
        signature = numba.float64(numba.float64, numba.float64, numba.float64)

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.fma(*arguments)

        return signature, build


def _compiled(function: Callable[..., Any], *, cached: bool = False, **options: Any) -> Any:
    """``function``, to be compiled when it is first called: no GIL, no exceptions on division."""
    if UNCOMPILED:
        return function
    options = {"nopython": True, "nogil": True, "boundscheck": None, "error_model": "numpy", **options}
    stages = compiler.Compiler if VECTOR_WIDTH is None else _Compiler
    dispatcher = _Dispatcher(function, targetoptions={**options, "fastmath": FASTMATH}, pipeline_class=stages)
    if cached:
        dispatcher._cache = _Cache(function)
    return dispatcher


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first call: no GIL, no exceptions on division, cached.

    One signature is expected of each kernel; NaN and infinities behave as IEEE 754 says.
    """
    return _compiled(function, cached=True)


def tile(function: Callable[..., Any]) -> Any:
    """Compile a loop over lanes that only other kernels call: linked into them, so neither cached nor wrapped."""
    return _compiled(function, **_UNWRAPPED)


def part(*types: Any) -> Callable[[Callable[..., Any]], Any]:
    """A tile in the cache by itself: where nothing is cached yet, a second process compiles it for these types.

    They must be those it is called with: with others it is compiled again, by its caller.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = _compiled(function, cached=True, **_UNWRAPPED)
        PARTS.append((dispatcher, types))
        return dispatcher

    return decorate


def glue(function: Callable[..., Any]) -> Any:
    """A function that mostly calls tiles in order: pasted into its caller before compilation.

    Every function compiled on its own is optimised once more in each of its callers; every paste is typed once more.
    Glue for what has one or two callers, tiles for what has more, compiled the kernels in two thirds of the time that
    tiles alone took (17 s against 25 s of processor time).
    """
    return _compiled(function, inline="always", **_UNWRAPPED)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a scalar function so that it disappears into the loops that call it and vectorises there."""
    return _compiled(function, forceinline=True, **_UNWRAPPED)


_HALVE = """
define void @halve(ptr noalias %x) WIDTH {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %place = getelementptr double, ptr %x, i64 %i
  %old = load double, ptr %place
  %new = fmul double %old, 5.0e-1
  store double %new, ptr %place
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, 1024
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


def vector_bits() -> int:
    """How wide the vectors of compiled kernels are [bit]: what the compiler makes of a loop over doubles here."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    _, name, features = registry.cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=3)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    width = f'"prefer-vector-width"="{VECTOR_WIDTH}"' if VECTOR_WIDTH else ""
    module = llvm.parse_assembly(_HALVE.replace("WIDTH", width))
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    text = machine.emit_assembly(module)
    return next((bits for register, bits in (("zmm", 512), ("ymm", 256)) if register in text), 128)
