"""One run: the search, then everything a run folder holds of it."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InfeasibleError, StorageError
from tiercap.optimizer.io import durable
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import bootstrap, front, measures
from tiercap.optimizer.model.choices import Choice, Stability, stability, worth_looking_at
from tiercap.optimizer.model.convergence import REFERENCE, STILL, scaled_hypervolume
from tiercap.optimizer.model.evaluator import vector_bits
from tiercap.optimizer.rules import distance
from tiercap.optimizer.rules.admission import admitted_each
from tiercap.optimizer.rules.chips import load_chips
from tiercap.optimizer.rules.levers import LEVERS_TABLE, describe
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.identity import SHAPING, configuration
from tiercap.optimizer.search import infeasibility, reevaluation
from tiercap.optimizer.search.archive import Archive, Outcome
from tiercap.optimizer.search.indistinguishable import LEVEL, Groups
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.search.optuna_study import journal
from tiercap.optimizer.search.reevaluation import Fresh
from tiercap.optimizer.search.shared import SharedStudy
from tiercap.optimizer.search.storage_url import MeetingPlace
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import UNITS, Problem, column_name

#: Given the search, returns what is called with evaluations done and hypervolume.
Progress = Callable[[Search], Callable[[int, float | None], None]]

#: Rise of the hypervolume over the last quarter of the generations below which a search counts as settled.
SETTLED = 0.01
STUDY_FILE = "study.journal"
#: What the columns of the front mean that are neither levers nor statistics.
FRONT_COLUMNS = {
    "feasible_fresh": "whether it keeps the constraints in fresh scenarios",
    "undominated_fresh": "whether in fresh scenarios no other policy of the front dominates it and it keeps them",
    "group": "policies with the same number cannot be told apart; -1: not asked",
    "representative": "whether it stands for its group",
    "generation": "generation that found it, 0 for the screen",
    "chips_open": "existing chips in C's open tier at the start, those whose figures are all known",
    "chips_licensed": "existing chips in C's licensed tier at the start, those whose figures are all known",
}
ALSO_FRESH = "the same statistic in fresh scenarios, which the search did not meet"


@dataclass
class Run:
    """A finished run, ready to be printed.

    front_values : float64[n, len(problem.scoring.reported)]; baseline_values : float64[len(problem.scoring.reported)]
    hypervolume : value, low, high of the scaled hypervolume; screened_hypervolume : the same before Optuna
    choices : policies worth looking at, the compromise first; stability : how firmly that stands
    gain : the largest simultaneous gain over the baseline rule, in spans of front and rule; 0 or less if none
    fresh : the front in fresh scenarios, None where there are none; groups : its policies that cannot be told apart
    shared : what was shared with other processes, as JSON has it; None for a process alone
    """

    problem: Problem
    path: Path
    found: Outcome
    levers: NDArray[Any]
    front_values: Floats
    baseline_values: Floats
    hypervolume: tuple[float, float, float]
    choices: list[Choice]
    stability: Stability
    gain: tuple[int, float]
    fresh: Fresh | None
    groups: Groups
    seconds: float
    shared: dict[str, Any] | None = field(default=None, kw_only=True)

    @property
    def last_rise(self) -> float:
        """What the last quarter of the generations added to the hypervolume, as a share of it."""
        rows = self.found.convergence
        before, last = rows[-1 - max(1, len(rows) // 4) if len(rows) > 1 else 0], rows[-1]
        return 1.0 - before["hypervolume"] / last["hypervolume"] if last["hypervolume"] > 0 else 1.0

    @property
    def converged(self) -> bool:
        """Whether the hypervolume stood still, or rose by less than SETTLED over the last quarter."""
        return self.found.stopped_early or (len(self.found.convergence) > 1 and self.last_rise < SETTLED)

    def settled(self) -> str:
        """In words, how much the hypervolume still rises."""
        if self.found.stopped_early:
            n = self.problem.study.search.patience
            return f"the last {n} generations raised it by less than {100.0 * STILL:g} %"
        return f"the last quarter of the generations raised it by {100.0 * self.last_rise:.1f} %"

    @property
    def screened_hypervolume(self) -> float:
        """What the screen and the promotion had found, before Optuna's first generation."""
        return self.found.convergence[0]["hypervolume"]


def optimize(
    problem: Problem, output: Path | None, progress: Progress | None = None, place: MeetingPlace | None = None
) -> Run:
    """Search, and write the run folder.

    output : the run folder, a new one under `runs` if None; place : where other processes join the search, if anywhere.
    Raises InputError, StorageError, InfeasibleError; KeyboardInterrupt leaves a folder that the same call goes on with.
    """
    start = time.perf_counter()
    _ = problem.space, problem.scenarios  # what is wrong with these is said before a folder is made
    said = configuration(problem)
    with ExitStack() as held:
        shared = held.enter_context(closing(SharedStudy.join(problem, place, said))) if place else None
        folder = held.enter_context(RunFolder.open(output, said, label=label(problem.study.name)))
        search = Search(problem, folder, shared=shared)
        if progress:
            search.progress = progress(search)
        folder.log("started", resumed=folder.resumed, worker=shared.worker if shared else None)
        found = _searched(search)
        run = assessed(problem, folder.path, found, start)
        run.shared = shared_json(search)
        _write_optuna(search)
        write(run, folder)
        folder.log("finished", evaluations=found.evaluations, reused=found.evaluations_reused)
    return run


def label(name: str) -> str:
    """A study's name as part of a folder's."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:48].rstrip("-") or "run"


def _searched(search: Search) -> Outcome:
    """Search; where that ends early, leave the Optuna study and a line in the log behind."""
    try:
        return search.run()
    except (KeyboardInterrupt, InfeasibleError) as ending:
        event = "infeasible" if isinstance(ending, InfeasibleError) else "interrupted"
        with suppress(StorageError):  # why the search ended matters more
            _write_optuna(search)
            search.folder.log(event, evaluations=search.done)
        if isinstance(ending, InfeasibleError) and isinstance(ending.found, Archive):
            raise _explained(search, ending, ending.found) from None
        raise


def _explained(search: Search, ending: InfeasibleError, archive: Archive) -> InfeasibleError:
    """The same ending, ``found`` now being its explanation as JSON has it, which the manifest keeps."""
    problem = search.problem
    explanation = infeasibility.explain(problem, archive.values)
    rows = [miss.row for miss in explanation.misses]
    levers = problem.space.resolve(archive.coords[rows])
    told = infeasibility.explanation_json(problem, explanation, levers, archive.values[rows])
    with suppress(StorageError):
        search.folder.write_manifest({"study": stored.resolved(problem.study), "infeasible": told})
    return InfeasibleError(str(ending), told)


def assessed(problem: Problem, path: Path, found: Outcome, start: float) -> Run:
    """What was found, held against the rule in force and in fresh scenarios. start : `time.perf_counter` before it."""
    coords = found.archive.coords[found.front]
    values = found.archive.values[found.front]
    levers = problem.space.resolve(coords)
    baseline = problem.evaluator.statistics(problem.baseline.reshape(-1, 1), problem.scoring.reported)[0]
    losses, rule = problem.scoring.losses(values), problem.scoring.losses(baseline[None])[0]
    began = time.perf_counter()
    everyone = np.concatenate([levers, problem.baseline.reshape(1, 1)])
    draws = bootstrap.resamplings(problem.scenarios.weights, problem.study.search.seed)
    there = problem.scoring.levels(everyone, draws, problem.evaluator)
    met, groups = reevaluation.meet(problem, everyone, there)
    found.seconds["fresh scenarios"] = found.seconds.get("fresh scenarios", 0.0) + time.perf_counter() - began
    drawn = there.drawn * problem.scoring.signs
    sure = bootstrap.surely_better(
        bootstrap.between((there.values[:-1] - there.values[-1]) * problem.scoring.signs, drawn[:, :-1] - drawn[:, -1:])
    )
    away = distance.from_rule(problem.space, problem.space.values(coords), problem.baseline)
    choices = worth_looking_at(losses, rule, problem.objectives, away, groups.group, sure)
    firm = stability(losses, drawn[:, :-1], choices[0].row, group=groups.group)
    gain = front.largest_simultaneous_gain(losses, rule)
    volume = _interval(found, losses, drawn[:, :-1])
    seconds = time.perf_counter() - start
    return Run(problem, path, found, levers, values, baseline, volume, choices, firm, gain, met, groups, seconds)


def _interval(found: Outcome, losses: Floats, drawn: Floats) -> tuple[float, float, float]:
    """Hypervolume of the front, with a 90 % interval from resampling the scenarios.

    losses : float64[n, k]; drawn : float64[RESAMPLES, n, k], the same in each resampling
    """
    value, *volumes = (scaled_hypervolume(each, found.ideal, found.nadir) for each in (losses, *drawn))
    low, high = np.quantile(volumes, [bootstrap.OUTSIDE, 1.0 - bootstrap.OUTSIDE])
    return value, float(low), float(high)


@dataclass(frozen=True)
class Beside:
    """What a folder holds of a run besides what it holds of every run.

    columns : of the table of the front, by name; codebook : rows; manifest : by key
    """

    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    codebook: Sequence[tuple[str, str, str]] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)


def write(run: Run, folder: RunFolder, beside: Beside | None = None) -> None:
    """Front, convergence, codebook and manifest; the manifest last, with everybody's digest."""
    problem, beside = run.problem, beside or Beside()
    lever_values = problem.space.values(run.found.archive.coords[run.found.front])
    columns = [column_name(pair) for pair in problem.scoring.reported]
    table: dict[str, Any] = {"policy": np.arange(len(run.levers)), **lever_values}
    table |= {name: run.front_values[:, k] for k, name in enumerate(columns)}
    table |= fresh_columns(run)
    table["generation"] = run.found.archive.stage[run.found.front]
    table |= beside.columns
    admits = list(admitted_each(run.levers[:, 0], load_chips()))
    for tier in ("open", "licensed"):
        table[f"chips_{tier}"] = np.array(["; ".join(found[tier]) for found in admits], dtype=str)
    units = {name: LEVERS_TABLE[name].unit for name in lever_values}
    units |= {name: measures.unit(*pair) for name, pair in zip(columns, problem.scoring.reported, strict=True)}
    told = {f"{column_name(pair)}_fresh": measures.unit(*pair) for pair in problem.scoring.screened}
    units |= {name: unit for name, unit in told.items() if name in table}
    folder.write_table("front", table, units)
    rows = run.found.convergence
    folder.write_table("convergence", {key: np.array([row[key] for row in rows]) for key in rows[0]}, {})
    reported = zip(columns, problem.scoring.reported, strict=True)
    folder.write_codebook(
        [("policy", "1", "number of the policy on the front, from 0, best first in the first objective")]
        + [(name, LEVERS_TABLE[name].unit, LEVERS_TABLE[name].meaning) for name in lever_values]
        + [(name, units[name], measures.meaning(*pair)) for name, pair in reported]
        + [(name, units.get(name, "1"), FRONT_COLUMNS.get(name, ALSO_FRESH)) for name in fresh_columns(run)]
        + [(name, "1", FRONT_COLUMNS[name]) for name in ("generation", "chips_open", "chips_licensed")]
        + [*beside.codebook]
    )
    folder.write_manifest(manifest(run) | dict(beside.manifest))


def fresh_columns(run: Run) -> dict[str, NDArray[Any]]:
    """What fresh scenarios say of each policy of the front: statistics, whether it holds there, its group."""
    found: dict[str, NDArray[Any]] = {}
    if run.fresh is not None:
        for k, pair in enumerate(run.problem.scoring.screened):
            found[f"{column_name(pair)}_fresh"] = run.fresh.values[:, k]
        found |= {"feasible_fresh": run.fresh.keeps, "undominated_fresh": run.fresh.undominated}
    represents = np.isin(np.arange(len(run.levers)), run.groups.representative)
    return found | {"group": run.groups.group, "representative": represents}


def _write_optuna(search: Search) -> None:
    """The study as a journal file that optuna-dashboard opens; made anew from the run's own blocks every time."""
    if search.study is not None:
        durable.write(search.folder.path, STUDY_FILE, journal(search.study, search.problem.objectives))


def manifest(run: Run) -> dict[str, Any]:
    """All it takes to make the run again, and what it took this time."""
    machine = {"system": platform.system(), "processor": platform.machine(), "vector_bits": vector_bits()}
    return {
        "study": stored.resolved(run.problem.study),
        "versions": {name: version(name) for name in (*SHAPING, "pyarrow")} | {"python": platform.python_version()},
        "scenarios": {"ensemble": run.problem.scenarios.source, "sha256": run.problem.scenarios.digest,
                      "count": len(run.problem.scenarios), "effective": run.problem.scenarios.effective},
        "regret": regret_json(run.problem),
        "machine": {**machine, "threads": run.problem.evaluator.threads},
        "evaluations": run.found.evaluations,
        "evaluations_reused": run.found.evaluations_reused,
        "seconds": {"total": run.seconds, **run.found.seconds},
        "hypervolume": hypervolume_json(run),
        "fresh": fresh_json(run),
        "groups": groups_json(run),
        "choices": choices_json(run),
        "shared": run.shared,
    }


def shared_json(search: Search) -> dict[str, Any] | None:
    """Where the search was shared and what this process had of it; None for a process alone."""
    if search.shared is None:
        return None
    return {
        "place": search.shared.place.shown,
        "study": search.problem.study.name,
        "worker": search.shared.worker,
        "policies_here": search.shared.tried,
        "generations_taken_over": search.shared.taken_over,
        "evaluations_elsewhere": search.blocks.elsewhere,
        "exact": "the same bits as one process with the same search.workers, whoever computed what",
    }


def regret_json(problem: Problem) -> dict[str, Any] | None:
    """What regret was measured from, by digest; None where nothing asked for a regret."""
    best = problem.evaluator.best_known()
    return None if best is None else {"rivals": len(problem.rivals), "best_known_sha256": best}


def objectives_json(problem: Problem) -> list[dict[str, str]]:
    """The objectives in order: name of the column, outcome, statistic, direction of the outcome, unit."""
    return [
        {
            "name": o.name,
            "outcome": o.outcome,
            "statistic": o.statistic,
            "direction": o.direction,
            "unit": measures.unit(o.outcome, o.statistic),
        }
        for o in problem.study.objectives
    ]


def hypervolume_json(run: Run) -> dict[str, Any]:
    """The hypervolume with its interval and the reference point in the objectives' own units."""
    found = run.found
    reference = (found.ideal + REFERENCE * (found.nadir - found.ideal)) * run.problem.scoring.signs
    value, low, high = run.hypervolume
    return {
        "value": value,
        "low": low,
        "high": high,
        "before_optuna": run.screened_hypervolume,
        "reference_point": dict(zip(run.problem.objectives, reference.tolist(), strict=True)),
    }


def fresh_json(run: Run) -> dict[str, Any] | None:
    """How the front fares in fresh scenarios; None where there are none."""
    if run.fresh is None:
        return None
    met, problem = run.fresh, run.problem
    return {
        "count": len(met.scenarios),
        "seed": met.scenarios.seed,
        "shared": met.shared,
        "best_known_sha256": met.digest,
        "optimism": {name: met.optimism.json(k) for k, name in enumerate(problem.objectives)},
        "rule_shift": {name: met.shift.json(k) for k, name in enumerate(problem.objectives)},
        "feasible": int(met.keeps.sum()),
        "undominated": int(met.undominated.sum()),
        "rule_in_force": dict(zip(map(column_name, problem.scoring.screened), met.rule, strict=True)),
    }


def choices_json(run: Run) -> dict[str, Any]:
    """The policies worth looking at, as rows of the front in their order, and how firmly the first stands."""
    rows = [{"label": choice.label, "policy": choice.row} for choice in run.choices]
    return {"policies": rows, "stability": run.stability.json()}


def groups_json(run: Run) -> dict[str, Any]:
    """Which policies of the front cannot be told apart, and how surely."""
    return {
        "count": len(run.groups.representative),
        "level": LEVEL,
        "bar": run.groups.bar,
        "scenarios": "search" if run.fresh is None else "fresh",
        "representatives": run.groups.representative,
        "not_asked": int((run.groups.group < 0).sum()),
    }


def policy_json(run: Run, row: int) -> dict[str, Any]:
    """One policy of the front: levers, statistics of the outcomes, its group, statistics in fresh scenarios."""
    told: dict[str, Any] = {"levers": describe(run.levers[row]), "outcomes": outcomes_json(run, run.front_values[row])}
    told["group"] = int(run.groups.group[row])
    if run.fresh is not None:
        told["fresh"] = dict(zip(map(column_name, run.problem.scoring.screened), run.fresh.values[row], strict=True))
    return told


def outcomes_json(run: Run, values: Floats) -> dict[str, Any]:
    """Statistics by outcome from the columns of `Problem.reported`."""
    found: dict[str, Any] = {}
    for (outcome, statistic), value in zip(run.problem.scoring.reported, values, strict=True):
        found.setdefault(outcome, {"unit": UNITS[outcome]})[statistic] = value
    return found
