"""A study as SALib takes a model: a problem over levers or over parameters, and a function of its samples.

SALib draws every input by itself. Over uncertainties the futures must therefore come from the parameters' own ranges;
members of a calibrated ensemble hang together. Over levers an input is a lever's value in the unit of the study, or a
fraction of the lever that it lies within. A scale is logarithmic here where the study says so, except for a range from
0, which SALib can only draw evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.analysis import factors
from tiercap.optimizer.analysis.factors import Output
from tiercap.optimizer.bridges import uncertainties
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.distributions import Distribution
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.rules.space import Lever
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.study.problem import Problem

#: Futures evaluated at a time: their tables take 70 MB over eight years.
BLOCK = 8192
#: SALib takes no triangle whose mode is its high end, but one that misses it by the last bit.
BELOW_ONE = 1.0 - 2.0**-53


class SalibProblem(NamedTuple):
    """What SALib needs.

    problem : with `num_vars`, `names`, `bounds`, `dists` and `outputs`, as `ProblemSpec` and the samplers take it
    evaluate : samples float64[n, num_vars] to outputs float64[n, outputs], in the order of `problem["outputs"]`
    units : of inputs and outputs, by name
    """

    problem: dict[str, Any]
    evaluate: Callable[[Floats], Floats]
    units: dict[str, str]


def over_uncertainties(study: Problem, policy: str | None, names: Sequence[str]) -> SalibProblem:
    """Outcomes of one policy from future to future."""
    if study.study.scenarios.kind == "calibrated":
        raise InputError(
            "SALib draws every parameter by itself, but calibrated futures tie them together: "
            'make the study with scenarios="prior", or take `tiercap sensitivity`, which estimates from the members'
        )
    varying = uncertainties.of_study(study)
    if not varying.infos:
        raise InputError("nothing varies here: give a parameter a range in [uncertainties]")
    met = named_policy.one(policy or study.study.baseline, study)
    outputs = [factors.outcome(name) for name in dict.fromkeys(names or study.scoring.outcomes)]
    rows = [OUTCOMES.index(output.outcome) for output in outputs]

    def evaluate(X: Floats) -> Floats:
        samples = _samples(X, varying.names)
        found = []
        for first in range(0, len(samples), BLOCK):
            part = samples[first : first + BLOCK]
            table = varying.table(dict(zip(varying.names, part.T, strict=True)), len(part))
            found.append(varying.evaluator(table).outcomes(met.levers, met.phase)[0, rows].T)
        return np.concatenate(found)

    laws = [_law(info) for info in varying.infos]
    units = {info.name: info.unit for info in varying.infos}
    return SalibProblem(_problem(varying.names, laws, outputs), evaluate, _units(units, outputs))


def over_levers(study: Problem, names: Sequence[str]) -> SalibProblem:
    """Statistics over the study's futures from policy to policy."""
    outputs = [factors.measure(name, study) for name in dict.fromkeys(names or study.objectives)]
    wanted = [(output.outcome, output.statistic) for output in outputs]
    space = study.space

    def evaluate(X: Floats) -> Floats:
        return study.evaluator.statistics(space.resolve(_samples(X, space.names)), wanted)

    laws = [_lever_law(lever) for lever in space.levers]
    units = {lever.name: f"of {lever.within}" if lever.within else lever.unit for lever in space.levers}
    return SalibProblem(_problem(space.names, laws, outputs), evaluate, _units(units, outputs))


def _samples(X: Floats, names: Sequence[str]) -> Floats:
    samples = np.asarray(X, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != len(names) or len(samples) == 0:
        raise InputError(f"samples have the shape (n, {len(names)}), a column an input, not {samples.shape}")
    return samples


def _problem(
    names: Sequence[str], laws: Sequence[tuple[str, list[float]]], outputs: Sequence[Output]
) -> dict[str, Any]:
    return {
        "num_vars": len(names), "names": list(names), "bounds": [bounds for _, bounds in laws],
        "dists": [law for law, _ in laws], "outputs": [output.name for output in outputs],
    }  # fmt: skip


def _units(inputs: dict[str, str], outputs: Sequence[Output]) -> dict[str, str]:
    return inputs | {output.name: output.unit for output in outputs}


def _law(info: ParameterInfo) -> tuple[str, list[float]]:
    """SALib's name and numbers of a parameter's distribution."""
    assert isinstance(info.distribution, Distribution)
    kind, a = info.distribution.name, dict(info.distribution.arguments)
    if kind == "uniform":
        return "unif", [a["low"], a["high"]]
    if kind == "loguniform":
        return "logunif", [a["low"], a["high"]]
    if kind == "triangular":
        return "triang", [a["low"], a["high"], min((a["mode"] - a["low"]) / (a["high"] - a["low"]), BELOW_ONE)]
    raise InputError(
        f"SALib cannot draw `{info.name}`, a lognormal that is cut: give it another range in [uncertainties]"
    )


def _lever_law(lever: Lever) -> tuple[str, list[float]]:
    return ("logunif" if lever.log and lever.low > 0.0 else "unif"), [lever.low, lever.high]
