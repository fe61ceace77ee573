"""A study made ready to compute: its scenarios drawn, its levers placed, its rules loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUPS, OUTCOME_LIST, OUTCOMES
from tiercap.optimizer import quantities
from tiercap.optimizer.catalogue import exporter_catalogue
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.evaluate import Evaluator
from tiercap.optimizer.levers import LEVERS_TABLE
from tiercap.optimizer.policy import LeverSpace, apply_levers, mixed_levers, rule_levers
from tiercap.optimizer.rules import find_rule, load_rules
from tiercap.optimizer.scenarios import Scenarios, draw
from tiercap.optimizer.study import Study

UNITS = {outcome.name: outcome.unit for outcome in OUTCOME_LIST}

#: What is kept of every outcome of a policy that met all scenarios.
SPREAD = ("mean", "p05", "p50", "p95")


@dataclass(frozen=True)
class Problem:
    """Everything a command computes with.

    study : the validated study; threads : kernel threads, None for all cores
    """

    study: Study
    threads: int | None = None

    @cached_property
    def scenarios(self) -> Scenarios:
        """The full ensemble."""
        plan = self.study.scenarios
        return draw(self.study.parameters, plan.count, plan.seed, plan.kind)

    @cached_property
    def evaluator(self) -> Evaluator:
        """Evaluates in the full ensemble."""
        return Evaluator(self.scenarios, self.study.horizon, exporter_catalogue(), self.threads)

    @cached_property
    def screener(self) -> Evaluator:
        """Evaluates in the first scenarios of the ensemble: the head of a Sobol sequence is balanced itself."""
        n = min(self.study.search.screen_scenarios, len(self.scenarios))
        head = replace(self.scenarios, table=self.scenarios.table[:n], weights=np.full(n, 1.0 / n))
        return Evaluator(head, self.study.horizon, exporter_catalogue(), self.threads)

    @cached_property
    def base(self) -> NDArray[Any]:
        """The policy that levers overwrite: LEVERS[1]."""
        a, b, c = (find_rule(self.study.policy[group]) for group in GROUPS)
        return mixed_levers(a, b, c)

    @cached_property
    def space(self) -> LeverSpace:
        """The searched levers over `base`."""
        return LeverSpace(self.study.levers, self.base)

    @cached_property
    def baseline(self) -> NDArray[Any]:
        """The rule in force: LEVERS[1]."""
        return rule_levers(find_rule(self.study.baseline))

    @property
    def objectives(self) -> list[str]:
        """Names of the objectives."""
        return [objective.outcome for objective in self.study.objectives]

    @property
    def signs(self) -> NDArray[np.float64]:
        """-1 for an objective to maximise, +1 for one to minimise: times a value, smaller is better."""
        return np.array([-1.0 if o.direction == "maximise" else 1.0 for o in self.study.objectives])

    @cached_property
    def screened(self) -> list[tuple[str, str]]:
        """Outcome and statistic of each column that decides a policy's place: objectives, then constraints."""
        wanted = [(name, "mean") for name in self.objectives]
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
        extra += [(name, q) for name in self.objectives for q in SPREAD[1:]]
        return wanted + [pair for pair in extra if pair not in wanted]

    def losses(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objectives with smaller better: float64[n, k] from columns that begin with the objectives."""
        return values[:, : len(self.signs)] * self.signs

    def violations(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each bound's excess, at most 0 where it holds: float64[n, number of bounds]."""
        columns = []
        for constraint in self.study.constraints:
            column = values[:, self.screened.index((constraint.outcome, constraint.statistic))]
            if constraint.low is not None:
                columns.append(constraint.low - column)
            if constraint.high is not None:
                columns.append(column - constraint.high)
        return np.stack(columns, axis=1) if columns else np.zeros((len(values), 0))

    def bounds(self) -> list[str]:
        """A short name of each column of `violations`."""
        names = []
        for c in self.study.constraints:
            names += [f"{c.outcome} {c.statistic} min"] * (c.low is not None)
            names += [f"{c.outcome} {c.statistic} max"] * (c.high is not None)
        return names


def column_name(pair: tuple[str, str]) -> str:
    """The name of a statistic in files: the outcome alone for its mean."""
    outcome, statistic = pair
    return outcome if statistic == "mean" else f"{outcome}_{statistic}"


def parse_policy(text: str, base: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    """A policy given on the command line: its name and LEVERS[1].

    text : a rule's name, or levers over ``base`` as ``NAME=VALUE,NAME=VALUE``, values with or without units
    """
    if "=" not in text:
        return text.strip(), rule_levers(find_rule(text.strip(), load_rules()))
    values: dict[str, float] = {}
    for item in text.split(","):
        name, _, value = (part.strip() for part in item.partition("="))
        if name in values:
            raise InputError(f"policy `{quantities.printable(text)}`: `{quantities.printable(name)}` is given twice")
        values[name] = lever_value(name, value)
    return text.strip(), apply_levers(base, values)


def lever_value(name: str, text: str) -> float:
    """A lever's value in the unit of the table, from text with or without a unit; `none` lifts it."""
    if name not in LEVERS_TABLE:
        shown = quantities.printable(name)
        raise InputError(f"unknown lever or rule `{shown}`: {did_you_mean(name[:60], LEVERS_TABLE)}")
    if text == "none":
        return float("inf")
    return quantities.quantity(text, LEVERS_TABLE[name].unit, name)


def policies_from_rows(rows: Sequence[dict[str, str]], base: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    """Policies of a CSV whose columns are levers (and, if there is one, `name`); empty cells are left alone."""
    found = []
    for number, row in enumerate(rows, 1):
        name = (row.pop("name", "") or f"row {number}").strip()
        given = {key.strip(): value.strip() for key, value in row.items() if key and value and value.strip()}
        levers = {key: lever_value(key, value) for key, value in given.items()}
        found.append((name, apply_levers(base, levers)))
    return found
