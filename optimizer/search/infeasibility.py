"""Infeasibility explained: the policies that come nearest, what each breaks, and the least that would have to give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import measures
from tiercap.optimizer.rules.levers import describe
from tiercap.optimizer.study.problem import UNITS, Problem

#: Policies that are shown.
SHOWN = 5
#: Significant digits of a bound that is proposed.
DIGITS = 4


@dataclass(frozen=True)
class Miss:
    """A policy and the bounds it breaks: words of the bound and by how much, in the outcome's unit.

    row : its place among the policies tried; share : the sum of the breaks, each as a share of its bound
    """

    row: int
    share: float
    broken: dict[str, float]


@dataclass(frozen=True)
class Relaxation:
    """One bound that, moved to ``value``, makes the policy ``row`` feasible; ``key`` is the study's key for it."""

    bound: str
    key: str
    unit: str
    amount: float
    share: float
    value: float
    row: int

    @property
    def setting(self) -> str:
        """What to give `--set`."""
        return f"{self.key}={self.value!r}" + ("" if self.unit == "1" else f" {self.unit}")


@dataclass(frozen=True)
class Explanation:
    """Nearest misses, best first; relaxations of one bound each, smallest share first, empty where none suffices."""

    tried: int
    misses: tuple[Miss, ...]
    relaxations: tuple[Relaxation, ...]


def explain(problem: Problem, values: Floats) -> Explanation:
    """Why none of some policies is feasible.

    values : float64[n, columns], whose columns begin with `Problem.screened`. Policies whose objectives or constraints
    are not numbers do not count.
    """
    excess, shares = problem.scoring.excess(values), np.maximum(problem.scoring.violations(values), 0.0)
    usable = np.isfinite(problem.scoring.losses(values)).all(axis=1) & np.isfinite(shares).all(axis=1)
    rows = np.flatnonzero(usable)
    total = shares[rows].sum(axis=1)
    nearest = rows[np.argsort(total, kind="stable")][:SHOWN]
    bounds = problem.scoring.bounds()
    misses = []
    for row in nearest:
        broken = {words: float(x) for words, x in zip(bounds, excess[row], strict=True) if x > 0.0}
        misses.append(Miss(int(row), float(shares[row].sum()), broken))
    found = [relaxation for k in range(len(bounds)) if (relaxation := _alone(problem, k, rows, values))]
    return Explanation(len(values), tuple(misses), tuple(sorted(found, key=lambda r: r.share)))


def _alone(problem: Problem, k: int, rows: NDArray[np.int64], values: Floats) -> Relaxation | None:
    """The least by which bound ``k`` must give if all others stand; None where none of ``rows`` keeps the others."""
    excess, shares = problem.scoring.excess(values), np.maximum(problem.scoring.violations(values), 0.0)
    others = np.delete(shares, k, axis=1)[rows]
    candidates = rows[(others == 0.0).all(axis=1)]
    if len(candidates) == 0:
        return None
    row = int(candidates[np.argmin(excess[candidates, k])])
    constraint, sign, _ = problem.scoring.limits[k]
    reached = values[row, problem.scoring.screened.index((constraint.outcome, constraint.statistic))]
    return Relaxation(
        problem.scoring.bounds()[k],
        f"constraints.{constraint.key or constraint.outcome}.{'max' if sign > 0 else 'min'}",
        measures.unit(constraint.outcome, constraint.statistic),
        float(excess[row, k]),
        float(shares[row, k]),
        _outward(float(reached), sign),
        row,
    )


def _outward(value: float, sign: float) -> float:
    """``value`` in few digits, not below it for a maximum and not above it for a minimum."""
    if value == 0.0:
        return 0.0
    place = Decimal(1).scaleb(math.floor(math.log10(abs(value))) - DIGITS + 1)
    # In decimal, because a binary quotient may land on the wrong side of a whole number.
    return float(Decimal(repr(value)).quantize(place, ROUND_CEILING if sign > 0 else ROUND_FLOOR))


def explanation_json(
    problem: Problem, explanation: Explanation, levers: NDArray[Any], values: Floats
) -> dict[str, Any]:
    """As JSON has it; levers : LEVERS[n, 1] and values : float64[n, reported] of ``explanation.misses``, in order."""
    policies = []
    for miss, row, numbers in zip(explanation.misses, levers, values, strict=True):
        objectives: dict[str, dict[str, Any]] = {}
        for objective, number in zip(problem.study.objectives, numbers, strict=False):
            told = objectives.setdefault(objective.outcome, {"unit": UNITS[objective.outcome]})
            told[objective.statistic] = float(number)
        broken = [{"bound": bound, "by": amount} for bound, amount in miss.broken.items()]
        policies.append({"levers": describe(row), "outcomes": objectives, "breaks": broken, "share": miss.share})
    relaxations = [
        {
            "bound": r.bound,
            "by": r.amount,
            "share": r.share,
            "new_bound": r.value,
            "unit": r.unit,
            "set": r.setting,
        }
        for r in explanation.relaxations
    ]
    return {"tried": explanation.tried, "policies": policies, "relaxations": relaxations}
