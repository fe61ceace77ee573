"""The machine that computes: processor, vectors, cores, load, memory, versions of what shapes a time."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

#: Packages whose versions change how long something takes.
TIMED = ("tiercap", "numba", "llvmlite", "numpy", "optuna", "moocore", "pyarrow")
#: What a processor can do, as Linux and macOS spell it, and the bits of its vectors.
_VECTORS = (("avx512f", 512), ("avx2", 256), ("avx", 256), ("sse2", 128), ("asimd", 128), ("neon", 128))


def describe() -> dict[str, Any]:
    """What stays the same while one measures."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "vector_bits": vector_bits(),
        "versions": {"python": platform.python_version(), **{name: installed(name) for name in TIMED}},
    }


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name; Linux keeps it in a file, elsewhere Python knows."""
    return _first_value("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()


def vector_bits() -> int | None:
    """Bits of the widest vectors the processor has, as far as the system tells."""
    flags = (_first_value("/proc/cpuinfo", "flags") or _first_value("/proc/cpuinfo", "Features")).split()
    return next((bits for flag, bits in _VECTORS if flag in flags), None)


def load() -> float | None:
    """Processes that wanted to run, averaged over the last minute; None where the system does not count."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def peak_memory() -> int | None:
    """The most memory this process has held, in bytes; None where the system does not say."""
    if (told := _first_value("/proc/self/status", "VmHWM")).endswith(" kB"):
        return int(told.removesuffix(" kB")) * 1024
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit  # on Linux this counts what the parent held


def installed(package: str) -> str | None:
    """The version of a package, None where it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _first_value(path: str, key: str) -> str:
    """The value of the first line of a file under /proc that begins with ``key``; nothing where there is none."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            found = (line.partition(":")[2].strip() for line in file if line.partition(":")[0].strip() == key)
            return next(found, "")
    except OSError:
        return ""
