"""A front met by scenarios that the search did not choose it by: how much of it was luck, and what can be told apart.

A search compares many policies in the same scenarios and keeps the best, so what it reports of them is on average
better than it will prove ("the optimizer's curse": Smith and Winkler, Management Science 52, 2006). The same policies
in other scenarios say by how much. What moves the rule in force there, which nothing was chosen by, is the draw of the
scenarios; what moves the front beyond that is the selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.model import bootstrap, front
from tiercap.optimizer.model.bootstrap import Levels, Spread
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.statistics import Floats
from tiercap.optimizer.search.indistinguishable import MOST, Groups, grouped
from tiercap.optimizer.study.problem import Problem

#: The group of a policy that was not asked: one of more than `indistinguishable.MOST`, or without finite objectives.
NOT_ASKED = -1


@dataclass(frozen=True)
class Fresh:
    """The front and the rule in force in fresh scenarios.

    shared : the weight of those fresh scenarios whose members the search had met too
    digest : of the best known there, None where no regret was asked for
    values : float64[n, screened], statistics of `Problem.screened`; rule : float64[screened]
    optimism : [k], by how much the front's objectives, on average over its policies, are worse there than in the
    search, less the same of the rule in force, in each objective's unit; its interval resamples both sets of scenarios
    shift : [k], the same of the rule itself
    keeps : bool[n], whether each keeps the constraints there; undominated : bool[n], whether of those none dominates it
    """

    scenarios: Scenarios
    shared: float
    digest: str | None
    values: Floats
    rule: Floats
    optimism: Spread
    shift: Spread
    keeps: NDArray[np.bool_]
    undominated: NDArray[np.bool_]


def meet(problem: Problem, everyone: NDArray[Any], there: Levels) -> tuple[Fresh | None, Groups]:
    """Evaluate a front in the study's fresh scenarios, and group what cannot be told apart there.

    everyone : LEVERS[n + 1, 1], the front and last the rule in force; there : their levels in the search's scenarios.
    Where there are no fresh scenarios, groups are told by those of the search.
    """
    if problem.fresh is None:
        return None, _grouped(problem, there)
    scenarios = problem.fresh
    evaluator = problem.evaluator_in(scenarios)
    draws = bootstrap.resamplings(scenarios.weights, problem.study.search.seed + 1)  # not those of the search's own
    values, here = problem.scoring.measured(everyone, draws, evaluator)
    losses, excess = problem.scoring.losses(values[:-1]), problem.scoring.excess(values[:-1])
    keeps = np.asarray((excess <= 0.0).all(axis=1) & np.isfinite(losses).all(axis=1))
    undominated = np.zeros(len(losses), np.bool_)
    if keeps.any():
        undominated[keeps] = front.nondominated(losses[keeps])
    optimism, shift = _lost(here, there, problem.scoring.signs)
    sets = (scenarios, problem.shared, evaluator.best_known())
    found = Fresh(*sets, values[:-1], values[-1], optimism, shift, keeps, undominated)
    return found, _grouped(problem, here)


def _lost(here: Levels, there: Levels, signs: Floats) -> tuple[Spread, Spread]:
    """What the front loses on average beyond the last row, and what that row loses: see `Fresh`."""
    worse, drawn = (here.values - there.values) * signs, (here.drawn - there.drawn) * signs
    kept = np.flatnonzero((_sound(here) & _sound(there))[:-1])
    if len(kept) == 0:
        nothing = np.full(len(signs), np.nan)
        return Spread(nothing, nothing, nothing), bootstrap.between(worse[-1], drawn[:, -1])
    beyond = worse[kept].mean(axis=0) - worse[-1]
    optimism = bootstrap.between(beyond, drawn[:, kept].mean(axis=1) - drawn[:, -1])
    return optimism, bootstrap.between(worse[-1], drawn[:, -1])


def _sound(levels: Levels) -> NDArray[np.bool_]:
    """Which policies have finite objectives in the scenarios and in every resampling of them."""
    finite = np.isfinite(levels.values).all(axis=1) & np.isfinite(levels.drawn).all(axis=(0, 2))
    return np.asarray(finite, dtype=np.bool_)


def _grouped(problem: Problem, levels: Levels) -> Groups:
    """Groups of all but the last row, the rule; of more than `MOST` those that cover the front best are asked."""
    n = len(levels.values) - 1
    asked = np.flatnonzero(_sound(levels)[:-1])
    if len(asked) > MOST:
        asked = asked[np.sort(front.layers(levels.values[asked] * problem.scoring.signs, MOST))]
    if len(asked) == 0:
        return Groups(np.full(n, NOT_ASKED, np.int64), asked, 0.0)
    found = grouped(Levels(levels.values[asked], levels.drawn[:, asked]))
    group = np.full(n, NOT_ASKED, np.int64)
    group[asked] = found.group
    return Groups(group, asked[found.representative], found.bar)
