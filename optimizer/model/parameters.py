"""The model's parameters with values, ranges and sources: the contract joined with the data files.

``kernels/params.py`` declares each name, unit and hard domain; ``data/baseline.toml`` gives its central value
and source, ``data/uncertainty.toml`` the distribution of those the world may choose. Reading them checks each
against the others, so that a figure outside its domain, a missing source or a stray name cannot pass.

All this is in the units that people read. The tables that kernels read, PARAMS, hold the contract's: :func:`put` and
:func:`held` alone go there and back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tiercap.kernels.params import PARAMETERS, Parameter
from tiercap.optimizer.data import EVIDENCE, shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import units
from tiercap.optimizer.model import distributions
from tiercap.optimizer.model.distributions import Distribution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tiercap.optimizer.io.units import Values

Kind = Literal["lever", "uncertain", "constant"]


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """One parameter: what it is, what it is worth, how far it may range and who says so."""

    name: str
    group: str
    unit: str
    value: float
    low: float
    high: float
    distribution: Distribution | None
    source: str
    evidence: str
    kind: Kind
    meaning: str
    range_source: str = ""
    range_evidence: str = ""


def _as_told(p: Parameter) -> Parameter:
    unit = units.told(p.unit)
    return p._replace(unit=unit, low=units.outside(p.low, unit), high=units.outside(p.high, unit))


#: Contract entries by name, in the units that people read.
DECLARED: Mapping[str, Parameter] = {p.name: _as_told(p) for p in PARAMETERS}


_CONTRACT: Mapping[str, Parameter] = {p.name: p for p in PARAMETERS}


def inside(name: str, values: Values) -> Values:
    """A parameter's values, float or float64 array, in the contract's unit."""
    return units.inside(values, DECLARED[name].unit)


def outside(name: str, values: Values) -> Values:
    """What :func:`inside` gave, in the parameter's own unit again."""
    return units.outside(values, DECLARED[name].unit)


def put(scenarios: NDArray[Any], name: str, values: float | NDArray[np.float64]) -> None:
    """Write a parameter into PARAMS[n]: one value for all, or float64[n], in its unit."""
    if isinstance(values, (int, float)):
        scenarios[name] = inside(name, float(values))
    else:
        scenarios[name] = inside(name, values)


def held(scenarios: NDArray[Any], name: str) -> NDArray[np.float64]:
    """A parameter's column of PARAMS[n] in its unit: float64[n]; the inverse of :func:`put`."""
    return outside(name, scenarios[name])


def stored(name: str, values: NDArray[np.float64], unit: str | None) -> NDArray[np.float64]:
    """A column of a file that declares ``unit``, or the parameter's own where that is None, in the contract's unit.

    Raises InputError where the declared unit does not convert.
    """
    try:
        return units.converted(values, unit or DECLARED[name].unit, _CONTRACT[name].unit)
    except InputError as error:
        raise InputError(f"column `{name}`: its declared unit is not the parameter's: {error}") from None


def baseline() -> dict[str, float]:
    """The central value of every parameter, in the contract's order and units."""
    return {info.name: inside(info.name, info.value) for info in table()}


@cache
def table() -> tuple[ParameterInfo, ...]:
    """Every parameter of the contract, in its order, with the built-in values and ranges.

    Raises :class:`InputError` naming the file and the entry if the data files and the contract disagree.
    """
    values = _grouped(_read(shipped("baseline.toml")))
    ranges = _read(shipped("uncertainty.toml"))
    for name in (*values, *ranges):
        if name not in DECLARED:
            raise InputError(f"data tables: unknown parameter `{name}`: {did_you_mean(name, DECLARED)}")
    missing = [name for name in DECLARED if name not in values]
    if missing:
        raise InputError(f"baseline.toml: no value for {', '.join(missing)}")
    return tuple(_join(p, *values[p.name], ranges.get(p.name)) for p in DECLARED.values())


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _grouped(tables: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name to (group, entry); a name may stand in one group only."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for group, entries in tables.items():
        for name, entry in entries.items():
            if name in found:
                raise InputError(f"baseline.toml: `{name}` stands in {found[name][0]} and in {group}")
            found[name] = (group, entry)
    return found


def _join(p: Parameter, group: str, entry: dict[str, Any], spread: dict[str, Any] | None) -> ParameterInfo:
    """One parameter from its three places."""
    where = f"baseline.toml [{group}.{p.name}]"
    unit = _CONTRACT[p.name].unit
    if entry.get("unit") != unit:
        raise InputError(f"{where}: unit {entry.get('unit')!r}, but the contract says {unit!r}")
    _check_grounds(entry, where)
    value = outside(p.name, float(entry["value"]))
    info = ParameterInfo(
        name=p.name,
        group=group,
        unit=p.unit,
        value=value,
        low=value,
        high=value,
        distribution=None,
        source=entry["source"],
        evidence=entry["evidence"],
        kind="constant",
        meaning=p.meaning,
    )
    info = with_value(info, info.value)
    if spread is None:
        return info
    _check_grounds(spread, f"uncertainty.toml [{p.name}]")
    info = with_distribution(info, shipped_distribution(p.name, spread))
    if not info.low <= info.value <= info.high:
        raise InputError(
            f"uncertainty.toml [{p.name}]: the central value {info.value:g} lies outside the range"
        )
    return replace(info, range_source=spread["source"], range_evidence=spread["evidence"])


def shipped_distribution(name: str, entry: Mapping[str, Any]) -> Distribution:
    """The distribution that an entry of a shipped file says, in the contract's unit, in the one that people read."""
    numbers = {k: v for k, v in entry.items() if k not in ("value", "distribution", "source", "evidence")}
    told = {key: v if key == "sigma" else outside(name, float(v)) for key, v in numbers.items()}
    return distributions.make(entry["distribution"], told)


def _check_grounds(entry: dict[str, Any], where: str) -> None:
    if not entry.get("source") or entry.get("evidence") not in EVIDENCE:
        raise InputError(f"{where}: needs a source and an evidence tag out of {', '.join(EVIDENCE)}")


def _check_domain(p: Parameter, value: float) -> None:
    if not p.low <= value <= p.high:
        domain = f"{p.low:g} to {p.high:g} [{p.unit}]"
        raise InputError(f"`{p.name}` = {value:g} lies outside its domain {domain} ({p.meaning})")


def with_value(info: ParameterInfo, value: float) -> ParameterInfo:
    """``info`` fixed at ``value`` (in its unit): a constant. Refuses a value outside the hard domain."""
    _check_domain(DECLARED[info.name], value)
    return replace(info, value=value, low=value, high=value, distribution=None, kind="constant")


def with_distribution(info: ParameterInfo, drawn: Distribution) -> ParameterInfo:
    """``info`` made uncertain. Refuses a range that leaves the hard domain; keeps the central value."""
    low, high = DECLARED[info.name].low, DECLARED[info.name].high
    if drawn.low < low or drawn.high > high:
        raise InputError(
            f"the range of `{info.name}`, {drawn.low:g} to {drawn.high:g}, leaves its domain "
            f"{low:g} to {high:g} [{info.unit}] ({info.meaning})"
        )
    return replace(info, low=drawn.low, high=drawn.high, distribution=drawn, kind="uncertain")


def is_growth_factor(p: Parameter) -> bool:
    """Whether the parameter multiplies once a year: 1 means no change, a percentage would mislead."""
    return p.unit == "1/year" and (p.name == "discount" or ("growth" in p.name and p.low > 0))


def parse(name: str, value: object) -> float:
    """``value`` (a number, or a text with a unit) of parameter ``name``, in its unit, inside its domain."""
    if name not in DECLARED:
        raise InputError(f"unknown parameter `{name}`: {did_you_mean(name, DECLARED)}")
    p = DECLARED[name]
    found = (
        units.factor(value, name) if is_growth_factor(p) else units.quantity(value, p.unit, name)
    )
    _check_domain(p, found)
    return found


def assignment(text: str) -> tuple[str, str]:
    """``NAME=VALUE`` as its two halves, both stripped."""
    name, separator, value = text[:1000].partition("=")
    if not separator or not name.strip() or not value.strip():
        raise InputError(f"`{units.printable(text)}` is not NAME=VALUE, such as budget_c=60")
    return name.strip(), value.strip()


def override(infos: tuple[ParameterInfo, ...], settings: Mapping[str, object]) -> tuple[ParameterInfo, ...]:
    """``infos`` with some parameters fixed; the draws of the others do not move."""
    values = {name: parse(name, value) for name, value in settings.items()}
    return tuple(with_value(i, values[i.name]) if i.name in values else i for i in infos)
