"""A study made ready to compute: its scenarios drawn, its levers placed, its rules loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUPS, OUTCOME_LIST, OUTCOMES
from tiercap.optimizer.model import bootstrap, ensembles, measures
from tiercap.optimizer.model import statistics as robustness
from tiercap.optimizer.model.evaluator import Evaluator, check_size
from tiercap.optimizer.model.scenarios import MAX_SEED, Draws, Scenarios, draw, draw_members
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.model.streaming import Futures, StreamingEvaluator
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import LeverSpace, apply_levers, mixed_levers, rule_levers
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.study.records import Constraint, Study

UNITS = {outcome.name: outcome.unit for outcome in OUTCOME_LIST}

#: What is kept of every outcome of a policy that met all scenarios.
SPREAD = ("mean", "p05", "p50", "p95")
#: What is added to the seed of the scenarios for fresh ones.
FRESH = 1_000_000
#: Points of the levers among which the best known of each scenario is looked for.
RIVALS = 1024


@dataclass(frozen=True)
class Problem:
    """Everything a command computes with.

    study : the validated study; threads : kernel threads, None for all cores
    """

    study: Study
    threads: int | None = None

    @cached_property
    def scenarios(self) -> Scenarios:
        """The full ensemble. What the study says of a parameter goes before the ensemble's column for it."""
        plan, study = self.study.scenarios, self.study
        check_size(1 if plan.kind == "central" else plan.count, study.horizon)
        if plan.kind != "calibrated":
            return draw(study.parameters, plan.count, plan.seed, plan.kind)
        return draw_members(study.parameters, self._members, plan.count, plan.seed, study.own_parameters())

    @cached_property
    def _members(self) -> ensembles.Ensemble:
        plan = self.study.scenarios
        members = ensembles.load(plan.file or ensembles.built_in(self.study.horizon.start))
        return members.only(plan.structure) if plan.structure else members

    @cached_property
    def fresh(self) -> Scenarios | None:
        """Scenarios of the same kind that the search does not meet; None where there are no others, or none are wanted.

        Of an ensemble mostly members that were not picked (`Ensemble.unmet`); of ranges a draw with another seed.
        """
        plan, study = self.study.scenarios, self.study
        count = plan.count if plan.fresh is None else plan.fresh
        if count == 0 or plan.kind == "central":
            return None
        check_size(count, study.horizon)
        seed = (plan.seed + FRESH) % (MAX_SEED + 1)
        if plan.kind != "calibrated":
            found = draw(study.parameters, count, seed, plan.kind)
        else:
            others = self._members.unmet(plan.count, plan.seed)
            found = draw_members(study.parameters, others, count, seed, study.own_parameters())
        return None if found.shared(self.scenarios) > 1.0 - 1e-9 else found

    @property
    def shared(self) -> float:
        """The weight of those fresh scenarios whose members the search met too, 0 where there are no members."""
        if self.fresh is None or self.fresh.kind != "calibrated":
            return 0.0
        fitted = set(self._members.columns) - self.study.own_parameters()
        return self.fresh.shared(self.scenarios, fitted) if fitted else 0.0

    @cached_property
    def evaluator(self) -> Evaluator:
        """Evaluates in the full ensemble."""
        return self.evaluator_in(self.scenarios)

    def evaluator_in(self, scenarios: Scenarios) -> Evaluator:
        """Evaluates in any scenarios, over the study's horizon and against its rivals."""
        return Evaluator(
            scenarios, self.study.horizon, exporter_catalogue(), self.threads, rivals=lambda: self.rivals
        )

    @cached_property
    def futures(self) -> Futures:
        """The full ensemble, drawn a part at a time where it comes from ranges."""
        plan = self.study.scenarios
        if plan.kind == "calibrated":
            return self.scenarios
        return Draws(self.study.parameters, plan.count, plan.seed, plan.kind)

    @cached_property
    def streaming(self) -> StreamingEvaluator:
        """Evaluates in the full ensemble too, in bounded memory however large that is."""
        return StreamingEvaluator(
            self.futures, self.study.horizon, exporter_catalogue(), self.threads, rivals=lambda: self.rivals
        )

    @cached_property
    def screener(self) -> Evaluator:
        """Evaluates in the first scenarios, which are balanced themselves: see `Ensemble.pick` and `sobol`."""
        n = min(self.study.search.screen_scenarios, len(self.scenarios))
        return self.evaluator_in(self.scenarios.head(n))

    @cached_property
    def base(self) -> NDArray[Any]:
        """The policy that levers overwrite, those that are held in place: LEVERS[1]."""
        a, b, c = (find_rule(self.study.policy[group]) for group in GROUPS)
        return apply_levers(mixed_levers(a, b, c), self.study.held)

    @cached_property
    def space(self) -> LeverSpace:
        """The searched levers over `base`."""
        return LeverSpace(self.study.levers, self.base)

    @cached_property
    def baseline(self) -> NDArray[Any]:
        """The rule in force: LEVERS[1]."""
        return rule_levers(find_rule(self.study.baseline))

    @cached_property
    def rivals(self) -> NDArray[Any]:
        """The policies whose best in each scenario is the best known, which regret is measured from: LEVERS[n, 1].

        Scrambled Sobol points of the searched levers, the same whatever the seeds, and the rule in force: what a policy
        is worth must not depend on the search that found it.
        """
        unit = unit_points(RIVALS, len(self.space.levers), 0)
        points = coordinates(unit, self.space.levers)
        return np.concatenate([self.space.resolve(points), self.baseline.reshape(1, 1)])

    @property
    def objectives(self) -> list[str]:
        """Names of the objectives: the outcome, with the statistic behind it unless that is the mean."""
        return [objective.name for objective in self.study.objectives]

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that the objectives are statistics of, each once."""
        return list(dict.fromkeys(objective.outcome for objective in self.study.objectives))

    @property
    def signs(self) -> NDArray[np.float64]:
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

    def losses(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objectives with smaller better: float64[n, k] from columns that begin with the objectives."""
        return values[:, : len(self.signs)] * self.signs

    @property
    def scale(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Best and worst of every objective as losses, if the study states them for the mean of each; else None."""
        stated = self.study.search.scale
        if not all(o.outcome in stated and o.statistic == "mean" for o in self.study.objectives):
            return None
        ends = np.array([stated[o.outcome] for o in self.study.objectives]).T * self.signs
        return (ends[0], ends[1]) if (ends[0] < ends[1]).all() else None

    def seen(
        self, levers: NDArray[Any], evaluator: Evaluator | None = None, phase: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """What each objective's statistic is taken of in every scenario: float64[n, k, n_scenarios].

        See `statistics.seen`. levers : LEVERS[n, n_phases]; evaluator : the study's own if None; phase : the column of
        levers in force at every step, the first throughout if None
        """
        where = evaluator or self.evaluator
        chunks = where.chunks(len(levers))
        return np.concatenate([self._seen(where.outcomes(levers[part], phase), where) for part in chunks])

    def _seen(self, outcomes: NDArray[np.float64], evaluator: Evaluator) -> NDArray[np.float64]:
        """`seen` of all outcomes, float64[n, n_outcomes, n_scenarios]."""
        parts = []
        for o in self.study.objectives:
            values, best = outcomes[:, OUTCOMES.index(o.outcome)], evaluator.best(o.outcome, o.statistic)
            parts.append(robustness.seen(values, measures.parse(o.statistic), best))
        return np.stack(parts, axis=1)

    def reduced(self, seen: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Objectives with smaller better, float64[n, k], of what `seen` returned: the bits of `losses`.

        weights : of the scenarios, the study's own if None
        """
        w = self.scenarios.weights if weights is None else weights
        names = [objective.applied for objective in self.study.objectives]
        return np.stack([robustness.reduce_seen(seen[:, k], w, name) for k, name in enumerate(names)], -1) * self.signs

    def losses_in(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objectives with smaller better, scenario by scenario, of what `seen` returned; a spread by its distances."""
        spread = [objective.statistic == "std" for objective in self.study.objectives]
        if any(spread):
            means = robustness.reduce(seen[:, spread], self.scenarios.weights, "mean")
            seen = seen.copy()
            seen[:, spread] = np.abs(seen[:, spread] - means[..., None])
        return seen * self.signs[:, None]

    def losses_by_scenario(self, levers: NDArray[Any]) -> NDArray[np.float64]:
        """Objectives with smaller better, in every scenario: float64[n, k, n_scenarios] of LEVERS[n, n_phases]."""
        return self.losses_in(self.seen(levers))

    def resampled(self, seen: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objectives with smaller better under other weightings of the scenarios: float64[n_draws, n, k].

        seen : what `seen` returned; draws : as `bootstrap.resamplings` makes them
        """
        parts = [robustness.resampled(seen[:, k], draws, o.applied) for k, o in enumerate(self.study.objectives)]
        return np.stack(parts, axis=-1) * self.signs

    def levels(
        self, levers: NDArray[Any], draws: NDArray[np.float64], evaluator: Evaluator | None = None
    ) -> bootstrap.Levels:
        """The objectives of LEVERS[n, n_phases] in their own signs, as they are and in each of ``draws``.

        evaluator : the study's own if None; its scenarios are those that ``draws`` resample
        """
        return self.measured(levers, draws, evaluator)[1]

    def measured(
        self, levers: NDArray[Any], draws: NDArray[np.float64], evaluator: Evaluator | None = None
    ) -> tuple[NDArray[np.float64], bootstrap.Levels]:
        """The columns of `screened`, float64[n, screened], and `levels`, from one evaluation."""
        where = evaluator or self.evaluator
        weights = where.scenarios.weights
        columns, reduced, drawn = [], [], []
        for part in where.chunks(len(levers)):
            outcomes = where.outcomes(levers[part])
            columns.append(where.reduced(outcomes, self.screened))
            seen = self._seen(outcomes, where)
            reduced.append(self.reduced(seen, weights) * self.signs)
            drawn.append(self.resampled(seen, draws) * self.signs)
        return np.concatenate(columns), bootstrap.Levels(np.concatenate(reduced), np.concatenate(drawn, axis=1))

    @cached_property
    def limits(self) -> list[tuple[Constraint, float, float]]:
        """Every bound of every constraint: constraint, sign (+1 for a maximum, -1 for a minimum) and bound."""
        found = [(c, sign, bound) for c in self.study.constraints for sign, bound in ((-1.0, c.low), (1.0, c.high))]
        return [(c, sign, bound) for c, sign, bound in found if bound is not None]

    def excess(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much each bound is broken, in the statistic's unit, at most 0 where it holds: float64[n, bounds]."""
        columns = [
            sign * (values[:, self.screened.index((c.outcome, c.statistic))] - bound) for c, sign, bound in self.limits
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((len(values), 0))

    def violations(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`excess` as a share of its bound, so that bounds of different units can be added: float64[n, bounds]."""
        scale = [abs(bound) if bound != 0.0 else 1.0 for *_, bound in self.limits]
        return self.excess(values) / np.array(scale).reshape(1, -1)

    def bounds(self) -> list[str]:
        """Each bound in words, such as mean of gap >= 3 year."""
        names = []
        for c, sign, bound in self.limits:
            unit = measures.unit(c.outcome, c.statistic)
            unit = "" if unit == "1" else f" {unit}"
            names.append(f"{c.statistic} of {c.outcome} {'<=' if sign > 0 else '>='} {bound:g}{unit}")
        return names


def column_name(pair: tuple[str, str]) -> str:
    """The name of a statistic in files: the outcome alone for its mean."""
    return measures.column(*pair)
