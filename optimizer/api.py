"""The verbs of the command line as functions, for scripts and notebooks; they return xarray and pandas objects.

>>> from tiercap.optimizer import api
>>> futures = api.study(count=128, seed=1)
>>> api.evaluate(["bis-2026", "ban"], futures).revenue.mean("scenario")

Units stand in the attributes: see `frames`. A study is a `Problem`: what :func:`study` returns. Policies are named as
on the command line: a rule, ``RULE,YEAR:RULE``, ``NAME=VALUE,NAME=VALUE`` over the study's own policy, or ``RUN:ROW``;
a mapping gives them labels, and may have levers as mappings. What cannot be taken raises InputError with one sentence;
so does the absence of pandas and xarray (the extra `netcdf`). The same arguments give the same bits.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOME_LIST, OUTCOMES, TRAJECTORY, TRAJECTORY_LIST
from tiercap.optimizer.analysis import discover as discovering
from tiercap.optimizer.analysis import discover_tables, explained, sensitivity_tables
from tiercap.optimizer.analysis import sensitivity as explaining
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import frames
from tiercap.optimizer.io.frames import Variable
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model.measures import meaning
from tiercap.optimizer.rules import policy_text
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.runs import saved as saved_run
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.search import run as searching
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import SPREAD, UNITS, Problem
from tiercap.optimizer.study.records import directions
from tiercap.optimizer.sweeps import sweep as sweeping
from tiercap.optimizer.sweeps.request import Request
from tiercap.optimizer.tradeoffs import compare as comparing
from tiercap.optimizer.tradeoffs import pick as picking
from tiercap.optimizer.tradeoffs import rounding
from tiercap.optimizer.tradeoffs import tables as tidy

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
Levers = Mapping[str, "float | str | None"]
#: Policies by their own names, or label to policy; None lifts a cap.
Policies = str | Sequence[str] | Mapping[str, "str | Levers"]
Tables = dict[str, "pd.DataFrame"]
Place = str | os.PathLike[str]
#: Called with what is under way, the work done since the last call, and how much there is.
Progress = Callable[[str, int, int], None]

#: Bytes of results by scenario beyond which a request is refused.
MAX_HELD = 2**30
METHODS = ("prim", "cart", "both")


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

    source : a study file or the name of a built-in study, china-2026 if None
    settings : parameter or dotted study key to value, as ``--set`` takes them: ``{"budget_c": "60 GUSD/year"}``
    scenarios : calibrated, prior, random, central, or a Parquet file; structure : only members of that structure
    count, seed : of the scenarios (the seed is that of the search too); threads : all cores if None
    """
    texts = [f"{name}={_plain(value)}" for name, value in (settings or {}).items()]
    flags = {"seed": seed, "scenarios.count": count, **load.scenario_flags(scenarios, structure)}
    return Problem(load.load(source, texts, flags), threads)


def evaluate(policies: Policies, study: Problem, outcomes: Sequence[str] = ()) -> xr.Dataset:
    """Outcomes of every policy in every scenario.

    outcomes : all that the model reports if none

    A variable an outcome, dims (policy, scenario), in the outcome's unit; the coordinate ``weight`` [scenario] sums to
    1, so that ``found.weighted(found.weight).mean("scenario")`` is the mean over the scenarios.
    """
    frames.check_installed()
    given, names = _policies(policies, study), _known(outcomes, OUTCOMES)
    places = [OUTCOMES.index(name) for name in names]
    _check_room(len(given) * len(names), study)
    found = np.empty((len(given), len(names), len(study.scenarios)))
    for rows, levers, phase in _together(given, study):
        found[rows] = study.evaluator.outcomes(levers, phase)[:, places]
    infos = {one.name: one for one in OUTCOME_LIST}
    variables = {
        name: Variable(("policy", "scenario"), found[:, k], infos[name].unit, infos[name].meaning)
        for k, name in enumerate(names)
    }
    return frames.dataset(variables, {**_policy(given), **_scenario(study)}, _about(study))


def statistics(policies: Policies, study: Problem, measures: Sequence[str] = ()) -> xr.Dataset:
    """Statistics over the scenarios, in bounded memory for any number of them.

    measures : ``revenue`` for the mean, ``revenue_p05``, ``gap_regret90`` and the like; mean, p05, p50 and p95 of the
    outcomes behind the study's objectives if none

    A variable a measure, dim (policy), in the measure's unit.
    """
    frames.check_installed()
    given = _policies(policies, study)
    texts = list(measures) or [f"{name}_{word}" for name in study.outcomes for word in SPREAD]
    wanted = list(dict.fromkeys(explained.measure(text, study) for text in texts))
    pairs = [(one.outcome, one.statistic) for one in wanted]
    found = np.empty((len(given), len(pairs)))
    for rows, levers, phase in _together(given, study):
        found[rows] = study.streaming.statistics(levers, pairs, phase)
    variables = {
        one.name: Variable(("policy",), found[:, k], one.unit, meaning(*pairs[k])) for k, one in enumerate(wanted)
    }
    return frames.dataset(variables, _policy(given), _about(study))


def trajectories(policies: Policies, study: Problem, names: Sequence[str] = ()) -> xr.Dataset:
    """What is known of every step of every policy in every scenario.

    names : of `tiercap outcomes --steps`, all if none

    A variable a name, dims (policy, year, scenario): ``year`` is when the step starts, flows are per step, rates per
    year. ``weight`` as in :func:`evaluate`.
    """
    frames.check_installed()
    given, chosen = _policies(policies, study), _known(names, TRAJECTORY)
    horizon, places = study.study.horizon, [TRAJECTORY.index(name) for name in chosen]
    _check_room((len(given) * len(chosen) + len(TRAJECTORY)) * horizon.steps, study)
    found = np.stack([study.evaluator.trajectories(one.levers, one.phase)[0][:, places] for one in given])
    years = horizon.start + np.arange(horizon.steps) / horizon.steps_per_year
    infos = {one.name: one for one in TRAJECTORY_LIST}
    variables = {
        name: Variable(("policy", "year", "scenario"), found[:, :, k], infos[name].unit, infos[name].meaning)
        for k, name in enumerate(chosen)
    }
    year = {"year": Variable(("year",), years, "year", "start of the step")}
    return frames.dataset(variables, {**_policy(given), **year, **_scenario(study)}, _about(study))


def sweep(
    over: str | Sequence[str],
    study: Problem,
    folder: Place | None = None,
    *,
    policies: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    statistics: Sequence[str] = SPREAD,
    design: str = "grid",
    points: int | None = None,
    trajectory: bool = False,
    yes_large: bool = False,
    dask: str | None = None,
    progress: sweeping.Progress | None = None,
) -> xr.Dataset:
    """Statistics of outcomes over a design of levers and parameters, all scenarios at every point.

    over : axes as ``--over`` takes them, such as ``budget_c=40,60,80`` or ``c_licensed_tpp=2400:30000:20:log``
    folder : a new one under `runs` if None; one that was interrupted is gone on with
    policies : the study's rule in force if none; outcomes : all if none; statistics : such as ``cvar10``
    design, points : as ``--design`` and ``--points``; trajectory : every step too; yes_large : begin whatever it takes
    dask : a scheduler's address, or ``local:N``; progress : given the sweep, returns what is called with evaluations

    The folder's `sweep.nc`, read as it is asked for; ``attrs["folder"]`` says where.
    """
    frames.check_installed()
    axes = (over,) if isinstance(over, str) else tuple(over)
    request = Request(
        axes, None, design, points, tuple(policies), tuple(outcomes), tuple(statistics), trajectory=trajectory
    )
    place = None if folder is None else _path(folder)
    done = sweeping.sweep(study, request, place, yes_large=yes_large, dask=dask, progress=progress)
    return frames.opened(done.path / "sweep.nc", {"folder": str(done.path)})


def optimize(study: Problem, folder: Place | None = None, progress: searching.Progress | None = None) -> pd.DataFrame:
    """Search the study's levers, write a run folder, and return its front as :func:`front` does.

    folder : a new one under `runs` if None; one that was interrupted is gone on with, a finished one read back
    progress : given the search, returns what is called with evaluations done and hypervolume

    Raises InfeasibleError where no policy satisfies the constraints, StorageError.
    """
    frames.check_installed()
    run = searching.optimize(study, None if folder is None else _path(folder), progress)
    return front(run.path)


def front(run: Place) -> pd.DataFrame:
    """The front of a finished run: a row a policy, the index ``policy`` counting from 0.

    Columns are the searched levers, statistics of outcomes, the same in fresh scenarios (``_fresh``), ``group`` and
    what else `codebook.csv` in the folder explains. ``attrs``: units; run, the folder; hypervolume with hypervolume_low
    and hypervolume_high (90 %); objectives, each with maximise or minimise; study and scenarios.
    """
    frames.check_installed()
    saved = saved_run.load(_path(run))
    objectives = saved.problem.study.objectives
    ways = {one.name: "maximise" if one.sign < 0.0 else "minimise" for one in objectives}
    volume = saved.manifest["hypervolume"]
    volumes = {"hypervolume": volume["value"], "hypervolume_low": volume["low"], "hypervolume_high": volume["high"]}
    about = {**_about(saved.problem), "run": str(saved.path), **volumes, "objectives": ways}
    return frames.frame(saved.table, saved.units, about, ["policy"])


def pick(
    run: Place,
    by: str | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    bounds: Sequence[str] = (),
    digits: int = rounding.DIGITS,
    grid: Mapping[str, object] | None = None,
    threads: int | None = None,
) -> Tables:
    """One policy from the front of a finished run, in round numbers, with what that costs and what each cap is worth.

    run : a finished run, or RUN:ROW for one policy of its front
    by : knee, compromise, regret or weights; weights if any are given, else the knee. weights : objective to weight
    bounds : texts such as ``gap_p05>=10 year``; digits : significant, of the rounded levers; grid : lever to step, such
    as ``{"c_licensed_memory": "100 GB/s"}``

    Tables as `tables.picked` has them. ``attrs``: run; policy, the row of the front; by; reasons in words; breaks, the
    bounds that the rounded policy misses. Raises InfeasibleError where no policy of the front keeps the bounds.
    """
    frames.check_installed()
    saved, row = named_policy.run_and_row(str(_path(run)), threads)
    names = saved.problem.objectives
    demanded = tuple(picking.parse_bound(text, directions(saved.problem.study.objectives)) for text in bounds)
    weighed = picking.parse_weights(tuple(f"{name}={value}" for name, value in (weights or {}).items()), names)
    way = picking.way_of(by, weighed, names, row)
    wanted = tuple(f"{name}={step}" for name, step in (grid or {}).items())
    steps = rounding.parse_grid(wanted, saved.problem.space.names)
    if not 1 <= digits <= 15:
        raise InputError(f"levers are rounded to 1 to 15 significant digits, not {digits}")
    found = picking.pick(saved, way, weighed, demanded, digits, steps, row)
    about = {
        "run": str(saved.path), "policy": found.chosen.row, "by": found.way, "reasons": list(found.chosen.reasons),
        "breaks": list(found.broken),
    }  # fmt: skip
    return _tidy(tidy.picked(found), {**_about(saved.problem), **about})


def compare(contenders: Sequence[str], study: Problem | None = None, threads: int | None = None) -> Tables:
    """Runs, rules and policies against each other in the same scenarios; the rule in force always joins.

    contenders : run folders, rules, or levers ``NAME=VALUE,NAME=VALUE``
    study : whose objectives and scenarios decide; that of the first run if None, else the built-in one

    Tables as `tables.compared` has them. ``attrs``: rule_in_force; reference_point of the hypervolume, by objective.
    """
    frames.check_installed()
    texts = [contenders] if isinstance(contenders, str) else list(contenders)
    if not texts:
        raise InputError("there is nothing to compare: name run folders, rules or levers NAME=VALUE,NAME=VALUE")
    given = comparing.opened(texts, threads)
    runs = [one[0] for one in given if not isinstance(one, str)]
    decides = study or (runs[0].problem if runs else Problem(load.load(), threads))
    found = comparing.compare(given, decides)
    reference = dict(zip(decides.objectives, found.reference.tolist(), strict=True))
    about = {"rule_in_force": found.contenders[found.baseline].name, "reference_point": reference}
    return _tidy(tidy.compared(found), {**_about(decides), **about})


def sensitivity(
    policy: str,
    study: Problem,
    outcomes: Sequence[str] = (),
    *,
    over: Sequence[str] = (),
    points: int = explaining.POINTS,
    tail: float = explaining.TAIL,
    progress: Progress | None = None,
) -> Tables:
    """Which uncertain parameters move outcomes of one policy from future to future.

    outcomes : the study's objectives if none; over : parameters to report, all if none; points : of each of two
    samples, a power of two; tail : share of the points in each tail

    Sobol shares need ``study(scenarios="prior")``; members of a calibrated ensemble have the table ``first-order``
    instead of ``sobol``. Beside it ``density``, ``regional`` and ``tornado``: columns as `sensitivity_tables.COLUMNS`.
    """
    frames.check_installed()
    one = named_policy.one(policy, study)
    return _explained(explaining.of_parameters(study, one, outcomes, points, over, tail, progress))


def lever_sensitivity(
    study: Problem,
    measures: Sequence[str] = (),
    *,
    over: Sequence[str] = (),
    points: int = explaining.LEVER_POINTS,
    tail: float = explaining.TAIL,
    progress: Progress | None = None,
) -> Tables:
    """Which levers move statistics over the futures, such as ``revenue_p05``, from policy to policy.

    measures : the study's objectives if none; over : levers to report, all that it searches if none. The rest as in
    :func:`sensitivity`.
    """
    frames.check_installed()
    return _explained(explaining.of_levers(study, measures, points, over, tail, progress))


def discover(
    policy: str,
    study: Problem,
    fails: Sequence[str],
    *,
    method: discovering.Method = "both",
    over: Sequence[str] = (),
    boxes: int = 1,
    most: int = discovering.DIMENSIONS,
    progress: Progress | None = None,
) -> Tables:
    """In which futures a policy fails: boxes of parameters by PRIM (``method`` "prim"), a tree by CART ("cart").

    fails : conditions such as ``revenue < 20 GUSD`` or ``gap worst 10 %``, any of which is a failure; over : parameters
    that a box may restrict; boxes : that PRIM looks for; most : parameters that a box restricts

    ``boxes``, ``futures`` and, with PRIM, ``trajectory``: columns as `discover_tables.COLUMNS`, parameters and outcomes
    in their own units. ``attrs``: failing, the share of the futures; reasons in words.
    """
    frames.check_installed()
    if method not in METHODS:
        raise InputError(f"unknown method `{printable(str(method)[:60])}`: {did_you_mean(str(method), METHODS)}")
    texts = [fails] if isinstance(fails, str) else fails
    one = named_policy.one(policy, study)
    found = discovering.discover(study, one, texts, method, over, boxes, most, progress)
    units = {info.name: info.unit for info in found.inputs} | {name: UNITS[name] for name in found.outcomes}
    units |= {name: unit for name, (unit, _) in discover_tables.COLUMNS.items()}
    about = {**_about(study), "policy": one.name, "failing": found.failing, "reasons": list(found.reasons)}
    return {name: frames.frame(table, units, about) for name, table in discover_tables.tables(found).items()}


def _explained(found: explaining.Sensitivity) -> Tables:
    units = {name: unit for name, (unit, _) in sensitivity_tables.COLUMNS.items()}
    about = {**_about(found.problem), "drawn_from": found.sample.futures}
    about |= {"policy": found.policy.name} if found.policy else {}
    return {name: frames.frame(table, units, about) for name, table in sensitivity_tables.tables(found).items()}


def _tidy(tables: Mapping[str, dict[str, np.ndarray]], about: Mapping[str, Any]) -> Tables:
    return {name: frames.frame(table, tidy.units(table), about) for name, table in tables.items()}


def _policies(policies: Policies, problem: Problem) -> list[NamedPolicy]:
    """Every policy with its label, no label twice."""
    if isinstance(policies, str):
        policies = [policies]
    if isinstance(policies, Mapping):
        found = [replace(_policy_of(label, given, problem), name=str(label)) for label, given in policies.items()]
    else:
        found = [_policy_of(given, given, problem) for given in policies]
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"policy `{printable(twice[:60])}` is given twice: keep one, or label them with a mapping")
    if not found:
        raise InputError("there is no policy to evaluate: name a rule, such as bis-2026")
    return found


def _policy_of(label: str, given: object, problem: Problem) -> NamedPolicy:
    if isinstance(given, str):
        return named_policy.one(given, problem)
    if isinstance(given, Mapping):
        values = {name: policy_text.lever_value(name, _lever_text(value)) for name, value in given.items()}
        return named_policy.of_levers(label, policy_text.Levers(values), problem)
    raise InputError(
        f"policy `{printable(str(label)[:60])}` must be a text or a mapping of levers to values, not "
        f"{printable(repr(given)[:60])}"
    )


def _lever_text(value: object) -> str:
    """A lever's value as text: None and infinity lift it."""
    return "none" if value is None or value == math.inf else str(value)


def _together(
    given: Sequence[NamedPolicy], problem: Problem
) -> Iterator[tuple[list[int], NDArray[Any], Sequence[int] | None]]:
    """Rows, LEVERS[n, n_phases] and phase of what can be evaluated in one call: policies in parts, schedules alone."""
    plain = [row for row, one in enumerate(given) if one.phase is None]
    for part in problem.evaluator.chunks(len(plain)):
        yield plain[part], np.concatenate([given[row].levers for row in plain[part]]), None
    for row, one in enumerate(given):
        if one.phase is not None:
            yield [row], one.levers, one.phase


def _known(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names asked for, each once, all if none."""
    asked = [names] if isinstance(names, str) else list(names)
    for name in asked:
        if name not in known:
            raise InputError(f"unknown outcome `{printable(str(name)[:60])}`: {did_you_mean(str(name)[:60], known)}")
    return list(dict.fromkeys(asked)) or list(known)


def _check_room(values: int, problem: Problem) -> None:
    """Refuse more than fits: ``values`` float64 a scenario."""
    size = 8 * values * len(problem.scenarios)
    if size > MAX_HELD:
        raise InputError(
            f"the answer would take {size / 2**30:.1f} GiB, and at most {MAX_HELD / 2**30:g} GiB are returned: ask for "
            "fewer policies, names or scenarios, or for statistics"
        )


def _policy(given: Sequence[NamedPolicy]) -> dict[str, Variable]:
    return {"policy": Variable(("policy",), np.array([one.name for one in given], dtype=object), "1", "policy")}


def _scenario(problem: Problem) -> dict[str, Variable]:
    futures = problem.scenarios
    return {
        "scenario": Variable(("scenario",), np.arange(len(futures)), "1", "number of the scenario"),
        "weight": Variable(("scenario",), futures.weights, "1", "weight of the scenario, summing to 1"),
    }


def _about(problem: Problem) -> dict[str, Any]:
    """What a result rests on, as texts and numbers."""
    plan = problem.study.scenarios
    count, where = plan.count, "the parameters' own ranges"
    if plan.kind == "calibrated":
        count, where = len(problem.scenarios), problem.scenarios.source
    elif plan.kind == "central":
        count, where = 1, "the parameters' central values"
    return {
        "study": problem.study.name,
        "scenarios": count,
        "drawn_from": where,
        "seed": plan.seed,
        "source": f"tiercap {version('tiercap')}; modelled, not forecast",
    }


def _path(place: Place) -> Path:
    text = os.fspath(place)
    if not text.strip():
        raise InputError("a run needs the name of a folder, not an empty text")
    return Path(text)


def _plain(value: object) -> str:
    """A setting's value as ``--set`` has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
