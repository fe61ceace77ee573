"""What is said of a search's progress, and of several searches: by hand, by definition, against SciPy."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercap.optimizer.model import convergence, front

IDEAL, NADIR = np.array([-10.0, 2.0]), np.array([-6.0, 4.0])


def test_hypervolume_is_scaled_by_ideal_and_nadir() -> None:
    at_the_ideal, at_the_nadir, beyond = [[-10.0, 2.0]], [[-6.0, 4.0]], [[-5.5, 2.0]]
    assert convergence.scaled_hypervolume(np.array(at_the_ideal), IDEAL, NADIR) == pytest.approx(1.1**2)
    assert convergence.scaled_hypervolume(np.array(at_the_nadir), IDEAL, NADIR) == pytest.approx(0.1**2)
    assert convergence.scaled_hypervolume(np.array(beyond), IDEAL, NADIR) == 0.0
    better_than_the_ideal = np.array([[-11.0, 2.0]])
    assert convergence.scaled_hypervolume(better_than_the_ideal, IDEAL, NADIR) == pytest.approx(1.35 * 1.1)


def test_an_objective_that_does_not_vary_counts_as_at_its_best() -> None:
    flat = np.array([-6.0, 2.0])
    assert convergence.scaled_hypervolume(np.array([[-10.0, 2.0]]), IDEAL, flat) == pytest.approx(1.1**2)


def test_epsilon_of_nothing_is_infinite_and_of_anything_against_nothing_is_none() -> None:
    some = np.array([[-8.0, 3.0]])
    assert convergence.additive_epsilon(some[:0], some, IDEAL, NADIR) == math.inf
    assert convergence.additive_epsilon(some, some[:0], IDEAL, NADIR) == 0.0
    assert convergence.additive_epsilon(some[:0], some[:0], IDEAL, NADIR) == 0.0


def test_boxes_that_others_dominate_are_not_entered() -> None:
    before = np.array([[-8.0, 3.0]])
    worse_elsewhere = np.array([[-8.0, 3.0], [-7.0, 3.5]])  # a box of its own, and behind the first
    assert convergence.entered(worse_elsewhere, before, IDEAL, NADIR) == 0
    two_in_one_box = np.array([[-9.0, 3.0], [-9.001, 3.001]])
    assert convergence.entered(two_in_one_box, before, IDEAL, NADIR) == 1
    assert convergence.entered(before[:0], before, IDEAL, NADIR) == 0


def test_a_row_of_the_table_has_what_the_functions_say() -> None:
    now, before = np.array([[-9.0, 3.0], [-8.0, 2.5]]), np.array([[-8.0, 3.0]])
    assert convergence.measured(now, before, IDEAL, NADIR) == {
        "hypervolume": convergence.scaled_hypervolume(now, IDEAL, NADIR), "epsilon": 0.25, "epsilon_progress": 2,
    }  # fmt: skip
    nothing = {"hypervolume": 0.0, "epsilon": 0.0, "epsilon_progress": 0}
    assert convergence.measured(now[:0], before[:0], IDEAL, NADIR) == nothing


def test_epsilon_of_a_generation_is_that_of_the_whole_front() -> None:
    """Only newcomers are compared with the front before; the definition compares everything."""
    rng = np.random.default_rng(3)
    archive = np.column_stack([-10.0 * rng.random(400), 4.0 * rng.random(400)])
    for cut in (1, 50, 399, 400):
        now, before = (x[front.nondominated(x)] for x in (archive, archive[:cut]))
        found = convergence.measured(now, before, IDEAL, NADIR)["epsilon"]
        assert found == convergence.additive_epsilon(before, now, IDEAL, NADIR)


def test_what_found_nothing_yet_does_not_stand_still() -> None:
    assert not convergence.stands_still([0.0, 0.0, 0.0], 1)
    assert not convergence.stands_still([], 1)
    assert convergence.stands_still([0.0, 1.0, 1.0], 1)
    assert not convergence.stands_still([0.0, 1.0, 1.0], 2)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9, 10, 25, 100])
def test_the_interval_for_the_median_is_that_of_the_sign_test(n: int) -> None:
    from scipy import stats

    values = np.random.Generator(np.random.PCG64(n)).permutation(np.arange(n) * 1.5)
    found = convergence.median_interval(values.tolist())
    assert found is not None
    rank = np.sort(values).tolist().index(found.low)
    assert found.high == np.sort(values)[n - 1 - rank]
    assert found.confidence == pytest.approx(1.0 - 2.0 * stats.binom.cdf(rank, n, 0.5))
    if n >= 5:
        wanted = stats.quantile_test(values, q=0.0, p=0.5).confidence_interval(convergence.CONFIDENCE)
        assert (found.low, found.high) == (wanted.low, wanted.high)
        assert found.confidence >= convergence.CONFIDENCE
    else:  # too few for that much: the range, and how sure it is
        assert (found.low, found.high) == (values.min(), values.max())
        assert found.confidence == 1.0 - 2.0 ** (1 - n)


def test_one_value_has_no_interval_and_no_spread() -> None:
    assert convergence.median_interval([1.0]) is None
    assert convergence.spread([1.0]) == 0.0
    assert convergence.spread([0.9, 1.0, 1.2]) == pytest.approx(0.3)
    assert math.isnan(convergence.spread([0.0, 0.0, 1.0]))


FRONTS = st.integers(1, 3).flatmap(
    lambda k: st.lists(st.lists(st.tuples(*[st.integers(0, 4)] * k), max_size=4), min_size=1, max_size=4).map(
        lambda fronts: [np.array(x, dtype=float).reshape(-1, k) for x in fronts]
    )
)


@settings(max_examples=150, deadline=None)
@given(FRONTS, st.integers(1, 4))
def test_what_is_attained_is_what_so_many_fronts_attain(fronts: list[np.ndarray], count: int) -> None:
    fronts = [x[front.nondominated(x)] if len(x) else x for x in fronts]
    corners = convergence.attained(fronts, count)
    assert len(corners) == 0 or front.nondominated(corners).all()
    for point in product(range(5), repeat=fronts[0].shape[1]):
        attaining = sum(bool((x <= point).all(axis=1).any()) for x in fronts)
        assert bool((corners <= point).all(axis=1).any()) == (attaining >= count)


def test_fewer_attain_more() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    fronts = [rng.random((20, 3)) for _ in range(7)]
    surfaces = [convergence.attained(fronts, count) for count in range(1, 8)]
    volumes = [convergence.scaled_hypervolume(surface, np.zeros(3), np.ones(3)) for surface in surfaces]
    assert all(a >= b for a, b in pairwise(volumes))
    together = np.concatenate(fronts)
    assert volumes[0] == pytest.approx(convergence.scaled_hypervolume(together, np.zeros(3), np.ones(3)))
