"""Dominance, hypervolume and choices from a front, against definitions written out."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import front


def lattice(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Few distinct values: many ties and duplicates; zeros of both signs."""
    x = rng.integers(-2, 3, (n, k)).astype(float)
    return np.where(rng.random((n, k)) < 0.5, x, np.where(x == 0.0, -0.0, x))


def instances(count: int):
    rng = np.random.default_rng(7)
    for i in range(count):
        n, k = int(rng.integers(1, 40)), int(rng.integers(1, 6))
        yield lattice(rng, n, k) if i % 2 else rng.normal(size=(n, k)) * 10.0 ** rng.integers(-5, 6, k)


def dominates(a, b) -> bool:
    return all(p <= q for p, q in zip(a, b, strict=True)) and any(p < q for p, q in zip(a, b, strict=True))


def naive_front(x: np.ndarray) -> list[bool]:
    """The definition, O(n^2)."""
    rows = x.tolist()
    return [not any(dominates(b, a) or (j < i and a == b) for j, b in enumerate(rows)) for i, a in enumerate(rows)]


def exact_hypervolume(x: np.ndarray, reference: list[float]) -> Fraction:
    """Inclusion and exclusion in rationals."""
    rows = [[Fraction(v) for v in row] for row in x.tolist()]
    inside = [row for row in rows if all(v < Fraction(r) for v, r in zip(row, reference, strict=True))]
    total = Fraction(0)
    for size in range(1, len(inside) + 1):
        for group in combinations(inside, size):
            volume = Fraction(1)
            for j, r in enumerate(reference):
                volume *= Fraction(r) - max(row[j] for row in group)
            total += volume if size % 2 else -volume
    return total


def test_nondominated_is_the_definition():
    for x in instances(400):
        before = x.tobytes()
        assert front.nondominated(x).tolist() == naive_front(x)
        assert x.tobytes() == before


def test_nondominated_in_large_tables():
    rng = np.random.default_rng(2)
    for k in (2, 3, 4, 5):
        x = lattice(rng, 300, k) + rng.integers(0, 2, (300, k))
        assert front.nondominated(x).tolist() == naive_front(x)


def test_of_duplicates_the_first_is_kept():
    x = [[1.0, 0.0], [1.0, -0.0], [0.0, 1.0], [-0.0, 1.0], [2.0, 2.0]]
    assert front.nondominated(x).tolist() == [True, False, True, False, False]


def test_layouts_agree():
    x = np.random.default_rng(0).normal(size=(50, 3))
    wide = np.empty((50, 6))[:, ::2]
    wide[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for other in (np.asfortranarray(x), wide, frozen, x.tolist()):
        assert (front.nondominated(other) == front.nondominated(x)).all()
        assert front.hypervolume(other, [5, 5, 5]) == front.hypervolume(x, [5, 5, 5])
        assert (front.layers(other, 20) == front.layers(x, 20)).all()


def test_hypervolume_in_rationals():
    rng, worst = np.random.default_rng(11), 0.0
    for i in range(150):
        n, k = int(rng.integers(1, 8)), int(rng.integers(1, 5))
        x = lattice(rng, n, k) if i % 2 else rng.normal(size=(n, k)) * 10.0 ** rng.integers(-5, 6)
        reference = (x.max(axis=0) + rng.uniform(-0.5, 1.0, k)).tolist()
        exact = float(exact_hypervolume(x, reference))
        value = front.hypervolume(x, reference)
        worst = max(worst, abs(value - exact) / np.spacing(exact) if exact else value)
    assert worst <= 8.0  # units in the last place


def test_hypervolume_does_not_see_order_repetition_or_dominated_rows():
    rng = np.random.default_rng(5)
    for k in (2, 3, 4, 5):
        x = rng.normal(size=(40, k))
        value = front.hypervolume(x, np.full(k, 2.0))
        for _ in range(5):
            assert front.hypervolume(rng.permutation(np.vstack([x, x[:9], x + 0.1])), np.full(k, 2.0)) == value


def test_hypervolume_of_nothing():
    assert front.hypervolume(np.empty((0, 3)), [1, 1, 1]) == 0.0
    assert front.hypervolume([[1.0, 0.0]], [1.0, 1.0]) == 0.0  # on the edge


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_refused_by_number(bad):
    x = np.zeros((5, 3))
    x[3, 1] = bad
    calls = [
        lambda: front.nondominated(x),
        lambda: front.hypervolume(x, [1, 1, 1]),
        lambda: front.compromise(x, [1, 1, 1]),
        lambda: front.near(x, 0),
        lambda: front.extremes(x),
        lambda: front.layers(x, 2),
        lambda: front.dominating(x, [0, 0, 0]),
        lambda: front.nearest_improvement(x, [0, 0, 0], np.zeros(5)),
        lambda: front.largest_simultaneous_gain(x, [0, 0, 0]),
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"row 3 has .* in objective 1"):
            call()
    with pytest.raises(InputError):
        front.hypervolume(np.zeros((2, 2)), [bad, 1.0])


@pytest.mark.parametrize("x", [np.zeros(3), np.zeros((3, 0)), np.zeros((2, 2, 2))])
def test_shapes_are_checked(x):
    with pytest.raises(InputError, match="table of policies by objectives"):
        front.nondominated(x)


def test_an_empty_front_has_nothing_to_choose():
    x = np.empty((0, 3))
    assert front.nondominated(x).shape == (0,)
    assert front.layers(x, 5).shape == (0,)
    assert front.nearest_improvement(x, [0, 0, 0], []) is None
    for call in (front.extremes, front.ideal_and_nadir):
        with pytest.raises(InputError, match="at least one policy"):
            call(x)
    with pytest.raises(InputError, match="at least one policy"):
        front.largest_simultaneous_gain(x, [0, 0, 0])


def test_normalise():
    z = front.normalise([[1.0, 5.0], [3.0, 5.0], [2.0, 9.0]], [1.0, 5.0], [3.0, 5.0])
    np.testing.assert_array_equal(z, [[0, 0], [1, 0], [0.5, 0]])
    with pytest.raises(InputError, match=r"objective 1 has 4\.0 below 5\.0"):
        front.normalise([[1.0, 5.0]], [1.0, 5.0], [3.0, 4.0])


def test_extremes_are_best_and_on_the_front():
    for x in instances(200):
        mask, chosen = front.nondominated(x), front.extremes(x)
        assert chosen.dtype == np.int64
        assert mask[chosen].all()
        np.testing.assert_array_equal(x[chosen, np.arange(x.shape[1])], x.min(axis=0))


def test_extremes_break_ties_by_the_sum():
    assert front.extremes([[0.0, 9.0, 0.0], [0.0, 1.0, 1.0], [5.0, 0.0, 9.0]]).tolist() == [1, 2, 0]


def test_compromise():
    x = [[0.0, 10.0], [1.0, 6.0], [4.0, 4.0], [10.0, 0.0], [5.0, 5.0]]
    assert front.compromise(x, [1, 1]) == 2
    assert front.compromise(x, [5, 1]) == 1
    assert front.compromise(x, [1, 0]) == 0
    for weights in ([-1, 2], [0, 0], [1], [np.nan, 1]):
        with pytest.raises(InputError):
            front.compromise(x, weights)


def test_compromises_are_those_of_every_table():
    drawn = np.stack([np.roll([[0.0, 10.0], [4.0, 4.0], [10.0, 0.0]], shift, axis=0) for shift in range(3)])
    assert front.compromises(drawn, [1, 1]).tolist() == [1, 2, 0]


def test_near_is_a_share_of_the_front_in_every_objective():
    x = [[0.0, 100.0], [5.0, 50.0], [5.4, 46.0], [5.4, 40.0], [10.0, 0.0]]
    assert front.near(x, 1).tolist() == [False, True, True, False, False]


def naive_ranks(x: np.ndarray) -> list[int]:
    rows, ranks, rank = x.tolist(), [-1] * len(x), 0
    while -1 in ranks:
        left = [i for i, r in enumerate(ranks) if r == -1]
        for i in [i for i in left if not any(dominates(rows[j], rows[i]) for j in left)]:
            ranks[i] = rank
        rank += 1
    return ranks


def test_layers_go_by_rank():
    for x in instances(150):
        order, ranks = front.layers(x, len(x)), np.array(naive_ranks(x))
        assert sorted(order.tolist()) == list(range(len(x)))
        assert (np.diff(ranks[order]) >= 0).all()
        for k in (0, 1, len(x) // 2, len(x) + 3):
            assert front.layers(x, k).tolist() == order[:k].tolist()


def naive_layers(x: np.ndarray, k: int) -> list[int]:
    """One front after the other, each by crowding distance, then by row."""
    left, chosen = list(range(len(x))), []
    while left and len(chosen) < k:
        top = [i for i in left if not any(dominates(x[j].tolist(), x[i].tolist()) for j in left)]
        away = front.crowding(x[top])
        chosen += [i for _, i in sorted(zip((-away).tolist(), top, strict=True))]
        left = [i for i in left if i not in top]
    return chosen[:k]


def test_layers_are_those_of_one_front_after_the_other():
    for x in instances(150):
        for k in (-1, 0, 1, len(x) // 2, len(x), len(x) + 3):
            found = front.layers(x, k)
            assert found.dtype == np.int64
            assert found.tolist() == naive_layers(x + 0.0, max(k, 0))


def test_layers_keep_ends_and_then_the_lonely():
    x = np.array([[0.0, 10.0], [1.0, 9.0], [1.1, 8.9], [6.0, 3.0], [10.0, 0.0], [20.0, 20.0]])
    assert front.layers(x, 3).tolist() == [0, 4, 3]
    assert front.layers(x, 6)[-1] == 5


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=1, max_size=15),
    st.tuples(*[st.integers(-3, 3)] * 3),
)
def test_improvements_on_a_baseline(rows, baseline):
    x, p = np.array(rows, dtype=float), np.array(baseline, dtype=float)
    better = [dominates(row, p.tolist()) for row in x.tolist()]
    assert front.dominating(x, p).tolist() == better
    distance = np.arange(len(x), dtype=float)[::-1]
    nearest = front.nearest_improvement(x, p, distance)
    assert nearest == (max(i for i, b in enumerate(better) if b) if any(better) else None)
    index, gain = front.largest_simultaneous_gain(x, p)
    assert (gain > 0.0) == any(all(a < b for a, b in zip(row, p, strict=True)) for row in x)
    assert gain <= 0.0 or better[index]


def test_nearest_improvement_by_hand():
    x = [[0.0, 0.0], [0.9, 0.9], [0.95, 1.0], [1.0, 1.0], [2.0, 0.0]]
    assert front.nearest_improvement(x, [1.0, 1.0], [3, 2, 1, 0, 0]) == 2
    assert front.nearest_improvement(x, [1.0, 1.0], [3, 3, 3, 0, 0]) == 0  # a tie goes to the greater gain
    sure = np.array([True, True, False, False, True])
    assert front.nearest_improvement(x, [1.0, 1.0], [3, 2, 1, 0, 0], sure) == 1  # the nearest of those that surely do
    assert front.nearest_improvement(x, [1.0, 1.0], [3, 2, 1, 0, 0], ~sure) == 2
    assert front.nearest_improvement(x, [1.0, 1.0], [3, 2, 1, 0, 0], [False] * 5) == 2  # none surely: all that do
    for distance in ([1.0], [np.nan] * 5, [-1.0] * 5):
        with pytest.raises(InputError, match="distances"):
            front.nearest_improvement(x, [1.0, 1.0], distance)


def test_largest_simultaneous_gain_by_hand():
    x = [[0.0, 9.0], [4.0, 4.0], [5.0, 2.0], [9.0, 0.0]]
    index, gain = front.largest_simultaneous_gain(x, [10.0, 10.0])
    assert index == 1
    assert gain == pytest.approx(0.6)
    assert front.largest_simultaneous_gain(x, [0.0, 0.0])[1] < 0.0
    assert front.largest_simultaneous_gain([[1.0, 7.0]], [3.0, 7.0]) == (0, 0.0)
