"""A study as pymoo takes a problem: a generation of policies evaluated in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.problem import Problem as Vectorised

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.study.problem import Problem


class StudyProblem(Vectorised):  # type: ignore[misc]
    """The searched levers of a study against its objectives and constraints.

    X : a lever's value in the unit of the study, or a fraction of the lever that it lies within, in the order of
        `names`; `xl` and `xu` are the study's bounds
    F : the objectives in the order of `objectives`, those to maximise with their sign turned
    G : a column a bound of the constraints, in the order of `constraints`: by how much it is broken, as a share of the
        bound, at most 0 where it holds
    """

    def __init__(self, study: Problem) -> None:
        self.study = study
        self.names = list(study.space.names)
        self.objectives, self.constraints = study.objectives, study.scoring.bounds()
        levers = study.space.levers
        super().__init__(
            n_var=len(levers), n_obj=len(self.objectives), n_ieq_constr=len(self.constraints),
            xl=np.array([lever.low for lever in levers]), xu=np.array([lever.high for lever in levers]), vtype=float,
        )  # fmt: skip

    def _evaluate(self, x: Floats, out: dict[str, Any], *_: Any, **__: Any) -> None:
        values = self.values(x)
        out["F"] = self.study.scoring.losses(values)
        if self.constraints:
            out["G"] = self.study.scoring.violations(values)

    def values(self, x: Floats) -> Floats:
        """Objectives in their own signs, then what the constraints bound, of coordinates float64[n, n_var]."""
        return self.study.evaluator.statistics(self.study.space.resolve(x), self.study.scoring.screened)

    def spread(self, n: int, seed: int = 0) -> Floats:
        """Scrambled Sobol points of the levers, float64[n, n_var], even in the logarithm where the study says so.

        What an algorithm begins with: ``NSGA2(sampling=problem.spread(128))``; its own sampling is even in the values.
        """
        levers = self.study.space.levers
        return coordinates(unit_points(n, len(levers), seed), levers)
