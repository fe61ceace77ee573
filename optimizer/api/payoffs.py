"""What follows from policies: a study, outcomes, statistics over the scenarios, trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tiercap.kernels.params import OUTCOME_LIST, OUTCOMES, TRAJECTORY, TRAJECTORY_LIST
from tiercap.optimizer.analysis import factors
from tiercap.optimizer.api.arguments import (
    Place,
    Policies,
    about,
    assignments,
    check_room,
    known_names,
    policy_labels,
    scenario_labels,
    together,
    understood,
)
from tiercap.optimizer.io import frames
from tiercap.optimizer.io.frames import Variable
from tiercap.optimizer.model.measures import meaning
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.scoring import SPREAD

if TYPE_CHECKING:
    import xarray as xr


def study(
    source: Place | None = None,
    settings: Mapping[str, object] | None = None,
    *,
    scenarios: str | None = None,
    structure: str | None = None,
    count: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
) -> Problem:
    """A study, ready to compute.

    Parameters
    ----------
    source : path or str, optional
        A study file or the name of a built-in study; thresholds-2026 if None.
    settings : mapping of str to value, optional
        Parameter or dotted study key to value, as ``--set`` takes them: ``{"budget_c": "60 GUSD/year"}``. A number is
        in the unit that :func:`parameters` tells.
    scenarios : str, optional
        ``calibrated``, ``prior``, ``random``, ``central``, or a Parquet file of an ensemble.
    structure : str, optional
        Only members of that structure of a calibrated ensemble.
    count, seed : int, optional
        Of the scenarios; the seed is that of a search too.
    threads : int, optional
        All cores if None. Results do not depend on it.

    Returns
    -------
    Problem
        What the other verbs take as ``study``.

    Raises
    ------
    InputError
        In one sentence, with the place in the file, for whatever cannot be taken.
    """
    flags = {"seed": seed, "scenarios.count": count, **load.scenario_flags(scenarios, structure)}
    return Problem(load.load(source, assignments(settings), flags), threads)


def evaluate(policies: Policies, study: Problem, outcomes: Sequence[str] = ()) -> xr.Dataset:
    """Outcomes of every policy in every scenario (docs/model.md, section 9).

    Parameters
    ----------
    policies : str, sequence of str, or mapping of label to policy
        As on the command line (docs/howto-study.md, "Naming a policy"): a rule, ``RULE,YEAR:RULE``, levers
        ``NAME=VALUE,NAME=VALUE`` over the study's own policy, ``RUN:ROW``; under a label also levers as a mapping. A
        number is in the lever's own unit, None lifts a cap.
    study : Problem
        From :func:`study`.
    outcomes : sequence of str, optional
        Names of :func:`outcomes`; all if none.

    Returns
    -------
    xarray.Dataset
        A variable an outcome, dims (policy, scenario), in the outcome's unit (``attrs["units"]``). The coordinate
        ``weight`` [scenario] sums to 1. Means are those of :func:`statistics`: a lead's is geometric.

    Raises
    ------
    InputError
        For an unknown policy or outcome, an answer of more than 1 GiB, or where the extra ``netcdf`` is missing.
    """
    frames.check_installed()
    given, names = understood(policies, study), known_names(outcomes, OUTCOMES)
    places = [OUTCOMES.index(name) for name in names]
    check_room(len(given) * len(names), study)
    found = np.empty((len(given), len(names), len(study.scenarios)))
    for rows, levers, phase in together(given, study):
        found[rows] = study.evaluator.outcomes(levers, phase)[:, places]
    infos = {one.name: one for one in OUTCOME_LIST}
    variables = {
        name: Variable(("policy", "scenario"), found[:, k], infos[name].unit, infos[name].meaning)
        for k, name in enumerate(names)
    }
    return frames.dataset(variables, {**policy_labels(given), **scenario_labels(study)}, about(study))


def statistics(policies: Policies, study: Problem, measures: Sequence[str] = ()) -> xr.Dataset:
    """Statistics over the scenarios, in bounded memory for any number of them.

    Parameters
    ----------
    policies, study
        As in :func:`evaluate`.
    measures : sequence of str, optional
        ``revenue`` for the mean, ``revenue_p05``, and the like; mean, p05, p50 and p95 of the outcomes
        behind the study's objectives if none.

    Returns
    -------
    xarray.Dataset
        A variable a measure, dim (policy), in the measure's unit.

    Raises
    ------
    InputError
        For an unknown policy or measure.
    """
    frames.check_installed()
    given = understood(policies, study)
    texts = list(measures) or [f"{name}_{word}" for name in study.scoring.outcomes for word in SPREAD]
    wanted = list(dict.fromkeys(factors.measure(text, study) for text in texts))
    pairs = [(one.outcome, one.statistic) for one in wanted]
    found = np.empty((len(given), len(pairs)))
    for rows, levers, phase in together(given, study):
        found[rows] = study.streaming.statistics(levers, pairs, phase)
    variables = {
        one.name: Variable(("policy",), found[:, k], one.unit, meaning(*pairs[k])) for k, one in enumerate(wanted)
    }
    return frames.dataset(variables, policy_labels(given), about(study))


def trajectories(policies: Policies, study: Problem, names: Sequence[str] = ()) -> xr.Dataset:
    """What is known of every step of every policy in every scenario (docs/model.md, sections 6 to 8).

    Parameters
    ----------
    policies, study
        As in :func:`evaluate`.
    names : sequence of str, optional
        Of ``outcomes(steps=True)``; all if none.

    Returns
    -------
    xarray.Dataset
        A variable a name, dims (policy, year, scenario): ``year`` is when the step starts, flows are per step, rates
        per year. ``weight`` as in :func:`evaluate`.

    Raises
    ------
    InputError
        As :func:`evaluate`.
    """
    frames.check_installed()
    given, chosen = understood(policies, study), known_names(names, TRAJECTORY)
    horizon, places = study.study.horizon, [TRAJECTORY.index(name) for name in chosen]
    check_room((len(given) * len(chosen) + len(TRAJECTORY)) * horizon.steps, study)
    found = np.stack([study.evaluator.trajectories(one.levers, one.phase)[0][:, places] for one in given])
    years = horizon.start + np.arange(horizon.steps) / horizon.steps_per_year
    infos = {one.name: one for one in TRAJECTORY_LIST}
    variables = {
        name: Variable(("policy", "year", "scenario"), found[:, :, k], infos[name].unit, infos[name].meaning)
        for k, name in enumerate(chosen)
    }
    year = {"year": Variable(("year",), years, "year", "start of the step")}
    return frames.dataset(variables, {**policy_labels(given), **year, **scenario_labels(study)}, about(study))
