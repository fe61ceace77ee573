"""One evaluation by the kernels, with short names; what the twin needs too is handed on from ``twin_runs``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from support.twin_runs import (
    CATALOGUE,
    FROZEN,
    better,
    changed,
    licensed_c,
    on_twin,
    one_box,
    random_cases,
    scenario,
    unequal,
)

from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios

__all__ = [
    "CATALOGUE",
    "FROZEN",
    "Clock",
    "better",
    "changed",
    "evaluator_of",
    "licensed_c",
    "on_kernels",
    "on_twin",
    "one_box",
    "random_cases",
    "scenario",
    "unequal",
]


class Clock(NamedTuple):
    """A horizon whose steps need not fill whole years; what the evaluator reads of one."""

    n_steps: int = 8
    steps_per_year: int = 1
    start: float = 2026.0
    roofline_exponent: int = 4

    @property
    def steps(self) -> int:
        return self.n_steps


YEARLY = Clock()


def evaluator_of(
    params: np.ndarray, clock: Clock | Horizon = YEARLY, threads: int = 1, catalogue: np.ndarray = CATALOGUE
) -> Evaluator:
    n = len(params)
    return Evaluator(Scenarios(params, np.full(n, 1.0 / n), 0, "random"), clock, catalogue, threads)


def on_kernels(
    levers, params, *, phase=None, n_steps=8, steps_per_year=1, start=2026.0, exponent=4, catalogue=CATALOGUE
):
    """The same by the kernels; the margin is the twin's."""
    phase = [0] * n_steps if phase is None else phase
    clock = Clock(n_steps, steps_per_year, start, exponent)
    evaluator = evaluator_of(np.array([params]), clock, catalogue=catalogue)
    outcomes = evaluator.outcomes(levers[None], phase)[0, :, 0]
    rows = evaluator.trajectories(levers[None], phase)[0, :, :, 0]
    margin = on_twin(levers, params, phase=phase, n_steps=n_steps, steps_per_year=steps_per_year, start=start,
                      exponent=exponent, catalogue=catalogue)[2]  # fmt: skip
    named = dict(zip(OUTCOMES, map(float, outcomes), strict=True))
    return named, [dict(zip(TRAJECTORY, map(float, row), strict=True)) for row in rows], margin
