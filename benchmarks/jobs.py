"""Whole jobs: other optimisers drive the same model against ``tiercap optimize``: ``python benchmarks/jobs.py``.

Every job searches the built-in study for the same objectives, means over the same scenarios, with the same
number of evaluations (a policy in a scenario) as the search of this project, which spends part of them on its screen.
Levers are coordinates between 0 and 1 that `space.coordinates` places, even in the logarithm where the study says
so.

- tiercap: `run.optimize` into a temporary run folder, files and Optuna study included
- pymoo: NSGA-II, a generation evaluated in one call of the kernels; and the same on the NumPy form in two processes
- Platypus: NSGA-II, a generation in one call of the kernels by way of an evaluator of ours; and with its own evaluator,
  which calls a function once for each policy
- EMA Workbench: its epsilon-NSGA-II, which calls a model once for each policy; ours meets all scenarios in that call

Packages are imported, kernels loaded and the NumPy form compared with them before a clock starts; drawing scenarios and
filling tables is part of every job. Hypervolumes are shares of that of the reference front (`reference.parquet`), which
is one of the study's own scenarios; with another `--scenarios`, of the front of everything that any job found. What is
missing (`pip install "tiercap[bench]"`) is left out and said.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import metadata
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import peers
import reference
from array_model import ArrayModel

from tiercap.optimizer.model import front
from tiercap.optimizer.model.convergence import scaled_hypervolume
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.search.run import optimize
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

SCHEMA_VERSION = 1
POPULATION = 128
#: Boxes of EMA Workbench's archive along each objective, over the spread of a few random policies.
BOXES = 200
#: Shares of the best hypervolume for which the time is told.
SHARES = (0.9, 0.95, 0.99)
#: Job to the package it needs.
JOBS = {
    "tiercap": None, "pymoo": "pymoo", "pymoo, NumPy form": "pymoo", "platypus": "platypus",
    "platypus, its own evaluator": "platypus", "ema_workbench": "ema_workbench",
}  # fmt: skip
DISTRIBUTIONS = {"pymoo": "pymoo", "platypus": "Platypus-Opt", "ema_workbench": "ema_workbench"}

Losses = Callable[[np.ndarray], np.ndarray]


@dataclass
class Track:
    """What a job found, and when: seconds since its start, evaluations until then, objectives (smaller is better)."""

    start: float = field(default_factory=perf_counter)
    seconds: list[float] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)
    losses: list[np.ndarray] = field(default_factory=list)
    total: float = 0.0

    def add(self, losses: np.ndarray, evaluations: int, at: float | None = None) -> None:
        self.seconds.append(perf_counter() - self.start if at is None else at)
        self.evaluations.append(evaluations)
        self.losses.append(losses)


@dataclass(frozen=True)
class Task:
    """The study with its budget, in its own numbers where none are given."""

    trials: int | None = None
    screen: int | None = None
    count: int | None = None
    seed: int = 0

    def problem(self) -> Problem:
        """A fresh problem: scenarios are drawn and tables filled again."""
        given = {"search.trials": self.trials, "search.screen": self.screen, "scenarios.count": self.count}
        settings = tuple(f"{name}={value}" for name, value in given.items() if value is not None)
        return Problem(load.load(None, settings, {"search.seed": self.seed}, {}))

    @cached_property
    def scenarios(self) -> int:
        """Scenarios of a policy."""
        return len(self.problem().scenarios)

    @cached_property
    def evaluations(self) -> int:
        """Evaluations of the search of this project."""
        return Search(self.problem(), None).planned()  # type: ignore[arg-type]

    def known(self) -> np.ndarray | None:
        """Losses of the reference front, where it is one of these scenarios."""
        return reference.load(self.problem())[1] if self.count is None else None

    @property
    def policies(self) -> int:
        """As many policies in all scenarios, in whole generations."""
        return max(2, round(self.evaluations / self.scenarios / POPULATION)) * POPULATION


def on_kernels(problem: Problem) -> Losses:
    """Objectives of unit points by the kernels, on all threads."""
    wanted = [(o.outcome, o.statistic) for o in problem.study.objectives]

    def losses(unit: np.ndarray) -> np.ndarray:
        levers = problem.space.resolve(coordinates(unit, problem.space.levers))
        return problem.evaluator.statistics(levers, wanted) * problem.scoring.signs

    return losses


def on_arrays(problem: Problem) -> Losses:
    """The same by the NumPy form."""
    model = ArrayModel(problem.scenarios.table, problem.study.horizon, exporter_catalogue())
    wanted = [(o.outcome, o.statistic) for o in problem.study.objectives]

    def losses(unit: np.ndarray) -> np.ndarray:
        levers = problem.space.resolve(coordinates(unit, problem.space.levers))
        return problem.evaluator.reduced(model.outcomes(levers), wanted) * problem.scoring.signs

    return losses


_here: list[Losses] = []


def _prepare(task: Task) -> None:
    _here[:] = [on_arrays(task.problem())]


def _compute(unit: np.ndarray) -> np.ndarray:
    return _here[0](unit)


# --- jobs -----------------------------------------------------------------------------------------------------------


def run_tiercap(task: Task, folder: Path) -> Track:
    """The search of this project; times are those of its progress, policies those of its archive."""
    track, seen = Track(), []

    def progress(search: Search) -> Callable[[int, float | None], None]:
        return lambda done, _: seen.append((done, perf_counter() - track.start))

    run = optimize(task.problem(), folder / "run", progress)
    track.total = perf_counter() - track.start
    losses = run.problem.scoring.losses(run.found.archive.values)
    for row in run.found.convergence:
        done = int(row["evaluations"])
        at = next(seconds for count, seconds in seen if count >= done)
        track.add(losses[run.found.archive.stage == row["generation"]], done, at)
    return track


def run_pymoo(task: Task, arrays: bool) -> Track:
    """NSGA-II of pymoo, vectorised."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem as Vectorised
    from pymoo.optimize import minimize

    d = len(task.problem().space.levers)
    pool = ProcessPoolExecutor(2, get_context("spawn"), _prepare, (task,)) if arrays else None
    if pool:
        list(pool.map(_compute, [unit_points(POPULATION, d, 0)] * 4))  # the interpreters are up before the clock starts
    track = Track()
    problem = task.problem()
    kernels = on_kernels(problem)

    class Levers(Vectorised):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=d, n_obj=len(problem.scoring.signs), xl=np.zeros(d), xu=np.ones(d))

        def _evaluate(self, unit: np.ndarray, out: dict[str, Any], *_: Any, **__: Any) -> None:
            found = np.concatenate(list(pool.map(_compute, np.array_split(unit, 2)))) if pool else kernels(unit)
            out["F"] = found
            track.add(found, sum(map(len, track.losses), len(unit)) * task.scenarios)

    minimize(Levers(), NSGA2(pop_size=POPULATION), ("n_eval", task.policies), seed=task.seed + 1, verbose=False)
    track.total = perf_counter() - track.start
    if pool:
        pool.shutdown()
    return track


def run_platypus(task: Task, whole: bool) -> Track:
    """NSGA-II of Platypus: a ``whole`` generation in one call, or a policy in each as its own evaluator has it."""
    import platypus
    from platypus.evaluator import Evaluator, MapEvaluator

    track = Track()
    problem = task.problem()
    kernels = on_kernels(problem)
    d = len(problem.space.levers)

    class Whole(Evaluator):  # type: ignore[misc]
        def evaluate_all(self, jobs: Any, **_: Any) -> Any:
            jobs = list(jobs)
            unit = np.array([list(job.solution.variables) for job in jobs])
            found = kernels(unit)
            track.add(found, sum(map(len, track.losses), len(unit)) * task.scenarios)
            for job, losses in zip(jobs, found.tolist(), strict=True):
                job.solution.objectives[:] = losses
                job.solution.feasible = job.solution.evaluated = True
            return jobs

    levers = platypus.Problem(d, len(problem.scoring.signs))
    levers.types[:] = platypus.Real(0.0, 1.0)
    levers.function = alone = OneByOne(kernels, track, task)
    evaluator = Whole() if whole else MapEvaluator()
    random.seed(task.seed + 1)
    platypus.NSGAII(levers, population_size=POPULATION, evaluator=evaluator).run(task.policies)
    alone.tell()
    track.total = perf_counter() - track.start
    return track


@dataclass
class OneByOne:
    """A function of one policy for packages that call one; the track is told a population at a time."""

    kernels: Losses
    track: Track
    task: Task
    waiting: list[list[float]] = field(default_factory=list)

    def __call__(self, unit: Any) -> list[float]:
        found: list[float] = self.kernels(np.array([list(unit)]))[0].tolist()
        self.waiting.append(found)
        if len(self.waiting) == POPULATION:
            self.tell()
        return found

    def tell(self) -> None:
        """Tell the track what it has not been told; nothing where that is nothing."""
        if self.waiting:
            before = sum(map(len, self.track.losses))
            self.track.add(np.array(self.waiting), (before + len(self.waiting)) * self.task.scenarios)
            self.waiting.clear()


def run_ema(task: Task) -> Track:
    """Epsilon-NSGA-II of EMA Workbench over a model that meets all scenarios in one call."""
    from ema_workbench import Model, RealParameter, ScalarOutcome, SequentialEvaluator

    probe = task.problem()
    sample = on_kernels(probe)(unit_points(64, len(probe.space.levers), 0))
    epsilons = (np.ptp(sample, axis=0) / BOXES).tolist()
    track = Track()
    problem = task.problem()
    alone, names = OneByOne(on_kernels(problem), track, task), problem.objectives

    def model(**levers: float) -> dict[str, float]:
        return dict(zip(names, alone(levers.values()), strict=True))

    ema = Model("tiercap", function=model)
    ema.levers = [RealParameter(name, 0.0, 1.0) for name in problem.space.names]
    ema.outcomes = [ScalarOutcome(name, kind=ScalarOutcome.MINIMIZE) for name in names]
    random.seed(task.seed + 1)
    with redirect_stderr(StringIO()), SequentialEvaluator(ema) as evaluator:  # its progress bar
        options = {"epsilons": epsilons, "population_size": POPULATION}
        evaluator.optimize(nfe=task.policies, searchover="levers", **options)
    alone.tell()
    track.total = perf_counter() - track.start
    return track


# --- the comparison -------------------------------------------------------------------------------------------------


def absent(jobs: list[str]) -> dict[str, str]:
    """Jobs that cannot run and why, in one sentence each."""
    found = {}
    for job in jobs:
        package = JOBS[job]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(package or "tiercap")
        except ImportError as error:
            found[job] = f'{package} is not installed or does not load ({error}): pip install "tiercap[bench]"'
    return found


def agree(task: Task) -> float:
    """How far the NumPy form's objectives deviate from the kernels' on some policies."""
    problem = task.problem()
    unit = unit_points(32, len(problem.space.levers), 1)
    return peers.deviation(on_arrays(problem)(unit), on_kernels(problem)(unit))


def summary(
    tracks: dict[str, list[Track]], best: np.ndarray | None = None, most: float | None = None
) -> list[dict[str, Any]]:
    """Rates, and hypervolume against time as a share of ``most``; the track is that of a job's median round.

    best : the front that gives the scale, that of all tracks if None; most : its hypervolume, computed if None
    """
    if best is None:
        found = np.concatenate([losses for rounds in tracks.values() for track in rounds for losses in track.losses])
        best = found[front.nondominated(found)]
    ideal, nadir = front.ideal_and_nadir(best)
    most = most or scaled_hypervolume(best, ideal, nadir)
    table = []
    for job, rounds in tracks.items():
        totals = [track.total for track in rounds]
        track = min(rounds, key=lambda track: abs(track.total - statistics.median(totals)))
        volumes, kept = [], np.empty((0, best.shape[1]))
        for losses in track.losses:
            kept = np.concatenate([kept, losses])
            kept = kept[front.nondominated(kept)]
            volumes.append(scaled_hypervolume(kept, ideal, nadir) / most)
        rates = [track.evaluations[-1] / track.total for track in rounds]
        row: dict[str, Any] = {"job": job, "seconds": totals, "evaluations": track.evaluations[-1]}
        row |= {"rate": statistics.median(rates), "rate_low": min(rates), "rate_high": max(rates)}
        row |= {"hypervolume": volumes[-1], "front": len(kept)}
        reached = {f"{share:g}": next((s for s, v in zip(track.seconds, volumes, strict=True) if v >= share), None)
                   for share in SHARES}  # fmt: skip
        row |= {"seconds_to_share": reached}
        table.append(row | {"track": list(zip(track.seconds, track.evaluations, volumes, strict=True))})
    return table


def measure(task: Task, jobs: list[str], rounds: int = 1) -> dict[str, Any]:
    """Runs the jobs in turn, ``rounds`` times: a report for JSON. Raises `peers.Unfit` where forms disagree.

    In a program of its own the call must stand below ``if __name__ == "__main__":``, since the NumPy form runs in
    processes.
    """
    missing = absent(jobs)
    before, deviation = peers.load(), agree(task)
    if not deviation <= peers.TOLERANCE:
        raise peers.Unfit(f"not timed: the NumPy form deviates from the kernels by {deviation:.1e}")
    run: dict[str, Callable[[Task], Track]] = {"ema_workbench": run_ema}
    run |= {"platypus": partial(run_platypus, whole=True)}
    run |= {"platypus, its own evaluator": partial(run_platypus, whole=False)}
    run |= {"pymoo": partial(run_pymoo, arrays=False), "pymoo, NumPy form": partial(run_pymoo, arrays=True)}
    tracks: dict[str, list[Track]] = {job: [] for job in jobs if job not in missing}
    for _ in range(rounds):
        for job, found in tracks.items():
            with tempfile.TemporaryDirectory(prefix="tiercap-jobs-") as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the packages' own, about each other
                found.append(run_tiercap(task, Path(folder)) if job == "tiercap" else run[job](task))
    versions = peers.versions()
    versions |= {JOBS[job]: metadata.version(DISTRIBUTIONS[JOBS[job]]) for job in tracks if JOBS[job]}
    report: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "study": task.problem().study.name}
    report |= {
        "scenarios": task.scenarios,
        "rounds": rounds,
        "evaluations": task.evaluations,
        "policies": task.policies,
        "missing": missing,
    }
    report |= {"cpu": peers.cpu()[0], "load": [before, peers.load()], "versions": versions, "deviation": deviation}
    known = task.known()
    return report | {"table": summary(tracks, known, None if known is None else reference.hypervolume())}


def show(report: dict[str, Any]) -> None:
    """The report as text."""
    print(f"{report['study']}: {report['evaluations']:,} evaluations or {report['policies']:,} policies in "
          f"{report['scenarios']} scenarios, {report['rounds']} rounds")  # fmt: skip
    print(f"{report['cpu']}; load {report['load'][0]:.2f} before, {report['load'][1]:.2f} after")
    print(", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    print(f"the NumPy form agrees with the kernels: largest relative deviation {report['deviation']:.1e}")
    for job, why in report["missing"].items():
        print(f"left out: {job}: {why}")
    shares = "".join(f"{f'to {share:.0%}':>9}" for share in SHARES)
    print(f"\n{'job':18} {'seconds':>8} {'evaluations/s':>14} {'(slowest to fastest)':>22} {'hypervolume':>12}{shares}")
    for row in report["table"]:
        spread = f"{row['rate_low']:,.0f} to {row['rate_high']:,.0f}"
        times = "".join(f"{'-' if s is None else f'{s:.1f} s':>9}" for s in row["seconds_to_share"].values())
        seconds = statistics.median(row["seconds"])
        print(f"{row['job']:18} {seconds:8.1f} {row['rate']:14,.0f} {spread:>22} {row['hypervolume']:12.4f}{times}")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, help="search.trials of the study")
    parser.add_argument("--screen", type=int, help="search.screen of the study")
    parser.add_argument("--scenarios", type=int, help="scenarios.count of the study")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", nargs="*", default=list(JOBS), choices=JOBS)
    parser.add_argument("--json", type=Path, help="write the report, every track in it, to this file")
    return parser.parse_args()


def main() -> int:
    arguments = options()
    peers.prepare_environment()
    task = Task(arguments.trials, arguments.screen, arguments.scenarios, arguments.seed)
    try:
        report = measure(task, arguments.jobs, arguments.rounds)
    except peers.Unfit as error:
        print(error, file=sys.stderr)
        return 1
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
