"""How kernels are compiled: the only file that decorates with Numba.

Numba's own cache can run an old kernel after its source changed: it does not see edits in other files, and a kill
between its two writes leaves the new index pointing at old code. Its cache is pickle, and a file
``.numba_config.yaml`` in the working directory may redirect it. So compiled code goes into a private folder whose
name is a digest of every kernel source and of the versions and the CPU that shaped it; whatever cannot be read
there is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: No licence to the compiler at all. With `contract` it chooses which products to fuse with which sums, and chooses
#: differently in a loop's vector and scalar forms, for other vector widths, and even for the order in which kernels
#: happened to be compiled: bits then depend on it. Where fusing pays, the source says `fma`.
FASTMATH = False

#: Functions that Python never calls need no wrapper for it: a third of the compile time.
_UNWRAPPED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

_SETTINGS_IN_KEY = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_OPT", "NUMBA_BOUNDSCHECK",
                    "NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE", "NUMBA_DEBUG", "NUMBA_DEBUGINFO")


def source_digest() -> str:
    """Digest of all kernel sources, library versions, CPU and compiler settings: the key of the cache."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("numba", "llvmlite", "numpy"):
        digest.update(f"{package}={version(package)};".encode())
    digest.update(f"{sys.version_info[:3]}{platform.machine()}{_cpu()}{FASTMATH}".encode())
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
    parent = Path(os.environ.get("TIERCAP_CACHE") or _user_cache() / "tiercap")
    folder = parent / f"kernels-{source_digest()}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if _private(parent) and _private(folder) and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="tiercap-kernels-"))


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


# The environment must be set before Numba is imported: it outranks a `.numba_config.yaml`.
CACHE = cache_folder()
os.environ["NUMBA_CACHE_DIR"] = str(CACHE)

numba = _import_numba()


class _ForgivingCache:
    """Numba's cache of one kernel, where an unreadable entry means compile and a failed save means go on."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *args: Any) -> Any:
        try:
            return self._cache.load_overload(*args)
        except Exception:  # noqa: BLE001 - truncated, emptied, foreign: pickle may raise anything
            return None

    def save_overload(self, *args: Any) -> None:
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
    dispatcher = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)(function)
    if hasattr(dispatcher, "_cache"):  # absent when NUMBA_DISABLE_JIT is set
        dispatcher._cache = _ForgivingCache(dispatcher._cache)
    return dispatcher


def tile(function: Callable[..., Any]) -> Any:
    """Compile a loop over lanes that only other kernels call: linked into them, so neither cached nor wrapped."""
    return numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH, **_UNWRAPPED)(function)


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
