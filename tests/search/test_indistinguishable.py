"""Which policies can be told apart, in cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tiercap.optimizer.model import bootstrap, statistics
from tiercap.optimizer.model.bootstrap import Levels
from tiercap.optimizer.search import indistinguishable
from tiercap.optimizer.search.indistinguishable import CERTAIN, grouped, told_apart

N = 128
WEIGHTS = np.full(N, 1.0 / N)
DRAWS = bootstrap.resamplings(WEIGHTS, 0)


def levels(values: np.ndarray) -> Levels:
    """Means of float64[n, k, N]."""
    return Levels(statistics.reduce(values, WEIGHTS, "mean"), statistics.resampled(values, DRAWS, "mean"))


def noise(rng: np.random.Generator, n: int, k: int = 2) -> np.ndarray:
    """What a policy has of its own in each scenario, and a hundred times as much that all share."""
    return rng.normal(0.0, 1.0, (n, k, N)) + rng.normal(0.0, 100.0, (1, k, N))


def test_three_kinds_of_policies_are_three_groups() -> None:
    """Kinds differ by 3 in one objective or the other, thirty standard errors; policies of a kind by noise alone."""
    rng = np.random.default_rng(0)
    kind = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    means = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]])[kind]
    found = grouped(levels(noise(rng, len(kind)) + means[:, :, None]))
    assert found.group.tolist() == kind.tolist()
    assert kind[found.representative].tolist() == [0, 1, 2]


def test_policies_that_do_not_differ_are_seldom_told_apart() -> None:
    """In 200 draws of 12 like policies some pair of the 66, in 2 objectives, is told apart in about one of 20."""
    rng = np.random.default_rng(1)
    wrong = sum(len(grouped(levels(noise(rng, 12))).representative) > 1 for _ in range(200))
    assert wrong <= 20  # one in ten thousand where the rate is 5 %


def test_one_comparison_alone_would_tell_apart_too_often() -> None:
    """The same policies by the bar of a single comparison: it is what the many comparisons are for."""
    rng = np.random.default_rng(1)
    wrong = sum(bool((told_apart(levels(noise(rng, 12)))[0] > 1.96).any()) for _ in range(50))
    assert wrong > 40


def test_what_is_the_same_in_every_scenario_is_told_apart_or_not_at_all() -> None:
    rng = np.random.default_rng(2)
    one = noise(rng, 1)
    lasting = np.concatenate([one, one, one + np.array([0.0, 1e-3])[:, None], one * (1.0 + 1e-15)])
    distances, _ = told_apart(levels(lasting))
    pairs = dict(zip([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], distances.tolist(), strict=True))
    assert pairs[0, 1] == pairs[0, 3] == pairs[1, 3] == 0.0
    assert pairs[0, 2] == pairs[1, 2] == pairs[2, 3] == CERTAIN
    assert grouped(levels(lasting)).group.tolist() == [0, 0, 1, 0]


def test_within_a_group_no_pair_and_between_two_some_pair_can_be_told_apart() -> None:
    """A chain of policies, each a little further: neighbours cannot be told apart, the ends can."""
    rng = np.random.default_rng(3)
    chain = levels(noise(rng, 30) + 0.2 * np.arange(30)[:, None, None])
    distances, bar = told_apart(chain)
    found = grouped(chain)
    assert found.bar == bar
    square = indistinguishable._square(distances, 30)
    count = len(found.representative)
    assert 3 < count < 30
    for g in range(count):
        mine = found.group == g
        assert square[np.ix_(mine, mine)].max() <= bar
        assert found.group[found.representative[g]] == g
        for h in range(g):
            assert square[np.ix_(mine, found.group == h)].max() > bar
    first = [int(np.flatnonzero(found.group == g)[0]) for g in range(count)]
    assert first == sorted(first)


def test_distances_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    some = levels(noise(rng, 5) + rng.normal(0.0, 0.3, (5, 2, 1)))
    distances, bar = told_apart(some)
    expected, largest = [], np.zeros(len(DRAWS))
    for i in range(5):
        for j in range(i + 1, 5):
            steps = []
            for k in range(2):
                gap = some.values[i, k] - some.values[j, k]
                off = some.drawn[:, i, k] - some.drawn[:, j, k] - gap
                error = float(np.sqrt((off**2).mean()))
                steps.append(abs(gap) / error)
                largest = np.maximum(largest, np.abs(off) / error)
            expected.append(max(steps))
    np.testing.assert_allclose(distances, expected, rtol=1e-9)
    assert bar == pytest.approx(sorted(largest)[int(np.ceil(0.95 * (len(largest) - 1)))], rel=1e-9)


def test_one_policy_is_one_group() -> None:
    found = grouped(levels(np.zeros((1, 2, N))))
    assert (found.group.tolist(), found.representative.tolist()) == ([0], [0])
