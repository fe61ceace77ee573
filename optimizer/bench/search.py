"""The whole chain, search and files included, as evaluations a second and hypervolume a second."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from tiercap.optimizer.bench.kernel import Case, coordinates, spread, unit_points
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.search.run import optimize
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

#: Policies screened by the small search, a second or two of it.
SMALL = 4096


def small(budget: int) -> tuple[str, ...]:
    """Settings of the small search, smaller still where ``budget`` evaluations are not to be exceeded."""
    screen = max(256, min(SMALL, budget // 32))
    population = 64 if screen == SMALL else 16
    sizes = {"search.screen": screen, "search.trials": 2 * population, "search.population": population}
    return tuple(f"{name}={value}" for name, value in {**sizes, "scenarios.count": population}.items())


def searches(settings: tuple[str, ...], threads: int, rounds: int) -> dict[str, Any]:
    """The built-in study with ``settings`` searched ``rounds`` times, each in a folder of its own, seeds 1, 2, …

    Each round first times the kernels alone on a block of the screen; ``share_of_kernel`` is the rate of the screening,
    sampling and files included, over that.
    """
    runs = [_search(settings, threads, seed) for seed in range(1, rounds + 1)]
    columns = ("seconds", "evaluations_per_second", "screening_per_second", "share_of_kernel", "hypervolume",
               "hypervolume_per_second")  # fmt: skip
    found: dict[str, Any] = {"settings": list(settings), "evaluations": runs[0]["evaluations"]}
    found |= {name: spread([run[name] for run in runs]) for name in columns}
    return {**found, "where": runs[-1]["where"], "curve": runs[-1]["curve"]}


def _search(settings: tuple[str, ...], threads: int, seed: int) -> dict[str, Any]:
    problem = Problem(load.load(None, settings, {"seed": seed}, {}), threads)
    alone = _kernel_rate(problem)
    curve: list[tuple[float, int, float | None]] = []
    began = perf_counter()
    searched: list[Search] = []

    def progress(search: Search) -> Any:
        searched.append(search)
        return lambda done, volume: curve.append((perf_counter() - began, done, volume))

    with tempfile.TemporaryDirectory(prefix="tiercap-bench-") as folder:
        run = optimize(problem, Path(folder) / "run", progress)
    seconds, value = perf_counter() - began, run.hypervolume[0]
    budget = problem.study.search
    screened = budget.screen * len(problem.screener.scenarios) / searched[0].phases["screening"]
    return {
        "seconds": seconds,
        "evaluations": run.found.evaluations,
        "evaluations_per_second": run.found.evaluations / seconds,
        "screening_per_second": screened,
        "share_of_kernel": screened / alone,
        "hypervolume": value,
        "hypervolume_per_second": value / seconds,
        "where": run.found.seconds,
        "curve": [list(point) for point in curve],
    }


#: Policies of the block that the kernels' own rate is taken from.
SCREENED = 16384


def _kernel_rate(problem: Problem) -> float:
    """Evaluations a second of the kernels on one block of the screen, the better of two rounds."""
    space = problem.space
    levers = space.resolve(coordinates(unit_points(SCREENED, len(space.levers), 0), space.levers))
    case = Case({}, len(levers) * len(problem.screener.scenarios), lambda: problem.screener.outcomes(levers))
    for _ in range(2):
        case.run()
    return float(case.row()["evaluations_per_second"]["high"])
