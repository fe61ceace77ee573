"""A study's [uncertainties] and [constants], put over the built-in parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tiercap.optimizer.io import units
from tiercap.optimizer.model import distributions, parameters, physics
from tiercap.optimizer.model.parameters import DECLARED, ParameterInfo
from tiercap.optimizer.study.schema import Draft, Keys, take_choice


def take_parameters(draft: Draft) -> tuple[ParameterInfo, ...]:
    """The built-in parameters with the study's [uncertainties] and [constants] put over them."""
    changed: dict[str, ParameterInfo] = {info.name: info for info in parameters.table()}
    for name in draft.table(("uncertainties",)):
        path = ("uncertainties", name)
        if not draft.unknown(path, DECLARED, "parameter"):
            changed[name] = _uncertain(draft, path, changed[name])
    for name, value in draft.table(("constants",)).items():
        path = ("constants", name)
        if draft.unknown(path, DECLARED, "parameter"):
            continue
        found = draft.attempt(path, parameters.parse, name, value)
        if found is not None:
            changed[name] = parameters.with_value(changed[name], found)
    _check_physics(draft, changed)
    return tuple(changed.values())


def _check_physics(draft: Draft, infos: Mapping[str, ParameterInfo]) -> None:
    """Values that no physics allows together, reported where the study said one of them last."""
    table = {name: np.array([parameters.inside(name, info.value)]) for name, info in infos.items()}
    for bound, sentence in physics.broken(table, 1):
        said = [
            (kind, name)
            for name in (bound.name, *bound.others)
            for kind in ("constants", "uncertainties")
            if name in draft.table((kind,))
        ]
        draft.complain(said[0] if said else ("constants",), sentence)


def _uncertain(draft: Draft, path: Keys, info: ParameterInfo) -> ParameterInfo:
    """``info`` with the distribution of one [uncertainties.NAME] table."""
    table, before = dict(draft.table(path)), len(draft.problems)
    known = {key for keys in distributions.ARGUMENTS.values() for key in keys}
    for key in table:
        draft.unknown((*path, key), {"distribution", *known}, "key")
    name = take_choice(draft, (*path, "distribution"), "", distributions.ARGUMENTS, "distribution")
    arguments = {
        key: draft.attempt((*path, key), _argument, info.name, key, table[key])
        for key in table
        if key in known
    }
    if len(draft.problems) > before:
        return info
    made = draft.attempt(path, _distributed, info, name, arguments)
    return info if made is None else made


def _distributed(info: ParameterInfo, name: str, arguments: dict[str, float]) -> ParameterInfo:
    return parameters.with_distribution(info, distributions.make(name, arguments))


def _argument(parameter: str, key: str, value: object) -> float:
    """An argument in the parameter's unit; sigma is a pure number."""
    return units.quantity(value, "1", key) if key == "sigma" else parameters.parse(parameter, value)
