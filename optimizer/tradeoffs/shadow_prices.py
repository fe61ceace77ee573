"""Marginal prices: what each objective gives for a per cent of each cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tiercap.kernels.params import LAGGED
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import bootstrap
from tiercap.optimizer.model.bootstrap import Spread
from tiercap.optimizer.rules.levers import CAPS, CONTROLS, LEVERS_TABLE, part
from tiercap.optimizer.rules.nesting import nested
from tiercap.optimizer.study.problem import Problem

#: How far a cap is moved, as a share of it.
STEP = 0.01
QUOTAS = ("quota_share", "quota_chips", "quota_tpp")
_PRICED = (*CAPS, *QUOTAS, *CONTROLS)


@dataclass(frozen=True)
class Price:
    """What moving one cap, quota or control by one per cent does to the objectives.

    lever : the cap, quota or control; direction : "looser" or "tighter"
    change : of each objective, [k], in its unit and its own sign (not as a loss); None where the step would leave the
    tier around it or the lever's domain
    """

    lever: str
    direction: str
    change: Spread | None


def prices(problem: Problem, values: Mapping[str, float], draws: Floats) -> list[Price]:
    """Both one-sided prices of every cap, quota and control that is searched and above 0.

    Both sides, because payoffs have kinks where a cap meets a chip's figure. values : each searched lever, in the
    units of `levers.LEVERS_TABLE`; draws : `bootstrap.resamplings` of the scenarios
    """
    priced = [name for name, value in values.items() if value > 0.0 and part(name).field in _PRICED]
    asked = [(name, way) for name in priced for way in _ways(problem, name)]
    moved = [_moved(problem, values, name, factor) for name, (_, factor) in asked]
    possible = [given for given in moved if given is not None]
    columns = {name: np.array([given[name] for given in (dict(values), *possible)]) for name in values}
    found = problem.scoring.levels(problem.space.rows(columns), draws, problem.evaluator)
    change = bootstrap.between(found.values[1:] - found.values[:1], found.drawn[:, 1:] - found.drawn[:, :1])
    rows = iter(range(len(possible)))
    result = []
    for (name, (direction, _)), given in zip(asked, moved, strict=True):
        row = None if given is None else next(rows)
        result.append(Price(name, direction, None if row is None else Spread(*(each[row] for each in change))))
    return result


def _ways(problem: Problem, name: str) -> tuple[tuple[str, float], ...]:
    """Both directions with their factors. More of a cap is looser; more years of lag, or more of a control, tighter."""
    place = part(name)
    lagged = place.field in CAPS and problem.base.reshape(-1)[place.group]["reading"][0] == LAGGED
    sign = -1.0 if lagged or place.field in CONTROLS else 1.0
    return (("looser", 1.0 + sign * STEP), ("tighter", 1.0 - sign * STEP))


def _moved(problem: Problem, values: Mapping[str, float], name: str, factor: float) -> dict[str, float] | None:
    """The policy with one lever moved, None where that is no policy."""
    given = {**values, name: values[name] * factor}
    inside = LEVERS_TABLE[name].low <= given[name] <= LEVERS_TABLE[name].high
    return given if inside and nested(problem.space.rows(given).reshape(-1), (name,))[0] else None
