"""What other commands wrote for a paper to show: the folder of a sweep, the folder of a sensitivity analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns, durable
from tiercap.optimizer.io.units import converted
from tiercap.optimizer.model.parameters import DECLARED
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.runs import layout

SWEEP, SOBOL, FIRST, TORNADO = "sweep.parquet", "sobol.parquet", "first-order.parquet", "tornado.parquet"
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
    """Tables of a sensitivity analysis, each a mapping of columns; None where the folder has none of them.

    shares : of the variance, first-order and, where inputs are independent, total; tornado : the outcome at ``low`` and
    ``high`` of each input and, if it is there, ``central``
    """

    path: Path
    shares: columns.Columns | None
    tornado: columns.Columns | None


def sweep(path: Path) -> Sweep:
    """Read the folder of a sweep. Raises InputError in one sentence."""
    place = layout.absolute(path)
    table = _table(place, SWEEP, "tiercap sweep")
    told = _told(layout.read_manifest(place) or {})
    described = {str(axis["name"]): axis for axis in _records(told.get("over"))}
    named = {str(c["name"]): (str(c["outcome"]), str(c["statistic"])) for c in _records(told.get("columns"))}
    names = list(described) or [name for name in table if _is_axis(name, table)]
    missing = [name for name in names if name not in table]
    if missing or not names:
        raise InputError(f"{place / SWEEP} has no column for what was swept: name a folder that `tiercap sweep` wrote")
    axes = tuple(Axis(name, table[name], _is_log(described.get(name, {}), table[name])) for name in names)
    rows = len(table[names[0]])
    policies = table["policy"].astype(np.str_) if "policy" in table else np.full(rows, "policy")
    kept: dict[str, dict[str, NDArray[np.float64]]] = {}
    for column, values in table.items():
        outcome, statistic = named.get(column) or _statistic(column)
        if column not in names and outcome in OUTCOMES and values.dtype.kind == "f":
            kept.setdefault(outcome, {})[statistic] = values
    if not kept:
        raise InputError(f"{place / SWEEP} has no outcome: name a folder that `tiercap sweep` wrote")
    return Sweep(place, axes, policies, kept)


def sensitivity(path: Path) -> Sensitivity:
    """Read the folder of a sensitivity analysis. Raises InputError in one sentence."""
    place = layout.absolute(path)
    there = [name for name in (SOBOL, FIRST, TORNADO) if (place / name).exists()]
    if not there:
        raise InputError(
            f"{place} has neither {SOBOL} nor {TORNADO}: name a folder that `tiercap sensitivity -o` wrote"
        )
    shares = next((_checked(place, name, ("first",)) for name in there if name != TORNADO), None)
    tornado = _outcomes(_checked(place, TORNADO, ("low", "high"))) if TORNADO in there else None
    return Sensitivity(place, shares, tornado)


def _outcomes(table: columns.Columns) -> columns.Columns:
    """A tornado with the outcome's values alone, where it also has the input's."""
    if "at_low" not in table or "at_high" not in table:
        return table
    kept = {name: table[name] for name in ("parameter", "unit", "outcome") if name in table}
    ends = {end: table[f"at_{end}"] for end in ("low", "central", "high") if f"at_{end}" in table}
    return kept | ends


def _checked(place: Path, name: str, wanted: tuple[str, ...]) -> columns.Columns:
    table = _table(place, name, "tiercap sensitivity")
    missing = [column for column in (*_KEYS, *wanted) if column not in table]
    if missing:
        raise InputError(f"{place / name} has no column `{missing[0]}`: name a folder that `tiercap sensitivity` wrote")
    return table


def _table(place: Path, name: str, command: str) -> columns.Columns:
    try:
        with durable.explained(f"reading {place / name}", "nothing was changed"):
            data = durable.read(place / name, columns.MAX_BYTES)
            return _in_our_units(columns.from_any_parquet(data), columns.declared_units(data), place / name)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (durable.Unfit, columns.Damaged) as reason:
        raise InputError(f"{place / name} is damaged ({str(reason)[:120]}): make it again with `{command}`") from None
    except Exception as error:
        if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            raise InputError(f"{place} has no {name}: name a folder that `{command}` wrote") from None
        raise
    raise InputError(f"{place} has no {name}: name a folder that `{command}` wrote")


def _in_our_units(table: columns.Columns, units: Mapping[str, str], place: Path) -> columns.Columns:
    """Columns of levers and parameters from the units that the file declares to those that people read."""
    found = dict(table)
    for name, unit in units.items():
        if _is_axis(name, table):
            try:
                found[name] = converted(table[name], unit, (LEVERS_TABLE.get(name) or DECLARED[name]).unit)
            except InputError as error:
                raise InputError(f"{place}: column `{name}`: {error}") from None
    return found


def _told(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a manifest says of its sweep."""
    told = manifest.get("sweep")
    return told if isinstance(told, Mapping) else {}


def _records(told: Any) -> list[Mapping[str, Any]]:
    """A list of records with names; nothing where it is anything else."""
    whole = isinstance(told, list) and all(isinstance(x, Mapping) and "name" in x for x in told)
    return told if whole else []


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
