"""A study as EMA Workbench takes a model: levers, uncertainties and outcomes of one policy in one future.

Levers are in the unit of the study, or fractions of the lever that they lie within. Uncertainties are the parameters in
which the study's futures differ, with their own distributions; calibrated futures hang together in ways that no sampler
of the workbench draws, so there each parameter only has the ends of what the members hold, and `scenarios` gives the
members themselves. What is not given has its central value; without levers the rule in force is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from ema_workbench import Model, RealParameter, ScalarOutcome, Scenario
from ema_workbench.em_framework.evaluators import BaseEvaluator
from ema_workbench.em_framework.points import experiment_generator
from numpy.typing import NDArray
from scipy import stats

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.bridges import uncertainties
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.parameters import ParameterInfo, held
from tiercap.optimizer.rules.space import FROM_ZERO, Lever
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.records import directions

#: Values by name, as the workbench hands them over.
Point = Mapping[str, float]


class StudyModel(Model):  # type: ignore[misc]
    """A study as a model of the workbench; `evaluated` computes many experiments at once."""

    def __init__(self, study: Problem, names: Sequence[str] = ()) -> None:
        super().__init__(re.sub(r"[\W_]", "", study.study.name) or "tiercap", function=self._one)
        self.study = study
        self.varying = uncertainties.of_study(study)
        self.uncertainties = [_parameter(info, study) for info in self.varying.infos]
        self.levers = [_lever(lever) for lever in study.space.levers]
        self.outcomes = _outcomes(study, names)

    def evaluated(self, policies: Sequence[Point], scenarios: Sequence[Point]) -> dict[str, Floats]:
        """Every outcome of every policy in every scenario: name to float64[policies, scenarios]."""
        evaluator = self.varying.evaluator(self.varying.points(scenarios))
        levers = np.concatenate([self._policy(policy) for policy in policies])
        names = list(dict.fromkeys(self.output_variables))
        places = [OUTCOMES.index(name) for name in names]
        parts = [evaluator.outcomes(levers[part])[:, places] for part in evaluator.chunks(len(levers))]
        return dict(zip(names, np.moveaxis(np.concatenate(parts), 1, 0), strict=True))

    def _policy(self, policy: Point) -> NDArray[Any]:
        if not policy:
            return self.study.baseline.reshape(1, 1)
        space = self.study.space
        missing = [name for name in space.names if name not in policy]
        if missing:
            raise InputError(f"a policy needs every lever of the study: `{missing[0]}` is missing")
        return space.resolve(np.array([[policy[name] for name in space.names]], dtype=np.float64))

    def _one(self, **inputs: float) -> dict[str, float]:
        policy = {name: value for name, value in inputs.items() if name in self.study.space.names}
        scenario = {name: value for name, value in inputs.items() if name not in policy}
        return {name: float(values[0, 0]) for name, values in self.evaluated([policy], [scenario]).items()}


class BlockEvaluator(BaseEvaluator):  # type: ignore[misc]
    """Computes the experiments of a request in as few calls as there are kinds of pairing: one for a full factorial."""

    def __init__(self, model: StudyModel) -> None:
        if not isinstance(model, StudyModel):
            raise InputError("this evaluator takes a model that `ema_model` made")
        super().__init__(model)
        self.model = model

    def initialize(self) -> None:
        """Nothing: kernels are ready when they are first needed."""

    def finalize(self) -> None:
        """Nothing is held."""

    def evaluate_experiments(
        self, scenarios: Any, policies: Any, callback: Callable[[Any, Mapping[str, Any]], None],
        combine: str = "factorial",
    ) -> None:  # fmt: skip
        """Called by the workbench; tells ``callback`` every experiment with its outcomes."""
        for group in _groups(experiment_generator(scenarios, self._msis, policies, combine=combine)):
            asked, met = _distinct(e.policy for e in group), _distinct(e.scenario for e in group)
            found = self.model.evaluated(list(asked.values()), list(met.values()))
            row, column = ({key: k for k, key in enumerate(some)} for some in (asked, met))
            for experiment in group:
                place = row[id(experiment.policy)], column[id(experiment.scenario)]
                self.model.outcomes_output = {name: float(values[place]) for name, values in found.items()}
                callback(experiment, dict(self.model.outcomes_output))


def scenarios(study: Problem) -> list[Scenario]:
    """The study's own futures, named by their numbers."""
    names = uncertainties.of_study(study).names
    columns = {name: held(study.scenarios.table, name).tolist() for name in names}
    return [
        Scenario(str(k), **{name: column[k] for name, column in columns.items()}) for k in range(len(study.scenarios))
    ]


def _groups(experiments: Iterable[Any]) -> Iterable[list[Any]]:
    """Experiments in parts whose policies each meet all the part's scenarios."""
    by_policy: dict[int, list[Any]] = {}
    for experiment in experiments:
        by_policy.setdefault(id(experiment.policy), []).append(experiment)
    by_scenarios: dict[tuple[int, ...], list[Any]] = {}
    for group in by_policy.values():
        by_scenarios.setdefault(tuple(id(e.scenario) for e in group), []).extend(group)
    return by_scenarios.values()


def _distinct(points: Iterable[Any]) -> dict[int, Any]:
    return {id(point): point for point in points}


def _outcomes(study: Problem, names: Sequence[str]) -> list[ScalarOutcome]:
    """Outcomes of one future. The objectives alone have a direction: the workbench searches all that have one."""
    wanted = list(names) or [*study.scoring.outcomes, *(c.outcome for c in study.study.constraints)]
    known = directions(study.study.objectives)
    ways = {name: known[name] for name in study.scoring.outcomes}
    kinds = {"maximise": ScalarOutcome.MAXIMIZE, "minimise": ScalarOutcome.MINIMIZE}
    for name in wanted:
        if name not in OUTCOMES:
            raise InputError(f"unknown outcome `{name[:60]}`: {did_you_mean(name[:60], OUTCOMES)}")
    return [
        ScalarOutcome(name, kind=kinds[ways[name]] if name in ways else ScalarOutcome.INFO)
        for name in dict.fromkeys(wanted)
    ]


def _parameter(info: ParameterInfo, study: Problem) -> RealParameter:
    """A parameter as its range has it, or between the ends of what calibrated futures hold."""
    if study.study.scenarios.kind == "calibrated":
        column = held(study.scenarios.table, info.name)
        return RealParameter(info.name, float(column.min()), float(column.max()), default=info.value)
    assert info.distribution is not None
    kind, a = info.distribution.name, dict(info.distribution.arguments)
    if kind == "uniform":
        return RealParameter(info.name, a["low"], a["high"], default=info.value)
    if kind == "loguniform":
        law = stats.loguniform(a["low"], a["high"])
    elif kind == "triangular":
        width = a["high"] - a["low"]
        law = stats.triang((a["mode"] - a["low"]) / width, loc=a["low"], scale=width)
    else:
        raise InputError(
            f"EMA Workbench cannot draw `{info.name}`, a lognormal that is cut: "
            "give it another range in [uncertainties]"
        )
    return RealParameter.from_dist(info.name, law, default=info.value)


def _lever(lever: Lever) -> RealParameter:
    """A lever, even in the logarithm where the study says so; from 0 as `space.coordinates` says."""
    if not lever.log:
        return RealParameter(lever.name, lever.low, lever.high)
    if lever.low > 0.0:
        return RealParameter.from_dist(lever.name, stats.loguniform(lever.low, lever.high))
    shift = FROM_ZERO * lever.high
    return RealParameter.from_dist(lever.name, stats.loguniform(shift, lever.high + shift, loc=-shift))
