"""How near the kernels are to what the processor can do: ``python benchmarks/limit.py``.

Counts the arithmetic of an evaluation (`count`), measures on this core how fast each class of it can go at most
(`rates`: long independent chains, the same compiler, the same vectors), and sets the time these counts need at those
rates beside the time an evaluation takes. Multiplications and additions may run side by side where the processor has
units for both, so the rate of a mixture is measured too: nothing that works on vectors goes faster than that.
Divisions and roots share a unit that works beside the others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

#: Elements that a chain works on, links of a chain, rounds over all elements in one call.
ELEMENTS, LINKS, ROUNDS = 64, 16, 4000


def sample(policies: int, scenarios: int) -> tuple[Any, Any]:
    """An evaluator of the built-in study on one thread, and policies spread evenly over its levers."""
    from tiercap.optimizer.model.sobol import unit_points
    from tiercap.optimizer.rules.space import coordinates
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    problem = Problem(load.load(None, ["scenarios.kind=sobol", f"scenarios.count={scenarios}"]), 1)
    points = unit_points(policies, len(problem.space.levers), 7)
    return problem.evaluator, problem.space.resolve(coordinates(points, problem.space.levers))


def _chains() -> dict[str, Callable[..., None]]:
    """Kernels that do one class of operation and next to nothing else."""
    from tiercap.kernels._jit import fma, numba

    compiled = numba.njit(nogil=True, error_model="numpy")

    @compiled
    def multiply(x, y, rounds):
        for _ in range(rounds):
            for i in range(ELEMENTS):
                a = x[i]
                for _ in range(LINKS):
                    a = fma(a, 0.999, 0.001)
                x[i] = a

    @compiled
    def add(x, y, rounds):
        for _ in range(rounds):
            for i in range(ELEMENTS):
                a, b = x[i], y[i]
                for _ in range(LINKS // 2):
                    a = a + 1e-9
                    a = a - b
                x[i] = a

    @compiled
    def both(x, y, rounds):
        for _ in range(rounds):
            for i in range(ELEMENTS):
                a, b = x[i], y[i]
                for _ in range(LINKS // 2):
                    a = fma(a, 0.999, 0.001)
                    b = b + 1e-9
                x[i] = a
                y[i] = b

    @compiled
    def divide(x, y, rounds):
        for _ in range(rounds):
            for i in range(ELEMENTS):
                a = x[i]
                for _ in range(LINKS):
                    a = 1.5 / a
                x[i] = a

    @compiled
    def sqrt(x, y, rounds):
        for _ in range(rounds):
            for i in range(ELEMENTS):
                a = x[i]
                for _ in range(LINKS):
                    a = np.sqrt(a)
                x[i] = a

    @compiled
    def store(x, y, rounds):
        for k in range(rounds):
            for i in range(16 * ELEMENTS):
                y[i] = x[i] * k

    return {"multiply": multiply, "add": add, "both": both, "divide": divide, "sqrt": sqrt, "store": store}


def rates(repeats: int = 15) -> dict[str, float]:
    """Operations a second of processor time of every class on one core, the best of several."""
    found = {}
    for name, chain in _chains().items():
        x, y = np.full(16 * ELEMENTS, 1.2), np.full(16 * ELEMENTS, 0.7)
        chain(x, y, 1)
        seconds = []
        for _ in range(repeats):
            start = time.process_time()
            chain(x, y, ROUNDS)
            seconds.append(time.process_time() - start)
        done = ROUNDS * (16 * ELEMENTS if name == "store" else ELEMENTS * LINKS)
        found[name] = done / min(seconds)
    return found


def needs(counts: dict[str, float], rate: dict[str, float]) -> dict[str, float]:
    """Seconds that an evaluation's operations need on each unit, all others being idle."""
    multiply, add = counts["multiply"], counts["add"]
    every = multiply + add + counts["compare"] + counts["choose"] + counts["integer"]
    return {
        "multiplications": multiply / rate["multiply"],
        "additions": add / rate["add"],
        "all but divisions and roots": every / rate["both"],
        "divisions and roots": counts["divide"] / rate["divide"] + counts["sqrt"] / rate["sqrt"],
        "stores": counts["store"] / rate["store"],
    }


def measured(policies: int, scenarios: int, repeats: int = 7) -> list[float]:
    """Seconds of processor time that an evaluation takes on one thread: other work does not count."""
    evaluator, levers = sample(policies, scenarios)
    evaluator.outcomes(levers[:64])
    found = []
    for _ in range(repeats):
        start = time.process_time()
        evaluator.outcomes(levers)
        found.append((time.process_time() - start) / (len(levers) * scenarios))
    return found


def report(policies: int, scenarios: int) -> dict[str, Any]:
    """Counts, rates, what they need, what is taken, and the limit's share of it."""
    from count import counts

    counted, before = counts(), rates()
    taken = measured(policies, scenarios)
    rate = {name: max(value, again) for (name, value), again in zip(before.items(), rates().values(), strict=True)}
    need = needs(counted, rate)
    limit = max(need.values())
    return {
        "counts": counted,
        "rates": rate,
        "needs": need,
        "taken": taken,
        "limit": limit,
        "share": limit / statistics.median(taken),
        "share_best": limit / min(taken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policies", type=int, default=512)
    parser.add_argument("--scenarios", type=int, default=256)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = report(arguments.policies, arguments.scenarios)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{'an evaluation':32} {'operations':>12}")
    for kind, number in sorted(found["counts"].items()):
        print(f"{kind:32} {number:12,.0f}")
    print(f"\n{'this core, at most':32} {'1e9/s':>12}")
    for kind, number in found["rates"].items():
        print(f"{kind:32} {number / 1e9:12.2f}")
    print(f"\n{'needed for an evaluation':32} {'us':>12}")
    for kind, seconds in found["needs"].items():
        print(f"{kind:32} {seconds * 1e6:12.2f}")
    low, middle, high = min(found["taken"]), statistics.median(found["taken"]), max(found["taken"])
    print(f"\n{'taken, median (fastest, slowest)':32} {middle * 1e6:12.2f} ({low * 1e6:.2f}, {high * 1e6:.2f})")
    print(f"{'limit over taken':32} {found['share']:12.0%} (fastest: {found['share_best']:.0%})")


if __name__ == "__main__":
    main()
