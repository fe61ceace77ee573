"""The peers of the benchmarks compute the same model as the kernels, or their times would say nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import cases

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from array_model import ArrayModel
from peers import TOLERANCE, deviation, kernel_form, ratios

from tiercap.kernels.params import RELATIVE
from tiercap.optimizer.model.horizon import Horizon

HORIZONS = {
    "default": Horizon(),
    "quarterly": Horizon(years=2, steps_per_year=4, start=2024, roofline_exponent=8),
    "one step": Horizon(years=1, roofline_exponent=2),
}


def policies(n: int) -> np.ndarray:
    levers = cases.random_policies(np.random.default_rng(7), 12 * n)
    return levers[np.all([levers[g]["reading"][:, 0] == 0.0 for g in "abc"], axis=0)][:n].copy()


def check(build: Any, n_policies: int, n_scenarios: int, horizon: Horizon, **kwargs: Any) -> None:
    levers, params = policies(n_policies), cases.random_params(np.random.default_rng(8), n_scenarios)
    assert len(levers) == n_policies
    params["design_lag"] = np.arange(n_scenarios) % 3  # the built-in one is 0 everywhere
    at = (params, horizon, cases.catalogue())
    found, expected = build(*at, **kwargs).outcomes(levers), kernel_form(*at).outcomes(levers)
    assert deviation(ratios(found), ratios(expected)) < TOLERANCE


@pytest.mark.parametrize("name", HORIZONS)
def test_the_array_form_under_numpy_agrees_with_the_kernels(name: str) -> None:
    check(ArrayModel, 40, 12, HORIZONS[name])


@pytest.mark.parametrize("block", [1, 4, 7])
def test_blocks_do_not_matter(block: int) -> None:
    check(ArrayModel, 15, 5, Horizon(years=3), block=block)


@pytest.mark.slow
def test_the_array_form_under_jax_agrees_with_the_kernels() -> None:
    pytest.importorskip("jax")
    from array_backend import jax_backend

    check(ArrayModel, 30, 12, Horizon(), backend=jax_backend())


@pytest.mark.slow
def test_the_scalar_form_agrees_with_the_kernels() -> None:
    from scalar_kernel import ScalarKernel

    for horizon in HORIZONS.values():
        check(ScalarKernel, 40, 12, horizon)


def test_what_the_array_form_does_not_know_is_refused() -> None:
    levers, params = policies(2), cases.random_params(np.random.default_rng(8), 2)
    model = ArrayModel(params, Horizon(), cases.catalogue())
    with pytest.raises(ValueError, match="schedules"):
        model.outcomes(np.concatenate([levers, levers], axis=1))
    levers["b"]["reading"] = RELATIVE
    with pytest.raises(ValueError, match="absolute readings"):
        model.outcomes(levers)


def test_a_deviation_is_noticed() -> None:
    expected = np.array([1.0, np.nan, 0.0])
    assert deviation(expected.copy(), expected) == 0.0
    assert deviation(expected + 1e-8, expected) > TOLERANCE
    assert deviation(np.array([1.0, 2.0, 0.0]), expected) == np.inf
