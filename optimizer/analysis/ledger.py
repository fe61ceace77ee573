"""The assumption ledger: every parameter with its source, prior, posterior, and what hangs on it.

What hangs on it is the share of each objective's variance over the calibrated futures, under the rule in force, that
the parameter explains by itself (see `variance`). A member of the ensemble is evaluated DRAWS times with new draws of
the parameters that the ensemble leaves open: for those every evaluation counts, for a fitted parameter the members'
means do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.analysis import indices
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import outside
from tiercap.optimizer.model import ensembles
from tiercap.optimizer.model.ensembles import Ensemble
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.model.scenarios import Scenarios, draw
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.study.problem import Problem

#: Draws of the parameters that the ensemble leaves open, for each member.
DRAWS = 16
QUANTILES = ("p05", "p50", "p95")


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter's line.

    prior, posterior : 5, 50 and 95 per cent in a forward run, None for a constant and where there is no posterior
    bits : what the record says of it, at most over the structures; None where the fit has not asked
    shares : explained share of each objective's variance
    """

    info: ParameterInfo
    prior: tuple[float, float, float] | None
    posterior: tuple[float, float, float] | None
    bits: float | None
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger: parameters in the contract's order, what the structure explains, and what it rests on."""

    entries: tuple[Entry, ...]
    structure: Mapping[str, float]
    objectives: tuple[str, ...]
    rule: str
    source: str
    evaluations: int


def ledger(problem: Problem) -> Ledger:
    """The ledger of a study: its objectives under its baseline rule, over the whole of its ensemble."""
    plan, study = problem.study.scenarios, problem.study
    if plan.kind != "calibrated":
        raise InputError("a ledger compares prior and posterior: it needs --scenarios calibrated or an ensemble's FILE")
    members = ensembles.load(plan.file or ensembles.built_in(study.horizon.start))
    if plan.structure:
        members = members.only(plan.structure)
    rows = _resampled(members)
    table, own = _table(problem, members, rows)
    outcomes = _outcomes(problem, table)
    totals = outcomes.var(axis=1)
    means = outcomes.reshape(len(outcomes), DRAWS, len(members)).mean(axis=1)
    bits = _bits(members)
    entries = []
    for info in study.parameters:
        fitted = info.name in own
        shares = {
            name: indices.first_order(table[info.name][: len(members)], means[k], float(totals[k]))
            if fitted
            else indices.first_order(table[info.name], outcomes[k])
            for k, name in enumerate(problem.scoring.outcomes)
        }
        after = outside(members.columns[info.name], info.unit) if fitted else None
        entries.append(Entry(info, _prior(info), _quantiles(after, members.weights), bits.get(info.name), shares))
    labels = {
        name: indices.of_labels(members.structures[rows], means[k], float(totals[k]))
        for k, name in enumerate(problem.scoring.outcomes)
    }
    objectives = tuple(problem.scoring.outcomes)
    return Ledger(tuple(entries), labels, objectives, study.baseline, members.name, len(table))


def _table(problem: Problem, members: Ensemble, rows: NDArray[np.int64]) -> tuple[np.ndarray, set[str]]:
    """PARAMS[DRAWS * members], draws slowest; and the parameters whose values are the members'."""
    study = problem.study
    own = set(members.columns) - study.own_parameters()
    table = draw(study.parameters, DRAWS * len(members), study.scenarios.seed).table
    for name in own:
        table[name] = np.tile(members.columns[name][rows], DRAWS)
    return table, own


def _resampled(members: Ensemble) -> NDArray[np.int64]:
    """As many members as there are, each as often as its weight asks: in order, so equal weights change nothing."""
    n = len(members)
    marks = (np.arange(n) + 0.5) / n
    return np.minimum(np.searchsorted(np.cumsum(members.weights), marks), n - 1)


def _outcomes(problem: Problem, table: np.ndarray) -> Floats:
    """The outcomes of the objectives under the baseline rule: float64[objectives, n]."""
    scenarios = Scenarios(table, np.full(len(table), 1.0 / len(table)), 0, "calibrated")
    evaluator = Evaluator(scenarios, problem.study.horizon, exporter_catalogue(), problem.threads)
    found = evaluator.outcomes(problem.baseline.reshape(-1, 1))[0]
    return found[[OUTCOMES.index(name) for name in problem.scoring.outcomes]]


def _prior(info: ParameterInfo) -> tuple[float, float, float] | None:
    if info.distribution is None:
        return None
    low, middle, high = info.distribution.quantile(np.array([0.05, 0.5, 0.95])).tolist()
    return low, middle, high


def _quantiles(values: Floats | None, weights: Floats) -> tuple[float, float, float] | None:
    from tiercap.optimizer.model.statistics import reduce

    if values is None:
        return None
    low, middle, high = (float(reduce(values, weights, q)) for q in QUANTILES)
    return low, middle, high


def _bits(members: Ensemble) -> dict[str, float]:
    """What the manifest of a built-in ensemble says the record told of each parameter; nothing for a file."""
    if members.name not in ensembles.BUILTIN:
        return {}
    path = ensembles.builtin_path(members.name).with_suffix(".json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    told = {name: max(entry["bits"].values()) for name, entry in content["parameters"].items()}
    return told | dict.fromkeys(content["kept"], 0.0)


def join(rows: list[dict[str, Any]], found: Ledger) -> None:
    """Put the ledger's columns into the rows of the parameters; levers have none."""
    entries = {entry.info.name: entry for entry in found.entries}
    for row in rows:
        entry = entries.get(row["name"])
        if entry is not None:
            row["prior"] = _by_name(entry.prior)
            row["posterior"] = _by_name(entry.posterior)
            row["bits"] = entry.bits
            row["explains"] = dict(entry.shares)


def _by_name(values: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if values is None else dict(zip(("p05", "p50", "p95"), values, strict=True))


def about(found: Ledger) -> dict[str, Any]:
    """What the shares are of."""
    return {
        "ensemble": found.source,
        "rule": found.rule,
        "objectives": found.objectives,
        "evaluations": found.evaluations,
        "method": "first-order index by binning, less the noise of the bins",
        "structure_explains": dict(found.structure),
    }
