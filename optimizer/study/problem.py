"""A study made ready to compute: its scenarios drawn, its levers placed, its rules loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUPS, OUTCOME_LIST
from tiercap.optimizer.model import ensembles, measures
from tiercap.optimizer.model.evaluator import Evaluator, check_size
from tiercap.optimizer.model.scenarios import MAX_SEED, Draws, Scenarios, draw, draw_members
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.model.streaming import Futures, StreamingEvaluator
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import apply_levers, mixed_levers, rule_levers
from tiercap.optimizer.rules.space import LeverSpace, coordinates
from tiercap.optimizer.study.records import Study
from tiercap.optimizer.study.scoring import Scoring

UNITS = {outcome.name: outcome.unit for outcome in OUTCOME_LIST}

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
    def scoring(self) -> Scoring:
        """How its policies are scored: objectives and constraints as arithmetic."""
        return Scoring(self.study)

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


def column_name(pair: tuple[str, str]) -> str:
    """The name of a statistic in files: the outcome alone for its mean."""
    return measures.column(*pair)
