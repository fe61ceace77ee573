"""How kernels are compiled: the only file that decorates with Numba.

Numba's own cache can run an old kernel after its source changed: it does not see edits in other files, and a kill
between its two writes leaves the new index pointing at old code. Its cache is pickle, and a file
``.numba_config.yaml`` in the working directory may redirect it. So compiled code goes into a private folder whose
name is a digest of every kernel source and of the versions and the CPU that shaped it; whatever cannot be read
there is compiled again.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

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
    digest.update(f"{sys.version_info[:3]}{platform.machine()}{_cpu()}{FASTMATH}{FEATURES}".encode())
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


def _import_numba() -> Any:
    """Numba, deaf to a ``.numba_config.yaml`` in the working directory.

    Such a file can name classes to import, and so run code. Numba reads it with PyYAML, when it is imported and again
    before it compiles: the first is prevented by hiding PyYAML, the second by pointing it to nothing.
    """
    yaml = sys.modules.get("yaml")
    sys.modules["yaml"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import numba
    finally:
        del sys.modules["yaml"]
        if yaml is not None:
            sys.modules["yaml"] = yaml
    numba.config._config_fname = os.devnull
    numba.config.reload_config()
    numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # in case Numba was imported before us
    return numba


def _features() -> str | None:
    """What tells the compiler how wide its vectors may be; None leaves it to it, as ``NUMBA_CPU_FEATURES`` does.

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
    return f"{features.flatten()},{'+' if width == '256' else '-'}prefer-256-bit"


# The environment must be set before Numba is imported: it outranks a `.numba_config.yaml`.
FEATURES = _features()
DIGEST = source_digest()
CACHE = cache_folder()
os.environ["NUMBA_CACHE_DIR"] = str(CACHE)

numba = _import_numba()
if FEATURES is not None:
    numba.config.CPU_FEATURES = FEATURES


#: What tiles are called with: rows of a tile, a table of such rows, whole numbers, real ones.
ROWS, TABLE, WHOLE, REAL = numba.float64[::1], numba.float64[:, ::1], numba.int64, numba.float64
#: Every `part`, and the types it is compiled for.
PARTS: list[tuple[Any, tuple[Any, ...]]] = []


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Hide modules that Numba imports on its first use and kernels do not need: 0.2 s of every start."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        if "numba.np.arraymath" in sys.modules and "scipy.linalg" in hidden:
            sys.modules["numba.np.arraymath"]._HAVE_BLAS = True  # type: ignore[attr-defined]


class _ForgivingCache:
    """Numba's cache of one kernel, where an unreadable entry means compile and a failed save means go on."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *args: Any) -> Any:
        try:
            with _without("scipy.linalg", "cffi"):
                return self._cache.load_overload(*args)
        except Exception:  # noqa: BLE001 - truncated, emptied, foreign: pickle may raise anything
            return None

    def save_overload(self, *args: Any) -> None:
        if source_digest() != DIGEST:
            return  # a source changed while it was being read: this code may not be what the folder's name says
        try:
            self._cache.save_overload(*args)
        except Exception:  # noqa: BLE001 - a full disk, or an index of which nothing can be read
            with suppress(Exception):
                self._cache.flush()


if numba.config.DISABLE_JIT:

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


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first call: no GIL, no exceptions on division, cached.

    One signature is expected of each kernel; NaN and infinities behave as IEEE 754 says.
    """
    return _forgiving(numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)(function))


def _forgiving(dispatcher: Any) -> Any:
    if hasattr(dispatcher, "_cache"):  # absent when NUMBA_DISABLE_JIT is set
        dispatcher._cache = _ForgivingCache(dispatcher._cache)
    return dispatcher


def tile(function: Callable[..., Any]) -> Any:
    """Compile a loop over lanes that only other kernels call: linked into them, so neither cached nor wrapped."""
    return numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH, **_UNWRAPPED)(function)


def part(*types: Any) -> Callable[[Callable[..., Any]], Any]:
    """A tile in the cache by itself: where nothing is cached yet, a second process compiles it for these types.

    They must be those it is called with: with others it is compiled again, by its caller.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        options = {"cache": True, "error_model": "numpy", "fastmath": FASTMATH, **_UNWRAPPED}
        dispatcher = _forgiving(numba.njit(nogil=True, **options)(function))
        PARTS.append((dispatcher, types))
        return dispatcher

    return decorate


def glue(function: Callable[..., Any]) -> Any:
    """A function that mostly calls tiles in order: pasted into its caller before compilation.

    Every function compiled on its own is optimised once more in each of its callers; every paste is typed once more.
    Glue for what has one or two callers, tiles for what has more, compiled the kernels in two thirds of the time that
    tiles alone took (17 s against 25 s of processor time).
    """
    return numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH, inline="always", **_UNWRAPPED)(function)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a scalar function so that it disappears into the loops that call it and vectorises there."""
    return numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH, forceinline=True, **_UNWRAPPED)(function)


_HALVE = """
define void @halve(ptr noalias %x) {
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
    name = numba.config.CPU_NAME or llvm.get_host_cpu_name()
    features = numba.config.CPU_FEATURES
    features = llvm.get_host_cpu_features().flatten() if features is None else features
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=3)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    module = llvm.parse_assembly(_HALVE)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    text = machine.emit_assembly(module)
    return next((bits for register, bits in (("zmm", 512), ("ymm", 256)) if register in text), 128)
