"""The verbs of the command line as functions, for scripts and notebooks; they return xarray and pandas objects.

>>> import tiercap as tc
>>> futures = tc.study(count=128, seed=1)
>>> tc.evaluate(["bis-2026", "ban"], futures).revenue.mean("scenario")

Units stand in the attributes: see `frames`. A study is a `Problem`: what :func:`study` returns. What cannot be taken
raises InputError with one sentence; so does the absence of pandas and xarray (the extra `netcdf`). The same arguments
give the same bits. Nothing is printed. A verb is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiercap.optimizer.api.choices import compare, pick
    from tiercap.optimizer.api.explanations import discover, lever_sensitivity, sensitivity
    from tiercap.optimizer.api.grids import sweep
    from tiercap.optimizer.api.laws import chips, classify, rules
    from tiercap.optimizer.api.lists import config, engines, init, ledger, outcomes, parameters
    from tiercap.optimizer.api.payoffs import evaluate, statistics, study, trajectories
    from tiercap.optimizer.api.records import backcast, calibrate, published
    from tiercap.optimizer.api.searches import front, optimize, replicate, verify
    from tiercap.optimizer.api.works import bench, doctor, paper
    from tiercap.optimizer.errors import InfeasibleError, InputError, StorageError, TiercapError

#: Where each name lives; the imports above say the same to those who check types.
_PLACES = {
    "choices": ("compare", "pick"),
    "explanations": ("discover", "lever_sensitivity", "sensitivity"),
    "grids": ("sweep",),
    "laws": ("chips", "classify", "rules"),
    "lists": ("config", "engines", "init", "ledger", "outcomes", "parameters"),
    "payoffs": ("evaluate", "statistics", "study", "trajectories"),
    "records": ("backcast", "calibrate", "published"),
    "searches": ("front", "optimize", "replicate", "verify"),
    "works": ("bench", "doctor", "paper"),
}
_MODULES = {name: f"tiercap.optimizer.api.{place}" for place, names in _PLACES.items() for name in names}
_MODULES |= dict.fromkeys(
    ("InfeasibleError", "InputError", "StorageError", "TiercapError"), "tiercap.optimizer.errors"
)

__all__ = [
    "InfeasibleError",
    "InputError",
    "StorageError",
    "TiercapError",
    "backcast",
    "bench",
    "calibrate",
    "chips",
    "classify",
    "compare",
    "config",
    "discover",
    "doctor",
    "engines",
    "evaluate",
    "front",
    "init",
    "ledger",
    "lever_sensitivity",
    "optimize",
    "outcomes",
    "paper",
    "parameters",
    "pick",
    "published",
    "replicate",
    "rules",
    "sensitivity",
    "statistics",
    "study",
    "sweep",
    "trajectories",
    "verify",
]


def __getattr__(name: str) -> Any:
    """A verb, imported when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
