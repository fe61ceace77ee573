"""What every exhibit is made of: the run, the policies worth naming, and what they did in the run's own futures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.optimizer.analysis.ledger import Ledger, ledger
from tiercap.optimizer.data import EVIDENCE
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import bootstrap
from tiercap.optimizer.model.bootstrap import Spread
from tiercap.optimizer.model.statistics import reduce_steps
from tiercap.optimizer.rules.admission import admitted
from tiercap.optimizer.rules.book import Rule, load_rules
from tiercap.optimizer.rules.chips import Chip, load_chips
from tiercap.optimizer.rules.classify import classify
from tiercap.optimizer.rules.encode import rule_levers
from tiercap.optimizer.runs.saved import SavedRun
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.scoring import SPREAD

#: Evidence that leads to no original: what product and readers count as resting on others' word or on none.
WEAK = ("secondary", "assumption", "recalled")
#: Quantiles of a band over the futures, outer and inner, and the line in its middle.
BAND = ("p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True)
class Policy:
    """A policy with a name in print: a rule, or a row of the run's front. levers : LEVERS[1]"""

    key: str
    name: str
    levers: NDArray[Any]
    rule: Rule | None = None
    row: int | None = None


@dataclass(frozen=True)
class Material:
    """A run made ready to be shown. ``choices`` are of its front, ``rules`` real ones and the two far ends."""

    run: SavedRun

    @property
    def problem(self) -> Problem:
        return self.run.problem

    @cached_property
    def losses(self) -> Floats:
        """Objectives of the front as the run wrote them, smaller better: float64[n, k]."""
        return self.run.means * self.problem.scoring.signs

    @cached_property
    def in_force(self) -> Policy:
        return next(policy for policy in self.rules if policy.key == self.problem.study.baseline)

    @cached_property
    def rules(self) -> tuple[Policy, ...]:
        return tuple(Policy(name, name, rule_levers(rule), rule) for name, rule in load_rules().items())

    @cached_property
    def choices(self) -> tuple[Policy, ...]:
        """The policies worth looking at; a row that is chosen for several reasons has all of them in its name."""
        names: dict[int, list[str]] = {}
        for label, row in self.run.choices:
            names.setdefault(row, []).append(label)
        return tuple(
            Policy("-".join(labels).replace(" ", "-"), ", ".join(labels), self.run.levers[row].reshape(1), row=row)
            for row, labels in names.items()
        )

    def _scored(self, policies: Sequence[Policy]) -> Floats:
        """Every objective, by the statistic that the study compares: float64[len(policies), k]."""
        levers = np.concatenate([policy.levers for policy in policies]).reshape(-1, 1)
        return self.problem.evaluator.statistics(levers, self.problem.scoring.screened[: len(self.problem.objectives)])

    @cached_property
    def scores(self) -> Mapping[str, Mapping[str, float]]:
        """Every objective by the key of a named policy and by its name."""
        values = self._scored(self.policies).tolist()
        return {
            policy.key: dict(zip(self.problem.objectives, row, strict=True))
            for policy, row in zip(self.policies, values, strict=True)
        }

    def score(self, policy: Policy, objective: str) -> float:
        """One objective of a named policy."""
        return self.scores[policy.key][objective]

    @property
    def policies(self) -> tuple[Policy, ...]:
        return (*self.choices, *self.rules)

    @cached_property
    def featured(self) -> tuple[Policy, ...]:
        """At most five for figures with a panel or a line each: the rule in force, two choices, both far ends."""
        nearest = next((p for p in self.choices if "nearest improvement" in p.name or "least loss" in p.name), None)
        ends = [policy for policy in self.rules if policy.key in ("ban", "unrestricted")]
        found = [self.in_force, self.choices[0], *([nearest] if nearest else []), *ends]
        return tuple({policy.key: policy for policy in found}.values())

    @cached_property
    def statistics(self) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
        """Mean and quantiles by policy's key, outcome and statistic, for every outcome."""
        wanted = [(name, statistic) for name in OUTCOMES for statistic in SPREAD]
        levers = np.concatenate([policy.levers for policy in self.policies]).reshape(-1, 1)
        values = self.problem.evaluator.statistics(levers, wanted).reshape(len(levers), len(OUTCOMES), len(SPREAD))
        return {
            policy.key: {name: dict(zip(SPREAD, values[p, k].tolist(), strict=True)) for k, name in enumerate(OUTCOMES)}
            for p, policy in enumerate(self.policies)
        }

    def mean(self, policy: Policy, name: str) -> float:
        """The mean of one outcome over the run's futures."""
        return self.statistics[policy.key][name]["mean"]

    @cached_property
    def changes(self) -> Mapping[str, Spread]:
        """Each choice less the rule in force, both in the same futures, with 90 % intervals: [objectives] by key."""
        draws = bootstrap.resamplings(self.problem.scenarios.weights, self.problem.study.search.seed)
        both = np.concatenate([policy.levers for policy in (self.in_force, *self.choices)]).reshape(-1, 1)
        levels = self.problem.scoring.levels(both, draws, self.problem.evaluator)
        return {p.key: bootstrap.difference((levels, row), (levels, 0)) for row, p in enumerate(self.choices, 1)}

    @cached_property
    def years(self) -> Floats:
        horizon = self.problem.study.horizon
        return horizon.start + np.arange(horizon.steps) / horizon.steps_per_year

    @cached_property
    def bands(self) -> Mapping[str, Mapping[str, Floats]]:
        """Quantiles over the futures of every step's quantities, by the key of a featured policy and by statistic:
        float64[steps, fields], fields in the order of TRAJECTORY."""
        weights = self.problem.scenarios.weights
        found = {}
        for policy in self.featured:
            paths = self.problem.evaluator.trajectories(policy.levers.reshape(-1, 1))[0]
            assert paths.shape[1] == len(TRAJECTORY)
            found[policy.key] = {name: reduce_steps(paths, weights, name) for name in (*BAND, "mean")}
        return found

    @cached_property
    def chips(self) -> tuple[Chip, ...]:
        return load_chips()

    def status(self, chip: Chip, policy: Policy) -> str:
        """open, licensed, denied or unknown: by the rule's text, or by the boxes of a policy that was found.

        Boxes ask for figures and dates alone, not for a chip's country or market.
        """
        if policy.rule is not None:
            return classify(chip, policy.rule).status
        found = admitted(policy.levers, (replace(chip, country="US", datacentre=True),))
        known = None not in (chip.tpp, chip.memory_gbs, chip.io_gbs)
        return next((tier for tier, names in found.items() if names), "denied" if known else "unknown")

    @cached_property
    def ledger(self) -> Ledger | None:
        """What hangs on each parameter; None where the futures are not an ensemble's, for which it is not defined."""
        return ledger(self.problem) if self.problem.study.scenarios.kind == "calibrated" else None

    @cached_property
    def evidence(self) -> Mapping[str, int]:
        """How many of the parameters' central values rest on what kind of evidence."""
        tags = [info.evidence for info in self.problem.study.parameters]
        return {tag: tags.count(tag) for tag in EVIDENCE}

    @property
    def weak(self) -> int:
        """Parameters whose central value rests on assumptions, secondary sources or memory."""
        return sum(self.evidence[tag] for tag in WEAK)
