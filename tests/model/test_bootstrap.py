"""Differences within scenarios and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from tiercap.optimizer.model import bootstrap
from tiercap.optimizer.model.bootstrap import Spread


def test_a_resampling_is_weights_again_and_the_seed_decides() -> None:
    weights = np.array([0.5, 0.25, 0.25, 0.0])
    draws = bootstrap.resamplings(weights, 3)
    assert draws.shape == (bootstrap.RESAMPLES, 4)
    assert draws.sum(axis=1) == pytest.approx(1.0, abs=1e-15)
    assert (draws[:, 3] == 0.0).all()
    assert np.array_equal(draws, bootstrap.resamplings(weights, 3))
    assert not np.array_equal(draws, bootstrap.resamplings(weights, 4))


def test_what_two_policies_share_cancels() -> None:
    """Levels range over thousands, their difference is 1 in every scenario: so is its interval."""
    weights = np.full(4, 0.25)
    draws = bootstrap.resamplings(weights, 0)
    level = np.array([1000.0, -500.0, 3.0, 7000.0])
    difference = bootstrap.spread((level + 1.0) - level, weights, draws)
    assert (difference.mean, difference.low, difference.high) == (1.0, 1.0, 1.0)
    whole = bootstrap.spread(level, weights, draws)
    assert whole.low < whole.mean == 1875.75 < whole.high


def test_the_interval_of_two_scenarios_by_hand() -> None:
    """Means of a resampling of {0, 1} are 0, 1/2 or 1, each end in a quarter of them: the 90 % reach both ends."""
    weights = np.full(2, 0.5)
    found = bootstrap.spread(np.array([[0.0, 1.0], [2.0, 2.0]]), weights, bootstrap.resamplings(weights, 1))
    assert found.mean.tolist() == [0.5, 2.0]
    assert found.low.tolist() == [0.0, 2.0]
    assert found.high.tolist() == [1.0, 2.0]


def test_surely_better_needs_every_objective_and_its_whole_interval() -> None:
    mean = np.array([[-1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
    high = np.array([[-0.5, -0.1], [-0.5, 0.1], [-0.5, 2.0]])
    assert bootstrap.surely_better(Spread(mean, mean - 1.0, high)).tolist() == [True, False, False]
