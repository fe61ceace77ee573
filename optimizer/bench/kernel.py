"""Evaluations a second of the kernels: by size of the work, by number of futures, by threads.

Policies are scrambled Sobol points of the built-in study's levers, futures are its own; groups A and B are therefore
the same for all of them, as in any search of that study. Rounds go through all cases in turn, so that a slow minute of
the machine meets all of them. A case that takes less than `SHORTEST` is repeated within its round.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.model.streaming import Points
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

#: Seconds that one timed stretch should last at least.
SHORTEST = 0.02
#: The large batch that rates are compared at: policies and futures.
LARGE = (2048, 64)


@dataclass
class Case:
    """Something timed: ``call`` makes ``evaluations``; ``seconds`` of one call, a value a round."""

    facts: dict[str, Any]
    evaluations: int
    call: Callable[[], Any]
    repeats: int = 0
    seconds: list[float] = field(default_factory=list)

    def run(self) -> None:
        """One round."""
        if self.repeats == 0:
            self.repeats = max(1, math.ceil(SHORTEST / self._stretch(1)))
        self.seconds.append(self._stretch(self.repeats) / self.repeats)

    def _stretch(self, repeats: int) -> float:
        start = perf_counter()
        for _ in range(repeats):
            self.call()
        return perf_counter() - start

    def row(self) -> dict[str, Any]:
        """Facts, and evaluations a second of the median, the slowest and the fastest round."""
        rates = [self.evaluations / seconds for seconds in self.seconds]
        facts = {**self.facts, "evaluations": self.evaluations, "seconds": median(self.seconds)}
        return {**facts, "evaluations_per_second": spread(rates)}


def spread(values: list[float]) -> dict[str, Any]:
    """Median, least, most and all of them."""
    return {"median": median(values), "low": min(values), "high": max(values), "rounds": values}


class Bench:
    """The built-in study in any number of futures, its policies in any number."""

    def __init__(self, threads: int | None) -> None:
        self.problem = Problem(load.load(None, ("scenarios.kind=sobol",), {}, {}), threads)
        self.threads = self.problem.evaluator.threads
        self._evaluators: dict[tuple[int, int], Evaluator] = {}
        self.evaluator(1).outcomes(self.points(1)[0:1])  # loads the kernels

    def points(self, n: int) -> Points:
        space = self.problem.space
        return Points(space, coordinates(unit_points(n, len(space.levers), 0), space.levers))

    def evaluator(self, n_futures: int, threads: int | None = None) -> Evaluator:
        key = n_futures, threads or self.threads
        if key not in self._evaluators:
            self._evaluators[key] = self.fresh(n_futures, threads)
        return self._evaluators[key]

    def fresh(self, n_futures: int, threads: int | None = None) -> Evaluator:
        """An evaluator whose tables are not filled yet."""
        study = load.load(None, (f"scenarios.count={n_futures}", "scenarios.kind=sobol"), {}, {})
        problem = Problem(study, threads or self.threads)
        _ = problem.scenarios
        return problem.evaluator

    def case(self, n_policies: int, n_futures: int, threads: int | None = None) -> Case:
        """All outcomes of so many policies in so many futures, a chunk at a time; tables are there."""
        ready, points = self.evaluator(n_futures, threads), self.points(n_policies)
        parts = [points[part] for part in ready.chunks(n_policies)] if n_policies <= 10_000 else None
        ready.outcomes(points[0:1])  # fills the tables

        def call() -> None:
            for part in parts or (points[some] for some in ready.chunks(n_policies)):
                ready.outcomes(part)

        facts = {"policies": n_policies, "scenarios": n_futures, "threads": threads or self.threads}
        return Case(facts, n_policies * n_futures, call)

    def filling(self, n_futures: int) -> Case:
        """One policy in so many futures, their tables filled anew each time."""
        point = self.points(1)[0:1]
        table = self.evaluator(n_futures).scenarios

        def call() -> None:
            new = Evaluator(table, self.problem.study.horizon, self.evaluator(n_futures).catalogue, self.threads)
            new.outcomes(point, relative=False)

        return Case({"policies": 1, "scenarios": n_futures, "threads": self.threads}, n_futures, call)


def run_rounds(cases: list[Case], rounds: int) -> list[dict[str, Any]]:
    """Every case once a round, in turn; a row a case."""
    for _ in range(rounds):
        for case in cases:
            case.run()
    return [case.row() for case in cases]


def sizes(bench: Bench, policies: list[int], futures: list[int], budget: int, rounds: int) -> list[dict[str, Any]]:
    """Rates over the grid of sizes, as far as one call keeps within ``budget`` evaluations."""
    pairs = [(p, s) for s in futures for p in policies if p * s <= budget]
    return run_rounds([bench.case(p, s) for p, s in pairs], rounds)


def scaling(bench: Bench, rounds: int, budget: int) -> list[dict[str, Any]]:
    """Rates of the large batch on 1, 2, 4, … threads up to all; ``over_one`` is the rate over that of one thread."""
    counts = sorted({2**k for k in range(11) if 2**k < bench.threads} | {1, bench.threads})
    n_policies = max(1, min(LARGE[0], budget // LARGE[1]))
    rows = run_rounds([bench.case(n_policies, LARGE[1], count) for count in counts], rounds)
    one = rows[0]["evaluations_per_second"]["rounds"]
    for row in rows:
        rates = row["evaluations_per_second"]["rounds"]
        row["over_one"] = spread([rate / single for rate, single in zip(rates, one, strict=True)])
    return rows


def growth(bench: Bench, futures: list[int], rounds: int) -> dict[str, Any]:
    """Seconds of one policy over more and more futures, with the tables there and filled anew; and how they grow."""
    ready = run_rounds([bench.case(1, n) for n in futures], rounds)
    filled = run_rounds([bench.filling(n) for n in futures], rounds)
    return {"ready": {"rows": ready, **line(ready)}, "filled": {"rows": filled, **line(filled)}}


def line(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The straight line through the medians that misses none by a larger share than it must (least relative squares).

    seconds = start + each * scenarios; ``exponent`` is the slope of log seconds over log scenarios in the upper half, 1
    where growth is linear; ``off`` the largest distance from the line, relative to the value.
    """
    n = np.array([row["scenarios"] for row in rows], dtype=np.float64)
    seconds = np.array([row["seconds"] for row in rows], dtype=np.float64)
    if len(rows) < 2:
        return {"start": 0.0, "each": float(seconds[0] / n[0]), "exponent": 1.0, "off": 0.0}
    design = np.stack([np.ones_like(n), n], axis=1) / seconds[:, None]
    (start, each), *_ = np.linalg.lstsq(design, np.ones_like(n), rcond=None)
    upper = slice(min(len(n) // 2, len(n) - 2), None)
    exponent = np.polyfit(np.log(n[upper]), np.log(seconds[upper]), 1)[0]
    off = np.abs(start + each * n - seconds) / seconds
    return {"start": float(start), "each": float(each), "exponent": float(exponent), "off": float(off.max())}
