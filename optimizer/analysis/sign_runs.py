"""Means over the futures of a policy whose parameters were changed: what signs are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import measures, parameters
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.statistics import reduce, reduce_steps
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.study.problem import Problem

Floats = NDArray[np.float64]

#: Years that a horizon must have for every sign to be read: a market reopened in the fifth is looked at in the sixth.
YEARS = 6
REOPENED = 4


@dataclass(frozen=True)
class Change:
    """A parameter multiplied by ``factor``, or set to ``value`` in the unit that people read."""

    factor: float = 1.0
    value: float | None = None


@dataclass(frozen=True)
class Run:
    """Means over the futures: of outcomes by name, and of quantities of a step, by name and year."""

    outcomes: Mapping[str, float]
    steps: Mapping[str, Floats]
    steps_per_year: int

    def __getitem__(self, outcome: str) -> float:
        return self.outcomes[outcome]

    def year(self, name: str, year: int) -> float:
        """The sum of a flow over the steps of a year, the last one if -1."""
        return float(self.steps[name].reshape(-1, self.steps_per_year).sum(axis=1)[year])

    def last(self, name: str) -> float:
        """A quantity of the last step."""
        return float(self.steps[name][-1])


@dataclass(frozen=True)
class Runs:
    """Policies in a study's own futures. Raises InputError where its horizon is too short for the signs."""

    problem: Problem
    _kept: dict[Any, Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        years = self.problem.study.horizon.years
        if years < YEARS:
            raise InputError(f"signs are read over at least {YEARS} years, and the study has {years}: horizon.years=8")

    def start(self, name: str) -> float:
        """The mean of a parameter over the futures, in the contract's unit."""
        scenarios = self.problem.scenarios
        return float(reduce(scenarios.table[name], scenarios.weights, "mean"))

    def policy(self, rule: str, levers: Mapping[str, float] | None = None) -> NDArray[Any]:
        """A built-in rule with levers set over it: LEVERS[1]."""
        return apply_levers(rule_levers(find_rule(rule)), levers or {})

    def __call__(
        self,
        rule: str,
        levers: Mapping[str, float] | None = None,
        changes: Mapping[str, Change] | None = None,
        barred: float | None = None,
    ) -> Run:
        """The policy ``rule`` with ``levers``, in futures whose parameters are changed.

        barred : the share of C's budget that is barred throughout, None where the buyer's government decides
        """
        key = (rule, tuple((levers or {}).items()), tuple((changes or {}).items()), barred)
        if key not in self._kept:
            self._kept[key] = self._run(self.policy(rule, levers).reshape(1, 1), None, changes or {}, barred)
        return self._kept[key]

    @cached_property
    def reopened(self) -> Run:
        """A ban, and from the fifth year on no control."""
        horizon = self.problem.study.horizon
        both = np.stack([self.policy("ban"), self.policy("unrestricted")], axis=1)
        phase = [int(step >= REOPENED * horizon.steps_per_year) for step in range(horizon.steps)]
        return self._run(both, phase, {}, None)

    def _run(
        self, levers: NDArray[Any], phase: list[int] | None, changes: Mapping[str, Change], barred: float | None
    ) -> Run:
        study, scenarios = self.problem.study, self.problem.scenarios
        table = scenarios.table.copy()
        for name, change in changes.items():
            if change.value is None:
                table[name] *= change.factor
            else:
                parameters.put(table, name, change.value)
        path = None if barred is None else np.full(study.horizon.steps, barred)
        evaluator = Evaluator(
            replace(scenarios, table=table), study.horizon, exporter_catalogue(), self.problem.threads, path
        )
        found = evaluator.reduced(evaluator.outcomes(levers, phase), [(name, "mean") for name in OUTCOMES])[0]
        steps = reduce_steps(evaluator.trajectories(levers, phase), scenarios.weights, "mean")[0]
        paths = {name: steps[:, k] for k, name in enumerate(TRAJECTORY)}
        return Run(dict(zip(OUTCOMES, found.tolist(), strict=True)), paths, study.horizon.steps_per_year)


def times(factor: float, *names: str) -> dict[str, Change]:
    """Parameters multiplied by a factor."""
    return {name: Change(factor=factor) for name in names}


def at(**values: float) -> dict[str, Change]:
    """Parameters set to values."""
    return {name: Change(value=value) for name, value in values.items()}


def log_lead(run: Run, workload: str = "") -> float:
    """The mean logarithm of the lead of computing, of one workload if it is named."""
    name = f"compute_lead_{workload}" if workload else "compute_lead"
    assert name in measures.FACTORS
    return float(np.log(run[name]))
