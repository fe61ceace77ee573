"""Evaluations a second: kernels over several shapes of work, statistics, the twin. Parity is checked before timing.

Every benchmark says in its extra information how many evaluations (one policy in one scenario) one round makes, so
that evaluations a second are ``evaluations / seconds of a round``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import twin
from support import cases

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.statistics import reduce

POLICIES, SCENARIOS = 512, 256
SEED = 2026


@cache
def policies() -> np.ndarray:
    return cases.random_policies(np.random.default_rng(SEED), POLICIES)


@cache
def params() -> np.ndarray:
    return cases.random_params(np.random.default_rng(SEED + 1), SCENARIOS)


def evaluator(n_scenarios: int, threads: int = 1, horizon: Horizon = Horizon()) -> Evaluator:  # noqa: B008
    n = n_scenarios
    return Evaluator(Scenarios(params()[:n], np.full(n, 1.0 / n), 0, "random"), horizon, cases.catalogue(), threads)


def of_twin(policy: int, scenario: int, horizon: Horizon) -> tuple[dict[str, float], float]:
    """Outcomes and margin of one pair."""
    outcomes, _, margin = twin.evaluate(
        policies()[policy],
        [0] * horizon.steps,
        params()[scenario],
        cases.catalogue(),
        n_steps=horizon.steps,
        steps_per_year=horizon.steps_per_year,
        start=float(horizon.start),
        exponent=horizon.roofline_exponent,
    )
    return outcomes, margin


def check(values: np.ndarray, horizon: Horizon) -> None:
    """Some pairs of [policy, outcome, scenario] against the twin: what is timed is right."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        i, s = int(rng.integers(values.shape[0])), int(rng.integers(values.shape[2]))
        outcomes, margin = of_twin(i, s, horizon)
        if margin > 1e-9:
            np.testing.assert_allclose(values[i, :, s], list(outcomes.values()), rtol=1e-11, atol=1e-12)


#: Name to policies, scenarios, threads and steps a year.
SHAPES = {
    "1 policy, 256 scenarios": (1, 256, 1, 1),
    "64 policies, 1 scenario": (64, 1, 1, 1),
    "128 policies, 32 scenarios": (128, 32, 1, 1),
    "128 policies, 33 scenarios": (128, 33, 1, 1),
    "128 policies, 256 scenarios": (128, 256, 1, 1),
    "128 policies, 256 scenarios, 2 threads": (128, 256, 2, 1),
    "32 policies, 256 scenarios, quarterly": (32, 256, 1, 4),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_kernels(benchmark: Any, shape: str) -> None:
    n_policies, n_scenarios, threads, steps_per_year = SHAPES[shape]
    horizon = Horizon(steps_per_year=steps_per_year)
    ready = evaluator(n_scenarios, threads, horizon)
    check(ready.outcomes(policies()[:n_policies]), horizon)
    benchmark.extra_info["evaluations"] = n_policies * n_scenarios
    benchmark.pedantic(ready.outcomes, (policies()[:n_policies],), rounds=5, iterations=1, warmup_rounds=1)


@pytest.mark.parametrize("allied", ["shared", "own"])
def test_kernels_by_company(benchmark: Any, allied: str) -> None:
    """128 policies that differ in C alone share what A and B do; else it is computed for each."""
    levers = policies()[:128].copy()
    if allied == "shared":
        levers["a"], levers["b"] = levers["a"][:1], levers["b"][:1]
    else:
        levers["b"]["indexation"] = np.linspace(0.0, 0.1, 128)[:, None]
    ready = evaluator(256)
    ready.outcomes(levers)
    benchmark.extra_info["evaluations"] = 128 * 256
    benchmark.pedantic(ready.outcomes, (levers,), rounds=5, iterations=1, warmup_rounds=1)


def test_twin(benchmark: Any) -> None:
    """One evaluation in plain Python, for comparison."""
    benchmark.extra_info["evaluations"] = 1
    benchmark.pedantic(of_twin, (0, 0, Horizon()), rounds=20, iterations=1, warmup_rounds=1)


def test_scenario_tables(benchmark: Any) -> None:
    """Constants and paths of 256 scenarios: done once for an evaluator, before any policy."""
    evaluator(SCENARIOS)._tables  # noqa: B018 - compiled by now
    benchmark.pedantic(lambda ready: ready._tables, setup=lambda: ((evaluator(SCENARIOS),), {}), rounds=10)


@pytest.mark.parametrize("statistic", ["mean", "p05", "cvar10"])
def test_statistics(benchmark: Any, statistic: str) -> None:
    """One statistic of one outcome of 4096 policies in 256 scenarios."""
    values = np.random.default_rng(SEED).normal(100.0, 30.0, (4096, SCENARIOS))
    weights = np.full(SCENARIOS, 1.0 / SCENARIOS)
    plain = {"mean": values.mean(axis=-1), "p05": np.quantile(values, 0.05, axis=-1, method="hazen")}
    if statistic in plain:
        np.testing.assert_allclose(reduce(values, weights, statistic), plain[statistic], rtol=1e-12)
    benchmark(reduce, values, weights, statistic)


def test_evaluate_and_reduce(benchmark: Any) -> None:
    """A generation of the search: 128 policies in 256 scenarios, mean of every outcome."""
    ready, wanted = evaluator(SCENARIOS), [(name, "mean") for name in OUTCOMES]
    expected = ready.outcomes(policies()[:128]).mean(axis=-1)
    np.testing.assert_allclose(ready.statistics(policies()[:128], wanted), expected, rtol=1e-12, atol=1e-12)
    benchmark.extra_info["evaluations"] = 128 * SCENARIOS
    benchmark.pedantic(ready.statistics, (policies()[:128], wanted), rounds=5, iterations=1, warmup_rounds=1)
