"""What other commands wrote for a paper to show: the folder of a sweep, the folder of a sensitivity analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer import atomic, columns, run_layout
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.levers import LEVERS_TABLE
from tiercap.optimizer.parameters import DECLARED

SWEEP, SOBOL, TORNADO = "sweep.parquet", "sobol.parquet", "tornado.parquet"
_KEYS = ("parameter", "outcome")


@dataclass(frozen=True)
class Axis:
    """A swept name: its values along the sweep, and whether they are even in the logarithm."""

    name: str
    values: NDArray[np.float64]
    log: bool


@dataclass(frozen=True)
class Sweep:
    """A sweep as its folder has it, a row a point and policy.

    axes : the swept names; policies : name of each row's policy; outcomes : mean, p05, p50 and p95 by outcome, those
    that were kept
    """

    path: Path
    axes: tuple[Axis, ...]
    policies: NDArray[np.str_]
    outcomes: Mapping[str, Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Sensitivity:
    """Tables of a sensitivity analysis, each a mapping of columns; None where the folder has none of them."""

    path: Path
    sobol: columns.Columns | None
    tornado: columns.Columns | None


def sweep(path: Path) -> Sweep:
    """Read the folder of a sweep. Raises InputError in one sentence."""
    place = run_layout.absolute(path)
    table = _table(place, SWEEP, "tiercap sweep")
    described = {axis["name"]: axis for axis in _described(run_layout.read_manifest(place) or {})}
    names = list(described) or [name for name in table if _is_axis(name, table)]
    missing = [name for name in names if name not in table]
    if missing or not names:
        raise InputError(f"{place / SWEEP} has no column for what was swept: name a folder that `tiercap sweep` wrote")
    axes = tuple(Axis(name, table[name], _is_log(described.get(name, {}), table[name])) for name in names)
    rows = len(table[names[0]])
    policies = table["policy"].astype(np.str_) if "policy" in table else np.full(rows, "policy")
    kept: dict[str, dict[str, NDArray[np.float64]]] = {}
    for column, values in table.items():
        outcome, statistic = _statistic(column)
        if column not in names and outcome in OUTCOMES and values.dtype.kind == "f":
            kept.setdefault(outcome, {})[statistic] = values
    if not kept:
        raise InputError(f"{place / SWEEP} has no outcome: name a folder that `tiercap sweep` wrote")
    return Sweep(place, axes, policies, kept)


def sensitivity(path: Path) -> Sensitivity:
    """Read the folder of a sensitivity analysis. Raises InputError in one sentence."""
    place = run_layout.absolute(path)
    found = [
        _checked(place, name, wanted) if (place / name).exists() else None
        for name, wanted in ((SOBOL, ("first",)), (TORNADO, ("low", "high")))
    ]
    if found == [None, None]:
        raise InputError(
            f"{place} has neither {SOBOL} nor {TORNADO}: name a folder that `tiercap sensitivity -o` wrote"
        )
    return Sensitivity(place, *found)


def _checked(place: Path, name: str, wanted: tuple[str, ...]) -> columns.Columns:
    table = _table(place, name, "tiercap sensitivity")
    missing = [column for column in (*_KEYS, *wanted) if column not in table]
    if missing:
        raise InputError(f"{place / name} has no column `{missing[0]}`: name a folder that `tiercap sensitivity` wrote")
    return table


def _table(place: Path, name: str, command: str) -> columns.Columns:
    try:
        with atomic.explained(f"reading {place / name}", "nothing was changed"):
            return columns.from_any_parquet(atomic.read(place / name, columns.MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (atomic.Unfit, columns.Damaged) as reason:
        raise InputError(f"{place / name} is damaged ({str(reason)[:120]}): make it again with `{command}`") from None
    except Exception as error:
        if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            raise InputError(f"{place} has no {name}: name a folder that `{command}` wrote") from None
        raise
    raise InputError(f"{place} has no {name}: name a folder that `{command}` wrote")


def _described(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The swept names as the manifest tells them, at its top or in its configuration."""
    within = manifest.get("configuration")
    for holder in (manifest, within if isinstance(within, Mapping) else {}):
        for key in ("axes", "over", "swept"):
            told = holder.get(key)
            if isinstance(told, list) and told and all(isinstance(x, Mapping) and "name" in x for x in told):
                return told
    return []


def _is_axis(name: str, table: columns.Columns) -> bool:
    return (name in LEVERS_TABLE or (name in DECLARED and name not in OUTCOMES)) and table[name].dtype.kind == "f"


def _is_log(described: Mapping[str, Any], values: NDArray[np.float64]) -> bool:
    """As the manifest says, or where the values themselves are even in the logarithm and not otherwise."""
    if "scale" in described:
        return bool(described["scale"] == "log")
    known = np.unique(values[np.isfinite(values)])
    if len(known) < 3 or known[0] <= 0.0:
        return False
    ratios = known[1:] / known[:-1]
    return bool(np.allclose(ratios, ratios[0], rtol=1e-6))


def _statistic(column: str) -> tuple[str, str]:
    if column in OUTCOMES:
        return column, "mean"
    outcome, _, statistic = column.rpartition("_")
    return (outcome, statistic) if outcome in OUTCOMES else (column, "")
