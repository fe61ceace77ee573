"""A study as a manifest holds it, and read back: the two directions side by side, each the inverse of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tiercap.kernels.params import OUTCOMES, PARAMETERS
from tiercap.optimizer.io.units import outside, told
from tiercap.optimizer.model import distributions, measures, parameters
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.rules.space import Lever
from tiercap.optimizer.study import engines
from tiercap.optimizer.study.records import Constraint, Objective, ScenarioPlan, SearchBudget, Study


def resolved(study: Study) -> dict[str, Any]:
    """The whole study as JSON can hold it: every value that shapes a result, and where it was said."""
    return {
        "study": {
            "name": study.name,
            "title": study.title,
            "baseline": study.baseline,
            "source": study.source,
        },
        "horizon": asdict(study.horizon),
        "policy": dict(study.policy),
        "levers": {lever.name: _without_name(asdict(lever)) for lever in study.levers},
        "held": dict(study.held),
        "objectives": {o.key or o.outcome: _objective_said(o) for o in study.objectives},
        "constraints": {
            c.key or c.outcome: {"statistic": c.statistic, "min": c.low, "max": c.high} for c in study.constraints
        },
        "scenarios": asdict(study.scenarios),
        "search": asdict(study.search) | {"options": engines.options_of(study.search.engine, study.search.options)},
        "parameters": {
            info.name: {"distribution": info.distribution.name, **dict(info.distribution.arguments)}
            if info.distribution
            else info.value
            for info in study.parameters
        },
        "units": {info.name: info.unit for info in study.parameters},
        "origins": dict(study.origins),
    }


def study_of(said: Mapping[str, Any]) -> Study:
    """The inverse of `resolved`. Raises KeyError, TypeError, ValueError or InputError for anything else."""
    return Study(
        **{key: str(said["study"][key]) for key in ("name", "title", "baseline", "source")},
        horizon=Horizon(**{key: int(value) for key, value in said["horizon"].items()}),
        policy={group: str(rule) for group, rule in said["policy"].items()},
        levers=tuple(_lever_of(name, table) for name, table in said["levers"].items()),
        held={str(name): float(value) for name, value in said["held"].items()},
        objectives=tuple(_objective_of(key, entry) for key, entry in said["objectives"].items()),
        constraints=tuple(
            Constraint(_outcome(key), _statistic(c["statistic"]), c["min"], c["max"], _key(key))
            for key, c in said["constraints"].items()
        ),
        scenarios=ScenarioPlan(**said["scenarios"]),
        search=_search_of(said["search"]),
        parameters=tuple(_parameter_of(info, said["parameters"][info.name]) for info in parameters.table()),
        origins={str(key): str(value) for key, value in said["origins"].items()},
    )


def with_units(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """A manifest's study whose parameters are in the units that people read, as those are that name units.

    Runs that were made before have none, and their parameters are in the contract's.
    """
    if "units" in said or not isinstance(said.get("parameters"), Mapping):
        return said
    units = {p.name: told(p.unit) for p in PARAMETERS}
    shown = {name: _outside(value, units.get(name, "1")) for name, value in said["parameters"].items()}
    return {**said, "parameters": shown, "units": units}


def _outside(value: Any, unit: str) -> Any:
    """A number, or the numbers of a distribution but for its sigma, which has no unit."""
    if isinstance(value, Mapping):
        return {key: v if key == "sigma" else _outside(v, unit) for key, v in value.items()}
    return outside(float(value), unit) if isinstance(value, (int, float)) else value


def _search_of(said: Mapping[str, Any]) -> SearchBudget:
    texts = {key: str(said[key]) for key in ("engine", "pruner")}
    whole = {key: int(value) for key, value in said.items() if key not in (*texts, "options", "scale")}
    known = engines.ENGINES[texts["engine"]].options
    options = {name: value for name, value in said["options"].items() if known[name].default != value}
    scale = {_outcome(name): (float(best), float(worst)) for name, (best, worst) in said["scale"].items()}
    return SearchBudget(**whole, engine=texts["engine"], pruner=texts["pruner"], options=options, scale=scale)


def _lever_of(name: str, table: Mapping[str, Any]) -> Lever:
    low, high = float(table["low"]), float(table["high"])
    return Lever(name, str(table["unit"]), low, high, bool(table["log"]), table["within"])


def _objective_of(key: str, entry: Any) -> Objective:
    """An objective said in one word, or with its statistic."""
    if isinstance(entry, Mapping):
        return Objective(_outcome(key), entry["direction"], _statistic(entry["statistic"]), _key(key))
    return Objective(_outcome(key), entry, key=_key(key))


def _outcome(key: str) -> str:
    return measures.split(key)[0]


def _key(key: str) -> str:
    return "" if key in OUTCOMES else key


def _statistic(name: str) -> str:
    measures.parse(name)
    return name


def _parameter_of(info: ParameterInfo, said: Any) -> ParameterInfo:
    """A built-in parameter as the study had it: a number where it was fixed, a distribution where it was drawn."""
    if not isinstance(said, Mapping):
        return parameters.with_value(info, float(said))
    arguments = {key: float(value) for key, value in said.items() if key != "distribution"}
    return parameters.with_distribution(info, distributions.make(str(said["distribution"]), arguments))


def _objective_said(objective: Objective) -> str | dict[str, str]:
    """As a study file may have it: the direction alone where the mean is meant."""
    if objective.statistic == "mean":
        return objective.direction
    return {"direction": objective.direction, "statistic": objective.statistic}


def _without_name(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "name"}
