"""How policies are scored: a study's objectives and constraints as arithmetic on what an evaluator returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import bootstrap, measures, statistics
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.study.records import Constraint, Study

#: What is kept of every outcome of a policy that met all scenarios.
SPREAD = ("mean", "p05", "p50", "p95")


@dataclass(frozen=True)
class Scoring:
    """Objectives and constraints of a study; nothing here draws scenarios or runs more than the evaluator given.

    Losses are objectives times their sign, so that smaller is better.
    """

    study: Study

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that the objectives are statistics of, each once."""
        return list(dict.fromkeys(objective.outcome for objective in self.study.objectives))

    @property
    def signs(self) -> Floats:
        """-1 for an objective to maximise, +1 for one to minimise: times a value, smaller is better."""
        return np.array([objective.sign for objective in self.study.objectives])

    @cached_property
    def screened(self) -> list[tuple[str, str]]:
        """Outcome and statistic of each column that decides a policy's place: objectives, then constraints."""
        wanted = [(objective.outcome, objective.statistic) for objective in self.study.objectives]
        for constraint in self.study.constraints:
            pair = (constraint.outcome, constraint.statistic)
            if pair not in wanted:
                wanted.append(pair)
        return wanted

    @cached_property
    def reported(self) -> list[tuple[str, str]]:
        """Columns of a policy that met all scenarios: the deciding ones, all means, quantiles of the objectives."""
        wanted = list(self.screened)
        extra = [(name, "mean") for name in OUTCOMES]
        extra += [(name, q) for name in self.outcomes for q in SPREAD[1:]]
        return wanted + [pair for pair in extra if pair not in wanted]

    def losses(self, values: Floats) -> Floats:
        """Objectives with smaller better: float64[n, k] from columns that begin with the objectives."""
        return values[:, : len(self.signs)] * self.signs

    @property
    def scale(self) -> tuple[Floats, Floats] | None:
        """Best and worst of every objective as losses, if the study states them for the mean of each; else None."""
        stated = self.study.search.scale
        if not all(o.outcome in stated and o.statistic == "mean" for o in self.study.objectives):
            return None
        ends = np.array([stated[o.outcome] for o in self.study.objectives]).T * self.signs
        return (ends[0], ends[1]) if (ends[0] < ends[1]).all() else None

    def seen(self, levers: NDArray[Any], evaluator: Evaluator, phase: Sequence[int] | None = None) -> Floats:
        """What each objective's statistic is taken of in every scenario: float64[n, k, n_scenarios].

        See `statistics.seen`. levers : LEVERS[n, n_phases]; phase : the column of levers in force at every step, the
        first throughout if None
        """
        chunks = evaluator.chunks(len(levers))
        return np.concatenate([self._seen(evaluator.outcomes(levers[part], phase), evaluator) for part in chunks])

    def _seen(self, outcomes: Floats, evaluator: Evaluator) -> Floats:
        """`seen` of all outcomes, float64[n, n_outcomes, n_scenarios]."""
        parts = []
        for o in self.study.objectives:
            values, best = outcomes[:, OUTCOMES.index(o.outcome)], evaluator.best(o.outcome, o.statistic)
            parts.append(statistics.seen(values, measures.parse(o.statistic), best))
        return np.stack(parts, axis=1)

    def reduced(self, seen: Floats, weights: Floats) -> Floats:
        """Objectives with smaller better, float64[n, k], of what `seen` returned: the bits of `losses`.

        weights : float64[n_scenarios]
        """
        reduced = [
            statistics.reduce_seen(seen[:, k], weights, objective.applied)
            for k, objective in enumerate(self.study.objectives)
        ]
        return np.stack(reduced, axis=-1) * self.signs

    def losses_in(self, seen: Floats, weights: Floats) -> Floats:
        """Objectives with smaller better, scenario by scenario, of what `seen` returned; a spread by its distances.

        weights : float64[n_scenarios]
        """
        spread = [objective.statistic == "std" for objective in self.study.objectives]
        if any(spread):
            means = statistics.reduce(seen[:, spread], weights, "mean")
            seen = seen.copy()
            seen[:, spread] = np.abs(seen[:, spread] - means[..., None])
        return seen * self.signs[:, None]

    def resampled(self, seen: Floats, draws: Floats) -> Floats:
        """Objectives with smaller better under other weightings of the scenarios: float64[n_draws, n, k].

        seen : what `seen` returned; draws : as `bootstrap.resamplings` makes them
        """
        parts = [statistics.resampled(seen[:, k], draws, o.applied) for k, o in enumerate(self.study.objectives)]
        return np.stack(parts, axis=-1) * self.signs

    def levels(self, levers: NDArray[Any], draws: Floats, evaluator: Evaluator) -> bootstrap.Levels:
        """The objectives of LEVERS[n, n_phases] in their own signs, as they are and in each of ``draws``.

        draws : weightings of the evaluator's scenarios
        """
        return self.measured(levers, draws, evaluator)[1]

    def measured(
        self, levers: NDArray[Any], draws: Floats, evaluator: Evaluator
    ) -> tuple[Floats, bootstrap.Levels]:
        """The columns of `screened`, float64[n, screened], and `levels`, from one evaluation."""
        weights = evaluator.scenarios.weights
        columns, reduced, drawn = [], [], []
        for part in evaluator.chunks(len(levers)):
            outcomes = evaluator.outcomes(levers[part])
            columns.append(evaluator.reduced(outcomes, self.screened))
            seen = self._seen(outcomes, evaluator)
            reduced.append(self.reduced(seen, weights) * self.signs)
            drawn.append(self.resampled(seen, draws) * self.signs)
        return np.concatenate(columns), bootstrap.Levels(np.concatenate(reduced), np.concatenate(drawn, axis=1))

    @cached_property
    def limits(self) -> list[tuple[Constraint, float, float]]:
        """Every bound of every constraint: constraint, sign (+1 for a maximum, -1 for a minimum) and bound."""
        found = [(c, sign, bound) for c in self.study.constraints for sign, bound in ((-1.0, c.low), (1.0, c.high))]
        return [(c, sign, bound) for c, sign, bound in found if bound is not None]

    def excess(self, values: Floats) -> Floats:
        """By how much each bound is broken, in the statistic's unit, at most 0 where it holds: float64[n, bounds]."""
        columns = [
            sign * (values[:, self.screened.index((c.outcome, c.statistic))] - bound) for c, sign, bound in self.limits
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((len(values), 0))

    def violations(self, values: Floats) -> Floats:
        """`excess` as a share of its bound, so that bounds of different units can be added: float64[n, bounds]."""
        scale = [abs(bound) if bound != 0.0 else 1.0 for *_, bound in self.limits]
        return self.excess(values) / np.array(scale).reshape(1, -1)

    def bounds(self) -> list[str]:
        """Each bound in words, such as p05 of compute_lead >= 10."""
        names = []
        for c, sign, bound in self.limits:
            unit = measures.unit(c.outcome, c.statistic)
            unit = "" if unit == "1" else f" {unit}"
            names.append(f"{c.statistic} of {c.outcome} {'<=' if sign > 0 else '>='} {bound:g}{unit}")
        return names
