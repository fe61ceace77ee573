"""One policy in many scenarios: where its time goes, and its rate beside that of the large batch.

    python benchmarks/few.py                 eight policies, one after the other, each in 10,000 scenarios

Processor time of one thread, in microseconds an evaluation (one policy in one scenario). A first call fills the tables
of the scenarios and those of groups A and B; later ones find both there, as a policy of the large batch does. That
batch, `kernel.LARGE`, is timed between the policies, so that a slow minute of the machine meets both.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from tiercap.optimizer.bench.kernel import LARGE, Bench
from tiercap.optimizer.model.evaluator import Evaluator


def seconds(call: Callable[[], Any]) -> float:
    began = process_time()
    call()
    return process_time() - began


def batch(ready: Evaluator, levers: np.ndarray) -> None:
    """A large batch in the parts that memory allows."""
    for part in ready.chunks(len(levers)):
        ready.outcomes(levers[part])


def measure(n_policies: int, n_scenarios: int) -> dict[str, float]:
    """Medians over the policies [us an evaluation]."""
    bench = Bench(threads=1)
    levers, large = bench.points(LARGE[0])[0 : LARGE[0]], bench.evaluator(LARGE[1])
    known = bench.evaluator(n_scenarios)
    rows: list[tuple[float, float, float, float]] = []
    for k in range(n_policies):
        new = Evaluator(known.scenarios, known.horizon, known.catalogue, 1)
        policy = levers[k : k + 1]
        tables = seconds(lambda new=new: new._tables)
        first = seconds(lambda new=new, policy=policy: new.outcomes(policy))
        later = seconds(lambda new=new, policy=policy: new.outcomes(policy))
        rows.append((tables, first, later, seconds(lambda: batch(large, levers)) / LARGE[0] / LARGE[1]))
    tables, first, later, rate = (median(column) for column in zip(*rows, strict=True))
    one = 1e6 / n_scenarios
    return {
        "tables of the scenarios": tables * one,
        "groups A and B": (first - later) * one,
        "a later policy": later * one,
        "the large batch": rate * 1e6,
        "later policy's rate over the batch's": rate * n_scenarios / later,
        "with groups A and B anew": rate * n_scenarios / first,
        "first policy's": rate * n_scenarios / (tables + first),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policies", type=int, default=8)
    parser.add_argument("--scenarios", type=int, default=10_000)
    asked = parser.parse_args()
    for name, value in measure(asked.policies, asked.scenarios).items():
        print(f"{name:40} {value:6.2f}")


if __name__ == "__main__":
    main()
