"""Smoothed importance weights: the tail that is fitted, the weights that come out, and both against ArviZ."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from tiercap.optimizer.calibration import psis

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from arviz_stats.base import array_stats


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("n", [25, 100, 400, 2500, 10000])
def test_weights_and_exponent_are_those_of_arviz(n: int, spread: float) -> None:
    logs = spread * np.random.default_rng(n).standard_normal(n)
    weights, exponent = psis.smoothed(logs)
    theirs, k = array_stats.psislw(-logs, r_eff=1.0)
    assert exponent == pytest.approx(float(k), abs=1e-9)
    assert weights == pytest.approx(np.exp(theirs), rel=1e-9)


@pytest.mark.parametrize("n", [128, 1000, 8192])
def test_where_the_tails_size_is_no_whole_number_one_draw_tells_them_apart(n: int) -> None:
    """The least of n / 5 and 3 sqrt(n) is rounded up here, as in the authors' own package for R; ArviZ rounds it down.

    With one draw more in the tail ArviZ comes to our numbers.
    """
    logs = np.random.default_rng(n).standard_normal(n)
    weights, exponent = psis.smoothed(logs)
    count = int(np.ceil(min(n / 5, 3 * np.sqrt(n))))
    theirs, k = array_stats._ps_tail(logs, n, count, smooth_draws=True, tail="right", log_weights=True)
    assert exponent == pytest.approx(float(k), abs=1e-9)
    assert weights == pytest.approx(np.exp(theirs), rel=1e-9)
    assert exponent == pytest.approx(float(array_stats.psislw(-logs, r_eff=1.0)[1]), abs=0.1)


@pytest.mark.parametrize("k", [0.1, 0.5, 0.9])
def test_the_tail_of_weights_is_measured(k: float) -> None:
    x = np.sort(stats.genpareto.rvs(k, scale=2.0, size=4000, random_state=0))
    found, sigma = psis.pareto_fit(x)
    assert found == pytest.approx(k, abs=0.06)
    assert sigma == pytest.approx(2.0, rel=0.1)


def test_smoothed_weights_tell_the_good_from_the_bad() -> None:
    rng = np.random.default_rng(1)
    mild, exponent = psis.smoothed(0.5 * rng.standard_normal(4000))
    assert mild.sum() == pytest.approx(1.0)
    assert exponent < 0.5
    assert psis.smoothed(4.0 * rng.standard_normal(4000))[1] > psis.TRUSTED
    assert psis.smoothed(np.zeros(100))[0] == pytest.approx(np.full(100, 0.01))
    assert psis.smoothed(np.full(100, -np.inf))[1] == np.inf
