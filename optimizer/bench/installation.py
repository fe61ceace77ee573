"""What this installation and machine look like to tiercap, and what to mend."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from time import perf_counter
from typing import Any

from tiercap.optimizer.io import machine

PACKAGES = (
    "tiercap",
    "numba",
    "llvmlite",
    "numpy",
    "scipy",
    "optuna",
    "moocore",
    "pint",
    "pyarrow",
    "click",
    "rich",
)


def examine(compiling: bool = False) -> dict[str, Any]:
    """``facts`` by name, ``remarks`` with what a person should mend, and whether it is all well, ``ok``.

    compiling : import and compile the kernels too
    """
    facts = {"python": platform.python_version(), **_versions(), **_machine(), **_cache()}
    if compiling:
        facts["kernels"] = _compile()
    remarks = _remarks(facts)
    return {"facts": facts, "remarks": remarks, "ok": not remarks}


def broken(found: dict[str, Any]) -> bool:
    """Whether nothing can be computed here: a package is missing or the kernels do not compile."""
    facts = found["facts"]
    return any(facts[name] is None for name in PACKAGES) or str(facts.get("kernels", "")).startswith("failed")


def _versions() -> dict[str, Any]:
    return {name: machine.installed(name) for name in PACKAGES}


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processor": machine.processor(),
        "cores": os.cpu_count(),
        "usable cores": machine.usable_cores(),
        "threads asked for": os.environ.get("TIERCAP_THREADS")
        or os.environ.get("NUMBA_NUM_THREADS")
        or "all cores",
    }


def _cache() -> dict[str, Any]:
    """The kernel cache's folder, as the kernels will choose it."""
    try:
        from tiercap.kernels import _jit

        vectors = f"{_jit.vector_bits()} bit"
    except Exception as error:  # noqa: BLE001 - a broken installation is what this command is for
        return {"cache folder": f"unknown: {type(error).__name__}: {str(error)[:100]}", "cache kept": False}
    kept = not _jit.CACHE.name.startswith("tiercap-kernels-")
    return {"vectors": vectors, "cache folder": str(_jit.CACHE), "cache kept": kept}


def _compile() -> str:
    """Evaluate one policy in one scenario, so that the kernels are compiled; say how that went."""
    began = perf_counter()
    try:
        _evaluate_once()
    except Exception as error:  # noqa: BLE001 - whatever it is, the person wants it said
        return f"failed: {type(error).__name__}: {str(error)[:200]}"
    return f"ready in {perf_counter() - began:.1f} s"


def _evaluate_once() -> None:
    import numpy as np

    from tiercap.kernels.params import LEVERS
    from tiercap.optimizer.model import parameters, scenarios
    from tiercap.optimizer.model.evaluator import Evaluator
    from tiercap.optimizer.model.horizon import Horizon
    from tiercap.optimizer.rules import chips

    central = scenarios.draw(parameters.table(), kind="central")
    Evaluator(central, Horizon(), chips.exporter_catalogue(), 1).outcomes(np.zeros((1, 1), LEVERS))


def _remarks(facts: dict[str, Any]) -> list[str]:
    """What a person should mend, one sentence each."""
    remarks = [f"{name} is not installed: install tiercap again" for name in PACKAGES if facts[name] is None]
    if Path(".numba_config.yaml").exists():
        remarks.append(
            "a file .numba_config.yaml lies in this folder; tiercap keeps its cache out of its reach, "
            "but remove it if you did not put it there"
        )
    if not facts["cache kept"]:
        remarks.append(
            "the cache folder cannot be used (it must be yours alone and writable), so kernels are compiled "
            "on every start: name another folder in TIERCAP_CACHE"
        )
    if str(facts.get("kernels", "")).startswith("failed"):
        remarks.append("the kernels could not be compiled")
    return remarks
